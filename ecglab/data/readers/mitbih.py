"""MIT-BIH Arrhythmia Database: 48 half-hour excerpts of two-channel Holter tapes, beat by beat."""

from typing import Any

from ecglab.data.readers.annotations import annotated
from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.physionet import PhysioNetDataset, by_stem
from ecglab.data.readers.wfdb_files import Header

# AF against every other rhythm; atrial flutter is counted with the others, as in LTAF.
RHYTHMS = (
    LabelRow("(AFIB", "AF", "atrial fibrillation"),
    LabelRow("(AFL", "non-AF", "atrial flutter"),
    LabelRow("(AB", "non-AF", "atrial bigeminy"),
    LabelRow("(B", "non-AF", "ventricular bigeminy"),
    LabelRow("(BII", "non-AF", "second-degree heart block"),
    LabelRow("(IVR", "non-AF", "idioventricular rhythm"),
    LabelRow("(N", "non-AF", "normal sinus rhythm"),
    LabelRow("(NOD", "non-AF", "nodal (AV junctional) rhythm"),
    LabelRow("(P", "non-AF", "paced rhythm"),
    LabelRow("(PREX", "non-AF", "pre-excitation (Wolff-Parkinson-White)"),
    LabelRow("(SBR", "non-AF", "sinus bradycardia"),
    LabelRow("(SVTA", "non-AF", "supraventricular tachyarrhythmia"),
    LabelRow("(T", "non-AF", "ventricular trigeminy"),
    LabelRow("(VFL", "non-AF", "ventricular flutter"),
    LabelRow("(VT", "non-AF", "ventricular tachycardia"),
)
SAME_SUBJECT = {"202": "201"}  # two excerpts of one tape


class MITBIH(PhysioNetDataset):
    """MIT-BIH Arrhythmia Database.

    Channels are named by lead and come in the file's order: 102 and 104 have V5 and V2 but no
    MLII, and 114 has V5 before MLII, so ask for leads by name. A record's labels and codes are the
    rhythms that occur in it; non-beat annotations (noise, notes, flutter waves) are left out of
    its beats.
    """

    name = "mitbih"
    title = "MIT-BIH Arrhythmia Database"
    project, version = "mitdb", "1.0.0"
    rates = (360,)
    leads = ("MLII", "V1", "V2", "V4", "V5")
    classes = ("AF", "non-AF")
    label_map = rhythm_map = as_map(RHYTHMS)
    licence = "ODC-By 1.0"
    citation = (
        "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Engineering in "
        "Medicine and Biology 20(3):45-50, 2001. doi:10.1109/51.932724"
    )
    total_records, total_subjects = 48, 47
    has_beats = has_rhythms = True

    def _find_headers(self) -> dict[str, str]:
        return by_stem(self.root.glob("*.hea"))

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        path = header.path.with_suffix(".atr")
        return {
            "subject": SAME_SUBJECT.get(id, id),
            "meta": _person(header),
            **annotated(path, n_samples, self.rhythm_map, self.classes),
        }

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        return stem if stem.isdigit() and suffix in ("hea", "dat", "atr") else None


def _person(header: Header) -> dict[str, object]:
    """Age and sex from the first comment, such as ``69 M 1085 1629 x1`` (-1: not known)."""
    words = header.comments[0].split() if header.comments else []
    if len(words) < 2:
        return {"age": None, "sex": None}
    age = float(words[0]) if words[0].isdigit() else None
    return {"age": age, "sex": {"M": "male", "F": "female"}.get(words[1])}
