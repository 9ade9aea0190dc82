"""Tables 2 to 4 of DiffECG: the paper's numbers beside ours, what is missing shown as missing.

The paper's are means over LTAF's test subjects, without intervals (Zhou et al., IJCAI 2025). Ours
are of other patients, so that only orders and differences can be compared.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ecglab.evaluation.personal import LINEAR, MAJORITY, WHOLE
from ecglab.evaluation.population import POPULATION
from ecglab.evaluation.results import Result
from ecglab.evaluation.table1 import title
from ecglab.evaluation.tables import MISSING, table, to_markdown

PAPER_TABLE2: Mapping[str, tuple[float, float]] = {
    "vcl-evidence": (0.649, 0.818),
    "pwave-evidence": (0.384, 0.485),
    "ecgnet": (0.769, 0.964),
    "efficientecg": (0.476, 0.915),
    "zolotyhnet": (0.500, 0.649),
    "clocs": (0.566, 0.915),
    "simclr": (0.607, 0.798),
    "moco": (0.579, 0.911),
    "diffecg-signal": (0.806, 0.992),
    "diffecg-spectrogram": (0.827, 0.987),
    "diffecg-lorenz": (0.642, 0.948),
    "diffecg": (0.846, 0.991),
}
"""F1 and accuracy of each method; the fusion with searched t, the modalities at t = 20."""

PAPER_TABLE3: Mapping[str, tuple[float, float]] = {
    "t20": (0.731, 0.950),
    "t30": (0.730, 0.962),
    "t40": (0.719, 0.959),
    "t50": (0.718, 0.955),
    "t60": (0.714, 0.953),
    "t70": (0.691, 0.947),
    "gamma-bayesian30": (0.846, 0.991),
}
"""F1 and accuracy of the fusion by its t; the paper does not say how many evaluations gamma had."""

PAPER_TABLE4: Mapping[str, tuple[float, float]] = {
    "delta-acc-bayesian30": (0.809, 0.965),
    "delta-f1-bayesian30": (0.807, 0.962),
    "delta-loss-bayesian30": (0.810, 0.969),
    "mix-bayesian30": (0.809, 0.949),
    "gamma-bayesian30": (0.846, 0.991),
}
"""F1 and accuracy of the fusion by the objective that its search maximised."""

SEARCHED = "gamma-bayesian30"
_PREFIX = "personalise-"
_PAPER_HEADING = "paper (LTAF) F1, accuracy"


def table2(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """Every method in Markdown, on each data set and split: F1 of AF, mean over subjects.

    The fusion searches t by gamma and a single modality has t = 20, as in the paper. A method
    without t, and the encoders under a linear classifier, learn from all personal windows.
    """
    mine = [r for r in _personal(results) if r.profile == profile]
    others = sorted({r.method for r in mine if r.variant == WHOLE} - set(PAPER_TABLE2))
    linear = {r.method for r in mine if r.variant == LINEAR}
    rows = [(name, WHOLE) for name in others]
    for name in PAPER_TABLE2:
        rows += [(name, _main(name)), *([(name, LINEAR)] if name in linear else [])]
    data = {
        "method": [title(MAJORITY), *(title(n) + f", {LINEAR}" * (v == LINEAR) for n, v in rows)]
    }
    paper = [_paper(PAPER_TABLE2, name) if v == _main(name) else MISSING for name, v in rows]
    data[_PAPER_HEADING] = [MISSING, *paper]
    for dataset, protocol in dict.fromkeys((r.dataset, r.protocol) for r in mine):
        here = [r for r in mine if (r.dataset, r.protocol) == (dataset, protocol)]
        n = max(r.n for r in here)
        heading = f"{dataset}, {protocol.removeprefix(_PREFIX)} ({n} subject{'s' * (n > 1)})"
        shown = [r for r in here if (r.method, r.variant) in rows]
        cells = table(shown, {"f1": "f1"}, by=("method", "variant"), rows=rows)["f1"]
        data[heading] = [_majority(here), *cells]
    return to_markdown(pd.DataFrame(data))


def tables3_and_4(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """Every way to find the fusion's t in Markdown, with its difference to t = 20.

    Evaluations are those that a search spent: a grid of so many points may have fewer. Scores are
    means over the seeds that were run; the difference is one of equal seeds.
    """
    mine = [r for r in _personal(results) if r.method == "diffecg" and r.profile == profile]
    mine = [r for r in mine if r.variant not in (POPULATION, MAJORITY, LINEAR)]
    if not mine:
        return "_No results yet._"
    columns = {"f1": "F1", "accuracy": "accuracy", "f1_pooled": "F1, pooled"}
    columns["f1_over_t20"] = "F1 less that of t20"
    found = table(mine, columns, by=("dataset", "protocol", "variant"))
    paper = {**PAPER_TABLE3, **PAPER_TABLE4}
    found.insert(3, _PAPER_HEADING, [_paper(paper, v) for v in found["variant"]])
    cells = found[["dataset", "protocol", "variant"]].itertuples(index=False)
    named = [tuple(cell) for cell in cells]
    found.insert(3, "evaluations", [_evaluations(mine, cell) for cell in named])
    found.insert(3, "seeds", [str(sum(_cell_of(r) == cell for r in mine)) for cell in named])
    found["protocol"] = found["protocol"].str.removeprefix(_PREFIX)
    return to_markdown(found.rename(columns={"protocol": "split", "variant": "t"}))


def _personal(results: Sequence[Result]) -> list[Result]:
    return [r for r in results if r.protocol.startswith(_PREFIX)]


def _evaluations(results: Sequence[Result], cell: tuple[str, ...]) -> str:
    """How often the objective was asked for a subject, the mean over subjects and seeds."""
    asked = [
        subject["evaluations"]
        for r in results
        if _cell_of(r) == cell
        for subject in r.params["subjects"].values()
    ]
    return f"{np.mean(asked):.3g}" if any(asked) else MISSING


def _cell_of(result: Result) -> tuple[str, ...]:
    return result.dataset, result.protocol, result.variant


def _main(name: str) -> str:
    """The variant that is a method's row in Table 2."""
    if name == "diffecg":
        return SEARCHED
    return "t20" if name.startswith("diffecg-") else WHOLE


def _majority(here: Sequence[Result]) -> str:
    """The guess is the same whatever the method that it was made beside."""
    guesses = [r for r in here if r.variant == MAJORITY]
    first = [r for r in guesses if r.method == guesses[0].method]
    return str(table(first, {"f1": "f1"})["f1"].iloc[0]) if first else MISSING


def _paper(numbers: Mapping[str, tuple[float, float]], name: str) -> str:
    return ", ".join(f"{x:.3f}" for x in numbers[name]) if name in numbers else MISSING
