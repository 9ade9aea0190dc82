"""Long-Term AF Database: 24-hour two-channel Holter recordings of people with AF."""

from pathlib import Path
from typing import Any

from ecglab.data.readers.annotations import annotated
from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.physionet import PhysioNetDataset, by_stem
from ecglab.data.readers.wfdb_files import Header

RHYTHMS = (
    LabelRow("(AFIB", "AF", "atrial fibrillation"),
    LabelRow("(AB", "non-AF", "atrial bigeminy"),
    LabelRow("(B", "non-AF", "ventricular bigeminy"),
    LabelRow("(IVR", "non-AF", "idioventricular rhythm"),
    LabelRow("(N", "non-AF", "normal sinus rhythm"),
    LabelRow("(SBR", "non-AF", "sinus bradycardia"),
    LabelRow("(SVTA", "non-AF", "supraventricular tachyarrhythmia"),
    LabelRow("(T", "non-AF", "ventricular trigeminy"),
    LabelRow("(VT", "non-AF", "ventricular tachycardia"),
)


class LTAF(PhysioNetDataset):
    """Long-Term AF Database.

    Where the signal file is not here, a record still serves its beats and rhythms: ``signal`` is
    None and ``n_samples`` comes from the header. Most records begin, and many end, with a stretch
    without annotations (117: eight hours): no rhythm span covers it. In 64 beats are annotated from
    the start, rhythms only after 19 hours. Annotations past the end of the record (30) are dropped.
    Both channels are called ECG in the headers: here ECG1 and ECG2. The gain in 62's header makes
    its first channel five times smaller than the second; it is taken as written.
    """

    name = "ltaf"
    title = "Long-Term AF Database"
    project, version = "ltafdb", "1.0.0"
    rates = (128,)
    leads = ("ECG1", "ECG2")
    classes = ("AF", "non-AF")
    label_map = rhythm_map = as_map(RHYTHMS)
    licence = "ODC-By 1.0"
    citation = (
        "Petrutiu S, Sahakian AV, Swiryn S. Abrupt changes in fibrillatory wave characteristics "
        "at the termination of paroxysmal atrial fibrillation in humans. Europace 9:466-470, 2007. "
        "doi:10.1093/europace/eum096"
    )
    total_records, total_subjects = 84, 84
    has_beats = has_rhythms = True

    def count_local(self) -> int:
        """How many records are found here with their signal, and not their annotations alone."""
        headers = map(Path, self._find_headers().values())
        return sum(path.with_suffix(".dat").is_file() for path in headers)

    def _find_headers(self) -> dict[str, str]:
        return by_stem(self.root.glob("*.hea"))

    def _has_signal(self, header: Header) -> bool:
        return header.channels[0].file.is_file()

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        path = header.path.with_suffix(".atr")
        return annotated(path, n_samples, self.rhythm_map, self.classes)

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        return stem if stem.isdigit() and suffix in ("hea", "dat", "atr") else None
