"""Scripts and the notebooks paired with them."""

import json
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from typer.testing import CliRunner

from ecglab.cli import app
from ecglab.course import NotebookError, describe_source, find_sources, sync
from ecglab.course.exercises import script_text
from ecglab.course.pairing import pair_text
from ecglab.course.sources import read_source

Write = Callable[..., Path]
COURSE = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))

TEXT = "# %% [markdown]\n# Let $x_t$ be\n#\n# - a list, and `code`"
CELLS = ("import math", TEXT, '# %% tags=["live"]\ndef f():\n    """Say π."""\n\n\nf()', "1", "1")


@pytest.fixture
def script(tmp_path: Path, write_notebook: Write) -> Path:
    return write_notebook(tmp_path, "01_small", *CELLS)


def ids(script: Path) -> list[str]:
    return [cell.id for cell in read_source(script).cells]


def test_a_pair_is_a_valid_notebook_without_outputs(script: Path) -> None:
    assert sync(script.parent) == {script.with_suffix(".ipynb"): "missing"}
    text = script.with_suffix(".ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata == {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    }
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 5
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_deriving_again_gives_the_same_bytes(script: Path) -> None:
    pair = script.with_suffix(".ipynb")
    sync(script.parent)
    first = pair.read_bytes()
    pair.unlink()
    sync(script.parent)
    assert pair.read_bytes() == first
    assert sync(script.parent) == {}


def test_an_edit_changes_no_other_cells_id(script: Path) -> None:
    before = ids(script)
    assert len(set(before)) == len(before)  # the two cells of equal text included
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace("import math", "import cmath"), encoding="utf-8")
    edited = ids(script)
    changed = [a != b for a, b in zip(before, edited, strict=True)]
    assert changed == [False, False, True, False, False, False, False]
    with_one_more = text.replace("# %%\nimport math", "# %%\n2\n\n# %%\nimport math")
    script.write_text(with_one_more, encoding="utf-8")
    assert [id_ for id_ in ids(script) if id_ in before] == before


@pytest.mark.parametrize("source", [None, *COURSE], ids=lambda path: path.stem if path else "small")
def test_script_to_notebook_to_script_is_the_same(source: Path | None, script: Path) -> None:
    source = source or script
    assert script_text(read_source(source)) == source.read_text(encoding="utf-8")


def test_saving_in_jupyterlab_needs_no_new_pair(script: Path) -> None:
    """Jupytext then writes its version into the header, unless a filter there forbids it."""
    before = pair_text(read_source(script))
    saved = jupytext.writes(read_source(script), fmt="py:percent")
    assert f"jupytext_version: {jupytext.__version__}" in saved
    script.write_text(saved, encoding="utf-8")
    assert pair_text(read_source(script)) == before
    formats = "formats: ipynb,py:percent\n"
    only_formats = f"{formats}#     notebook_metadata_filter: -jupytext.text_representation\n"
    text = script_text(read_source(script)).replace(formats, only_formats)
    script.write_text(text, encoding="utf-8")
    assert jupytext.writes(read_source(script), fmt="py:percent") == text


def test_check_names_what_is_out_of_step_and_writes_nothing(
    script: Path, write_notebook: Write
) -> None:
    folder = script.parent
    ran, stale = (write_notebook(folder, name, "1") for name in ("02_ran", "03_stale"))
    sync(folder)
    notebook = nbformat.read(ran.with_suffix(".ipynb"), as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, ran.with_suffix(".ipynb"))
    stale.write_text(stale.read_text(encoding="utf-8") + "\n# %%\n2\n", encoding="utf-8")
    (folder / "04_alone.ipynb").write_text("{}", encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}

    arguments = ["notebooks", "sync", "--check", "--source", str(folder)]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 1
    assert result.output.splitlines()[:3] == [
        f"{folder / '04_alone.ipynb'}: has no script (.py) beside it",
        f"{folder / '02_ran.ipynb'}: carries outputs",
        f"{folder / '03_stale.ipynb'}: out of step with its script",
    ]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "04_alone.ipynb").unlink()
    sync(folder)
    assert CliRunner().invoke(app, arguments).exit_code == 0


@pytest.mark.parametrize("text", [b"# ---\n# jupyter: [\n# ---\n\n# %%\n1\n", b"# %%\n'\xe9'\n"])
def test_what_is_no_notebook_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "01_broken.py").write_bytes(text)
    with pytest.raises(NotebookError, match=r"01_broken\.py: (no notebook|its header)"):
        read_source(tmp_path / "01_broken.py")


def test_a_pair_of_rubbish_is_derived_anew(script: Path) -> None:
    pair = script.with_suffix(".ipynb")
    pair.write_bytes(b"\xff\xfe")
    assert sync(script.parent, check=True)[pair] == "not a notebook"
    sync(script.parent)
    assert sync(script.parent, check=True) == {}


def test_names_find_their_notebook(tmp_path: Path, write_notebook: Write) -> None:
    names = ("01_beats", "10_more", "03_encoder", "03_encoder_again")
    one, ten, three, again = (write_notebook(tmp_path, name, "1") for name in names)
    (tmp_path / "_helper.py").write_text("", encoding="utf-8")
    assert find_sources(None, tmp_path) == [one, three, again, ten]
    assert find_sources(["10", "01"], tmp_path) == [ten, one]
    assert find_sources(["03_encoder", "01_beats", "01"], tmp_path) == [three, one]
    assert find_sources([str(one), one.with_suffix(".ipynb")], tmp_path) == [one]
    with pytest.raises(NotebookError, match="'03' fits several notebooks"):
        find_sources(["03"], tmp_path)
    with pytest.raises(NotebookError, match="'beats' is no notebook"):
        find_sources(["beats"], tmp_path)
    with pytest.raises(NotebookError, match="no notebooks"):
        find_sources(None, tmp_path / "elsewhere")
    roundabout = tmp_path / "twin" / ".." / one.name
    (tmp_path / "twin").mkdir()
    assert find_sources(["01", roundabout], tmp_path) == [one], "one file under two names"
    twin = write_notebook(tmp_path / "twin", "01_beats", "1")
    with pytest.raises(NotebookError, match="two notebooks are called 01_beats"):
        find_sources([one, twin], tmp_path)


def test_the_list_tells_title_minutes_and_exercises(tmp_path: Path, write_notebook: Write) -> None:
    exercise = '# %% tags=["solution"]\ndef f() -> int:\n    return 1'
    script = write_notebook(tmp_path, "01_a", exercise, '# %% tags=["check"]\nassert f() == 1')
    facts = describe_source(script)
    assert (facts.title, facts.minutes, facts.exercises) == ("About 01_a", 3, 1)
    command = ["notebooks", "list", "--source", str(tmp_path)]
    assert "About 01_a  [3 min, 1 exercises]" in CliRunner().invoke(app, command).output
    (row,) = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert row == {"name": "01_a", "title": "About 01_a", "minutes": 3, "exercises": 1}
