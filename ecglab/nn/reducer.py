"""From a sequence of any length to one vector of fixed size.

``AttentionReducer`` is the semantic diffusion autoencoder's (Marcinkowski et al. 2025, section
"Attention Reducer"). ``PoolingReducer`` is the plain alternative to hold it against: the same
linear map of the values, then the mean, the maximum or the last step.

Both take (batch, time, channels), as the LRU gives it, to (batch, channels). ``mask`` (batch,
time) is True at real steps; the others have no influence, not even NaNs.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from ecglab.nn.lru import check_mask


class AttentionReducer(nn.Module):
    """Every channel's own weighted mean over time, by weights read off the sequence itself.

    ``A = W_a X``, ``V = W_v X``, ``S_ct = exp(A_ct) / sum_k exp(A_ck)``, ``z_c = sum_t S_ct V_ct``

    The poster's denominator reads ``sum_k exp(A_it)``; its t must be a k. There are no queries,
    as self-attention has them: the cost is linear in time, and each channel looks where it likes.

    Args:
        channels: C, of the input and of the result.

    Shapes: (batch, time, channels) to (batch, channels); ``mask`` (batch, time).

    Raises:
        ValueError: for a mask of another shape or dtype, or a sequence without a real step.

    >>> reducer, x = AttentionReducer(4), torch.randn(2, 50, 4)
    >>> z, s, v = reducer.explain(x)
    >>> z.shape, torch.allclose(s.sum(dim=1), torch.ones(2, 4))
    (torch.Size([2, 4]), True)
    >>> _ = nn.init.zeros_(reducer.attention.weight)  # W_a = 0: every step weighs alike
    >>> torch.allclose(reducer(x), v.mean(dim=1), atol=1e-6)
    True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Linear(channels, channels, bias=False)  # W_a
        self.value = nn.Linear(channels, channels, bias=False)  # W_v

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        return self.explain(x, mask=mask)[0]

    def explain(self, x: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """z (batch, channels), and the S and V that make it, each (batch, time, channels).

        S sums to one over time; both are zero at padding.
        """
        real = _real(x, mask)
        x = x.masked_fill(~real, 0)  # before the maps: weights of zero would not remove a NaN
        # A = W_a X and V = W_v X.
        # Autocast's half-precision maps are summed over time in full precision.
        a, v = (linear(x).to(linear.weight.dtype) for linear in (self.attention, self.value))
        s = a.masked_fill(~real, -torch.inf).softmax(dim=1)  # exp(A_ct) / sum_k exp(A_ck)
        return (s * v).sum(dim=1), s, v  # z_c = sum_t S_ct V_ct


class PoolingReducer(nn.Module):
    """``V = W_v X``, then the mean, the maximum or the last of V_ct over time t, per channel.

    Args:
        channels: C, of the input and of the result.
        pool: ``mean``, ``max`` or ``last``.

    Shapes and errors: as for ``AttentionReducer``; ValueError for another pool.
    """

    def __init__(self, channels: int, *, pool: Literal["mean", "max", "last"]) -> None:
        super().__init__()
        if pool not in ("mean", "max", "last"):
            raise ValueError(f"unknown pool {pool!r}: choose mean, max or last")
        self.pool = pool
        self.value = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        real = _real(x, mask)
        v = self.value(x.masked_fill(~real, 0)).to(self.value.weight.dtype)  # zero at padding
        if self.pool == "mean":
            return v.sum(dim=1) / real.sum(dim=1)
        if self.pool == "max":
            return v.masked_fill(~real, -torch.inf).amax(dim=1)
        steps = torch.arange(x.shape[1], device=x.device)[:, None]
        last = torch.where(real, steps, -1).amax(dim=1, keepdim=True)
        return v.take_along_dim(last, dim=1).squeeze(1)


def _real(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mask as (batch, time, 1), checked; all True where there is none."""
    if mask is None:
        mask = x.new_ones(x.shape[:2], dtype=torch.bool)
        if x.shape[1]:  # nothing to check: a GPU need not be waited for
            return mask[..., None]
    check_mask(mask, x)
    empty = (~mask.any(dim=1)).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"nothing to reduce: no real step in sequences {empty} of the batch")
    return mask[..., None]
