"""The .ipynb beside each script: derived from it, without outputs, and in step with it."""

from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ecglab.course.sources import NOTEBOOKS, find_sources, read_source
from ecglab.data.whole import write_text


def pair_text(notebook: NotebookNode) -> str:
    """The text of the .ipynb: equal notebooks, equal bytes (jupyter's own layout, sorted keys)."""
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)) + "\n"


def sync(folder: Path = NOTEBOOKS, *, check: bool = False) -> dict[Path, str]:
    """Put every .ipynb of ``folder`` in step with its script.

    Whatever an .ipynb held that its script does not hold is lost, outputs included. Edits made in
    JupyterLab are safe: jupytext, which comes with ecglab, writes them to the script when saving.

    Args:
        folder: where the scripts lie.
        check: write nothing.

    Returns:
        What was found out of step and has been written anew (``check``: would be): path to fault.
        An .ipynb that has no script is named in both cases, and left alone.

    Raises:
        NotebookError: where there is no notebook at all, or one cannot be read.
    """
    scripts = find_sources(None, folder)
    faults = _orphans(folder, scripts)
    for script in scripts:
        wanted = pair_text(read_source(script))
        pair = script.with_suffix(".ipynb")
        fault = _fault(pair, wanted)
        if fault:
            faults[pair] = fault
            if not check:
                write_text(pair, wanted)
    return faults


def _orphans(folder: Path, scripts: Iterable[Path]) -> dict[Path, str]:
    paired = {script.with_suffix(".ipynb") for script in scripts}
    return {
        path: "has no script (.py) beside it"
        for path in sorted(folder.glob("*.ipynb"))
        if path not in paired
    }


def _fault(pair: Path, wanted: str) -> str | None:
    if not pair.is_file():
        return "missing"
    try:
        text = pair.read_text(encoding="utf-8")
        if text == wanted:
            return None
        cells = nbformat.reads(text, as_version=4).cells
    except Exception:  # whatever is wrong with the file, it is to be derived anew
        return "not a notebook"
    ran = any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    return "carries outputs" if ran else "out of step with its script"
