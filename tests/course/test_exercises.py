"""Solutions become stubs; solutions pass their checks, stubs fail only for being stubs."""

from collections.abc import Callable
from pathlib import Path

import jupytext
import pytest
from typer.testing import CliRunner

from ecglab.cli import app
from ecglab.course import NotebookError
from ecglab.course.exercises import attempt, exercises, setup
from ecglab.course.pairing import pair_text
from ecglab.course.sources import read_source

Write = Callable[..., Path]
COURSE = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))

SETUP = '# %% tags=["setup"]\nimport math\n\nSIZE = 2'
SOLUTION = '''\
# %% tags=["solution"]
# Pythagoras, as you know him.
def length(a: float, b: float) -> float:
    """Length of the longest side (π is of no use)."""
    # Square both, add, take the root.
    return math.sqrt(a**2 + b**2)'''
CHECK = '# %% tags=["check"]\nassert length(3, 4) == 5, "not yet"'

# source, stub
STUBS = {
    "a docstring of several lines": (
        'def f(\n    a,\n    b=":",\n):\n    """One.\n\n    Two.\n    """\n    c = a\n    return c',
        'def f(\n    a,\n    b=":",\n):\n    """One.\n\n    Two.\n    """\n    STUB',
    ),
    "no docstring": (
        "def f(a):  # a: volts\n    # the way to do it\n\n    return a\n    # done",
        "def f(a):  # a: volts\n    STUB",
    ),
    "one line": ("def f(µ='µ'): return µ; pass", "def f(µ='µ'):\n    STUB"),
    "a docstring and more in its line": (
        'def f():\n    "Ω."; return 1  # hint\n',
        'def f():\n    "Ω."\n    STUB\n',
    ),
    "a function in the function": (
        "def f():\n  @cache\n  def g():\n    return 1\n  return g",
        "def f():\n  STUB",
    ),
    "decorators, async, and what stands around": (
        "import math\n@cache\n# why\ndef f():\n    return 1\n\n\n# between\nx = 3\n\n"
        'async def g():\n    """G."""\n    return x\n\n\nprint(x)',
        "import math\n@cache\n# why\ndef f():\n    STUB\n\n\n# between\nx = 3\n\n"
        'async def g():\n    """G."""\n    STUB\n\n\nprint(x)',
    ),
    "a string that looks like code": (
        'def f():\n    return """\ndef g():\n    # no\n"""\n\n\ny = """\n    # yes\n"""',
        'def f():\n    STUB\n\n\ny = """\n    # yes\n"""',
    ),
    "nothing but a docstring": (
        'def f():\n    """To do."""',
        'def f():\n    """To do."""\n    STUB',
    ),
}


def notebook(folder: Path, write: Write, solution: str) -> Path:
    return write(folder, "01_a", SETUP, '# %% tags=["solution"]\n' + solution, CHECK)


@pytest.mark.parametrize(("source", "stub"), STUBS.values(), ids=STUBS.keys())
def test_a_stub_keeps_all_but_the_body(
    source: str, stub: str, tmp_path: Path, write_notebook: Write
) -> None:
    (exercise,) = exercises(notebook(tmp_path, write_notebook, source))
    expected = stub.replace("STUB", 'raise NotImplementedError("your turn")')
    assert exercise.stub.rstrip() == expected.rstrip()
    compile(exercise.stub, "stub", "exec")


@pytest.mark.parametrize(
    ("solution", "fault"),
    [
        ("x = 3", "defines no function"),
        ("class A:\n    def f(self): ...", "defines no function"),
        ("%timeit f()\ndef f(): ...", "no plain Python"),
        ("def f(): ...\n\nclass A:\n    def g(self): return 42", "give it away"),
        ("def f(): ...\n\ng = lambda x: 42 * x", "give it away"),
        ("def f(): ...\n\nif True:\n    def g(): return 42", "give it away"),
    ],
)
def test_a_solution_without_a_stub_is_refused(
    solution: str, fault: str, tmp_path: Path, write_notebook: Write
) -> None:
    script = notebook(tmp_path, write_notebook, solution)
    with pytest.raises(NotebookError, match=f"01_a.py, cell 4: .*{fault}"):
        exercises(script)
    where = ["--source", str(tmp_path), "--output", str(tmp_path / "out")]
    assert CliRunner().invoke(app, ["notebooks", "exercises", *where]).exit_code == 2


def test_each_solution_has_its_check(tmp_path: Path, write_notebook: Write) -> None:
    for cells in ([SOLUTION], [SOLUTION, SOLUTION, CHECK]):
        with pytest.raises(NotebookError, match="cell 3: no check follows"):
            exercises(write_notebook(tmp_path, "01_a", *cells))
    with pytest.raises(NotebookError, match="cell 3: this check follows no solution"):
        exercises(write_notebook(tmp_path, "01_a", CHECK))
    text_cell = '# %% [markdown] tags=["solution"]\n# It is 4.'
    with pytest.raises(NotebookError, match="cell 3: a solution must be code"):
        exercises(write_notebook(tmp_path, "01_a", text_cell, CHECK))


def test_the_hand_out_holds_stubs_and_no_solution(tmp_path: Path, write_notebook: Write) -> None:
    script = write_notebook(tmp_path / "in", "01_a", SETUP, SOLUTION, CHECK, "# %%\nSIZE")
    where = ["--source", str(script.parent), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["notebooks", "exercises", *where])
    assert result.exit_code == 0
    handed = (tmp_path / "out" / "01_a.py").read_text(encoding="utf-8")
    body = "    # Square both, add, take the root.\n    return math.sqrt(a**2 + b**2)\n"
    expected = script.read_text(encoding="utf-8").replace('"solution"', '"exercise"')
    assert handed == expected.replace(body, '    raise NotImplementedError("your turn")\n')
    pair = (tmp_path / "out" / "01_a.ipynb").read_text(encoding="utf-8")
    assert pair == pair_text(read_source(tmp_path / "out" / "01_a.py"))
    assert "sqrt" not in "".join(cell.source for cell in jupytext.reads(pair, "ipynb").cells)


def test_attempts_tell_right_from_wrong_and_from_undone(
    tmp_path: Path, write_notebook: Write
) -> None:
    script = write_notebook(tmp_path, "01_a", SETUP, "# %%\nraise SystemExit", SOLUTION, CHECK)
    (exercise,) = exercises(script)
    names = setup(script, SEED=5)
    assert (names["SIZE"], names["SEED"], names["PROFILE"]) == (2, 5, "laptop")
    attempt(exercise, exercise.solution, names)
    with pytest.raises(AssertionError, match="not yet"):
        attempt(exercise, exercise.solution.replace("+", "*"), names)
    with pytest.raises(NotImplementedError, match="your turn"):
        attempt(exercise, exercise.stub, names)
    assert "length" not in names


@pytest.mark.parametrize("script", COURSE, ids=lambda path: path.stem)
def test_the_courses_solutions_pass_and_its_stubs_say_your_turn(
    script: Path, tmp_path: Path
) -> None:
    found = exercises(script)
    if not found:
        pytest.skip("no exercises")
    names = setup(script, PROFILE="smoke", DATASET="simulator", OUTPUT=str(tmp_path))
    for exercise in found:
        attempt(exercise, exercise.solution, names)
        with pytest.raises(NotImplementedError, match="your turn"):
            attempt(exercise, exercise.stub, names)
