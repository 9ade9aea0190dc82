"""The tables of label efficiency and of the ablation: every cell where it belongs."""

from collections.abc import Mapping

from ecglab.evaluation import Interval, Result
from ecglab.evaluation.label_efficiency import PROTOCOL as HOLDOUT
from ecglab.evaluation.semantic_ablation import VARIANTS
from ecglab.evaluation.semantic_tables import ablation_table, labels_table


def run(variant: str, metrics: Mapping[str, float], *, protocol: str, method: str) -> Result:
    return Result(
        dataset="cinc2017",
        task="rhythm4",
        protocol=protocol,
        method=method,
        variant=variant,
        profile="laptop",
        seed=0,
        n=100,
        classes=("N", "A"),
        metrics={name: Interval(v, v - 0.1, v + 0.1) for name, v in metrics.items()},
        params={},
        device="cpu",
        seconds=1.0,
    )


def cells(markdown: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in markdown.splitlines()]


def test_labels_by_share_and_untrained_apart() -> None:
    runs = [
        run(v, {"macro_f1": f}, protocol=HOLDOUT, method="semantic-autoencoder")
        for v, f in [("labels100", 0.6), ("untrained+labels10", 0.4)]
    ]
    both = {"macro_f1": 0.3, "cinc2017_score": 0.2}
    runs.insert(0, run("labels1", both, protocol=HOLDOUT, method="semantic-autoencoder"))
    head, _, *rows = cells(labels_table(runs))
    assert head[2:] == ["1% of the labels", "10% of the labels", "100% of the labels"]
    assert [r[2:] for r in rows] == [
        ["0.300 [0.200, 0.400]", "—", "0.600 [0.500, 0.700]"],
        ["—", "0.400 [0.300, 0.500]", "—"],
        ["0.200 [0.100, 0.300]", "—", "—"],
        ["—", "—", "—"],
    ]
    assert [r[0] for r in rows] == ["macro-F1"] * 2 + ["official score"] * 2
    assert rows[1][1].endswith(", untrained")
    assert labels_table([]) == "_No results yet._"


def test_variants_beside_the_full_model_missing_ones_too() -> None:
    over = "macro_f1_over_semantic-autoencoder-full"
    both = {"macro_f1": 0.6, "cinc2017_score": 0.65}
    runs = [
        run("ablation-full", both, protocol="p", method="semantic-autoencoder"),
        run("ablation-cnn", {**both, over: -0.05}, protocol="p", method="semantic-autoencoder"),
    ]
    _, _, *rows = cells(ablation_table(runs))
    assert len(rows) == len(VARIANTS)
    assert rows[0][4] == "—"
    assert rows[1][4] == "-0.050 [-0.150, 0.050]"
    assert rows[2][1:] == ["0", "—", "—", "—"]


def test_another_training_seed_adds_the_lines_that_were_run() -> None:
    over = "macro_f1_over_semantic-autoencoder-full"
    runs = [
        run("ablation-full+seed1", {"macro_f1": 0.6}, protocol="p", method="semantic-autoencoder"),
        run("ablation-mean+seed1", {over: -0.1}, protocol="p", method="semantic-autoencoder"),
    ]
    _, _, *rows = cells(ablation_table(runs))
    assert [r[1] for r in rows] == ["0"] * len(VARIANTS) + ["1", "1"]
    assert rows[-2][2] == "0.600 [0.500, 0.700]"
    assert rows[-1][4] == "-0.100 [-0.200, 0.000]"
