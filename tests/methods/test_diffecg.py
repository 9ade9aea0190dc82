"""DiffECG's signal modality: learns, embeds at t, and survives a journey to disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, windows
from ecglab.methods import DiffECGConfig, DiffECGSignal, describe_methods, get_method
from ecglab.methods.pooling import periodicity
from ecglab.profiles import load_profile
from ecglab.training import TrainConfig

PROFILE = load_profile("smoke")


@pytest.fixture
def method() -> DiffECGSignal:
    return DiffECGSignal.for_profile(PROFILE, seed=0)


@pytest.fixture
def data(method: DiffECGSignal) -> WindowSet:
    return windows(Simulator(8, seed=0), method.spec, jobs=1)


def test_published_sizes_are_the_default() -> None:
    options = DiffECGConfig()
    assert (options.diffusion_steps, options.schedule, options.loss, options.t) == (
        1000,
        "linear",
        "smooth_l1",
        20,
    )
    assert options.windows.samples == 2500
    assert options.windows.band == (1.0, 25.0)
    assert options.windows.scaling == "range"
    assert options.unet.features == 96


def test_pretraining_changes_weights_and_ignores_labels(
    method: DiffECGSignal, data: WindowSet
) -> None:
    before = method.state()["stem.weight"].clone()
    config = TrainConfig(steps=2, batch_size=4, accelerator="cpu")
    report = method.pretrain(data, config=config)
    assert len(report.losses) == 2
    after = method.state()["stem.weight"]
    assert not torch.equal(before, after)

    other = DiffECGSignal.for_profile(PROFILE, seed=0)
    relabelled = data.take(np.arange(len(data)))
    relabelled.table["label"] = "A"
    other.pretrain(relabelled, config=config)
    assert torch.equal(other.state()["stem.weight"], after)


@pytest.mark.parametrize("loss", ["mse", "smooth_l1"])
@pytest.mark.parametrize("objective", ["noise", "x0"])
def test_pretraining_pays_the_configured_loss(
    method: DiffECGSignal, data: WindowSet, objective: str, loss: str
) -> None:
    """A network that says zero pays for the target alone."""
    data = data.take(np.arange(8))
    method = DiffECGSignal(replace(method.options, objective=objective, loss=loss))
    for p in method.network.out.parameters():
        torch.nn.init.zeros_(p)
    config = TrainConfig(steps=1, batch_size=8, accelerator="cpu")
    (paid,) = method.pretrain(data, config=config).losses
    normal = torch.randn(10**6, generator=torch.Generator().manual_seed(0))
    size = (normal if objective == "noise" else method.view(data)).abs()
    cost = size**2 if loss == "mse" else torch.where(size < 1, size**2 / 2, size - 0.5)
    assert paid == pytest.approx(cost.mean().item(), rel=0.05 if objective == "noise" else 1e-4)


def test_embedding_is_the_pooled_encoding_of_the_noisy_window(
    method: DiffECGSignal, data: WindowSet
) -> None:
    data = data.take(np.arange(5))
    features = method.embed(data, t=40, seed=3, batch_size=2)
    generator = torch.Generator().manual_seed(3)
    rows = []
    for start in (0, 2, 4):
        x0 = torch.from_numpy(np.array(data.signals[start : start + 2]))
        noise = torch.randn(x0.shape, generator=generator)
        bar = method.schedule.alphas_cumprod[40]
        t = torch.full((len(x0),), 40)
        with torch.no_grad():
            out = method.network.encode(bar.sqrt() * x0 + (1 - bar).sqrt() * noise, t)
        maps = [*out.levels, out.bottleneck]
        means = [m.mean(-1) for m in maps]
        stds = [((m - m.mean(-1, keepdim=True)) ** 2).mean(-1).sqrt() for m in maps]
        # 100 Hz, halved twice by the smoke profile's three levels
        rows.append(torch.cat([*means, *stds, periodicity(out.bottleneck, 25.0)], dim=1))
    assert np.allclose(features, torch.cat(rows).numpy(), atol=1e-5)
    assert features.dtype == np.float32


def test_noise_is_fresh_by_seed(method: DiffECGSignal, data: WindowSet) -> None:
    first, again, other = (method.embed(data, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_saved_and_loaded_is_the_same(
    method: DiffECGSignal, data: WindowSet, tmp_path: Path
) -> None:
    method.save(tmp_path, data="simulated")
    again = DiffECGSignal.load(tmp_path)
    assert again.options == method.options
    assert np.array_equal(method.embed(data), again.embed(data))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "weights.safetensors"]


def test_a_frozen_embedding_gets_a_linear_classifier(
    method: DiffECGSignal, data: WindowSet
) -> None:
    with pytest.raises(ValueError, match="finetune comes before"):
        method.predict(data)
    labels = np.where(np.arange(len(data)) % 2, "A", "N")
    method.finetune(data, labels)
    probabilities = method.predict(data)
    assert probabilities.shape == (len(data), 2)
    assert np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("t", [-1, 1000])
def test_t_outside_the_schedule(method: DiffECGSignal, data: WindowSet, t: int) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        method.embed(data, t=t)
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        DiffECGConfig(t=t)


def test_windows_of_another_rate(method: DiffECGSignal, data: WindowSet) -> None:
    other = DiffECGSignal()
    with pytest.raises(ValueError, match=r"fs 100.0 for .* reads fs 250.0"):
        other.embed(data)


def test_weights_of_another_method(method: DiffECGSignal, tmp_path: Path) -> None:
    method.save(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("diffecg-signal", "simclr"))
    with pytest.raises(ValueError, match="weights of simclr"):
        DiffECGSignal.load(tmp_path)


def test_registry() -> None:
    assert get_method("diffecg-signal") is DiffECGSignal
    with pytest.raises(ValueError, match="diffecg-signal"):
        get_method("nothing")
    row = next(r for r in describe_methods() if r["name"] == "diffecg-signal")
    assert row["kind"] == "diffusion"
    assert {"pretrain", "embed", "save", "finetune", "predict"} <= set(row["supports"])


def test_half_precision_halves_the_file_and_little_else(
    method: DiffECGSignal, data: WindowSet, tmp_path: Path
) -> None:
    method.save(tmp_path / "whole")
    method.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / f / "weights.safetensors").stat().st_size for f in ("whole", "half")]
    assert 0.5 <= sizes[1] / sizes[0] < 0.6
    again = DiffECGSignal.load(tmp_path / "half")
    assert again.state()["stem.weight"].dtype == torch.float32
    assert np.allclose(method.embed(data), again.embed(data), atol=0.02)
