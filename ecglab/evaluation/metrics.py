"""The papers' metrics, each for one set of records or for a whole batch of bootstrap resamples.

A resample with replacement draws record i w_i times and changes nothing else, so every metric takes
``weights`` of shape (b, n), one row per resample, and answers with (b,) values; without weights it
answers with one float. All confusion metrics go through one matrix product
(:func:`confusion_matrix`), and then work on the last two axes of a (..., k, k) array.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights: TypeAlias = NDArray[np.float64]
Score: TypeAlias = float | NDArray[np.float64]

CINC2017_CLASSES = ("N", "A", "O", "~")
"""CinC 2017's rhythms: normal, atrial fibrillation, other, noisy."""


def confusion_matrix(
    y: ArrayLike, p: ArrayLike, classes: Sequence[Any], *, weights: Weights | None = None
) -> NDArray[np.float64]:
    """Counts of records by true class (rows) and predicted class (columns).

    M[b, i, j] = sum_r weights[b, r] [y_r = i] [p_r = j], for all b at once: the weights (b, n)
    times the one-hot cells (n, k k).

    Args:
        y: true labels, (n,).
        p: predicted labels, (n,).
        classes: the k labels, in the order of rows and columns.
        weights: how often each record counts, (n,) or (b, n); None counts each once.

    Returns:
        (k, k), or (b, k, k) for weights of shape (b, n).

    Raises:
        ValueError: for no records, lengths that differ, or a label not among the classes.
    """
    rows, columns = encode(y, classes, "y"), encode(p, classes, "p")
    _check_lengths(len(rows), len(columns), weights)
    k = len(classes)
    cells = rows * k + columns
    if weights is None:
        return np.bincount(cells, minlength=k * k).reshape(k, k).astype(np.float64)
    one_hot = np.zeros((len(cells), k * k))
    one_hot[np.arange(len(cells)), cells] = 1.0
    return (weights @ one_hot).reshape(*weights.shape[:-1], k, k)


def f1_per_class(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of every class: F1_x = 2 M_xx / (sum of row x + sum of column x), 0 where both are empty.

    This is CinC 2017's own definition, and equals 2 PR / (P + R) for precision P and recall R.

    Args:
        matrix: confusion matrices, (..., k, k), true classes in rows.

    Returns:
        (..., k).
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    totals = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    return np.divide(2.0 * hits, totals, out=np.zeros_like(totals), where=totals > 0)


def macro_f1(
    y: ArrayLike, p: ArrayLike, classes: Sequence[Any], *, weights: Weights | None = None
) -> Score:
    """Mean of the classes' F1: (1/k) sum_x F1_x (arguments: :func:`confusion_matrix`).

    In a resample that lost a rare class altogether, that class counts as F1 = 0.

    Raises:
        ValueError: also where y has no record of a class, whose F1 would then be 0 by convention,
            not by merit.
    """
    matrix = confusion_matrix(y, p, classes, weights=weights)
    _check_present(y, classes)
    return _score(f1_per_class(matrix).mean(axis=-1))


def cinc2017_score(y: ArrayLike, p: ArrayLike, *, weights: Weights | None = None) -> Score:
    """CinC 2017's official score: (F1_N + F1_A + F1_O) / 3.

    F1 of the noisy class ``~`` is left out of the mean, but noisy records stay in the matrix: a
    noisy record called normal still costs F1_N.

    Args:
        y: true labels among ``N, A, O, ~``, (n,).
        p: predicted labels, (n,).
        weights: as in :func:`confusion_matrix`.

    Raises:
        ValueError: as :func:`macro_f1`; y may lack noisy records.

    Source: Clifford et al. 2017, doi:10.22489/CinC.2017.065-469.
    """
    matrix = confusion_matrix(y, p, CINC2017_CLASSES, weights=weights)
    _check_present(y, CINC2017_CLASSES[:3])
    return _score(f1_per_class(matrix)[..., :3].mean(axis=-1))


def class_f1(
    y: ArrayLike,
    p: ArrayLike,
    positive: Any,
    *,
    zero_division: float | None = None,
    weights: Weights | None = None,
) -> Score:
    """F1 of one class against all others; over several subjects' windows together, the pooled F1.

    Args:
        y: true labels, (n,).
        p: predicted labels, (n,).
        positive: the class that counts, AF for instance.
        zero_division: the value where neither y nor p has a positive; None raises. A resample
            without positives scores ``zero_division``, or 0.
        weights: as in :func:`confusion_matrix`.

    Raises:
        ValueError: for no records, lengths that differ, NaN, or no positive at all (see above).
    """
    is_y, is_p = _labels(y, "y") == positive, _labels(p, "p") == positive
    if zero_division is None and not (is_y.any() or is_p.any()):
        raise ValueError(f"neither y nor p has a record of class {positive!r}: F1 is undefined")
    matrix = confusion_matrix(is_y, is_p, (False, True), weights=weights)
    empty = matrix[..., 1, :].sum(axis=-1) + matrix[..., :, 1].sum(axis=-1) == 0
    return _score(np.where(empty, zero_division or 0.0, f1_per_class(matrix)[..., 1]))


def f1_by_subject(
    y: ArrayLike, p: ArrayLike, subjects: ArrayLike, positive: Any
) -> dict[str, float]:
    """Each subject's F1 of the positive class, in the order of the subjects' names.

    A subject with neither a positive label nor a positive prediction scores 0 (zero_division = 0)
    and so pulls the mean over subjects down: state the pooled :func:`class_f1` beside that mean.

    Raises:
        ValueError: as :func:`class_f1` over all subjects together.
    """
    class_f1(y, p, positive)  # refuses what cannot be scored, before any subject is
    y, p, subjects = np.asarray(y), np.asarray(p), np.asarray(subjects)
    if len(subjects) != len(y):
        raise ValueError(f"{len(y)} labels, but {len(subjects)} subjects")
    return {
        str(s): float(class_f1(y[subjects == s], p[subjects == s], positive, zero_division=0.0))
        for s in np.unique(subjects)
    }


def accuracy(y: ArrayLike, p: ArrayLike, *, weights: Weights | None = None) -> Score:
    """The share of records whose prediction is right.

    Raises:
        ValueError: for no records, lengths that differ, or NaN.
    """
    y, p = _labels(y, "y"), _labels(p, "p")
    _check_lengths(len(y), len(p), weights)
    right = (y == p).astype(np.float64)
    return float(right.mean()) if weights is None else (weights @ right) / weights.sum(axis=-1)


def auroc(
    y: ArrayLike, score: ArrayLike, *, positive: Any = True, weights: Weights | None = None
) -> Score:
    """Area under the ROC curve, from weights on sorted scores; ties count one half, exactly.

    A = sum_{i in pos} w_i (N(s < s_i) + N(s <= s_i)) / (2 W_pos W_neg), where N is the weight of
    the negatives below a score: one cumulative sum over the sorted negatives serves all resamples.

    Args:
        y: true labels, (n,); those equal to ``positive`` are the positives.
        score: the higher, the more positive, (n,).
        positive: the positive label.
        weights: as in :func:`confusion_matrix`; a resample without both classes gives NaN, which
            the bootstrap counts and drops.

    Raises:
        ValueError: for lengths that differ, scores that are not finite, or y of one class only.
    """
    is_positive, scores = _labels(y, "y") == positive, np.asarray(score, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"AUROC needs one score per record, not shape {scores.shape}")
    _check_lengths(len(is_positive), len(scores), weights)
    if not np.isfinite(scores).all():
        raise ValueError(f"score of record {np.argmin(np.isfinite(scores))} is not finite")
    if is_positive.all() or not is_positive.any():
        raise ValueError(f"AUROC needs two classes: {is_positive.sum()} of {len(scores)} positive")
    w = np.ones(len(scores)) if weights is None else weights
    return _score(_wins(scores, is_positive, w))


def _wins(
    scores: NDArray[np.float64], is_positive: NDArray[np.bool_], w: Weights
) -> NDArray[np.float64]:
    """The share of (positive, negative) pairs, by weight, in which the positive scores higher."""
    negatives = np.flatnonzero(~is_positive)
    negatives = negatives[np.argsort(scores[negatives])]
    below = np.zeros((*w.shape[:-1], len(negatives) + 1))
    np.cumsum(w[..., negatives], axis=-1, out=below[..., 1:])
    lower = np.searchsorted(scores[negatives], scores[is_positive], side="left")
    upper = np.searchsorted(scores[negatives], scores[is_positive], side="right")
    w_positive = w[..., is_positive]
    wins = np.einsum("...i,...i->...", w_positive, below[..., lower] + below[..., upper])
    pairs = np.asarray(2.0 * w_positive.sum(axis=-1) * below[..., -1])
    return np.divide(wins, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)


def macro_auroc(
    y: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[Any],
    *,
    weights: Weights | None = None,
) -> Score:
    """Mean over the classes of each one's AUROC against the rest.

    Args:
        y: true labels, (n,).
        probabilities: (n, k), columns in the order of ``classes``.
        classes: the k labels.
        weights: as in :func:`auroc`.

    Raises:
        ValueError: as :func:`auroc`, and for a label not among the classes.
    """
    codes, p = encode(y, classes, "y"), np.asarray(probabilities)
    if p.ndim != 2 or p.shape[1] != len(classes):
        raise ValueError(f"probabilities of shape {p.shape} for {len(classes)} classes")
    each = [auroc(codes, p[:, i], positive=i, weights=weights) for i in range(len(classes))]
    return _score(np.asarray(each).mean(axis=0))


def encode(labels: ArrayLike, classes: Sequence[Any], name: str = "labels") -> NDArray[np.int64]:
    """Labels as positions in ``classes``, (n,).

    Raises:
        ValueError: for no labels, an array that is not (n,), a class named twice, or a label that
            is not among the classes.
    """
    values = _labels(labels, name)
    position = {c: i for i, c in enumerate(np.asarray(classes).tolist())}
    if len(position) != len(classes):
        raise ValueError(f"a class is named twice in {tuple(classes)}")
    codes = np.array([position.get(v, -1) for v in values.tolist()])
    if (codes < 0).any():
        first = int(np.argmax(codes < 0))
        unknown = values[first : first + 1].tolist()[0]
        raise ValueError(f"{name}[{first}] is {unknown!r}, not one of {tuple(classes)}")
    return codes


def _labels(labels: ArrayLike, name: str) -> NDArray[Any]:
    values = np.asarray(labels)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{name} must be a non-empty list of labels, not shape {values.shape}")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(f"{name}[{np.argmax(np.isnan(values))}] is NaN")
    return values


def _check_lengths(n: int, n_predicted: int, weights: Weights | None) -> None:
    if n != n_predicted:
        raise ValueError(f"{n} labels, but {n_predicted} predictions")
    if weights is not None and weights.shape[-1] != n:
        raise ValueError(f"{n} labels, but weights for {weights.shape[-1]} records")


def _check_present(y: ArrayLike, classes: Sequence[Any]) -> None:
    present = set(np.asarray(y).tolist())
    absent = [c for c in classes if c not in present]
    if absent:
        raise ValueError(f"y has no record of class {absent}: its F1 is undefined")


def _score(values: NDArray[np.float64]) -> Score:
    return float(values) if np.ndim(values) == 0 else values
