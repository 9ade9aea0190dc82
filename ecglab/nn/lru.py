"""The Linear Recurrent Unit: a recurrent layer that is linear in time (Orvieto et al. 2023).

``h_k = lambda * h_{k-1} + gamma * (B x_k)``, ``y_k = Re(C h_k) + D * x_k``

The paper, and the poster, write u_k for our input x_k and x_k for our state h_k.

Every state is an oscillator: lambda's phase is its frequency, lambda's modulus its damping. At
``fs`` samples a second a state rings at ``phase fs / (2 pi)`` Hz and forgets by a factor e in
``-1 / (fs log |lambda|)`` s. The semantic diffusion autoencoder's encoder stacks such layers
"to capture oscillatory patterns" (Marcinkowski et al. 2025, section "Semantic Encoder").

Being linear, the recurrence needs no step-by-step loop: see ``ecglab.nn.recurrence``, with times.
"""

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecglab.nn.recurrence import recurrence


class LRU(nn.Module):
    """A diagonal complex linear recurrence between two linear maps.

    ``lambda = exp(-exp(nu_log) + i exp(theta_log))``, so that |lambda| < 1 whatever is learnt;
    ``gamma = exp(gamma_log)`` starts as ``sqrt(1 - |lambda|^2)``, which gives h the variance of
    B x for white noise (Orvieto et al. 2023, sections 3.3 and 3.4).

    Two directions have parameters of their own and meet in the sum ``y_k = Re(C [h_k; h'_k]) +
    D x_k``, where h' runs from the last step to the first. That is one linear map of both states,
    as in S5 (Smith et al. 2023): the width stays the same and no further layer mixes them. Own
    parameters, since a heartbeat read backwards is another shape.

    Args:
        width: channels in and out.
        state: complex states, of each direction.
        bidirectional: whether y_k depends on all x instead of on x_0 ... x_k.
        r_min, r_max: the ring in which lambda starts, uniformly by area.
        max_phase: largest phase of lambda at the start, in rad per step.
        form: of the recurrence, ``auto`` or a name that ``recurrence`` knows.

    Shapes: (batch, time, width) to the same. ``mask`` (batch, time) is True at real steps; the
    others count as zeros, so that no direction brings padding into a real step.

    Raises:
        ValueError: for an empty or impossible ring, a largest phase that is not positive, or a mask
            of another shape or dtype.

    >>> lru = LRU(4, 8, r_min=0.9, r_max=0.99)
    >>> lru(torch.randn(2, 100, 4)).shape, lru.eigenvalues().shape
    (torch.Size([2, 100, 4]), torch.Size([1, 8]))
    >>> bool((lru.eigenvalues().abs() <= 0.99 + 1e-6).all())
    True
    """

    def __init__(
        self,
        width: int,
        state: int,
        *,
        bidirectional: bool = False,
        r_min: float = 0.9,
        r_max: float = 0.999,
        max_phase: float = 2 * math.pi,
        form: str = "auto",
    ) -> None:
        super().__init__()
        if not 0 <= r_min < r_max < 1:
            raise ValueError(f"the ring needs 0 <= r_min < r_max < 1, not {r_min} and {r_max}")
        if not max_phase > 0:  # its logarithm is what is learnt
            raise ValueError(f"the largest phase is positive, not {max_phase}")
        self.width, self.state, self.form = width, state, form
        self.directions = 1 + bidirectional
        shape = (self.directions, state)
        # 1 - rand lies in (0, 1]: both logarithms stay finite.
        area = (1 - torch.rand(shape)) * (r_max**2 - r_min**2) + r_min**2  # |lambda|^2
        self.nu_log = nn.Parameter(torch.log(-0.5 * torch.log(area)))  # log nu, nu of Lemma 3.2
        self.theta_log = nn.Parameter(torch.log(max_phase * (1 - torch.rand(shape))))  # log theta
        self.gamma_log = nn.Parameter(0.5 * torch.log1p(-area))  # log sqrt(1 - |lambda|^2)
        # Real and imaginary parts lie side by side, as in memory: a view makes them complex.
        self.B = nn.Parameter(torch.randn(*shape, 2, width) / math.sqrt(2 * width))
        self.C = nn.Parameter(
            torch.randn(self.directions, width, state, 2) / math.sqrt(self.directions * state)
        )
        self.D = nn.Parameter(torch.randn(width))

    def eigenvalues(self) -> Tensor:
        """``lambda = exp(-exp(nu_log) + i exp(theta_log))``, complex (directions, state)."""
        return torch.polar(torch.exp(-torch.exp(self.nu_log)), torch.exp(self.theta_log))

    def recurrent_parameters(self) -> list[nn.Parameter]:
        """Those of lambda, gamma and B: half the learning rate, no weight decay (see below)."""
        return [self.nu_log, self.theta_log, self.gamma_log, self.B]

    def _drive(self, x: Tensor, direction: int) -> Tensor:
        """``gamma * (B x)``: the last axis becomes ``state`` complex numbers."""
        gamma = torch.exp(self.gamma_log[direction])[:, None, None]
        u = F.linear(x, (gamma * self.B[direction]).flatten(0, 1))
        # Under autocast the map runs in half precision; the recurrence always in single or more.
        u = u.to(self.B.dtype)
        return torch.view_as_complex(u.unflatten(-1, (self.state, 2)))

    def _read(self, h: Tensor, direction: int) -> Tensor:
        """``Re(C h) = Re C Re h - Im C Im h``: a real map of the parts side by side."""
        real, imaginary = self.C[direction].unbind(-1)
        weight = torch.stack([real, -imaginary], dim=-1).flatten(1)
        return F.linear(torch.view_as_real(h).flatten(-2), weight)

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        if mask is not None:
            check_mask(mask, x)
            x = x.masked_fill(~mask[..., None], 0)
        y = self.D * x  # x_k: the paper's u_k
        for direction, lambda_ in enumerate(self.eigenvalues()):
            u = self._drive(x, direction)  # gamma B x_k
            h = recurrence(lambda_, u, form=self.form, reverse=direction == 1)  # the paper's x_k
            y = y + self._read(h, direction)  # Re(C h_k)
        return y

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One sample, as it arrives: x (batch, width) to y (batch, width) and the new state.

        Args:
            x: x_k.
            state: h_{k-1}, complex (batch, state); None before the first sample.

        Raises:
            ValueError: for a bidirectional layer, which needs the future.

        >>> lru, x, state = LRU(4, 8), torch.randn(2, 5, 4), None
        >>> for x_k in x.unbind(dim=1):
        ...     y_k, state = lru.step(x_k, state)
        >>> torch.allclose(y_k, lru(x)[:, -1], atol=1e-5)  # step by step as all at once
        True
        """
        if self.directions == 2:
            raise ValueError("a bidirectional LRU cannot stream: it also reads the future")
        h = self._drive(x, 0)
        if state is not None:
            h = h + self.eigenvalues()[0] * state  # h_k = lambda h_{k-1} + gamma B x_k
        return self.D * x + self._read(h, 0), h


class LRUBlock(nn.Module):
    """``x + dropout(GLU(dropout(GELU(LRU(LayerNorm(x))))))``, with ``GLU(a) = W a * sigma(V a)``.

    The norm is each time step's own, so that neither padding nor the future enters it.

    Args:
        width: channels in and out.
        state: complex states, of each direction.
        dropout: probability.
        lru: further arguments of ``LRU``.

    Shapes: (batch, time, width) to the same; ``mask`` as in ``LRU``. What comes out at padding
    has no meaning.
    """

    def __init__(self, width: int, state: int, *, dropout: float = 0.1, **lru: Any) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.lru = LRU(width, state, **lru)
        self.gate = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        h = self.dropout(F.gelu(self.lru(self.norm(x), mask=mask)))
        return x + cast(Tensor, self.dropout(F.glu(self.gate(h), dim=-1)))


def parameter_groups(
    module: nn.Module, *, lr: float, weight_decay: float = 0.0, factor: float = 0.5
) -> list[dict[str, Any]]:
    """Optimiser groups: all parameters of a model, with those inside its recurrences apart.

    Lambda, gamma and B move by ``factor * lr`` and do not decay: a small change of lambda is a
    large change of lambda^1000, and decay would pull its logarithms towards a fixed damping and
    frequency. C and D are ordinary parameters (Orvieto et al. 2023, appendix on optimisation).

    Returns:
        The ordinary group, then the recurrent one where there is any, for ``torch.optim.AdamW``.

    >>> [group["lr"] for group in parameter_groups(LRUBlock(8, 4), lr=1e-3)]
    [0.001, 0.0005]
    """
    slow = {id(p) for lru in _lrus(module) for p in lru.recurrent_parameters()}
    everything = list(module.parameters())
    groups = [
        {
            "params": [p for p in everything if id(p) not in slow],
            "lr": lr,
            "weight_decay": weight_decay,
        },
        {
            "params": [p for p in everything if id(p) in slow],
            "lr": factor * lr,
            "weight_decay": 0.0,
        },
    ]
    return [group for group in groups if group["params"]]


def _lrus(module: nn.Module) -> Iterator[LRU]:
    return (m for m in module.modules() if isinstance(m, LRU))


def check_mask(mask: Tensor, x: Tensor) -> None:
    """Raise ValueError unless mask is boolean (batch, time), for x (batch, time, ...)."""
    if mask.dtype != torch.bool or mask.shape != x.shape[:2]:
        raise ValueError(
            f"the mask must be boolean {tuple(x.shape[:2])}, not {mask.dtype} {tuple(mask.shape)}"
        )
