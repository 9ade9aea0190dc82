"""Three kinds of noise that recordings have, to be added at a wanted signal-to-noise ratio.

The MIT-BIH Noise Stress Test Database (Moody et al. 1984) recorded the three; these are drawn
instead, so that every record can have its own:

- ``wander``: the baseline moves with breath and skin; random phases from 0.05 to 0.7 Hz, the power
  falling as 1 / f^2.
- ``muscle``: white noise from 20 Hz up, in bursts.
- ``motion``: the electrode is pushed; jumps at random times that fade within a second, as wide as a
  beat and so the kind that a filter cannot take away.
"""

import numpy as np
from numpy.typing import NDArray

from ecglab.signals.filters import bandpass

KINDS = ("wander", "muscle", "motion")


def draw_artefact(
    kind: str, samples: int, fs: float, *, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise of one kind, mean 0 and variance 1, (samples,).

    Args:
        kind: one of ``KINDS``.
        samples: how many; at least two seconds' worth.
        fs: sampling rate, Hz; above 50.
        rng: what it is drawn from.

    Raises:
        ValueError: for another kind, a trace that is too short, or a rate that is too low.
    """
    if kind not in KINDS:
        raise ValueError(f"noise is one of {KINDS}, not {kind!r}")
    if fs <= 50 or samples < 2 * fs:
        raise ValueError(f"{samples} samples at {fs:g} Hz: two seconds above 50 Hz are needed")
    time = np.arange(samples) / fs
    if kind == "wander":
        f = rng.uniform(0.05, 0.7, size=12)
        waves = np.sin(2 * np.pi * (f[:, None] * time + rng.random((12, 1))))
        noise = (waves / f[:, None]).sum(axis=0)
    elif kind == "muscle":
        high = min(150.0, 0.45 * fs)
        white = rng.normal(size=samples).astype(np.float32)
        noise = np.asarray(bandpass(white, fs, low=20.0, high=high), dtype=np.float64)
        every = np.arange(0, time[-1] + 1, 0.5)  # a new strength twice a second
        noise = noise * np.interp(time, every, np.exp(rng.normal(size=len(every))))
    else:
        noise = np.zeros(samples)
        for start in rng.uniform(-1, time[-1], size=max(3, rng.poisson(time[-1]))):
            after = np.clip(time - start, 0, None)
            rise, fall = rng.uniform(0.02, 0.1), rng.uniform(0.1, 0.5)
            noise += rng.normal() * (np.exp(-after / fall) - np.exp(-after / rise)) * (after > 0)
    noise = noise - noise.mean()
    return (noise / noise.std()).astype(np.float32)


def add_artefact(
    x: NDArray[np.float32], kind: str, snr_db: float, fs: float, *, rng: np.random.Generator
) -> NDArray[np.float32]:
    """``x + a noise`` with ``Var(x) / Var(a noise) = 10^(snr_db / 10)``; x and result (samples,).

    The whole trace has the ratio: parts of it are better, parts worse.

    Raises:
        ValueError: as ``draw_artefact``; for a ratio that is not finite.
    """
    if not np.isfinite(snr_db):
        raise ValueError(f"a signal-to-noise ratio is a finite number of dB, not {snr_db}")
    noise = draw_artefact(kind, len(x), fs, rng=rng)
    return x + np.float32(x.std() * 10 ** (-snr_db / 20)) * noise
