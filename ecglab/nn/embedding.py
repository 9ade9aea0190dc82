"""The noise step t as a vector."""

import math

import torch
from torch import Tensor, nn


class SinusoidalEmbedding(nn.Module):
    """Step t as ``[sin(t w_0), ..., cos(t w_0), ...]`` with ``w_k = period ** (-k / (d/2 - 1))``.

    Shapes: ``t`` (batch,) to (batch, d); d even, at least 4 (Ho et al. 2020; Vaswani et al. 2017).

    >>> SinusoidalEmbedding(8)(torch.tensor([0])).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]]
    """

    frequencies: Tensor

    def __init__(self, dim: int, *, period: float = 10_000.0) -> None:
        super().__init__()
        if dim < 4 or dim % 2:
            raise ValueError(f"an embedding's width must be even and at least 4, not {dim}")
        k = torch.arange(dim // 2, dtype=torch.float64)
        frequencies = torch.exp(-math.log(period) * k / (dim // 2 - 1))  # w_k
        self.register_buffer("frequencies", frequencies.float(), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        angles = t.float()[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)
