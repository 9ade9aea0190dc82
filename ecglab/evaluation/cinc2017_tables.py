"""Tables of the probe of CinC 2017: every method's scores, and what each is above the others."""

from collections.abc import Mapping, Sequence

import numpy as np

from ecglab.evaluation.cinc2017 import PROTOCOL
from ecglab.evaluation.results import Result
from ecglab.evaluation.tables import table, to_markdown

COLUMNS = {
    "macro_f1": "macro-F1",
    "cinc2017_score": "official score",
    "f1_N": "F1, normal",
    "f1_A": "F1, fibrillation",
    "f1_O": "F1, other",
    "f1_noisy": "F1, noisy",
}
"""Metrics of the probe's table, and their headings."""

REFERENCES = (
    "rr-spectral",
    "record-features",
    "diffecg-signal",
    "semantic-rhythm",
    "diffecg-signal+record-features",
)
"""Whom the others are held against; ``run_probes`` is to be given them first."""


def cinc2017_table(results: Sequence[Result]) -> str:
    """The probe's table in Markdown: the scores of every method, with intervals, best first."""
    return _best_first(results, COLUMNS)


def differences_table(results: Sequence[Result], *, profile: str = "laptop") -> str:
    """How much each method is above those of ``REFERENCES``, in paired differences, likewise."""
    columns = {f"macro_f1_over_{name}": f"less {name}" for name in REFERENCES}
    return _best_first([r for r in results if r.profile == profile], columns)


def _best_first(results: Sequence[Result], columns: Mapping[str, str]) -> str:
    probes = [r for r in results if r.dataset == "cinc2017" and r.protocol == PROTOCOL]
    mine = [r for r in probes if not r.variant]
    if not mine:
        return "_No results yet._"
    scores: dict[tuple[str, str], list[float]] = {}
    for r in mine:
        scores.setdefault((r.method, r.profile), []).append(r.metrics["macro_f1"].value)
    best = sorted(scores, key=lambda row: -float(np.mean(scores[row])))
    return to_markdown(table(mine, columns, by=("method", "profile"), rows=best))
