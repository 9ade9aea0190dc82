"""What a recording adds to the heart: baseline wander, muscle, electrode motion, mains.

Wander and motion are noise below a few hertz, muscle is noise from ten hertz on; both are drawn in
the frequency domain, where a spectrum is one line of text, and shaped by the recorder's pass band.
Electrode events (a knock, a slip, the settling of the amplifier) are single bumps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import ndtr

from ecglab.data.simulator.synthesis import sum_of_gaussians

Array = NDArray[np.float64]
Signals = NDArray[np.float32]

NOISE_NORMALS = 80  # standard normal numbers that set one record's noise
EVENTS = 8  # at most so many electrode events in a record
WEAK_CONTACT = np.float32(0.65)  # what is left of the ECG in noisy records
SLOW_HZ = 25.0  # rate at which envelopes are made


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How noisy recordings are. Levels are mV, medians over records; each record varies about them.

    Attributes:
        wander: root mean square of the baseline's wander.
        muscle: root mean square of muscle noise.
        motion: root mean square of electrode motion in records of class "~"; others have 6 % of it.
        events: height of single electrode events.
        recorder: root mean square of the amplifier's own white noise.
        mains: amplitude of the mains hum.
        mains_hz: mains frequency, Hz (no hum where the sampling rate cannot carry it).
        band: pass band of the recorder, Hz: first-order high pass, sixth-order low pass.
        snr_db: where given, noise is scaled to this signal-to-noise ratio (dB) in each channel.

    Raises:
        ValueError: for a negative level or a band that is none.
    """

    wander: float = 0.028
    muscle: float = 0.008
    motion: float = 0.28
    events: float = 0.4
    recorder: float = 0.0016
    mains: float = 0.001
    mains_hz: float = 50.0
    band: tuple[float, float] = (0.5, 40.0)
    snr_db: float | None = None

    def __post_init__(self) -> None:
        levels = ("wander", "muscle", "motion", "events", "recorder", "mains", "mains_hz")
        for name in levels:
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"noise: {name} must not be negative: {getattr(self, name)}")
        if not 0 < self.band[0] < self.band[1]:
            raise ValueError(f"noise: band must rise from above 0 Hz, not {self.band}")
        if self.snr_db is not None and not np.isfinite(self.snr_db):
            raise ValueError(f"noise: snr_db must be finite, not {self.snr_db}")


def recorder_gain(f: Array, band: tuple[float, float]) -> Array:
    """Amplitude gain of the recorder at frequencies ``f`` (Hz)."""
    low, high = band
    return (f / np.hypot(f, low)) / np.sqrt(1 + (f / high) ** 12)


def add_noise(
    clean: Signals,
    levels: Noise,
    *,
    normals: Array,
    generators: Sequence[Sequence[np.random.Generator]],
    noisy: NDArray[np.bool_],
    fs: float,
) -> tuple[Signals, Array]:
    """Recordings (n, channels, samples) of clean signals, and each one's SNR in dB, (n,).

    In noisy records the ECG is weak, contact may be lost for a while and peaks may be clipped; the
    SNR is that before loss and clipping.

    Args:
        clean: signals without noise, mV.
        levels: how much of each kind.
        normals: standard normal numbers that set a record's levels and events,
            (n, ``NOISE_NORMALS``).
        generators: of each record, one for each channel.
        noisy: which records are of class "~", (n,).
        fs: sampling rate, Hz.
    """
    z = np.clip(normals, -2.5, 2.5)
    clean = clean * np.where(noisy, WEAK_CONTACT, np.float32(1))[:, None, None]
    noise = _coloured(levels, z[:, :11], generators, noisy, clean.shape[2], fs)
    if levels.mains_hz < 0.45 * fs:
        noise += _hum(levels, z[:, 11:13], clean.shape[2], fs)[:, None]
    noise += _events(levels.events, z[:, 13:53], noisy, clean.shape, fs)
    if noise.shape[1] > 1:  # I and II share the right arm's electrode, so III is no noisier
        noise[:, 1] = 0.5 * noise[:, 0] + np.sqrt(np.float32(0.75)) * noise[:, 1]
    signal_power, noise_power = np.var(clean, axis=2), np.var(noise, axis=2)
    if levels.snr_db is not None:
        wanted = signal_power / np.float32(10 ** (levels.snr_db / 10))
        noise *= np.sqrt(wanted / np.maximum(noise_power, 1e-12))[..., None]
        noise_power = wanted
    ratio = signal_power.mean(axis=1, dtype=float) / np.maximum(noise_power.mean(axis=1), 1e-12)
    snr = 10 * np.log10(np.maximum(ratio, 1e-12))
    return _lose_contact(clean + noise, z[:, 60:65], noisy), snr


def _coloured(
    levels: Noise,
    z: Array,
    generators: Sequence[Sequence[np.random.Generator]],
    noisy: NDArray[np.bool_],
    samples: int,
    fs: float,
) -> Signals:
    """Wander, plus muscle and motion under an envelope; drawn too long, lest its ends meet."""
    bad = noisy[:, None]
    wander = levels.wander * np.exp(0.7 * z[:, 0:1]) * np.where(bad, 1.8, 1.0)
    muscle = levels.muscle * np.exp(0.6 * z[:, 1:2]) * np.where(bad, 2.0, 1.0)
    motion = levels.motion * np.exp(0.75 * z[:, 2:3]) * np.where(bad, 1.0, 0.06)
    length = scipy.fft.next_fast_len(samples + int(5 * fs), real=True)
    f = np.arange(1, length // 2 + 1) * (fs / length)
    gain = recorder_gain(f, levels.band)

    def unit(spectrum: Array) -> Array:  # complex normal numbers of this size make an rms of one
        return length / 2 * spectrum / np.linalg.norm(spectrum)

    slow_bins = int(np.searchsorted(f, min(10.0, fs / 2)))
    slow_shape = wander * unit(gain / (1 + (f / 0.6) ** 2))[:slow_bins]
    fast_shape = np.sqrt(
        (muscle * unit(gain / np.hypot((10 / f) ** 2, 1 + (f / 18) ** 2))) ** 2
        + (motion * unit(gain * f / (1 + (f / 1.5) ** 2) ** 1.5)) ** 2
        + (levels.recorder * unit(np.ones(len(f)))) ** 2
    )
    white = _complex_normals(generators, slow_bins + len(f))
    spectrum = np.zeros((*white.shape[:2], len(f) + 1), np.complex64)
    spectrum[..., 1:] = white[..., slow_bins:] * fast_shape.astype(np.float32)[:, None]
    noise = scipy.fft.irfft(spectrum, length)[..., :samples]
    noise *= _envelope(z[:, 3:11], np.where(bad, 0.7, 0.35), samples, fs)[:, None]
    spectrum[..., 1:] = 0
    spectrum[..., 1 : slow_bins + 1] = (
        white[..., :slow_bins] * slow_shape.astype(np.float32)[:, None]
    )
    noise += scipy.fft.irfft(spectrum, length)[..., :samples]
    return noise


def _complex_normals(
    generators: Sequence[Sequence[np.random.Generator]], count: int
) -> NDArray[np.complex64]:
    """Complex numbers (n, channels, count), real and imaginary parts standard normal."""
    numbers = np.empty((len(generators), len(generators[0]), 2 * count), np.float32)
    for row, channels in zip(numbers, generators, strict=True):
        for out, rng in zip(row, channels, strict=True):
            rng.standard_normal(out=out, dtype=np.float32)
    return numbers.view(np.complex64)


def _envelope(z: Array, depth: Array, samples: int, fs: float) -> Signals:
    """Slowly changing height of muscle and motion noise, mean square one, (n, samples)."""
    t = np.arange(int(samples / fs * SLOW_HZ) + 2) / SLOW_HZ
    log_height = np.zeros((len(z), len(t)))
    for k, hz in enumerate((0.05, 0.11, 0.23, 0.41)):
        rate, phase = hz * np.exp(0.2 * z[:, k : k + 1]), np.pi * z[:, k + 4 : k + 5]
        log_height += depth * np.sin(2 * np.pi * rate * t + phase)
    height = np.exp(log_height)
    height /= np.sqrt((height**2).mean(axis=1, keepdims=True))
    at = np.arange(samples) / fs * SLOW_HZ
    left = at.astype(np.int64)
    part, knots = (at - left).astype(np.float32), height.astype(np.float32)
    return knots[:, left] * (1 - part) + knots[:, left + 1] * part


def _hum(levels: Noise, z: Array, samples: int, fs: float) -> Signals:
    """The mains at each record's height and phase, (n, samples)."""
    angle = 2 * np.pi * levels.mains_hz / fs * np.arange(samples)
    gain = recorder_gain(np.array(levels.mains_hz), levels.band)
    height, phase = levels.mains * gain * np.exp(0.8 * z[:, :1]), np.pi * z[:, 1:]
    hum = height * np.cos(phase) * np.sin(angle) + height * np.sin(phase) * np.cos(angle)
    return hum.astype(np.float32)


def _events(
    median: float, z: Array, noisy: NDArray[np.bool_], shape: tuple[int, ...], fs: float
) -> Signals:
    """Electrode events: a bump of either sign, then the slower swing back of the recorder's filter.

    The first is the settling at the start of the recording. Each channel feels an event in its own
    measure.
    """
    n, channels, samples = shape
    bad, settling = noisy[:, None], np.arange(EVENTS) == 0
    z = z.reshape(n, 5, EVENTS)
    height = median * np.where(bad, 1.5, 1.0) * np.where(settling, 1.5, 1.0) * np.sign(z[:, 0])
    happens = ndtr(z[:, 1]) < np.where(bad, 0.8, 0.15) + 0.3 * settling
    height = np.where(happens, height * np.exp(0.9 * z[:, 4]), 0.0)
    centre = np.where(settling, 0.0, samples / fs * ndtr(z[:, 2]))
    rise, fall = 0.08 * np.exp(0.6 * z[:, 3]), 0.20 * np.exp(0.5 * z[:, 3])
    widths = np.stack([[rise, fall], [fall, 1.5 * fall]])  # (bump and swing, sides, n, events)
    measure = np.cos(np.arange(channels)[:, None] * (1 + z[:, 0, None]))  # one in channel I
    size = np.concatenate([height[:, None] * measure, -0.35 * height[:, None] * measure], axis=2)
    return sum_of_gaussians(
        np.repeat(np.arange(n), 2 * EVENTS),
        np.concatenate([centre, centre + 2.5 * fall], axis=1).ravel(),
        widths.transpose(2, 0, 3, 1).reshape(-1, 2),
        size.transpose(0, 2, 1).reshape(-1, channels),
        shape=(n, channels, samples),
        fs=fs,
    )


def _lose_contact(signals: Signals, z: Array, noisy: NDArray[np.bool_]) -> Signals:
    """A third of the noisy records lose contact for a while (flat); a quarter are clipped."""
    samples = signals.shape[2]
    u = ndtr(z)
    for i in np.flatnonzero(noisy & (u[:, 0] < 0.35)):
        start = int(u[i, 1] * samples)
        signals[i, :, start : start + int((0.03 + 0.3 * u[i, 2]) * samples)] = 0.0
    for i in np.flatnonzero(noisy & (u[:, 3] < 0.25)):
        rail = np.float32(0.8 + 1.5 * u[i, 4])
        np.clip(signals[i], -rail, rail, out=signals[i])
    return signals
