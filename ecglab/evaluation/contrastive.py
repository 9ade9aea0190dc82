"""DACL against its baselines on CinC 2017: AUROC by record, under noise, and with few labels.

Five folds by record, the same for all questions and systems; whatever is learned is learned on four
of them. A record's score is the mean over its windows. CinC 2017 names no patients, so
"patient-level", as the paper has it, can only be this.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglab.data.corrupted import Corrupted
from ecglab.data.readers.base import Dataset
from ecglab.data.windows import windows
from ecglab.evaluation.bootstrap import Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.contrastive_systems import (
    FOLDS,
    QUESTIONS,
    SYSTEMS,
    Features,
    Question,
    fit_system,
    folds_of,
    latent_of,
    record_scores,
    settings,
)
from ecglab.evaluation.metrics import auroc
from ecglab.evaluation.results import Result
from ecglab.methods.scattering_features import DACL_WINDOWS
from ecglab.profiles import Profile
from ecglab.signals.artefacts import KINDS

COMPARE, NOISE, FEW = "5fold-auroc", "noise-auroc", "fewshot-auroc"
SAMPLERS = ("all", "middle", "late")
SNRS = (0, 6, 12, 18, 24)
LABELS = (5, 10, 50)
RHYTHM = "rhythm"
"""The variant of runs on features with periodicity."""


def run_comparison(
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    questions: Sequence[str] = tuple(QUESTIONS),
    systems: Sequence[str] = SYSTEMS,
    samplers: Sequence[str] = SAMPLERS,
    rhythm: bool = False,
    seeds: Sequence[int] | None = None,
) -> Iterator[Result]:
    """Every system on every question; DACL also with other steps than the early ones.

    Each is compared, record by record, with every other that came before it, and other steps with
    the early ones. With ``rhythm`` all of them read features that have periodicity beside them, and
    the results' variants begin with that word.
    """
    data = Features.of(windows(dataset, DACL_WINDOWS, ids=ids), rhythm=rhythm)
    runs = [(name, "") for name in systems]
    if "dacl" in systems:
        runs += [("dacl", f"steps-{s}") for s in samplers]
    for seed in range(profile.seeds) if seeds is None else seeds:
        fold = folds_of(data, seed=seed)
        bases = {f: latent_of(data.take(fold != f), profile, seed=seed) for f in range(FOLDS)}
        for q in (QUESTIONS[name] for name in questions):
            scores: dict[tuple[str, str], NDArray[np.float64]] = {}
            for name, variant in runs:
                began, found = time.perf_counter(), np.zeros(len(data.labels))
                sampler: dict[str, Any] = (
                    {"sampler": variant.removeprefix("steps-")} if variant else {}
                )
                for f, base in bases.items():
                    train, test = data.take(fold != f), data.take(fold == f)
                    model = fit_system(name, profile, train, q, base, seed=seed, **sampler)
                    found[fold == f] = record_scores(model, test)
                rivals = scores if not variant else {("dacl", ""): scores["dacl", ""]}
                yield _result(
                    (name, "+".join(filter(None, [rhythm * RHYTHM, variant]))),
                    q,
                    data.labels,
                    found,
                    rivals,
                    dataset=dataset.name,
                    profile=profile,
                    seed=seed,
                    params=settings(model),
                    seconds=time.perf_counter() - began,
                )
                scores[name, variant] = found


def run_noise(
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    question: str = "af-vs-normal",
    systems: Sequence[str] = SYSTEMS,
    snrs: Sequence[int] = SNRS,
    seed: int = 0,
) -> Iterator[Result]:
    """Train on clean records, test a fifth of them with noise of every kind at every ratio."""
    q = QUESTIONS[question]
    data = Features.of(windows(dataset, DACL_WINDOWS, ids=ids))
    fold = folds_of(data, seed=seed)
    train = data.take(fold != 0)
    base = latent_of(train, profile, seed=seed)
    models, trained = {}, {}
    for name in systems:
        began = time.perf_counter()
        models[name] = fit_system(name, profile, train, q, base, seed=seed)
        trained[name] = time.perf_counter() - began
    asked = data.names[(fold == 0) & q.asked(data.labels)]
    run: dict[str, Any] = {"dataset": dataset.name, "profile": profile, "seed": seed}
    for kind in KINDS:
        for snr in snrs:
            source = Corrupted(dataset, kind, snr, seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                cut = windows(source, DACL_WINDOWS, ids=list(asked), home=Path(folder))
                test = Features.of(cut, home=Path(folder))
                test = replace(test, x=np.array(test.x))
            scores: dict[tuple[str, str], NDArray[np.float64]] = {}
            for name, model in models.items():
                began = time.perf_counter()
                found = record_scores(model, test)
                key = (name, f"{kind}-{snr}dB")
                made: dict[str, Any] = {
                    "params": settings(model),
                    "seconds": trained[name] + time.perf_counter() - began,
                }
                yield _result(key, q, test.labels, found, scores, protocol=NOISE, **run, **made)
                scores[key] = found


def run_few(
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    question: str = "af-vs-normal",
    systems: Sequence[str] = SYSTEMS,
    labels: Sequence[int] = LABELS,
    seeds: Sequence[int] = range(5),
) -> Iterator[Result]:
    """A few labelled records of each class; the other training records train the VAE only."""
    q = QUESTIONS[question]
    data = Features.of(windows(dataset, DACL_WINDOWS, ids=ids))
    fold = folds_of(data, seed=0)
    train, test = data.take(fold != 0), data.take((fold == 0) & q.asked(data.labels))
    base = latent_of(train, profile, seed=0)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        asked, positive = q.asked(train.labels), q.answer(train.labels)
        order = [rng.permutation(np.flatnonzero(asked & (positive == c))) for c in (False, True)]
        for k in labels:
            known = np.zeros(len(train.labels), bool)
            known[np.concatenate([part[:k] for part in order])] = True
            scores: dict[tuple[str, str], NDArray[np.float64]] = {}
            for name in systems:
                began = time.perf_counter()
                few = train.take(known)
                model = fit_system(name, profile, few, q, base, seed=seed, unlabelled=train)
                key = (name, f"labels{k}")
                found = record_scores(model, test)
                yield _result(
                    key,
                    q,
                    test.labels,
                    found,
                    scores,
                    protocol=FEW,
                    dataset=dataset.name,
                    profile=profile,
                    seed=seed,
                    params=settings(model),
                    seconds=time.perf_counter() - began,
                )
                scores[key] = found


def _result(
    key: tuple[str, str],
    question: Question,
    labels: NDArray[np.str_],
    found: NDArray[np.float64],
    rivals: Mapping[tuple[str, str], NDArray[np.float64]],
    *,
    dataset: str,
    profile: Profile,
    seed: int,
    params: dict[str, Any],
    seconds: float,
    protocol: str = COMPARE,
) -> Result:
    """AUROC with its interval, and paired differences to the rivals.

    The seconds are those of the encoder's training and of the test, without the VAE that all share.
    """
    asked = question.asked(labels)
    y, p = question.answer(labels)[asked], found[asked]
    options: dict[str, Any] = {"n": profile.resamples, "seed": seed}
    metrics = {"auroc": bootstrap_ci(y, p, auroc, **options)}
    for (name, _), other in rivals.items():
        d = paired_difference(y, p, other[asked], auroc, **options)
        metrics[f"auroc_over_{name}"] = Interval(d.value, d.low, d.high)
    return Result(
        dataset=dataset,
        task=question.name,
        protocol=protocol,
        method=key[0],
        variant=key[1],
        profile=profile.name,
        seed=seed,
        n=int(asked.sum()),
        classes=("negative", "positive"),
        metrics=metrics,
        params=params,
        seconds=seconds,
    )
