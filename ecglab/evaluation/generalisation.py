"""DiffECG's generalisation protocol (section 4.1, Table 1), for any method of the registry.

1. Pre-train on a whole source set, without labels.
2. Draw 20 % of a target's subjects, stratified by the classes they have, and fine-tune on them.
3. Predict the other 80 %: a record by the mean of its windows' probabilities, or, where rhythms
   are annotated, every window (``tasks.py`` says which).
4. Score by macro-F1; intervals come from resampling whole subjects.

A seed draws the subjects, the noise and the classifier. All methods are given the same subjects and
are scored on the same units, beside a majority guess, so that differences are paired.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecglab.data.pooling import pool_records
from ecglab.data.readers.base import Dataset
from ecglab.data.splits import holdout
from ecglab.evaluation.results import Result, check_name, save_predictions
from ecglab.evaluation.tasks import (
    CannotGeneralise,
    Several,
    Target,
    align,
    check_disjoint,
    take_units,
    target,
)
from ecglab.evaluation.tested import Tested, score
from ecglab.methods import METHODS, Method, RRSpectral, get_method, pretrained
from ecglab.profiles import Profile

FRACTION = 0.2
MAJORITY = "majority"
BASELINE = RRSpectral.info.name


def split(data: Target, *, seed: int) -> NDArray[np.bool_]:
    """True for the units of the subjects to fine-tune on: 20 % of them, (units,).

    Subjects are stratified by the classes that they have, whatever their number of units: half an
    hour of windows from one person is one person.

    Raises:
        CannotGeneralise: where there are too few subjects, or a part would hold only one class.
    """
    of = data.units.groupby("subject")["label"].agg(lambda x: "|".join(sorted(set(x))))
    k = round(1 / FRACTION)
    if len(of) < k or of.value_counts().max() < k:
        raise CannotGeneralise(
            f"{data.dataset}: {len(of)} subjects ({dict(of.value_counts())}) are too few for "
            f"{FRACTION:.0%} of them to fine-tune on"
        )
    with warnings.catch_warnings():  # classes that are too few show in ``Tested.params``
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        chosen = of.index[holdout(of.to_numpy(), of.index, fraction=FRACTION, seed=seed)]
    train = np.isin(data.subjects, chosen.to_numpy(dtype=str))
    for part, mask in (("fine-tuning", train), ("test", ~train)):
        if len(names := np.unique(data.labels[mask])) < 2:
            raise CannotGeneralise(
                f"{data.dataset}, seed {seed}: the {part} part has only {names.tolist()} of "
                f"{list(data.classes)}: too few subjects of the others"
            )
    return train


def evaluate(method: Method, data: Target, *, seed: int, linear: bool = False) -> Tested:
    """Fine-tune a method on 20 % of the subjects of a target, and predict the others.

    Args:
        method: pre-trained, or one that needs no pre-training.
        data: the target, cut as ``method.spec`` says (see ``target``).
        seed: of the split, the noise and the classifier.
        linear: logistic regression on the method's frozen embedding in place of its own classifier.

    Raises:
        CannotGeneralise: as ``split``.
        ValueError: where the method's probabilities are no such thing.
    """
    began = time.perf_counter()
    train = split(data, seed=seed)
    known, test = (take_units(data, np.flatnonzero(mask)) for mask in (train, ~train))
    labels = known.data.labels
    if linear:
        Method.finetune(method, known.data, labels, seed=seed)
        p = Method.predict(method, test.data, seed=seed)
    else:
        method.finetune(known.data, labels, seed=seed)
        p = np.asarray(method.predict(test.data, seed=seed), dtype=np.float64)
    classes = sorted(set(labels.tolist()))
    if p.shape != (len(test.data), len(classes)) or not np.isfinite(p).all():
        raise ValueError(
            f"{method.info.name}: {len(test.data)} windows and {len(classes)} classes, but "
            f"probabilities of shape {p.shape}, {np.isnan(p).sum()} of them NaN"
        )
    probabilities = np.zeros((len(test.units), len(data.classes)))
    columns = [data.classes.index(c) for c in classes]
    probabilities[:, columns] = pool_records(p, test.unit_of)
    seconds = time.perf_counter() - began
    tested = _tested(method.info.name, data, train, probabilities, seed, seconds)
    return replace(tested, params={**tested.params, "weights": method.weights()})


def guess_majority(data: Target, *, seed: int) -> Tested:
    """The naive guess: the classes' shares in the fine-tuning part, whatever the signal."""
    train = split(data, seed=seed)
    shares = np.array([np.mean(data.labels[train] == c) for c in data.classes])
    return _tested(MAJORITY, data, train, np.tile(shares, ((~train).sum(), 1)), seed, 0.0)


def run_generalisation(
    names: Sequence[str],
    source: tuple[Dataset, Sequence[str]],
    goal: tuple[Dataset, Sequence[str]],
    profile: Profile,
    *,
    several: Several = "drop",
    linear: bool = False,
    predictions: Path | None = None,
) -> Iterator[Result]:
    """One pair of Table 1: the majority guess, the RR baseline and the methods, for every seed.

    Each method is compared with the majority guess, with the RR baseline, and a fusion with each
    of its modalities that is among ``names``.

    Args:
        names: of methods.
        source: the data set to pre-train on, and its records.
        goal: the data set to fine-tune and test on, and its records.
        profile: number of seeds and resamples; where weights come from.
        several: what to do with records of several classes (see ``target``).
        linear: logistic regression on every embedding in place of a method's own classifier: is it
            the encoder or its classifier that fails? Methods without an embedding are left out.
        predictions: a folder for every method's predictions of the test part, as CSV.

    Raises:
        CannotGeneralise: where source and target share records, or as ``target``, ``align`` and
            ``split``.
    """
    (dataset, ids), (ours, theirs) = goal, source
    check_disjoint(ours, dataset)
    check_name("a data set's name", dataset.name)
    check_name("a data set's name", ours.name)
    # The baseline first and fusions last: whoever is compared with others comes after them.
    rest = sorted((n for n in names if n != BASELINE), key=lambda n: bool(get_method(n).made_of))
    names = [BASELINE, *rest]
    if linear:
        names = [name for name in names if "embed" in get_method(name).supports()]
    methods = {n: pretrained(n, ours, theirs, profile, only_source=True) for n in names}
    cut = [target(dataset, ids, m.spec, several=several) for m in methods.values()]
    views = dict(zip(names, align(cut), strict=True))
    for seed in range(profile.seeds):
        done: dict[str, Tested] = {}
        for name in (MAJORITY, *methods):
            if name == MAJORITY:
                tested = guess_majority(views[BASELINE], seed=seed)
            else:
                tested = evaluate(methods[name], views[name], seed=seed, linear=linear)
            variants = {"linear": linear and _has_own(name), several: several != "drop"}
            rivals = [done[n] for n in (MAJORITY, BASELINE, *_parts(name)) if n in done]
            done[name] = tested
            result = score(
                tested,
                source=ours.name,
                profile=profile,
                against=rivals,
                variant="+".join(v for v, used in variants.items() if used),
            )
            save_predictions(result, tested.table(), predictions)
            yield result


def _has_own(name: str) -> bool:
    """Whether a method's own classifier is another than the linear one."""
    return name in METHODS and METHODS[name].finetune is not Method.finetune


def _parts(name: str) -> tuple[str, ...]:
    return METHODS[name].made_of if name in METHODS else ()


def _tested(
    method: str,
    data: Target,
    train: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    seed: int,
    seconds: float,
) -> Tested:
    known, test = data.units[train], data.units[~train].reset_index(drop=True)
    counts = known["label"].value_counts()
    params = {
        "unit": data.task.unit if data.task.unit == "record" else "window",
        "finetune_subjects": int(known["subject"].nunique()),
        "test_subjects": int(test["subject"].nunique()),
        "finetune": {c: int(counts.get(c, 0)) for c in data.classes},
        "cannot_predict": [c for c in data.classes if c not in counts],
        "not_tested": [c for c in data.classes if c not in set(test["label"])],
        "left_out": data.left_out,
    }
    return Tested(
        method=method,
        seed=seed,
        dataset=data.dataset,
        task=data.task.name,
        classes=data.classes,
        units=test,
        probabilities=probabilities,
        params=params,
        seconds=seconds,
    )
