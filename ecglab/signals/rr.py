"""RR intervals: from beats to the numbers that describe a rhythm."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglab.signals.lorenz import lorenz_points

RR_FEATURES: tuple[str, ...] = (
    "beats",  # number of beats; the one that knows the record's length
    "rr_mean",  # s
    "rr_median",  # s
    "rr_min",  # s
    "rr_max",  # s
    "rr_iqr",  # s, interquartile range
    "sdnn",  # s, standard deviation of RR
    "cv",  # sdnn / rr_mean
    "rmssd",  # s, root mean square of dRR, the difference of successive RR
    "pnn50",  # share of |dRR| above 50 ms
    "median_change",  # median |dRR| / rr_median: irregular, but deaf to single ectopic beats
    "jumps",  # share of |dRR| above a fifth of rr_median
    "slow",  # beats a minute below 60, else 0
    "fast",  # beats a minute above 100, else 0
    "early",  # share of RR under 0.85 of the median
    "late",  # share of RR over 1.2 of the median
    "couplets",  # share of early beats followed by a pause: extrasystoles
    "lag1",  # autocorrelation of RR at a lag of one beat
    "lag2",  # ... and of two: high in bigeminy
    "turning",  # turning points over the 2/3 of the interior points expected of random numbers
    "cosen",  # coefficient of sample entropy (Lake and Moorman 2011)
    "origin",  # share of Lorenz points with both |dRR| <= 20 ms
    "irregularity",  # occupied 40-ms Lorenz bins off the origin, per Lorenz point
)
_ENTROPY_BEATS = 1000  # sample entropy compares all pairs; longer series are cut to this


def rr_intervals(peaks: NDArray[np.integer[Any]], fs: float) -> NDArray[np.float64]:
    """RR intervals, seconds, between successive beats.

    Args:
        peaks: sample numbers of the beats, ascending, shape (n_beats,).
        fs: sampling rate, Hz.

    Returns:
        Seconds, shape (n_beats − 1,); empty for fewer than two beats.

    Raises:
        ValueError: beats not in ascending order.
    """
    rr = np.diff(np.asarray(peaks)) / fs
    if (rr <= 0).any():
        raise ValueError("beats must be in ascending order, each once")
    return rr


def peak_times(peaks: Sequence[NDArray[np.integer[Any]]], fs: float) -> Tensor:
    """Beat times of a batch of windows in one tensor, the form ``lorenz_images`` takes.

    Args:
        peaks: per window the sample numbers of its beats, counted from the window's start.
        fs: sampling rate, Hz.

    Returns:
        Seconds, float32, shape (n, max_beats): NaN after each window's last beat.
    """
    lengths = np.array([len(p) for p in peaks], dtype=np.int64)
    times = np.full((len(peaks), lengths.max(initial=0)), np.nan, dtype=np.float32)
    if lengths.sum():
        there = np.arange(times.shape[1]) < lengths[:, None]
        times[there] = np.concatenate(peaks) / fs
    return torch.from_numpy(times)


def rr_features(peaks: NDArray[np.integer[Any]], fs: float) -> NDArray[np.float64]:
    """Numbers that describe a rhythm, in the order of ``RR_FEATURES`` (see there for each).

    Args:
        peaks: sample numbers of the beats, ascending, shape (n_beats,).
        fs: sampling rate, Hz.

    Returns:
        float64, shape (len(RR_FEATURES),), always finite. With fewer than four beats there is no
        Lorenz point and no rhythm to speak of: everything but ``beats`` is 0, a value that no
        record with a rhythm has, and ``beats`` tells a linear model so.

    Raises:
        ValueError: beats not in ascending order.

    >>> peaks = np.arange(0, 3000, 240)  # every 0.8 s of ten seconds at 300 Hz
    >>> values = dict(zip(RR_FEATURES, rr_features(peaks, 300.0).round(3).tolist(), strict=True))
    >>> values["beats"], values["rr_mean"], values["rmssd"], values["origin"]
    (13.0, 0.8, 0.0, 1.0)
    """
    rr = rr_intervals(peaks, fs)
    values = dict.fromkeys(RR_FEATURES, 0.0)
    values["beats"] = float(len(peaks))
    if len(peaks) >= 4:
        values |= _moments(rr) | _ectopy(rr) | _irregularity(rr)
    return np.array([values[name] for name in RR_FEATURES])


def _moments(rr: NDArray[np.float64]) -> dict[str, float]:
    change = np.diff(rr)
    median = np.median(rr)
    quarters = np.percentile(rr, (25, 75))
    return {
        "rr_mean": rr.mean(),
        "rr_median": median,
        "rr_min": rr.min(),
        "rr_max": rr.max(),
        "rr_iqr": quarters[1] - quarters[0],
        "sdnn": rr.std(),
        "cv": rr.std() / rr.mean(),
        "rmssd": np.sqrt((change**2).mean()),
        "pnn50": (np.abs(change) > 0.05).mean(),
        "median_change": np.median(np.abs(change)) / median,
        "jumps": (np.abs(change) > 0.2 * median).mean(),
        "slow": max(0.0, 60 - 60 / median),
        "fast": max(0.0, 60 / median - 100),
    }


def _ectopy(rr: NDArray[np.float64]) -> dict[str, float]:
    median = np.median(rr)
    early, late = rr < 0.85 * median, rr > 1.2 * median
    return {
        "early": early.mean(),
        "late": late.mean(),
        "couplets": (early[:-1] & (rr[1:] > 1.05 * median)).mean(),
        "lag1": _autocorrelation(rr, 1),
        "lag2": _autocorrelation(rr, 2),
    }


def _irregularity(rr: NDArray[np.float64]) -> dict[str, float]:
    rising = np.diff(rr) > 0
    points = lorenz_points(rr)
    at_origin = (np.abs(points) <= 0.02).all(axis=1)
    occupied = np.unique(np.round(points[~at_origin] / 0.04), axis=0)
    return {
        "turning": (rising[1:] != rising[:-1]).mean() * 1.5,
        "cosen": coefficient_of_sample_entropy(rr),
        "origin": at_origin.mean(),
        "irregularity": len(occupied) / len(points),
    }


def _autocorrelation(rr: NDArray[np.float64], lag: int) -> float:
    centred = rr - rr.mean()
    power = centred @ centred
    return float(centred[lag:] @ centred[:-lag] / power) if power > 1e-12 else 0.0


def coefficient_of_sample_entropy(rr: NDArray[np.float64], *, matches: int = 5) -> float:
    """How hard the next RR interval is to predict from the present one: high in fibrillation.

    COSEn = −ln(A/B) + ln(2r) − ln(mean RR). B counts the pairs of intervals (that have a
    successor) closer than r, A those of them whose successors are close too. r starts at 30 ms and
    doubles until A reaches ``matches``, so that short records have something to count; the
    term ln(2r) takes the choice of r out again.

    Args:
        rr: RR intervals, seconds, shape (n,); of a long series the first 1,000 are used.
        matches: the least A.

    Returns:
        Nats; 0 where fewer than ``matches`` pairs exist.

    Source: Lake and Moorman, Am. J. Physiol. Heart Circ. Physiol. 2011.
    """
    rr = rr[:_ENTROPY_BEATS]
    i, j = np.triu_indices(len(rr) - 1, k=1)
    if len(i) < matches:
        return 0.0
    now = np.abs(rr[i] - rr[j])
    both = np.maximum(now, np.abs(rr[i + 1] - rr[j + 1]))
    r = 0.03
    while np.count_nonzero(both < r) < matches:
        r *= 2
    chance = np.count_nonzero(both < r) / np.count_nonzero(now < r)  # A / B
    return float(-np.log(chance) + np.log(2 * r) - np.log(rr.mean()))  # COSEn
