"""The linear probe: how much of the labels can a frozen embedding tell a linear classifier?

Every fold is predicted by a model that never saw it: scaling, regularisation and classifier are
fitted on the other folds alone, and the out-of-fold predictions of all records are scored together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecglab.evaluation.metrics import macro_f1

C_GRID = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the L2 penalty that the inner cross-validation chooses from."""

INNER_FOLDS = 3


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Out-of-fold predictions.

    Attributes:
        classes: the k labels, in the order of the probabilities' columns.
        probabilities: (n, k), each row by the model that did not see its record.
        predictions: (n,), the most probable class of each record.
        C: the penalty's inverse strength by fold; empty for a model without one.
    """

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    predictions: NDArray[np.str_]
    C: dict[int, float]


def fit_probe(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    C: float | None = None,
    class_weight: str | None = None,
    seed: int,
) -> Pipeline:
    """Standardise the features and fit a multinomial logistic regression with an L2 penalty.

    Minimises sum_i a_{y_i} -log softmax(W x_i + b)_{y_i} + |W|^2 / (2 C), with a = 1 or, for
    ``class_weight="balanced"``, a_c = n / (k n_c).

    Args:
        features: (n, d), finite; float32 takes a third of float64's time.
        labels: (n,).
        groups: subjects, (n,); the inner folds keep each on one side.
        C: inverse strength of the penalty; None chooses from ``C_GRID`` by three-fold
            cross-validation within these records: the best macro-F1; of equals, the first.
        class_weight: None or ``"balanced"``.
        seed: of the inner folds; the fit itself is deterministic.

    Returns:
        A fitted scikit-learn pipeline with ``classes_``, ``predict`` and ``predict_proba``.

    Raises:
        ValueError: for shapes that do not agree, features that are not finite, one class only, or,
            with C = None, a class of fewer than three records.
    """
    x, y, g = _check(features, labels, groups)
    if class_weight not in (None, "balanced"):
        raise ValueError(f"class_weight must be None or 'balanced', not {class_weight!r}")

    # A probe's products are small: a second BLAS thread only makes the first one wait.
    with threadpool_limits(1, user_api="blas"):
        if C is None:
            C = _choose_c(x, y, g, class_weight, seed)
        return _model(C, class_weight).fit(x, y)


def linear_probe(
    features: ArrayLike,
    labels: ArrayLike,
    folds: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    C: float | None = None,
    class_weight: str | None = None,
    seed: int,
) -> ProbeResult:
    """Out-of-fold predictions of a linear probe (:func:`fit_probe`) on frozen features.

    Args:
        features: one row per record, (n, d).
        labels: (n,).
        folds: the fold that tests each record, (n,).
        groups: subjects, (n,); one in two folds is refused.
        C: as in :func:`fit_probe`; None chooses one per fold, on its training part alone.
        class_weight: None or ``"balanced"``.
        seed: of the inner folds.

    Raises:
        ValueError: as :func:`fit_probe`; also for fewer than two folds, a subject in two folds, or
            a class that the training part of some fold lacks.

    >>> labels, folds = np.tile(["A", "N"], 6), np.repeat([0, 1, 2], 4)
    >>> features = np.where(labels == "A", 1.0, -1.0)[:, None]  # one number that tells all
    >>> result = linear_probe(features, labels, folds, C=1.0, seed=0)
    >>> result.classes, result.probabilities.shape, float((result.predictions == labels).mean())
    (('A', 'N'), (12, 2), 1.0)
    """
    x, y, g = _check(features, labels, groups)

    def fit(train: NDArray[np.bool_]) -> Pipeline:
        return fit_probe(
            x[train],
            y[train],
            groups=None if g is None else g[train],
            C=C,
            class_weight=class_weight,
            seed=seed,
        )

    return _out_of_fold(fit, x, y, folds, g)


def majority(labels: ArrayLike, folds: ArrayLike) -> ProbeResult:
    """The naive baseline: each fold gets the other folds' class frequencies and commonest class.

    Args and errors: as :func:`linear_probe`, without features.
    """
    x, y, _ = _check(np.zeros((len(np.asarray(labels)), 1)), labels, None)
    return _out_of_fold(
        lambda train: DummyClassifier(strategy="prior").fit(x[train], y[train]), x, y, folds, None
    )


def _model(c: float, class_weight: str | None, *, tol: float = 1e-4) -> Pipeline:
    regression = LogisticRegression(C=c, class_weight=class_weight, tol=tol, max_iter=2000)
    return make_pipeline(StandardScaler(), regression)


def _choose_c(
    x: NDArray[np.floating],
    y: NDArray[np.str_],
    groups: NDArray[np.generic] | None,
    class_weight: str | None,
    seed: int,
) -> float:
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < INNER_FOLDS:
        raise ValueError(
            f"class {classes.tolist()[counts.argmin()]!r} has {counts.min()} records, too few to "
            f"choose C by {INNER_FOLDS} inner folds: give C"
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    inner = kind(INNER_FOLDS, shuffle=True, random_state=seed)

    def score(c: float) -> float:
        model = _model(c, class_weight, tol=1e-3)  # a ranking needs no fourth digit
        predicted = cross_val_predict(model, x, y, groups=groups, cv=inner)
        return float(macro_f1(y, predicted, classes.tolist()))

    return max(C_GRID, key=score)


def _out_of_fold(
    fit: Callable[[NDArray[np.bool_]], ClassifierMixin],
    x: NDArray[np.floating],
    y: NDArray[np.str_],
    folds: ArrayLike,
    groups: NDArray[np.generic] | None,
) -> ProbeResult:
    classes, fold = np.unique(y), np.asarray(folds)
    _check_folds(y, fold, groups)
    probabilities, chosen = np.empty((len(y), len(classes))), {}
    for f in np.unique(fold).tolist():
        held = fold == f
        absent = sorted(set(classes.tolist()) - set(y[~held].tolist()))
        if absent:
            raise ValueError(f"fold {f}: its training part has no record of class {absent}")
        model = fit(~held)
        # float64 features, lest float32 rows sum to one only roughly
        probabilities[held] = model.predict_proba(x[held].astype(np.float64))
        if isinstance(model, Pipeline):
            chosen[f] = float(model[-1].C)
    predictions = classes[probabilities.argmax(axis=1)]
    return ProbeResult(tuple(classes.tolist()), probabilities, predictions, chosen)


def _check(
    features: ArrayLike, labels: ArrayLike, groups: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[np.str_], NDArray[np.generic] | None]:
    x, y = np.asarray(features), np.asarray(labels)
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise ValueError(f"features of shape {x.shape} do not fit labels of shape {y.shape}")
    if x.dtype.kind not in "fiu":
        raise ValueError(f"features must be numbers, not {x.dtype}")
    _check_finite(x, "record")
    if len(np.unique(y)) < 2:
        raise ValueError(f"a classifier needs two classes, the labels hold {np.unique(y).tolist()}")
    g = None if groups is None else np.asarray(groups)
    if g is not None and g.shape != y.shape:
        raise ValueError(f"{len(y)} labels, but groups of shape {g.shape}")
    return x, y, g


def _check_finite(x: NDArray[np.floating], what: str) -> None:
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        where = f"{bad.sum()} of {len(x)} {what}s, first {what} {bad.argmax()}"
        raise ValueError(f"features are not finite in {where}")


def _check_folds(
    y: NDArray[np.str_], fold: NDArray[np.generic], groups: NDArray[np.generic] | None
) -> None:
    if fold.shape != y.shape:
        raise ValueError(f"{len(y)} labels, but folds of shape {fold.shape}")
    if len(np.unique(fold)) < 2:
        raise ValueError("out-of-fold predictions need at least two folds")
    if groups is None:
        return
    for subject in np.unique(groups):
        if len(np.unique(fold[groups == subject])) > 1:
            raise ValueError(f"subject {subject} is in more than one fold")
