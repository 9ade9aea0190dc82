"""PTB Diagnostic ECG Database: twelve leads and Frank's three at 1000 Hz, AF or not."""

from typing import Any

from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.challenge12 import age_in_years
from ecglab.data.readers.physionet import PhysioNetDataset, by_stem
from ecglab.data.readers.wfdb_files import LEADS_12, Header

# The headers describe diagnoses in words, so the codes are the words looked for.
LABELS = (
    LabelRow("atrial fibrillation", "AF", "named as reason for admission or further diagnosis"),
    LabelRow("atrial flutter", "AF", "the same"),
    LabelRow("", "non-AF", "there is a clinical summary, and it names neither"),
)
FIELDS = ("Reason for admission", "Additional diagnoses")
NOTHING = ("", "n/a", "no", "unknown")


class PTB(PhysioNetDataset):
    """PTB Diagnostic ECG Database.

    ``subject`` is the patient's folder: a patient has one to five records, which must not be
    torn apart by a split. The label is a person's diagnosis, not a reading of the very trace; the
    patients without a clinical summary have none. ``meta["diagnoses"]`` quotes the header.
    """

    name = "ptb"
    title = "PTB Diagnostic ECG Database"
    project, version = "ptbdb", "1.0.0"
    rates = (1000,)
    leads = (*LEADS_12, "VX", "VY", "VZ")
    classes = ("non-AF", "AF")
    label_map = as_map(LABELS)
    licence = "ODC-By 1.0"
    citation = (
        "Bousseljot R, Kreiseler D, Schnabel A. Nutzung der EKG-Signaldatenbank CARDIODAT der PTB "
        "über das Internet. Biomedizinische Technik 40(s1):317-318, 1995. "
        "doi:10.1515/bmte.1995.40.s1.317"
    )
    total_records, total_subjects = 549, 290

    def _find_headers(self) -> dict[str, str]:
        return by_stem(self.root.glob("patient*/*.hea"))

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        texts = [header.comment(field) for field in FIELDS]
        diagnoses = tuple(text for text in texts if text.lower() not in NOTHING)
        written = " ".join(diagnoses).lower()
        codes = tuple(code for code in self.label_map if code and code in written)
        found = [self.label_map[code] for code in codes or ([""] if diagnoses else [])]
        return {
            "subject": header.path.parent.name,
            "codes": codes,
            "labels": tuple(dict.fromkeys(found)),
            "meta": {
                "age": age_in_years(header.comment("age")),
                "sex": header.comment("sex") or None,
                "diagnoses": diagnoses,
            },
        }

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        is_record = stem.startswith("patient") and suffix in ("hea", "dat", "xyz")
        return stem if is_record else None
