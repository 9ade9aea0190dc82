"""The probe of CinC 2017: what a frozen embedding knows of four rhythm classes.

Record-wise, since the set names no patients: an embedding per record, five stratified folds, a
linear probe, out-of-fold predictions of all records scored together. A seed draws the folds and
the noise that a diffusion encoder adds; intervals come from resampling records.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecglab.data.readers.base import Dataset
from ecglab.data.splits import kfold
from ecglab.data.windows import RecordSource
from ecglab.evaluation.bootstrap import Interval, Metric, bootstrap_ci, paired_difference
from ecglab.evaluation.metrics import CINC2017_CLASSES, cinc2017_score, class_f1, macro_f1
from ecglab.evaluation.probe import ProbeResult, linear_probe, majority
from ecglab.evaluation.results import Result, check_name, save_predictions
from ecglab.methods import Method, RRSpectral, load_weights, pretrained
from ecglab.profiles import Profile

METRICS: dict[str, Metric] = {
    "macro_f1": partial(macro_f1, classes=CINC2017_CLASSES),
    "cinc2017_score": cinc2017_score,
    **{f"f1_{c if c != '~' else 'noisy'}": partial(class_f1, positive=c) for c in CINC2017_CLASSES},
}
FOLDS = 5
PROTOCOL = "5fold-record"


@dataclass(frozen=True, kw_only=True, eq=False)
class Probed:
    """Out-of-fold predictions of one method and seed, in the order of ``rows``."""

    method: str
    seed: int
    rows: pd.DataFrame
    probe: ProbeResult
    params: dict[str, object]
    seconds: float

    @property
    def labels(self) -> NDArray[np.str_]:
        """The records' classes, (n,)."""
        return self.rows["label"].to_numpy(dtype=str)

    def table(self) -> pd.DataFrame:
        """``rows`` with the prediction and the probability of every class."""
        p = self.probe
        columns = {f"p_{c}": p.probabilities[:, i] for i, c in enumerate(p.classes)}
        return self.rows.assign(prediction=p.predictions, **columns)


def check_classes(dataset: Dataset) -> None:
    """These protocols score CinC 2017's four classes, and no others.

    Raises:
        ValueError: for a data set that has other classes.
    """
    if not dataset.classes or not set(dataset.classes) <= set(CINC2017_CLASSES):
        raise ValueError(
            f"{dataset.name} has other classes ({', '.join(dataset.classes) or 'none'}) than CinC "
            f"2017 ({', '.join(CINC2017_CLASSES)}), which are asked here; `ecglab generalise "
            "--target` tests on other sets, and on a folder of your own"
        )


class Vectors:
    """Methods' vectors of some records, none of them computed twice.

    What a method draws no noise for is the same for every seed.
    """

    def __init__(self, dataset: RecordSource, ids: Sequence[str]) -> None:
        self.records = dataset, ids
        self._found: dict[Any, tuple[NDArray[np.float32], pd.DataFrame]] = {}

    def of(
        self, method: Method, *, seed: int, t: int | None = None
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """``method.embed_records``."""
        key = (method, seed, t) if method.draws else method
        if key not in self._found:
            self._found[key] = method.embed_records(*self.records, seed=seed, t=t)
        return self._found[key]


def probe_method(
    method: Method,
    dataset: RecordSource,
    ids: Sequence[str],
    *,
    seed: int,
    t: int | None = None,
    beside: Sequence[Method] = (),
    vectors: Vectors | None = None,
) -> Probed:
    """Embed every record, and predict it from the folds that do not hold it.

    Args:
        method: a pre-trained method, or one that needs no training.
        dataset: CinC 2017, or the simulator with the same classes.
        ids: the records to use.
        seed: of the folds, and of the noise where a method adds some.
        t: the noise step, for a method that has one; None: as configured.
        beside: further methods, whose vectors are appended: does one know what the other does not?
        vectors: of these records, where some may be known already.

    Raises:
        ValueError: where the methods cannot read the same records, or one has learned from labels.
    """
    began, methods = time.perf_counter(), (method, *beside)
    if learned := [m.info.name for m in methods if m.needs_labels]:
        raise ValueError(f"{', '.join(learned)} learned from labels, perhaps of these records")
    known = vectors or Vectors(dataset, ids)
    found = [known.of(m, seed=seed, t=t) for m in methods]
    rows = found[0][1]
    if any(list(other["record"]) != list(rows["record"]) for _, other in found):
        raise ValueError(f"{', '.join(m.info.name for m in methods)} read different records")
    features = np.hstack([columns for columns, _ in found])
    folds = kfold(rows["label"], rows["subject"], k=FOLDS, seed=seed)
    probe = linear_probe(features, rows["label"], folds, groups=shared_subjects(rows), seed=seed)
    params = {
        "t": t,
        "C": {str(fold): c for fold, c in probe.C.items()},
        "d": features.shape[1],
        "weights": {name: made for m in methods for name, made in m.weights().items()},
    }
    seconds = time.perf_counter() - began
    name = "+".join(m.info.name for m in methods)
    return Probed(method=name, seed=seed, rows=rows, probe=probe, params=params, seconds=seconds)


def shared_subjects(rows: pd.DataFrame) -> NDArray[np.str_] | None:
    """The subjects, (n,), that inner folds must not part; None where each has one record.

    (Folds of groups are drawn otherwise than those of records, also where the two are one.)
    """
    of = rows["subject"]
    return of.to_numpy(dtype=str) if of.duplicated().any() else None


def probe_majority(rows: pd.DataFrame, *, seed: int) -> Probed:
    """The naive guess, on the same records and folds."""
    folds = kfold(rows["label"], rows["subject"], k=FOLDS, seed=seed)
    probe = majority(rows["label"], folds)
    return Probed(method="majority", seed=seed, rows=rows, probe=probe, params={}, seconds=0.0)


def score(
    probed: Probed,
    *,
    dataset: str,
    profile: Profile,
    against: Sequence[Probed] = (),
    variant: str = "",
    protocol: str = PROTOCOL,
) -> Result:
    """A result with intervals, and paired differences of the main scores from those of others.

    A difference is named ``macro_f1_over_rr-spectral``: this method's score less the other's, on
    the same resampled records.

    Raises:
        ValueError: where one of them was not probed on the same records.
    """
    y, predicted = probed.labels, probed.probe.predictions
    options: dict[str, Any] = {"n": profile.resamples, "seed": probed.seed}
    metrics = {
        name: bootstrap_ci(y, predicted, metric, **options) for name, metric in METRICS.items()
    }
    for rival in against:
        if list(rival.rows["record"]) != list(probed.rows["record"]):
            raise ValueError(f"{probed.method} and {rival.method} saw different records")
        other = rival.probe.predictions
        for name in ("macro_f1", "cinc2017_score"):
            difference = paired_difference(y, predicted, other, METRICS[name], **options)
            metrics[f"{name}_over_{rival.method}"] = Interval(
                difference.value, difference.low, difference.high
            )
    return Result(
        dataset=dataset,
        task="rhythm4",
        protocol=protocol,
        method=probed.method,
        variant=variant,
        profile=profile.name,
        seed=probed.seed,
        n=len(y),
        classes=CINC2017_CLASSES,
        metrics=metrics,
        params=probed.params,
        seconds=probed.seconds,
    )


def run_probes(
    names: Sequence[str],
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    t: int | None = None,
    predictions: Path | None = None,
) -> Iterator[Result]:
    """Probe methods of the registry for every seed of a profile, beside the majority guess.

    Each is also compared, record by record, with the RR baseline and with those named before it.

    Args:
        names: of methods, the references first; those joined by ``+`` are probed together, their
            vectors side by side.
        dataset: CinC 2017, or the simulator.
        ids: the records to use.
        profile: number of seeds and resamples; where weights come from.
        t: the noise step, for methods that have one; None: as configured.
        predictions: a folder for every record's prediction, as CSV.

    Raises:
        ValueError: for a data set of other classes.
    """
    check_classes(dataset)
    run: dict[str, Any] = {"dataset": dataset.name, "profile": profile}
    single = dict.fromkeys(part for name in names for part in name.split("+"))
    methods = {name: pretrained(name, dataset, ids, profile) for name in single}
    rr, vectors = RRSpectral(), Vectors(dataset, ids)
    for seed in range(profile.seeds):
        baseline = probe_method(rr, dataset, ids, seed=seed, vectors=vectors)
        yield score(probe_majority(baseline.rows, seed=seed), **run)
        rivals = [baseline]
        for name in names:
            if name == RRSpectral.info.name:
                yield _kept(score(baseline, **run), baseline, predictions)
                continue
            method, *beside = (methods[part] for part in name.split("+"))
            step = t if any(m.draws for m in (method, *beside)) else None
            probed = probe_method(
                method, dataset, ids, seed=seed, t=step, beside=beside, vectors=vectors
            )
            variant = "" if step is None else f"t{step}"
            result = score(probed, **run, against=rivals, variant=variant)
            yield _kept(result, probed, predictions)
            rivals.append(probed)


def _kept(result: Result, probed: Probed, folder: Path | None) -> Result:
    save_predictions(result, probed.table(), folder)
    return result


def run_weights(
    folders: Sequence[Path],
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    predictions: Path | None = None,
) -> Iterator[Result]:
    """Probe weights of one's own, as ``pretrain`` leaves them, for every seed of a profile.

    A folder's name is its run's variant. Each is compared, record by record, with the first, and
    keeps the card of what made it in its ``params``.

    Args:
        folders: of weights.
        dataset: CinC 2017, or the simulator.
        ids: the records to use.
        profile: number of seeds and resamples.
        predictions: a folder for every record's prediction, as CSV.

    Raises:
        ValueError: for a folder without weights, two of one name, or a data set of other classes.
    """
    check_classes(dataset)
    folders = [Path(os.path.abspath(folder)) for folder in folders]  # "." has no name
    methods = {folder.name: load_weights(folder) for folder in folders}
    if len(methods) < len(folders):
        raise ValueError("the folders' names must differ: they are the variants")
    for name in methods:
        check_name("a folder's name", name)
    configs = [json.loads((f / "config.json").read_text(encoding="utf-8")) for f in folders]
    vectors = Vectors(dataset, ids)
    for seed in range(profile.seeds):
        reference: list[Probed] = []
        for (name, method), config in zip(methods.items(), configs, strict=True):
            probed = probe_method(method, dataset, ids, seed=seed, vectors=vectors)
            probed = replace(probed, params={**probed.params, "card": config["card"]})
            result = score(
                probed, dataset=dataset.name, profile=profile, against=reference, variant=name
            )
            reference = reference or [replace(probed, method=name)]
            yield _kept(result, probed, predictions)
