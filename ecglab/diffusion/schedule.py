"""How much noise at which step: the forward process q(x_t | x_0) in closed form.

``x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise`` (Ho et al. 2020, eq. 4; DiffECG,
eq. 5), with ``alpha_bar_t = prod_{s<=t} (1 - beta_s)``. Steps count from 0: t in [0, T).
"""

import math
from typing import Self

import torch
from torch import Tensor, nn


class NoiseSchedule(nn.Module):
    """The fixed variances of the forward process, and everything that follows from them.

    Computed in float64, kept as float32 buffers (T,): ``betas``, ``alphas_cumprod`` and the two
    coefficients of ``q_sample``.

    Args:
        betas: variances beta_t in (0, 1), shape (T,).

    Raises:
        ValueError: for variances outside (0, 1).

    >>> schedule = NoiseSchedule(torch.tensor([0.36]))  # one step: 0.8 x_0 + 0.6 noise
    >>> schedule.q_sample(torch.tensor([[1.0]]), torch.tensor([0]), noise=torch.tensor([[2.0]]))
    tensor([[2.]])
    >>> len(NoiseSchedule.linear())
    1000
    """

    betas: Tensor  # beta_t
    alphas_cumprod: Tensor  # alpha_bar_t
    signal_scale: Tensor  # sqrt(alpha_bar_t)
    noise_scale: Tensor  # sqrt(1 - alpha_bar_t)

    def __init__(self, betas: Tensor) -> None:
        super().__init__()
        if betas.ndim != 1 or not len(betas) or not bool(((betas > 0) & (betas < 1)).all()):
            raise ValueError("betas must be a vector of numbers strictly between 0 and 1")
        betas = betas.double()
        alphas_cumprod = torch.cumprod(1 - betas, dim=0)  # alpha_bar_t, below DiffECG's eq. 5
        for name, value in {
            "betas": betas,
            "alphas_cumprod": alphas_cumprod,
            "signal_scale": alphas_cumprod.sqrt(),
            "noise_scale": (1 - alphas_cumprod).sqrt(),
        }.items():
            self.register_buffer(name, value.float(), persistent=False)

    @classmethod
    def linear(cls, steps: int = 1000, *, start: float = 1e-4, end: float = 0.02) -> Self:
        """beta_t rises in a straight line from ``start`` to ``end`` (Ho et al. 2020, section 4).

        The ends are those of 1,000 steps. Far fewer of such steps do not reach noise (of 50 the
        last has a ratio of 1.5, see ``snr``): give them a larger ``end``.
        """
        return cls(torch.linspace(start, end, steps, dtype=torch.float64))

    @classmethod
    def cosine(cls, steps: int = 1000, *, offset: float = 0.008) -> Self:
        """alpha_bar falls as ``cos^2(pi/2 (t/T + s) / (1 + s))`` (Nichol & Dhariwal 2021, eq. 17).

        beta is capped at 0.999, as published, to avoid a singular last step.
        """
        u = torch.arange(steps + 1, dtype=torch.float64) / steps
        curve = torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2  # f(t), eq. 17
        return cls((1 - curve[1:] / curve[:-1]).clamp(max=0.999))  # beta_t = 1 - f(t) / f(t - 1)

    @classmethod
    def named(cls, name: str, steps: int = 1000) -> Self:
        """The schedule called ``linear`` or ``cosine``.

        Raises:
            ValueError: for another name, or less than one step.
        """
        if steps < 1:
            raise ValueError(f"a schedule has one step or more, not {steps}")
        if name == "linear":
            return cls.linear(steps)
        if name == "cosine":
            return cls.cosine(steps)
        raise ValueError(f"schedule must be 'linear' or 'cosine', not {name!r}")

    def __len__(self) -> int:
        return len(self.betas)

    def snr(self, t: Tensor | None = None, *, data_variance: float = 1.0) -> Tensor:
        """Signal-to-noise ratio ``alpha_bar_t Var(x_0) / (1 - alpha_bar_t)``, at t or at all steps.

        ``data_variance`` matters: an ECG divided by its peak-to-peak range has a variance near
        0.02, and so at every step fifty times less signal than the textbook's unit variance.
        """
        ratio = data_variance * (self.signal_scale / self.noise_scale) ** 2
        return ratio if t is None else ratio[self.check(t)]

    def check(self, t: Tensor) -> Tensor:
        """``t`` itself.

        Raises:
            ValueError: where a step lies outside [0, T) or is no integer.
        """
        if t.is_floating_point() or bool(((t < 0) | (t >= len(self))).any()):
            raise ValueError(f"noise steps must be integers in [0, {len(self)}), not {t.tolist()}")
        return t

    def coefficients(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), shaped to multiply ``like`` (batch, ...)."""
        shape = (-1,) + (1,) * (like.ndim - 1)
        return self.signal_scale[t].view(shape), self.noise_scale[t].view(shape)

    def q_sample(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draw x_t from q(x_t | x_0) with the given standard normal noise (eq. 5 of DiffECG).

        Args:
            x0: clean samples, (batch, ...).
            t: one integer step for each sample, (batch,).
            noise: standard normal, shaped as ``x0``.

        Raises:
            ValueError: for a step outside [0, T); on a GPU, where to look would mean to wait, only
                PyTorch's own check of too large ones remains.
        """
        if t.device.type == "cpu":
            self.check(t)
        a, b = self.coefficients(t, x0)
        return a * x0 + b * noise  # x_t: DiffECG, eq. 5; Ho et al. 2020, eq. 4
