"""What a data set is asked in the generalisation protocol, and its labelled windows.

Each data set has one task: its classes, whether a whole record is judged or every window of an
annotated rhythm, and where the labels come from. A data set that is not in ``TASKS`` (a user's own)
is asked for its own labels, record by record.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecglab.data.readers.base import Dataset
from ecglab.data.readers.physionet import PhysioNetDataset
from ecglab.data.record import Record
from ecglab.data.simulator import Simulator
from ecglab.data.windows import RecordSource, WindowSet, WindowSpec, windows

Several = Literal["drop", "rarest"]
AF2 = ("AF", "non-AF")
GROUPS4 = ("AFIB", "SR", "SB", "GSVT")
SAME = 50  # milliseconds by which one window's start may differ between sampling rates


@dataclass(frozen=True, kw_only=True)
class Task:
    """One question to a data set.

    Attributes:
        name: as the results store has it.
        classes: the answers, in order; None: the data set's own.
        unit: ``record`` judges records by the mean of their windows' probabilities; ``rhythm``
            judges every window, cut inside one annotated rhythm span.
        flag: an entry of ``Record.meta`` that says which records are the first class; None: the
            labels are those of the reader's label map.
    """

    name: str
    classes: tuple[str, ...] | None = None
    unit: Literal["record", "rhythm"] = "record"
    flag: str | None = None


TASKS: Mapping[str, Task] = {
    "cinc2017": Task(name="rhythm4", classes=("N", "A", "O", "~")),
    "simulator": Task(name="rhythm4", classes=("N", "A", "O", "~")),
    "cpsc2018": Task(
        name="cpsc9",
        classes=("NSR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE"),
    ),
    "chapman": Task(name="groups4", classes=GROUPS4),
    "ningbo": Task(name="groups4", classes=GROUPS4),
    "georgia": Task(name="groups4", classes=GROUPS4),
    "ptb": Task(name="af2", classes=AF2),  # flutter counts as AF
    "ptbxl": Task(name="af2", classes=AF2, flag="afib"),  # flutter does not
    "mitbih": Task(name="af2", classes=AF2, unit="rhythm"),  # nor here
    "ltaf": Task(name="af2", classes=AF2, unit="rhythm"),
    "cpsc2021": Task(name="af2", classes=AF2, unit="rhythm"),  # flutter counts as AF
}


class CannotGeneralise(ValueError):
    """A target from which nothing can be learnt, or tested; the message says why."""


def check_disjoint(source: RecordSource, goal: RecordSource) -> None:
    """A set is not tested on after training on it, nor on a part of it.

    Raises:
        CannotGeneralise: where both have one name, or that of one data set of the catalog before a
            dash (``ptbxl-100hz`` is a part of ``ptbxl``); of a corpus, any of its parts.
    """
    if _whole(goal.name) in {_whole(part) for part in source.name.split("+")}:
        raise CannotGeneralise(
            f"{goal.name} shares records with the source {source.name}, by their names; other "
            "records are to have another name"
        )


def _whole(name: str) -> str:
    """The set of the catalog that a name says it is a part of, or the name."""
    stem = name.split("-")[0]
    return stem if stem in TASKS else name


def task_of(dataset: Dataset) -> Task:
    """The task of a data set; a user's own has none of ``TASKS``, whatever its name."""
    known = isinstance(dataset, PhysioNetDataset | Simulator)
    return TASKS[dataset.name] if known and dataset.name in TASKS else Task(name="labels")


class Flagged:
    """A data set whose labels are a yes-or-no entry of its records' ``meta``."""

    def __init__(self, source: Dataset, task: Task) -> None:
        self.source, self.task = source, task
        self.name = f"{source.name}-{task.flag}"  # the windows' cache is named by it

    def fingerprint(self) -> str:
        """That of the data set, and the question."""
        return f"{self.source.fingerprint()} {self.task}"

    def ids(self) -> list[str]:
        """As the data set has them."""
        return self.source.ids()

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """A record, labelled by its flag; one without such an entry has no label."""
        record = self.source.read(id, leads)
        flag = record.meta.get(str(self.task.flag))
        yes, no = self.task.classes or AF2
        return replace(record, labels=() if flag is None else (yes if flag else no,))


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """Labelled windows of one data set, and the units (records or windows) that are judged.

    Attributes:
        dataset: its name.
        task: the question.
        classes: those that occur, in the task's order.
        data: windows; every one of them has a label.
        units: one row per unit: ``record``, ``subject``, ``start``, ``label``.
        unit_of: each window's row in ``units``, (windows,).
        left_out: how many records (and, by ``align``, units) were left out, by reason.
    """

    dataset: str
    task: Task
    classes: tuple[str, ...]
    data: WindowSet
    units: pd.DataFrame
    unit_of: NDArray[np.int64]
    left_out: dict[str, int]

    @property
    def labels(self) -> NDArray[np.str_]:
        """One label per unit."""
        return self.units["label"].to_numpy(dtype=str)

    @property
    def subjects(self) -> NDArray[np.str_]:
        """One subject per unit."""
        return self.units["subject"].to_numpy(dtype=str)


def target(
    dataset: Dataset,
    ids: Sequence[str],
    spec: WindowSpec,
    *,
    several: Several = "drop",
) -> Target:
    """The labelled windows of a data set, cut as a method reads them.

    Windows of a rhythm lie side by side, whatever the method's own hop.
    Lead I where the set has one and the method asks for no other (as DiffECG's released segments
    have it), else each record's first lead. Records without a label, with several labels, and
    unreadable ones are left out and counted.

    Args:
        dataset: with a task of its own in ``TASKS``, or asked for its own labels.
        ids: the records to use.
        spec: the windows of a method.
        several: ``drop`` leaves out records of several classes; ``rarest`` gives them the rarest of
            theirs, counted over all records.

    Raises:
        CannotGeneralise: where fewer than two classes occur, or a label is not among the task's.
        RecordError: where not one window comes out.
    """
    task = task_of(dataset)
    within: Literal["record", "rhythm"] = task.unit
    # Windows that are judged one by one must not share samples: a part of the one would be
    # trained on, the other tested. Nor would windows of different hops be the same ones.
    spec = replace(spec, within=within, hop=None if within == "rhythm" else spec.hop)
    if spec.leads is None and "I" in dataset.leads:
        spec = replace(spec, leads=("I",))
    source: RecordSource = Flagged(dataset, task) if task.flag else dataset
    data = windows(source, spec, ids=ids)
    table = data.table
    if several == "rarest":
        table = table.assign(label=_rarest(table))
    labels = table["label"]
    masks = {"without label": labels == "", "several labels": labels.str.contains("|", regex=False)}
    left_out = {"unreadable": len(data.skipped)}
    left_out |= {why: int(table["record"][mask].nunique()) for why, mask in masks.items()}
    keep = np.flatnonzero(~(masks["without label"] | masks["several labels"]))
    data = replace(data.take(keep), table=table.iloc[keep].reset_index(drop=True))
    found, known = set(data.labels.tolist()), task.classes or dataset.classes
    if unknown := found - set(known):
        raise CannotGeneralise(f"{dataset.name}: labels {sorted(unknown)} are not among {known}")
    classes = tuple(c for c in known if c in found)
    if len(classes) < 2:
        one = f"only class {classes[0]!r}" if classes else "no class"
        raise CannotGeneralise(f"{dataset.name}: {one} in {len(ids)} records; a target needs two")
    units, unit_of = _units(data.table, task)
    return Target(
        dataset=dataset.name,
        task=task,
        classes=classes,
        data=data,
        units=units,
        unit_of=unit_of,
        left_out=left_out,
    )


def align(targets: Sequence[Target]) -> list[Target]:
    """Cut several views of one data set down to the units that all of them hold.

    Rhythm spans do not end on samples of every rate, so that a span of ten seconds may hold a
    window at one rate and none at another; and methods are compared on the same units only.

    Raises:
        CannotGeneralise: where they have no unit in common.
    """
    first = targets[0].units
    common, found = np.ones(len(first), bool), []
    for one in targets:
        match = pd.merge_asof(
            _starts(first, "first"),
            _starts(one.units, "row"),
            on="ms",
            by="record",
            direction="nearest",
            tolerance=SAME,
        ).sort_values("first")
        row = match["row"].fillna(-1).to_numpy(np.int64)
        common &= row >= 0
        found.append(row)
    if not common.any():
        raise CannotGeneralise(f"{targets[0].dataset}: the methods' windows have nothing in common")
    lost = {"units not in every view": int((~common).sum())} if not common.all() else {}
    return [
        replace(take_units(one, row[common]), left_out={**one.left_out, **lost})
        for one, row in zip(targets, found, strict=True)
    ]


def take_units(one: Target, rows: NDArray[np.int64]) -> Target:
    """The units of these rows, in this order, with their windows."""
    place = np.full(len(one.units), -1)
    place[rows] = np.arange(len(rows))
    kept = np.flatnonzero(place[one.unit_of] >= 0)
    return replace(
        one,
        data=one.data.take(kept),
        units=one.units.iloc[rows].reset_index(drop=True),
        unit_of=place[one.unit_of[kept]],
    )


def _starts(units: pd.DataFrame, number: str) -> pd.DataFrame:
    """Records and starts in order of time, beside the rows' numbers."""
    ms = (1000 * units["start"]).round().astype(np.int64)
    rows = {number: np.arange(len(units)), "record": units["record"], "ms": ms}
    return pd.DataFrame(rows).sort_values("ms")


def _units(table: pd.DataFrame, task: Task) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    columns = ["record", "subject", "start", "label"]
    if task.unit == "rhythm":
        return table[columns], np.arange(len(table))
    index = pd.factorize(table["record"])[0].astype(np.int64)
    first = np.unique(index, return_index=True)[1]
    return table[columns].iloc[first].reset_index(drop=True).assign(start=0.0), index


def _rarest(table: pd.DataFrame) -> pd.Series:
    per_record = table.drop_duplicates("record")["label"]
    count = Counter(name for label in per_record for name in label.split("|"))
    return table["label"].map(lambda label: min(label.split("|"), key=lambda c: (count[c], c)))
