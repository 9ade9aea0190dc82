"""What a heart beat looks like: a moving dipole seen from twelve leads.

Each wave of a beat (P, Q, R, S, T) is a dipole in the chest that swells and fades as a Gaussian in
time. Their sum is the vectorcardiogram (X to the subject's left, Y to the feet, Z to the back, mV);
a fixed matrix projects it to the leads (Dower, Machado and Osborne 1980). A subject differs from
the mean by the size, direction and width of the waves and by where the electrodes sit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecglab.data.simulator.rhythm import ATRIAL, NORMAL, VENTRICULAR

Array = NDArray[np.float64]

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CHANNELS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")  # the other leads follow from I and II
DOWER = np.array(
    [  # X, Y, Z
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)

P1, P2, Q, R, S, T = range(6)  # P1: right atrium, P2: left atrium
# Delay after the R peak (s; of T at RR = 1 s), widths before and after the wave's peak (s), dipole
# (mV). The axes, the widths and the ratios between waves are those of textbook adults; the sizes
# were set by comparison with CinC 2017.
NORMAL_BEAT = np.array(
    [
        [-0.158, 0.019, 0.018, 0.065, 0.100, -0.042],
        [-0.130, 0.019, 0.018, 0.125, 0.075, 0.038],
        [-0.025, 0.0065, 0.0055, -0.17, -0.060, -0.200],
        [0.000, 0.0120, 0.0078, 1.46, 0.690, 0.310],
        [0.022, 0.0055, 0.0085, -0.31, -0.150, 0.480],
        [0.270, 0.068, 0.038, 0.49, 0.200, -0.280],
    ]
)
LEFT_BLOCK = np.array(  # of Q, R, S, T: one broad, notched wave to the left; T against it
    [
        [-0.040, 0.020, 0.020, 0.55, 0.200, 0.450],
        [0.000, 0.022, 0.022, 1.05, 0.350, 0.700],
        [0.060, 0.016, 0.016, 0.05, 0.000, 0.200],
        [0.300, 0.070, 0.045, -0.32, -0.060, -0.350],
    ]
)
RIGHT_BLOCK = np.array(  # of S, T: a late wave to the right and to the front; T against it
    [
        [0.052, 0.016, 0.022, -0.42, -0.100, -0.620],
        [0.290, 0.065, 0.040, 0.36, 0.200, 0.050],
    ]
)
VENTRICULAR_QRST = np.array(  # along the main axis of the ectopic beat: delay, widths, size
    [
        [-0.055, 0.020, 0.020, 0.20],
        [0.000, 0.030, 0.030, 1.00],
        [0.085, 0.028, 0.035, -0.22],
        [0.310, 0.070, 0.055, -0.38],
    ]
)


@dataclass(frozen=True, kw_only=True)
class Hearts:
    """The anatomy of n subjects.

    Attributes:
        delay: of each wave after the R peak, s, shape (n, origins, waves).
        width: standard deviations before and after a wave's peak, s, (n, origins, waves, 2).
        dipole: mV, (n, origins, waves, 3).
        projection: from the dipole to ``CHANNELS``, (n, 8, 3).
        fibrillation: dipole of the fibrillatory and flutter waves, mV, (n, 3).
        breathing: relative change of the X, Y and Z dipole with respiration, (n, 3).
    """

    delay: Array
    width: Array
    dipole: Array
    projection: Array
    fibrillation: Array
    breathing: Array


HEART_NORMALS = 64  # standard normal numbers that make one heart


class _Draws:
    """Deals out the columns of (n, columns) standard normal numbers, clipped at 2.5."""

    def __init__(self, normals: Array) -> None:
        self.columns = iter(np.clip(normals, -2.5, 2.5).T)

    def take(self, count: int) -> Array:
        """The next columns, (n, count)."""
        return np.stack([next(self.columns) for _ in range(count)], axis=1)

    def factor(self, log_sd: float) -> Array:
        """Log-normal factors with median one, (n,)."""
        return np.exp(log_sd * next(self.columns))


def hearts(normals: Array, blocks: NDArray[np.str_]) -> Hearts:
    """Hearts from standard normal numbers (n, ``HEART_NORMALS``).

    Args:
        normals: one row for each subject.
        blocks: "", "left" or "right" for each subject: the bundle branch that does not conduct.
    """
    draws = _Draws(normals)
    size = draws.factor(0.32)
    usual = _usual_beats(draws, size, blocks)
    beats = {
        NORMAL: usual,
        ATRIAL: _from_the_atria(*usual, draws.take(4)),
        VENTRICULAR: _from_a_ventricle(*usual, size, draws.take(5)),
    }
    by_origin = [beats[origin] for origin in sorted(beats)]
    delay, width, dipole = (np.stack(arrays, axis=1) for arrays in zip(*by_origin, strict=True))
    delay -= _peak_of_qrs(delay, width, dipole)[..., None]
    fibrillation = np.array([0.05, 0.05, -0.06]) * np.exp(0.35 * draws.take(3))
    return Hearts(
        delay=delay,
        width=width,
        dipole=dipole,
        projection=DOWER * (1 + 0.06 * draws.take(len(CHANNELS)))[..., None],
        fibrillation=fibrillation * size[:, None],
        breathing=0.05 * np.exp(0.5 * draws.take(3)),
    )


def _usual_beats(
    draws: _Draws, size: Array, blocks: NDArray[np.str_]
) -> tuple[Array, Array, Array]:
    """Delays, widths and dipoles of each subject's usual beat."""
    form = np.repeat(NORMAL_BEAT[None], len(size), axis=0)
    form[blocks == "left", Q:] = LEFT_BLOCK
    form[blocks == "right", S:] = RIGHT_BLOCK
    delay, width, dipole = form[..., 0], form[..., 1:3], form[..., 3:]
    delay[:, [P1, P2]] += 0.014 * draws.take(1)
    delay[:, T] *= draws.factor(0.06)
    for waves, log_sd in (([P1, P2], 0.10), ([Q, R, S], 0.14), ([T], 0.15)):
        width[:, waves] *= draws.factor(log_sd)[:, None, None]
    for waves, log_sd in (([P1, P2], 0.25), ([Q], 0.4), ([R], 0.12), ([S], 0.5), ([T], 0.27)):
        dipole[:, waves] *= (size * draws.factor(log_sd))[:, None, None]
    axis = rotation(np.radians([10.0, 14.0, 15.0]) * draws.take(3))
    dipole = dipole @ axis.transpose(0, 2, 1)
    for waves, degrees in (([P1, P2], 9.0), ([T], 16.0)):
        own = rotation(np.radians(degrees) * draws.take(3))
        dipole[:, waves] = dipole[:, waves] @ own.transpose(0, 2, 1)
    return delay, width, dipole


def _from_the_atria(
    delay: Array, width: Array, dipole: Array, z: Array
) -> tuple[Array, Array, Array]:
    """An atrial ectopic beat: the usual QRST after a P wave from another place."""
    delay, dipole = delay.copy(), dipole.copy()
    delay[:, [P1, P2]] += 0.02 + 0.008 * z[:, 3:]
    turn = rotation(np.radians(35.0) * z[:, :3] + np.radians([0.0, 0.0, -70.0]))
    dipole[:, [P1, P2]] = dipole[:, [P1, P2]] @ turn.transpose(0, 2, 1)
    return delay, width, dipole


def _from_a_ventricle(
    delay: Array, width: Array, dipole: Array, size: Array, z: Array
) -> tuple[Array, Array, Array]:
    """A ventricular ectopic beat: no P, a wide tall QRS along an axis of its own, T against it."""
    delay, width, dipole = delay.copy(), width.copy(), np.zeros_like(dipole)
    delay[:, Q:], width[:, Q:] = VENTRICULAR_QRST[:, 0], VENTRICULAR_QRST[:, 1:3]
    width[:, Q:T] *= np.exp(0.15 * z[:, :1, None])
    side = np.where(z[:, 1] > -0.2, 1.0, -1.0)  # from the right ventricle it runs to the left
    vertical = np.where(z[:, 2] > 0, 0.4, -0.4) + 0.2 * z[:, 2]  # never across all limb leads
    axis = np.stack([0.8 * side, vertical, 0.35 * side + 0.2 * z[:, 3]], axis=1)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    height = 1.35 * size * np.exp(0.2 * z[:, 4])
    dipole[:, Q:] = height[:, None, None] * VENTRICULAR_QRST[:, 3:] * axis[:, None]
    return delay, width, dipole


def _peak_of_qrs(delay: Array, width: Array, dipole: Array) -> Array:
    """When the vector of Q, R and S is longest, s after the R wave's own peak, (n, origins)."""
    t = np.arange(-0.06, 0.09, 0.001)
    u = t[:, None] - delay[..., None, Q:T]
    u /= np.where(u < 0, width[..., None, Q:T, 0], width[..., None, Q:T, 1])
    vector = np.exp(-0.5 * u * u) @ dipole[..., Q:T, :]
    return t[np.argmax((vector**2).sum(axis=-1), axis=-1)]


def rotation(angles: Array) -> Array:
    """Rotation matrices (n, 3, 3) about X, then Y, then Z, for angles (n, 3) in rad."""
    cos, sin = np.cos(angles), np.sin(angles)
    turns = np.tile(np.eye(3), (3, len(angles), 1, 1))
    for axis, (a, b) in enumerate(((1, 2), (2, 0), (0, 1))):
        turns[axis, :, a, a] = turns[axis, :, b, b] = cos[:, axis]
        turns[axis, :, b, a], turns[axis, :, a, b] = sin[:, axis], -sin[:, axis]
    return turns[2] @ turns[1] @ turns[0]


def derive_leads(channels: NDArray[np.float32], leads: tuple[str, ...]) -> NDArray[np.float32]:
    """The leads asked for, (n, leads, samples), from channels (n, 1 or 8, samples).

    Einthoven: III = II - I. Goldberger: aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2.
    """
    i, ii = channels[:, 0], channels[:, min(1, channels.shape[1] - 1)]
    limb = {
        "III": lambda: ii - i,
        "aVR": lambda: (i + ii) / -2,
        "aVL": lambda: i - ii / 2,
        "aVF": lambda: ii - i / 2,
    }
    rows = [limb[x]() if x in limb else channels[:, CHANNELS.index(x)] for x in leads]
    return np.stack(rows, axis=1)
