"""The median beat of a trace and what single beats leave over: P wave, QRS, T wave, noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecglab.signals.filters import Signal

BEFORE, AFTER = 0.30, 0.45  # s around the R-peak
# Windows, s from the R-peak
_QRS = (-0.06, 0.06)
_QRS_AND_AROUND = (-0.12, 0.12)
_QRST = (-0.12, 0.30)
_P = (-0.25, -0.07)
_T = (0.12, 0.42)
_TQ = (-0.30, -0.20)  # after the last T wave, before most P waves

BEAT_FEATURES: tuple[str, ...] = (
    # how alike the beats are: correlation over the QRS-T
    "template_mean",  # with the median beat: mean over beats
    "template_low",  # ... 10th percentile
    "template_odd",  # ... share under 0.8: ectopic beats
    "template_bad",  # ... share under 0.5: noise
    "successive",  # of each beat with the next: median
    # QRS complex
    "qrs_height",  # log10 of the median beat's span, mV
    "qrs_height_cv",  # spread of the beats' spans over their mean
    "qrs_width",  # s above half of the peak, median beat
    "qrs_base",  # s above a fifth of it
    # P wave: flat and unsteady in fibrillation
    "p_height",  # span of the median beat's P window over the QRS's
    "p_slope",  # its last value less its first, over the QRS's span
    "p_position",  # s before R of its largest deflection
    "p_median",  # correlation of the beats' P windows with the median one: median over beats
    "p_mean",  # ... mean
    # T wave
    "t_height",  # span of the T window over the QRS's
    "t_sign",  # +1: T wave along the QRS, -1: against it
    # what the median beat does not explain
    "residual",  # log10 of its deviation over the QRS's span
    "residual_tq",  # ... between T and P: fibrillatory waves, or noise
)


def cut_beats(x: Signal, peaks: NDArray[np.integer[Any]], fs: float) -> NDArray[np.float64]:
    """The beats of a trace one below the other, each from 0.30 s before to 0.45 s after its R-peak.

    Args:
        x: one trace, shape (samples,).
        peaks: sample numbers of the beats.
        fs: sampling rate, Hz.

    Returns:
        float64, shape (n, round(0.30 fs) + round(0.45 fs)), n the beats that lie wholly inside.
    """
    before, after = round(BEFORE * fs), round(AFTER * fs)
    inside = peaks[(peaks >= before) & (peaks <= len(x) - after)]
    return x[inside[:, None] + np.arange(-before, after)].astype(np.float64)


def beat_features(x: Signal, peaks: NDArray[np.integer[Any]], fs: float) -> NDArray[np.float64]:
    """Numbers that describe the shape of the beats, in the order of ``BEAT_FEATURES``.

    Beats are turned upright first, so that a lead worn the wrong way round changes nothing.

    Args:
        x: one trace, mV, shape (samples,), band-passed.
        peaks: sample numbers of its beats, as ``rpeaks`` finds them.
        fs: sampling rate, Hz.

    Returns:
        float64, shape (len(BEAT_FEATURES),), always finite; zeros for fewer than three whole beats.

    Raises:
        ValueError: NaN or infinite samples in a beat.
    """
    values = dict.fromkeys(BEAT_FEATURES, 0.0)
    beats = cut_beats(x, peaks, fs)
    if not np.isfinite(beats).all():
        raise ValueError("signal has NaN or infinite samples in a beat")
    if len(beats) >= 3:
        beats -= np.median(beats, axis=1, keepdims=True)
        median = np.median(beats, axis=0)
        if median[round(BEFORE * fs)] < 0:
            beats, median = -beats, -median
        values |= _likeness(beats, median, fs) | _complex(beats, median, fs)
        values |= _p_wave(beats, median, fs) | _t_wave(median, fs) | _residual(beats, median, fs)
    return np.array([values[name] for name in BEAT_FEATURES])


def _likeness(
    beats: NDArray[np.float64], median: NDArray[np.float64], fs: float
) -> dict[str, float]:
    part = _window(_QRST, fs)
    same = _correlation(beats[:, part], median[part])
    return {
        "template_mean": same.mean(),
        "template_low": np.percentile(same, 10),
        "template_odd": (same < 0.8).mean(),
        "template_bad": (same < 0.5).mean(),
        "successive": np.median(_correlation(beats[:-1, part], beats[1:, part])),
    }


def _complex(
    beats: NDArray[np.float64], median: NDArray[np.float64], fs: float
) -> dict[str, float]:
    spans = np.ptp(beats[:, _window(_QRS, fs)], axis=1)
    size = np.abs(median[_window(_QRS_AND_AROUND, fs)])
    peak = np.abs(median[_window(_QRS, fs)]).max()
    return {
        "qrs_height": np.log10(_span(median, fs)),
        "qrs_height_cv": spans.std() / (spans.mean() + 1e-6),
        "qrs_width": (size > 0.5 * peak).sum() / fs,
        "qrs_base": (size > 0.2 * peak).sum() / fs,
    }


def _p_wave(beats: NDArray[np.float64], median: NDArray[np.float64], fs: float) -> dict[str, float]:
    part = _window(_P, fs)
    p = median[part]
    same = _correlation(beats[:, part], p)
    return {
        "p_height": np.ptp(p) / _span(median, fs),
        "p_slope": (p[-1] - p[0]) / _span(median, fs),
        "p_position": -_P[0] - np.abs(p - np.median(p)).argmax() / fs,
        "p_median": np.median(same),
        "p_mean": same.mean(),
    }


def _t_wave(median: NDArray[np.float64], fs: float) -> dict[str, float]:
    t = median[_window(_T, fs)]
    return {
        "t_height": np.ptp(t) / _span(median, fs),
        "t_sign": t.mean() / (np.abs(t).mean() + 1e-6),
    }


def _residual(
    beats: NDArray[np.float64], median: NDArray[np.float64], fs: float
) -> dict[str, float]:
    squared = (beats - median) ** 2
    whole = np.sqrt(np.median(squared))
    between = np.sqrt(np.median(squared[:, _window(_TQ, fs)]))
    return {
        "residual": np.log10(whole / _span(median, fs) + 1e-3),
        "residual_tq": np.log10(between / _span(median, fs) + 1e-3),
    }


def _window(seconds: tuple[float, float], fs: float) -> slice:
    return slice(round((BEFORE + seconds[0]) * fs), round((BEFORE + seconds[1]) * fs))


def _span(median: NDArray[np.float64], fs: float) -> float:
    return float(np.ptp(median[_window(_QRS, fs)])) + 1e-6


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of each row of ``a`` with ``b`` (one row, or a row for each)."""
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    norms = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    result: NDArray[np.float64] = (a * b).sum(axis=-1) / (norms + 1e-9)
    return result
