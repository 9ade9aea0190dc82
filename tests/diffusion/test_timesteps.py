"""The step samplers: definitions in closed form, draws by chi-square."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.diffusion.timesteps import (
    SAMPLERS,
    THIRDS,
    draw_steps,
    snr_probabilities,
    step_probabilities,
    step_range,
)

SCHEDULE = NoiseSchedule.linear(1000)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(3, 5000))
def test_the_thirds_share_out_the_steps(steps: int) -> None:
    thirds = [step_range(steps, name) for name in THIRDS]
    assert [t for third in thirds for t in third] == list(step_range(steps, "all"))
    assert list(step_range(steps, "all")) == list(range(steps))
    sizes = [len(third) for third in thirds]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(3, 5000), st.floats(0, 1))
def test_the_curricula_stay_within_the_steps(steps: int, progress: float) -> None:
    widening = step_range(steps, "widening", progress=progress)
    moving = step_range(steps, "moving", progress=progress)
    assert 0 <= moving.start < moving.stop <= steps
    assert abs(len(moving) - steps / 3) <= 1
    assert widening.start == 0
    assert widening.stop == moving.stop


@pytest.mark.parametrize(
    ("progress", "widening", "moving"),
    [
        (0.0, (0, 333), (0, 333)),
        (0.25, (0, 500), (166, 500)),
        (0.5, (0, 666), (333, 666)),
        (1.0, (0, 1000), (666, 1000)),
    ],
)
def test_curricula_by_hand(progress: float, widening: tuple, moving: tuple) -> None:
    for name, (start, stop) in {"widening": widening, "moving": moving}.items():
        assert step_range(1000, name, progress=progress) == range(start, stop)


def test_the_moving_third_passes_through_early_middle_and_late() -> None:
    for name, progress in zip(THIRDS, (0, 0.5, 1), strict=True):
        assert step_range(1000, "moving", progress=progress) == step_range(1000, name)


@pytest.mark.parametrize("name", SAMPLERS)
def test_probabilities_sum_to_one(name: str) -> None:
    for progress in (0.0, 0.3, 1.0):
        p = step_probabilities(SCHEDULE, name, progress=progress)
        assert p.shape == (1000,)
        assert p.dtype == torch.float64
        assert p.min() >= 0
        assert p.sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", [n for n in SAMPLERS if n != "snr"])
def test_ranges_are_uniform(name: str) -> None:
    p = step_probabilities(SCHEDULE, name, progress=0.4)
    steps = step_range(1000, name, progress=0.4)
    assert p.nonzero().flatten().tolist() == list(steps)
    assert (p[p > 0] == 1 / len(steps)).all()


@pytest.mark.parametrize(("gamma", "variance"), [(5.0, 1.0), (0.5, 0.02), (1e9, 3.0)])
def test_snr_weights_as_a_loop(gamma: float, variance: float) -> None:
    bar, weights = 1.0, []
    for t in range(1000):
        bar *= 1 - (1e-4 + (0.02 - 1e-4) * t / 999)
        weights.append(min(variance * bar / (1 - bar), gamma))
    expected = np.array(weights) / sum(weights)
    p = snr_probabilities(SCHEDULE, gamma=gamma, data_variance=variance)
    np.testing.assert_allclose(p, expected, rtol=2e-3)
    if (gamma, variance) == (5.0, 1.0):
        assert torch.equal(step_probabilities(SCHEDULE, "snr"), p)


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_follow_the_probabilities(name: str) -> None:
    schedule = NoiseSchedule.linear(60)
    p = step_probabilities(schedule, name, progress=0.4)
    t = draw_steps(p, (10_000, 3), seeded())
    assert t.shape == (10_000, 3)
    assert schedule.check(t) is t
    counts = torch.bincount(t.flatten(), minlength=60).numpy()
    possible = p.numpy() > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 30_000 * p.numpy()[possible]).pvalue > 0.01


def test_the_views_of_a_sample_are_independent() -> None:
    t = draw_steps(step_probabilities(SCHEDULE, "all"), (20_000, 2), seeded()).double()
    assert abs(np.corrcoef(t.T)[0, 1]) < 4 / math.sqrt(20_000)


def test_the_same_seed_draws_the_same_steps() -> None:
    p = step_probabilities(SCHEDULE, "late")
    assert torch.equal(draw_steps(p, (50,), seeded()), draw_steps(p, (50,), seeded()))
    assert not torch.equal(draw_steps(p, (50,), seeded()), draw_steps(p, (50,), seeded(2)))


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least three steps, not 2"):
        step_range(2, "early")
    for progress in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="progress must lie"):
            step_probabilities(SCHEDULE, "moving", progress=progress)
    with pytest.raises(ValueError, match="'noon'"):
        step_probabilities(SCHEDULE, "noon")
    for options in ({"gamma": 0.0}, {"data_variance": math.nan}):
        with pytest.raises(ValueError, match="must be above 0"):
            snr_probabilities(SCHEDULE, **options)
