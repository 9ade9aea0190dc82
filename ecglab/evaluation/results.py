"""The results store: one small JSON per run under ``results/``, and every table made from them.

A run is named by what it is (data set, task, protocol, method, variant, profile, seed), and so is
its file: running it again replaces the file, and ``git diff`` shows which numbers moved. No clock
time is kept, since it would change where nothing else did.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecglab import __version__
from ecglab.data.whole import write_text
from ecglab.evaluation.bootstrap import Interval
from ecglab.training import machine_device

IDENTITY = ("dataset", "task", "protocol", "method", "variant", "profile", "seed")
"""The fields that name a run."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+=-]*(_[A-Za-z0-9.+=-]+)*")


class ResultError(ValueError):
    """A result that breaks the schema; the message names the file (or run) and the field."""


def versions() -> dict[str, str]:
    """The versions that numbers depend on most."""
    packages = {name: version(name) for name in ("torch", "numpy", "scikit-learn")}
    return {"ecglab": __version__, "python": ".".join(map(str, sys.version_info[:3])), **packages}


def revision(root: Path = Path(__file__).parents[2]) -> str | None:
    """A checkout's git commit, with ``+`` where its ``ecglab/`` was edited since, or None."""
    if not (root / ".git").exists():
        return None
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        edited = subprocess.run(
            ["git", "status", "--porcelain", "--", "ecglab"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if edited.stdout.strip() else "")


_RUNNING = revision()  # of the code as it was loaded: a long run may end under a later commit


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run and its scores.

    Attributes:
        dataset: the data set's name in the catalog.
        task: what is told apart, ``rhythm4`` for instance.
        protocol: who trains and who is tested, ``5fold-record`` for instance.
        method: the method's name in the registry.
        variant: what sets this run apart from the method's plain form; may be empty.
        profile: the profile that scaled the run.
        seed: of training and splits.
        n: number of records scored.
        classes: the classes scored, in order.
        metrics: each metric's value and interval by name.
        params: whatever else made the run (t, steps, C, ...): JSON values.
        device: what a training of this run had; by default what this machine would give it.
        seconds: how long the run took; None where it was not taken.
        versions: of Python and the packages.
        revision: git commit of the source; None where unknown.

    Raises:
        ResultError: where a field is not as above, or a number is not finite.
    """

    dataset: str
    task: str
    protocol: str
    method: str
    variant: str = ""
    profile: str
    seed: int
    n: int
    classes: tuple[str, ...]
    metrics: dict[str, Interval]
    params: dict[str, Any] = field(default_factory=dict)
    device: str = field(default_factory=machine_device)
    seconds: float | None = None
    versions: dict[str, str] = field(default_factory=versions)
    revision: str | None = _RUNNING

    def __post_init__(self) -> None:
        for name in IDENTITY[:-1]:
            value = getattr(self, name)
            if not (name == "variant" and value == ""):
                check_name(name, value)
        for name, least in (("seed", 0), ("n", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ResultError(f"{name} must be an integer from {least} on, not {value!r}")
        named = all(isinstance(c, str) for c in self.classes)
        if not named or len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ResultError(f"classes must be two different names or more, not {self.classes!r}")
        if not self.metrics:
            raise ResultError("metrics is empty")
        for name, m in self.metrics.items():
            _check_interval(name, m)
        if self.seconds is not None and not (_is_number(self.seconds) and self.seconds >= 0):
            raise ResultError(f"seconds must be a number from 0 on, not {self.seconds!r}")
        for name in ("params", "versions"):
            if not isinstance(getattr(self, name), dict):
                raise ResultError(f"{name} must be an object, not {getattr(self, name)!r}")
        if not isinstance(self.device, str) or not isinstance(self.revision, str | None):
            raise ResultError("device must be text, and revision text or null")

    @property
    def filename(self) -> str:
        """``cinc2017__rhythm4__5fold__diffecg__gpu__seed0.json``."""
        parts = [str(getattr(self, f)) for f in IDENTITY[:-1] if getattr(self, f)]
        return "__".join([*parts, f"seed{self.seed}"]) + ".json"


def check_name(what: str, value: object) -> None:
    """Refuse what cannot be part of a result's name: better before a run than after it.

    Raises:
        ResultError: for anything but letters, digits and ``. + = - _``.
    """
    if not (isinstance(value, str) and NAME.fullmatch(value)):
        raise ResultError(f"{what} must be letters, digits and . + = - _, not {value!r}")


def save(result: Result, folder: str | Path) -> Path:
    """Write a result to its own file in ``folder``, all or nothing, and return the path.

    Scores keep six decimals and seconds one: more would be noise in a diff.

    Raises:
        ResultError: where ``params`` holds what JSON does not, NaN included.
    """
    data = asdict(result)
    data["metrics"] = {
        name: {
            key: round(float(x), 6)
            for key, x in (("value", m.value), ("low", m.low), ("high", m.high))
        }
        for name, m in result.metrics.items()
    }
    data["seconds"] = None if result.seconds is None else round(float(result.seconds), 1)
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ResultError(f"{result.filename}: {error}") from error
    path = Path(folder) / result.filename
    write_text(path, text + "\n")
    return path


def save_predictions(result: Result, table: pd.DataFrame, folder: str | Path | None) -> None:
    """Write every unit's prediction beside a result, as CSV under its name; None: do not.

    With them another system can be compared with this one in pairs, after the fact.
    """
    if folder is not None:
        path = Path(folder) / f"{Path(result.filename).stem}.csv"
        write_text(path, table.to_csv(index=False, lineterminator="\n"))


def load(path: str | Path) -> Result:
    """Read one result.

    Raises:
        ResultError: for a file that is not JSON, breaks the schema, or bears another run's name.
    """
    path = Path(path)
    try:
        result = _from_json(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not JSON: {error}") from error
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from error
    if path.name != result.filename:
        raise ResultError(f"{path}: holds the run of {result.filename}")
    return result


def load_all(folder: str | Path) -> list[Result]:
    """Every result of a folder, in the order of the file names.

    Raises:
        ResultError: where there is no such folder, or as :func:`load`.
    """
    if not Path(folder).is_dir():
        raise ResultError(f"{folder}: no such folder")
    return [load(path) for path in sorted(Path(folder).glob("*.json"))]


def stored_results() -> list[Result]:
    """The project's own, as a notebook of the course finds them; none where it stands alone.

    They lie in ``results/`` beside or above the working folder (a hand-out's is deeper than the
    chapters'), or beside the package, where that is a checkout.
    """
    here = Path.cwd()
    places = [
        *(p / "results" for p in (here, *here.parents)),
        Path(__file__).parents[2] / "results",
    ]
    folder = next((p for p in places if any(p.glob("*__*__seed*.json"))), None)
    return [] if folder is None else load_all(folder)


def _from_json(data: Any) -> Result:
    if not isinstance(data, dict):
        raise ResultError("not a JSON object")
    known = {f.name for f in fields(Result)}
    _check_keys(data, known)
    metrics, classes = data["metrics"], data["classes"]
    if not isinstance(metrics, dict) or not isinstance(classes, list):
        raise ResultError("metrics must be an object, and classes a list")
    for name, m in metrics.items():
        if not isinstance(m, dict) or set(m) != {"value", "low", "high"}:
            raise ResultError(f"metric {name!r} must have value, low and high, not {m!r}")
    intervals = {name: Interval(**m) for name, m in metrics.items()}
    return Result(**{**data, "metrics": intervals, "classes": tuple(classes)})


def _check_keys(data: dict[str, Any], known: set[str]) -> None:
    def listed(names: Iterable[str]) -> str:
        return ", ".join(sorted(names))

    if missing := known - set(data):
        raise ResultError(f"no field {listed(missing)}")
    if unknown := set(data) - known:
        raise ResultError(f"unknown field {listed(unknown)}")


def _check_interval(name: str, m: Interval) -> None:
    if not isinstance(m, Interval) or not all(_is_number(x) for x in (m.value, m.low, m.high)):
        raise ResultError(f"metric {name!r} must be an Interval of finite numbers, not {m!r}")
    if m.low > m.high:
        raise ResultError(f"metric {name!r}: low {m.low} is above high {m.high}")


def _is_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and bool(np.isfinite(x))


def _plain(x: object) -> object:
    """NumPy's scalars and arrays as JSON values."""
    if isinstance(x, np.generic | np.ndarray):
        return x.tolist()
    raise TypeError(f"params may hold JSON values only, not {type(x).__name__}")
