"""Few labels: who lends them, and that every method is asked about the same records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ecglab.data.simulator import Simulator
from ecglab.evaluation import label_efficiency
from ecglab.evaluation.label_efficiency import draw, run_label_efficiency
from ecglab.evaluation.probe import fit_probe
from ecglab.methods import SemanticAutoencoder, SupervisedEncoder
from ecglab.methods.supervised_encoder import MOST_EPOCHS
from ecglab.profiles import load_profile
from ecglab.training import TrainConfig

PROFILE = replace(load_profile("smoke"), resamples=50)


def test_a_fraction_of_every_class_and_three_at_least() -> None:
    labels = np.repeat(["A", "N", "O"], [100, 1000, 40])
    chosen = draw(labels, 0.1, seed=0)
    assert [int(chosen[labels == c].sum()) for c in "ANO"] == [10, 100, 4]
    few = draw(labels, 0.01, seed=0)
    assert [int(few[labels == c].sum()) for c in "ANO"] == [3, 10, 3]
    assert draw(labels, 1.0, seed=0).all()
    assert not np.array_equal(chosen, draw(labels, 0.1, seed=1))
    with pytest.raises(ValueError, match="lies in"):
        draw(labels, 0.0, seed=0)


def test_methods_are_compared_on_the_same_records(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGLAB_DATA", str(tmp_path))
    simulator = Simulator(60, seed=0, mix={"N": 0.4, "A": 0.2, "O": 0.2, "~": 0.2})
    names = ["rr-spectral", "semantic-autoencoder", "supervised-encoder"]
    fractions = (0.1, 1.0)
    found = list(
        run_label_efficiency(names, simulator, simulator.ids(), PROFILE, fractions=fractions)
    )
    runs = {(r.method, r.variant): r for r in found}
    assert len(runs) == len(found) == 4 * len(fractions)
    assert ("semantic-autoencoder", "untrained+labels10") in runs
    assert {r.n for r in found} == {12}
    baseline = runs["rr-spectral", "labels100"]
    assert sum(baseline.params["labels"].values()) == 48
    trained = runs["supervised-encoder", "labels100"].params["training"]
    budget = SupervisedEncoder.for_profile(PROFILE).training
    assert trained == {"steps": 2, "batch_size": budget.batch_size, "lr": budget.lr}
    assert "macro_f1_over_rr-spectral" not in baseline.metrics
    for name in names[1:]:
        difference = runs[name, "labels100"].metrics["macro_f1_over_rr-spectral"].value
        scores = runs[name, "labels100"].metrics["macro_f1"].value, baseline.metrics["macro_f1"]
        assert difference == pytest.approx(scores[0] - scores[1].value)


def test_a_seed_draws_who_is_tested_and_who_lends_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, lent = np.repeat(["N", "A", "O", "~"], 30), []
    names = np.arange(120).astype(str)
    rows = pd.DataFrame({"record": names, "subject": names, "label": labels})

    class Numbered:
        """The vector of a record is its number."""

        def __init__(self, *_: object) -> None: ...

        def of(self, *_: object, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
            return np.arange(120.0)[:, None], rows

    def fit(x: np.ndarray, y: np.ndarray, **options):
        lent.append(x[:, 0].astype(int))
        return fit_probe(x, y, **options)

    monkeypatch.setattr(label_efficiency, "Vectors", Numbered)
    monkeypatch.setattr(label_efficiency, "fit_probe", fit)
    monkeypatch.setattr(label_efficiency, "score", lambda probed, **_: probed)
    profile, simulator = replace(PROFILE, seeds=2), Simulator(4, seed=0)
    probed = run_label_efficiency(["rr-spectral"], simulator, [], profile, fractions=[0.2])
    tested = [found.rows["record"].astype(int) for found in probed]
    assert set(tested[0]) != set(tested[1])
    for seed in (0, 1):
        rest = np.setdiff1d(np.arange(120), tested[seed])
        assert lent[seed].tolist() == rest[draw(labels[rest], 0.2, seed=seed)].tolist()


def test_the_untrained_rival_has_the_sizes_of_the_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shipped weights may be larger than the profile's own."""
    larger, seen = SemanticAutoencoder.for_profile(load_profile("laptop"), seed=1), []
    monkeypatch.setattr(label_efficiency, "pretrained", lambda *_: larger)
    monkeypatch.setattr(label_efficiency, "_learn", lambda method, *_: seen.append(method) or [])
    simulator = Simulator(4, seed=0)
    list(run_label_efficiency(["semantic-autoencoder"], simulator, simulator.ids(), PROFILE))
    trained, untrained = seen
    assert trained is larger
    assert untrained.options == larger.options
    assert not torch.equal(
        untrained.encoder.reduce.value.weight, larger.encoder.reduce.value.weight
    )


def test_labels_alone_can_be_learnt() -> None:
    """Two rhythms that a network of this size tells apart in a few steps."""
    method = SupervisedEncoder.for_profile(PROFILE)
    method.training = TrainConfig(steps=40, batch_size=16, lr=3e-3, accelerator="cpu")
    t = np.arange(1000) / 100
    rng = np.random.default_rng(0)
    slow, fast = (np.sin(2 * np.pi * f * t + rng.uniform(0, 6, (24, 1))) for f in (1.0, 4.0))
    data = windows_of(np.concatenate([slow, fast]), method)
    labels = np.repeat(["slow", "fast"], 24)
    with pytest.raises(ValueError, match="before predict"):
        method.predict(data)
    method.finetune(data, labels)
    p = method.predict(data)
    assert method.classes == ("fast", "slow")
    assert np.allclose(p.sum(axis=1), 1)
    assert (np.asarray(method.classes)[p.argmax(axis=1)] == labels).mean() > 0.9
    with pytest.raises(ValueError, match="labels of"):
        method.finetune(data, np.full(48, "slow"))


def test_few_windows_are_not_seen_more_often_than_it_helps() -> None:
    method = SupervisedEncoder.for_profile(PROFILE)
    method.training = TrainConfig(steps=500, batch_size=8, warmup=200, accelerator="cpu")
    rng = np.random.default_rng(0)
    method.finetune(windows_of(rng.normal(size=(4, 1000)), method), np.array(["a", "b"] * 2))
    assert method.report is not None
    assert len(method.report.losses) == MOST_EPOCHS  # they fill one batch
    assert method.trained == replace(method.training, steps=MOST_EPOCHS, warmup=MOST_EPOCHS // 5)


def test_the_control_is_trained_as_the_autoencoder_is() -> None:
    laptop = load_profile("laptop")
    theirs, ours = SemanticAutoencoder.budget(laptop), SupervisedEncoder.for_profile(laptop)
    assert (ours.training.lr, ours.training.batch_size) == (theirs.lr, theirs.batch_size)
    assert ours.training.steps == theirs.steps // 4


def windows_of(x: np.ndarray, method: SupervisedEncoder):
    from ecglab.data.windows import WindowSet

    names = [str(i) for i in range(len(x))]
    table = pd.DataFrame({"record": names, "subject": names, "start": 0.0, "label": ""})
    signals = x[:, None].astype(np.float32)
    return WindowSet(signals=signals, table=table, spec=method.spec, source="sines")
