"""Samplers on a Gaussian, where the best denoiser is known in closed form."""

import pytest
import torch

from ecglab.diffusion import NoiseSchedule, ddim_invert, ddim_sample, ddpm_sample, spherical, target

MEAN, STD = 2.0, 0.5


def best_denoiser(schedule: NoiseSchedule, objective: str):
    """E[target | x_t] for x0 ~ N(MEAN, STD^2): linear in x_t, by Gaussian conditioning."""

    def network(xt: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        a, b = schedule.coefficients(t, xt)
        x0 = MEAN + a * STD**2 / (a**2 * STD**2 + b**2) * (xt - a * MEAN)
        return target(schedule, objective, x0, t, (xt - a * x0) / b)

    return network


@pytest.mark.parametrize("objective", ["noise", "x0", "v"])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_samples_have_the_data_distribution(sampler: str, objective: str) -> None:
    schedule = NoiseSchedule.linear(1000)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 1, generator=generator)
    network = best_denoiser(schedule, objective)
    if sampler == "ddpm":
        samples = ddpm_sample(network, schedule, x, generator, objective=objective)
    else:
        samples = ddim_sample(network, schedule, x, steps=200, objective=objective)
    assert samples.mean().item() == pytest.approx(MEAN, abs=4 * STD / 4000**0.5 + 0.01)
    assert samples.std().item() == pytest.approx(STD, rel=0.05)
    standard = (samples - MEAN) / STD
    assert standard.pow(3).mean().item() == pytest.approx(0, abs=0.15)
    assert standard.pow(4).mean().item() == pytest.approx(3, abs=0.4)


@pytest.mark.parametrize("t", [1, 2, 20])
def test_a_ddpm_step_draws_from_the_posterior(t: int) -> None:
    """x_{t-1} of known x_t and x_0: the precisions of both Gaussians add up (Bayes)."""
    schedule, n, xt, x0 = NoiseSchedule.linear(1000), 100_000, 1.5, -0.7
    beta, bar = schedule.betas[t].item(), schedule.alphas_cumprod[t - 1].item()
    variance = 1 / ((1 - beta) / beta + 1 / (1 - bar))
    mean = variance * ((1 - beta) ** 0.5 * xt / beta + bar**0.5 * x0 / (1 - bar))
    seen: dict[int, torch.Tensor] = {}
    ddpm_sample(
        lambda x, _: torch.full_like(x, x0),
        schedule,
        torch.full((n, 1), xt),
        torch.Generator().manual_seed(0),
        objective="x0",
        start=t,
        watch=lambda step, x, _: seen.update({step: x}),
    )
    error = (variance / n) ** 0.5
    assert seen[t - 1].mean().item() == pytest.approx(mean, abs=5 * error)
    assert seen[t - 1].std().item() == pytest.approx(variance**0.5, rel=0.01)


def test_ddim_is_the_monotone_map_between_gaussians() -> None:
    """The probability flow of Gaussian data takes the z-quantile to MEAN + STD z."""
    schedule = NoiseSchedule.linear(1000)
    z = torch.linspace(-2, 2, 9)[:, None]
    samples = ddim_sample(best_denoiser(schedule, "noise"), schedule, z, steps=1000)
    assert torch.allclose(samples, MEAN + STD * z, atol=0.03)


def test_watch_sees_every_step_and_start_is_respected() -> None:
    schedule = NoiseSchedule.linear(100)
    seen: list[int] = []
    ddpm_sample(
        best_denoiser(schedule, "noise"),
        schedule,
        torch.zeros(1, 1),
        torch.Generator(),
        start=9,
        watch=lambda t, xt, x0: seen.append(t),
    )
    assert seen == list(range(9, -1, -1))


@pytest.mark.parametrize("start", [-1, 100])
def test_sampling_starts_within_the_schedule(start: int) -> None:
    x, schedule = torch.zeros(1, 1), NoiseSchedule.linear(100)
    with pytest.raises(ValueError, match=r"in \[0, 99\]"):
        ddpm_sample(lambda x, t: x, schedule, x, torch.Generator(), start=start)
    with pytest.raises(ValueError, match=r"in \[0, 99\]"):
        ddim_sample(lambda x, t: x, schedule, x, steps=1, start=start)


@pytest.mark.parametrize("steps", [0, 11])
def test_ddim_needs_a_sensible_number_of_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 10"):
        ddim_sample(lambda x, t: x, NoiseSchedule.linear(10), torch.zeros(1, 1), steps=steps)


def test_inversion_goes_the_way_back() -> None:
    """Between Gaussians the way up is known, too: MEAN + STD z comes from z."""
    schedule = NoiseSchedule.linear(1000)
    z = torch.linspace(-2, 2, 9)[:, None]
    network = best_denoiser(schedule, "noise")
    noise = ddim_invert(network, schedule, MEAN + STD * z, steps=1000)
    assert torch.allclose(noise, z, atol=0.03)
    again = ddim_sample(network, schedule, noise, steps=1000)
    assert torch.allclose(again, MEAN + STD * z, atol=0.01)
    with pytest.raises(ValueError, match="between 2 and 1000"):
        ddim_invert(network, schedule, z, steps=1)


def test_the_arc_between_two_noises() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 1, 5000, generator=generator)
    for share in (0.0, 0.3, 0.5, 1.0):
        middle = spherical(a, b, share)
        assert torch.allclose(middle.std(dim=-1), torch.ones(3, 1), atol=0.03), "still a noise"
        # Independent noises stand at a right angle: a quarter circle is walked in equal parts.
        angle = torch.arccos(torch.cosine_similarity(a, middle, dim=-1))
        assert torch.allclose(angle, torch.full((3, 1), share * torch.pi / 2), atol=0.05)
    assert torch.allclose(spherical(a, b, 0.0), a)
    assert torch.allclose(spherical(a, a, 0.4), a), "no arc between equals"
