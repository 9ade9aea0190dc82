"""Self-attention over the positions of a signal or an image: time steps or pixels.

The released code of DiffECG applies its 1-D linear attention across heads instead of over time;
here both forms attend over positions, whatever the number of positional axes.
"""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class _MultiHead(nn.Module):
    """Pre-norm, queries, keys and values by one 1x1 map, output map, residual connection."""

    def __init__(self, channels: int, *, heads: int = 4, head_width: int = 32) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, channels)
        self.qkv = nn.Conv1d(channels, 3 * heads * head_width, 1, bias=False)
        self.out = nn.Conv1d(heads * head_width, channels, 1)

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """From three tensors (batch, heads, head width, positions) to one of the same shape."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        h = self.qkv(self.norm(x).flatten(2))
        q, k, v = h.unflatten(1, (3, self.heads, -1)).unbind(1)
        h = self.out(self.mix(q, k, v).flatten(1, 2))
        return x + cast(Tensor, h).view_as(x)


class Attention(_MultiHead):
    """Softmax attention: ``y_i = sum_j softmax_j(q_i . k_j / sqrt(d)) v_j``; O(positions^2).

    Shapes: ``(batch, channels, *position)`` to the same (Vaswani et al. 2017, eq. 1).
    """

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from every position to every other."""
        q, k, v = (a.transpose(2, 3) for a in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v).transpose(2, 3)  # Vaswani et al., eq. 1


class LinearAttention(_MultiHead):
    """Attention in O(positions): ``y_i = softmax_c(q_i)^T / sqrt(d) . sum_j softmax_j(k_j) v_j^T``.

    The keys' softmax runs over positions, the queries' over channels, so that the d x d context
    ``K V^T`` is computed once for all positions (Shen et al. 2021, "Efficient attention", eq. 4).

    Shapes: ``(batch, channels, *position)`` to the same.
    """

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Summarise all positions in one context per head, then read it at each position."""
        q = q.softmax(dim=2) * q.shape[2] ** -0.5  # rho_q of Shen et al., eq. 4, and 1 / sqrt(d)
        k = k.softmax(dim=3)  # rho_k
        context = k @ v.transpose(2, 3)
        return context.transpose(2, 3) @ q
