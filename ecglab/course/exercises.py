"""The hand-out version of the course: what the solutions do is for the learner to write.

A cell tagged ``solution`` holds worked functions, the cell tagged ``check`` after it asserts what
they must do. In the hand-out the functions keep signature, decorators and docstring, and their body
is ``raise NotImplementedError("your turn")``; all else stays. Both kinds of cell may use what the
cells tagged ``parameters`` and ``setup`` define, and nothing else: so an exercise can be tried
without running the notebook.
"""

import ast
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from ecglab.course.pairing import pair_text
from ecglab.course.sources import (
    NOTEBOOKS,
    NotebookError,
    find_sources,
    read_source,
    set_ids,
    tags,
)
from ecglab.data.whole import write_text

STUB = 'raise NotImplementedError("your turn")'


@dataclass(frozen=True)
class Exercise:
    """One exercise of a notebook: the code of its cells."""

    label: str  # notebook and cell
    solution: str
    stub: str
    check: str


def make_exercises(
    names: Sequence[str | Path] | None = None,
    *,
    output: Path = Path("build/exercises"),
    source: Path = NOTEBOOKS,
) -> list[Path]:
    """Write the hand-out of each notebook, as .ipynb and as .py; nothing is executed.

    Returns:
        The .ipynb files.

    Raises:
        NotebookError: for an unknown name, and for a solution of which no exercise can be made.
    """
    written = []
    for script in find_sources(names, source):
        notebook = hand_out(script)
        path = output / f"{script.stem}.ipynb"
        write_text(path, pair_text(notebook))
        write_text(path.with_suffix(".py"), script_text(notebook))
        written.append(path)
    return written


def script_text(notebook: NotebookNode) -> str:
    """A notebook as percent script, its header without the version of jupytext that wrote it."""
    text = str(jupytext.writes(notebook, fmt="py:percent"))
    return re.sub(r"#     text_representation:\n(#       .*\n)+", "", text, count=1)


def hand_out(script: Path) -> NotebookNode:
    """The notebook of a script with a stub in the place of each solution, tagged ``exercise``."""
    notebook = deepcopy(read_source(script))
    for number, cell in enumerate(notebook.cells, start=1):
        if "solution" in tags(cell):
            cell.source = _stub_of(cell, f"{script}, cell {number}")
            cell.metadata.tags = ["exercise" if t == "solution" else t for t in tags(cell)]
    set_ids(notebook)
    return notebook


def exercises(script: Path) -> list[Exercise]:
    """Every exercise of a notebook, in order.

    Raises:
        NotebookError: where no ``check`` cell follows before the next ``solution``, a ``check``
            follows no solution, or no stub can be made.
    """
    found: list[Exercise] = []
    pending: tuple[str, NotebookNode] | None = None
    for number, cell in enumerate(read_source(script).cells, start=1):
        label = f"{script}, cell {number}"
        if "solution" in tags(cell):
            if pending:
                raise NotebookError(f"{pending[0]}: no check follows this solution")
            pending = (label, cell)
        elif "check" in tags(cell):
            if not pending:
                raise NotebookError(f"{label}: this check follows no solution")
            stub = _stub_of(pending[1], pending[0])
            found.append(Exercise(pending[0], pending[1].source, stub, cell.source))
            pending = None
    if pending:
        raise NotebookError(f"{pending[0]}: no check follows this solution")
    return found


def setup(script: Path, **parameters: Any) -> dict[str, Any]:
    """What an exercise may use: the names that ``parameters`` and ``setup`` cells define.

    The cells are executed here, in this process; ``parameters`` replace the notebook's own.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(read_source(script).cells, start=1):
        if {"parameters", "setup"} & set(tags(cell)):
            exec(compile(cell.source, f"{script}, cell {number}", "exec"), namespace)
        if "parameters" in tags(cell):
            namespace.update(parameters)
    return namespace


def attempt(exercise: Exercise, answer: str, namespace: dict[str, Any]) -> None:
    """Execute an answer and its check, on a copy of the names that ``setup`` gave.

    Raises:
        Exception: whatever answer or check raise; of a wrong answer, AssertionError.
    """
    names = dict(namespace)
    exec(compile(answer, exercise.label, "exec"), names)
    exec(compile(exercise.check, f"{exercise.label}, its check", "exec"), names)


def _stub_of(cell: NotebookNode, label: str) -> str:
    """A solution's code with each top-level function's body put away."""
    if cell.cell_type != "code":
        raise NotebookError(f"{label}: a solution must be code")
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        raise NotebookError(f"{label}: the solution is no plain Python: {error}") from error
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if not functions:
        raise NotebookError(f"{label}: the solution defines no function to put away")
    inside = {part for function in functions for part in ast.walk(function)}
    code = ast.ClassDef | ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef
    if any(isinstance(node, code) and node not in inside for node in ast.walk(tree)):
        raise NotebookError(f"{label}: code beside the top-level functions would give it away")
    lines = cell.source.encode().split(b"\n")  # ast counts columns in bytes
    for function in reversed(functions):  # from the end: earlier positions stay true
        lines[function.lineno - 1 : _end(function, lines)] = _stub_lines(function, lines)
    return b"\n".join(lines).decode()


def _stub_lines(
    function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[bytes]
) -> list[bytes]:
    """Signature and docstring as they stand, without what comes after, and the stub."""
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        assert first.end_lineno is not None
        kept = lines[function.lineno - 1 : first.end_lineno]
        kept[-1] = kept[-1][: first.end_col_offset]
    else:
        decorators = getattr(first, "decorator_list", [])
        begin = min(node.lineno for node in (first, *decorators))
        kept = lines[function.lineno - 1 : begin]
        last = kept.pop()
        if not decorators and last[: first.col_offset].strip():  # def f(x): return x
            kept.append(last[: first.col_offset].rstrip())
        while not kept[-1].strip() or kept[-1].strip().startswith(b"#"):
            kept.pop()
    inside = lines[first.lineno - 1][: first.col_offset]
    indent = inside if inside.isspace() else b"    "
    return [*kept, indent + STUB.encode()]


def _end(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[bytes]) -> int:
    """How many lines there are up to the function's end, with the comments that close its body."""
    assert function.end_lineno is not None
    end = function.end_lineno
    for number, line in enumerate(lines[end:], start=end + 1):
        if line.strip() and not (line[:1].isspace() and line.strip().startswith(b"#")):
            break
        if line.strip():
            end = number
    return end
