"""DiffECG's personalisation protocol (section 4.1, Tables 2-4): one classifier for each heart.

A subject's windows are split 1:9. The small part personalises a method, the large part tests it.
What the paper personalises is the noise step t, one for each modality: half of the small part
trains a classifier of the frozen features, the other half says how promising a t is (gamma and its
rivals need a validation loss), and the chosen t's classifier is trained on the first half. So 5 %
of the windows train, as in the released code. A method without t is fine-tuned on all 10 %.

Splits are ``random`` within each class, as released, where a test window's neighbours may have
trained, or ``chronological``: the first minutes personalise, the rest of the recording tests.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglab.data.readers.base import Dataset
from ecglab.data.splits import Order
from ecglab.data.windows import WindowSet, windows
from ecglab.evaluation.bootstrap import Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.metrics import Weights, accuracy, class_f1
from ecglab.evaluation.personal import (
    CannotPersonalise,
    PersonalClassifier,
    Personalised,
    Strategy,
    split_subject,
)
from ecglab.evaluation.results import Result
from ecglab.evaluation.tables import table, to_markdown
from ecglab.methods import FrozenFeatureClassifier, Method
from ecglab.profiles import Profile

FIXED = tuple(Strategy(t=t) for t in (20, 30, 40, 50, 60, 70))
"""Table 3's fixed steps."""

OBJECTIVES_COMPARED = tuple(
    Strategy(objective=o) for o in ("delta_acc", "delta_f1", "delta_loss", "mix", "gamma")
)
"""Table 4's objectives, each under the Bayesian search."""

SEARCHES_COMPARED = tuple(Strategy(search=s) for s in ("bayesian", "grid", "random"))
"""Three searches for the best gamma, at the same number of evaluations."""

ALL_STRATEGIES = tuple(dict.fromkeys([*FIXED, *OBJECTIVES_COMPARED, *SEARCHES_COMPARED]))
"""Each once; the first, t = 20, is what the others are compared with."""


def personalise(
    method: Method,
    data: WindowSet,
    *,
    strategies: Sequence[Strategy],
    order: Order = "random",
    seed: int = 0,
    skipped: dict[str, str] | None = None,
) -> Iterator[Personalised]:
    """Every subject of a set under every strategy; a method without t has one of its own.

    Args:
        method: pre-trained.
        data: labelled windows of many subjects, in order of time within each.
        strategies: how to find t; not looked at for a method without frozen encoders.
        order: of the split.
        seed: of splits, classifiers, noise and searches.
        skipped: takes the reason for each subject that cannot be personalised.
    """
    who = data.table["subject"].to_numpy(dtype=str)
    for subject in np.unique(who).tolist():
        mine = data.take(who == subject)
        try:
            split = split_subject(mine.labels, order=order, seed=seed)
        except CannotPersonalise as error:
            if skipped is not None:
                skipped[subject] = str(error)
            continue
        if isinstance(method, FrozenFeatureClassifier):
            personal = PersonalClassifier(method, mine, mine.labels, split, seed=seed)
            for strategy in strategies:
                yield personal.test(strategy, subject=subject)
            continue
        began = time.perf_counter()
        classes = np.unique(mine.labels[split.personal])
        method.finetune(mine.take(split.personal), mine.labels[split.personal])
        best = method.predict(mine.take(split.test)).argmax(axis=1)
        yield Personalised(
            subject=subject,
            strategy="whole",
            t={},
            labels=mine.labels[split.test],
            predictions=classes[best],
            seconds=time.perf_counter() - began,
        )


def mean_over(
    _: ArrayLike, values: ArrayLike, *, weights: Weights | None = None
) -> float | NDArray[np.float64]:
    """The mean of one value per subject, in the form that the bootstrap takes."""
    v = np.asarray(values, dtype=np.float64)
    return float(v.mean()) if weights is None else (weights @ v) / weights.sum(axis=-1)


def by_subject(found: Iterable[Personalised], positive: str) -> dict[str, dict[str, float]]:
    """Each subject's F1 of the positive class and accuracy, {"f1": {subject: ...}, ...}."""
    scores: dict[str, dict[str, float]] = {"f1": {}, "accuracy": {}}
    for one in found:
        y, p = one.labels, one.predictions
        scores["f1"][one.subject] = float(class_f1(y, p, positive, zero_division=0))
        scores["accuracy"][one.subject] = float(accuracy(y, p))
    return scores


def summarise(
    found: Sequence[Personalised],
    positive: str,
    *,
    resamples: int,
    seed: int,
    against: Sequence[Personalised] | None = None,
) -> dict[str, Interval]:
    """The means over subjects of F1 and accuracy, with intervals from resampling subjects.

    Args:
        found: every subject under one strategy.
        positive: the class whose F1 counts.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        against: the same subjects under another strategy: adds the paired differences, named
            ``f1_over_t20``.

    Raises:
        ValueError: for fewer than two subjects, of whom no interval can be had, or where
            ``against`` has other subjects.
    """
    options: dict[str, Any] = {"n": resamples, "seed": seed}
    scores, intervals = by_subject(found, positive), {}
    others = by_subject(against or [], positive)
    for name, values in scores.items():
        v = list(values.values())
        intervals[name] = bootstrap_ci(v, v, mean_over, **options)
        if against:
            if list(others[name]) != list(values):
                raise ValueError(f"{against[0].strategy} was run on other subjects")
            d = paired_difference(v, v, list(others[name].values()), mean_over, **options)
            over = f"{name}_over_{against[0].strategy}"
            intervals[over] = Interval(d.value, d.low, d.high)
    y, p = (np.concatenate([getattr(f, part) for f in found]) for part in ("labels", "predictions"))
    subjects = np.concatenate([[f.subject] * len(f.labels) for f in found])
    metric = partial(class_f1, positive=positive, zero_division=0.0)
    intervals["f1_pooled"] = bootstrap_ci(y, p, metric, groups=subjects, **options)
    return intervals


def rhythm_windows(dataset: Dataset, method: Method, ids: Sequence[str] | None = None) -> WindowSet:
    """A set's windows inside its annotated rhythms, in order of time within each subject."""
    data = windows(dataset, replace(method.spec, within="rhythm"), ids=ids)
    labelled = np.flatnonzero(data.labels != "")
    table = data.table.iloc[labelled]
    order = table.sort_values(["subject", "record", "start"], kind="stable").index
    return data.take(order.to_numpy())


def run_personalisation(
    method: Method,
    dataset: Dataset,
    profile: Profile,
    *,
    ids: Sequence[str] | None = None,
    strategies: Sequence[Strategy],
    order: Order = "random",
    positive: str = "AF",
) -> Iterator[tuple[Result, list[Personalised]]]:
    """The protocol for every seed of a profile: a result for each strategy, and what is behind it.

    Differences are taken to the first strategy.

    Args:
        method: pre-trained.
        dataset: a set with annotated rhythms.
        profile: numbers of seeds and resamples.
        ids: of the records; None for all.
        strategies: how t is found.
        order: of the split.
        positive: the class whose F1 counts.
    """
    data = rhythm_windows(dataset, method, ids)
    for seed in range(profile.seeds):
        skipped: dict[str, str] = {}
        every = list(
            personalise(
                method, data, strategies=strategies, order=order, seed=seed, skipped=skipped
            )
        )
        reference = [f for f in every if f.strategy == every[0].strategy]
        for name in dict.fromkeys(f.strategy for f in every):
            found = [f for f in every if f.strategy == name]
            against = None if name == reference[0].strategy else reference
            result = Result(
                dataset=dataset.name,
                task="af-windows",
                protocol=f"personalise-{order}",
                method=method.info.name,
                variant=name,
                profile=profile.name,
                seed=seed,
                n=len(found),
                classes=(positive, f"non-{positive}"),
                metrics=summarise(
                    found, positive, resamples=profile.resamples, seed=seed, against=against
                ),
                params={"subjects": _per_subject(found, positive), "skipped": skipped},
                seconds=sum(f.seconds for f in found),
            )
            yield result, found


def _per_subject(found: Sequence[Personalised], positive: str) -> dict[str, dict[str, object]]:
    """What a result keeps of each subject."""
    scores = by_subject(found, positive)
    return {
        f.subject: {
            "t": f.t,
            "windows": len(f.labels),
            "f1": round(scores["f1"][f.subject], 4),
            "accuracy": round(scores["accuracy"][f.subject], 4),
            "attention": {name: round(weight, 3) for name, weight in f.weights.items()},
            "evaluations": f.search.evaluations if f.search else 0,
            "seconds": round(f.seconds, 1),
        }
        for f in found
    }


def personalisation_table(results: Sequence[Result]) -> str:
    """Tables 3 and 4 in Markdown: every strategy's scores, and its difference to t = 20."""
    mine = [r for r in results if r.protocol.startswith("personalise-")]
    if not mine:
        return "_No results yet._"
    columns = {"f1": "F1", "accuracy": "accuracy", "f1_pooled": "F1, pooled"}
    columns["f1_over_t20"] = "F1 less that of t20"
    return to_markdown(table(mine, columns, by=("dataset", "protocol", "method", "variant")))
