"""One trace in a few numbers: where its power lies, how its amplitude spreads, how noisy it is."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from ecglab.signals.filters import FLAT, Signal

_EDGES = (0.5, 1.0, 2.0, 4.0, 9.0, 15.0, 25.0, 40.0)  # Hz; 4-9 Hz holds the fibrillatory waves
_BANDS = tuple(f"power_{low:g}_{high:g}" for low, high in pairwise(_EDGES))

SPECTRAL_FEATURES: tuple[str, ...] = (
    *_BANDS,  # log10 of the share of the 0.5-40 Hz power in the band, Hz
    "power_above",  # log10 of the power above 40 Hz over that of 0.5-40 Hz
    "entropy",  # of the spectrum, 0 (one frequency) to 1 (white)
    "peak_frequency",  # Hz
    "range",  # log10 of the amplitude's 0.5-99.5 % span, mV
    "kurtosis",  # log of the fourth standardised moment: high for sharp QRS on a quiet baseline
    "skewness",  # |third standardised moment|, whichever way the lead is worn
    "crossings",  # zero crossings a second
    "flat",  # share of samples within 0.01 µV of their predecessor
    "clipped",  # share of samples at the trace's extremes
    "loudest",  # log10 of the loudest second's deviation over the median second's: bursts
    "quietest",  # ... and of the quietest second's
    "restless",  # share of seconds that span over 1.5 times the median second's
    "smooth",  # log of the median |slope| over its 98th percentile: quiet between sharp QRS
)


def spectral_features(x: Signal, fs: float) -> NDArray[np.float64]:
    """Numbers that describe a trace without its beats, in the order of ``SPECTRAL_FEATURES``.

    The spectrum is Welch's, of two-second windows.

    Args:
        x: one trace, mV, shape (samples,), band-passed.
        fs: sampling rate, Hz.

    Returns:
        float64, shape (len(SPECTRAL_FEATURES),), always finite; a flat trace or one shorter than a
        second gives zeros. None of them knows the length of the trace.

    Raises:
        ValueError: not one-dimensional; NaN or infinite samples.
    """
    if x.ndim != 1:
        raise ValueError(f"spectral_features takes one trace of shape (samples,), not {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"signal has {np.sum(~np.isfinite(x))} NaN or infinite samples")
    values = dict.fromkeys(SPECTRAL_FEATURES, 0.0)
    if len(x) >= fs and np.ptp(x) >= FLAT:
        trace = x.astype(np.float64)
        values |= _spectrum(trace, fs) | _amplitude(trace, fs) | _bursts(trace, fs)
    return np.array([values[name] for name in SPECTRAL_FEATURES])


def _spectrum(x: NDArray[np.float64], fs: float) -> dict[str, float]:
    frequency, power = welch(x, fs, nperseg=min(len(x), round(2 * fs)))
    inside = (frequency >= _EDGES[0]) & (frequency < _EDGES[-1])
    total = power[inside].sum() + 1e-12
    band = np.digitize(frequency, _EDGES) - 1
    share = np.array([power[band == k].sum() for k in range(len(_EDGES))]) / total
    p = power[inside] / total
    return dict(zip((*_BANDS, "power_above"), np.log10(share + 1e-6), strict=True)) | {
        "entropy": float(-(p * np.log(p + 1e-12)).sum() / np.log(len(p))),
        "peak_frequency": float(frequency[inside][p.argmax()]),
    }


def _amplitude(x: NDArray[np.float64], fs: float) -> dict[str, float]:
    centred = x - x.mean()
    squared = centred * centred
    spread = np.sqrt(squared.mean()) + 1e-12
    low, high = np.percentile(x, (0.5, 99.5))
    top, bottom = x.max(), x.min()
    slope = np.abs(np.diff(x))
    steep = np.percentile(slope, 98) + 1e-6
    return {
        "range": float(np.log10(high - low + 1e-6)),
        "kurtosis": float(np.log((squared * squared).mean() / spread**4)),
        "skewness": float(abs((squared * centred).mean() / spread**3)),
        "crossings": float(np.count_nonzero(np.diff(centred > 0)) * fs / len(x)),
        "flat": float(np.mean(slope < 1e-5)),
        "clipped": float(np.mean((x >= top - 1e-3) | (x <= bottom + 1e-3))),
        "smooth": float(np.log(np.median(slope) / steep + 1e-3)),
    }


def _bursts(x: NDArray[np.float64], fs: float) -> dict[str, float]:
    second = min(round(fs), len(x))
    seconds = x[: len(x) // second * second].reshape(-1, second)
    loudness = seconds.std(axis=1) + 1e-6
    span = np.ptp(seconds, axis=1) + 1e-6
    return {
        "loudest": float(np.log10(loudness.max() / np.median(loudness))),
        "quietest": float(np.log10(loudness.min() / np.median(loudness))),
        "restless": float(np.mean(span > 1.5 * np.median(span))),
    }
