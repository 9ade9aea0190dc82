"""Band-pass, resample and scale: what every trace goes through before anything else sees it.

All three work along the last axis of one trace, one record or a whole batch, and return the
dtype they were given (float32 or float64).
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

Signal = TypeVar("Signal", NDArray[np.float32], NDArray[np.float64])
Scaling = Literal["range", "zscore", "none"]

FLAT = 1e-6  # mV: a trace that spans less (a thousandth of any ECG's bit) carries no signal
_BLOCK = 2**19  # samples filtered at a time: float64 copies stay in the cache, memory stays small


def bandpass(
    x: Signal, fs: float, *, low: float = 0.5, high: float = 40.0, order: int = 4
) -> Signal:
    """Zero-phase Butterworth band-pass: keeps ``low``..``high`` Hz and every wave's place in time.

    The filter runs forwards and backwards, so its gain is |H(f)|² (−6 dB at the two edges) and its
    phase is zero. It is computed in float64 whatever ``x`` is: at 0.5 Hz float32 would drift.

    Args:
        x: mV, shape (..., samples), float32 or float64.
        fs: sampling rate, Hz.
        low: lower edge, Hz; 0.5 removes baseline wander and keeps the ST segment.
        high: upper edge, Hz, below the Nyquist frequency fs/2; 40 removes muscle and mains noise
            and fits every rate above 80 Hz (PTB-XL's 100 Hz among them).
        order: order of the Butterworth prototype; the band-pass has twice as many poles.

    Returns:
        The filtered signal, same shape and dtype.

    Raises:
        ValueError: edges that are not 0 < low < high < fs/2; a trace shorter than the filter's
            start-up (27 samples at order 4); NaN or infinite samples.
    """
    _check(x, fs)
    if not 0 < low < high < fs / 2:
        raise ValueError(
            f"band-pass edges must satisfy 0 < low < high < fs/2, "
            f"not low={low:g}, high={high:g} Hz at fs={fs:g} Hz (fs/2 = {fs / 2:g} Hz)"
        )
    sos = _butterworth(fs, low, high, order)
    pad = 3 * (2 * len(sos) + 1)  # SciPy's own choice, written out so that we can name it
    if x.shape[-1] <= pad:
        raise ValueError(
            f"signal of {x.shape[-1]} samples is too short to filter: at least {pad + 1} needed"
        )
    rows = x.reshape(-1, x.shape[-1])
    out = np.empty_like(rows)
    step = max(1, _BLOCK // x.shape[-1])
    for start in range(0, len(rows), step):
        block = rows[start : start + step].astype(np.float64)
        out[start : start + step] = sosfiltfilt(sos, block, padlen=pad)
    return out.reshape(x.shape)


def resample(x: Signal, fs: float, new_fs: float) -> Signal:
    """Change the sampling rate from ``fs`` to ``new_fs`` with a polyphase anti-aliasing filter.

    The ratio is the exact fraction new_fs/fs (300 to 250 Hz: up 5, down 6; rates are taken to a
    thousandth of a hertz). The filter sees the trace without its mean, its first and last samples
    held on outside, so that an offset leaves no ripple and no step at the ends.

    Args:
        x: mV, shape (..., samples), float32 or float64.
        fs: present sampling rate, Hz.
        new_fs: wanted sampling rate, Hz.

    Returns:
        Shape (..., round(samples · new_fs / fs)), same dtype; always a copy.

    Raises:
        ValueError: a rate that is not positive; no samples; NaN or infinite samples.

    >>> resample(np.zeros((12, 3000)), 300, 250).shape
    (12, 2500)
    """
    _check(x, fs)
    if not new_fs > 0:
        raise ValueError(f"sampling rate must be positive, not {new_fs}")
    ratio = _rational(new_fs) / _rational(fs)
    length = round(x.shape[-1] * ratio)
    if ratio == 1:
        return x.copy()
    mean = x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
    y = resample_poly(x - mean, ratio.numerator, ratio.denominator, axis=-1, padtype="edge")
    return (y[..., :length] + mean).astype(x.dtype, copy=False)


def scale(x: Signal, how: Scaling) -> Signal:
    """Bring each lead to a common amplitude.

    ``"range"``: (x − mean) / (max − min), DiffECG's choice: peak to peak becomes exactly 1, and
    the baseline of a band-passed trace stays near 0. (The released segments fit a gain of one over
    the range; their centring is not published, and after the band-pass the mean is about zero.)
    ``"zscore"``: (x − mean) / standard deviation. ``"none"``: an unchanged copy, in mV.

    Args:
        x: shape (..., samples), float32 or float64. Statistics are taken over the last axis.
        how: ``"range"``, ``"zscore"`` or ``"none"``.

    Returns:
        Same shape and dtype; a flat lead (peak to peak under 1e-6 mV) becomes zeros.

    Raises:
        ValueError: an unknown ``how``; no samples; NaN or infinite samples.

    >>> scale(np.array([-1.0, 0.0, 3.0, 2.0]), "range").tolist()  # mean 1, peak to peak 4
    [-0.5, -0.25, 0.5, 0.25]
    """
    _check(x)
    if how == "none":
        return x.copy()
    if how not in ("range", "zscore"):
        raise ValueError(f'scaling must be "range", "zscore" or "none", not {how!r}')
    centred = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
    spans = x.max(axis=-1, keepdims=True) - x.min(axis=-1, keepdims=True)
    divisor = spans if how == "range" else centred.std(axis=-1, keepdims=True)
    flat = spans < FLAT
    return np.where(flat, 0, centred / np.where(flat, 1, divisor)).astype(x.dtype, copy=False)


def _check(x: NDArray[Any], fs: float = 1.0) -> None:
    if x.dtype not in (np.float32, np.float64):
        raise ValueError(f"signal must be float32 or float64, not {x.dtype}")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError("signal has no samples")
    if not fs > 0:
        raise ValueError(f"sampling rate must be positive, not {fs}")
    bad = x.size - np.count_nonzero(np.isfinite(x))
    if bad:
        raise ValueError(f"signal has {bad} NaN or infinite samples of {x.size}")


@lru_cache(maxsize=32)
def _butterworth(fs: float, low: float, high: float, order: int) -> NDArray[np.float64]:
    sos: NDArray[np.float64] = butter(order, (low, high), "bandpass", fs=fs, output="sos")
    return sos


def _rational(rate: float) -> Fraction:
    return Fraction(rate).limit_denominator(1000)
