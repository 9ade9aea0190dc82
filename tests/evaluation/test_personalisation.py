"""Personalisation: who trains, what is cached, and scores worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglab.data.catalog import open_dataset
from ecglab.data.readers.physionet import natural_key
from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, windows
from ecglab.evaluation.personal import (
    CannotPersonalise,
    FeatureCache,
    PersonalClassifier,
    Personalised,
    Split,
    Strategy,
    guess_majority,
    split_subject,
)
from ecglab.evaluation.personal_tables import table2, tables3_and_4
from ecglab.evaluation.personalisation import (
    by_subject,
    personalise,
    rhythm_windows,
    run_personalisation,
    split_subjects,
    summarise,
)
from ecglab.evaluation.results import Result
from ecglab.evaluation.tasks import CannotGeneralise
from ecglab.methods import DiffECG, DiffECGLorenz, DiffECGSignal, DiffECGSpectrogram, RRSpectral
from ecglab.profiles import load_profile

PROFILE = load_profile("smoke")
T20 = Strategy(t=20)


@pytest.fixture(scope="module")
def method() -> DiffECG:
    parts = (DiffECGSignal, DiffECGSpectrogram, DiffECGLorenz)
    return DiffECG(*(m.for_profile(PROFILE, seed=0) for m in parts))


@pytest.fixture(scope="module")
def data(method: DiffECG) -> WindowSet:
    """Two hearts of sixty windows each, one in ten of the second called normal."""
    found = windows(Simulator(40, seed=0), method.spec, jobs=1).take(np.arange(120))
    found.table["subject"] = np.repeat(["a", "b"], 60)
    found.table["label"] = np.where(np.arange(120) % np.repeat([2, 10], 60), "AF", "non-AF")
    return found


@given(
    st.lists(st.sampled_from("AN"), min_size=2, max_size=200),
    st.sampled_from(["random", "chronological"]),
    st.integers(0, 5),
)
def test_a_split_shares_nothing_and_trains_every_class(
    labels: list[str], order: str, seed: int
) -> None:
    y = np.array(labels)
    try:
        split = split_subject(y, order=order, seed=seed)
    except CannotPersonalise:
        return
    total = split.train.astype(int) + split.validation + split.test
    assert (total == 1).all()
    assert set(y[split.train]) == set(y) == set(y[split.test])
    assert split.validation.any()
    assert abs(split.personal.sum() - 0.1 * len(y)) <= 1.5


def test_chronological_personal_windows_come_first() -> None:
    split = split_subject(np.array(list("AANN" * 25)), order="chronological")
    assert split.personal.tolist() == [True] * 10 + [False] * 90
    assert np.flatnonzero(split.validation).tolist() == [1, 3, 5, 7, 9]


def test_who_cannot_be_personalised() -> None:
    with pytest.raises(CannotPersonalise, match=r"windows are of \['A'\]"):
        split_subject(np.full(100, "A"))
    with pytest.raises(CannotPersonalise, match="training windows are of"):
        split_subject(np.array(["A"] * 50 + ["N"] * 50), order="chronological")
    with pytest.raises(CannotPersonalise, match="where 2 are needed"):
        split_subject(np.array(["A", "N"] * 5))


def test_a_cache_computes_each_step_once_and_the_same(method: DiffECG, data: WindowSet) -> None:
    views = method.views(data.take(np.arange(6)))
    cache = FeatureCache(method=method, views=views, seed=3)
    t = {"signal": 20, "spectrogram": 30, "lorenz": 20}
    first = cache.at(t)
    direct = method.features(views, t=t, seed=3)
    assert all(torch.equal(first[name], direct[name]) for name in t)
    second = cache.at({**t, "lorenz": 40})
    assert second["signal"] is first["signal"]
    assert not torch.equal(second["lorenz"], first["lorenz"])


def test_a_search_finds_the_t_it_says(method: DiffECG, data: WindowSet) -> None:
    mine = data.take(np.arange(60))
    split = split_subject(mine.labels)
    personal = PersonalClassifier(method, mine, mine.labels, split, seed=0)
    for search in ("bayesian", "grid", "random"):
        strategy = Strategy(search=search, evaluations=5, low=20, high=23)
        found = personal.test(strategy, subject="a")
        assert found.search is not None
        assert found.search.evaluations <= 5
        assert found.t == dict(zip(method.parts, found.search.winner, strict=True))
        assert personal.promise(found.t) == found.search.value
        assert len(found.labels) == len(found.predictions) == split.test.sum()
        assert sum(found.weights.values()) == pytest.approx(1)


def test_every_subject_and_strategy_once(method: DiffECG, data: WindowSet) -> None:
    lonely = data.take(np.arange(120))
    lonely.table.loc[60:, "label"] = "AF"
    skipped: dict[str, str] = {}
    subjects = split_subjects(lonely, skipped=skipped)
    found = list(personalise(method, subjects, strategies=[T20, Strategy(t=30)]))
    assert [(f.subject, f.strategy) for f in found] == [
        ("a", "t20"),
        ("a", "t30"),
        ("a", "linear"),
    ]
    assert "b" in skipped
    again = next(iter(personalise(method, subjects, strategies=[T20])))
    assert np.array_equal(again.predictions, found[0].predictions)


def test_a_method_without_t(data: WindowSet) -> None:
    method = RRSpectral()
    method.spec = data.spec
    found = list(personalise(method, split_subjects(data), strategies=[T20]))
    assert [(f.subject, f.strategy) for f in found] == [("a", "whole"), ("b", "whole")]
    assert set(found[0].predictions) <= {"AF", "non-AF"}


def other_test_windows(mine: WindowSet, split: Split) -> WindowSet:
    """The same personal windows, but test windows of other signals and labels."""
    signals = np.where(split.test[:, None, None], mine.signals[::-1, :, ::-1], mine.signals)
    labels = np.where(split.test, np.roll(mine.labels, 1), mine.labels)
    return replace(mine, signals=signals, table=mine.table.assign(label=labels))


def test_no_head_learns_from_test_windows(method: DiffECG, data: WindowSet) -> None:
    mine = data.take(np.arange(24))
    split = split_subject(mine.labels, fraction=0.25)
    other = other_test_windows(mine, split)
    assert (other.labels != mine.labels).any()
    t, heads, gammas = dict.fromkeys(method.parts, 20), [], []
    for version in (mine, other):
        personal = PersonalClassifier(method, version, version.labels, split, seed=0)
        heads.append(personal.train(t).state_dict())
        gammas.append(personal.promise(t))
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
    assert gammas[0] == gammas[1]


@pytest.mark.parametrize("strategy", ["linear", "whole"])
def test_no_linear_row_learns_from_test_windows(
    method: DiffECG, data: WindowSet, strategy: str
) -> None:
    mine, plain = data.take(np.arange(24)), RRSpectral()
    plain.spec = data.spec
    learner = {"linear": method, "whole": plain}[strategy]
    split, found = split_subject(mine.labels, fraction=0.25), []
    for version in (mine, other_test_windows(mine, split)):
        (row,) = personalise(learner, [("a", version, split)], strategies=[])
        assert row.strategy == strategy
        assert np.array_equal(row.labels, version.labels[split.test])
        found.append(learner._head[-1].coef_)
    assert np.array_equal(*found)


def one(subject: str, labels: str, predictions: str) -> Personalised:
    return Personalised(
        subject=subject,
        strategy="t20",
        t={},
        labels=np.array(list(labels)),
        predictions=np.array(list(predictions)),
    )


def test_scores_by_hand() -> None:
    found = [one("a", "AANN", "AANN"), one("b", "ANNN", "NANN"), one("c", "AAAN", "AANN")]
    scores = by_subject(found, "A")
    assert scores["f1"] == pytest.approx({"a": 1.0, "b": 0.0, "c": 0.8})
    assert scores["accuracy"] == {"a": 1.0, "b": 0.5, "c": 0.75}
    summary = summarise(found, "A", resamples=200, seed=0)
    assert summary["f1"].value == pytest.approx(0.6)
    assert summary["accuracy"].value == pytest.approx(0.75)
    # together: 4 hits, 1 false alarm, 2 misses
    assert summary["f1_pooled"].value == pytest.approx(2 * 4 / (2 * 4 + 1 + 2))


def test_paired_differences() -> None:
    a = [one("a", "AANN", "AANN"), one("b", "AANN", "AANN")]
    b = [one("a", "AANN", "AANN"), one("b", "AANN", "NANN")]
    summary = summarise(a, "A", resamples=200, seed=0, against=b)
    assert summary["f1_over_t20"].value == pytest.approx((1 - 2 / 3) / 2)
    with pytest.raises(ValueError, match="other subjects"):
        summarise(a, "A", resamples=200, seed=0, against=b[:1])


def test_strategies_have_names() -> None:
    assert T20.name == "t20"
    assert Strategy(objective="delta_f1", search="grid").name == "delta-f1-grid30"
    with pytest.raises(ValueError, match="none of"):
        Strategy(objective="luck")


def test_one_subject_is_scored_by_its_windows() -> None:
    found, other = [one("a", "AANNA", "AANNN")], [one("a", "AANNA", "NANNN")]
    summary = summarise(found, "A", resamples=300, seed=0, against=other)
    assert summary["f1"].value == summary["f1_pooled"].value == pytest.approx(0.8)
    assert summary["accuracy_over_t20"].value == pytest.approx(0.2)
    assert summary["f1"].low < 0.8 <= summary["f1"].high


def test_pooled_windows_are_resampled_by_subject() -> None:
    found = [one("a", "AANN" * 25, "AANN" * 25), one("b", "AANN" * 25, "NNAA" * 25)]
    pooled = summarise(found, "A", resamples=300, seed=0)["f1_pooled"]
    # In a quarter of the draws it is a twice, all right, and in a quarter b twice, all wrong.
    assert (pooled.low, pooled.value, pooled.high) == pytest.approx((0, 0.5, 1))


def test_the_majority_guess(data: WindowSet) -> None:
    flipped = data.take(np.arange(60, 120))
    flipped.table["label"] = np.where(flipped.labels == "AF", "non-AF", "AF")
    for mine, commonest in ((data.take(np.arange(60, 120)), "AF"), (flipped, "non-AF")):
        split = split_subject(mine.labels)
        guess = guess_majority("b", mine, split)
        assert set(guess.predictions) == {commonest}
        assert len(guess.predictions) == len(guess.labels) == split.test.sum()


def test_only_annotated_rhythms_can_be_personalised(method: DiffECG) -> None:
    with pytest.raises(CannotPersonalise, match="no annotated rhythms"):
        rhythm_windows(Simulator(8, seed=0), method)


@pytest.mark.real
def test_windows_come_in_order_of_time_over_records_too() -> None:
    table = rhythm_windows(open_dataset("cpsc2021"), RRSpectral()).table
    of_one = table[table["subject"] == table["subject"].value_counts().index[0]]["record"]
    assert len(of_one.unique()) > 1
    assert list(of_one) == sorted(of_one, key=natural_key)
    records = table["record"].drop_duplicates()
    for _, mine in records.groupby(table["subject"]):
        assert list(mine) == sorted(mine, key=natural_key)
    assert any(list(m) != sorted(m) for _, m in records.groupby(table["subject"]))


@pytest.mark.real
def test_real_hearts(method: DiffECG) -> None:
    mitbih = open_dataset("mitbih")
    profile = replace(PROFILE, resamples=50)
    strategies = [T20, Strategy(evaluations=4, search="random")]
    found = list(
        run_personalisation(
            method, mitbih, profile, ids=["202", "203", "100"], strategies=strategies
        )
    )
    results = [result for result, _ in found]
    assert [r.variant for r in results] == ["t20", "gamma-random4", "linear", "majority"]
    assert results[0].n == 2, "100 has no fibrillation; 202 is of subject 201"
    assert set(results[0].params["subjects"]) == {"201", "203"}
    assert set(results[0].params["skipped"]) == {"100"}
    assert "f1_over_t20" in results[1].metrics


def test_a_source_that_shares_records_with_the_target_is_refused() -> None:
    goal, part = Simulator(2, seed=0), Simulator(2, seed=1)
    goal.name, part.name = "mitbih", "mitbih-part"
    runs = run_personalisation(RRSpectral(), goal, PROFILE, strategies=[T20], source=(part, []))
    with pytest.raises(CannotGeneralise, match="shares records with the source mitbih-part"):
        next(runs)


@pytest.mark.real
def test_real_hearts_before_personalising() -> None:
    method, cinc = RRSpectral(), open_dataset("cinc2017")
    options = {"ids": ["201", "203"], "strategies": [T20], "source": (cinc, cinc.ids()[:60])}
    runs = list(run_personalisation(method, open_dataset("mitbih"), PROFILE, **options))
    by_variant = {result.variant: (result, found) for result, found in runs}
    assert list(by_variant) == ["whole", "majority", "population"]
    whole, before = (by_variant[v][1] for v in ("whole", "population"))
    for one, other in zip(whole, before, strict=True):
        assert np.array_equal(one.labels, other.labels)
    with pytest.raises(CannotPersonalise, match="2 subjects: its training windows"):
        next(
            run_personalisation(
                method, open_dataset("mitbih"), PROFILE, order="chronological", **options
            )
        )


def made(
    method: str,
    variant: str,
    against: list[Personalised] | None = None,
    *,
    asked: int = 0,
    dataset: str = "mitbih",
) -> Result:
    found = [one("a", "AANN", "AANN"), one("b", "AANN", "NANN")]
    return Result(
        dataset=dataset,
        task="af-windows",
        protocol="personalise-random",
        method=method,
        variant=variant,
        profile="laptop",
        seed=0,
        n=2,
        classes=("A", "N"),
        metrics=summarise(found, "A", resamples=50, seed=0, against=against),
        params={"subjects": {f.subject: {"evaluations": asked} for f in found}},
    )


def test_tables_3_and_4_show_every_strategy() -> None:
    found = [one("a", "AANN", "AANN"), one("b", "AANN", "NANN")]
    runs = [made("diffecg", "t20"), made("diffecg", "gamma-bayesian30", found, asked=30)]
    # The same search elsewhere, cut short, and the paper's other objectives.
    runs.append(made("diffecg", "gamma-bayesian30", found, asked=12, dataset="ltaf"))
    runs.append(made("diffecg", "delta-f1-bayesian30", found, asked=27, dataset="ltaf"))
    text = tables3_and_4([*runs, made("diffecg", "majority"), made("rr-spectral", "whole")])
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    assert [c[4] for c in cells] == ["—", "30", "12", "27"], "evaluations"
    assert {c[3] for c in cells} == {"1"}, "seeds"
    assert cells[3][5] == "0.807, 0.962"
    assert "majority" not in text
    assert "whole" not in text
    first, second = (line for line in text.splitlines() if "| mitbih" in line)
    assert "t20" in first
    assert "0.731, 0.950" in first
    assert "0.833 [0.667, 1.000]" in first
    assert "—" in first
    assert "0.000 [0.000, 0.000]" in second
    assert tables3_and_4([]) == "_No results yet._"


def test_table_2_has_a_row_for_every_method_of_the_paper_and_ours() -> None:
    text = table2(
        [
            made("diffecg", "t20"),
            made("diffecg", "gamma-bayesian30"),
            made("diffecg", "majority"),
            made("diffecg-lorenz", "t20"),
            made("diffecg-lorenz", "t30"),
            made("diffecg-lorenz", "linear"),
            made("rr-spectral", "whole"),
        ]
    )
    rows = {line.split("|")[1].strip(): line for line in text.splitlines()[2:]}
    assert "mitbih, random (2 subjects)" in text.splitlines()[0]
    for name in ("majority guess", "RR and spectral features", "DiffECG"):
        assert "0.833" in rows[name], name
    assert "0.846, 0.991" in rows["DiffECG"]
    assert "0.607, 0.798" in rows["SimCLR (Mehari and Strodthoff, 2022)"]
    assert rows["SimCLR (Mehari and Strodthoff, 2022)"].rstrip(" |").endswith("—")
    assert "0.833" in rows["DiffECG (uni-domain knowledge), linear"]
    assert len(rows) == 15
