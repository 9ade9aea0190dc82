"""The generalisation protocol: who trains and who is tested, and what is made of predictions."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from ecglab.cli import app
from ecglab.data.catalog import open_dataset
from ecglab.data.readers.arrays import ArrayDataset, from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.evaluation import Result, ResultError, load_all, save
from ecglab.evaluation.bootstrap import Interval, bootstrap_ci
from ecglab.evaluation.generalisation import evaluate, guess_majority, run_generalisation, split
from ecglab.evaluation.metrics import macro_f1
from ecglab.evaluation.table1 import (
    PAIRS,
    PAPER,
    fusion_gains,
    other_pairs,
    table1,
    table1_scores,
)
from ecglab.evaluation.tasks import (
    TASKS,
    CannotGeneralise,
    Target,
    Task,
    align,
    check_disjoint,
    target,
)
from ecglab.evaluation.tested import compare, protocol, score
from ecglab.methods import Method, MethodInfo, pretrained
from ecglab.profiles import load_profile

PROFILE = load_profile("smoke")
SPEC = WindowSpec(fs=100.0, seconds=5.0, band=None, scaling="none")
MIX = {"N": 0.4, "A": 0.3, "O": 0.3}


class Scripted(Method):
    """Knows the classes of its training windows, and predicts by a rule that looks at the table."""

    info = MethodInfo(name="scripted", title="", kind="rule", modalities=(), paper="", year=2026)
    spec = SPEC

    def __init__(self) -> None:
        self.known: list[str] = []
        self.subjects: dict[str, set[str]] = {}

    def finetune(self, data: WindowSet, labels: NDArray[Any], *, seed: int = 0) -> None:
        self.known = sorted(set(labels.tolist()))
        self.common = pd.Series(labels).value_counts().index[0]
        self.subjects["train"] = set(data.table["subject"])

    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        self.subjects["test"] = set(data.table["subject"])
        p = np.full((len(data), len(self.known)), 1e-3)
        for i, (_, row) in enumerate(data.table.iterrows()):
            p[i] += self.rule(row)
        return p / p.sum(axis=1, keepdims=True)

    def rule(self, row: pd.Series) -> NDArray[np.float64]:
        raise NotImplementedError


class Oracle(Scripted):
    """Reads the answer."""

    def rule(self, row: pd.Series) -> NDArray[np.float64]:
        return np.array([float(name == row["label"]) for name in self.known])


class Constant(Scripted):
    """Always the commonest class of what it was trained on."""

    def rule(self, row: pd.Series) -> NDArray[np.float64]:
        return np.array([float(name == self.common) for name in self.known])


class SecondWindowOnly(Scripted):
    """Undecided about a record's first window (0.55 : 0.45, wrongly), sure of the second."""

    def rule(self, row: pd.Series) -> NDArray[np.float64]:
        right = 1.0 if row["start"] > 0 else 0.45
        return np.array([right if name == row["label"] else 1 - right for name in self.known])


def simulated(n: int = 90, per_subject: int = 3) -> Target:
    data = Simulator(n, seed=0, mix=MIX, seconds=10.0, fs=100.0, records_per_subject=per_subject)
    return target(data, data.ids(), SPEC)


def arrays(labels: list[Any], subjects: list[Any] | None = None, name: str = "own") -> ArrayDataset:
    """Records of noise, two windows each."""
    signals = np.random.default_rng(0).normal(size=(len(labels), 2, 1000))
    return from_arrays(
        signals, fs=100, leads=["II", "I"], labels=labels, subjects=subjects, name=name
    )


def aim(data: ArrayDataset, **options: Any) -> Target:
    return target(data, data.ids(), SPEC, **options)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Target:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLAB_DATA", str(tmp_path_factory.mktemp("data")))
        return simulated()


@pytest.mark.parametrize("seed", range(5))
def test_a_subject_is_never_on_both_sides(records: Target, seed: int) -> None:
    method = Oracle()
    tested = evaluate(method, records, seed=seed)
    train, test = method.subjects["train"], method.subjects["test"]
    assert not train & test
    assert train | test == set(records.subjects)
    assert len(train) == 6  # of 30
    assert set(tested.units["subject"]) == test
    assert (tested.params["finetune_subjects"], tested.params["test_subjects"]) == (6, 24)
    assert sum(tested.params["finetune"].values()) + len(tested.units) == 90


def test_seeds_draw_other_subjects_and_a_seed_the_same(records: Target) -> None:
    chosen = {seed: split(records, seed=seed).tobytes() for seed in range(4)}
    assert len(set(chosen.values())) == 4
    assert split(records, seed=0).tobytes() == chosen[0]


def test_strata_are_of_subjects_however_many_records_they_have() -> None:
    labels = ["AF"] * 60 + ["SR"] * 20  # five people of twelve records each, five of four
    subjects = [f"a{i // 12}" for i in range(60)] + [f"s{i // 4}" for i in range(20)]
    data = aim(arrays(labels, subjects))
    drawn = [set(data.subjects[split(data, seed=seed)]) for seed in range(20)]
    assert all(sorted(name[0] for name in two) == ["a", "s"] for two in drawn)
    assert len(set.union(*drawn)) == 10  # nobody is always, or never, drawn


def test_an_oracle_scores_one(records: Target) -> None:
    result = score(evaluate(Oracle(), records, seed=0), source="chapman", profile=PROFILE)
    for name in ("macro_f1", "accuracy", "f1_N", "f1_A", "f1_O"):
        assert result.metrics[name].value == 1.0
    assert result.metrics["accuracy"].low == 1.0
    assert result.protocol == "generalise-from-chapman"
    assert (result.dataset, result.task, result.classes) == ("simulator", "rhythm4", tuple("NAO"))


def test_a_constant_scores_as_the_majority_guess(records: Target) -> None:
    constant, guess = (
        evaluate(Constant(), records, seed=1),
        guess_majority(records, seed=1),
    )
    assert len(set(guess.predictions)) == 1
    np.testing.assert_array_equal(constant.predictions, guess.predictions)
    ours = score(constant, source="chapman", profile=PROFILE, against=[guess])
    share = float(np.mean(guess.labels == guess.predictions))
    by_hand = 2 * share / (1 + share) / 3
    assert ours.metrics["macro_f1"].value == pytest.approx(by_hand)
    assert ours.metrics["macro_f1_over_majority"] == Interval(0.0, 0.0, 0.0)


def test_a_record_is_judged_by_the_mean_of_its_windows() -> None:
    data = aim(arrays(["A", "B"] * 10))
    tested = evaluate(SecondWindowOnly(), data, seed=0)
    assert len(tested.units) == 16  # records, not windows
    assert (tested.predictions == tested.labels).all()
    right = tested.probabilities[np.arange(16), (tested.labels == "B").astype(int)]
    np.testing.assert_allclose(right, (0.45 + 1.0) / 2, atol=2e-3)


def test_scores_are_those_of_scikit_learn_and_intervals_those_of_subjects(records: Target) -> None:
    class Coin(Scripted):
        def rule(self, row: pd.Series) -> NDArray[np.float64]:
            number = int(row["record"][1:])
            return np.eye(len(self.known))[number * 7 % 5 % len(self.known)]

    tested = evaluate(Coin(), records, seed=0)
    found = score(tested, source="chapman", profile=PROFILE).metrics
    y, p = tested.labels, tested.predictions
    each = f1_score(y, p, labels=["N", "A", "O"], average=None)
    assert found["macro_f1"].value == pytest.approx(each.mean())
    assert found["f1_A"].value == pytest.approx(each[1])
    assert found["accuracy"].value == pytest.approx(np.mean(y == p))

    def plain(y: Any, p: Any, **options: Any) -> Any:
        return macro_f1(y, p, ("N", "A", "O"), **options)

    groups = tested.units["subject"]
    by_subject = bootstrap_ci(y, p, plain, n=PROFILE.resamples, seed=0, groups=groups)
    by_record = bootstrap_ci(y, p, plain, n=PROFILE.resamples, seed=0)
    assert found["macro_f1"] == by_subject != by_record


def test_lead_one_by_name_and_else_the_first() -> None:
    data = arrays(["A", "B"] * 5)
    own = aim(data)
    assert own.data.spec.leads == ("I",)
    lead_one = data.read("0").lead("I")
    np.testing.assert_allclose(own.data.signals[0, 0], lead_one[:500])
    other = from_arrays(np.ones((6, 1, 1000)), fs=100, leads=["MLII"], labels=["A", "B"] * 3)
    assert target(other, other.ids(), SPEC).data.spec.leads is None


def test_records_without_a_label_or_with_several_are_left_out_and_counted() -> None:
    labels: list[Any] = [("A",), ("B",)] * 8 + [(), ("A", "C"), ("B", "C"), ("A", "B")]
    dropped = aim(arrays(labels))
    assert dropped.left_out == {"unreadable": 0, "without label": 1, "several labels": 3}
    assert (len(dropped.units), dropped.classes) == (16, ("A", "B"))
    rarest = aim(arrays(labels), several="rarest")
    assert rarest.left_out == {"unreadable": 0, "without label": 1, "several labels": 0}
    assert rarest.labels.tolist() == ["A", "B"] * 8 + ["C", "C", "A"]  # A and B both 10: the first


def test_unreadable_records_are_counted() -> None:
    signals = [np.zeros((1, 1000)) for _ in range(12)]
    signals[3] = np.full((1, 1000), np.nan)
    data = from_arrays(signals, fs=100, leads=["I"], labels=["A", "B"] * 6)
    with pytest.warns(SkippedRecords, match="skipped 1 of 12"):
        own = aim(data)
    assert own.left_out["unreadable"] == 1
    assert len(own.units) == 11


def test_a_target_with_one_class_is_refused() -> None:
    with pytest.raises(
        CannotGeneralise, match="own: only class 'A' in 12 records; a target needs two"
    ):
        aim(arrays(["A"] * 12))
    with pytest.raises(CannotGeneralise, match="own: no class in 3 records"):
        aim(arrays([(), (), ()]))


def test_too_few_subjects_are_refused() -> None:
    for labels, subjects in (
        (["A", "B"] * 6, [1, 2] * 6),  # two people
        (list("ABCDEF"), None),  # six, but no class has five
    ):
        with pytest.raises(CannotGeneralise, match=r"own: . subjects .* are too few for 20%"):
            split(aim(arrays(labels, subjects)), seed=0)


def test_a_part_of_one_class_is_refused() -> None:
    data = aim(arrays(["A"] * 11 + ["B"]))
    with pytest.raises(
        CannotGeneralise, match=r"own, seed .: the (fine-tuning|test) part has only \['A"
    ):
        split(data, seed=0)


def test_a_class_that_one_part_lacks_is_named_and_nothing_is_nan() -> None:
    data, seen = aim(arrays(["A", "B"] * 12 + ["C"])), set()
    for seed in range(12):
        tested = evaluate(Oracle(), data, seed=seed)
        assert np.isfinite(tested.probabilities).all()
        result = score(tested, source="chapman", profile=PROFILE)
        if tested.params["cannot_predict"]:
            assert tested.params["cannot_predict"] == ["C"]
            assert (tested.probabilities[:, 2] == 0).all()
            assert result.classes == ("A", "B", "C")
            assert result.metrics["f1_C"].value == 0.0
            assert 0.5 < result.metrics["macro_f1"].value < 0.7  # two of three classes
            seen.add("fine-tuning lacks it")
        else:
            assert tested.params["not_tested"] == ["C"]
            assert result.classes == ("A", "B")
            assert result.metrics["macro_f1"].value == 1.0
            seen.add("test lacks it")
    assert seen == {"fine-tuning lacks it", "test lacks it"}


def test_labels_outside_the_task_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(name="rhythm2", classes=("N", "A"))
    monkeypatch.setitem(TASKS, "simulator", task)  # type: ignore[arg-type]
    data = Simulator(12, seed=0, mix={"N": 0.5, "O": 0.5})
    with pytest.raises(CannotGeneralise, match=r"simulator: labels \['O'\] are not among"):
        target(data, data.ids(), SPEC)


def test_a_folder_named_like_a_data_set_is_asked_for_its_own_labels() -> None:
    found = aim(arrays(["SR", "VT"] * 6, name="chapman"))
    assert (found.task.name, found.classes) == ("labels", ("SR", "VT"))


def test_two_hospitals_of_one_first_name_share_nothing() -> None:
    north, south = (arrays(["A", "B"], name=f"clinic-{side}") for side in ("north", "south"))
    check_disjoint(north, south)
    with pytest.raises(CannotGeneralise, match=r"clinic-north shares records .* another name"):
        check_disjoint(north, north)
    with pytest.raises(CannotGeneralise, match=r"ptbxl-100hz shares records"):
        check_disjoint(arrays(["A"], name="ptbxl"), arrays(["A"], name="ptbxl-100hz"))


def test_a_method_s_own_hop_does_not_make_windows_of_a_rhythm_overlap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rhythms = Task(name="af2", classes=("N", "A", "O"), unit="rhythm")
    monkeypatch.setitem(TASKS, "simulator", rhythms)  # type: ignore[arg-type]
    data = Simulator(12, seed=3, mix={"N": 0.5, "A": 0.5}, seconds=30.0)
    plain = WindowSpec(fs=60.0, seconds=5.0, band=None)
    side_by_side, own = align([target(data, data.ids(), replace(plain, hop=h)) for h in (None, 2)])
    assert side_by_side.units.equals(own.units)
    assert (own.units.groupby("record")["start"].diff().dropna() >= 5).all()
    assert "units not in every view" not in own.left_out


def test_a_method_that_gives_no_probabilities_is_refused(records: Target) -> None:
    class Broken(Oracle):
        def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
            return np.full((len(data), len(self.known)), np.nan)

    with pytest.raises(ValueError, match=r"scripted: .* NaN"):
        evaluate(Broken(), records, seed=0)


def test_windows_of_rhythms_are_the_same_at_two_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    rhythms = Task(name="af2", classes=("N", "A", "O"), unit="rhythm")
    monkeypatch.setitem(TASKS, "simulator", rhythms)  # type: ignore[arg-type]
    mix = {"paroxysmal atrial fibrillation": 0.7, "sinus rhythm": 0.3}
    data = Simulator(24, seed=3, mix=mix, seconds=40.0)
    rates = (60.0, 300.0)
    views = [target(data, data.ids(), WindowSpec(fs=fs, seconds=2.5, band=None)) for fs in rates]
    slow, quick = align(views)
    assert 0 < len(slow.units) <= min(len(view.units) for view in views)
    for view, cut in zip(views, (slow, quick), strict=True):
        lost = cut.left_out.get("units not in every view", 0)
        assert view is not views[0] or len(view.units) == len(cut.units) + lost
    assert slow.units[["record", "label"]].equals(quick.units[["record", "label"]])
    assert np.abs(slow.units["start"] - quick.units["start"]).max() < 1 / 60
    assert len(slow.data) == len(slow.units)
    assert slow.data.table["start"].tolist() == slow.units["start"].tolist()
    by_id = {name: data.read(name) for name in data.ids()}
    for _, row in quick.units.iterrows():  # every window lies in a span of its label
        record, start = by_id[row["record"]], row["start"] * 300
        assert any(
            span.start <= start + 1e-6
            and start + 750 <= span.stop + 1e-6
            and span.label == row["label"]
            for span in record.rhythms
        )
    tested = evaluate(Oracle(), quick, seed=0)
    assert tested.params["unit"] == "window"
    assert (tested.predictions == tested.labels).all()


def test_alignment_keeps_what_all_have_in_common(records: Target) -> None:
    data = Simulator(90, seed=0, mix=MIX, seconds=10.0, fs=100.0, records_per_subject=3)
    fewer = target(data, data.ids()[10:], SPEC)
    one, two = align([records, fewer])
    assert one.units.equals(two.units)
    assert len(one.units) == 80
    np.testing.assert_array_equal(one.data.signals, two.data.signals)
    nothing = target(data, data.ids()[:10], SPEC)
    with pytest.raises(CannotGeneralise, match="nothing in common"):
        align([fewer, nothing])


def test_a_linear_classifier_may_stand_in_for_a_methods_own(records: Target) -> None:
    class Embeds(Oracle):
        def embed(self, data: WindowSet, **_: Any) -> NDArray[np.float32]:
            return np.array([[len(name), name == "A"] for name in data.labels], np.float32)

        def rule(self, row: pd.Series) -> NDArray[np.float64]:
            raise AssertionError("its own classifier was asked")

    tested = evaluate(Embeds(), records, seed=0, linear=True)
    right = tested.labels == tested.predictions
    assert right[tested.labels == "A"].all()  # the embedding tells A from the others, and no more
    assert len(set(tested.predictions[tested.labels != "A"])) == 1


def test_only_the_same_units_are_compared(records: Target) -> None:
    a, b = evaluate(Oracle(), records, seed=0), guess_majority(records, seed=0)
    difference = compare(a, b)
    assert difference.low > 0
    assert difference.value == -compare(b, a).value
    with pytest.raises(ValueError, match="different units"):
        compare(a, guess_majority(records, seed=1))


def test_a_pair_runs_end_to_end(tmp_path: Path) -> None:
    source = Simulator(30, seed=1, seconds=10.0)
    source.name = "elsewhere"
    goal = Simulator(60, seed=0, mix=MIX, seconds=10.0, leads=("II", "I"))
    runs = list(
        run_generalisation(
            ["diffecg-signal", "rr-spectral"],
            (source, source.ids()),
            (goal, goal.ids()),
            PROFILE,
            linear=True,
            predictions=tmp_path / "predictions",
        )
    )
    assert [r.method for r in runs] == ["majority", "rr-spectral", "diffecg-signal"]
    assert [r.variant for r in runs] == ["", "", "linear"]  # the others' own is linear, or none
    assert len({r.n for r in runs}) == 1
    assert {"macro_f1_over_majority", "macro_f1_over_rr-spectral"} < set(runs[2].metrics)
    for r in runs:
        save(r, tmp_path / "results")
        table = pd.read_csv(tmp_path / "predictions" / f"{Path(r.filename).stem}.csv")
        f1 = f1_score(table["label"], table["prediction"], labels=r.classes, average="macro")
        assert r.metrics["macro_f1"].value == pytest.approx(f1)
        assert np.allclose(table.filter(regex="^p_").sum(axis=1), 1)
    assert len(load_all(tmp_path / "results")) == 3


def test_the_command_names_a_target_that_cannot_be_and_goes_on(tmp_path: Path) -> None:
    for name, flags in (("own", [0] * 12), ("other", [0, 1] * 12)):
        (tmp_path / name).mkdir()
        signals = np.random.default_rng(0).normal(size=(len(flags), 12, 1000))
        np.savez(tmp_path / name / "signals.npz", signals=signals, id=np.arange(len(flags)))
        rows = "".join(f"{i},{flag}\n" for i, flag in enumerate(flags))
        (tmp_path / name / "labels.csv").write_text(f"id,afib\n{rows}")
    targets = f"--target {tmp_path / 'own'} --target {tmp_path / 'other'} --fs 100 --label afib"
    command = f"generalise --source simulator {targets} --method rr-spectral --profile smoke"
    done = CliRunner().invoke(app, [*command.split(), "--out", str(tmp_path / "results")])
    assert done.exit_code == 1
    assert "own: only class 'non-afib' in 12 records; a target needs two" in done.output
    found = load_all(tmp_path / "results")
    assert {(r.dataset, r.method) for r in found} == {
        ("other", "majority"),
        ("other", "rr-spectral"),
    }


@pytest.mark.parametrize("name", ["simulator", "simulator-derived"])
def test_a_source_that_shares_records_with_the_target_is_refused(name: str) -> None:
    source, goal = Simulator(30, seed=1), Simulator(30, seed=1)
    goal.name = name
    with pytest.raises(CannotGeneralise, match="shares records with the source"):
        next(run_generalisation([], (source, source.ids()), (goal, goal.ids()), PROFILE))
    source.name = "somewhere+simulator"  # a corpus shares what its parts share
    with pytest.raises(CannotGeneralise, match="shares records with the source"):
        next(run_generalisation([], (source, []), (goal, []), PROFILE))


def test_shipped_weights_of_another_source_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    laptop, source = load_profile("laptop"), Simulator(4, seed=0)

    def trains(name: str, *_: Any, **__: Any) -> None:
        raise InterruptedError(f"{name} would be pre-trained")

    monkeypatch.setattr(importlib.import_module("ecglab.methods.pretrained"), "pretrain", trains)
    assert pretrained("diffecg-signal", source, source.ids(), laptop).info.name == "diffecg-signal"
    with pytest.raises(InterruptedError):
        pretrained("diffecg-signal", source, source.ids(), laptop, only_source=True)
    source.name = "cinc2017"
    taken = pretrained("diffecg-signal", source, source.ids(), laptop, only_source=True)
    assert taken.spec.fs == 100.0


def result(method: str, source: str, goal: str, value: float, **options: Any) -> Result:
    fields: dict[str, Any] = {"profile": "laptop", "seed": 0, "classes": ("A", "B"), "task": "af2"}
    interval = Interval(value, value - 0.1, value + 0.1)
    return Result(
        dataset=goal,
        protocol=protocol(source),
        method=method,
        n=10,
        metrics={"macro_f1": interval},
        **(fields | options),
    )


def test_table_1_shows_the_papers_numbers_ours_and_what_is_missing() -> None:
    runs = [
        result("diffecg", "cpsc2018", "chapman", 0.8),
        result("diffecg", "cpsc2018", "chapman", 0.9, seed=1),
        result("diffecg", "cpsc2018", "chapman", 0.1, profile="smoke"),
        result("diffecg", "cpsc2018", "chapman", 0.2, variant="rarest"),
        result("majority", "cinc2017", "mitbih", 0.4),
        result("rr-spectral", "cinc2017", "mitbih", 0.7),
    ]
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in table1(runs).splitlines()]
    head, rows = lines[0], {line[0]: line[1:] for line in lines[2:]}
    assert head[1:] == [f"{a} → {b}" for a, b in PAIRS]
    assert len(rows) == 1 + len(PAPER)
    assert rows["DiffECG"][0] == "0.913 · 0.850 ± 0.071 [0.750, 0.950]"
    missing = [f"{x} · —" for x in ("0.598", "0.735", "0.537", "0.599", "0.727")]
    assert rows["DiffECG"][1:] == missing
    assert rows["EfficientECG (Akkuzu et al., 2023)"][3] == "0.064 · —"
    assert rows["majority guess"][-1] == "— · —"


def test_other_pairs_have_rows_for_what_was_run() -> None:
    runs = [
        result("diffecg", "cpsc2018", "chapman", 0.8),
        result("majority", "cinc2017", "mitbih", 0.4),
        result("diffecg-signal", "cinc2017", "mitbih", 0.7, variant="linear"),
        result("diffecg-signal", "cinc2017", "ptbxl", 0.6),
    ]
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in other_pairs(runs).splitlines()]
    assert lines[0] == ["method", "cinc2017 → mitbih", "cinc2017 → ptbxl"]
    assert lines[2:] == [
        ["majority guess", "0.400 [0.300, 0.500]", "—"],
        ["DiffECG (uni-temporal)", "—", "0.600 [0.500, 0.700]"],
        ["DiffECG (uni-temporal), linear", "0.700 [0.600, 0.800]", "—"],
    ]
    assert other_pairs([]) == "_No results yet._"


def test_the_gain_of_fusion_is_a_paired_difference() -> None:
    fused = result("diffecg", "cinc2017", "mitbih", 0.8)
    gain = Interval(0.05, -0.02, 0.1)
    fused = replace(fused, metrics=fused.metrics | {"macro_f1_over_diffecg-signal": gain})
    lines = [
        [c.strip() for c in line.split("|")[1:-1]] for line in fusion_gains([fused]).split("\n")
    ]
    assert lines[0][:4] == ["from", "to", "classifier", "DiffECG (uni-temporal)"]
    assert lines[2][:5] == ["cinc2017", "mitbih", "as published", "0.050 [-0.020, 0.100]", "—"]
    assert fusion_gains([]) == "_No results yet._"


def test_table_1_in_long_form_has_the_same_numbers() -> None:
    runs = [
        result("diffecg", "cpsc2018", "chapman", 0.8),
        result("diffecg", "cpsc2018", "chapman", 0.9, seed=1),
        result("diffecg", "cpsc2018", "chapman", 0.7, variant="linear"),
        result("diffecg", "cpsc2018", "chapman", 0.1, profile="smoke"),
        result("majority", "cinc2017", "mitbih", 0.4),
    ]
    long = table1_scores(runs)
    assert len(long) == (len(PAIRS) + 1) * (2 + len(PAPER))  # pairs; majority, linear, the paper's
    cells = long.set_index(["source", "target", "method", "variant"])
    plain = cells.loc["cpsc2018", "chapman", "diffecg", ""]
    numbers = plain[["paper", "ours", "low", "high"]].tolist()
    assert numbers == pytest.approx([0.913, 0.85, 0.75, 0.95])
    assert plain["seeds"] == 2
    linear = cells.loc["cpsc2018", "chapman", "diffecg", "linear"]
    assert (linear["title"], linear["ours"]) == ("DiffECG, linear probe", 0.7)
    assert np.isnan(linear["paper"])  # the paper has no such row
    assert cells.loc["cinc2017", "mitbih", "majority", ""]["ours"] == 0.4
    assert long["ours"].notna().sum() == 3
    paper = cells.xs("", level="variant")["paper"].dropna().sort_index()
    assert len(paper) == len(PAIRS) * len(PAPER)
    for pair, column in zip(PAIRS, zip(*PAPER.values(), strict=True), strict=True):
        assert paper.loc[pair].to_dict() == dict(zip(PAPER, column, strict=True))
    with pytest.raises(ResultError, match="mix task"):
        table1_scores([*runs, result("diffecg", "cpsc2018", "chapman", 0.8, seed=2, task="x")])


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "goals"),
    [("cpsc2018", ["chapman", "georgia"]), ("chapman", ["cpsc2018", "ptbxl", "georgia"])],
)
def test_small_samples_of_the_papers_sets_run_the_same_code(
    physionet: Path, source: str, goals: list[str]
) -> None:
    ours = open_dataset(source)
    for goal in goals:
        theirs = open_dataset(goal)
        ids = theirs.ids()[-200:]
        pair = (ours, ours.ids()), (theirs, ids)
        runs = list(run_generalisation(["diffecg-signal"], *pair, PROFILE))
        assert [r.method for r in runs] == ["majority", "rr-spectral", "diffecg-signal"]
        params = runs[0].params
        out = params["left_out"]
        assert out["unreadable"] == 0
        used = sum(params["finetune"].values()) + runs[0].n
        assert used + out["without label"] + out["several labels"] == len(ids)
        assert set(runs[0].classes) <= set(TASKS[goal].classes or ())
        assert all(np.isfinite(r.metrics["macro_f1"].value) for r in runs)


@pytest.mark.real
@pytest.mark.parametrize("source", ["cpsc2018", "chapman"])
def test_the_papers_target_of_which_too_little_is_here_is_refused(
    physionet: Path, source: str
) -> None:
    """Of PTB the mirror holds a sample of few records, without AF: a message, not a score."""
    ours, ptb = open_dataset(source), open_dataset("ptb")
    pair = (ours, ours.ids()), (ptb, ptb.ids())
    with pytest.raises(
        CannotGeneralise, match=r"ptb: only class 'non-AF' in 1 records; a target needs two"
    ):
        next(run_generalisation(["diffecg-signal"], *pair, PROFILE))


@pytest.mark.real
def test_one_command_runs_a_folder(
    physionet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = physionet.parent / "derived" / "ptbxl-100hz"
    options = f"--source chapman --target {derived} --fs 100 --label afib --scale 0.00390625"
    command = f"generalise {options} --method rr-spectral --profile smoke --out {tmp_path}"
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    found = {r.method: r for r in load_all(tmp_path)}
    assert set(found) == {"majority", "rr-spectral"}
    assert found["rr-spectral"].classes == ("non-afib", "afib")
    assert found["rr-spectral"].dataset == "ptbxl-100hz"
    gain = found["rr-spectral"].metrics["macro_f1_over_majority"]
    assert gain.value > 0


@pytest.mark.real
def test_mit_bih_windows_lie_within_rhythms(physionet: Path) -> None:
    data = open_dataset("mitbih")
    spec = WindowSpec(fs=50.0, band=None, scaling="none")
    found = target(data, ["100", "201", "202", "203", "221", "222"], spec)
    assert set(found.units.loc[found.units["record"] == "100", "label"]) == {"non-AF"}
    assert found.classes == ("AF", "non-AF")
    same = found.units[found.units["record"].isin(["201", "202"])]
    assert set(same["subject"]) == {"201"}
    record = data.read("222")  # flutter is not AF
    flutter = next(r for r in record.rhythms if r.code == "(AFL" and r.stop - r.start > 3600)
    rows = found.units[found.units["record"] == "222"]
    inside = rows[(rows["start"] >= flutter.start / 360) & (rows["start"] < flutter.stop / 360)]
    assert set(inside["label"]) == {"non-AF"}
