"""Several noisy views of one latent vector: the forward process as an augmentation.

DACL (Zewail 2025) makes the views that its contrastive loss compares by diffusing latent vectors:
``z_t = sqrt(alpha_bar_t) z + sqrt(1 - alpha_bar_t) noise``, with a step drawn anew for each
view. The usual augmentation beside it, ``z + sigma noise``, knows neither a schedule nor a step.

The clean vector is always the first view. The paper does not say so; we need it, since the clean
one is what is read in the end.
"""

import torch
from torch import Generator, Tensor, nn

from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.diffusion.timesteps import draw_steps, step_probabilities


class DiffusionViews(nn.Module):
    """The clean latent and K diffused ones.

    Args:
        schedule: the forward process.
        sampler: which steps, one of ``SAMPLERS``.
        views: K, at least 1.
        calls: how often it will be called in a training; the curricula move on with every call.

    Shapes: z (batch, latent) to the views (K + 1, batch, latent) and their steps (K + 1, batch).

    Raises:
        ValueError: for fewer than one view, or an unknown sampler.

    >>> views, t = DiffusionViews(NoiseSchedule.linear())(torch.ones(5, 64), torch.Generator())
    >>> views.shape, t.shape, bool((views[0] == 1).all())  # two noisy views after the clean one
    (torch.Size([3, 5, 64]), torch.Size([3, 5]), True)
    """

    done: Tensor

    def __init__(
        self, schedule: NoiseSchedule, *, sampler: str = "all", views: int = 2, calls: int = 1
    ) -> None:
        super().__init__()
        if views < 1:
            raise ValueError(f"at least one noisy view is needed, not {views}")
        step_probabilities(schedule, sampler)
        self.schedule, self.sampler, self.views, self.calls = schedule, sampler, views, calls
        # A buffer, so that a training that is taken up again goes on where it stopped.
        self.register_buffer("done", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        progress = min(1.0, self.done.item() / max(1, self.calls - 1))
        p = step_probabilities(self.schedule, self.sampler, progress=progress)
        t = draw_steps(p, (self.views, len(z)), generator)
        noise = torch.randn((self.views, *z.shape), generator=generator, device=generator.device)
        noisy = self.schedule.q_sample(
            z.expand(self.views, *z.shape).flatten(0, 1), t.flatten(), noise.to(z).flatten(0, 1)
        )
        if self.training:
            self.done += 1
        return (
            torch.cat([z[None], noisy.unflatten(0, (self.views, len(z)))]),
            torch.cat([t.new_zeros(1, len(z)), t]),
        )


class GaussianViews(nn.Module):
    """The clean latent and K with white noise, ``z + sigma noise``; the step is always 0.

    Shapes: as ``DiffusionViews``.

    Raises:
        ValueError: for fewer than one view, or a sigma that is not above 0.
    """

    def __init__(self, *, sigma: float = 0.5, views: int = 2) -> None:
        super().__init__()
        if views < 1 or not 0 < sigma < float("inf"):
            raise ValueError(f"views of at least 1 and sigma above 0, not {views} and {sigma}")
        self.sigma, self.views = sigma, views

    def forward(self, z: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        noise = torch.randn((self.views, *z.shape), generator=generator, device=generator.device)
        views = torch.cat([z[None], z + self.sigma * noise.to(z)])
        return views, torch.zeros(views.shape[:2], dtype=torch.int64, device=z.device)
