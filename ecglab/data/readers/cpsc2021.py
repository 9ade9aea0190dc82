"""CPSC 2021: two-lead Holter excerpts with the beginnings and ends of AF episodes."""

from dataclasses import replace
from typing import Any

from ecglab.data.readers.annotations import read_annotations
from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.physionet import PhysioNetDataset, by_stem
from ecglab.data.readers.wfdb_files import Header
from ecglab.data.record import Rhythm

LABELS = (
    LabelRow("non atrial fibrillation", "non-AF", "no AF in the whole record"),
    LabelRow("paroxysmal atrial fibrillation", "paroxysmal AF", "AF episodes begin and end"),
    LabelRow("persistent atrial fibrillation", "persistent AF", "AF from beginning to end"),
)
RHYTHMS = (  # the challenge counts flutter as AF
    LabelRow("(AFIB", "AF", "atrial fibrillation"),
    LabelRow("(AFL", "AF", "atrial flutter"),
    LabelRow("(N", "non-AF", "end of an episode: any other rhythm"),
    LabelRow("", "non-AF", "not annotated, because no episode is on"),
)


class CPSC2021(PhysioNetDataset):
    """The 4th China Physiological Signal Challenge 2021, training sets I and II.

    A record's label is the diagnosis in its header. Only episodes are annotated, so the stretches
    outside them are non-AF: those without an annotation of their own have an empty ``code``. The
    rhythm spans cover the whole record. Many records ride on an offset of about 5 mV.
    """

    name = "cpsc2021"
    title = "4th China Physiological Signal Challenge 2021, training sets"
    project, version = "cpsc2021", "1.0.0"
    rates = (200,)
    leads = ("I", "II")
    classes = ("non-AF", "paroxysmal AF", "persistent AF")
    label_map = as_map(LABELS)
    rhythm_map = as_map(RHYTHMS)
    licence = "CC BY 4.0"
    citation = (
        "Wang X, Ma C, Zhang X, Gao H, Clifford GD, Liu C. Paroxysmal atrial fibrillation events "
        "detection from dynamic ECG recordings: the 4th China Physiological Signal Challenge 2021. "
        "PhysioNet, 2021. doi:10.13026/ksya-qw89"
    )
    total_records, total_subjects = 1436, 105
    has_beats = has_rhythms = True

    def _find_headers(self) -> dict[str, str]:
        return by_stem(self.root.glob("Training_set_*/data_*.hea"))

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        found = read_annotations(header.path.with_suffix(".atr"), n_samples)
        code = next((line for line in header.comments if line in self.label_map), "")
        label = self.label_map.get(code)
        return {
            "subject": id.split("_")[1],  # data_<subject>_<record>
            "labels": () if label is None else (label,),
            "codes": (code,) if code else (),
            "beats": found.beats(),
            "rhythms": cover(
                found.rhythms(self.rhythm_map), n_samples, is_af=label not in (None, "non-AF")
            ),
        }

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, _, suffix = path.rpartition(".")
        is_record = stem.startswith("Training_set_") and "/data_" in stem
        return stem if is_record and suffix in ("hea", "dat", "atr") else None


def cover(episodes: tuple[Rhythm, ...], n_samples: int, *, is_af: bool) -> tuple[Rhythm, ...]:
    """Extend the annotated spans to the whole record, of ``n_samples``.

    Before the first annotation no episode is on, and the last span lasts to the record's end. A
    record with a diagnosis of AF (``is_af``) but no annotated episode gets no spans at all.
    """
    if not episodes:
        return () if is_af else (Rhythm(start=0, stop=n_samples, code="", label="non-AF"),)
    first, last = episodes[0], episodes[-1]
    before = Rhythm(start=0, stop=first.start, code="", label="non-AF")
    spans = [*episodes[:-1], replace(last, stop=n_samples)]
    return tuple([before, *spans] if first.start > 0 else spans)
