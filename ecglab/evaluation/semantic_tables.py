"""Tables of the semantic autoencoder's runs: under few labels, and with one thing exchanged."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ecglab.evaluation.label_efficiency import FRACTIONS, PROTOCOL, variant_name
from ecglab.evaluation.results import Result
from ecglab.evaluation.semantic_ablation import ABLATION, VARIANTS, ablation_name
from ecglab.evaluation.tables import MISSING, table, to_markdown
from ecglab.methods import METHODS

UNTRAINED = "untrained"


def labels_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """Both scores of CinC 2017 by share of the labels, in Markdown."""
    mine = [r for r in results if r.protocol == PROTOCOL and r.profile == profile]
    if not mine:
        return "_No results yet._"
    systems = dict.fromkeys((r.method, UNTRAINED * r.variant.startswith(UNTRAINED)) for r in mine)
    titles = [METHODS[m].info.title + f", {kind}" * bool(kind) for m, kind in systems]
    parts = []
    for metric, title in {"macro_f1": "macro-F1", "cinc2017_score": "official score"}.items():
        columns = {"score": [title] * len(titles), "method": titles}
        for fraction in FRACTIONS:
            rows = [(m, variant_name(kind, fraction)) for m, kind in systems]
            cells = table(mine, {metric: metric}, by=("method", "variant"), rows=rows)[metric]
            columns[f"{fraction:.0%} of the labels"] = list(cells)
        parts.append(pd.DataFrame(columns))
    return to_markdown(pd.concat(parts, ignore_index=True))


def ablation_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """The full model and each variant: both scores, and the paired difference, in Markdown.

    Every variant has a line for the trainings from seed 0; those from another seed have theirs
    where they were run.
    """
    mine = [r for r in results if r.variant.startswith(ABLATION) and r.profile == profile]
    if not mine:
        return "_No results yet._"
    run = {r.variant for r in mine}
    seeds = {0} | {int(v.partition("+seed")[2] or 0) for v in run}
    named = [(ablation_name(name, seed), name, seed) for seed in sorted(seeds) for name in VARIANTS]
    rows, names, trained = zip(*[row for row in named if row[2] == 0 or row[0] in run], strict=True)
    columns = {
        "macro_f1": "macro-F1",
        "cinc2017_score": "official score",
        "macro_f1_over_semantic-autoencoder-full": "macro-F1 less that of the full model",
    }
    found = table(mine, columns, by=("variant",), rows=rows)
    found.insert(0, "encoder", [TITLES[name] for name in names])
    found.insert(1, "training seed", [str(seed) for seed in trained])
    return to_markdown(found.drop(columns="variant"))


def pairs_table(results: Sequence[Result], name: str, *, profile: str = "laptop") -> str:
    """Pairs of weights that differ in one thing: both scores, and the difference, in Markdown.

    Args:
        results: stored runs of ``ecglab probe --weights``.
        name: of the thing, a key of ``PAIRS``; every second line is compared with the one above.
        profile: of the probe.
    """
    column, variants = PAIRS[name]
    mine = [r for r in results if r.variant in variants and r.profile == profile]
    if not mine:
        return "_No results yet._"
    names, cards = list(variants), {r.variant: r.params["card"] for r in mine}
    parts = []
    for pair in zip(names[::2], names[1::2], strict=True):
        columns = {
            "macro_f1": "macro-F1",
            "cinc2017_score": "official score",
            f"macro_f1_over_{pair[0]}": "macro-F1 less that of the line above",
        }
        parts.append(table(mine, columns, by=("variant",), rows=pair))
    found = pd.concat(parts, ignore_index=True)
    found.insert(0, column, list(variants.values()))
    found.insert(1, "steps", [_steps(cards.get(name)) for name in names])
    return to_markdown(found.drop(columns="variant"))


def _steps(card: Mapping[str, Any] | None) -> str:
    return f"{card['steps']:,} at batch {card['batch_size']:,}" if card else MISSING


PAIRS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "corpora": (
        "learnt from",
        {
            "gpu-all": "all four sets, 100 Hz; profile gpu",
            "gpu-without-cinc2017": "all but CinC 2017, 100 Hz; profile gpu",
            "corpus-all": "all four sets, 100 Hz",
            "corpus-without-cinc2017": "all but CinC 2017, 100 Hz",
            "rate-100hz": "all four sets, 100 Hz",
            "rate-300hz": "all four sets, 300 Hz",
        },
    ),
    "objectives": (
        "the U-Net predicts",
        {
            "objective-noise-long": "the noise, as published",
            "objective-v-long": "v",
            "objective-noise": "the noise, as published",
            "objective-v": "v",
        },
    ),
    "bodies": (
        "the encoder's body",
        {
            "objective-v-long": "LRUs, as published; training seed 0",
            "body-cnn": "convolutions; training seed 0",
            "body-cnn-seed1": "convolutions; training seed 1",
            "lru-seed1": "LRUs, as published; training seed 1",
        },
    ),
    "seeds": (
        "trained from",
        {
            "body-cnn": "convolutions, seed 0",
            "body-cnn-seed1": "convolutions, seed 1",
            "objective-v-long": "LRUs, seed 0",
            "lru-seed1": "LRUs, seed 1",
        },
    ),
    "batches": ("batches", {"objective-v-long": "larger", "batch-16": "smaller"}),
    "denoisers": (
        "the U-Net attends",
        {"body-cnn": "at every level", "reach-short": "on the way up only"},
    ),
}
"""The heading of each table's first column, and what stands there for each folder of weights.

Folders go in pairs, as ``ecglab probe --weights`` was given them; most are named for the option of
``ecglab pretrain`` that made them.
"""

TITLES = {
    "full": "LRU and Attention Reducer",
    "cnn": "convolutions in the LRU's place",
    "wide": "an LRU of 128 states",
    "mean": "mean in the Attention Reducer's place",
    "max": "maximum in its place",
    "last": "last step in its place",
}
"""What each variant is, in words."""
