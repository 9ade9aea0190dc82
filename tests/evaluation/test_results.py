"""The results store: what is saved comes back, what is broken is named, what is stale is told."""

import dataclasses
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecglab.evaluation.bootstrap import Interval
from ecglab.evaluation.results import (
    Result,
    ResultError,
    load,
    load_all,
    revision,
    save,
    stored_results,
    versions,
)


def run(**changes: Any) -> Result:
    """A plausible run."""
    plain: dict[str, Any] = {
        "dataset": "cinc2017",
        "task": "rhythm4",
        "protocol": "5fold-record",
        "method": "diffecg",
        "profile": "gpu",
        "seed": 0,
        "n": 7000,
        "classes": ("N", "A", "O", "~"),
        "metrics": {"macro_f1": Interval(0.7, 0.68, 0.72), "cinc2017": Interval(0.75, 0.74, 0.77)},
        "params": {"t": 20, "dim": [48, 96]},
        "seconds": 12.34,
    }
    return Result(**{**plain, **changes})


def broken(tmp_path: Path, **changes: Any) -> Path:
    """A saved run with fields changed (or removed: ``...``) behind the store's back."""
    path = save(run(), tmp_path)
    data = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in data.items() if v is not ...}))
    return path


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    result = run()
    path = save(result, tmp_path / "results")
    assert path.name == "cinc2017__rhythm4__5fold-record__diffecg__gpu__seed0.json"
    assert load(path) == dataclasses.replace(result, seconds=12.3)
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no partial file stays


def test_saving_again_replaces_and_changes_nothing_else(tmp_path: Path) -> None:
    path = save(run(), tmp_path)
    before = path.read_bytes()
    save(run(), tmp_path)
    assert path.read_bytes() == before
    save(run(variant="balanced"), tmp_path)
    save(run(seed=1), tmp_path)
    names = [r.filename for r in load_all(tmp_path)]
    assert names == [
        "cinc2017__rhythm4__5fold-record__diffecg__balanced__gpu__seed0.json",
        "cinc2017__rhythm4__5fold-record__diffecg__gpu__seed0.json",
        "cinc2017__rhythm4__5fold-record__diffecg__gpu__seed1.json",
    ]


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(run(), tmp_path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        save(run(n=5), tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_numpy_values_become_json(tmp_path: Path) -> None:
    params = {"t": np.int64(20), "C": np.float32(0.5), "widths": np.array([1, 2])}
    metrics = {"f1": Interval(np.float64(1 / 3), 0.1, 0.5)}
    found = load(save(run(params=params, metrics=metrics), tmp_path))
    assert found.params == {"t": 20, "C": 0.5, "widths": [1, 2]}
    assert found.metrics["f1"].value == 0.333333


def test_provenance_is_filled_in() -> None:
    found = run().versions
    assert set(found) == {"ecglab", "python", "torch", "numpy", "scikit-learn"}
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert found == versions()


def test_the_revision_says_whether_the_package_was_edited(tmp_path: Path) -> None:
    assert revision(tmp_path) is None

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        done = subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, check=True)
        return done.stdout.decode().strip()

    git("init")
    (tmp_path / "ecglab").mkdir()
    module = tmp_path / "ecglab/a.py"
    module.write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    head = git("rev-parse", "HEAD")[:12]
    (tmp_path / "notes.txt").write_text("beside the package")
    assert revision(tmp_path) == head
    module.write_text("2")
    assert revision(tmp_path) == head + "+"
    module.write_text("1")
    assert revision(tmp_path) == head
    (tmp_path / "ecglab/b.py").write_text("a module that git does not know")
    assert revision(tmp_path) == head + "+"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "a/b"}, "method must be letters"),
        ({"method": "a__b"}, "method must be letters"),
        ({"dataset": ""}, "dataset must be letters"),
        ({"task": 3}, "task must be letters"),
        ({"seed": "0"}, "seed must be an integer"),
        ({"seed": -1}, "seed must be an integer"),
        ({"n": 0}, "n must be an integer from 1 on"),
        ({"classes": ("N",)}, "classes must be two"),
        ({"classes": ("N", "N")}, "classes must be two"),
        ({"metrics": {}}, "metrics is empty"),
        ({"metrics": {"f1": 0.5}}, "metric 'f1' must be an Interval"),
        ({"metrics": {"f1": Interval(float("nan"), 0, 1)}}, "finite"),
        ({"metrics": {"f1": Interval(0.5, 0.6, 0.4)}}, "low 0.6 is above high 0.4"),
        ({"seconds": -1.0}, "seconds"),
        ({"params": [1]}, "params must be an object"),
        ({"device": None}, "device must be text"),
    ],
)
def test_a_result_that_breaks_the_schema_is_never_made(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ResultError, match=message):
        run(**changes)


def test_params_must_be_json(tmp_path: Path) -> None:
    for value in (object(), float("nan")):
        with pytest.raises(ResultError, match=r"seed0\.json"):
            save(run(params={"x": value}), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": ...}, "no field n"),
        ({"created": "today"}, "unknown field created"),
        ({"seed": 1}, r"holds the run of .*seed1\.json"),
        ({"classes": "NAO~"}, "classes a list"),
        ({"metrics": {"f1": {"value": 1}}}, "must have value, low and high"),
        ({"metrics": {"f1": {"value": "1", "low": 0, "high": 1}}}, "finite numbers"),
        ({"n": 2.5}, "n must be an integer"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = broken(tmp_path, **changes)
    with pytest.raises(ResultError, match=message) as caught:
        load_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b""])
def test_a_file_that_is_no_result_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"x\.json: not"):
        load_all(tmp_path)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no such folder"):
        load_all(tmp_path / "none")


def test_a_notebook_finds_the_project_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "elsewhere" / "ecglab" / "evaluation" / "results.py"
    monkeypatch.setattr("ecglab.evaluation.results.__file__", str(package))
    places = [tmp_path / "own", tmp_path / "own/notebooks", tmp_path / "own/build/exercises"]
    for place in places:
        (place / "results").mkdir(parents=True)  # an empty one is none
        monkeypatch.chdir(place)
        assert stored_results() == []
    save(run(), tmp_path / "own" / "results")
    for place in places:
        monkeypatch.chdir(place)
        assert len(stored_results()) == 1
    monkeypatch.chdir(tmp_path)
    assert stored_results() == []
    save(run(), tmp_path / "elsewhere" / "results")
    assert len(stored_results()) == 1
