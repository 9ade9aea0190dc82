"""What every data set offers: its facts, its records by id, and a lazy stream over them."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ecglab.data.record import Record, RecordError


class SkippedRecords(UserWarning):
    """Given once where records had to be left out: how many, and why the first."""


def warn_of_skipped(name: str, skipped: Sequence[tuple[str, str]], total: int) -> None:
    """One ``SkippedRecords`` warning for a data set's (id, reason) pairs; none where all is well.

    It points to the caller of whoever calls this.
    """
    if skipped:
        message = f"{name}: skipped {len(skipped)} of {total} records; the first: {skipped[0][1]}"
        warnings.warn(message, SkippedRecords, stacklevel=3)


class LabelRow(NamedTuple):
    """One line of a label map: the source's code, our class (None: left out) and its meaning."""

    code: str
    label: str | None
    meaning: str


def as_map(rows: Iterable[LabelRow]) -> dict[str, str | None]:
    """The dictionary code -> class of a label table."""
    return {row.code: row.label for row in rows}


class RecordStream:
    """Records one at a time, each read when its turn comes; may be iterated again.

    A record that cannot be read is skipped and noted in ``skipped`` as (id, reason); when the
    stream ends, one ``SkippedRecords`` warning says how many there were. ``len`` counts the ids.
    """

    def __init__(self, dataset: "Dataset", ids: Sequence[str], leads: Sequence[str] | None) -> None:
        self.dataset, self.ids, self.leads = dataset, list(ids), leads
        self.skipped: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Record]:
        self.skipped = []
        for id_ in self.ids:
            try:
                record = self.dataset.read(id_, leads=self.leads)
            except RecordError as error:
                self.skipped.append((id_, str(error)))
                continue
            yield record
        warn_of_skipped(self.dataset.name, self.skipped, len(self))


class Dataset(ABC):
    """One data set: facts as attributes, records by id or as a stream.

    Attributes:
        name: how it is called in the catalog.
        title: its full name.
        leads: every lead name that occurs in it.
        classes: of ``Record.labels``.
        label_map: the source's codes (``Record.codes``) and their classes; None: left out.
        rhythm_map: the same for ``Rhythm.code`` and ``Rhythm.label``.
        total_records, total_subjects: in the whole set (None: it names no subjects).
        has_beats, has_rhythms: whether records carry such annotations.
    """

    name: str
    title: str
    leads: tuple[str, ...]
    classes: tuple[str, ...] = ()
    label_map: Mapping[str, str | None] = {}
    rhythm_map: Mapping[str, str | None] = {}
    total_records: int
    total_subjects: int | None
    has_beats: bool = False
    has_rhythms: bool = False

    @abstractmethod
    def ids(self) -> list[str]:
        """Ids of the records at hand, in order."""

    @abstractmethod
    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One record.

        Args:
            id: one of ``ids()``.
            leads: names of the leads to read, in the order wanted (default: all, in file order).

        Raises:
            RecordError: where the record cannot be read or lacks one of the leads.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes whenever a record or its labels may have changed."""

    def records(
        self,
        ids: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        leads: Sequence[str] | None = None,
    ) -> RecordStream:
        """A stream over records (default: all at hand), or over the first ``limit`` of them."""
        return RecordStream(self, (self.ids() if ids is None else ids)[:limit], leads)
