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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglab.data.readers.base import Dataset
from ecglab.data.readers.physionet import natural_key
from ecglab.data.splits import Order
from ecglab.data.windows import WindowSet
from ecglab.evaluation.bootstrap import Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.metrics import Weights, accuracy, class_f1
from ecglab.evaluation.personal import (
    LINEAR,
    WHOLE,
    CannotPersonalise,
    PersonalClassifier,
    Personalised,
    Split,
    Strategy,
    guess_majority,
    split_subject,
)
from ecglab.evaluation.population import before_personalising, fibrillation_windows
from ecglab.evaluation.results import Result
from ecglab.evaluation.tasks import check_disjoint, target, task_of
from ecglab.methods import FrozenFeatureClassifier, Method
from ecglab.profiles import Profile

PUBLISHED = 0.1
"""The share of a subject's windows that personalise in the paper."""

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


def split_subjects(
    data: WindowSet,
    *,
    order: Order = "random",
    fraction: float = 0.1,
    seed: int = 0,
    skipped: dict[str, str] | None = None,
) -> list[tuple[str, WindowSet, Split]]:
    """Every subject of a set that can be personalised: its name, its windows, and their split.

    Args:
        data: labelled windows of many subjects, in order of time within each.
        order: of the split.
        fraction: share of a subject's windows that personalise.
        seed: of the splits.
        skipped: takes the reason for each subject that cannot be personalised.
    """
    who, found = data.table["subject"].to_numpy(dtype=str), []
    for subject in np.unique(who).tolist():
        mine = data.take(who == subject)
        try:
            split = split_subject(mine.labels, order=order, fraction=fraction, seed=seed)
        except CannotPersonalise as error:
            if skipped is not None:
                skipped[subject] = str(error)
        else:
            found.append((subject, mine, split))
    return found


def personalise(
    method: Method,
    subjects: Iterable[tuple[str, WindowSet, Split]],
    *,
    strategies: Sequence[Strategy],
    seed: int = 0,
) -> Iterator[Personalised]:
    """Every subject under every strategy.

    A method without t has one strategy of its own, ``WHOLE``: it learns from all personal windows.
    So does ``LINEAR``, which comes last for frozen encoders: logistic regression on their embedding
    at the configured t, in place of the paper's classifier.

    Args:
        method: pre-trained.
        subjects: as ``split_subjects`` gives them.
        strategies: how to find t; not looked at for a method without frozen encoders.
        seed: of classifiers, noise and searches.
    """
    for subject, mine, split in subjects:
        if frozen := isinstance(method, FrozenFeatureClassifier):
            personal = PersonalClassifier(method, mine, mine.labels, split, seed=seed)
            for strategy in strategies:
                yield personal.test(strategy, subject=subject)
        began = time.perf_counter()
        known, test = mine.take(split.personal), mine.take(split.test)
        classifier = Method if frozen else type(method)  # Method's own is linear
        classifier.finetune(method, known, known.labels, seed=seed)
        p = classifier.predict(method, test, seed=seed)
        yield Personalised(
            subject=subject,
            strategy=LINEAR if frozen else WHOLE,
            t={},
            labels=test.labels,
            predictions=np.unique(known.labels)[p.argmax(axis=1)],
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

    Of a single subject, the windows are resampled instead: its interval says nothing of others.

    Args:
        found: every subject under one strategy.
        positive: the class whose F1 counts.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        against: the same subjects under another strategy: adds the paired differences, named
            ``f1_over_t20``.

    Raises:
        ValueError: where ``against`` has other subjects.
    """
    options: dict[str, Any] = {"n": resamples, "seed": seed}
    if against and [f.subject for f in against] != [f.subject for f in found]:
        raise ValueError(f"{against[0].strategy} was run on other subjects")
    over = f"_over_{against[0].strategy}" if against else ""
    y, p = _together(found, "labels"), _together(found, "predictions")
    f1 = partial(class_f1, positive=positive, zero_division=0.0)
    intervals: dict[str, Interval] = {}
    if len(found) > 1:
        scores, others = by_subject(found, positive), by_subject(against or [], positive)
        for name, values in scores.items():
            v = list(values.values())
            intervals[name] = bootstrap_ci(v, v, mean_over, **options)
            if against:
                w = list(others[name].values())
                intervals[name + over] = paired_difference(v, v, w, mean_over, **options)
        options["groups"] = np.repeat([f.subject for f in found], [len(f.labels) for f in found])
    else:
        for name, metric in (("f1", f1), ("accuracy", accuracy)):
            intervals[name] = bootstrap_ci(y, p, metric, **options)
            if against:
                q = _together(against, "predictions")
                intervals[name + over] = paired_difference(y, p, q, metric, **options)
    intervals["f1_pooled"] = bootstrap_ci(y, p, f1, **options)
    return {name: Interval(i.value, i.low, i.high) for name, i in intervals.items()}


def _together(found: Sequence[Personalised], part: str) -> NDArray[np.str_]:
    return np.concatenate([getattr(f, part) for f in found])


def rhythm_windows(dataset: Dataset, method: Method, ids: Sequence[str] | None = None) -> WindowSet:
    """A set's windows inside its annotated rhythms, in order of time within each subject.

    Raises:
        CannotPersonalise: for a set whose rhythms are not annotated.
        CannotGeneralise: for a set of one rhythm.
    """
    if task_of(dataset).unit != "rhythm":
        raise CannotPersonalise(f"{dataset.name} has no annotated rhythms within its records")
    data = target(dataset, dataset.ids() if ids is None else ids, method.spec).data
    # By number, as records follow one another: data_35_4 comes before data_35_10.
    table = data.table.assign(record=data.table["record"].map(natural_key))
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
    fraction: float = 0.1,
    source: tuple[Dataset, Sequence[str]] | None = None,
    positive: str = "AF",
) -> Iterator[tuple[Result, list[Personalised]]]:
    """The protocol for every seed of a profile: a result for each strategy, and what is behind it.

    Beside the strategies stand the majority guess and, where ``source`` is given, a classifier that
    was not personalised. Differences are taken to the first strategy.

    Args:
        method: pre-trained.
        dataset: a set with annotated rhythms.
        profile: numbers of seeds and resamples.
        ids: of the records; None for all.
        strategies: how t is found.
        order: of the split.
        fraction: share of a subject's windows that personalise.
        source: labelled records for a classifier without personalisation; None for none.
        positive: the class whose F1 counts.

    Raises:
        CannotPersonalise: where nobody can be personalised.
        CannotGeneralise: where ``source`` and ``dataset`` share records.
    """
    if source is not None:
        check_disjoint(source[0], dataset)
    data = rhythm_windows(dataset, method, ids)
    share = "" if fraction == PUBLISHED else f"-{fraction:.0%}".rstrip("%")
    for seed in range(profile.seeds):
        skipped: dict[str, str] = {}
        subjects = split_subjects(data, order=order, fraction=fraction, seed=seed, skipped=skipped)
        if not subjects:
            raise CannotPersonalise(f"{dataset.name}, {order}: {_reasons(skipped)}")
        every = list(personalise(method, subjects, strategies=strategies, seed=seed))
        every += [guess_majority(*one) for one in subjects]
        if source is not None:
            labelled = fibrillation_windows(*source, method, seed=seed)
            every += before_personalising(method, labelled, subjects, seed=seed)
        reference = [f for f in every if f.strategy == every[0].strategy]
        for name in dict.fromkeys(f.strategy for f in every):
            found = [f for f in every if f.strategy == name]
            against = None if name == reference[0].strategy else reference
            result = Result(
                dataset=dataset.name,
                task="af-windows",
                protocol=f"personalise-{order}{share}",
                method=method.info.name,
                variant=name,
                profile=profile.name,
                seed=seed,
                n=len(found),
                classes=(positive, f"non-{positive}"),
                metrics=summarise(
                    found, positive, resamples=profile.resamples, seed=seed, against=against
                ),
                params={
                    "subjects": _per_subject(found, positive),
                    "skipped": skipped,
                    "weights": method.weights(),
                },
                seconds=sum(f.seconds for f in found),
            )
            yield result, found


def _reasons(skipped: Mapping[str, str]) -> str:
    """How many subjects were left out for each reason."""
    return "; ".join(f"{n} subjects: {why}" for why, n in Counter(skipped.values()).items())


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
