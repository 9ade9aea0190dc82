"""Views of a latent: closed forms, the clean one first, and curricula that move on."""

import pytest
import torch

from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.diffusion.views import DiffusionViews, GaussianViews


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_first_view_is_the_clean_latent_at_step_0():
    z = torch.randn(5, 4, generator=generator())
    for make in (DiffusionViews(NoiseSchedule.linear(50), views=3), GaussianViews(views=3)):
        views, t = make(z, generator(1))
        assert views.shape == (4, 5, 4)
        assert t.shape == (4, 5)
        assert torch.equal(views[0], z)
        assert not t[0].any()
        assert not any(torch.equal(view, z) for view in views[1:])


def test_diffused_views_have_the_schedules_mean_and_variance():
    # alpha_bar by hand, not through NoiseSchedule
    betas = torch.linspace(1e-4, 0.02, 200, dtype=torch.float64)
    alpha_bar = torch.cumprod(1 - betas, 0)
    z = torch.full((20_000, 1), 2.0)
    views, t = DiffusionViews(NoiseSchedule.linear(200), views=1)(z, generator())
    for chosen in (t[1] < 20, t[1] >= 180):
        at = alpha_bar[t[1][chosen]]
        rest = (views[1][chosen, 0] - 2 * at.sqrt()) / (1 - at).sqrt()
        assert abs(float(rest.mean())) < 0.1
        assert abs(float(rest.std()) - 1) < 0.07


def test_gaussian_views_have_the_given_deviation():
    views, _ = GaussianViews(sigma=0.3, views=2)(torch.zeros(5000, 4), generator())
    assert float(views[1:].std()) == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(("sampler", "low", "high"), [("early", 0, 100), ("late", 200, 300)])
def test_steps_come_from_the_part_asked_for(sampler, low, high):
    make = DiffusionViews(NoiseSchedule.linear(300), sampler=sampler)
    t = make(torch.zeros(500, 2), generator())[1][1:]
    assert low <= int(t.min())
    assert int(t.max()) < high


def test_a_curriculum_moves_on_with_every_call_in_training_only():
    make = DiffusionViews(NoiseSchedule.linear(300), sampler="moving", calls=3)
    z, seen = torch.zeros(400, 2), []
    make.eval()
    make(z, generator())
    make.train()
    for _ in range(4):
        t = make(z, generator())[1][1:]
        seen.append((int(t.min()) // 50, int(t.max()) // 50))
    assert seen == [(0, 1), (2, 3), (4, 5), (4, 5)]


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="noisy view"):
        DiffusionViews(NoiseSchedule.linear(9), views=0)
    with pytest.raises(ValueError, match="choose one of"):
        DiffusionViews(NoiseSchedule.linear(9), sampler="sometimes")
    with pytest.raises(ValueError, match="sigma"):
        GaussianViews(sigma=0.0)
