"""Which tables stand between which marks on which page; ``ecglab results`` puts them there."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from ecglab.evaluation.cinc2017_tables import cinc2017_table, differences_table
from ecglab.evaluation.contrastive_tables import (
    comparison_table,
    few_table,
    gains_table,
    noise_table,
    steps_table,
)
from ecglab.evaluation.personal_tables import table2, tables3_and_4
from ecglab.evaluation.results import Result
from ecglab.evaluation.semantic_tables import (
    PAIRS,
    ablation_table,
    labels_table,
    pairs_table,
)
from ecglab.evaluation.table1 import fusion_gains, other_pairs, table1


class Table(Protocol):
    """Runs of one profile as Markdown."""

    def __call__(self, results: Sequence[Result], *, profile: str) -> str:
        """The table, with a dash for every run that is missing."""
        ...


FRONT: Mapping[str, Callable[[Sequence[Result]], str]] = {"cinc2017": cinc2017_table}
"""The README of the project; its table has a column for the profile."""

RESULTS: Mapping[str, Table] = {
    "differences": differences_table,
    "table1": table1,
    "generalisation": other_pairs,
    "fusion": fusion_gains,
    "table2": table2,
    "tables3and4": tables3_and_4,
    "labels": labels_table,
    "ablation": ablation_table,
    **{name: partial(pairs_table, name=name) for name in PAIRS},
    "dacl": comparison_table,
    "dacl-gains": gains_table,
    "dacl-steps": steps_table,
    "dacl-noise": noise_table,
    "dacl-few": few_table,
}
"""The README of the results' folder."""
