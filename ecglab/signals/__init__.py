"""One record seen in other ways: filters, R-peaks and RR, Lorenz plot, STFT."""

from ecglab.signals.beats import BEAT_FEATURES, beat_features, cut_beats
from ecglab.signals.features import RECORD_FEATURES, record_features
from ecglab.signals.filters import bandpass, resample, scale
from ecglab.signals.lorenz import lorenz_images, lorenz_points
from ecglab.signals.rpeaks import rpeaks, rpeaks_batch
from ecglab.signals.rr import RR_FEATURES, peak_times, rr_features, rr_intervals
from ecglab.signals.spectral import SPECTRAL_FEATURES, spectral_features
from ecglab.signals.stft import Spectrogram, stft, stft_images

__all__ = [
    "BEAT_FEATURES",
    "RECORD_FEATURES",
    "RR_FEATURES",
    "SPECTRAL_FEATURES",
    "Spectrogram",
    "bandpass",
    "beat_features",
    "cut_beats",
    "lorenz_images",
    "lorenz_points",
    "peak_times",
    "record_features",
    "resample",
    "rpeaks",
    "rpeaks_batch",
    "rr_features",
    "rr_intervals",
    "scale",
    "spectral_features",
    "stft",
    "stft_images",
]
