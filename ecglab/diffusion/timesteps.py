"""Which noise steps the views of a sample are drawn at.

DACL (Zewail 2025) makes its views at steps from a part of [0, T) and compares early with late ones;
"adaptive timestep sampling" is its future work. Each way here is a probability for every step, so
that it can be drawn as a curve; ``draw_steps`` draws from it. With p(t) the probability and s in
[0, 1] the share of training that is done:

- ``early``, ``middle``, ``late``: uniform over one third of the steps; ``all``: over all of them.
- ``snr``: ``p(t) ~ min(SNR(t), gamma)``. Min-SNR (Hang et al. 2023, section 3.4) weighs an x_0 loss
  so; here it says how often a step is seen. Without the cap only the first steps would be.
- ``widening``: a curriculum, easy to hard; uniform over the first ``(1 + 2 s) / 3`` of the steps:
  from ``early`` to ``all``.
- ``moving``: a curriculum too; uniform over the third that starts at ``2 s / 3`` of the steps:
  from ``early`` through ``middle`` to ``late``.

The paper defines neither its parts nor any adaptive way: these definitions are ours.
"""

import torch
from torch import Generator, Tensor

from ecglab.diffusion.schedule import NoiseSchedule

THIRDS = ("early", "middle", "late")
SAMPLERS = ("all", *THIRDS, "snr", "widening", "moving")


def step_range(steps: int, name: str, *, progress: float = 0.0) -> range:
    """The steps that a uniform way draws from: of [0, steps), half-open, never empty.

    Args:
        steps: T, at least 3.
        name: ``all``, ``early``, ``middle``, ``late``, ``widening`` or ``moving``.
        progress: s, for the last two.

    Raises:
        ValueError: for fewer than three steps, an s outside [0, 1], or another name.

    >>> step_range(1000, "early"), step_range(1000, "moving", progress=0.5)
    (range(0, 333), range(333, 666))
    """
    if steps < 3:
        raise ValueError(f"thirds need at least three steps, not {steps}")
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must lie in [0, 1], not {progress}")
    if name == "all":
        return range(steps)
    if name in THIRDS:
        k = THIRDS.index(name)
        return range(k * steps // 3, (k + 1) * steps // 3)
    if name in ("widening", "moving"):
        start = 2 * progress * steps / 3 if name == "moving" else 0
        return range(int(start), int((1 + 2 * progress) * steps / 3))
    raise ValueError(f"no range of steps is called {name!r}; choose one of {SAMPLERS}")


def snr_probabilities(
    schedule: NoiseSchedule, *, gamma: float = 5.0, data_variance: float = 1.0
) -> Tensor:
    """``p(t) = min(SNR(t), gamma) / sum_s min(SNR(s), gamma)``, (T,), float64.

    Args:
        schedule: the forward process.
        gamma: the cap, above 0; 5 in the source.
        data_variance: of what is noised, above 0; the ratio is in proportion to it.

    Raises:
        ValueError: for a gamma or a variance that is not above 0.
    """
    if not (gamma > 0 and data_variance > 0):
        raise ValueError(f"gamma ({gamma}) and data_variance ({data_variance}) must be above 0")
    weights = schedule.snr(data_variance=data_variance).double().clamp(max=gamma)
    return weights / weights.sum()


def step_probabilities(schedule: NoiseSchedule, name: str, *, progress: float = 0.0) -> Tensor:
    """p(t) for every step, (T,), float64, on the schedule's device; see the module for the names.

    Args:
        schedule: the forward process.
        name: one of ``SAMPLERS``.
        progress: s, the share of training that is done; the curricula look at it.

    Raises:
        ValueError: for an unknown name, or a progress outside [0, 1].
    """
    if name == "snr":
        return snr_probabilities(schedule)
    steps = step_range(len(schedule), name, progress=progress)
    p = torch.zeros(len(schedule), dtype=torch.float64, device=schedule.betas.device)
    p[steps.start : steps.stop] = 1 / len(steps)
    return p


def draw_steps(probabilities: Tensor, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Independent steps t with the given probabilities, integers of the given shape.

    ``draw_steps(p, (batch, views), generator)`` is a step for each of K views of each sample. They
    are drawn on the generator's device and returned on that of the probabilities.
    """
    n = torch.Size(shape).numel()
    p = probabilities.to(generator.device)
    t = torch.multinomial(p, n, replacement=True, generator=generator)
    return t.to(probabilities.device).view(shape)
