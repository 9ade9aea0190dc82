"""R-peaks: where each heartbeat is.

The detector is SleepECG's compiled Pan-Tompkins (Pan and Tompkins, "A Real-Time QRS Detection
Algorithm", IEEE Trans. Biomed. Eng. 1985). Four things about it are mended here:

- It looks for upright peaks: we first turn the trace the way its QRS complexes point.
- One tall artefact deafens it for half a minute: we cut what is far taller than a usual QRS.
- When a beat is late it searches back with ever lower thresholds and marks a ripple, which hides
  the beat that then comes within the refractory period: we move every mark to the largest
  deflection in that period, where two marks may become one beat.
- Ripples and P waves marked in a pause remain: we drop marks far smaller than the beats around.

Its weakness stays: wide ventricular beats that hold little of 5-30 Hz (MIT-BIH 208) can be missed.
"""

from collections.abc import Sequence

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from sleepecg import detect_heartbeats

from ecglab.signals.filters import FLAT, Signal, bandpass

QRS_BAND = (5.0, 30.0)  # Hz: where a QRS complex stands out from P, T, wander and muscle
REFRACTORY = 0.2  # s: no two beats are closer, and no mark is farther from its QRS complex
QRS_HALF = 0.06  # s: half the length of a QRS complex
SMALLEST = 0.25  # of the median beat's height: less is a P or T wave or noise
TALLEST = 2.0  # times a usual second's largest deflection: artefacts above are cut to this
SHORTEST = 1.0  # s: under this the detector has nothing to learn its thresholds from


def rpeaks(x: Signal, fs: float) -> NDArray[np.int64]:
    """Sample numbers of the heartbeats of one trace, ascending.

    A beat stands at the extremum of its QRS complex in the 5-30 Hz band: the record's dominant
    polarity, except for single beats (such as ventricular ectopics) whose opposite deflection is
    larger by a third. ``rpeaks(-x)`` finds the same beats as ``rpeaks(x)``.

    Args:
        x: one trace, shape (samples,), float32 or float64; raw or band-passed, any unit.
        fs: sampling rate, Hz; above 60 (100 or more for beats to a hundredth of a second).

    Returns:
        int64, shape (n_beats,); empty where the trace is flat or shorter than one second.

    Raises:
        ValueError: not one-dimensional; NaN or infinite samples; fs not above 60 Hz.
    """
    if x.ndim != 1:
        raise ValueError(f"rpeaks takes one trace of shape (samples,), not {x.shape}")
    if not fs > 2 * QRS_BAND[1]:
        raise ValueError(f"R-peaks need a sampling rate above {2 * QRS_BAND[1]:g} Hz, not {fs:g}")
    if not np.isfinite(x).all():
        raise ValueError(f"signal has {np.sum(~np.isfinite(x))} NaN or infinite samples")
    start, stop = _lively(x)
    if stop - start < SHORTEST * fs:
        return np.empty(0, dtype=np.int64)
    trace = x[start:stop].astype(np.float64)
    qrs = bandpass(trace, fs, low=QRS_BAND[0], high=QRS_BAND[1], order=2)
    seconds = qrs[: len(qrs) // round(fs) * round(fs)].reshape(-1, round(fs))
    seconds = seconds[np.abs(seconds).max(axis=1) > FLAT]  # without the dead ones
    if len(seconds) == 0:
        return np.empty(0, dtype=np.int64)
    sign = _polarity(seconds)
    limit = TALLEST * np.median(np.abs(seconds).max(axis=1))
    tame = trace - (qrs - qrs.clip(-limit, limit))
    beats = np.asarray(detect_heartbeats(sign * tame, fs), dtype=np.int64)
    for reach in (REFRACTORY, QRS_HALF):  # the second step takes a flank to its top
        beats = _to_extremum(sign * qrs, beats, round(reach * fs))
    return start + _plausible(qrs, beats, fs)


def rpeaks_batch(
    x: NDArray[np.floating] | Sequence[Signal], fs: float, *, workers: int = 1
) -> list[NDArray[np.int64]]:
    """``rpeaks`` of every trace of a batch.

    Args:
        x: shape (n, samples), or a sequence of n traces of any lengths.
        fs: sampling rate, Hz.
        workers: joblib workers (processes, unless another backend is chosen) to share the traces;
            1 stays in this process.

    Returns:
        A list of n int64 arrays.

    Raises:
        ValueError: as ``rpeaks``; the message names the trace's place in the batch.
    """
    if workers == 1:
        return _rpeaks_of(x, fs, 0)
    size = -(-len(x) // (4 * workers)) or 1
    jobs = (delayed(_rpeaks_of)(x[i : i + size], fs, i) for i in range(0, len(x), size))
    return [peaks for part in Parallel(n_jobs=workers)(jobs) for peaks in part]


def _rpeaks_of(
    x: NDArray[np.floating] | Sequence[Signal], fs: float, first: int
) -> list[NDArray[np.int64]]:
    found = []
    for i, trace in enumerate(x, start=first):
        try:
            found.append(rpeaks(trace, fs))
        except ValueError as error:
            raise ValueError(f"trace {i}: {error}") from error
    return found


def _lively(x: Signal) -> tuple[int, int]:
    """Where the trace starts and stops changing; (0, 0) if it never does."""
    if x.size == 0 or np.ptp(x) < FLAT:
        return 0, 0
    changes = np.flatnonzero(np.diff(x))
    return int(changes[0]), int(changes[-1]) + 2


def _polarity(seconds: NDArray[np.float64]) -> int:
    """+1 where QRS complexes point up, −1 where down: the median skewness of the seconds.

    A median over seconds, because one movement artefact can outweigh every beat of the record.
    """
    centred = seconds - seconds.mean(axis=1, keepdims=True)
    squared = centred * centred
    skewness = (squared * centred).mean(axis=1) / squared.mean(axis=1) ** 1.5
    return -1 if np.median(skewness) < 0 else 1


def _to_extremum(
    upright: NDArray[np.float64], peaks: NDArray[np.int64], reach: int
) -> NDArray[np.int64]:
    """Move each peak to the largest deflection within ``reach``; downward counts three quarters."""
    around = _around(peaks, reach, len(upright))
    values = upright[around]
    best = np.maximum(values, -0.75 * values).argmax(axis=1)
    return np.unique(around[np.arange(len(peaks)), best])


def _plausible(qrs: NDArray[np.float64], beats: NDArray[np.int64], fs: float) -> NDArray[np.int64]:
    """Drop beats far smaller than the 101 around them, and the smaller of any two too close."""
    if len(beats) == 0:
        return beats
    height = np.ptp(qrs[_around(beats, round(QRS_HALF * fs), len(qrs))], axis=1)
    tall = height >= SMALLEST * median_filter(height, 101, mode="reflect")
    beats, height = beats[tall], height[tall]
    while (close := np.diff(beats) < REFRACTORY * fs).any():
        left_smaller = height[:-1] < height[1:]
        keep = np.ones(len(beats), dtype=bool)
        keep[:-1] &= ~(close & left_smaller)
        keep[1:] &= ~(close & ~left_smaller)
        beats, height = beats[keep], height[keep]
    return beats


def _around(peaks: NDArray[np.int64], reach: int, n: int) -> NDArray[np.int64]:
    """Sample numbers within ``reach`` of each peak, shape (n_peaks, 2 reach + 1)."""
    return (peaks[:, None] + np.arange(-reach, reach + 1)).clip(0, n - 1)
