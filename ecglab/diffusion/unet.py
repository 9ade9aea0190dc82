"""The denoising U-Net, for signals and for images, and its contracting path alone.

Shapes follow the released code of DiffECG (a plain DDPM U-Net): two residual blocks and linear
attention per level, pixel-unshuffle down-sampling, and a bottleneck of two residual blocks around
softmax attention. The feature extractor of DiffECG (its Fig. 4b) is ``encode``: the contracting
path and the bottleneck, without ever touching the decoder.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecglab.nn import (
    Attention,
    LinearAttention,
    NearestUp,
    PixelUnshuffleDown,
    SinusoidalEmbedding,
    WeightStandardizedConv,
    convolution,
)


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """Sizes of a U-Net.

    Attributes:
        ndim: 1 for signals (batch, channel, time), 2 for images (batch, channel, height, width).
        channels: channels in and out.
        dim: width of the first level.
        multipliers: width of each level as a multiple of ``dim``; one level each.
        groups: groups of each GroupNorm; must divide every width.
        heads: attention heads, at every level.
        head_width: channels of each head.
        dropout: in each residual block.
        code: width of a vector that every residual block is conditioned on beside the step, as in
            a diffusion autoencoder; 0 for none.
        level_blocks: which levels of the contracting path have residual blocks; None: all.
        level_attention: which of them have attention; None: all.
        middle_blocks: residual blocks of the bottleneck, 0 to 2.
        middle_attention: whether the bottleneck has attention.

    The last four leave parts out, as an architecture search may (``extractor.py``); what is left
    out passes its input on. The expanding path is always whole: denoising needs it.

    Raises:
        ValueError: for another ``ndim``, no levels, a ``dim`` that the groups do not divide, an
            impossible number of middle blocks, or choices for another number of levels.

    >>> config = UNetConfig(dim=48, multipliers=(1, 2, 2))  # DiffECG's, for the raw signal
    >>> config.features, 2500 // config.stride
    (96, 625)
    """

    ndim: int = 1
    channels: int = 1
    dim: int = 48
    multipliers: tuple[int, ...] = (1, 2, 2)
    groups: int = 8
    heads: int = 4
    head_width: int = 32
    dropout: float = 0.0
    code: int = 0
    level_blocks: tuple[bool, ...] | None = None
    level_attention: tuple[bool, ...] | None = None
    middle_blocks: int = 2
    middle_attention: bool = True

    def __post_init__(self) -> None:
        if self.ndim not in (1, 2):
            raise ValueError(f"ndim must be 1 or 2, not {self.ndim}")
        if not self.multipliers:
            raise ValueError("a U-Net needs at least one level")
        if self.dim % self.groups:
            raise ValueError(f"dim {self.dim} is not divisible by {self.groups} groups")
        if self.middle_blocks not in (0, 1, 2):
            raise ValueError(f"a bottleneck has 0, 1 or 2 blocks, not {self.middle_blocks}")
        for kept in (self.level_blocks, self.level_attention):
            if kept is not None and len(kept) != len(self.multipliers):
                raise ValueError(f"{len(kept)} choices for {len(self.multipliers)} levels")

    @property
    def stride(self) -> int:
        """Input sizes must be multiples of this: each level but the last halves the resolution."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def attention(self) -> dict[str, int]:
        """The sizes that every attention block shares."""
        return {"heads": self.heads, "head_width": self.head_width}

    @property
    def features(self) -> int:
        """Channels of the bottleneck."""
        return self.dim * self.multipliers[-1]


class Features(NamedTuple):
    """What ``UNet.encode`` sees: each level's output (finest first) and the bottleneck's."""

    levels: list[Tensor]
    bottleneck: Tensor


class ResBlock(nn.Module):
    """Two convolutions, the step's scale and shift between them, and a residual connection.

    ``h = SiLU(GN(conv(x)) (1 + s_t) + b_t)``, ``y = skip(x) + dropout(SiLU(GN(conv(h))))``.

    A code z scales what goes into the first SiLU once more, by ``1 + s_z`` (Preechakul et al. 2022,
    eq. 7), where the network takes one.

    Shapes: x (batch, channels, *position), time (batch, 4 dim), code (batch, ``config.code``).
    """

    def __init__(self, config: UNetConfig, channels: int, out_channels: int) -> None:
        super().__init__()
        n = config.ndim
        self.conv1 = WeightStandardizedConv(n, channels, out_channels)
        self.norm1 = nn.GroupNorm(config.groups, out_channels)
        self.step = nn.Linear(4 * config.dim, 2 * out_channels)
        self.scale = nn.Linear(config.code, out_channels) if config.code else None
        self.conv2 = WeightStandardizedConv(n, out_channels, out_channels)
        self.norm2 = nn.GroupNorm(config.groups, out_channels)
        self.dropout = nn.Dropout(config.dropout)
        same = channels == out_channels
        self.skip = nn.Identity() if same else convolution(n, channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor, code: Tensor | None = None) -> Tensor:
        scale, shift = self.step(F.silu(time)).chunk(2, dim=1)
        shape = (*scale.shape, *(1,) * (x.ndim - 2))
        h = self.norm1(self.conv1(x)) * (1 + scale.view(shape)) + shift.view(shape)  # t_s, t_b
        if self.scale is not None:
            h = h * (1 + self.scale(code).view(shape))  # z_s; eq. 7: z_s (t_s GN(h) + t_b)
        h = F.silu(self.norm2(self.conv2(F.silu(h))))
        return cast(Tensor, self.skip(x)) + self.dropout(h)


class LeftOut(nn.Module):
    """In the place of a part that a configuration leaves out: passes its input on."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        return x


class Down(nn.Module):
    """One level of the contracting path; returns the skip connections and the next resolution."""

    def __init__(
        self,
        config: UNetConfig,
        width: int,
        next_width: int,
        *,
        last: bool,
        blocks: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.block1 = ResBlock(config, width, width) if blocks else LeftOut()
        self.block2 = ResBlock(config, width, width) if blocks else LeftOut()
        self.attend = LinearAttention(width, **config.attention) if attention else LeftOut()
        change = convolution(config.ndim, width, next_width, 3)
        self.down = change if last else PixelUnshuffleDown(config.ndim, width, next_width)

    def forward(
        self, x: Tensor, time: Tensor, code: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        first = self.block1(x, time, code)
        second = self.attend(self.block2(first, time, code))
        return first, second, self.down(second)


class Up(nn.Module):
    """One level of the expanding path; takes back what the level's ``Down`` set aside."""

    def __init__(self, config: UNetConfig, width: int, next_width: int, *, last: bool) -> None:
        super().__init__()
        self.block1 = ResBlock(config, next_width + width, next_width)
        self.block2 = ResBlock(config, next_width + width, next_width)
        self.attend = LinearAttention(next_width, **config.attention)
        change = convolution(config.ndim, next_width, width, 3)
        self.up = change if last else NearestUp(config.ndim, next_width, width)

    def forward(
        self, x: Tensor, skips: tuple[Tensor, Tensor], time: Tensor, code: Tensor | None = None
    ) -> Tensor:
        first, second = skips
        x = self.block1(torch.cat([x, second], dim=1), time, code)
        x = self.block2(torch.cat([x, first], dim=1), time, code)
        return cast(Tensor, self.up(self.attend(x)))


class UNet(nn.Module):
    """A denoiser ``network(x_t, t)``, shaped as x_t, and a feature extractor ``encode(x_t, t)``.

    With DiffECG's sizes the bottleneck is 96 x 625 for a 1 x 2500 signal (dim 48, multipliers
    1, 2, 2) and 192 x 12 x 12 for a 48 x 48 Lorenz plot (dim 48, multipliers 1, 2, 4).

    >>> net = UNet(UNetConfig(dim=16, multipliers=(1, 2)))
    >>> xt, t = torch.randn(2, 1, 64), torch.tensor([10, 500])
    >>> net(xt, t).shape, net.encode(xt, t).bottleneck.shape
    (torch.Size([2, 1, 64]), torch.Size([2, 32, 32]))
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        n, dim = config.ndim, config.dim
        self.time = nn.Sequential(
            SinusoidalEmbedding(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, 4 * dim),
        )
        self.stem = convolution(n, config.channels, dim, 7)
        widths = [dim, *(dim * m for m in config.multipliers)]
        pairs = list(pairwise(widths))
        everywhere = (True,) * len(pairs)
        blocks, attention = config.level_blocks, config.level_attention
        kept = zip(pairs, blocks or everywhere, attention or everywhere, strict=True)
        self.down = nn.ModuleList(
            Down(config, a, b, last=i == len(pairs) - 1, blocks=with_blocks, attention=attends)
            for i, ((a, b), with_blocks, attends) in enumerate(kept)
        )
        middle, bottleneck = config.middle_blocks, widths[-1]
        self.mid1 = ResBlock(config, bottleneck, bottleneck) if middle > 0 else LeftOut()
        self.mid_attend = (
            Attention(bottleneck, **config.attention) if config.middle_attention else LeftOut()
        )
        self.mid2 = ResBlock(config, bottleneck, bottleneck) if middle > 1 else LeftOut()
        self.up = nn.ModuleList(
            Up(config, a, b, last=i == 0) for i, (a, b) in reversed(list(enumerate(pairs)))
        )
        self.final = ResBlock(config, 2 * dim, dim)
        self.out = convolution(n, dim, config.channels, 1)

    def _contract(
        self, xt: Tensor, t: Tensor, code: Tensor | None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor]:
        """The time vector, every level's skip connections, and the bottleneck."""
        stride = self.config.stride
        if any(size % stride for size in xt.shape[2:]):
            raise ValueError(
                f"an input of size {tuple(xt.shape[2:])} cannot be halved at every level: "
                f"crop or pad it to a multiple of {stride}"
            )
        width = 0 if code is None else code.shape[-1]
        if width != self.config.code:
            raise ValueError(f"a code of {width} numbers for a network of {self.config.code}")
        time = self.time(t)
        x, skips = self.stem(xt), []
        for level in self.down:
            first, second, x = level(x, time, code)
            skips.append((first, second))
        x = self.mid2(self.mid_attend(self.mid1(x, time, code)), time, code)
        return time, skips, x

    def encode(self, xt: Tensor, t: Tensor, code: Tensor | None = None) -> Features:
        """Features of noisy samples (batch, channels, *position) at steps t (batch,).

        The decoder is never computed. Raises ValueError where a size is not divisible by
        ``config.stride``, or a code is not of ``config.code`` numbers.
        """
        _, skips, bottleneck = self._contract(xt, t, code)
        return Features(levels=[second for _, second in skips], bottleneck=bottleneck)

    def forward(self, xt: Tensor, t: Tensor, code: Tensor | None = None) -> Tensor:
        time, skips, x = self._contract(xt, t, code)
        for level, skip in zip(self.up, reversed(skips), strict=True):
            x = level(x, skip, time, code)
        # The stem's output skips over everything; recomputing a 7-tap convolution is cheaper
        # than holding it through the whole pass.
        return cast(Tensor, self.out(self.final(torch.cat([x, self.stem(xt)], dim=1), time, code)))
