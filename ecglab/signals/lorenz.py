"""Lorenz plots: how the beat-to-beat change of the RR interval follows the one before it.

Regular beats gather at the origin, fibrillation scatters everywhere, and an early beat with its
pause jumps to the same few places again and again.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LIMIT = 0.6  # s: the axes of a Lorenz plot run from −0.6 to 0.6 s
# RR intervals are whole samples, so dRR falls exactly on bin edges (0 is one). Moving the edges by
# this part of a bin (0.25 ms) keeps float32 rounding from dealing such points out at random.
_NUDGE = 0.01


def lorenz_points(rr: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Points (x_i, y_i) of the Lorenz plot.

    x_i = dRR_i = RR_i − RR_{i−1},  y_i = dRR_{i−1} = RR_{i−1} − RR_{i−2}

    Args:
        rr: RR intervals, seconds, shape (n,).

    Returns:
        Seconds, shape (n − 2, 2); (0, 2) for fewer than three intervals (four beats).

    Source: DiffECG (Zhou et al., IJCAI 2025), Eq. 1; Sarkar et al. 2008.

    >>> lorenz_points(np.array([0.8, 0.8, 0.5, 1.1])).round(3).tolist()  # an early beat, its pause
    [[-0.3, 0.0], [0.6, -0.3]]
    """
    change = np.diff(np.asarray(rr, dtype=np.float64))  # dRR
    return np.stack((change[1:], change[:-1]), axis=-1)  # (x_i, y_i), eq. 1


def lorenz_images(times: Tensor, *, size: int = 48, limit: float = LIMIT) -> Tensor:
    """Lorenz plots of a batch as one-channel pictures: 2-D histograms of (x_i, y_i).

    Counts c become log(1 + c) / log(1 + max c), each picture by its own fullest bin, so that values
    lie in [0, 1] and a lone point beside a crowded origin can still be seen. Points outside the
    axes are counted in the border bins: a long pause shows at the rim instead of vanishing.
    Pictures lie as one sees them: row 0 is the top (y near +limit), column 0 the left (x near
    −limit). A bin holds its left and lower edge, so the origin is in column 24, row 23 of 48.

    The released DiffECG code draws the plot as a three-channel picture; its three channels carry
    the same points, so ours has one.

    Args:
        times: beat times, seconds, ascending, shape (n, max_beats), NaN after the last beat, as
            ``peak_times`` gives them; any device. Times count from the window's start: in float32
            they are exact to 0.1 ms up to a quarter of an hour.
        size: bins along each axis.
        limit: the axes run from −limit to +limit, seconds.

    Returns:
        float32, shape (n, 1, size, size), on the device of ``times``; a picture without points
        (fewer than four beats) is all zeros.

    Raises:
        ValueError: ``times`` is not two-dimensional; size or limit is not positive.

    Source: DiffECG (Zhou et al., IJCAI 2025), Eq. 1 and Fig. 2.

    >>> picture = lorenz_images(torch.arange(0, 10, 0.8)[None])  # regular beats: the origin alone
    >>> picture.shape, picture.nonzero().tolist()
    (torch.Size([1, 1, 48, 48]), [[0, 0, 23, 24]])
    """
    if times.ndim != 2:
        raise ValueError(f"beat times must have shape (n, max_beats), not {tuple(times.shape)}")
    if size < 1 or not limit > 0:
        raise ValueError(f"size and limit must be positive, not {size} and {limit}")
    n = len(times)
    counts = torch.zeros(n * size * size, device=times.device)
    if times.shape[1] >= 4:
        change = times.diff(dim=1).diff(dim=1)  # dRR
        x, y = change[:, 1:], change[:, :-1]  # eq. 1
        column = _bin(x, size, limit)
        row = size - 1 - _bin(y, size, limit)
        picture = torch.arange(n, device=times.device)[:, None]
        index = (picture * size + row) * size + column
        there = ~x.isnan() & ~y.isnan()
        counts.scatter_add_(0, index[there], torch.ones_like(counts[:1]).expand(int(there.sum())))
    counts = counts.reshape(n, 1, size, size).log1p()
    fullest = counts.amax(dim=(2, 3), keepdim=True)
    return counts / fullest.where(fullest > 0, 1.0)


def _bin(value: Tensor, size: int, limit: float) -> Tensor:
    """Number of the bin, from 0 at −limit; NaN goes to 0 and is left out by the caller."""
    place = (value + limit) * (size / (2 * limit)) + _NUDGE
    return place.nan_to_num().floor().clamp(0, size - 1).long()
