"""From noise back to data: the stochastic DDPM and the deterministic DDIM sampler; and back up."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from ecglab.diffusion.objectives import Denoiser, predict_noise, predict_x0
from ecglab.diffusion.schedule import NoiseSchedule

Watch = Callable[[int, Tensor, Tensor], None]


def _steps(x: Tensor, t: int) -> Tensor:
    return torch.full((len(x),), t, device=x.device, dtype=torch.long)


def _start(schedule: NoiseSchedule, start: int | None) -> int:
    last = len(schedule) - 1
    if start is not None and not 0 <= start <= last:
        raise ValueError(f"sampling starts at a step in [0, {last}], not {start}")
    return last if start is None else start


@torch.no_grad()
def ddpm_sample(
    network: Denoiser,
    schedule: NoiseSchedule,
    x: Tensor,
    generator: Generator,
    *,
    objective: str = "noise",
    start: int | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Ancestral sampling through every step from ``start`` (default T - 1) down to 0.

    ``x_{t-1} = mean(x_t, x_0) + sqrt(beta~_t) z`` with the posterior's mean and variance
    ``beta~_t = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)`` (Ho et al. 2020, eqs. 6 and 7).

    Args:
        network: the denoiser.
        schedule: the forward process it was trained on.
        x: x_start, standard normal for start = T - 1; (batch, ...).
        generator: source of z.
        objective: what the network predicts.
        start: the step ``x`` is at.
        watch: called with (t, x_t, predicted x_0) at every step, for figures.

    Returns:
        Samples shaped as ``x``.

    Raises:
        ValueError: for a start outside [0, T).
    """
    alpha_bar = schedule.alphas_cumprod.double()
    betas = schedule.betas.double()
    for i in range(_start(schedule, start), -1, -1):
        t = _steps(x, i)
        x0 = predict_x0(schedule, objective, x, t, network(x, t))
        if watch is not None:
            watch(i, x, x0)
        if i == 0:
            return x0
        rest = 1 - alpha_bar[i]
        to_x0 = betas[i] * alpha_bar[i - 1].sqrt() / rest  # Ho et al. 2020, eq. 7
        to_xt = (1 - betas[i]).sqrt() * (1 - alpha_bar[i - 1]) / rest  # eq. 7
        std = (betas[i] * (1 - alpha_bar[i - 1]) / rest).sqrt()  # sqrt(beta~_t), eq. 7
        z = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
        x = float(to_x0) * x0 + float(to_xt) * x + float(std) * z  # from N(mu~_t, beta~_t I), eq. 6
    return x


@torch.no_grad()
def ddim_sample(
    network: Denoiser,
    schedule: NoiseSchedule,
    x: Tensor,
    *,
    steps: int = 50,
    objective: str = "noise",
    start: int | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Deterministic sampling on ``steps`` evenly spaced steps (Song et al. 2021, eq. 12).

    ``x_s = sqrt(alpha_bar_s) x_0(x_t) + sqrt(1 - alpha_bar_s) noise(x_t)`` for the next step s < t;
    the last goes to alpha_bar = 1, the clean sample. (The paper's alpha is our alpha_bar.)
    Arguments as in ``ddpm_sample``.

    Raises:
        ValueError: unless 0 <= start < T and 1 <= steps <= start + 1.

    >>> def knows(xt, t):  # a network that knows the clean sample, all ones
    ...     return torch.ones_like(xt)
    >>> x = torch.randn(2, 1, 64)
    >>> ddim_sample(knows, NoiseSchedule.linear(), x, steps=5, objective="x0").unique()
    tensor([1.])
    """
    start = _start(schedule, start)
    if not 1 <= steps <= start + 1:
        raise ValueError(f"steps must be between 1 and {start + 1}, not {steps}")
    path = torch.linspace(start, 0, steps).round().long().tolist()
    for i, following in zip(path, [*path[1:], None], strict=True):
        t = _steps(x, i)
        prediction = network(x, t)
        x0 = predict_x0(schedule, objective, x, t, prediction)  # f_theta(x_t), eq. 9
        if watch is not None:
            watch(i, x, x0)
        if following is None:
            return x0  # eq. 12 with alpha_0 = 1
        noise = predict_noise(schedule, objective, x, t, prediction)
        x = schedule.q_sample(x0, _steps(x, following), noise)  # eq. 12, sigma_t = 0
    return x


def spherical(a: Tensor, b: Tensor, share: float) -> Tensor:
    """From a (share 0) to b (share 1) along the arc between them, sample by sample.

    ``(sin((1 - s) w) a + sin(s w) b) / sin w``, with w the angle between both (Shoemake 1985). On
    the straight line between two noises the deviation sinks to 0.7 halfway, which no x_T has.

    Args:
        a, b: (batch, ...), of one shape.
        share: how far from a to b.

    >>> spherical(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 0.5)
    tensor([[0.7071, 0.7071]])
    """
    cosine = F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1).clamp(-1, 1)
    w = torch.arccos(cosine).reshape(-1, *[1] * (a.ndim - 1))
    arc = (torch.sin((1 - share) * w) * a + torch.sin(share * w) * b) / torch.sin(w)
    return torch.where(torch.sin(w) > 1e-4, arc, torch.lerp(a, b, share))


@torch.no_grad()
def ddim_invert(
    network: Denoiser,
    schedule: NoiseSchedule,
    x0: Tensor,
    *,
    steps: int = 50,
    objective: str = "noise",
) -> Tensor:
    """The noise x_{T-1} from which ``ddim_sample`` comes back to ``x0``: the same path upwards.

    ``x_u = sqrt(alpha_bar_u) x_0(x_s) + sqrt(1 - alpha_bar_u) noise(x_s)`` for the next step u > s,
    starting with x0 at step 0 (Preechakul et al. 2022, eq. 8: the "stochastic encoder"). Exact as
    the number of steps grows.

    Args:
        network: the denoiser, its code already given.
        schedule: the forward process it was trained on.
        x0: clean samples, (batch, ...).
        steps: steps on the path, the last of which is arrived at: ``steps - 1`` evaluations.
        objective: what the network predicts.

    Raises:
        ValueError: unless 2 <= steps <= T.
    """
    if not 2 <= steps <= len(schedule):
        raise ValueError(f"steps must be between 2 and {len(schedule)}, not {steps}")
    x = x0
    path = torch.linspace(0, len(schedule) - 1, steps).round().long().tolist()
    for i, following in pairwise(path):
        t = _steps(x, i)
        prediction = network(x, t)
        clean = predict_x0(schedule, objective, x, t, prediction)
        noise = predict_noise(schedule, objective, x, t, prediction)
        x = schedule.q_sample(clean, _steps(x, following), noise)  # Preechakul et al., eq. 8
    return x
