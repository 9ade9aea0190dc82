"""Every lead of several data sets as a record of its own: what a model of single leads learns from.

The semantic diffusion autoencoder learns from 356,099 snippets of ten seconds of PTB-XL and MIT-BIH
(Marcinkowski et al. 2025). All leads of PTB-XL are 12 x 21,799 = 261,588; the other 94,511 must be
MIT-BIH's two channels, cut with overlap. 94,511 does not divide by its 96 channels, all of one
length; at 300 Hz the nearest hop is ``POSTER_HOP``, with 49 snippets more than the poster has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecglab.data.readers.base import Dataset
from ecglab.data.readers.mitbih import MITBIH
from ecglab.data.readers.ptbxl import PTBXL
from ecglab.data.readers.wfdb_files import pick_leads
from ecglab.data.record import Record, RecordError
from ecglab.data.windows import WindowSpec

POSTER_HOP = 547 / 300
"""Seconds from one snippet to the next."""

MITBIH_SECONDS, PTBXL_SECONDS = 650_000 / 360, 10.0


class Corpus(Dataset):
    """Data sets side by side, every lead a record called ``set/record/lead``.

    Where leads differ from record to record, as in MIT-BIH, ids name every lead of the set, and
    those that a record lacks cannot be read: ``windows`` leaves them out.

    Args:
        parts: the data sets and the ids of their records.

    Raises:
        ValueError: for no data sets, or two of one name.
    """

    total_subjects = None

    def __init__(self, parts: Sequence[tuple[Dataset, Sequence[str]]]) -> None:
        self._parts: Mapping[str, Dataset] = {dataset.name: dataset for dataset, _ in parts}
        if not parts or len(self._parts) < len(parts):
            raise ValueError("a corpus is made of data sets of different names")
        self.name = "+".join(self._parts)
        self.title = " + ".join(dataset.title for dataset, _ in parts)
        self.leads = tuple(dict.fromkeys(lead for d, _ in parts for lead in d.leads))
        self._ids = dict.fromkeys(  # in order, and quick to look up
            f"{d.name}/{id_}/{lead}" for d, ids in parts for id_ in ids for lead in d.leads
        )
        self.total_records = len(self._ids)

    def ids(self) -> list[str]:
        """Every lead of every record."""
        return list(self._ids)

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One lead of one record; ``leads`` may name no other.

        It is as its own data set has it, but for its names: two sets may have a record of one name.

        Raises:
            RecordError: for an unknown id or another lead, and as the data set's own ``read``.
        """
        where = f"{self.name}/{id}"
        if id not in self._ids:
            raise RecordError(f"{where}: no such record")
        name, _, rest = id.partition("/")
        own_id, _, lead = rest.rpartition("/")
        pick_leads(where, [lead], leads)
        record = self._parts[name].read(own_id, leads=[lead])
        return replace(record, id=id, subject=f"{name}/{record.subject}", dataset=self.name)

    def fingerprint(self) -> str:
        """Those of the data sets."""
        return " ".join(dataset.fingerprint() for dataset in self._parts.values())


def count_windows(seconds: float, spec: WindowSpec) -> int:
    """How many windows ``spec`` cuts from a trace of so many seconds."""
    samples = round(seconds * spec.fs)
    return max(0, (samples - spec.samples) // spec.hop_samples + 1)


def count_poster(spec: WindowSpec) -> dict[str, int]:
    """Snippets of the whole PTB-XL and MIT-BIH, by data set, counted without any data."""
    return {
        "ptbxl": PTBXL.total_records * len(PTBXL.leads) * count_windows(PTBXL_SECONDS, spec),
        "mitbih": MITBIH.total_records * 2 * count_windows(MITBIH_SECONDS, spec),
    }
