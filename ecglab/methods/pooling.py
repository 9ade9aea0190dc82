"""From feature maps over time to one vector: how much, how unevenly, how regularly.

A linear probe needs a vector. The mean of a channel says how much of a pattern there is, its
deviation how unevenly it comes, and its periodicity whether it comes back after a fixed time, as a
heartbeat does in sinus rhythm and does not in atrial fibrillation. Means and deviations forget the
order of things; periodicity is what brings rhythm back.
"""

import math

import torch
from torch import Tensor

BEAT_PERIODS = (0.3, 2.0)
"""Seconds from beat to beat that a heart can have: 200 to 30 beats per minute."""


def mean_and_deviation(maps: list[Tensor]) -> Tensor:
    """Mean and standard deviation over positions of maps (batch, channels_i, *position).

    Returns (batch, 2 sum_i channels_i): all means, then all deviations.
    """
    flat = [m.float().flatten(2) for m in maps]
    means = [m.mean(dim=-1) for m in flat]
    deviations = [m.std(dim=-1, correction=0) for m in flat]
    return torch.cat([*means, *deviations], dim=1)


def periodicity(feature_map: Tensor, rate: float) -> Tensor:
    """The highest and the lowest autocorrelation of each channel over a heart's possible periods.

    ``r(k) = sum_i (z_i - m)(z_{i+k} - m) / sum_i (z_i - m)^2`` with the channel's mean m, for lags
    ``BEAT_PERIODS[0] <= k / rate <= BEAT_PERIODS[1]``. A pattern that returns with every beat of a
    regular rhythm has a high maximum; one that returns at random has none. A constant channel has
    r = 0.

    Args:
        feature_map: (batch, channels, time).
        rate: positions per second of the map, Hz.

    Returns:
        (batch, 2 channels): all maxima, then all minima; within [-1, 1].

    Raises:
        ValueError: for a map with no such lag: shorter than a beat, or sampled too coarsely.
    """
    n = feature_map.shape[-1]
    shortest, longest = (seconds * rate for seconds in BEAT_PERIODS)
    first, last = math.ceil(shortest), min(math.floor(longest), n - 1)
    if not 1 <= first <= last:
        raise ValueError(f"{n} positions at {rate:g} Hz hold no lag of {BEAT_PERIODS} s")
    if not len(feature_map):  # of which no FFT is to be had
        return feature_map.new_zeros(0, 2 * feature_map.shape[1]).float()
    z = feature_map.float()
    z = z - z.mean(dim=-1, keepdim=True)
    # Wiener-Khinchin, padded so that the end of the map does not meet its beginning.
    power = torch.fft.rfft(z, n=2 * n).abs().square()
    products = torch.fft.irfft(power, n=2 * n)[..., : last + 1]
    energy = products[..., :1]
    # The sums of a constant channel are rounding noise around zero: their ratio would be noise too.
    floor = n * feature_map.float().square().mean(dim=-1, keepdim=True) * 1e-10
    r = torch.where(energy > floor, products / energy.clamp(min=1e-30), 0.0)[..., first:]
    return torch.cat([r.amax(dim=-1), r.amin(dim=-1)], dim=1)
