"""Predictions of subjects that a method was not fine-tuned on: scored, and compared in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecglab.evaluation.bootstrap import Difference, Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.metrics import (
    Score,
    Weights,
    accuracy,
    class_f1,
    confusion_matrix,
    f1_per_class,
)
from ecglab.evaluation.results import Result
from ecglab.profiles import Profile


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """What one method and seed made of the subjects that it was not fine-tuned on.

    Attributes:
        method: its name.
        seed: of split and training.
        dataset, task: names.
        classes: those that occur in the target.
        units: one row per record or window tested: ``record``, ``subject``, ``start``, ``label``.
        probabilities: (units, classes); 0 for a class that the fine-tuning part lacked.
        params: who was fine-tuned on, and who was left out.
        seconds: what fine-tuning and prediction took.
    """

    method: str
    seed: int
    dataset: str
    task: str
    classes: tuple[str, ...]
    units: pd.DataFrame
    probabilities: NDArray[np.float64]
    params: dict[str, Any]
    seconds: float

    @property
    def labels(self) -> NDArray[np.str_]:
        """The true classes, (units,)."""
        return self.units["label"].to_numpy(dtype=str)

    @property
    def predictions(self) -> NDArray[np.str_]:
        """The most probable classes, (units,)."""
        return np.asarray(self.classes)[self.probabilities.argmax(axis=1)]

    def table(self) -> pd.DataFrame:
        """``units`` with the prediction and the probability of every class."""
        columns = {f"p_{c}": self.probabilities[:, i] for i, c in enumerate(self.classes)}
        return self.units.assign(prediction=self.predictions, **columns)


def macro_f1_of_present(
    y: ArrayLike,
    p: ArrayLike,
    classes: Sequence[str],
    scored: Sequence[str],
    *,
    weights: Weights | None = None,
) -> Score:
    """Mean F1 of the ``scored`` classes, where predictions may name any of ``classes``.

    A test part may lack a class of the target: its F1 would be 0 by convention, not by merit.
    """
    f1 = f1_per_class(confusion_matrix(y, p, classes, weights=weights))
    score = f1[..., [list(classes).index(c) for c in scored]].mean(axis=-1)
    return float(score) if weights is None else score


def compare(a: Tested, b: Tested, *, resamples: int = 1000) -> Difference:
    """Macro-F1 of ``a`` less that of ``b``, on the same units; whole subjects are resampled.

    Raises:
        ValueError: where the two were not tested on the same units of the same seed.
    """
    if a.seed != b.seed or not a.units[["record", "label"]].equals(b.units[["record", "label"]]):
        raise ValueError(f"{a.method} and {b.method} were tested on different units")
    return paired_difference(
        a.labels,
        a.predictions,
        b.predictions,
        partial(macro_f1_of_present, classes=a.classes, scored=_scored(a)),
        n=resamples,
        seed=a.seed,
        groups=a.units["subject"],
    )


def score(
    tested: Tested,
    *,
    source: str,
    profile: Profile,
    against: Sequence[Tested] = (),
    variant: str = "",
) -> Result:
    """Macro-F1, accuracy and F1 of every class in the test part, with intervals over subjects.

    With ``against``, also paired differences, named ``macro_f1_over_majority`` and the like.

    Raises:
        ValueError: as ``compare``.
    """
    scored = _scored(tested)
    y, p, n = tested.labels, tested.predictions, profile.resamples
    options: dict[str, Any] = {"n": n, "seed": tested.seed, "groups": tested.units["subject"]}
    main = partial(macro_f1_of_present, classes=tested.classes, scored=scored)
    metrics = {"macro_f1": bootstrap_ci(y, p, main, **options)}
    metrics["accuracy"] = bootstrap_ci(y, p, accuracy, **options)
    for c in scored:
        f1 = partial(class_f1, positive=c, zero_division=0.0)
        metrics[f"f1_{c}"] = bootstrap_ci(y, p, f1, **options)
    for other in against:
        d = compare(tested, other, resamples=n)
        metrics[f"macro_f1_over_{other.method}"] = Interval(d.value, d.low, d.high)
    return Result(
        dataset=tested.dataset,
        task=tested.task,
        protocol=protocol(source),
        method=tested.method,
        variant=variant,
        profile=profile.name,
        seed=tested.seed,
        n=len(y),
        classes=scored,
        metrics=metrics,
        params=tested.params,
        seconds=tested.seconds,
    )


def protocol(source: str) -> str:
    """The protocol's name in the results store."""
    return f"generalise-from-{source}"


def _scored(tested: Tested) -> tuple[str, ...]:
    present = set(tested.labels.tolist())
    return tuple(c for c in tested.classes if c in present)
