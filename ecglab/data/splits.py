"""Who trains and who is tested: always whole subjects, stratified by label, from a seed.

A data set without subject ids (CinC 2017) is split by record; hand over the record's id as group.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold

Order = Literal["random", "chronological"]


def kfold(labels: ArrayLike, groups: ArrayLike, *, k: int = 5, seed: int) -> NDArray[np.int64]:
    """The fold, 0 to k - 1, in which each row is tested, (n,).

    All rows of a group share a fold; the folds' label shares are as even as groups allow.

    Raises:
        ValueError: for lengths that differ, or fewer than k groups.
    """
    labels, groups = _pair(labels, groups)
    if len(np.unique(groups)) < k:
        raise ValueError(f"{len(np.unique(groups))} subjects cannot fill {k} folds")
    folds = np.empty(len(labels), np.int64)
    splitter = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(splitter.split(labels, labels, groups)):
        folds[test] = fold
    return folds


def holdout(
    labels: ArrayLike, groups: ArrayLike, *, fraction: float = 0.2, seed: int
) -> NDArray[np.bool_]:
    """True for the rows that train: ``fraction`` of the subjects, stratified by their labels.

    A subject counts once, however many rows it has; one with rows of several labels is of a class
    of its own with those that have the same.

    DiffECG's generalisation protocol is ``fraction=0.2``: fine-tune on 2, test on 8 (section 4.1).

    Raises:
        ValueError: unless fraction is the reciprocal of a whole number (0.5, 0.2, 0.1, ...).
    """
    k = round(1 / fraction) if 0 < fraction <= 0.5 else 0
    if k < 2 or abs(k * fraction - 1) > 1e-9:
        raise ValueError(f"fraction must be 1/2, 1/3, 1/4, ..., not {fraction}")
    labels, groups = _pair(labels, groups)
    # Of rows, the splitter would always put the subject with most of them into its first fold.
    rows = pd.Series(labels.astype(str)).groupby(groups, sort=False)
    of = rows.agg(lambda names: "|".join(sorted(set(names))))
    chosen = of.index[kfold(of.to_numpy(), of.index, k=k, seed=seed) == 0]
    return np.isin(groups, chosen.to_numpy())


def within_subject(
    labels: ArrayLike, *, fraction: float = 0.1, order: Order = "random", seed: int = 0
) -> NDArray[np.bool_]:
    """True for the windows of one subject that personalise; the others test.

    DiffECG's personalisation protocol is ``fraction=0.1`` (section 4.1). ``random`` draws within
    each label, as the released code does, and lets neighbouring windows fall on both sides;
    ``chronological`` takes the first part of the recording, as a clinic would have it.

    Args:
        labels: the subject's window labels in order of time, (n,).
        fraction: share of the windows that personalise; at least one window each way.
        order: ``random`` or ``chronological``.
        seed: for ``random``.

    Raises:
        ValueError: for fewer than two windows, or a fraction outside (0, 1).
    """
    labels = np.asarray(labels)
    if len(labels) < 2 or not 0 < fraction < 1:
        raise ValueError("a split needs two windows and a fraction between 0 and 1")
    chosen = np.zeros(len(labels), bool)
    if order == "chronological":
        chosen[: min(len(labels) - 1, max(1, round(fraction * len(labels))))] = True
    elif order == "random":
        rng = np.random.default_rng(seed)
        for label in np.unique(labels):
            mine = rng.permutation(np.flatnonzero(labels == label))
            chosen[mine[: round(fraction * len(mine))]] = True
        if chosen.all() or not chosen.any():
            one = rng.integers(len(labels))
            chosen[one] = not chosen[one]
    else:
        raise ValueError(f"order must be 'random' or 'chronological', not {order!r}")
    return chosen


def ptbxl_split(folds: Sequence[int] | NDArray[Any]) -> NDArray[np.str_]:
    """PTB-XL's official split of its folds 1-10: train 1-8, val 9, test 10 (Wagner et al. 2020)."""
    folds = np.asarray(folds)
    if not np.isin(folds, np.arange(1, 11)).all():
        raise ValueError("PTB-XL's folds are numbered 1 to 10")
    return np.where(folds <= 8, "train", np.where(folds == 9, "val", "test"))


def _pair(labels: ArrayLike, groups: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    labels, groups = np.asarray(labels), np.asarray(groups)
    if labels.shape != groups.shape or labels.ndim != 1:
        raise ValueError(f"{labels.shape} labels do not fit {groups.shape} groups")
    return labels, groups
