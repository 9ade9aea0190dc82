"""One record seen in other ways: filters, R-peaks and RR, Lorenz plot, STFT."""

from ecglab.signals.filters import bandpass, resample, scale
from ecglab.signals.lorenz import lorenz_images, lorenz_points
from ecglab.signals.rpeaks import rpeaks, rpeaks_batch
from ecglab.signals.rr import RR_FEATURES, peak_times, rr_features, rr_intervals
from ecglab.signals.stft import Spectrogram, stft, stft_images

__all__ = [
    "RR_FEATURES",
    "Spectrogram",
    "bandpass",
    "lorenz_images",
    "lorenz_points",
    "peak_times",
    "resample",
    "rpeaks",
    "rpeaks_batch",
    "rr_features",
    "rr_intervals",
    "scale",
    "stft",
    "stft_images",
]
