"""Splits: subjects stay whole, labels stay balanced, seeds decide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglab.data.splits import holdout, kfold, ptbxl_split, within_subject


def people(seed: int, n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 60 subjects, each with one label; a third of them are AF."""
    rng = np.random.default_rng(seed)
    subject = rng.integers(60, size=n)
    return np.where(subject % 3 == 0, "A", "N"), subject.astype(str)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(2, 6))
def test_no_subject_is_in_two_folds(seed: int, k: int) -> None:
    labels, subjects = people(seed)
    folds = kfold(labels, subjects, k=k, seed=seed)
    assert set(folds) == set(range(k))
    for subject in np.unique(subjects):
        assert len(set(folds[subjects == subject])) == 1


def test_folds_are_stratified_and_seeded() -> None:
    labels = np.repeat(["A", "N"], [100, 900])
    records = np.arange(1000).astype(str)
    folds = kfold(labels, records, seed=0)
    for fold in range(5):
        assert (labels[folds == fold] == "A").sum() == 20
    assert np.array_equal(folds, kfold(labels, records, seed=0))
    assert not np.array_equal(folds, kfold(labels, records, seed=1))


def test_two_to_eight() -> None:
    labels, subjects = people(0, 600)
    train = holdout(labels, subjects, fraction=0.2, seed=0)
    assert train.mean() == pytest.approx(0.2, abs=0.04)
    assert not set(subjects[train]) & set(subjects[~train])
    assert (labels[train] == "A").mean() == pytest.approx((labels == "A").mean(), abs=0.06)


def test_one_to_nine_random_keeps_labels_chronological_keeps_time() -> None:
    labels = np.repeat(["N", "A"], [150, 50])
    random = within_subject(labels, order="random", seed=0)
    assert random.sum() == 20
    assert (labels[random] == "A").sum() == 5
    first = within_subject(labels, order="chronological")
    assert np.flatnonzero(first).tolist() == list(range(20))


def test_one_to_nine_always_trains_on_something() -> None:
    assert within_subject(["N", "A", "N"], order="random", seed=0).sum() == 1
    assert within_subject(["N", "A", "N"], order="chronological").sum() == 1
    for order in ("random", "chronological"):  # and tests on something
        assert within_subject(["N", "A", "N"], order=order, fraction=0.9).sum() == 2


def test_ptbxl() -> None:
    assert ptbxl_split([1, 8, 9, 10]).tolist() == ["train", "train", "val", "test"]
    with pytest.raises(ValueError, match="1 to 10"):
        ptbxl_split([0])


def test_bad_requests() -> None:
    with pytest.raises(ValueError, match="cannot fill"):
        kfold(["A", "N"], ["1", "2"], k=5, seed=0)
    with pytest.raises(ValueError, match="do not fit"):
        kfold(["A", "N"], ["1"], k=2, seed=0)
    with pytest.raises(ValueError, match="1/2"):
        holdout(["A", "N"], ["1", "2"], fraction=0.3, seed=0)
    with pytest.raises(ValueError, match="two windows"):
        within_subject(["A"])
    with pytest.raises(ValueError, match="order"):
        within_subject(["A", "N"], order="sorted")  # type: ignore[arg-type]


def test_a_fraction_of_the_subjects_whatever_the_number_of_their_rows() -> None:
    subjects = np.repeat(np.arange(20), [100] + [5] * 19)
    labels = np.where(subjects % 2, "A", "N")
    drawn = [set(subjects[holdout(labels, subjects, seed=seed)]) for seed in range(20)]
    assert {len(people) for people in drawn} == {4}
    assert all(sum(person % 2 for person in people) == 2 for people in drawn)
    assert 0 < sum(0 in people for people in drawn) < 20, (
        "the one with most rows is drawn as others"
    )


def test_records_of_nobody_in_particular_are_drawn_in_the_order_given() -> None:
    labels, records = np.repeat(["A", "N"], [20, 80]), np.arange(100)[::-1]
    expected = kfold(labels, records, k=5, seed=3) == 0
    assert np.array_equal(holdout(labels, records, seed=3), expected)
