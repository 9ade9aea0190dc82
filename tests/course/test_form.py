"""Every notebook has the course's form; one that has not is told what is wrong."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ecglab.course.sources import read_source, tags

COURSE = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))

PARTS = ("You will be able to", "Minutes", "Prerequisites", "Paper")
PARAMETERS = ["PROFILE", "DATASET", "SEED", "OUTPUT"]
TAGS = {"parameters", "setup", "solution", "check", "live"}
MOST_LINES = 25
ABSOLUTE = re.compile(r"""["'(`](/|~/|[A-Z]:\\)(home|root|tmp|work|mnt|Users|usr|opt|data)\b""")


def faults(notebook: NotebookNode) -> Iterator[str]:
    """What is wrong with a notebook's form; cells are counted from 1."""
    cells = notebook.cells
    yield from _opening_faults(cells)
    figures = [number for number, cell in enumerate(cells) if _keeps_figure(cell)]
    for number, cell in enumerate(cells):
        here = f"cell {number + 1}"
        if unknown := set(tags(cell)) - TAGS:
            yield f"{here}: unknown tag {', '.join(unknown)}"
        if ABSOLUTE.search(cell.source):
            yield f"{here}: an absolute path"
        if cell.cell_type == "code" and "setup" not in tags(cell):  # imports may be many
            lines = sum(bool(line.strip()) for line in cell.source.splitlines())
            if lines > MOST_LINES:
                yield f"{here}: {lines} lines of code"
        # the twin stands beside its explorer, but for a text between them
        if "live" in tags(cell) and not {number + k for k in (-2, -1, 1, 2)} & set(figures):
            yield f"{here}: no static twin beside this explorer"
    for number in figures:
        here = f"cell {number + 1}"
        if not _text_near(cells, number, -1):
            yield f"{here}: no text leads to this figure"
        if not _text_near(cells, number, +1):
            yield f"{here}: no text says what to see in this figure"


def _opening_faults(cells: list[NotebookNode]) -> Iterator[str]:
    first, second = cells[:2]
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "cell 1: no title"
    yield from (f"cell 1: no {part!r}" for part in PARTS if f"**{part}" not in first.source)
    if tags(second) != ["parameters"]:
        yield "cell 2: not tagged parameters"
        return
    statements = ast.parse(second.source).body
    names = [ast.unparse(s.targets[0]) for s in statements if isinstance(s, ast.Assign)]
    if names != PARAMETERS or len(statements) != len(PARAMETERS):
        yield f"cell 2: parameters are {', '.join(names)}"


def _keeps_figure(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(re.search(r"\bkeep\(", cell.source))


def _text_near(cells: list[NotebookNode], number: int, step: int) -> bool:
    """Whether text comes before the next figure, or the notebook's end, is met."""
    number += step
    while 0 <= number < len(cells):
        if cells[number].cell_type == "markdown":
            return True
        if _keeps_figure(cells[number]):
            return False
        number += step
    return False


@pytest.mark.parametrize("script", COURSE, ids=lambda path: path.stem)
def test_the_course_keeps_its_form(script: Path) -> None:
    notebook = read_source(script)
    assert list(faults(notebook)) == []
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"


def small(*cells: NotebookNode) -> NotebookNode:
    title = "# A\n\n" + "\n".join(f"**{part}** 1" for part in PARTS)
    parameters = "\n".join(f"{name} = 0" for name in PARAMETERS)
    notebook = new_notebook()
    notebook.cells = [new_markdown_cell(title), tagged(parameters, "parameters"), *cells]
    return notebook


def tagged(source: str, *names: str) -> NotebookNode:
    return new_code_cell(source, metadata={"tags": list(names)})


def test_faults_of_form_are_found() -> None:
    text, figure = new_markdown_cell("text"), tagged("keep(f, OUTPUT, 'a')")
    live = tagged("explore()", "live")
    good = small(text, tagged("f = 1"), figure, live, text)
    assert list(faults(good)) == []

    def found(*cells: NotebookNode) -> list[str]:
        return list(faults(small(*cells)))

    assert found(text, figure) == ["cell 4: no text says what to see in this figure"]
    assert found(text, figure, figure, text) == [
        "cell 4: no text says what to see in this figure",
        "cell 5: no text leads to this figure",
    ]
    assert found(live, text, figure, text) == []
    assert found(live, text) == ["cell 3: no static twin beside this explorer"]
    assert found(tagged("1\n\n" * 26)) == ["cell 3: 26 lines of code"]
    assert found(tagged("1", "solutoin")) == ["cell 3: unknown tag solutoin"]
    assert found(tagged("open('/home/me/x')")) == ["cell 3: an absolute path"]
    good.cells[0].source = good.cells[0].source.replace("# A", "A").replace("Minutes", "Hours")
    good.cells[1].source += "\nEXTRA = 1"
    assert list(faults(good)) == [
        "cell 1: no title",
        "cell 1: no 'Minutes'",
        "cell 2: parameters are PROFILE, DATASET, SEED, OUTPUT, EXTRA",
    ]


def test_the_front_page_lists_every_chapter_and_its_minutes() -> None:
    page = (COURSE[0].parents[1] / "README.md").read_text(encoding="utf-8")
    row = r"^\| \[(\d\d) .+?\]\(notebooks/(\w+\.py)\) \|.+\| (\d+) \+ (\d+) \|$"
    listed = {name: (number, *minutes) for number, name, *minutes in re.findall(row, page, re.M)}
    said = re.compile(r"\*\*Minutes\*\*: (\d+) to read and do, (?:less than|about) (\w+) to run")
    found = {}
    for source in COURSE:
        minutes = said.search(source.read_text(encoding="utf-8"))
        assert minutes, f"{source.name}: how many minutes?"
        found[source.name] = (source.name[:2], minutes[1], minutes[2].replace("one", "1"))
    assert listed == found
