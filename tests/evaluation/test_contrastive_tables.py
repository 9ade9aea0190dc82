"""DACL's tables: each number in its own cell, and a dash where there is no run."""

from dataclasses import replace

import pytest

from ecglab.evaluation import contrastive_tables as t
from ecglab.evaluation.bootstrap import Interval
from ecglab.evaluation.results import Result


def result(method, value, *, variant="", protocol="5fold-auroc", task="af-vs-normal", **more):
    metrics = {"auroc": Interval(value, value - 0.01, value + 0.01)}
    metrics |= {f"auroc_over_{k}": Interval(v, v - 0.02, v + 0.02) for k, v in more.items()}
    return Result(
        dataset="cinc2017",
        task=task,
        protocol=protocol,
        method=method,
        variant=variant,
        profile="laptop",
        seed=0,
        n=9,
        classes=("negative", "positive"),
        metrics=metrics,
    )


def cells(text, start):
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_without_results_every_table_says_so():
    for make in (t.comparison_table, t.gains_table, t.steps_table, t.noise_table, t.few_table):
        assert make([]) == t.NONE


def test_comparison_stands_beside_the_paper():
    text = t.comparison_table([result("dacl", 0.9), result("dacl", 0.8, task="normal-vs-rest")])
    row = cells(text, "DACL")
    assert row == [
        "DACL",
        "as published",
        "0.7815; 0.9741",
        "0.900 [0.890, 0.910]",
        "—",
        "0.800 [0.790, 0.810]",
    ]
    assert cells(text, "Denoising")[2:] == ["0.7532; —", "—", "—", "—"]


def test_rhythm_has_rows_of_its_own():
    runs = [result("dacl", 0.9), result("dacl", 0.97, variant="rhythm", **{"scattering-vae": 0.02})]
    for make in (t.comparison_table, t.gains_table):
        lines = make(runs).splitlines()
        assert sum("and rhythm" in line for line in lines) >= 1
        assert all("0.970" not in line for line in lines if "as published" in line)
    rhythmic = [
        x for x in t.comparison_table(runs).splitlines() if "and rhythm" in x and "DACL" in x
    ]
    assert len(rhythmic) == 1
    assert "0.970 [0.960, 0.980]" in rhythmic[0]
    assert "0.7815" not in rhythmic[0]


def test_gains_are_paired_differences_to_each_baseline():
    own = result("dacl", 0.9, **{"scattering-vae": 0.05})
    row = cells(t.gains_table([own]), "AF against normal")
    gains = ["0.050 [0.030, 0.070]" if name == "scattering-vae" else "—" for name in t.BASELINES]
    assert row[1:] == ["as published", *gains]


def test_steps_keep_the_thirds_apart():
    late = result("dacl", 0.7, variant="steps-late", dacl=-0.2)
    other = result("dacl", 0.8, task="normal-vs-rest")  # nobody tried other steps here
    text = t.steps_table([result("dacl", 0.9), late, other])
    assert "normal against the rest" not in text
    assert t.steps_table([other, result("dacl", 0.8, variant="rhythm")]) == t.NONE
    assert cells(text, "late")[1:] == ["0.700 [0.690, 0.710]", "-0.200 [-0.220, -0.180]"]
    assert cells(text, "early")[1:] == ["0.900 [0.890, 0.910]", "—"]


def test_intervals_are_the_tables_numbers_over_seeds():
    runs = [result("dacl", 0.9), replace(result("dacl", 0.8), seed=1)]
    (row,) = t.comparison_intervals(runs).itertuples(index=False)
    assert row[:2] == ("AF against normal", "DACL")
    assert row[2:] == pytest.approx((0.85, 0.84, 0.86))
    assert t.comparison_intervals(runs, variant="rhythm").empty
    runs.append(result("dacl", 0.7, variant="steps-late"))
    table = t.steps_intervals(runs)
    assert list(zip(table["name"], table["value"], strict=True)) == [
        ("late", pytest.approx(0.7)),
        ("early", pytest.approx(0.85)),
    ]
    assert t.steps_intervals(runs[:2]).empty


def test_noise_and_few_labels_find_their_columns():
    noisy = result("dacl", 0.6, variant="motion-6dB", protocol="noise-auroc")
    text = t.noise_table([noisy])
    mine = [line for line in text.splitlines() if "| DACL " in line and line.startswith("| motion")]
    assert [c.strip()[:5] for c in mine[0].strip("|").split("|")][2:] == ["—", "0.600", *"———"]
    few = result("dacl", 0.66, variant="labels10", protocol="fewshot-auroc")
    assert cells(t.few_table([few]), "DACL")[1:] == ["—", "0.660 [0.650, 0.670]", "—"]
