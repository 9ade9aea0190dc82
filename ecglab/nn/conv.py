"""Convolutions and changes of resolution, written once for signals (1-D) and images (2-D).

``ndim`` is the number of positional axes: 1 for ``(batch, channel, time)``, 2 for
``(batch, channel, height, width)``.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolution(
    ndim: int, channels: int, out_channels: int, kernel: int, *, bias: bool = True
) -> nn.Conv1d | nn.Conv2d:
    """A convolution of stride 1 that keeps the size: padding (kernel - 1) / 2, kernel odd."""
    conv = nn.Conv1d if ndim == 1 else nn.Conv2d
    return conv(channels, out_channels, kernel, padding=kernel // 2, bias=bias)


class WeightStandardizedConv(nn.Module):
    """A size-keeping convolution whose kernels have zero mean and unit variance.

    ``W' = (W - mean(W)) / sqrt(var(W) + eps)``, both over each output channel's own kernel.
    Together with GroupNorm it trains as steadily at small batches as BatchNorm at large ones
    (Qiao et al. 2019, arXiv:1903.10520).

    Shapes: ``(batch, channels, *position)`` to ``(batch, out_channels, *position)``.
    """

    def __init__(self, ndim: int, channels: int, out_channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = convolution(ndim, channels, out_channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        # 1e-5 vanishes in half precision's 8 bits of mantissa, hence float32 throughout.
        var, mean = torch.var_mean(weight.float().flatten(1), dim=1, correction=0)
        shape = (-1,) + (1,) * (weight.ndim - 1)
        standard = (weight - mean.view(shape)) * torch.rsqrt(var.view(shape) + 1e-5)
        return cast(Tensor, self.conv._conv_forward(x, standard.to(weight.dtype), self.conv.bias))


class PixelUnshuffleDown(nn.Module):
    """Halve the resolution without losing a sample: neighbours become channels, then a 1x1 mix.

    Shapes: ``(batch, channels, n)`` to ``(batch, out_channels, n / 2)``; images in both axes.
    """

    def __init__(self, ndim: int, channels: int, out_channels: int) -> None:
        super().__init__()
        self.ndim = ndim
        self.mix = convolution(ndim, channels * 2**ndim, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.ndim == 2:
            return cast(Tensor, self.mix(F.pixel_unshuffle(x, 2)))
        batch, channels, n = x.shape
        pairs = x.reshape(batch, channels, n // 2, 2).transpose(2, 3)
        return cast(Tensor, self.mix(pairs.reshape(batch, channels * 2, n // 2)))


class NearestUp(nn.Module):
    """Double the resolution: nearest-neighbour upsampling, then a 3-convolution.

    Shapes: ``(batch, channels, n)`` to ``(batch, out_channels, 2 n)``; images in both axes.
    """

    def __init__(self, ndim: int, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = convolution(ndim, channels, out_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest")))
