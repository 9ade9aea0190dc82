"""Metrics against hand-worked examples and scikit-learn."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.metrics import confusion_matrix as sk_confusion

from ecglab.evaluation.metrics import (
    CINC2017_CLASSES,
    accuracy,
    auroc,
    cinc2017_score,
    class_f1,
    confusion_matrix,
    encode,
    f1_by_subject,
    f1_per_class,
    macro_auroc,
    macro_f1,
)

# rows: truth N, A, O, ~; columns: prediction
HAND = np.array([[8, 0, 1, 1], [1, 3, 1, 0], [2, 1, 4, 0], [1, 0, 0, 2]])


def unfold(matrix: NDArray[np.int64]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Labels and predictions that give a confusion matrix."""
    true, predicted = np.indices(matrix.shape)
    names = np.array(CINC2017_CLASSES)
    times = matrix.ravel()
    return names[np.repeat(true.ravel(), times)], names[np.repeat(predicted.ravel(), times)]


def draw(seed: int, n: int = 200, k: int = 4) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Labels, every class among them, and predictions that are right half of the time."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    p = np.where(rng.random(n) < 0.5, y, rng.integers(k, size=n))
    names = np.array(CINC2017_CLASSES)
    return names[y], names[p]


def test_hand_worked_cinc2017_score() -> None:
    y, p = unfold(HAND)
    np.testing.assert_array_equal(confusion_matrix(y, p, CINC2017_CLASSES), HAND)
    # F1_N = 2*8/(10+12), F1_A = 2*3/(5+4), F1_O = 2*4/(7+6), F1_~ = 2*2/(3+3)
    expected = [16 / 22, 6 / 9, 8 / 13, 4 / 6]
    np.testing.assert_allclose(f1_per_class(HAND.astype(float)), expected, rtol=1e-15)
    assert cinc2017_score(y, p) == pytest.approx((16 / 22 + 6 / 9 + 8 / 13) / 3, rel=1e-15)
    assert macro_f1(y, p, CINC2017_CLASSES) == pytest.approx(np.mean(expected), rel=1e-15)


def test_noisy_records_count_in_the_confusion_though_not_in_the_mean() -> None:
    y, p = unfold(HAND)
    kept = y != "~"
    assert cinc2017_score(y, p) < cinc2017_score(y[kept], p[kept])


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(seed: int) -> None:
    y, p = draw(seed)
    classes = list(CINC2017_CLASSES)
    np.testing.assert_array_equal(
        confusion_matrix(y, p, classes), sk_confusion(y, p, labels=classes)
    )
    assert macro_f1(y, p, classes) == pytest.approx(
        f1_score(y, p, labels=classes, average="macro"), rel=1e-14
    )
    assert cinc2017_score(y, p) == pytest.approx(
        f1_score(y, p, labels=classes[:3], average="macro"), rel=1e-14
    )
    assert accuracy(y, p) == pytest.approx(accuracy_score(y, p), rel=1e-14)
    assert class_f1(y, p, "A") == pytest.approx(f1_score(y == "A", p == "A"), rel=1e-14)


@pytest.mark.parametrize("decimals", [0, 1, 8])  # 0 and 1: many ties
@pytest.mark.parametrize("weighted", [False, True])
def test_auroc_equals_scikit_learn_with_ties_and_weights(decimals: int, weighted: bool) -> None:
    rng = np.random.default_rng(decimals)
    y = rng.random(300) < 0.3
    score = np.round(rng.normal(size=300) + y, decimals)
    if not weighted:
        assert auroc(y, score) == pytest.approx(roc_auc_score(y, score), rel=1e-13)
        return
    weights = rng.integers(0, 4, size=(20, 300)).astype(float)
    expected = [roc_auc_score(y, score, sample_weight=w) for w in weights]
    np.testing.assert_allclose(auroc(y, score, weights=weights), expected, rtol=1e-13)


def test_auroc_counts_pairs() -> None:
    # positives 0.5 and 0.9 against negatives 0.1, 0.5, 0.7: wins 1.5 + 3 of 6 pairs
    labels, score = ["AF", "N", "N", "AF", "N"], [0.5, 0.1, 0.5, 0.9, 0.7]
    assert auroc(labels, score, positive="AF") == 4.5 / 6


def test_macro_auroc_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=200)
    p = rng.dirichlet(np.ones(4), size=200)
    expected = roc_auc_score(y, p, multi_class="ovr", average="macro")
    assert macro_auroc(y, p, range(4)) == pytest.approx(expected, rel=1e-13)


def test_every_confusion_metric_takes_batches() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 9, size=(5, 3, 4, 4)).astype(float)
    one_by_one = [[f1_per_class(m) for m in row] for row in matrices]
    np.testing.assert_array_equal(f1_per_class(matrices), one_by_one)


def test_weights_repeat_records() -> None:
    y, p = draw(3, n=60)
    weights = np.random.default_rng(1).integers(1, 4, size=(7, 60))
    for metric in (
        cinc2017_score,
        accuracy,
        lambda y, p, **w: macro_f1(y, p, CINC2017_CLASSES, **w),
        lambda y, p, **w: class_f1(y, p, "O", **w),
    ):
        repeated = [float(metric(np.repeat(y, w), np.repeat(p, w))) for w in weights]
        values = np.asarray(metric(y, p, weights=weights.astype(float)))
        np.testing.assert_allclose(values, repeated, rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60))
def test_order_of_records_and_classes_does_not_matter(seed: int, n: int) -> None:
    y, p = draw(seed, n)
    rng = np.random.default_rng(seed)
    order, classes = rng.permutation(n), rng.permutation(CINC2017_CLASSES).tolist()
    value = macro_f1(y, p, CINC2017_CLASSES)
    assert 0 <= value <= 1
    assert macro_f1(y[order], p[order], classes) == pytest.approx(value, abs=1e-14)
    assert macro_f1(y, y, classes) == 1
    score = rng.normal(size=n).round(1)
    area = auroc(y, score, positive="N")
    assert auroc(y[order], np.exp(score)[order], positive="N") == pytest.approx(area, abs=1e-14)
    assert auroc(y, -score, positive="N") == pytest.approx(1 - area, abs=1e-14)


def test_f1_by_subject_and_pooled() -> None:
    y = np.array(["AF", "AF", "N", "N", "N", "AF"])
    p = np.array(["AF", "N", "N", "N", "N", "AF"])
    subjects = np.array(["b", "b", "b", "a", "a", "c"])
    # b: one of two found; a: no AF at all, 0 by convention; c: perfect
    by_subject = f1_by_subject(y, p, subjects, "AF")
    assert by_subject == {"a": 0.0, "b": pytest.approx(2 / 3), "c": 1.0}
    assert list(by_subject) == ["a", "b", "c"]
    assert class_f1(y, p, "AF") == pytest.approx(2 * 2 / (3 + 2))
    assert class_f1(y[3:5], p[3:5], "AF", zero_division=0.0) == 0.0
    with pytest.raises(ValueError, match="neither y nor p has a record of class 'AF'"):
        class_f1(y[3:5], p[3:5], "AF")
    with pytest.raises(ValueError, match="neither y nor p has a record of class 'A'"):
        f1_by_subject(y, p, subjects, "A")
    with pytest.raises(ValueError, match="6 labels, but 2 subjects"):
        f1_by_subject(y, p, subjects[:2], "AF")


def test_a_class_lost_in_a_resample_scores_zero_as_in_scikit_learn() -> None:
    y, p = np.array(["N", "N", "A", "O"]), np.array(["N", "A", "A", "O"])
    weights = np.array([[1.0, 1, 1, 0], [2, 1, 1, 1]])
    values = macro_f1(y, p, ["N", "A", "O"], weights=weights)
    expected = [
        f1_score(y, p, labels=["N", "A", "O"], average="macro", sample_weight=w, zero_division=0)
        for w in weights
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-14)


def test_unclear_input_is_refused() -> None:
    y = np.array(["N", "A", "O", "~"])
    with pytest.raises(ValueError, match=r"p\[1\] is 'AF', not one of"):
        cinc2017_score(y, ["N", "AF", "O", "~"])
    with pytest.raises(ValueError, match=r"y\[0\] is 'X'"):
        macro_f1(["X"], ["N"], ["N", "A"])
    with pytest.raises(ValueError, match="4 labels, but 3 predictions"):
        cinc2017_score(y, y[:3])
    with pytest.raises(ValueError, match="weights for 3 records"):
        cinc2017_score(y, y, weights=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"no record of class \['A', 'O'\]"):
        cinc2017_score(["N", "N"], ["N", "A"])
    with pytest.raises(ValueError, match="non-empty"):
        cinc2017_score([], [])
    with pytest.raises(ValueError, match="twice"):
        encode(y, ["N", "N"])
    with pytest.raises(ValueError, match=r"y\[1\] is NaN"):
        accuracy([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="0 of 4 positive"):
        auroc(y, np.arange(4.0))
    with pytest.raises(ValueError, match="4 of 4 positive"):
        auroc(np.ones(4, bool), np.arange(4.0))
    with pytest.raises(ValueError, match="score of record 2 is not finite"):
        auroc(y, [0.0, 1.0, np.nan, 2.0], positive="A")
    with pytest.raises(ValueError, match="one score per record"):
        auroc(y, np.zeros((4, 2)), positive="A")
    with pytest.raises(ValueError, match="for 4 classes"):
        macro_auroc(y, np.zeros((4, 3)), CINC2017_CLASSES)


def test_noisy_class_may_be_missing() -> None:
    assert cinc2017_score(["N", "A", "O"], ["N", "A", "O"]) == 1.0


@pytest.mark.real
def test_majority_guess_on_cinc2017(physionet: Path) -> None:
    with (physionet / "challenge-2017/1.0.0/REFERENCE-v3.csv").open() as file:
        y = np.array([row[1] for row in csv.reader(file)])
    p = np.full(len(y), "N")
    normal = int((y == "N").sum())
    f1_normal = 2 * normal / (normal + len(y))  # recall 1, precision N/n; the other classes are 0
    assert macro_f1(y, p, CINC2017_CLASSES) == pytest.approx(f1_normal / 4, rel=1e-14)
    assert cinc2017_score(y, p) == pytest.approx(f1_normal / 3, rel=1e-14)
    assert len(y) == 7000
    assert cinc2017_score(y, p) == pytest.approx(0.2488, abs=5e-5)
