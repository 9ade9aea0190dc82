"""A user's own recordings, from NumPy arrays, as a data set like any other."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglab.data.readers.base import Dataset
from ecglab.data.readers.wfdb_files import canonical_lead, check_samples, flat_leads, pick_leads
from ecglab.data.record import Record, RecordError


class ArrayDataset(Dataset):
    """What ``from_arrays`` makes; see there."""

    title = "a user's own arrays"

    def __init__(
        self,
        signals: Sequence[NDArray[Any]] | NDArray[Any],
        *,
        name: str,
        ids: tuple[str, ...],
        fs: float,
        leads: tuple[str, ...],
        labels: tuple[tuple[str, ...], ...],
        subjects: tuple[str, ...],
        meta: Sequence[Mapping[str, object]],
        scale: float,
    ) -> None:
        self.name, self.fs, self.leads, self.scale = name, fs, leads, scale
        self.classes = tuple(dict.fromkeys(label for row in labels for label in row))
        self.label_map = {label: label for label in self.classes}
        self.total_records, self.total_subjects = len(ids), len(set(subjects))
        self._signals, self._labels, self._subjects, self._meta = signals, labels, subjects, meta
        self._row = {id_: row for row, id_ in enumerate(ids)}

    def ids(self) -> list[str]:
        """The records' ids, in the order given."""
        return list(self._row)

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One record; see ``Dataset.read``."""
        where = f"{self.name}/{id}"
        if id not in self._row:
            raise RecordError(f"{where}: no such record")
        row = self._row[id]
        stored = np.asarray(self._signals[row])
        if stored.ndim != 2 or len(stored) != len(self.leads):
            raise RecordError(f"{where}: array of shape {stored.shape} for {len(self.leads)} leads")
        picked = pick_leads(where, self.leads, leads)
        names = tuple(self.leads[index] for index in picked)
        signal = stored[picked].astype(np.float32) * np.float32(self.scale)
        check_samples(where, signal, names)
        return Record(
            id=id,
            dataset=self.name,
            subject=self._subjects[row],
            fs=self.fs,
            leads=names,
            signal=signal,
            labels=self._labels[row],
            codes=self._labels[row],
            meta={**self._meta[row], "flat_leads": flat_leads(signal, names)},
        )

    def fingerprint(self) -> str:
        """A hash of the signals, all that is known of them, and how they are to be read."""
        facts = (self.name, self.fs, self.leads, self.scale, self._labels, self._subjects)
        known = (*facts, self.ids(), [dict(row) for row in self._meta])
        digest = hashlib.sha256(repr(known).encode())
        for signal in map(np.asarray, self._signals):
            digest.update(repr((signal.shape, signal.dtype)).encode())
            digest.update(np.ascontiguousarray(signal).data)
        return digest.hexdigest()


def from_arrays(
    signals: Sequence[NDArray[Any]] | NDArray[Any],
    *,
    fs: float,
    leads: Sequence[str],
    labels: Sequence[str | Sequence[str]] | None = None,
    subjects: Sequence[object] | None = None,
    ids: Sequence[object] | None = None,
    name: str = "arrays",
    meta: Sequence[Mapping[str, object]] | None = None,
    scale: float = 1.0,
) -> ArrayDataset:
    """A data set from arrays in memory (or memory-mapped).

    >>> import numpy as np
    >>> ours = from_arrays(np.zeros((2, 1, 500)), fs=250, leads=["I"], labels=["AF", "SR"])
    >>> [(record.id, record.labels, record.seconds) for record in ours.records()]
    [('0', ('AF',), 2.0), ('1', ('SR',), 2.0)]

    Args:
        signals: one array of shape (leads, samples) per record, millivolts unless ``scale`` says
            otherwise: an array (records, leads, samples), or a list where lengths differ.
        fs: sampling rate of all records, Hz.
        leads: names of the leads, in the arrays' order.
        labels: one class per record, or several; their order of appearance makes ``classes``.
        subjects: whose record it is; without them every record is a person of its own.
        ids: unique names (default: 0, 1, 2, ...).
        name: of the data set; caches are named by it.
        meta: anything else, one mapping per record.
        scale: millivolts per unit of ``signals``.

    Raises:
        ValueError: where the arguments are of unequal length, ids repeat, leads repeat or are one
            string, or ``fs`` or ``scale`` is not positive.
        RecordError: (when a record is read) where its array is not (leads, samples), is empty, or
            holds NaN or infinity.
    """
    n = len(signals)
    if not (fs > 0 and scale > 0):
        raise ValueError(f"fs and scale must be positive, not {fs} and {scale}")
    if isinstance(leads, str):
        raise ValueError(f"leads must be a list of names, [{leads!r}], not {leads!r}")
    names = tuple(canonical_lead(lead) for lead in leads)
    id_names = tuple(str(id_) for id_ in (range(n) if ids is None else ids))
    for what, unique in {"ids": id_names, "leads": names}.items():
        if twice := [value for value, count in Counter(unique).items() if count > 1]:
            raise ValueError(f"{what} must be unique; twice or more: {', '.join(twice)}")
    people = id_names if subjects is None else tuple(str(subject) for subject in subjects)
    classes = tuple(_names(row) for row in ([()] * n if labels is None else labels))
    extra = [{}] * n if meta is None else meta
    for what, column in {
        "ids": id_names,
        "subjects": people,
        "labels": classes,
        "meta": extra,
    }.items():
        if len(column) != n:
            raise ValueError(f"{len(column)} {what} for {n} signals")
    return ArrayDataset(
        signals,
        name=name,
        ids=id_names,
        fs=float(fs),
        leads=names,
        labels=classes,
        subjects=people,
        meta=extra,
        scale=scale,
    )


def _names(label: str | Sequence[str]) -> tuple[str, ...]:
    """One class or several, as strings."""
    return (str(label),) if np.ndim(label) == 0 else tuple(str(name) for name in label)
