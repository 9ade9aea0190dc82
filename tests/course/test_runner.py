"""The runner, on notebooks that pass, fail, die, hang and ask."""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ecglab.cli import app
from ecglab.course import NotebookError, Outcome, run, summary
from ecglab.course.page import render
from ecglab.course.runner import report

Write = Callable[..., Path]

FACTS = """\
import json, os, sys
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.savefig(f"{OUTPUT}/line.png")
plt.show()
names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ECGLAB_PHYSIONET"]
print(json.dumps([sys.executable, os.getcwd(), [os.environ[name] for name in names]]))
print(json.dumps([PROFILE, DATASET, SEED, OUTPUT]))"""


@dataclass
class Course:
    """A course that has been run through the command line."""

    source: Path
    output: Path
    result: Result

    def executed(self, name: str) -> nbformat.NotebookNode:
        return nbformat.read(self.output / "notebooks" / f"{name}.ipynb", as_version=4)

    def page(self, name: str) -> str:
        return (self.output / "notebooks" / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, write_notebook: Write) -> Course:
    """Five notebooks, run once for all tests, where a stray python3 kernelspec cannot start."""
    home = tmp_path_factory.mktemp("course {with braces}")
    source, output = home / "notebooks", home / "build"
    write_notebook(source, "01_pass", FACTS)
    write_notebook(source, "02_fail", "print('before')\n1 / 0", "print('never')")
    write_notebook(source, "03_die", "import os\nos.kill(os.getpid(), 9)", "print('never')")
    write_notebook(source, "04_ask", "input('Are you sure?')")
    (source / "05_no_kernel.py").write_text("# %%\n1\n", encoding="utf-8")
    stray = home / "jupyter" / "kernels" / "python3"
    stray.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "stray", "language": "python"}
    (stray / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    arguments = ["--profile", "smoke", "--dataset", "simulator", "--seed", "7", "--jobs", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home / "jupyter"))
        patch.setenv("MPLBACKEND", "Agg")  # as on a machine without a screen
        patch.setenv("OPENBLAS_NUM_THREADS", "3")
        patch.chdir(home)
        patch.setenv("ECGLAB_PHYSIONET", "a mirror")
        patch.delenv("OMP_NUM_THREADS", raising=False)
        patch.setattr("joblib.cpu_count", lambda: 10)
        where = ["--source", str(source), "--output", str(output)]
        result = CliRunner().invoke(app, ["notebooks", "run", *arguments, *where])
    return Course(source, output, result)


def test_a_failure_stops_no_other_notebook_and_fails_the_run(course: Course) -> None:
    assert course.result.exit_code == 1
    states = re.findall(r"^(\d\d_\w+) +(ok|FAILED) +[\d.]+ s$", course.result.output, re.MULTILINE)
    assert states == [
        ("01_pass", "ok"),
        ("02_fail", "FAILED"),
        ("03_die", "FAILED"),
        ("04_ask", "FAILED"),
        ("05_no_kernel", "FAILED"),
    ]


def test_the_failing_cell_and_its_error_are_named(course: Course) -> None:
    assert "02_fail: FAILED in cell 3 (print('before')): ZeroDivisionError" in course.result.output
    assert "03_die: FAILED in cell 3 (import os): its kernel died" in course.result.output
    assert "05_no_kernel.py: its header has no kernelspec" in course.result.output


def test_nobody_is_asked(course: Course) -> None:
    assert "04_ask: FAILED in cell 3 (input('Are you sure?')): StdinNotImpl" in course.result.output


def test_the_kernel_is_this_python_in_the_notebooks_folder(course: Course) -> None:
    outputs = course.executed("01_pass").cells[-1].outputs
    (stream,) = [output for output in outputs if output.output_type == "stream"]
    facts, parameters = map(json.loads, stream.text.splitlines())
    assert facts[0] == sys.executable
    assert Path(facts[1]) == course.source
    mirror = str(course.source.parent / "a mirror")  # relative to where the run was started
    assert facts[2] == ["5", "3", mirror]  # ten cores over two jobs, and what the user had set
    figures = str(course.output / "figures" / "01_pass")
    assert parameters == ["smoke", "simulator", 7, figures]


def test_figures_are_kept_and_shown(course: Course) -> None:
    assert (course.output / "figures" / "01_pass" / "line.png").read_bytes().startswith(b"\x89PNG")
    pictures = [o for o in course.executed("01_pass").cells[-1].outputs if "data" in o]
    assert any("image/png" in picture.data for picture in pictures)
    assert "data:image/png;base64," in course.page("01_pass")


@pytest.mark.parametrize("name", ["02_fail", "03_die"])
def test_what_was_executed_is_saved_with_the_error(course: Course, name: str) -> None:
    cells = [cell for cell in course.executed(name).cells if cell.cell_type == "code"]
    broken, never = cells[-2:]
    assert broken.outputs[-1].output_type == "error"
    assert never.source == "print('never')"
    assert not never.outputs
    assert broken.outputs[-1].evalue.replace("'", "&#39;") in course.page(name)


def test_nothing_else_is_left_behind(course: Course) -> None:
    stems = ("01_pass", "02_fail", "03_die", "04_ask")
    left = {path.name for path in (course.output / "notebooks").iterdir()}
    assert left == {f"{stem}.{kind}" for stem in stems for kind in ("ipynb", "html")}
    assert not list(course.source.glob("*.ipynb"))  # the pair is derived by `sync` alone


def test_a_cell_that_hangs_is_stopped(tmp_path: Path, write_notebook: Write) -> None:
    write_notebook(tmp_path, "hang", "import threading", "threading.Event().wait()")
    said: list[str] = []
    (outcome,) = run(source=tmp_path, output=tmp_path / "out", timeout=2, say=said.append)
    assert (outcome.cell, outcome.line) == (4, "threading.Event().wait()")
    assert outcome.error == "still running after 2 s"
    assert said == ["hang: started", report(outcome)]


def test_an_interrupted_run_ends_its_kernels_and_leaves_nothing(
    tmp_path: Path, write_notebook: Write
) -> None:
    interrupt = """\
import os, signal, threading
open(f"{OUTPUT}/pid", "w").write(str(os.getpid()))
os.kill(os.getppid(), signal.SIGINT)  # Ctrl-C, as the runner sees it
threading.Event().wait()"""
    write_notebook(tmp_path, "01_interrupt", interrupt)
    write_notebook(tmp_path, "02_never", "1")
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(source=tmp_path, output=tmp_path / "out", say=said.append)
    assert said == ["01_interrupt: started"]
    assert not (tmp_path / "out" / "notebooks").exists()
    pid = int((tmp_path / "out" / "figures" / "01_interrupt" / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_wrong_requests_are_refused_before_anything_runs(
    tmp_path: Path, write_notebook: Write
) -> None:
    write_notebook(tmp_path, "01_a", "1")
    with pytest.raises(NotebookError, match=r"'09' is no notebook in .*; there are: 01_a"):
        run(["09"], source=tmp_path, say=pytest.fail)
    with pytest.raises(ValueError, match="unknown profile 'huge'"):
        run(source=tmp_path, profile="huge", say=pytest.fail)
    with pytest.raises(ValueError, match="at least one"):
        run(source=tmp_path, jobs=0, say=pytest.fail)
    refused = CliRunner().invoke(app, ["notebooks", "run", "09", "--source", str(tmp_path)])
    assert refused.exit_code == 2
    assert "is no notebook" in refused.output


def test_a_page_draws_plotlys_figures_without_a_network() -> None:
    figure = {"data": [{"y": [1, 2]}], "layout": {}, "frames": [{"data": [{"y": [141421356]}]}]}
    outputs = [
        nbformat.v4.new_output("display_data", {"application/vnd.plotly.v1+json": figure})
        for _ in range(2)
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("f", outputs=outputs)])
    html = render(notebook, "a title")
    assert "<title>a title</title>" in html
    assert html.count("Plotly.newPlot(") == html.count("[141421356]") == 2
    assert html.count("* plotly.js v") == 1
    assert "text/html" not in outputs[0].data  # the notebook stays small


def test_a_page_that_cannot_be_rendered_is_a_failure(
    tmp_path: Path, write_notebook: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ValueError("no template")

    monkeypatch.setattr("ecglab.course.runner.render", fail)
    write_notebook(tmp_path, "01_a", "1")
    (outcome,) = run(source=tmp_path, output=tmp_path / "out", say=lambda line: None)
    assert (outcome.error, outcome.page) == ("no page: ValueError: no template", None)
    assert outcome.notebook == tmp_path / "out" / "notebooks" / "01_a.ipynb"
    assert nbformat.read(outcome.notebook, as_version=4).cells[-1].execution_count == 3


def test_a_run_is_reported_in_lines() -> None:
    outcome = Outcome(name="a", seconds=1.25, error="no page: ValueError: x", notebook=Path("a"))
    assert report(outcome) == "a: FAILED outside its cells: no page: ValueError: x\n  see a"
    assert summary([outcome, Outcome(name="bb", seconds=2)]).splitlines() == [
        "a   FAILED      1.2 s",
        "bb  ok          2.0 s",
    ]
