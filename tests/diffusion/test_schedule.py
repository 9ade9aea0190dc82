"""The forward process against closed forms."""

import math

import pytest
import torch

from ecglab.diffusion import NoiseSchedule

T = 1000


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_moments_of_xt(name: str) -> None:
    """x_t of a constant x0 is normal with mean a x0 and variance b^2."""
    schedule = NoiseSchedule.named(name, T)
    generator = torch.Generator().manual_seed(0)
    x0 = torch.full((20_000,), 3.0)
    for t in (0, 20, 400, 999):
        step = torch.full((20_000,), t)
        xt = schedule.q_sample(x0, step, torch.randn(20_000, generator=generator))
        bar = schedule.alphas_cumprod[t].item()
        error = 5 * math.sqrt((1 - bar) / 20_000)
        assert xt.mean().item() == pytest.approx(3.0 * math.sqrt(bar), abs=error)
        assert xt.var().item() == pytest.approx(1 - bar, rel=0.06)


def test_stepwise_noise_adds_up_to_the_closed_form() -> None:
    """Eq. 4 applied t times has the mean and variance that eq. 5 states."""
    schedule = NoiseSchedule.linear(50)
    mean, variance = 1.0, 0.0
    for beta in schedule.betas.double().tolist():
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
    assert schedule.signal_scale[-1].item() == pytest.approx(mean, rel=1e-5)
    assert schedule.noise_scale[-1].item() == pytest.approx(math.sqrt(variance), rel=1e-5)


def test_linear_schedule_as_published() -> None:
    schedule = NoiseSchedule.linear()
    assert len(schedule) == T
    assert schedule.betas[0].item() == pytest.approx(1e-4)
    assert schedule.betas[-1].item() == pytest.approx(0.02)
    assert torch.allclose(torch.diff(schedule.betas, n=2), torch.zeros(T - 2), atol=1e-8)


def test_terminal_snr() -> None:
    """log alpha_bar_T = sum log(1 - beta): the linear schedule ends at a ratio of 4.0e-5."""
    betas = [1e-4 + (0.02 - 1e-4) * i / (T - 1) for i in range(T)]
    bar = math.exp(sum(math.log1p(-b) for b in betas))
    snr = NoiseSchedule.linear().snr()
    assert snr[-1].item() == pytest.approx(bar / (1 - bar), rel=1e-3)
    assert snr[-1].item() == pytest.approx(4.04e-5, rel=0.01)
    assert bool((snr.diff() < 0).all())


def test_snr_scales_with_the_variance_of_the_data() -> None:
    schedule = NoiseSchedule.linear()
    t = torch.tensor([20])
    assert schedule.snr(t, data_variance=0.02).item() == pytest.approx(
        0.02 * schedule.snr(t).item()
    )


def test_cosine_schedule_follows_its_curve() -> None:
    bars = NoiseSchedule.cosine(T).alphas_cumprod
    for t in (0, 100, 500, 900):
        u = ((t + 1) / T + 0.008) / 1.008
        expected = math.cos(u * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
        assert bars[t].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("betas", [[], [0.0, 0.1], [0.5, 1.0], [[0.1]]])
def test_bad_betas(betas: list) -> None:
    with pytest.raises(ValueError, match="betas"):
        NoiseSchedule(torch.tensor(betas))


@pytest.mark.parametrize("t", [-1, 1000])
def test_steps_outside_the_schedule(t: int) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        NoiseSchedule.linear().check(torch.tensor([t]))
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):  # -1 would be the last step
        NoiseSchedule.linear().q_sample(torch.zeros(1), torch.tensor([t]), torch.zeros(1))


def test_unknown_schedule() -> None:
    with pytest.raises(ValueError, match="cosine"):
        NoiseSchedule.named("sigmoid")
    with pytest.raises(ValueError, match="one step or more, not 0"):
        NoiseSchedule.named("cosine", 0)
