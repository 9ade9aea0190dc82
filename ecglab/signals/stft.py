"""Short-time Fourier transform: which frequencies an ECG holds, and when."""

from typing import NamedTuple

import torch
from torch import Tensor

WINDOW = 128 / 250  # s: DiffECG's window of 128 samples at 250 Hz
HOP = 32 / 250  # s
FLOOR = 1e-3  # an image reaches down to a thousandth (60 dB below) of its largest magnitude


class Spectrogram(NamedTuple):
    """A short-time Fourier transform with its axes."""

    frequencies: Tensor  # Hz, shape (bins,)
    times: Tensor  # s, centres of the windows, shape (frames,)
    values: Tensor  # X(i, ω), complex64, shape (..., bins, frames)


def stft(x: Tensor, fs: float, *, window: int = 128, hop: int = 32) -> Spectrogram:
    """Short-time Fourier transform with a Hann window.

    X(i, ω) = Σ_m x(m) g(m − i) e^{−jω(m − i)},   g(n) = 0.5 [1 − cos(2πn / (M − 1))], 0 ≤ n < M

    The window starts at i = k · hop − M/2 for frame k, so frames are centred on 0, hop, 2 hop, ...;
    the signal is mirrored at its ends. The paper counts the phase from sample 0 (e^{−jωm}), we, as
    libraries do, from the window's start: magnitudes are the same.

    Args:
        x: shape (..., samples), float32; any device.
        fs: sampling rate, Hz.
        window: M, window length in samples. The default is DiffECG's for 250 Hz.
        hop: samples between windows.

    Returns:
        Frequencies 0..fs/2 in steps of fs/M, times in steps of hop/fs, and complex values of shape
        (..., M // 2 + 1, 1 + samples // hop).

    Raises:
        ValueError: a signal shorter than half a window; NaN or infinite samples.

    Source: DiffECG (Zhou et al., IJCAI 2025), Eqs. 2 and 3.

    >>> x = torch.sin(2 * torch.pi * 10 * torch.arange(512) / 128)  # 10 Hz for four seconds
    >>> frequencies, times, values = stft(x, 128.0)
    >>> values.shape, frequencies[values.abs().sum(dim=1).argmax()].item()
    (torch.Size([65, 17]), 10.0)
    """
    if x.shape[-1] <= window // 2:
        raise ValueError(f"signal of {x.shape[-1]} samples is too short for a window of {window}")
    if not bool(x.isfinite().all()):
        raise ValueError("signal has NaN or infinite samples")
    hann = torch.hann_window(window, periodic=False, dtype=x.dtype, device=x.device)  # g, eq. 3
    rows = x.reshape(-1, x.shape[-1])
    # X(i, ω), eq. 2
    values = torch.stft(rows, window, hop, window=hann, pad_mode="reflect", return_complex=True)
    frequencies = torch.arange(values.shape[-2], device=x.device) * (fs / window)
    times = torch.arange(values.shape[-1], device=x.device) * (hop / fs)
    return Spectrogram(frequencies, times, values.reshape(*x.shape[:-1], *values.shape[-2:]))


def stft_images(x: Tensor, fs: float, *, size: int = 48, fmax: float = 50.0) -> Tensor:
    """Spectrograms of a batch as one-channel pictures: log magnitude over 0..fmax Hz.

    The window lasts 0.512 s and the hop 0.128 s at every rate: 128 and 32 samples at DiffECG's
    250 Hz, rounded elsewhere. Each picture shows the 60 dB below its own largest magnitude:
    1 + log10(max(|X| / max|X|, 0.001)) / 3, in [0, 1] and independent of the signal's amplitude;
    a window of zeros is a picture of zeros. Frames and frequencies are then brought to size x size
    by linear interpolation (by triangles as wide as the step where that is wider than a frame).
    Pictures lie as one sees them: row 0 is the top (fmax), column 0 the start of the signal.

    Args:
        x: shape (n, samples); any device.
        fs: sampling rate, Hz.
        size: rows and columns.
        fmax: highest frequency shown, Hz; at most fs/2.

    Returns:
        float32, shape (n, 1, size, size), on the device of ``x``.

    Raises:
        ValueError: not two-dimensional; fmax above fs/2; as ``stft``.

    Source: DiffECG (Zhou et al., IJCAI 2025), section 2.1; the paper gives neither the picture's
    axes nor its normalisation: these are ours.
    """
    if x.ndim != 2:
        raise ValueError(f"signals must have shape (n, samples), not {tuple(x.shape)}")
    if not 0 < fmax <= fs / 2:
        raise ValueError(f"fmax must lie in (0, fs/2 = {fs / 2:g}] Hz, not {fmax:g}")
    window, hop = round(WINDOW * fs), round(HOP * fs)
    magnitude = stft(x.float(), fs, window=window, hop=hop).values.abs()
    magnitude = magnitude[:, : int(fmax * window / fs) + 2]  # the bins that the rows will ask for
    largest = magnitude.amax(dim=(1, 2), keepdim=True)
    relative = magnitude / largest.where(largest > 0, 1.0)
    decades = torch.log10(relative.clamp(min=FLOOR))
    image = 1 - decades / torch.log10(torch.tensor(FLOOR, device=x.device))
    rows = torch.linspace(fmax * window / fs, 0, size, device=x.device)
    columns = torch.linspace(0, (x.shape[1] - 1) / hop, size, device=x.device)
    image = _interpolation(rows, image.shape[1]) @ image @ _interpolation(columns, image.shape[2]).T
    return image[:, None]


def _interpolation(places: Tensor, n: int) -> Tensor:
    """Matrix (len(places), n) whose rows average n samples around fractional ``places``."""
    step = (places[1] - places[0]).abs().clamp(min=1.0) if len(places) > 1 else 1.0
    distance = (places.clamp(0, n - 1)[:, None] - torch.arange(n, device=places.device)).abs()
    weights = (1 - distance / step).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)
