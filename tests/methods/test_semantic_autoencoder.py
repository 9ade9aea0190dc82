"""The semantic diffusion autoencoder: told its code, trained with it, both ways by DDIM."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, windows
from ecglab.methods import SemanticAutoencoder, SemanticAutoencoderConfig, SemanticRhythm
from ecglab.methods.pooling import periodicity
from ecglab.profiles import load_profile
from ecglab.training import TrainConfig

PROFILE = load_profile("smoke")


@pytest.fixture
def method() -> SemanticAutoencoder:
    return SemanticAutoencoder.for_profile(PROFILE, seed=0)


@pytest.fixture
def data(method: SemanticAutoencoder) -> WindowSet:
    return windows(Simulator(8, seed=0), method.spec, jobs=1)


def test_the_published_choices_are_the_default() -> None:
    options = SemanticAutoencoderConfig()
    assert options.windows.samples == 3000
    assert (options.encoder.width, options.unet.code, options.diffusion_steps) == (128, 128, 1000)
    paper = SemanticAutoencoder.for_profile(load_profile("paper")).options
    assert replace(paper.windows, hop=None) == options.windows
    assert paper.encoder == options.encoder
    assert paper.unet == options.unet
    with pytest.raises(ValueError, match="128 numbers, the U-Net takes 64"):
        SemanticAutoencoderConfig(unet=replace(options.unet, code=64))
    with pytest.raises(ValueError, match=r"3000 samples cannot be halved .* a multiple of 16"):
        SemanticAutoencoderConfig(unet=replace(options.unet, multipliers=(1, 2, 2, 4, 4)))


@pytest.mark.parametrize("name", ["paper", "gpu", "laptop", "smoke"])
def test_the_denoiser_of_every_profile_takes_its_windows(name: str) -> None:
    method = SemanticAutoencoder.for_profile(load_profile(name))
    x = torch.randn(1, 1, method.spec.samples)
    with torch.no_grad():
        assert method.network(x, torch.tensor([9]), code=method.encode(x)).shape == x.shape


def test_both_networks_learn(method: SemanticAutoencoder, data: WindowSet) -> None:
    before = {k: v.clone() for k, v in method.state().items()}
    report = method.pretrain(data, config=TrainConfig(steps=2, batch_size=4, accelerator="cpu"))
    assert len(report.losses) == 2
    moved = {k for k, v in method.state().items() if not torch.equal(v, before[k])}
    assert {"encoder.reduce.value.weight", "encoder.stem.0.weight", "network.out.weight"} <= moved
    assert {k for k in moved if "lru.nu_log" in k}


def test_the_code_is_of_the_clean_trace(method: SemanticAutoencoder, data: WindowSet) -> None:
    z = method.embed(data)
    assert z.shape == (len(data), 128)
    assert np.array_equal(z, method.embed(data, t=500, seed=9)), "no noise goes into the encoder"
    assert np.allclose(z[2:3], method.embed(data.take(np.array([2]))), atol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("fs", 250.0), ("band", None), ("scaling", "range")])
def test_windows_made_otherwise_are_refused(
    method: SemanticAutoencoder, data: WindowSet, name: str, value: object
) -> None:
    other = replace(data, spec=replace(data.spec, **{name: value}))
    with pytest.raises(ValueError, match=f"windows of {name} {value}"):
        method.embed(other)
    with pytest.raises(ValueError, match=f"windows of {name} {value}"):
        method.pretrain(other, config=TrainConfig(steps=1, accelerator="cpu"))


def test_windows_with_nan_are_refused_by_both_readings(
    method: SemanticAutoencoder, data: WindowSet
) -> None:
    broken = np.array(data.signals)
    broken[3, 0, 7] = np.nan
    for reading in (method, SemanticRhythm(method)):
        with pytest.raises(ValueError, match="not finite"):
            reading.embed(replace(data, signals=broken))


def test_the_denoiser_listens_to_the_code(method: SemanticAutoencoder) -> None:
    x, t, z = torch.randn(2, 1, 1000), torch.tensor([9, 900]), torch.randn(2, 128)
    with torch.no_grad():
        a, b = method.network(x, t, z), method.network(x, t, -z)
    assert not torch.allclose(a, b)
    with pytest.raises(ValueError, match="a code of 0 numbers for a network of 128"):
        method.network(x, t)
    with pytest.raises(ValueError, match="a code of 12 numbers"):
        method.network(x, t, z[:, :12])


def test_noise_and_code_are_the_trace(method: SemanticAutoencoder, data: WindowSet) -> None:
    """There and back by DDIM, where the noise that the network sees changes slowly enough."""
    method = SemanticAutoencoder(replace(method.options, objective="noise"))
    method.network.out.weight.data *= 0.005
    x = torch.from_numpy(np.array(data.signals[:2, :1]))
    z = method.encode(x)
    noise = method.invert(x, z, steps=200)
    again = method.decode(z, noise, steps=200)
    assert noise.shape == x.shape
    assert (again - x).square().mean() < 0.02 * x.square().mean()
    other = method.decode(-z, noise, steps=200)
    assert (other - x).square().mean() > (again - x).square().mean()


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
def test_the_objective_is_the_same_in_training_and_sampling(
    method: SemanticAutoencoder, data: WindowSet, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that knows the trace makes no error in training, and decodes to the trace."""
    options = replace(method.options, objective=objective)
    method = SemanticAutoencoder.from_config(SemanticAutoencoder(options).config())
    x, schedule = torch.from_numpy(np.array(data.signals[:2, :1])), method.schedule

    class Knows(torch.nn.Module):
        def forward(self, xt: torch.Tensor, t: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
            a, b = schedule.coefficients(t, xt)
            noise = (xt - a * x) / b
            return {"noise": noise, "x0": x, "v": a * noise - b * x}[objective]

    method.network = Knows()  # type: ignore[assignment]
    losses = []
    monkeypatch.setattr(
        "ecglab.methods.semantic_autoencoder.train",
        lambda module, *_, **__: losses.append(float(module(x, torch.Generator()))),
    )
    method.pretrain(data, config=None)
    assert losses == pytest.approx([0], abs=1e-4)
    z = method.encode(x)
    torch.testing.assert_close(method.decode(z, torch.randn_like(x)), x, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(method.reconstruct(x), x, atol=1e-3, rtol=1e-3)


def test_save_and_load(method: SemanticAutoencoder, data: WindowSet, tmp_path: Path) -> None:
    method.save(tmp_path, command="none")
    again = SemanticAutoencoder.load(tmp_path)
    assert again.options == method.options
    assert np.array_equal(again.embed(data), method.embed(data))


def test_the_code_forgets_the_order_of_steps_and_rhythm_does_not(
    method: SemanticAutoencoder, data: WindowSet
) -> None:
    steps = torch.cat(list(method.steps(data)))
    assert steps.shape == (len(data), 128, 1000 // method.options.encoder.stride)
    order = torch.randperm(steps.shape[-1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z, shuffled = (method.encoder.reduce(h.mT) for h in (steps, steps[..., order]))
    assert torch.allclose(z, shuffled, atol=1e-5)
    assert np.allclose(z, method.embed(data), atol=1e-5)

    read = SemanticRhythm(method).embed(data)
    mean, deviation, highest, lowest = np.split(read, 4, axis=1)
    assert np.allclose(mean, steps.mean(-1), atol=1e-5)
    assert np.allclose(deviation, steps.std(-1, correction=0), atol=1e-4)
    rate = 100 / method.options.encoder.stride
    assert np.allclose(np.hstack([highest, lowest]), periodicity(steps, rate), atol=1e-4)
    assert not np.allclose(highest, periodicity(steps[..., order], rate)[:, :128], atol=0.1)
    with pytest.raises(ValueError, match="windows of fs 250"):
        SemanticRhythm(method).embed(replace(data, spec=replace(data.spec, fs=250.0)))


def test_between_two_hearts_and_along_a_direction(
    method: SemanticAutoencoder, data: WindowSet
) -> None:
    x = torch.from_numpy(np.array(data.signals[:4, :1]))
    a, b = x[:2], x[2:]
    for share, end in ((0.0, a), (1.0, b)):
        found, expected = method.interpolate(a, b, share, steps=5), method.reconstruct(end, steps=5)
        assert found.shape == a.shape
        torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-2)
    assert not torch.allclose(method.interpolate(a, b, 0.5, steps=5), found, atol=0.1)
    z = method.encode(a)
    noise = method.invert(a, z, steps=5)
    direction = torch.randn(128, generator=torch.Generator().manual_seed(0))
    moved = method.move(a, direction, 2.0, steps=5)
    torch.testing.assert_close(moved, method.decode(z + 2 * direction, noise, steps=5))


def test_what_the_encoder_refuses(method: SemanticAutoencoder) -> None:
    stride = method.options.encoder.stride
    x = torch.randn(2, 1, 500)
    with pytest.raises(ValueError, match=f"{stride} samples or more; here are {stride - 1}"):
        method.encode(x[..., : stride - 1])
    x[0, 0, 480:] = torch.nan
    with pytest.raises(ValueError, match="20 are not finite"):
        method.encode(x)
    mask = torch.ones(2, 500, dtype=torch.bool)
    mask[0, 480:] = False
    assert method.encode(x, mask=mask).isfinite().all(), "padding may hold anything"
    for wrong in (mask.float(), mask.int(), mask[:, :-1]):
        with pytest.raises(ValueError, match="the mask must be boolean"):
            method.encode(x, mask=wrong)
    mask[1, stride - 1 :] = False
    with pytest.raises(ValueError, match=f"here are {stride - 1}"):
        method.encode(x, mask=mask)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": "score"}, "objective must be one of"),
        ({"schedule": "sigmoid"}, "schedule must be"),
        ({"diffusion_steps": 0}, "one step or more"),
    ],
)
def test_impossible_choices_are_refused_at_once(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SemanticAutoencoderConfig(**change)


def test_traces_follow_the_networks_to_their_device(method: SemanticAutoencoder) -> None:
    x = torch.randn(2, 1, 1000)
    method.encoder.to("meta"), method.network.to("meta")  # a device without memory
    for made in (
        method.decode(torch.zeros(2, 128), x, steps=2),
        method.invert(x, torch.zeros(2, 128), steps=2),
    ):
        assert (made.device.type, made.shape) == ("meta", x.shape)
