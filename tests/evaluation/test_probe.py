"""The linear probe: nothing of the test fold leaks, and the fit is the one its docstring states."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from ecglab.data.pooling import pool_records
from ecglab.data.splits import kfold
from ecglab.evaluation.metrics import CINC2017_CLASSES, accuracy, cinc2017_score, macro_f1
from ecglab.evaluation.probe import C_GRID, fit_probe, linear_probe, majority


def blobs(
    seed: int = 0, n: int = 240, d: int = 6, shift: float = 1.5
) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.int64]]:
    """Gaussian classes N, A, O along three axes, and five folds."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, size=n, p=[0.6, 0.15, 0.25])
    x = rng.normal(size=(n, d)) + shift * np.eye(d)[codes]
    y = np.array(["N", "A", "O"])[codes]
    return x.astype(np.float32), y, kfold(y, np.arange(n), k=5, seed=seed)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_fit_minimises_the_stated_loss(class_weight: str | None) -> None:
    x, y, _ = blobs(n=90, d=3)
    x = x.astype(np.float64)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    a = np.ones(3) if class_weight is None else len(y) / (3 * counts)

    def loss(theta: NDArray[np.float64]) -> float:
        w, b = theta[:9].reshape(3, 3), theta[9:]
        log_p = log_softmax(z @ w.T + b, axis=1)[np.arange(len(y)), codes]
        return float(-(a[codes] * log_p).sum() + (w**2).sum() / (2 * 0.3))

    theta = minimize(loss, np.zeros(12), options={"gtol": 1e-6}).x
    expected = log_softmax(z @ theta[:9].reshape(3, 3).T + theta[9:], axis=1)
    model = fit_probe(x, y, C=0.3, class_weight=class_weight, seed=0)
    assert model.classes_.tolist() == classes.tolist()
    np.testing.assert_allclose(np.log(model.predict_proba(x)), expected, atol=5e-3)


def test_predictions_of_a_fold_do_not_know_its_records() -> None:
    x, y, folds = blobs()
    base = linear_probe(x, y, folds, seed=0)
    held = np.flatnonzero(folds == 2)
    spoiled, relabelled = x.copy(), y.copy()
    spoiled[held[1:]] = 1e6  # would wreck the scaler, were it fitted on them
    relabelled[held] = np.roll(y[held], 1)
    after = linear_probe(spoiled, relabelled, folds, seed=0)
    np.testing.assert_allclose(
        after.probabilities[held[0]], base.probabilities[held[0]], rtol=1e-12
    )
    assert after.C[2] == base.C[2]
    others = folds == 3
    assert not np.allclose(after.probabilities[others], base.probabilities[others])


def test_scores_on_separable_and_on_meaningless_features() -> None:
    x, y, folds = blobs(shift=8.0)
    good = linear_probe(x, y, folds, seed=0)
    assert accuracy(y, good.predictions) > 0.98
    assert set(good.C) == set(range(5))
    assert set(good.C.values()) <= set(C_GRID)
    noise = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    bad = linear_probe(noise, y, folds, seed=0)
    chance = accuracy(y, majority(y, folds).predictions)
    assert accuracy(y, bad.predictions) == pytest.approx(chance, abs=0.1)


def test_probabilities_and_predictions_agree() -> None:
    x, y, folds = blobs()
    result = linear_probe(x, y, folds, C=0.1, class_weight="balanced", seed=0)
    assert result.classes == ("A", "N", "O")
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1.0, atol=1e-12)
    best = np.array(result.classes)[result.probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(result.predictions, best)
    again = linear_probe(x, y, folds, C=0.1, class_weight="balanced", seed=1)
    np.testing.assert_array_equal(again.probabilities, result.probabilities)  # seed: inner folds


def test_balanced_weights_find_more_of_the_rare_class() -> None:
    x, y, folds = blobs(n=600, shift=0.8)
    plain = linear_probe(x, y, folds, C=0.1, seed=0).predictions
    balanced = linear_probe(x, y, folds, C=0.1, class_weight="balanced", seed=0).predictions
    assert (balanced == "A").sum() > 1.5 * (plain == "A").sum()


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_units_of_the_features_do_not_matter(gain: float, offset: float) -> None:
    x, y, folds = blobs(n=120)
    x = x.astype(np.float64)
    a = linear_probe(x, y, folds, C=0.1, seed=0)
    b = linear_probe(gain * x + offset, y, folds, C=0.1, seed=0)
    np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-4)


def test_a_constant_feature_does_no_harm() -> None:
    x, y, folds = blobs()
    flat = np.hstack([x, np.full((len(x), 1), 3.0, np.float32)])
    a, b = (linear_probe(f, y, folds, C=0.1, seed=0) for f in (x, flat))
    np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-3)


def test_inner_folds_keep_subjects_together() -> None:
    """Windows that betray their subject pay only where a subject is on both sides.

    Each subject has one label and thirty features of its own: fitted hard (large C), they tell
    everything about known subjects and nothing about new ones.
    """
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(40), 4)
    y = np.array(["N", "A"])[subject % 2]
    x = rng.normal(size=(40, 30))[subject]
    x[y == "A", 0] += 1
    leaky, honest = (fit_probe(x, y, groups=g, seed=0)[-1].C for g in (None, subject))
    assert leaky > honest
    folds = kfold(y, subject, k=3, seed=0)
    chosen = linear_probe(x, y, folds, groups=subject, seed=0).C
    for fold in range(3):
        i = folds != fold
        assert chosen[fold] == fit_probe(x[i], y[i], groups=subject[i], seed=0)[-1].C
    assert chosen != linear_probe(x, y, folds, seed=0).C


def test_majority_states_the_training_frequencies() -> None:
    y = np.array(["N"] * 6 + ["A"] * 4)
    folds = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 1])
    result = majority(y, folds)
    np.testing.assert_allclose(result.probabilities[folds == 0], [[0.5, 0.5]] * 4)
    np.testing.assert_allclose(result.probabilities[folds == 1], [[0.25, 0.75]] * 6)
    assert (result.predictions[folds == 1] == "N").all()
    assert result.C == {}


@pytest.mark.parametrize("std", [False, True])
def test_pooling_equals_a_loop(std: bool) -> None:
    rng = np.random.default_rng(0)
    index = rng.permutation(np.concatenate([np.arange(9), rng.integers(9, size=40)]))
    x = rng.normal(size=(49, 3)).astype(np.float32)
    rows = [np.r_[x[index == r].mean(0), x[index == r].std(0)] for r in range(9)]
    pooled = pool_records(x, index, std=std)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, np.array(rows)[:, : 6 if std else 3], atol=1e-6)


def test_pooling_one_window_has_no_spread() -> None:
    pooled = pool_records([[2.0, 3.0]], [0], std=True)
    np.testing.assert_array_equal(pooled, [[2, 3, 0, 0]])


def test_pooling_refuses_what_it_cannot_pool() -> None:
    x = np.zeros((3, 2))
    with pytest.raises(ValueError, match="record 1 has no window"):
        pool_records(x, [0, 2, 2])
    with pytest.raises(ValueError, match="record_index of shape"):
        pool_records(x, [0, 1])
    with pytest.raises(ValueError, match="integers from 0 on"):
        pool_records(x, [0, 1, -1])
    with pytest.raises(ValueError, match="integers from 0 on"):
        pool_records(x, [0.0, 1.0, 1.0])
    x[1, 0] = np.nan
    with pytest.raises(ValueError, match="1 of 3 windows, first window 1"):
        pool_records(x, [0, 1, 1])


def test_unclear_input_is_refused() -> None:
    x, y, folds = blobs(n=60)
    holed = x.copy()
    holed[7, 2] = np.inf
    with pytest.raises(ValueError, match="not finite in 1 of 60 records, first record 7"):
        linear_probe(holed, y, folds, seed=0)
    with pytest.raises(ValueError, match=r"hold \['N'\]"):
        linear_probe(x, np.full(60, "N"), folds, seed=0)
    with pytest.raises(ValueError, match="do not fit labels"):
        linear_probe(x[1:], y, folds, seed=0)
    with pytest.raises(ValueError, match="must be numbers"):
        linear_probe(x.astype(str), y, folds, seed=0)
    with pytest.raises(ValueError, match="folds of shape"):
        linear_probe(x, y, folds[1:], seed=0)
    with pytest.raises(ValueError, match="at least two folds"):
        linear_probe(x, y, np.zeros(60), seed=0)
    with pytest.raises(ValueError, match="groups of shape"):
        linear_probe(x, y, folds, groups=[1], seed=0)
    with pytest.raises(ValueError, match="subject 0 is in more than one fold"):
        linear_probe(x, y, folds, groups=np.zeros(60, int), seed=0)
    with pytest.raises(ValueError, match="class_weight"):
        linear_probe(x, y, folds, C=1.0, class_weight="even", seed=0)
    with pytest.raises(
        ValueError, match=r"fold 0: its training part has no record of class \['A'\]"
    ):
        linear_probe(x, y, (y != "A").astype(int), seed=0)
    few = y.copy()
    few[y == "A"] = "N"
    few[:2] = "A"
    with pytest.raises(ValueError, match="class 'A' has 2 records"):
        fit_probe(x, few, seed=0)


@pytest.mark.real
def test_majority_guess_out_of_fold_on_cinc2017(physionet: Path) -> None:
    with (physionet / "challenge-2017/1.0.0/REFERENCE-v3.csv").open() as file:
        y = np.array([row[1] for row in csv.reader(file)])
    result = majority(y, kfold(y, np.arange(len(y)), k=5, seed=0))
    assert (result.predictions == "N").all()
    assert macro_f1(y, result.predictions, CINC2017_CLASSES) == pytest.approx(0.1866, abs=5e-5)
    assert cinc2017_score(y, result.predictions) == pytest.approx(0.2488, abs=5e-5)
