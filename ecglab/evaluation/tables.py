"""Tables from the results store: Markdown, LaTeX and CSV, with missing runs shown, not hidden."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecglab.data.whole import write_text
from ecglab.evaluation.bootstrap import Interval
from ecglab.evaluation.results import IDENTITY, Result, ResultError

MISSING = "—"


def frame(results: Iterable[Result]) -> pd.DataFrame:
    """The raw numbers, one row per run and metric: the run's name, n, metric, value, low, high."""
    rows = [
        {**{f: getattr(r, f) for f in (*IDENTITY, "n")}, "metric": name}
        | {"value": m.value, "low": m.low, "high": m.high}
        for r in results
        for name, m in r.metrics.items()
    ]
    return pd.DataFrame(rows, columns=[*IDENTITY, "n", "metric", "value", "low", "high"])


def table(
    results: Iterable[Result],
    metrics: Sequence[str] | Mapping[str, str],
    *,
    by: Sequence[str] = ("method",),
    across: Sequence[str] = (),
    rows: Sequence[Any] | None = None,
    digits: int = 3,
) -> pd.DataFrame:
    """One row per method (or whatever ``by`` names), one column per metric, cells as text.

    One seed: ``value [low, high]``. Several: ``mean ± standard deviation [low, high]``, mean and
    deviation over the seeds and the means of their intervals' ends.

    Args:
        results: runs; those of one cell may differ in nothing but their seed.
        metrics: names of metrics, or names and headings.
        by: the fields that make a row.
        across: fields whose values each get columns of their own (``("dataset",)``).
        rows: the rows to show, in order, whether or not there are results for them: values of
            ``by``'s one field, or tuples of its several. None shows every row there is.
        digits: decimals.

    Returns:
        Text; a dash where there is no result.

    Raises:
        ResultError: for an unknown field, or a cell of runs that differ in more than their seed.
    """
    unknown = [f for f in (*by, *across) if f not in IDENTITY]
    if unknown:
        raise ResultError(f"a table can be laid out by {', '.join(IDENTITY)}, not by {unknown}")
    headings = dict(metrics) if isinstance(metrics, Mapping) else {m: m for m in metrics}
    cells: dict[tuple[Any, Any], list[Result]] = {}
    for r in results:
        cells.setdefault((_key(r, by), _key(r, across)), []).append(r)
    for runs in cells.values():
        _check_cell(runs)
    groups = list(dict.fromkeys(group for _, group in cells)) or [()]
    lines = []
    for key in _row_keys(cells, rows, len(by)):
        line = dict(zip(by, key, strict=True))
        for group, (name, heading) in product(groups, headings.items()):
            found = [r.metrics[name] for r in cells.get((key, group), []) if name in r.metrics]
            line[_heading(group, heading)] = _cell(found, digits)
        lines.append(line)
    columns = [*by, *(_heading(g, h) for g, h in product(groups, headings.values()))]
    return pd.DataFrame(lines, columns=columns, dtype=object)


def to_markdown(data: pd.DataFrame) -> str:
    """A Markdown table, without the index."""
    escaped = data.map(lambda x: x.replace("|", "\\|") if isinstance(x, str) else x)
    return str(escaped.to_markdown(index=False, disable_numparse=True))


def write_table(data: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as its name's ending says: ``.md``, ``.tex`` or ``.csv``.

    Raises:
        ValueError: for another ending.
    """
    path = Path(path)
    if path.suffix == ".md":
        text = to_markdown(data) + "\n"
    elif path.suffix == ".tex":
        text = data.to_latex(index=False, escape=True)
    elif path.suffix == ".csv":
        text = data.to_csv(index=False, lineterminator="\n")
    else:
        raise ValueError(f"{path}: a table is written as .md, .tex or .csv")
    write_text(path, text)
    return path


def update_readme(path: str | Path, marker: str, markdown: str, *, check: bool = False) -> bool:
    """Put a table between ``<!-- results:NAME -->`` and ``<!-- /results:NAME -->``.

    Args:
        path: a Markdown file that has the two marks, once each.
        marker: NAME.
        markdown: what belongs between them.
        check: only compare, write nothing.

    Returns:
        True where the file was stale (and, without ``check``, has been rewritten).

    Raises:
        ValueError: where the marks are missing, doubled or in the wrong order.
    """
    path = Path(path)
    text = path.read_bytes().decode("utf-8")
    opening, closing = f"<!-- results:{marker} -->", f"<!-- /results:{marker} -->"
    if text.count(opening) != 1 or text.count(closing) != 1:
        raise ValueError(f"{path}: needs {opening} and {closing} once each")
    start, stop = text.index(opening) + len(opening), text.index(closing)
    if stop < start:
        raise ValueError(f"{path}: {closing} comes before {opening}")
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join(["", *markdown.strip().splitlines(), ""])
    stale = text[start:stop] != block
    if stale and not check:
        write_text(path, text[:start] + block + text[stop:])
    return stale


def _key(result: Result, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(result, name) for name in names)


def _heading(group: tuple[Any, ...], heading: str) -> str:
    return " ".join([*map(str, group), heading])


def _row_keys(
    cells: Iterable[tuple[tuple[Any, ...], Any]], rows: Sequence[Any] | None, width: int
) -> list[tuple[Any, ...]]:
    if rows is None:
        return list(dict.fromkeys(key for key, _ in cells))
    keys = [tuple(row) if isinstance(row, tuple | list) else (row,) for row in rows]
    if any(len(key) != width for key in keys):
        raise ResultError(f"every row needs {width} value(s): {rows}")
    return keys


def _check_cell(runs: list[Result]) -> None:
    # Out of fold every record is scored, by every seed: another number of them is another set.
    whole = ["n"] if runs[0].protocol.startswith("5fold") else []
    for name in (*IDENTITY[:-1], "classes", *whole):
        values = sorted({repr(getattr(r, name)) for r in runs})
        if len(values) > 1:
            raise ResultError(f"a cell would mix {name} {', '.join(values)}: choose, or lay it out")
    seeds = [r.seed for r in runs]
    if len(set(seeds)) < len(seeds):
        raise ResultError(f"{runs[0].filename}: a run is given twice")


def _cell(found: list[Interval], digits: int) -> str:
    if not found:
        return MISSING
    value, low, high = (
        float(np.mean([getattr(m, end) for m in found])) for end in ("value", "low", "high")
    )
    spread = ""
    if len(found) > 1:
        spread = f" ± {np.std([m.value for m in found], ddof=1):.{digits}f}"
    return f"{value:.{digits}f}{spread} [{low:.{digits}f}, {high:.{digits}f}]"
