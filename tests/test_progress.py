"""The progress display: lines where nobody looks, a bar in a terminal, one text in a notebook."""

import io
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from ecglab.progress import progress


def test_lines_at_every_tenth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))  # seconds pass
    assert list(progress(range(1000), "reading", unit="record")) == list(range(1000))
    lines = capsys.readouterr().err.splitlines()
    percents = [int(re.findall(r"reading: +(\d+)%", line)[0]) for line in lines]
    assert percents == list(range(0, 101, 10))
    assert "1000/1000 record" in lines[-1]


def test_a_quick_loop_prints_start_and_end_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(100, "quick") as bar:
        for _ in range(100):
            bar.update()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_unknown_total_and_disabled(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err.splitlines()[-1].startswith("letters: 3 step [")
    assert list(progress([1, 2], "silent", enabled=False)) == [1, 2]
    assert capsys.readouterr().err == ""


def test_the_end_is_shown_where_no_total_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))
    assert len(list(progress(iter(range(1000)), "letters"))) == 1000
    shown = [int(line.split()[1]) for line in capsys.readouterr().err.splitlines()]
    assert shown == sorted(set(shown)), "whenever it has doubled"
    assert shown[0] == 0
    assert shown[-1] == 1000
    assert len(shown) < 15


def test_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(progress([1, 2, 3], "steps"))
    assert "\r" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_saved_notebook_keeps_one_text_and_no_widget() -> None:
    notebook = nbformat.v4.new_notebook()
    code = "from ecglab.progress import progress\nfor i in progress(range(50), 'steps'): pass"
    notebook.cells = [nbformat.v4.new_code_cell(code)]
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert list(output.data) == ["text/plain"]
    assert "50/50" in output.data["text/plain"]
