"""Simulated records one by one, and the simulator as a data set like any other."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Unpack

from ecglab.data.readers.base import Dataset
from ecglab.data.readers.wfdb_files import pick_leads
from ecglab.data.record import Record, RecordError
from ecglab.data.simulator.batch import Batch, block_size, blocks, make_block
from ecglab.data.simulator.beat import LEADS
from ecglab.data.simulator.kinds import CLASSES, CODE_CLASS, RHYTHMS
from ecglab.data.simulator.plan import Options, Plan

NAME = "simulator"
FORMAT = 1  # raise it when the same plan gives other records


def simulate(n: int, *, seed: int, first: int = 0, **options: Unpack[Options]) -> Iterator[Record]:
    """Records ``first`` to ``first + n - 1`` of a seed, one by one; as ``simulate_batch``.

    >>> record = next(simulate(1, seed=1, mix={"A": 1.0}))
    >>> record.labels, record.rhythms[0].code, record.signal.shape
    (('A',), '(AFIB', (1, 9000))
    """
    plan = Plan(seed=seed, **options)
    rows = ((batch, row) for batch in blocks(plan, n, first) for row in range(len(batch.labels)))
    return (_record(batch, row, plan, index) for index, (batch, row) in enumerate(rows, first))


class Simulator(Dataset):
    """Simulated records as a data set: the default where no real one is at hand.

    Records are made when they are read, a block at a time, and the last block is kept: reading in
    order costs no more than ``simulate``.

    Args:
        n: how many records.
        seed: of all random numbers.
        options: the other attributes of ``Plan``: fs, seconds, leads, mix, records_per_subject,
            noise, inverted.

    Raises:
        ValueError: for an option that makes no sense.

    >>> from ecglab.data.simulator import Simulator
    >>> data = Simulator(100, seed=1, leads=("I", "II"))
    >>> data.read("S000007", leads=["II"]).signal.shape
    (1, 9000)
    """

    name = NAME
    title = "Simulated ECG of four classes"
    leads: tuple[str, ...] = LEADS
    rates = (300,)  # Hz, by default; others can be had
    classes = CLASSES
    label_map = {name: kind.label for name, kind in RHYTHMS.items()} | {"noise": "~"}
    rhythm_map = CODE_CLASS
    has_beats = has_rhythms = True

    def __init__(self, n: int = 1000, *, seed: int = 0, **options: Unpack[Options]) -> None:
        if n < 0:
            raise ValueError(f"{NAME}: n must not be negative, not {n}")
        self.plan = Plan(seed=seed, **options)
        self.leads, self.fs = tuple(self.plan.leads), self.plan.fs
        self.total_records = n
        self.total_subjects = -(-n // self.plan.records_per_subject)
        self._row = {_id(index): index for index in range(n)}
        self._last: tuple[int, Batch] | None = None

    def ids(self) -> list[str]:
        """Ids of the records, in order."""
        return list(self._row)

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One record; see ``Dataset.read``."""
        if id not in self._row:
            raise RecordError(f"{NAME}/{id}: no such record among {self.total_records}")
        picked = pick_leads(f"{NAME}/{id}", self.leads, leads)
        index = self._row[id]
        block, row = divmod(index, block_size(self.plan))
        if self._last is None or self._last[0] != block:
            first = index - row
            stop = min(first + block_size(self.plan), self.total_records)
            self._last = block, make_block(self.plan, range(first, stop))
        record = _record(self._last[1], row, self.plan, index)
        assert record.signal is not None
        names = tuple(self.leads[index] for index in picked)
        return replace(record, leads=names, signal=record.signal[picked])

    def fingerprint(self) -> str:
        """A hash of everything that makes the records."""
        made_by = f"{FORMAT} {self.total_records} {self.plan!r}"
        return hashlib.sha256(made_by.encode()).hexdigest()


def _id(index: int) -> str:
    return f"S{index:06d}"


def _record(batch: Batch, row: int, plan: Plan, index: int) -> Record:
    """Row ``row`` of a batch, which is the record with this index."""
    label, meta = batch.labels[row], batch.meta[row]
    return Record(
        id=_id(index),
        dataset=NAME,
        subject=meta["subject"],
        fs=plan.fs,
        leads=tuple(plan.leads),
        signal=batch.signals[row],
        labels=(label,),
        codes=("noise" if label == "~" else meta["rhythm"],),
        beats=batch.beats[row],
        rhythms=batch.rhythms[row],
        meta=meta,
    )
