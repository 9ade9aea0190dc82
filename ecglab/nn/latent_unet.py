"""The U-Net-style encoder of latent vectors: a noisy latent and its step in, an embedding out.

DACL (Zewail 2025) has "a U-Net style encoder" on the latent vectors of its VAE and says no more.
Our choice: a U-Net whose convolutions have become linear layers. A latent vector has no neighbours
and no resolution that could be halved, so "levels" are widths alone: out over 32, 64 and 128
units as a U-Net's channels go, back over the same, and each level of the way back also reads what
its partner on the way out gave. The step enters every block as in a denoising U-Net (Ho et al.
2020). The widths, the block and the embedding's size are ours as well.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecglab.nn.embedding import SinusoidalEmbedding


@dataclass(frozen=True, kw_only=True)
class LatentUNetConfig:
    """Sizes of a latent U-Net.

    Attributes:
        latent: numbers in an input.
        widths: of the levels, outermost first.
        embedding: numbers in an output.
        time: width of the step's embedding; even.
        dropout: in each block.
    """

    latent: int = 64
    widths: tuple[int, ...] = (32, 64, 128)
    embedding: int = 128
    time: int = 128
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("a latent U-Net needs at least one level")
        if min(self.latent, self.embedding, *self.widths) < 1:
            raise ValueError(f"every width of a latent U-Net must be at least 1: {self}")


class LatentBlock(nn.Module):
    """Two linear layers, the step's scale and shift between them, and a residual connection.

    ``h = LN(W_1 x) (1 + s_t) + b_t``, ``y = skip(x) + W_2 dropout(SiLU(h))``.

    Shapes: x (batch, width) and time (batch, ``config.time``) to (batch, out_width).
    """

    def __init__(self, config: LatentUNetConfig, width: int, out_width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, out_width)
        self.norm = nn.LayerNorm(out_width)
        self.step = nn.Linear(config.time, 2 * out_width)
        self.dropout = nn.Dropout(config.dropout)
        self.linear2 = nn.Linear(out_width, out_width)
        same = width == out_width
        self.skip = nn.Identity() if same else nn.Linear(width, out_width, bias=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.step(F.silu(time)).chunk(2, dim=1)
        h = self.norm(self.linear1(x)) * (1 + scale) + shift
        return cast(Tensor, self.skip(x)) + cast(Tensor, self.linear2(self.dropout(F.silu(h))))


class LatentUNet(nn.Module):
    """Noisy latents z_t and their steps t to embeddings.

    With widths 32, 64, 128: out 32, 64, 128; at the bottom 128; back 128, 64, 32, where each
    block reads its predecessor beside the output of the same width on the way out; then a linear
    layer. The embedding is not normalised: ``TripletLoss`` does that.

    Shapes: z_t (batch, latent), integer t (batch,) to (batch, embedding).

    Raises:
        ValueError: for a z_t or a t of another shape.

    >>> unet = LatentUNet(LatentUNetConfig(latent=8, embedding=16))
    >>> unet(torch.randn(3, 8), torch.tensor([0, 10, 999])).shape
    torch.Size([3, 16])
    """

    def __init__(self, config: LatentUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.time = nn.Sequential(
            SinusoidalEmbedding(config.time),
            nn.Linear(config.time, config.time),
            nn.SiLU(),
            nn.Linear(config.time, config.time),
        )
        self.down = nn.ModuleList(
            LatentBlock(config, a, b)
            for a, b in zip((config.latent, *widths[:-1]), widths, strict=True)
        )
        self.middle = LatentBlock(config, widths[-1], widths[-1])
        back = widths[::-1]
        self.up = nn.ModuleList(
            LatentBlock(config, a + b, b) for a, b in zip((back[0], *back[:-1]), back, strict=True)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(widths[0]), nn.SiLU(), nn.Linear(widths[0], config.embedding)
        )

    def forward(self, zt: Tensor, t: Tensor) -> Tensor:
        if zt.ndim != 2 or zt.shape[1] != self.config.latent:
            raise ValueError(
                f"latents must be (batch, {self.config.latent}), not {tuple(zt.shape)}"
            )
        if t.shape != zt.shape[:1]:
            raise ValueError(f"{len(zt)} latents need {len(zt)} steps t, not {tuple(t.shape)}")
        time = self.time(t)
        levels, h = [], zt
        for block in self.down:
            h = block(h, time)
            levels.append(h)
        h = self.middle(h, time)
        for block, level in zip(self.up, reversed(levels), strict=True):
            h = block(torch.cat([h, level], dim=1), time)
        return cast(Tensor, self.head(h))
