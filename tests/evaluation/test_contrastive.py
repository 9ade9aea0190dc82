"""DACL's protocol: who is asked, who is trained on, and what is compared."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ecglab.data.corrupted import Corrupted
from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.evaluation import contrastive as c
from ecglab.evaluation import contrastive_weights as w
from ecglab.evaluation import load_all, save
from ecglab.evaluation.contrastive_systems import (
    QUESTIONS,
    SYSTEMS,
    Features,
    fit_system,
    folds_of,
    latent_of,
    record_scores,
)
from ecglab.evaluation.contrastive_weights import train_weights
from ecglab.methods import DACL
from ecglab.methods.latent_learner import LatentLearner
from ecglab.methods.scattering_features import DACL_WINDOWS
from ecglab.profiles import load_profile


@pytest.fixture(scope="module")
def simulated():
    mix = {"N": 0.4, "A": 0.4, "O": 0.1, "~": 0.1}
    dataset = Simulator(100, seed=0, mix=mix, seconds=15)
    return dataset, dataset.ids()


@pytest.fixture(autouse=True, scope="module")
def data_home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLAB_DATA", str(tmp_path_factory.mktemp("data")))
        yield


def features(labels, windows_each=3, d=5):
    labels = np.array(labels)
    record_of = np.repeat(np.arange(len(labels)), windows_each)
    x = np.random.default_rng(0).normal(size=(len(record_of), d)).astype(np.float32)
    names = np.array([f"r{i}" for i in range(len(labels))])
    return Features(x=x, record_of=record_of, labels=labels, names=names, subjects=names)


def test_a_question_asks_its_classes_only():
    labels = np.array(["N", "A", "O", "~"])
    af, rest = QUESTIONS["af-vs-normal"], QUESTIONS["normal-vs-rest"]
    assert af.asked(labels).tolist() == [True, True, False, False]
    assert af.answer(labels).tolist() == [False, True, False, False]
    assert rest.asked(labels).all()
    assert rest.answer(labels).tolist() == [True, False, False, False]


def test_taking_records_takes_their_windows_and_numbers_them_anew():
    data = features(["N", "A", "N", "O"])
    part = data.take(np.array([False, True, False, True]))
    assert part.record_of.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(part.x, data.x[[3, 4, 5, 9, 10, 11]])


def test_a_records_score_is_the_mean_of_its_windows():
    class Fixed:
        def predict_proba(self, x):
            return np.stack([1 - x[:, 0], x[:, 0]], axis=1)

    data = features(["N", "A"], windows_each=2, d=1)
    data.x[:, 0] = [0.1, 0.3, 0.8, 1.0]
    assert record_scores(Fixed(), data) == pytest.approx([0.2, 0.9])


def test_the_test_fold_reaches_no_part_of_a_system():
    profile, data = load_profile("smoke"), features(["N", "A", "N", "O"] * 10)
    fold = folds_of(data, seed=0)
    x = np.where((fold == 0)[data.record_of][:, None], 99.0, data.x).astype(np.float32)
    changed = replace(data, x=x, labels=np.where(fold == 0, "~", data.labels))
    question, found = QUESTIONS["af-vs-normal"], []
    for one in (data, changed):
        train = one.take(fold != 0)
        base = latent_of(train, profile, seed=0)
        models = [fit_system(n, profile, train, question, base, seed=0) for n in SYSTEMS]
        found.append([record_scores(m, data.take(fold == 0)) for m in models])
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
    assert not np.allclose(found[0][0], found[0][SYSTEMS.index("dacl")])


def test_unlabelled_records_train_the_denoiser_only():
    profile, data = load_profile("smoke"), features(["N", "A", "O"] * 6)
    few = data.take(np.arange(18) < 6)
    base = latent_of(data, profile, seed=0)

    def encoder(name, train, **more):
        question = QUESTIONS["af-vs-normal"]
        model = fit_system(name, profile, train, question, base, seed=0, steps=3, **more)
        return np.concatenate([v.numpy().ravel() for v in model.encoder.state_dict().values()])

    for name, like in (("denoising-autoencoder", data), ("dacl", few)):
        assert np.array_equal(encoder(name, few, unlabelled=data), encoder(name, like)), name


RUNNERS = {
    "compare": lambda run, _: [*c.run_comparison(*run, questions=["normal-vs-rest"], seeds=[0])],
    "noise": lambda run, _: [*c.run_noise(*run, snrs=[0])],
    "few": lambda run, _: [*c.run_few(*run, labels=[2], seeds=[0])],
    "weights": lambda run, out: train_weights(*run, out),
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_no_runner_tests_a_record_that_any_part_was_trained_on(runner, monkeypatch, tmp_path):
    data, scored = features(["N", "A", "O", "~"] * 30), []

    def latent_of(train, profile, *, seed):
        return SimpleNamespace(seen={*train.names})

    def fit_system(name, profile, train, question, base, *, seed, unlabelled=None, **options):
        model = LatentLearner()
        model.seen = base.seen | {*train.names, *(unlabelled.names if unlabelled else [])}
        assert len(model.seen) == 96, "four folds of five"
        return model

    def record_scores(model, test):
        assert model.seen.isdisjoint(test.names)
        scored.append({*test.names})
        return np.arange(len(test.names)) / 120

    for module in (c, w):
        monkeypatch.setattr(module, "windows", lambda source, spec, ids, home=None: ids)
        of = SimpleNamespace(of=lambda ids, **_: data.take(np.isin(data.names, ids)))
        monkeypatch.setattr(module, "Features", of)
        for part in (latent_of, fit_system, record_scores):
            monkeypatch.setattr(module, part.__name__, part)
    RUNNERS[runner]((Simulator(1), list(data.names), load_profile("smoke")), tmp_path)
    assert len(set.union(*scored)) == (120 if runner == "compare" else 12)


def test_comparison_names_and_compares_every_system(simulated, tmp_path):
    dataset, ids = simulated
    systems = ("scattering-transformer", "scattering-vae", "dacl")
    runs = c.run_comparison(
        dataset,
        ids,
        load_profile("smoke"),
        questions=["af-vs-normal"],
        systems=systems,
        samplers=["late"],
    )
    results = list(runs)
    assert [(r.method, r.variant) for r in results] == [
        *((name, "") for name in systems),
        ("dacl", "steps-late"),
    ]
    by = {(r.method, r.variant): r.metrics for r in results}
    assert set(by["dacl", ""]) == {"auroc", *(f"auroc_over_{n}" for n in systems[:2])}
    assert set(by["dacl", "steps-late"]) == {"auroc", "auroc_over_dacl"}
    d = by["dacl", ""]["auroc_over_scattering-vae"].value
    assert d == pytest.approx(
        by["dacl", ""]["auroc"].value - by["scattering-vae", ""]["auroc"].value
    )
    for result in results:
        save(result, tmp_path)
    assert len(load_all(tmp_path)) == len(results)


def test_rhythm_is_a_variant_of_every_system(simulated):
    dataset, ids = simulated
    systems = ("scattering-transformer", "dacl")
    runs = c.run_comparison(
        dataset,
        ids,
        load_profile("smoke"),
        questions=["af-vs-normal"],
        systems=systems,
        samplers=["late"],
        rhythm=True,
    )
    assert [r.variant for r in runs] == ["rhythm", "rhythm", "rhythm+steps-late"]


def test_noise_lowers_the_score_of_a_good_system(simulated):
    dataset, ids = simulated
    runs = c.run_noise(
        dataset, ids, load_profile("smoke"), systems=["scattering-transformer"], snrs=[-15, 40]
    )
    found = {r.variant: r.metrics["auroc"].value for r in runs}
    assert set(found) == {f"{k}-{s}dB" for k in ("wander", "muscle", "motion") for s in (-15, 40)}
    assert found["motion-40dB"] > 0.6
    assert found["motion--15dB"] < found["motion-40dB"]


def test_few_labels_use_just_so_many(simulated, monkeypatch):
    dataset, ids = simulated
    seen = []
    monkeypatch.setattr(
        c,
        "fit_system",
        lambda n, p, train, *a, **k: seen.append(train) or fit_system(n, p, train, *a, **k),
    )
    runs = c.run_few(
        dataset, ids, load_profile("smoke"), systems=["scattering-vae"], labels=[2, 3], seeds=[0]
    )
    assert [r.variant for r in runs] == ["labels2", "labels3"]
    for k, train in zip((2, 3), seen, strict=True):
        assert sorted(train.labels.tolist()) == ["A"] * k + ["N"] * k
    assert set(seen[0].names) < set(seen[1].names)


def test_corrupted_records_have_one_noise_at_every_ratio(simulated):
    dataset, ids = simulated
    clean = dataset.read(ids[0]).signal
    loud, soft = (
        Corrupted(dataset, "motion", s, seed=0).read(ids[0]).signal - clean for s in (0, 20)
    )
    assert np.allclose(loud, 10 * soft, atol=1e-3)
    other = Corrupted(dataset, "motion", 0, seed=1).read(ids[0]).signal - clean
    assert abs(np.corrcoef(loud[0], other[0])[0, 1]) < 0.5
    assert DACL_WINDOWS.fs == 300


@pytest.mark.parametrize("rhythm", [False, True])
def test_weights_are_scored_on_records_that_they_have_not_seen(simulated, tmp_path, rhythm):
    dataset, ids = simulated
    train_weights(dataset, ids, load_profile("smoke"), tmp_path / "w", rhythm=rhythm)
    card = json.loads((tmp_path / "w/config.json").read_text())["card"]
    cut = windows(dataset, DACL_WINDOWS, ids=ids)
    data = Features.of(cut, rhythm=rhythm)
    fold = folds_of(data, seed=0)
    asked = np.isin(data.labels, ["N", "A"])
    assert f"{(asked & (fold != 0)).sum()} labelled records" in card["data"]
    method = DACL.load(tmp_path / "w")
    test = data.take((fold == 0) & asked)
    assert method.learner.embed(test.x).shape == (len(test.x), 128)
    few = cut.take(np.arange(len(cut)) < 4)
    np.testing.assert_allclose(method.embed(few), method.learner.embed(data.x[:4]), atol=1e-3)
