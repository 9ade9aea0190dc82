"""The architecture search, run on a data set and told in results.

One window for each record; some records to search on, others to test on. The searches' answers
stand beside the paper's, with the differences on the same records.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ecglab.data.readers.base import Dataset
from ecglab.data.splits import holdout
from ecglab.data.windows import RecordSource, WindowSet, WindowSpec, windows
from ecglab.diffusion.extractor import Extractor
from ecglab.evaluation.bootstrap import Interval, bootstrap_ci, paired_difference
from ecglab.evaluation.extractor_search import PENALTY, ExtractorSearch, Reads, Scored
from ecglab.evaluation.results import Result
from ecglab.methods import pretrained
from ecglab.methods.diffecg import DiffECGModality
from ecglab.profiles import Profile


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchReport:
    """What a search found.

    Attributes:
        table: all that were scored, as ``ExtractorSearch.table`` gives them.
        path: names and scores along the greedy elimination, cycle by cycle.
        roles: the extractors worth a result, by what they are.
        results: one for each, on the development records and on the test records.
    """

    table: pd.DataFrame
    path: pd.DataFrame
    roles: dict[str, Extractor]
    results: list[Result] = field(default_factory=list)


def split_records(
    dataset: RecordSource, ids: Sequence[str], spec: WindowSpec, *, records: int, seed: int
) -> tuple[WindowSet, WindowSet]:
    """The first window of some records to search on, and of as many others to test on.

    Split by subject, stratified by label.

    Args:
        dataset: where the records come from.
        ids: the records to draw from.
        spec: how they become windows.
        records: how many in all; drawn at random where there are more.
        seed: of the draw and of the split.
    """
    drawn = np.random.default_rng(seed).permutation(len(ids))[:records]
    data = windows(dataset, spec, ids=[ids[i] for i in sorted(drawn)])
    data = data.take(np.unique(data.records()[1], return_index=True)[1])
    searched = holdout(data.labels, data.table["subject"], fraction=0.5, seed=seed)
    return data.take(np.flatnonzero(searched)), data.take(np.flatnonzero(~searched))


def path_table(search: ExtractorSearch, path: Sequence[Scored]) -> pd.DataFrame:
    """One row for each cycle of an elimination: ``cycle``, ``name``, score, cost and gain."""
    rows = search.table().set_index("name").loc[[s.extractor.name for s in path]]
    return rows.drop(columns="front").reset_index().rename_axis("cycle").reset_index()


def run_search(
    method: str,
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    records: int,
    reads: Reads = "last",
    seed: int = 0,
    verbose: bool = False,
) -> SearchReport:
    """Search both ways, choose, and test the answers on subjects that no search has seen.

    Args:
        method: a diffusion model of the registry.
        dataset: where its records come from.
        ids: the records to draw from.
        profile: number of resamples; where weights come from.
        records: how many in all, half to search on and half to test on.
        reads: as ``ExtractorSearch`` has it.
        seed: of records, folds, noise and resamples.
        verbose: show progress.

    Raises:
        ValueError: for a method that has no U-Net.
    """
    began = time.perf_counter()
    encoder = pretrained(method, dataset, ids, profile)
    if not isinstance(encoder, DiffECGModality):
        raise ValueError(f"{method} has no U-Net to search in")
    known, unknown = split_records(dataset, ids, encoder.spec, records=records, seed=seed)
    search = ExtractorSearch(
        encoder, known, reads=reads, resamples=profile.resamples, seed=seed, verbose=verbose
    )
    exhausted = search.exhaust()
    path = search.eliminate()
    roles = {
        "paper": Extractor.paper(search.config),
        "whole": Extractor.whole(search.config),
        "exhaustive": max(exhausted, key=search.gain).extractor,
        "eliminated": path[-1].extractor,
        "choice": search.choice().extractor,
        "highest": search.choice(penalty=0).extractor,
    }
    report = SearchReport(table=search.table(), path=path_table(search, path), roles=roles)
    seconds = time.perf_counter() - began
    common: dict[str, Any] = {
        "dataset": dataset.name, "task": "rhythm4", "method": method, "profile": profile.name,
        "seed": seed, "classes": search.classes, "seconds": seconds,
    }  # fmt: skip
    report.results.extend(_results(search, unknown, report, common))
    return report


def _results(
    search: ExtractorSearch, unknown: WindowSet, report: SearchReport, common: dict[str, Any]
) -> list[Result]:
    """Two results for each extractor: on development subjects, and on test subjects."""
    paper, distinct = report.roles["paper"], list(dict.fromkeys(report.roles.values()))
    rows, tested = search.confirm(distinct, unknown)
    subjects = {"validation-record": search.rows, "test-record": rows}
    found = []
    for extractor in distinct:
        scored = search.score([extractor])[0]
        params = {
            "extractor": asdict(extractor),
            "roles": [role for role, e in report.roles.items() if e == extractor],
            "reads": search.reads, "macs": scored.macs, "parameters": scored.parameters,
            "d": scored.width, "C": round(3 / scored.width, 6), "penalty": PENALTY,
            "weights": search.encoder.weights(),
            "scored": len(report.table), "path": report.path["name"].tolist(),
        }  # fmt: skip
        for protocol, who in subjects.items():
            validation = protocol == "validation-record"
            mine = scored.predictions if validation else tested[extractor]
            papers = search.score([paper])[0].predictions if validation else tested[paper]
            y = who["label"].to_numpy(dtype=str)
            options: dict[str, Any] = {
                "n": search.resamples, "seed": search.seed, "groups": who["subject"].to_numpy()
            }  # fmt: skip
            d = paired_difference(y, mine, papers, search.metric, **options)
            found.append(
                Result(
                    protocol=protocol,
                    variant=extractor.name + ("+all" if search.reads == "all" else ""),
                    n=len(who),
                    metrics={
                        "macro_f1": bootstrap_ci(y, mine, search.metric, **options),
                        "macro_f1_over_paper": Interval(d.value, d.low, d.high),
                    },
                    params=params,
                    **common,
                )
            )
    return found
