"""All hand-made features of a record side by side: what a simple classifier is given."""

import numpy as np
from numpy.typing import NDArray

from ecglab.signals.beats import BEAT_FEATURES, beat_features
from ecglab.signals.filters import Signal
from ecglab.signals.rpeaks import rpeaks
from ecglab.signals.rr import RR_FEATURES, rr_features
from ecglab.signals.spectral import SPECTRAL_FEATURES, spectral_features

RECORD_FEATURES: tuple[str, ...] = RR_FEATURES + BEAT_FEATURES + SPECTRAL_FEATURES


def record_features(x: Signal, fs: float) -> NDArray[np.float64]:
    """RR, beat and spectral features of one trace, in the order of ``RECORD_FEATURES``.

    Args:
        x: one trace, mV, shape (samples,), band-passed.
        fs: sampling rate, Hz.

    Returns:
        float64, shape (len(RECORD_FEATURES),), always finite.

    Raises:
        ValueError: as ``rpeaks``: not one-dimensional, NaN or infinite samples, fs not above 60 Hz.
    """
    peaks = rpeaks(x, fs)
    parts = rr_features(peaks, fs), beat_features(x, peaks, fs), spectral_features(x, fs)
    return np.concatenate(parts)
