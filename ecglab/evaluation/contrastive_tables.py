"""DACL's tables: against its baselines, by the third of the steps, under noise, with few labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecglab.evaluation.contrastive import COMPARE, FEW, LABELS, NOISE, RHYTHM, SAMPLERS, SNRS
from ecglab.evaluation.contrastive_systems import BASELINES, QUESTIONS, SYSTEMS
from ecglab.evaluation.results import Result
from ecglab.evaluation.tables import table, to_markdown
from ecglab.methods import METHODS
from ecglab.signals.artefacts import KINDS

NONE = "_No results yet._"
PAPER = {
    "dacl": "0.7815; 0.9741",
    "denoising-autoencoder": "0.7532; —",
    "contrastive-gaussian": "0.6716; —",
}
"""AUROC in the paper: its first two versions, which do not name the classes; its third."""

FEATURES = {"": "as published", RHYTHM: "and rhythm"}
"""What the systems read, by variant."""

TITLES = {
    "af-vs-normal": "AF against normal",
    "af-vs-rest": "AF against the rest",
    "normal-vs-rest": "normal against the rest",
}


def comparison_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """AUROC of every system on every question, with and without rhythm, in Markdown."""
    parts = []
    for variant in ("", RHYTHM):
        mine = [r for r in _of(results, COMPARE, profile) if r.variant == variant]
        if not mine:
            continue
        columns = {"system": _titles(SYSTEMS), "features": [FEATURES[variant]] * len(SYSTEMS)}
        columns["paper"] = [PAPER.get(name, "—") if not variant else "—" for name in SYSTEMS]
        for q in QUESTIONS:
            of_q = [r for r in mine if r.task == q]
            columns[TITLES[q]] = list(table(of_q, {"auroc": "x"}, rows=SYSTEMS)["x"])
        parts.append(pd.DataFrame(columns))
    return to_markdown(pd.concat(parts, ignore_index=True)) if parts else NONE


def gains_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """What DACL adds to each baseline, as paired differences, in Markdown."""
    columns = {f"auroc_over_{n}": t for n, t in zip(BASELINES, _titles(BASELINES), strict=True)}
    parts, of_dacl = [], [r for r in _of(results, COMPARE, profile) if r.method == "dacl"]
    for variant in ("", RHYTHM):
        mine = [r for r in of_dacl if r.variant == variant]
        asked = [q for q in QUESTIONS if any(r.task == q for r in mine)]
        if asked:
            found = table(mine, columns, by=("task",), rows=asked)
            found.insert(0, "question", [TITLES[q] for q in asked])
            found.insert(1, "features", FEATURES[variant])
            parts.append(found.drop(columns="task"))
    return to_markdown(pd.concat(parts, ignore_index=True)) if parts else NONE


def steps_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """DACL by the steps of its views, and the difference to the early ones, in Markdown."""
    mine = [r for r in _of(results, COMPARE, profile) if r.method == "dacl"]
    asked = {r.task for r in mine if r.variant.startswith("steps-")}
    if not asked:
        return NONE
    variants = ["", *(f"steps-{s}" for s in SAMPLERS)]
    columns = {"steps": ["early", *SAMPLERS]}
    for q in (q for q in QUESTIONS if q in asked):
        of_q = [r for r in mine if r.task == q]
        found = table(of_q, {"auroc": "a", "auroc_over_dacl": "d"}, by=("variant",), rows=variants)
        columns[TITLES[q]] = list(found["a"])
        columns[f"{TITLES[q]}, less early"] = list(found["d"])
    return to_markdown(pd.DataFrame(columns))


def comparison_intervals(
    results: Sequence[Result], *, profile: str = "laptop", variant: str = ""
) -> pd.DataFrame:
    """The numbers of ``comparison_table``, for ``plots.contrastive.plot_intervals``."""
    of_compare = _of(results, COMPARE, profile)
    rows = []
    for q in QUESTIONS:
        for name, title in zip(SYSTEMS, _titles(SYSTEMS), strict=True):
            key = (q, name, variant)
            mine = [r for r in of_compare if (r.task, r.method, r.variant) == key]
            rows += _interval(TITLES[q], title, mine)
    return pd.DataFrame(rows, columns=["panel", "name", "value", "low", "high"])


def steps_intervals(results: Sequence[Result], *, profile: str = "laptop") -> pd.DataFrame:
    """The numbers of ``steps_table``, for ``plots.contrastive.plot_intervals``."""
    of_dacl = [r for r in _of(results, COMPARE, profile) if r.method == "dacl"]
    asked = {r.task for r in of_dacl if r.variant.startswith("steps-")}
    rows = []
    for q in (q for q in QUESTIONS if q in asked):
        for name in ("all", "late", "middle", "early"):
            variant = "" if name == "early" else f"steps-{name}"
            mine = [r for r in of_dacl if (r.task, r.variant) == (q, variant)]
            rows += _interval(TITLES[q], name, mine)
    return pd.DataFrame(rows, columns=["panel", "name", "value", "low", "high"])


def _interval(
    panel: str, name: str, runs: Sequence[Result]
) -> list[tuple[str, str, Any, Any, Any]]:
    """Score and interval, each a mean over seeds; nothing where there is no run."""
    if not runs:
        return []
    found = [
        (r.metrics["auroc"].value, r.metrics["auroc"].low, r.metrics["auroc"].high) for r in runs
    ]
    value, low, high = np.mean(found, axis=0).tolist()
    return [(panel, name, value, low, high)]


def noise_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """AUROC by kind of noise and signal-to-noise ratio, AF against normal, in Markdown."""
    mine = [r for r in _of(results, NOISE, profile) if r.task == "af-vs-normal"]
    if not mine:
        return NONE
    parts = []
    for kind in KINDS:
        columns = {"noise": [kind] * len(SYSTEMS), "system": _titles(SYSTEMS)}
        for snr in SNRS:
            of_snr = [r for r in mine if r.variant == f"{kind}-{snr}dB"]
            columns[f"{snr} dB"] = list(table(of_snr, {"auroc": "x"}, rows=SYSTEMS)["x"])
        parts.append(pd.DataFrame(columns))
    return to_markdown(pd.concat(parts, ignore_index=True))


def few_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """AUROC by the number of labelled records of each class, AF against normal, in Markdown."""
    mine = [r for r in _of(results, FEW, profile) if r.task == "af-vs-normal"]
    if not mine:
        return NONE
    columns = {"system": _titles(SYSTEMS)}
    for k in LABELS:
        of_k = [r for r in mine if r.variant == f"labels{k}"]
        columns[f"{k} a class"] = list(table(of_k, {"auroc": "x"}, rows=SYSTEMS)["x"])
    return to_markdown(pd.DataFrame(columns))


def _of(results: Sequence[Result], protocol: str, profile: str) -> list[Result]:
    return [r for r in results if r.protocol == protocol and r.profile == profile]


def _titles(names: Sequence[str]) -> list[str]:
    return [METHODS[name].info.title for name in names]
