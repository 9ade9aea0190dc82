"""A user's own arrays as a data set."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecglab.data.readers.arrays import from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.readers.wfdb_files import LEADS_12
from ecglab.data.record import RecordError


def test_everything_given() -> None:
    signals = np.random.default_rng(0).normal(size=(3, 2, 40))
    ours = from_arrays(
        signals,
        fs=125,
        leads=["ii", "V5"],
        labels=[("B", "A"), "C", ()],
        subjects=[7, 7, 8],
        ids=["x", "y", "z"],
        name="ours",
        meta=[{"fold": 1}, {"fold": 2}, {}],
        scale=0.5,
    )
    first, second, third = ours.records()
    assert [record.id for record in (first, second, third)] == ours.ids() == ["x", "y", "z"]
    assert (first.labels, second.labels, third.labels) == (("B", "A"), ("C",), ())
    assert [record.subject for record in (first, second, third)] == ["7", "7", "8"]
    assert (first.dataset, first.fs, first.leads) == ("ours", 125, ("II", "V5"))
    assert second.meta["fold"] == 2
    assert second.signal is not None
    assert second.signal.dtype == np.float32
    np.testing.assert_allclose(second.signal, signals[1] * 0.5, rtol=1e-6)
    np.testing.assert_allclose(
        ours.read("y", ["V5", "II"]).signal, signals[1, ::-1] * 0.5, rtol=1e-6
    )
    assert ours.classes == ("B", "A", "C")
    assert (ours.total_records, ours.total_subjects) == (3, 2)


def test_lengths_may_differ_and_nothing_else_is_needed() -> None:
    ours = from_arrays([np.zeros((1, 5)), np.ones((1, 9))], fs=100, leads=["I"])
    assert [(r.id, r.subject, r.n_samples, r.labels) for r in ours.records()] == [
        ("0", "0", 5, ()),
        ("1", "1", 9, ()),
    ]


def test_labels_may_be_an_array() -> None:
    ours = from_arrays(np.zeros((2, 1, 3)), fs=100, leads=["I"], labels=np.array([1, 0]))
    assert [record.labels for record in ours.records()] == [("1",), ("0",)]


def test_the_callers_array_is_not_changed() -> None:
    signals = np.ones((1, 1, 4), np.float32)
    record = from_arrays(signals, fs=100, leads=["I"], scale=2.0).read("0")
    assert record.signal is not None
    record.signal[:] = 9
    np.testing.assert_array_equal(signals, 1)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (np.array([[1.0, np.nan, np.nan], [1.0, 2.0, 3.0]]), "arrays/1: .*2 in lead I$"),
        (np.array([[1.0, 2.0, 3.0], [1.0, np.inf, 3.0]]), "arrays/1: .*1 in lead II$"),
        (np.zeros((3, 3)), r"arrays/1: array of shape \(3, 3\) for 2 leads"),
        (np.zeros(6), r"arrays/1: array of shape \(6,\) for 2 leads"),
        (np.zeros((2, 0)), "arrays/1: no samples"),
    ],
)
def test_broken_arrays_are_skipped(broken: np.ndarray, fault: str) -> None:
    ours = from_arrays([np.ones((2, 3)), broken], fs=100, leads=["I", "II"])
    with pytest.raises(RecordError, match=fault):
        ours.read("1")
    with pytest.warns(SkippedRecords, match="skipped 1 of 2"):
        assert [record.id for record in ours.records()] == ["0"]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"fs": 0}, "must be positive"),
        ({"scale": -1.0}, "must be positive"),
        ({"labels": ["a"]}, "1 labels for 2 signals"),
        ({"subjects": [1, 2, 3]}, "3 subjects for 2 signals"),
        ({"ids": ["a", "a"]}, "^ids must be unique; twice or more: a$"),
        ({"leads": ["I", "i"]}, "^leads must be unique; twice or more: I$"),
        ({"leads": "II"}, r"leads must be a list of names, \['II'\], not 'II'"),
        ({"meta": [{}]}, "1 meta for 2 signals"),
    ],
)
def test_wrong_arguments(wrong: dict, fault: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=fault):
        from_arrays(np.zeros((2, 2, 5)), **{"fs": 100, "leads": ["I", "II"], **wrong})


def test_fingerprint_follows_the_contents() -> None:
    signals = np.zeros((2, 1, 5))
    same: dict[str, Any] = {"signals": signals, "fs": 100, "leads": ["I"], "subjects": [0, 1]}
    others: list[dict[str, Any]] = [
        {},
        {"signals": signals + np.array([[[1]], [[0]]])},
        {"fs": 200},
        {"leads": ["II"]},
        {"labels": ["a", "b"]},
        {"subjects": [1, 1]},
        {"ids": ["x", "y"]},
        {"name": "ours"},
        {"meta": [{"afib": True}, {"afib": False}]},
        {"scale": 0.5},
    ]
    prints = {from_arrays(**{**same, **other}).fingerprint() for other in others}
    assert len(prints) == len(others)
    assert from_arrays(**{**same, "signals": signals.copy()}).fingerprint() in prints


def test_signals_may_be_lists_of_numbers() -> None:
    rows = [[[0.0, 1.0, 2.0]], [[3.0, 4.0]]]
    ours, arrays = (
        from_arrays(signals, fs=100, leads=["I"])  # type: ignore[arg-type]
        for signals in (rows, [np.array(row) for row in rows])
    )
    assert ours.fingerprint() == arrays.fingerprint()
    np.testing.assert_array_equal(ours.read("1").signal, [[3.0, 4.0]])  # type: ignore[arg-type]


@pytest.mark.real
def test_derived_ptbxl_enters_as_arrays(physionet: Path) -> None:
    """PTB-XL records that exist only in processed form: z-scored, int16 steps of 1/256."""
    folder = physionet.parent / "derived" / "ptbxl-100hz"
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    with np.load(folder / "signals.npz") as stored:
        assert stored["ecg_id"].tolist() == [int(row["ecg_id"]) for row in rows]
        signals = stored["signals"]
    derived = from_arrays(
        signals,
        fs=100,
        leads=LEADS_12,
        labels=[row["superclasses"].split() for row in rows],
        ids=[row["ecg_id"] for row in rows],
        name="ptbxl-derived",
        meta=[{"split": row["split"], "afib": row["afib"] == "1"} for row in rows],
        scale=1 / 256,
    )
    records = list(derived.records(leads=["II"]))
    assert len(records) == 1519
    assert set(derived.classes) == {"NORM", "MI", "STTC", "CD", "HYP"}
    assert Counter(record.meta["split"] for record in records)["train"] == 1200
    assert sum(bool(record.meta["afib"]) for record in records) == 103
    spread = [float(record.signal.std()) for record in records if record.signal is not None]
    np.testing.assert_allclose(spread, 1, atol=0.02)
