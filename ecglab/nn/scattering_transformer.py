"""The Scattering Transformer: a transformer layer with nothing to train, on scattering frames.

A frame of scattering coefficients is a token. Queries, keys and values are the tokens themselves,
so that a frame attends to the frames that look like it.

What we know of the paper leaves open the scale of tokens and positions, the number of layers and
the pooling. Here: log-compressed coefficients as they are; sinusoids over all of them (Vaswani et
al. 2017), of amplitude 0.1; one layer; mean and standard deviation over the frames. Amplitude 1 is
as large as what differs between frames, and hides it: a linear probe for atrial fibrillation on 473
records of CinC 2017 lost 0.03 of its AUROC by it. We chose 0.1 by that score, so that these records
are no fair test of it.

Look at a map before trusting it: with Q = K the score of two frames grows with their size, so the
loudest frame, often an artefact or a beat cut at the window's end, draws much of the weight.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ecglab.nn.embedding import SinusoidalEmbedding

POSITIONS = 0.1  # amplitude of the sinusoids


def add_positions(frames: Tensor, *, amplitude: float = POSITIONS) -> Tensor:
    """Tokens that know where they stand: X = S + a P, P the sinusoids of the frame's number.

    Args:
        frames: S, shape (batch, frames, d), d at least 3.
        amplitude: a; 0 for no positions, 1 as in Vaswani et al.

    Returns:
        X, the same shape. An odd d takes the sinusoids of d + 1 without the last.

    Raises:
        ValueError: another shape; NaN or infinite values.
    """
    if frames.ndim != 3:
        raise ValueError(f"frames must have shape (batch, frames, d), not {tuple(frames.shape)}")
    if not bool(frames.isfinite().all()):
        raise ValueError("frames have NaN or infinite values")
    n, d = frames.shape[1:]
    positions = SinusoidalEmbedding(d + d % 2)(torch.arange(n))[:, :d]
    return frames + amplitude * positions.to(frames)  # X = S + a P


def attention_map(tokens: Tensor) -> Tensor:
    """How much each frame looks at each other: A = softmax(X Xᵀ / √d), over the columns.

    Args:
        tokens: X, shape (batch, frames, d).

    Returns:
        A, shape (batch, frames, frames); row i sums to 1.

    Source: Zewail, arXiv 2509.18424; Vaswani et al. 2017, Eq. 1, with Q = K = V = X.

    >>> attention_map(torch.ones(1, 4, 8))[0, 0]  # frames that are alike share evenly
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    scores = tokens @ tokens.transpose(1, 2) / tokens.shape[2] ** 0.5
    return scores.softmax(dim=2)  # A: Vaswani et al. 2017, eq. 1, without its V


def contextualise(frames: Tensor, *, amplitude: float = POSITIONS) -> Tensor:
    """One transformer layer without parameters: Y = LayerNorm(X + A X), X = S + a P.

    LayerNorm takes each token's mean off and divides by its standard deviation, without a gain.

    Args:
        frames: S, shape (batch, frames, d).
        amplitude: a, of the positions.

    Returns:
        Y, the same shape.

    Raises:
        ValueError: as ``add_positions``.

    Source: Zewail, arXiv 2509.18424 (positions, self-attention without parameters).
    """
    tokens = add_positions(frames, amplitude=amplitude)
    tokens = tokens + attention_map(tokens) @ tokens  # X + A X
    return F.layer_norm(tokens, tokens.shape[2:])


def pool_frames(tokens: Tensor) -> Tensor:
    """One vector per window: each coefficient's mean over the frames, then its deviation.

    z = [mean_i Y_i, sqrt(mean_i (Y_i - mean Y)²)], shapes (batch, frames, d) to (batch, 2 d).
    """
    return torch.cat([tokens.mean(dim=1), tokens.std(dim=1, correction=0)], dim=1)


def scattering_transformer(frames: Tensor, *, amplitude: float = POSITIONS) -> Tensor:
    """Feature vectors of windows: ``pool_frames(contextualise(frames))``.

    >>> scattering_transformer(torch.zeros(2, 47, 81)).shape
    torch.Size([2, 162])
    """
    return pool_frames(contextualise(frames, amplitude=amplitude))
