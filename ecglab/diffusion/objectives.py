"""What the network is asked to predict, and how one prediction turns into another.

Three equivalent targets, for ``x_t = a x_0 + b noise`` with a^2 + b^2 = 1:

- ``noise``: the noise itself (Ho et al. 2020, eq. 14; all three papers of this course);
- ``x0``: the clean sample;
- ``v``: ``a noise - b x_0`` (Salimans & Ho 2022, appendix D), well-conditioned at both ends.
"""

from typing import Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.nn.cuda_graph import RecordableLoss

Objective = Literal["noise", "x0", "v"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
LOSSES = {"mse": F.mse_loss, "smooth_l1": F.smooth_l1_loss}


class Denoiser(Protocol):
    """A network of the noisy samples (batch, ...) and their steps (batch,)."""

    def __call__(self, xt: Tensor, t: Tensor) -> Tensor:
        """The prediction, shaped as ``xt``."""
        ...


def _known(objective: str) -> str:
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {OBJECTIVES}, not {objective!r}")
    return objective


def target(schedule: NoiseSchedule, objective: str, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """What the network should say for ``q_sample(x0, t, noise)``; shaped as ``x0``."""
    if _known(objective) == "noise":
        return noise  # epsilon: Ho et al. 2020, eq. 14
    if objective == "x0":
        return x0
    a, b = schedule.coefficients(t, x0)
    return a * noise - b * x0  # v: Salimans & Ho 2022, appendix D


def predict_x0(
    schedule: NoiseSchedule, objective: str, xt: Tensor, t: Tensor, prediction: Tensor
) -> Tensor:
    """The clean sample that a prediction stands for: (x_t - b noise) / a, x0, or a x_t - b v.

    >>> schedule, t = NoiseSchedule.linear(), torch.tensor([500])
    >>> x0, noise = torch.ones(1, 8), torch.randn(1, 8)
    >>> xt, v = schedule.q_sample(x0, t, noise), target(schedule, "v", x0, t, noise)
    >>> torch.allclose(predict_x0(schedule, "v", xt, t, v), x0, atol=1e-5)
    True
    """
    a, b = schedule.coefficients(t, xt)
    if _known(objective) == "noise":
        return (xt - b * prediction) / a  # Ho et al. 2020, eq. 15: their eq. 4 solved for x_0
    return prediction if objective == "x0" else a * xt - b * prediction


def predict_noise(
    schedule: NoiseSchedule, objective: str, xt: Tensor, t: Tensor, prediction: Tensor
) -> Tensor:
    """The noise that a prediction stands for: noise, (x_t - a x_0) / b, or b x_t + a v."""
    a, b = schedule.coefficients(t, xt)
    if _known(objective) == "noise":
        return prediction
    return (xt - a * prediction) / b if objective == "x0" else b * xt + a * prediction


class DenoisingLoss(RecordableLoss):
    """``E_{t, noise} loss(network(x_t, t), target)`` with t uniform over [0, T).

    Its forward is the whole of self-supervised pre-training: clean samples (batch, ...) and a
    generator in, one number out.

    Args:
        network: the denoiser, a module of (x_t, t).
        schedule: the forward process.
        objective: ``noise``, ``x0`` or ``v``.
        loss: ``mse``, or ``smooth_l1`` as DiffECG's released code has it.
        encoder: a module of clean samples; the network then also takes the code that it gives, and
            both are trained at once, as in a diffusion autoencoder (Preechakul et al. 2022).

    Raises:
        ValueError: for an unknown objective or loss.

    >>> class Silent(nn.Module):  # to see no noise anywhere costs the noise's variance, 1
    ...     def forward(self, xt, t):
    ...         return torch.zeros_like(xt)
    >>> loss = DenoisingLoss(Silent(), NoiseSchedule.linear())
    >>> round(loss(torch.zeros(64, 1, 1000), torch.Generator().manual_seed(0)).item(), 1)
    1.0
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: NoiseSchedule,
        *,
        objective: str = "noise",
        loss: str = "mse",
        encoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {sorted(LOSSES)}, not {loss!r}")
        self.network = network
        self.encoder = encoder
        self.schedule = schedule
        self.objective = _known(objective)
        self.loss = loss

    def draw(self, batch: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The clean samples themselves, a step t for each, and noise shaped as they are."""
        # Drawn on the generator's own device, so that the CPU and a GPU can see the same noise.
        t = torch.randint(
            len(self.schedule), (len(batch),), generator=generator, device=generator.device
        ).to(batch.device)
        noise = torch.randn(batch.shape, generator=generator, device=generator.device).to(batch)
        return batch, t, noise

    def error(self, *inputs: Tensor) -> Tensor:
        """The mean loss for samples (batch, ...), steps (batch,) and noise (batch, ...)."""
        x0, t, noise = inputs
        code = () if self.encoder is None else (self.encoder(x0),)
        prediction = self.network(self.schedule.q_sample(x0, t, noise), t, *code)
        wanted = target(self.schedule, self.objective, x0, t, noise)
        return LOSSES[self.loss](prediction.float(), wanted)  # L_simple, eq. 14: noise, mse
