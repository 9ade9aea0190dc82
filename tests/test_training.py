"""The training loop: it learns, it resumes exactly, it runs in two processes."""

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglab.diffusion import DenoisingLoss, NoiseSchedule, UNet, UNetConfig
from ecglab.nn.cuda_graph import GraphedLoss
from ecglab.nn.semantic import SemanticEncoder, SemanticEncoderConfig
from ecglab.profiles import load_profile
from ecglab.training import (
    ExponentialMovingAverage,
    TrainConfig,
    TrainingDiverged,
    batch_indices,
    learning_rate,
    step_generator,
    train,
)

CONFIG = TrainConfig(steps=8, batch_size=4, lr=1e-3, accelerator="cpu", ema=0.9)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Sums over another number of threads round differently: bits are compared below."""
    torch.set_num_threads(1)


def module() -> DenoisingLoss:
    torch.manual_seed(0)
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2), head_width=4))
    return DenoisingLoss(net, NoiseSchedule.linear(50))


def data() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((10, 1, 32)).astype(np.float32)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_lowers_the_loss() -> None:
    t = np.arange(64) / 64
    waves = np.stack([np.sin(2 * np.pi * (4 * t + p)) for p in np.linspace(0, 1, 16)])
    config = TrainConfig(steps=80, batch_size=8, lr=3e-3, accelerator="cpu")
    report = train(module(), waves[:, None].astype(np.float32), config)
    assert len(report.losses) == 80
    assert np.mean(report.losses[-10:]) < 0.6 * np.mean(report.losses[:10])
    assert report.device == "cpu"


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    runs = []
    for seed in (0, 0, 1):
        model = module()
        train(model, data(), TrainConfig(steps=3, batch_size=4, accelerator="cpu", seed=seed))
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def with_dropout() -> DenoisingLoss:
    return semantic(dropout=0.5)


@pytest.mark.parametrize("make", [module, with_dropout])
def test_resumed_equals_unbroken(make: Callable[[], DenoisingLoss], tmp_path: Path) -> None:
    unbroken, resumed = make(), make()
    whole = train(unbroken, data(), CONFIG)

    class Stop(Exception):
        pass

    def stop(step: int, loss: float) -> None:
        if step == 5:
            raise Stop

    often = TrainConfig(**{**vars(CONFIG), "checkpoint_every": 2})
    with pytest.raises(Stop):
        train(resumed, data(), often, checkpoint=tmp_path / "run.pt", watch=stop)
    again = make()
    report = train(again, data(), CONFIG, checkpoint=tmp_path / "run.pt")
    assert report.losses == whole.losses
    assert torch.equal(weights(again), weights(unbroken))


def test_dropout_too_is_the_step_s_own() -> None:
    """A step resumed, or repeated after other random numbers were drawn, drops the same."""
    runs = []
    for _ in range(2):
        model = semantic(dropout=0.5)
        torch.rand(len(runs))
        train(model, data(), CONFIG)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    model, before = module(), torch.random.get_rng_state()
    train(model, data(), replace(CONFIG, steps=1))
    torch.testing.assert_close(torch.random.get_rng_state(), before)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from test_training import CONFIG, data, module
from ecglab.training import TrainConfig, train

def kill(step, loss):
    if step == 5:
        os.kill(os.getpid(), signal.SIGKILL)

config = TrainConfig(**{{**vars(CONFIG), "checkpoint_every": 2}})
train(module(), data(), config, checkpoint=Path({checkpoint!r}), watch=kill)
"""


def test_killed_and_resumed_equals_unbroken(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    script = KILLED.format(tests=str(Path(__file__).parent), checkpoint=str(checkpoint))
    died = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert len(torch.load(checkpoint, weights_only=True)["losses"]) == 4

    resumed, unbroken = module(), module()
    train(resumed, data(), CONFIG, checkpoint=checkpoint)
    train(unbroken, data(), CONFIG)
    assert torch.equal(weights(resumed), weights(unbroken))


def test_two_processes_take_the_mean_gradient_of_their_shares(tmp_path: Path) -> None:
    config = TrainConfig(steps=3, batch_size=4, devices=2, accelerator="cpu", ema=0.9, lr=1e-3)
    spread = module()
    report = train(spread, data(), config, checkpoint=tmp_path / "run.pt")

    alone = module()
    ema = ExponentialMovingAverage(alone, config.ema)
    optimizer = torch.optim.AdamW(alone.parameters(), lr=config.lr, weight_decay=0.0)
    for step in range(3):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
        losses = []
        for rank in range(2):
            batch = torch.from_numpy(data()[batch_indices(10, config, step, rank)])
            losses.append(alone(batch, step_generator(config, step, rank)))
        optimizer.zero_grad()
        (sum(losses) / 2).backward()
        torch.nn.utils.clip_grad_norm_(alone.parameters(), config.clip)
        optimizer.step()
        ema.update(alone, step)
        assert report.losses[step] == pytest.approx(float(sum(losses).detach()) / 2, rel=1e-5)
    # Adam turns rounding errors of vanishing gradients into full steps: compare as a whole.
    moved, apart = weights(ema.module) - weights(module()), weights(spread) - weights(ema.module)
    assert apart.norm() < 0.02 * moved.norm()


def test_ema_is_the_weighted_mean_of_all_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    ema = ExponentialMovingAverage(model, 0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 4.0, 2.0]):
        model.weight.data.fill_(value)
        ema.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert ema.module.weight.item() == pytest.approx(expected)


def test_every_window_is_seen_equally_often() -> None:
    config = TrainConfig(steps=10, batch_size=4, devices=2)
    seen = [batch_indices(10, config, step, rank) for step in range(5) for rank in range(2)]
    assert np.bincount(np.concatenate(seen)).tolist() == [2] * 10


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    config = TrainConfig(steps=100, lr=1.0, warmup=10)
    rates = [learning_rate(config, s) for s in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))
    assert rates[100] == pytest.approx(0.0, abs=1e-12)


def test_divergence_is_an_error_that_names_the_step() -> None:
    bad = data()
    bad[:] = np.inf
    with pytest.raises(TrainingDiverged, match="step 0"):
        train(module(), bad, CONFIG)


class FlatLoss(torch.nn.Module):
    """A finite loss whose gradient is not: that of a root at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return (0 * self.weight).sqrt().sum() + 0 * batch.sum()


def test_a_gradient_that_is_not_finite_is_an_error_too_and_is_not_kept(tmp_path: Path) -> None:
    kept = tmp_path / "run.pt"
    with pytest.raises(TrainingDiverged, match="gradient's norm is nan at step 0"):
        train(FlatLoss(), data(), replace(CONFIG, checkpoint_every=1), checkpoint=kept)
    assert not kept.exists()


def test_what_goes_wrong_in_several_processes_is_the_same_error(tmp_path: Path) -> None:
    two = replace(CONFIG, devices=2, accelerator="cpu", steps=1)
    bad, kept = np.full_like(data(), np.inf), tmp_path / "run.pt"
    with pytest.raises(TrainingDiverged, match=r"^the loss is .* at step 0; try a lower"):
        train(module(), bad, two, checkpoint=kept)
    train(module(), data(), CONFIG, checkpoint=kept)
    with pytest.raises(ValueError, match=r"other settings \(devices, steps\)"):
        train(module(), data(), two, checkpoint=kept)


def test_a_run_names_every_device_that_it_ran_on(tmp_path: Path) -> None:
    kept = tmp_path / "run.pt"
    assert train(module(), data(), CONFIG, checkpoint=kept).device == "cpu"
    assert train(module(), data(), CONFIG, checkpoint=kept).device == "cpu"
    state = torch.load(kept, weights_only=True)
    torch.save({**state, "device": "a GPU"}, kept)
    assert train(module(), data(), CONFIG, checkpoint=kept).device == "a GPU, then cpu"


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no windows"):
        train(module(), data()[:0], CONFIG)
    with pytest.raises(ValueError, match="divisible"):
        TrainConfig(steps=1, batch_size=3, devices=2)
    with pytest.raises(ValueError, match="checkpoint"):
        train(module(), data(), TrainConfig(steps=1, devices=2, accelerator="cpu"))
    train(module(), data(), CONFIG, checkpoint=tmp_path / "run.pt")
    other = TrainConfig(**{**vars(CONFIG), "lr": 1e-2})
    with pytest.raises(ValueError, match=r"run.pt: .*\(lr\); delete it"):
        train(module(), data(), other, checkpoint=tmp_path / "run.pt")


def test_a_checkpoint_belongs_to_its_data_and_to_what_was_trained(tmp_path: Path) -> None:
    path, about = tmp_path / "run.pt", {"method": {"strides": (2, 4), "objective": "v"}}
    half = replace(CONFIG, steps=2)
    train(module(), data(), half, checkpoint=path, about=about)
    train(module(), data(), half, checkpoint=path, about=about)
    other = data().copy()
    other[0] += 1
    for wrong in (other, data()[:-1], data().astype(np.float64)):
        with pytest.raises(ValueError, match=r"other settings \(data\)"):
            train(module(), wrong, half, checkpoint=path, about=about)
    about["method"]["objective"] = "x0"
    with pytest.raises(ValueError, match=r"other settings \(method\)"):
        train(module(), data(), half, checkpoint=path, about=about)


def test_bf16_stays_close_to_float32() -> None:
    precise, coarse = module(), module()
    train(precise, data(), CONFIG)
    train(coarse, data(), TrainConfig(**{**vars(CONFIG), "precision": "bf16-mixed"}))
    start = weights(module())
    moved, apart = weights(precise) - start, weights(precise) - weights(coarse)
    assert apart.norm() < 0.5 * moved.norm()
    assert weights(coarse).dtype == torch.float32


def test_half_precision_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = {}
    for capability in ("DEFAULT", "AVX2", "AVX512"):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda c=capability: c)
        found[capability] = TrainConfig.for_profile(load_profile("laptop")).precision
    assert found == {"DEFAULT": "32-true", "AVX2": "32-true", "AVX512": "bf16-mixed"}
    assert TrainConfig.for_profile(load_profile("paper")).precision == "32-true"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_sees_the_same_noise_as_the_cpu() -> None:
    on_cpu, on_gpu = module(), module()
    first = train(on_cpu, data(), CONFIG).losses
    second = train(on_gpu, data(), TrainConfig(**{**vars(CONFIG), "accelerator": "cuda"})).losses
    assert second == pytest.approx(first, rel=1e-3)
    assert {p.device.type for p in on_gpu.parameters()} == {"cpu"}, "they come home"


def semantic(dropout: float = 0.0) -> DenoisingLoss:
    torch.manual_seed(0)
    encoder = SemanticEncoder(SemanticEncoderConfig(width=16, state=8, blocks=2, dropout=dropout))
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2), head_width=4, code=16))
    return DenoisingLoss(net, NoiseSchedule.linear(50), objective="v", encoder=encoder)


def image() -> DenoisingLoss:
    torch.manual_seed(0)
    net = UNet(UNetConfig(ndim=2, dim=8, multipliers=(1, 2), head_width=4))
    return DenoisingLoss(net, NoiseSchedule.linear(50), loss="smooth_l1")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("make", [module, semantic, image])
def test_a_recorded_step_is_a_plain_one(make: Callable[[], DenoisingLoss], precision: str) -> None:
    x = data() if make is not image else data().reshape(10, 1, 32, 1).repeat(32, axis=-1)
    settings = {**vars(CONFIG), "accelerator": "cuda", "precision": precision, "steps": 20}
    runs = {}
    for graph in (True, False):
        model = make()
        report = train(model, x, TrainConfig(**{**settings, "graph": graph}))
        runs[graph] = report.losses, weights(model)
    half = precision == "bf16-mixed"
    assert runs[True][0] == pytest.approx(runs[False][0], rel=2e-2 if half else 1e-3)
    # In half precision the plain step also rounds its input, which alone parts them by 0.11.
    moved = (runs[False][1] - weights(make())).norm()
    assert (runs[True][1] - runs[False][1]).norm() < (0.2 if half else 0.1) * moved


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_replay_gives_the_gradients_of_its_own_batch() -> None:
    recorded, plain = semantic().cuda(), semantic().cuda()
    graphed = GraphedLoss(recorded, nullcontext)
    for step, batch in enumerate(torch.from_numpy(data()).cuda().split(5)):
        loss = graphed(batch, step_generator(CONFIG, step))
        plain.zero_grad()
        wanted = plain(batch, step_generator(CONFIG, step))
        wanted.backward()
        torch.testing.assert_close(loss, wanted.detach())
        for mine, other in zip(recorded.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("make", [module, semantic, image])
def test_a_loss_waits_for_no_value_of_its_own(make: Callable[[], DenoisingLoss]) -> None:
    """Or a CUDA graph could not record it: on the meta device no tensor has values."""
    loss = make().to("meta")
    shape = (4, 1, 32, 32) if make is image else (4, 1, 32)
    x, t = torch.empty(shape, device="meta"), torch.empty(4, dtype=torch.long, device="meta")
    loss.error(x, t, torch.empty_like(x)).backward()


def test_half_precision_leaves_integers_alone() -> None:
    """Row numbers above 256 are not all numbers that bfloat16 has."""

    class Rows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))
            self.seen: list[int] = []

        def forward(self, rows: torch.Tensor, _: torch.Generator) -> torch.Tensor:
            self.seen += rows.flatten().tolist()
            return self.weight.square().sum()

    rows = Rows()
    config = TrainConfig(
        steps=10, batch_size=100, precision="bf16-mixed", accelerator="cpu", ema=0.0
    )
    train(rows, np.arange(1000)[:, None], config)
    assert sorted(rows.seen) == list(range(1000))
