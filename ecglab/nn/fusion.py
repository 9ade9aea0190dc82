"""Cross-modal attention: one token per modality, weighed against each other for every window.

DiffECG (Zhou et al., IJCAI 2025), section 3.2 and Fig. 3b; the sizes follow the released code,
which the paper's "stacked ... weighted and fused by a cross-modal attention module" summarises.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from ecglab.nn.conv import convolution


class Token(nn.Module):
    """A feature map as one vector: convolution, BatchNorm, ReLU, max-pool, linear map.

    The pooling is adaptive, to 16 positions (of a signal) or 4 x 4 (of a picture), so that the
    classifier's size does not depend on the input's. The released pooling's size is not known.

    Shapes: (batch, channels, *position) to (batch, width).
    """

    def __init__(self, ndim: int, channels: int, *, hidden: int, width: int) -> None:
        super().__init__()
        norm = nn.BatchNorm1d if ndim == 1 else nn.BatchNorm2d
        self.conv = convolution(ndim, channels, hidden, 3)
        self.norm = norm(hidden)
        self.pool = nn.AdaptiveMaxPool1d(16) if ndim == 1 else nn.AdaptiveMaxPool2d(4)
        self.linear = nn.Linear(16 * hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.conv(x)))
        return cast(Tensor, self.linear(self.pool(h).flatten(1)))


class CrossModalClassifier(nn.Module):
    """Logits from the feature maps of several modalities.

    With the tokens Z = (z_1, ..., z_m) of m modalities, each of 512 numbers:
    ``A_h = softmax(Q_h K_h^T / sqrt(d))``, ``Z' = LayerNorm(Z + concat_h(A_h V_h) W)``,
    ``logits = W_2 dropout(ReLU(W_1 mean_i(z'_i)))``.

    A[i, j] says how much modality i takes from modality j; its mean over i is the weight of j.

    Args:
        channels: each modality's number of channels.
        ndim: each modality's number of position axes, 1 or 2.
        classes: number of logits.
        width: of a token.
        hidden: channels of a token's convolution.
        heads: attention heads.
        dropout: before the last layer.

    Shapes: {name: (batch, channels, *position)} to (batch, classes).

    >>> head = CrossModalClassifier({"signal": 96, "lorenz": 192}, {"signal": 1, "lorenz": 2}, 4)
    >>> maps = {"signal": torch.randn(3, 96, 625), "lorenz": torch.randn(3, 192, 12, 12)}
    >>> logits, weights = head.explain(maps)
    >>> logits.shape, weights.shape, torch.allclose(weights.sum(dim=1), torch.ones(3))
    (torch.Size([3, 4]), torch.Size([3, 2]), True)
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        ndim: Mapping[str, int],
        classes: int,
        *,
        width: int = 512,
        hidden: int = 32,
        heads: int = 8,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.tokens = nn.ModuleDict(
            {name: Token(ndim[name], c, hidden=hidden, width=width) for name, c in channels.items()}
        )
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Sequential(
            nn.Linear(width, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, classes)
        )

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.explain(features)[0]

    def explain(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Logits, and the weight of each modality (batch, m), which sums to one."""
        z = torch.stack([token(features[name]) for name, token in self.tokens.items()], dim=1)
        mixed, attention = self.attend(z, z, z)  # concat_h(A_h V_h) W, and A averaged over heads
        return self.classify(self.norm(z + mixed).mean(dim=1)), attention.mean(dim=1)
