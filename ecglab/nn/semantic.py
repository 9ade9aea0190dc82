"""The semantic encoder: a trace of any length to one vector that says what it is.

A strided stem shortens the trace, bidirectional LRU blocks read its oscillations, and the Attention
Reducer weighs all steps into one vector (Marcinkowski et al. 2025, Fig. 1). The poster gives no
depth and no widths; the defaults are ours. Its two claims can be tested by leaving one part out:
``body="cnn"`` puts convolutions in the recurrences' place, ``reducer`` another pooling.
"""

from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from ecglab.nn.lru import LRUBlock, check_mask
from ecglab.nn.reducer import AttentionReducer, PoolingReducer

Body = Literal["lru", "cnn"]


@dataclass(frozen=True, kw_only=True)
class SemanticEncoderConfig:
    """Sizes of a semantic encoder.

    Attributes:
        width: channels throughout, and numbers in the result.
        state: complex states of each LRU and direction.
        blocks: number of blocks.
        strides: of the stem's convolutions; their product is how many samples make a step.
        dropout: within the blocks.
        body: ``lru``, or ``cnn``: dilated convolutions, of about as many weights as LRUs of as many
            states as channels.
        reducer: ``attention``, or plain ``mean``, ``max`` or ``last``.

    Raises:
        ValueError: for an unknown body, no strides, or one below 1, and for a width that the stem
            cannot halve from convolution to convolution.
    """

    width: int = 128
    state: int = 128
    blocks: int = 6
    strides: tuple[int, ...] = (2, 2)
    dropout: float = 0.1
    body: Body = "lru"
    reducer: Literal["attention", "mean", "max", "last"] = "attention"

    def __post_init__(self) -> None:
        if self.body not in get_args(Body):
            raise ValueError(f"the body is one of {get_args(Body)}, not {self.body!r}")
        if not self.strides or min(self.strides) < 1:
            raise ValueError(f"a stem has strides of 1 or more, not {self.strides}")
        if self.width % 2 ** (len(self.strides) - 1):
            raise ValueError(f"a width of {self.width} cannot be halved for each of {self.strides}")

    @property
    def stride(self) -> int:
        """Samples per step."""
        product = 1
        for stride in self.strides:
            product *= stride
        return product


class ConvBlock(nn.Module):
    """An ``LRUBlock`` with a dilated convolution of 9 taps in the LRU's place.

    Block i has dilation 2^i. Shapes and ``mask`` as in ``LRUBlock``.
    """

    def __init__(self, width: int, *, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 9, padding=4 * dilation, dilation=dilation)
        self.gate = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        h = self.norm(x)
        if mask is not None:
            h = h.masked_fill(~mask[..., None], 0)
        h = self.dropout(F.gelu(self.conv(h.mT).mT))
        return x + cast(Tensor, self.dropout(F.glu(self.gate(h), dim=-1)))


class SemanticEncoder(nn.Module):
    """``z = reduce(norm(blocks(stem(x))))``.

    Shapes: x (batch, 1, samples) of any length to z (batch, width). ``mask`` (batch, samples) is
    True at real samples; what else is in the batch has no influence.

    >>> import torch
    >>> encoder = SemanticEncoder(SemanticEncoderConfig(width=16, state=8, blocks=1))
    >>> encoder(torch.randn(2, 1, 500)).shape
    torch.Size([2, 16])
    """

    def __init__(self, config: SemanticEncoderConfig) -> None:
        super().__init__()
        self.config = config
        n, width = len(config.strides), config.width
        widths = [1, *(width // 2 ** (n - 1 - i) for i in range(n))]
        self.stem = nn.ModuleList(
            nn.Conv1d(a, b, 2 * stride + 5, stride=stride, padding=stride + 2)
            for a, b, stride in zip(widths[:-1], widths[1:], config.strides, strict=True)
        )
        self.blocks = nn.ModuleList(
            LRUBlock(width, config.state, dropout=config.dropout, bidirectional=True)
            if config.body == "lru"
            else ConvBlock(width, dilation=2**i, dropout=config.dropout)
            for i in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.reduce = (
            AttentionReducer(width)
            if config.reducer == "attention"
            else PoolingReducer(width, pool=config.reducer)
        )

    def sequence(self, x: Tensor, *, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """What the reducer reads, (batch, steps, width), and the mask at its steps.

        Step k stands at sample ``k * config.stride``.

        Raises:
            ValueError: for an x of another shape, or without samples; for a mask of another shape.
        """
        if x.ndim != 3 or x.shape[1] != 1 or x.shape[2] == 0:
            raise ValueError(f"an encoder takes (batch, 1, samples), not {tuple(x.shape)}")
        if mask is not None:
            check_mask(mask, x.mT)
            x = x.masked_fill(~mask[:, None], 0)
        for conv, stride in zip(self.stem, self.config.strides, strict=True):
            x = F.gelu(conv(x))
            if mask is not None:  # what a convolution makes of padding must not come back
                mask = mask[:, ::stride]
                x = x.masked_fill(~mask[:, None], 0)
        h = x.mT
        for block in self.blocks:
            h = block(h, mask=mask)
        return self.norm(h), mask

    def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        h, mask = self.sequence(x, mask=mask)
        return cast(Tensor, self.reduce(h, mask=mask))
