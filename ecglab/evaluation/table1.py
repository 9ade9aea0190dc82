"""Table 1 of DiffECG: the paper's numbers beside ours, with every cell that is still missing.

The paper's numbers are macro-F1 after pre-training on the first data set of a pair and fine-tuning
on 20 % of the second's subjects, t = 20, from Zhou et al., IJCAI 2025, Table 1. It gives no
intervals, no seeds, and not the label maps behind the groups, so that only the order of magnitude
of a difference from ours is to be read.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ecglab.evaluation.results import Result
from ecglab.evaluation.tables import MISSING, table, to_markdown
from ecglab.methods import METHODS

Pair = tuple[str, str]

PAIRS: tuple[Pair, ...] = (
    ("cpsc2018", "chapman"),
    ("cpsc2018", "ptb"),
    ("cpsc2018", "georgia"),
    ("chapman", "cpsc2018"),
    ("chapman", "ptb"),
    ("chapman", "georgia"),
)
"""(source, target), the columns of ``PAPER``."""

PAPER: Mapping[str, tuple[float, ...]] = {
    "ecgnet": (0.888, 0.546, 0.710, 0.280, 0.530, 0.618),
    "efficientecg": (0.283, 0.468, 0.161, 0.064, 0.648, 0.182),
    "zolotyhnet": (0.656, 0.579, 0.484, 0.304, 0.587, 0.517),
    "clocs": (0.541, 0.289, 0.369, 0.179, 0.546, 0.396),
    "simclr": (0.761, 0.492, 0.512, 0.158, 0.475, 0.503),
    "moco": (0.556, 0.468, 0.392, 0.264, 0.468, 0.472),
    "diffecg-signal": (0.906, 0.522, 0.627, 0.426, 0.573, 0.594),
    "diffecg-spectrogram": (0.890, 0.544, 0.726, 0.441, 0.521, 0.724),
    "diffecg-lorenz": (0.788, 0.550, 0.595, 0.273, 0.558, 0.606),
    "diffecg": (0.913, 0.598, 0.735, 0.537, 0.599, 0.727),
}
"""Macro-F1 by the registry's name, present or future, of each method."""

TITLES: Mapping[str, str] = {
    "majority": "majority guess",
    "ecgnet": "ECGNet (Jun et al., 2018)",
    "efficientecg": "EfficientECG (Akkuzu et al., 2023)",
    "zolotyhnet": "ZolotyhNet (Kuznetsov et al., 2020)",
    "clocs": "CLOCS (Kiyasseh et al., 2021)",
    "simclr": "SimCLR (Mehari and Strodthoff, 2022)",
    "moco": "MoCo (Nakamoto et al., 2022)",
    "vcl-evidence": "VCL-Evidence (Sarkar et al., 2008)",
    "pwave-evidence": "P-wave evidence (Pürerfellner et al., 2014)",
}
_PREFIX = "generalise-from-"


def table1(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """The paper's six pairs in Markdown: rows are methods, cells are ``paper · ours``.

    Ours is macro-F1 of one profile's runs in their plain form, laid out as ``table`` does it: mean
    and deviation over the seeds, and the interval over subjects. A number that we lack is a dash.
    """
    mine = _runs(results, profile, variants=("",))
    rows = _rows([r for r in mine if _pair(r) in PAIRS])
    columns = {"method": [title(name) for name in rows]}
    for source, goal in PAIRS:
        runs = [r for r in mine if _pair(r) == (source, goal)]
        ours = table(runs, {"macro_f1": "ours"}, rows=rows)["ours"]
        columns[f"{source} → {goal}"] = [
            f"{_paper(name, (source, goal))} · {cell}"
            for name, cell in zip(rows, ours, strict=True)
        ]
    return to_markdown(pd.DataFrame(columns))


def other_pairs(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """Pairs that the paper lacks, in Markdown: macro-F1 of every method that was run.

    A method under a linear classifier is a row of its own.
    """
    mine = [r for r in _runs(results, profile, variants=("", "linear")) if _pair(r) not in PAIRS]
    if not mine:
        return "_No results yet._"
    names = [n for n in _rows(mine) if n in {r.method for r in mine}]
    rows = [(n, v) for n in names for v in ("", "linear")]
    rows = [key for key in rows if key in {(r.method, r.variant) for r in mine}]
    columns = {"method": [title(n) + ", linear" * bool(v) for n, v in rows]}
    for pair in dict.fromkeys(_pair(r) for r in mine):
        runs = [r for r in mine if _pair(r) == pair]
        cells = table(runs, {"macro_f1": "f1"}, by=("method", "variant"), rows=rows)["f1"]
        columns[" → ".join(pair)] = list(cells)
    return to_markdown(pd.DataFrame(columns))


def fusion_gains(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """What fusing three modalities adds to each of them, and to the RR baseline, in Markdown.

    Paired differences of macro-F1 on the same subjects; an interval that holds zero is no finding.
    """
    mine = [r for r in _runs(results, profile, variants=("", "linear")) if r.method == "diffecg"]
    if not mine:
        return "_No results yet._"
    others = (*METHODS["diffecg"].made_of, "rr-spectral", "majority")
    columns = {f"macro_f1_over_{name}": title(name) for name in others}
    found = table(mine, columns, by=("protocol", "dataset", "variant"))
    found["protocol"] = found["protocol"].str.removeprefix(_PREFIX)
    found["variant"] = found["variant"].replace("", "as published")
    headings = {"protocol": "from", "dataset": "to", "variant": "classifier"}
    return to_markdown(found.rename(columns=headings))


def table1_scores(results: Sequence[Result], *, profile: str = "laptop") -> pd.DataFrame:
    """The same in long form, one row per pair and method, for figures and for tables of one's own.

    Methods whose own classifier was replaced by a linear one are rows of their own.

    Returns:
        ``source``, ``target``, ``method``, ``variant``, ``title``, ``paper``, ``ours``, ``low``,
        ``high`` and ``seeds``; ours and the interval's ends are means over the seeds. NaN where
        the paper or we have no number.

    Raises:
        ResultError: as ``table``, where runs of one method differ in more than their seed.
    """
    mine = _runs(results, profile, variants=("", "linear"))
    linear = {r.method for r in mine if r.variant}
    keys = [(n, v) for n in _rows(mine) for v in ("", "linear") if not v or n in linear]
    lines = []
    for (source, goal), runs in _by_pair(mine).items():
        for name, variant in keys:
            found = [r for r in runs if (r.method, r.variant) == (name, variant)]
            table(found, ["macro_f1"])  # refuses what must not be averaged
            scores = [r.metrics["macro_f1"] for r in found]
            ends = {"ours": "value", "low": "low", "high": "high"}
            means = {
                column: np.mean([getattr(m, end) for m in scores]) if scores else np.nan
                for column, end in ends.items()
            }
            line = {"source": source, "target": goal, "method": name, "variant": variant}
            line["title"] = title(name) + (", linear probe" if variant else "")
            paper = np.nan if variant else _paper_score(name, (source, goal))
            lines.append({**line, "paper": paper, **means, "seeds": len(found)})
    return pd.DataFrame(lines)


def _runs(results: Sequence[Result], profile: str, *, variants: Sequence[str]) -> list[Result]:
    """The generalisation runs of a profile, in these variants."""
    mine = [r for r in results if r.protocol.startswith(_PREFIX) and r.profile == profile]
    return [r for r in mine if r.variant in variants]


def _by_pair(runs: Sequence[Result]) -> dict[Pair, list[Result]]:
    """The paper's pairs, whether or not there are runs, then all others."""
    found: dict[Pair, list[Result]] = {pair: [] for pair in PAIRS}
    for r in runs:
        found.setdefault(_pair(r), []).append(r)
    return found


def _pair(r: Result) -> Pair:
    return r.protocol.removeprefix(_PREFIX), r.dataset


def _rows(runs: Sequence[Result]) -> list[str]:
    """The majority guess, methods that the paper lacks, then the paper's."""
    others = {r.method for r in runs if r.method != "majority" and r.method not in PAPER}
    return ["majority", *sorted(others), *PAPER]


def title(name: str) -> str:
    """A method's name as the tables show it, in the registry or not."""
    return METHODS[name].info.title if name in METHODS else TITLES.get(name, name)


def _paper(name: str, pair: Pair) -> str:
    score = _paper_score(name, pair)
    return MISSING if np.isnan(score) else f"{score:.3f}"


def _paper_score(name: str, pair: Pair) -> float:
    return PAPER[name][PAIRS.index(pair)] if name in PAPER and pair in PAIRS else float("nan")
