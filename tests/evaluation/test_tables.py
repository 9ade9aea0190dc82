"""Tables from the store, cell by cell."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ecglab.evaluation.bootstrap import Interval
from ecglab.evaluation.results import Result, ResultError
from ecglab.evaluation.tables import frame, table, to_markdown, update_readme, write_table


def run(method: str, value: float, **changes: Any) -> Result:
    plain: dict[str, Any] = {
        "dataset": "cinc2017",
        "task": "rhythm4",
        "protocol": "5fold",
        "method": method,
        "profile": "gpu",
        "seed": 0,
        "n": 7000,
        "classes": ("N", "A"),
        "metrics": {"macro_f1": Interval(value, value - 0.02, value + 0.01)},
    }
    return Result(**{**plain, **changes})


def test_one_seed_and_three() -> None:
    runs = [run("majority", 0.19)] + [run("diffecg", 0.7 + 0.01 * s, seed=s) for s in range(3)]
    found = table(runs, {"macro_f1": "macro-F1"})
    assert found.to_dict("list") == {
        "method": ["majority", "diffecg"],
        # mean of 0.70, 0.71, 0.72; their standard deviation is 0.01
        "macro-F1": ["0.190 [0.170, 0.200]", "0.710 ± 0.010 [0.690, 0.720]"],
    }


def test_missing_runs_are_shown() -> None:
    runs = [run("diffecg", 0.7), run("simclr", 0.6, dataset="ptbxl")]
    found = table(
        runs, ["macro_f1", "auroc"], across=("dataset",), rows=["clocs", "diffecg"], digits=2
    )
    assert list(found.columns) == [
        "method",
        "cinc2017 macro_f1",
        "cinc2017 auroc",
        "ptbxl macro_f1",
        "ptbxl auroc",
    ]
    assert found.to_numpy().tolist() == [
        ["clocs", "—", "—", "—", "—"],
        ["diffecg", "0.70 [0.68, 0.71]", "—", "—", "—"],
    ]


def test_a_store_without_results_still_gives_the_table() -> None:
    found = table([], ["macro_f1"], rows=["diffecg"])
    assert found.to_numpy().tolist() == [["diffecg", "—"]]


def test_rows_of_two_fields() -> None:
    runs = [run("diffecg", 0.7), run("diffecg", 0.6, variant="balanced")]
    found = table(runs, ["macro_f1"], by=("method", "variant"), rows=[("diffecg", "balanced")])
    assert found.to_numpy().tolist() == [["diffecg", "balanced", "0.600 [0.580, 0.610]"]]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"profile": "laptop"}, "mix profile 'gpu', 'laptop'"),
        ({"variant": "balanced"}, "mix variant '', 'balanced'"),
        ({"seed": 1, "classes": ("N", "A", "O")}, "mix classes"),
        ({}, "given twice"),
    ],
)
def test_unlike_runs_are_never_averaged(other: dict[str, Any], message: str) -> None:
    with pytest.raises(ResultError, match=message):
        table([run("diffecg", 0.7), run("diffecg", 0.6, **other)], ["macro_f1"])


def test_a_table_is_laid_out_by_what_names_a_run() -> None:
    with pytest.raises(ResultError, match=r"not by \['device'\]"):
        table([], ["macro_f1"], by=("device",))
    with pytest.raises(ResultError, match="2 value"):
        table([], ["macro_f1"], by=("method", "variant"), rows=["diffecg"])


def test_raw_numbers() -> None:
    found = frame([run("diffecg", 0.7), run("simclr", 0.6)])
    assert found[["method", "metric", "value", "low", "high"]].to_numpy().tolist() == [
        ["diffecg", "macro_f1", 0.7, pytest.approx(0.68), 0.71],
        ["simclr", "macro_f1", 0.6, 0.58, 0.61],
    ]


def test_markdown_latex_and_csv(tmp_path: Path) -> None:
    data = table([run("rr_features", 0.5)], ["macro_f1"], rows=["rr_features", "a|b"])
    lines = to_markdown(data).splitlines()
    assert [c.strip() for c in lines[2].strip("|").split(" | ")] == [
        "rr_features",
        "0.500 [0.480, 0.510]",
    ]
    assert "a\\|b" in lines[3]
    assert (
        write_table(data, tmp_path / "t.md").read_text(encoding="utf-8") == "\n".join(lines) + "\n"
    )
    latex = write_table(data, tmp_path / "t.tex").read_text(encoding="utf-8")
    assert r"rr\_features & 0.500 [0.480, 0.510] \\" in latex
    back = pd.read_csv(write_table(data, tmp_path / "t.csv"))
    assert back.to_numpy().tolist() == data.to_numpy().tolist()
    with pytest.raises(ValueError, match=r"\.md, \.tex or \.csv"):
        write_table(data, tmp_path / "t.xlsx")


README = "# Title\n\n<!-- results:main -->\nold\n<!-- /results:main -->\n\nEnd — done.\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_readme_is_checked_then_updated(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(README.replace("\n", newline).encode())
    assert update_readme(path, "main", "| a |\n|---|\n", check=True)
    assert path.read_bytes() == README.replace("\n", newline).encode()
    assert update_readme(path, "main", "| a |\n|---|\n")
    assert (
        path.read_bytes() == README.replace("old", "| a |\n|---|").replace("\n", newline).encode()
    )
    assert not update_readme(path, "main", "| a |\n|---|\n", check=True)
    assert not update_readme(path, "main", "| a |\n|---|\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "once each"),
        (README + README, "once each"),
        ("<!-- /results:main --><!-- results:main -->", "comes before"),
    ],
)
def test_readme_without_its_marks(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        update_readme(path, "main", "| a |")
    assert path.read_text(encoding="utf-8") == text
