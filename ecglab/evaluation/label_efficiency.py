"""How many labels does it take? A frozen embedding against the same network trained from scratch.

A fifth of the records tests. Of the others 1, 10 or 100 % lend their labels: to a linear probe on
each embedding, or to a network that is trained with them alone. Everything else is as in the probe
of CinC 2017: record by record, out of the same windows.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecglab.data.pooling import pool_records
from ecglab.data.readers.base import Dataset
from ecglab.data.splits import holdout
from ecglab.data.windows import windows
from ecglab.evaluation.cinc2017 import Probed, Vectors, check_classes, score, shared_subjects
from ecglab.evaluation.probe import INNER_FOLDS, ProbeResult, fit_probe
from ecglab.evaluation.results import Result
from ecglab.methods import Method, SupervisedEncoder, pretrained
from ecglab.profiles import Profile

FRACTIONS = (0.01, 0.1, 1.0)
PROTOCOL = "holdout20-record"


def variant_name(kind: str, fraction: float) -> str:
    """A run's variant: how the method was made, if not as usual, and its share of the labels.

    >>> variant_name("untrained", 0.1), variant_name("", 0.005)
    ('untrained+labels10', 'labels0.5')
    """
    return "+".join(filter(None, (kind, f"labels{100 * fraction:g}")))


def draw(labels: ArrayLike, fraction: float, *, seed: int) -> NDArray[np.bool_]:
    """True for the records that lend their labels: a fraction of each class, (n,).

    At least ``INNER_FOLDS`` of each class, which a probe needs to choose its penalty.

    Raises:
        ValueError: for a fraction outside (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"a fraction lies in (0, 1], not {fraction}")
    y, chosen = np.asarray(labels), np.zeros(len(np.asarray(labels)), bool)
    rng = np.random.default_rng(seed)
    for label in np.unique(y):
        mine = rng.permutation(np.flatnonzero(y == label))
        chosen[mine[: max(INNER_FOLDS, round(fraction * len(mine)))]] = True
    return chosen


def run_label_efficiency(
    names: Sequence[str],
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    fractions: Sequence[float] = FRACTIONS,
) -> Iterator[Result]:
    """Every method at every fraction of the labels, for every seed of a profile.

    A method that is pre-trained is also probed with the weights that it was born with (variant
    ``untrained``). Differences are taken to the first name.

    Args:
        names: of methods.
        dataset: CinC 2017, or the simulator.
        ids: the records to use.
        profile: number of seeds and resamples; where weights come from.
        fractions: of the labels.

    Raises:
        ValueError: for a data set of other classes than CinC 2017's.
    """
    check_classes(dataset)
    systems = [(name, "", pretrained(name, dataset, ids, profile)) for name in names]
    for name, _, method in list(systems):
        if "pretrain" in method.supports():
            # Of the same sizes, which shipped weights need not share with the profile.
            systems.append((name, "untrained", type(method).from_config(method.config())))
    vectors = Vectors(dataset, ids)
    for seed in range(profile.seeds):
        first: dict[float, Probed] = {}
        for name, variant, method in systems:
            for fraction, probed in _learn(method, vectors, fractions, seed):
                reference = first.setdefault(fraction, probed)
                yield score(
                    probed,
                    dataset=dataset.name,
                    profile=profile,
                    against=[] if name == names[0] and not variant else [reference],
                    variant=variant_name(variant, fraction),
                    protocol=PROTOCOL,
                )


def _learn(
    method: Method, vectors: Vectors, fractions: Sequence[float], seed: int
) -> Iterator[tuple[float, Probed]]:
    """One method and seed at every fraction."""
    embeds = "embed" in method.supports()
    if embeds:
        features, rows = vectors.of(method, seed=seed)
    else:
        dataset, ids = vectors.records
        data = windows(dataset, method.spec, ids=ids)
        rows, record_of = data.records()
    labels = rows["label"].to_numpy(dtype=str)
    test = holdout(labels, rows["subject"], fraction=0.2, seed=seed)
    for fraction in fractions:
        began = time.perf_counter()
        known = np.flatnonzero(~test)[draw(labels[~test], fraction, seed=seed)]
        if embeds:
            groups = shared_subjects(rows.iloc[known])
            model = fit_probe(features[known], labels[known], groups=groups, seed=seed)
            p = model.predict_proba(features[test].astype(np.float64))
        else:
            learn = data.take(np.isin(record_of, known))
            method.finetune(learn, learn.labels, seed=seed)
            asked = data.take(test[record_of])
            p = pool_records(method.predict(asked, seed=seed), asked.records()[1])
        yield fraction, _probed(method, rows[test], labels[known], p, seed, began)


def _probed(
    method: Method,
    rows: pd.DataFrame,
    known: NDArray[np.str_],
    p: NDArray[np.floating],
    seed: int,
    began: float,
) -> Probed:
    classes, counts = np.unique(known, return_counts=True)
    params: dict[str, Any] = {"labels": dict(zip(classes.tolist(), counts.tolist(), strict=True))}
    params["weights"] = method.weights()
    if isinstance(method, SupervisedEncoder) and method.trained is not None:
        kept = ("steps", "batch_size", "lr")
        params["training"] = {name: getattr(method.trained, name) for name in kept}
    probabilities = np.asarray(p, dtype=np.float64)
    result = ProbeResult(
        tuple(classes.tolist()), probabilities, classes[probabilities.argmax(axis=1)], {}
    )
    return Probed(
        method=method.info.name,
        seed=seed,
        rows=rows.reset_index(drop=True),
        probe=result,
        params=params,
        seconds=time.perf_counter() - began,
    )
