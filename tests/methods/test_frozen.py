"""The classifier on frozen encoders, and the fusion of three modalities."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, windows
from ecglab.methods import (
    DiffECG,
    DiffECGLorenz,
    DiffECGModality,
    DiffECGSignal,
    DiffECGSpectrogram,
    HeadConfig,
    frozen,
)
from ecglab.methods.frozen import shuffled_batches, train_head
from ecglab.nn.fusion import CrossModalClassifier
from ecglab.profiles import load_profile

PROFILE = load_profile("smoke")
MODALITIES = (DiffECGSignal, DiffECGSpectrogram, DiffECGLorenz)
QUICK = HeadConfig(epochs=2, warmup=1, batch_size=8)


@pytest.fixture(scope="module")
def method() -> DiffECG:
    return DiffECG(*(m.for_profile(PROFILE, seed=0) for m in MODALITIES))


@pytest.fixture(scope="module")
def data(method: DiffECG) -> WindowSet:
    return windows(Simulator(8, seed=0), method.spec, jobs=1)


@pytest.fixture(scope="module")
def labels(data: WindowSet) -> np.ndarray:
    return np.where(np.arange(len(data)) % 2, "A", "N")


@pytest.mark.parametrize(
    ("modality", "shape", "bottleneck"),
    [
        (DiffECGSignal, (1, 1, 2500), (1, 96, 625)),
        (DiffECGSpectrogram, (1, 1, 48, 48), (1, 128, 6, 6)),
        (DiffECGLorenz, (1, 1, 48, 48), (1, 192, 12, 12)),
    ],
)
def test_published_sizes(
    modality: type[DiffECGModality], shape: tuple[int, ...], bottleneck: tuple[int, ...]
) -> None:
    assert modality().bottleneck(torch.zeros(shape)).shape == bottleneck


@pytest.mark.parametrize("modality", [DiffECGSpectrogram, DiffECGLorenz])
def test_pictures(modality: type[DiffECGModality], data: WindowSet) -> None:
    view = modality.for_profile(PROFILE).view(data)
    assert view.shape == (len(data), 1, 48, 48)
    assert view.dtype == torch.float32
    assert view.min() == -1
    assert view.amax(dim=(1, 2, 3)).min() > 0.5
    assert view.max() <= 1


@pytest.mark.parametrize("modality", [DiffECGSpectrogram, DiffECGLorenz])
def test_a_flat_window_is_an_empty_picture(
    modality: type[DiffECGModality], data: WindowSet
) -> None:
    flat = data.take(np.arange(2))
    flat.signals[:] = 0.0
    encoder = modality.for_profile(PROFILE)
    assert torch.equal(encoder.view(flat), torch.full((2, 1, 48, 48), -1.0))
    assert np.isfinite(encoder.embed(flat)).all()


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_embedding_and_another_rate(modality: type[DiffECGModality], data: WindowSet) -> None:
    encoder = modality.for_profile(PROFILE)
    features = encoder.embed(data, t=40, seed=3)
    assert len(features) == len(data)
    assert np.isfinite(features).all()
    assert np.array_equal(features, encoder.embed(data, t={encoder.modality: 40}, seed=3))
    with pytest.raises(ValueError, match=r"fs 100.0 for .* reads fs 250.0"):
        modality().embed(data)


def test_the_fusion_embeds_all_three(method: DiffECG, data: WindowSet) -> None:
    t = {"signal": 10, "spectrogram": 20, "lorenz": 30}
    parts = [part.embed(data, t=t[name], seed=1) for name, part in method.parts.items()]
    assert np.array_equal(method.embed(data, t=t, seed=1), np.hstack(parts))
    with pytest.raises(ValueError, match=r"noise steps of \['signal', 'spectrogram'\] for"):
        method.features(method.views(data), t={"signal": 1, "spectrogram": 1})


def test_finetuning_trains_the_head_alone(
    method: DiffECG, data: WindowSet, labels: np.ndarray
) -> None:
    before = {n: p.state() for n, p in method.parts.items()}
    before = {n: {k: v.clone() for k, v in s.items()} for n, s in before.items()}
    method.finetune(data, labels, config=QUICK)
    probabilities, weights = method.explain(data)
    assert method.classes == ("A", "N")
    assert probabilities.shape == (len(data), 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.array_equal(probabilities, method.predict(data))
    for name, state in before.items():
        after = method.parts[name].state()
        assert all(torch.equal(after[k], v) for k, v in state.items())
    method.finetune(data, labels, config=QUICK)
    assert np.array_equal(probabilities, method.predict(data)), "the same seed, the same classifier"


def test_fresh_noise_and_t_make_another_classifier(data: WindowSet, labels: np.ndarray) -> None:
    method = DiffECGSignal.for_profile(PROFILE)
    losses = []
    for options in ({}, {"fresh_noise": True}, {"t": 400}):
        method.finetune(data, labels, config=QUICK, **options)
        losses.append(method.losses)
    assert losses[0][0] == losses[1][0], "the first epoch's noise is the same"
    assert losses[0][1] != losses[1][1]
    assert losses[0][0] != losses[2][0]


def test_a_head_learns_what_can_be_learned() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(80) % 2
    maps = {"signal": torch.randn(80, 16, 125, generator=generator)}
    maps["signal"][labels == 1, 3] += 2.0
    method = DiffECGSignal.for_profile(PROFILE)
    head = method.new_head(2)
    losses = train_head(head, lambda _: maps, labels, HeadConfig(), seed=0)
    assert losses[-1] < 0.1 < losses[0]
    with torch.no_grad():
        assert (head(maps).argmax(dim=1) == labels).float().mean() > 0.95


def test_the_published_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 0.01 over four epochs, whatever their number of steps; then a cosine over sixteen."""
    rates, options = [], set()

    class Spy(torch.optim.SGD):
        def step(self, closure=None):
            (group,) = self.param_groups
            rates.append(group["lr"])
            options.add((group["momentum"], group["weight_decay"], group["nesterov"]))
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "SGD", Spy)
    head = CrossModalClassifier({"signal": 2}, {"signal": 1}, 2, width=8, hidden=4, heads=2)
    maps, labels = {"signal": torch.randn(6, 2, 16)}, torch.arange(6) % 2
    train_head(head, lambda _: maps, labels, HeadConfig(batch_size=2), seed=0)
    assert len(rates) == 20 * 3
    ends = [rates[3 * epoch - 1] for epoch in (1, 2, 3, 4)]
    assert ends == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    starts = [rates[3 * epoch] for epoch in (4, 8, 12, 16)]
    half = math.sqrt(0.5)
    assert starts == pytest.approx([0.01, 0.005 * (1 + half), 0.005, 0.005 * (1 - half)])
    assert 0 < rates[-1] < 2e-5
    assert options == {(0.9, 1e-4, False)}


@given(st.integers(2, 300), st.integers(2, 64))
def test_batches_hold_every_window_once_and_none_alone(n: int, size: int) -> None:
    batches = list(shuffled_batches(n, size, torch.Generator().manual_seed(n)))
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert all(1 < len(b) <= size + 1 for b in batches)


def test_no_two_windows_meet_the_same_noise(
    data: WindowSet, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven copies of one window, three of them held at a time."""
    method = DiffECGSignal.for_profile(PROFILE)
    method.finetune(data, labels, config=QUICK)
    copies = data.take(np.zeros(7, int))
    monkeypatch.setattr(frozen, "_PREDICT", 3)
    probabilities = method.predict(copies, seed=5)
    assert len(np.unique(probabilities[:, 0])) == 7
    with torch.no_grad():
        for start in (0, 3, 6):
            rows = slice(start, start + 3)
            maps = method.features(method.views(copies.take(np.r_[:7][rows])), seed=5 + start)
            expected = method.head(maps).softmax(dim=1)
            assert np.allclose(probabilities[rows], expected, atol=1e-6)


def test_bad_labels(method: DiffECG, data: WindowSet) -> None:
    with pytest.raises(ValueError, match="two classes, the labels hold"):
        method.finetune(data, np.full(len(data), "N"))
    with pytest.raises(ValueError, match=r"labels of shape \(3,\)"):
        method.finetune(data, np.array(["A", "N", "A"]))
    with pytest.raises(ValueError, match="finetune comes before predict"):
        DiffECG(*method.parts.values()).predict(data)
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        method.finetune(data, np.where(np.arange(len(data)) % 2, "A", "N"), t=1000)


def test_a_fusion_of_what_does_not_fit(method: DiffECG) -> None:
    signal = method.parts["signal"]
    with pytest.raises(ValueError, match="at least one modality"):
        DiffECG()
    with pytest.raises(ValueError, match="must differ"):
        DiffECG(signal, signal)
    with pytest.raises(ValueError, match="read the same windows"):
        DiffECG(signal, DiffECGLorenz())
