"""A user's own recordings from a folder: one array of signals, one table of labels."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecglab.data.readers.arrays import ArrayDataset, from_arrays
from ecglab.data.readers.wfdb_files import LEADS_12

SIGNALS, TABLE = "signals.npz", "labels.csv"


def read_folder(
    folder: Path | str,
    *,
    fs: float,
    label: str | None,
    leads: Sequence[str] | None = None,
    subject: str = "subject",
    scale: float = 1.0,
    name: str | None = None,
) -> ArrayDataset:
    """The data set of a folder that holds ``signals.npz`` and ``labels.csv``.

    ``signals.npz`` has an array ``signals`` (records, leads, samples) and, named as the table's
    first column, the records' ids. ``labels.csv`` has one row per record in the same order, ids
    first. Its column ``label`` holds a record's class, or several with blanks between them, or
    nothing; a column of 0, 1 and nothings is a yes-or-no question, with the classes ``afib`` and
    ``non-afib`` where its name is ``afib``. All other columns are kept in ``Record.meta``. Leads
    other than the standard twelve are named by an array ``leads`` in ``signals.npz``.

    PTB-XL records that were filtered and z-scored beforehand enter so. They keep the rhythm and the
    shape of a beat, but not its amplitude, and no patients: every record is a subject of its own,
    although a person may have two. Name such a folder after the set it comes from with a dash
    (``ptbxl-100hz``): the protocols then refuse to train on the one and test on the other.

    Args:
        folder: where the two files lie.
        fs: sampling rate, Hz.
        label: the column to tell apart; None: none, for records to train on without labels.
        leads: names of the leads, in the array's order, in place of the folder's own.
        subject: the column of persons; where there is none, every record is its own.
        scale: millivolts (or what unit there is) per unit of ``signals``.
        name: of the data set; by default the folder's.

    Raises:
        FileNotFoundError: where one of the two is missing.
        ValueError: where they do not fit each other, the table has no such column, or one of its
            rows is shorter or longer than its header.
    """
    folder = Path(folder)
    columns, rows = _table(folder / TABLE)
    if label is not None and label not in columns:
        raise ValueError(f"{folder / TABLE}: no column {label!r}; there are: {', '.join(columns)}")
    key = columns[0]
    with np.load(folder / SIGNALS, allow_pickle=False) as stored:
        if missing := {"signals", key} - set(stored):
            raise ValueError(f"{folder / SIGNALS}: no array {', '.join(sorted(missing))}")
        signals, ids = stored["signals"], stored[key].astype(str).tolist()
        if leads is None:
            leads = stored["leads"].astype(str).tolist() if "leads" in stored else LEADS_12
    if signals.ndim != 3 or signals.shape[1] != len(leads):
        raise ValueError(
            f"{folder / SIGNALS}: signals of shape {signals.shape} are not (records, leads, "
            f"samples) of the {len(leads)} leads {', '.join(leads)}; an array `leads` there may "
            "name others"
        )
    if ids != [row[key] for row in rows]:
        raise ValueError(f"{folder}: {SIGNALS} and {TABLE} differ in their column {key!r}")
    if subject in columns and (empty := sum(not row[subject].strip() for row in rows)):
        raise ValueError(
            f"{folder / TABLE}: {empty} rows name no {subject}; fill them in, or leave the column "
            "out where every record is a person of its own"
        )
    return from_arrays(
        signals,
        fs=fs,
        leads=leads,
        labels=None if label is None else _labels([row[label] for row in rows], label),
        subjects=[row[subject] for row in rows] if subject in columns else None,
        ids=ids,
        name=folder.resolve().name if name is None else name,
        meta=[{c: v for c, v in row.items() if c not in (key, label)} for row in rows],
        scale=scale,
    )


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns' names and the rows, each of as many cells."""
    with path.open(newline="", encoding="utf-8-sig") as file:  # Excel begins with a BOM
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or ()), []
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(
                    f"{path}: row {reader.line_num} does not have the "
                    f"{len(columns)} columns {', '.join(columns)}"
                )
            rows.append(row)
    return columns, rows


def _labels(values: Sequence[str], question: str) -> list[list[str]]:
    """Each row's classes; those of a yes-or-no question are named after it."""
    values = [value.strip() for value in values]
    if set(values) <= {"0", "1", ""}:
        answers = {"0": [f"non-{question}"], "1": [question], "": []}
        return [answers[value] for value in values]
    return [value.split() for value in values]
