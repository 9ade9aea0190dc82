"""The notebooks' sources: percent-format scripts, the only files of the course that are edited."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext
from nbformat import NotebookNode

NOTEBOOKS = Path("notebooks")


class NotebookError(ValueError):
    """A notebook that cannot be found, read or turned into an exercise; the message names it."""


@dataclass(frozen=True)
class Facts:
    """What a notebook's first cell says of it, and how many exercises it holds."""

    name: str
    title: str
    minutes: int | None
    exercises: int


def find_sources(names: Sequence[str | Path] | None = None, folder: Path = NOTEBOOKS) -> list[Path]:
    """The scripts that ``names`` mean, in the order given; without names, all of ``folder``.

    A name is a number (``03``), a stem (``03_diffusion_as_encoder``), any beginning of one that
    fits one notebook only, or a path to a script or to the notebook paired with it.

    Raises:
        NotebookError: for a name that fits no notebook, or several, and for an empty folder.
    """
    there = sorted(folder.glob("[!_.]*.py"))
    if not names:
        if not there:
            raise NotebookError(f"no notebooks (*.py) in {folder.resolve()}")
        return there
    found = list(dict.fromkeys(_find(str(name), there, folder) for name in names))
    for stem, count in Counter(path.stem for path in found).items():
        if count > 1:
            raise NotebookError(f"two notebooks are called {stem}: their results would collide")
    return found


def _find(name: str, there: list[Path], folder: Path) -> Path:
    path = Path(name)
    if path.suffix in (".py", ".ipynb"):
        for script in (path.with_suffix(".py"), folder / path.with_suffix(".py").name):
            if script.is_file():
                return next((known for known in there if known.samefile(script)), script)
    exact = [script for script in there if script.stem == name]
    fits = exact or [script for script in there if script.stem.startswith(name)]
    if len(fits) == 1:
        return fits[0]
    known = ", ".join(script.stem for script in fits or there) or "none"
    fault = "fits several notebooks" if fits else "is no notebook"
    raise NotebookError(f"{name!r} {fault} in {folder.resolve()}; there are: {known}")


def read_source(script: Path) -> NotebookNode:
    """The notebook that a script describes: no outputs, and a function of the script's text alone.

    A cell's id is a hash of its kind and text (cells with equal text are counted): an edited cell
    changes its own id and no other's, a cell put in or moved changes none, and a fresh clone gives
    the same ids without looking at an older notebook. Ids by position would all shift with each
    new cell; random ids, as Jupyter makes them, change at every derivation.

    Raises:
        NotebookError: for what is no notebook, or one whose header names no kernel (papermill needs
            one).
    """
    try:
        notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    except Exception as error:  # of YAML, of the encoding, of jupytext: one chapter's fault alone
        raise NotebookError(f"{script}: no notebook: {error}") from error
    if "kernelspec" not in notebook.metadata:
        raise NotebookError(f"{script}: its header has no kernelspec")
    pairing = {"formats": "ipynb,py:percent", **notebook.metadata.get("jupytext", {})}
    pairing.pop("text_representation", None)  # the version of jupytext that saved the script
    notebook.metadata = NotebookNode(
        kernelspec=notebook.metadata.kernelspec, jupytext=NotebookNode(pairing)
    )
    set_ids(notebook)
    return notebook


def set_ids(notebook: NotebookNode) -> None:
    """Give every cell the id that its kind and text call for."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first version that has cell ids


def tags(cell: NotebookNode) -> list[str]:
    """A cell's tags."""
    return list(cell.metadata.get("tags", []))


def describe_source(script: Path) -> Facts:
    """Title, minutes and number of exercises of a notebook."""
    notebook = read_source(script)
    first = notebook.cells[0].source if notebook.cells else ""
    title = re.search(r"^# +(.+)$", first, flags=re.MULTILINE)
    minutes = re.search(r"\bminutes\b[^\d\n]*(\d+)|(\d+) *minutes\b", first, flags=re.IGNORECASE)
    return Facts(
        name=script.stem,
        title=title[1].strip() if title else script.stem,
        minutes=int(minutes[1] or minutes[2]) if minutes else None,
        exercises=sum(bool({"solution", "exercise"} & set(tags(cell))) for cell in notebook.cells),
    )
