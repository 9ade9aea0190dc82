"""From beat trains and hearts to signals: Gaussian waves and atrial waves, many records at once."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecglab.data.simulator.beat import P1, P2, Array, Hearts, T
from ecglab.data.simulator.rhythm import BeatTrain, Pacing, breathing

REACH = 4.0  # a wave ends where its Gaussian has fallen to 0.0003
ATRIAL_PHASES = 8  # random phases that one record's fibrillatory waves need
QT_MEMORY = np.array([0.4, 0.25, 0.15, 0.1, 0.1])  # weights of the last intervals, latest first


def vectorcardiogram(
    hearts: Hearts,
    trains: Sequence[BeatTrain],
    pacings: Sequence[Pacing],
    atrial_phases: Array,
    *,
    fs: float,
    samples: int,
) -> NDArray[np.float32]:
    """The clean heart vector of each record, mV, shape (n, 3, samples).

    Args:
        hearts: n hearts.
        trains: n beat trains.
        pacings: n subjects' pacing (for their respiration).
        atrial_phases: random phases (rad) of the fibrillatory waves, (n, 8).
        fs: sampling rate, Hz.
        samples: length of each record.
    """
    record = np.repeat(np.arange(len(trains)), [len(train.rr) for train in trains])
    time = np.concatenate([train.times for train in trains])
    delay, width, dipole = _waves_of_beats(hearts, trains, pacings, record, time)
    vector = sum_of_gaussians(
        np.repeat(record, delay.shape[1]),
        (time[:, None] + delay).ravel(),
        width.reshape(-1, 2),
        dipole.reshape(-1, 3),
        shape=(len(trains), 3, samples),
        fs=fs,
    )
    for i, train in enumerate(trains):
        if train.atrial_hz > 0:
            _add_atrial_waves(vector[i], train, hearts.fibrillation[i], atrial_phases[i], fs)
    return vector


def _waves_of_beats(
    hearts: Hearts,
    trains: Sequence[BeatTrain],
    pacings: Sequence[Pacing],
    record: NDArray[np.int64],
    time: Array,
) -> tuple[Array, Array, Array]:
    """Delays, widths and dipoles of each beat's waves, adapted to rate and respiration.

    QT goes with the cube root of RR (Fridericia); P waves come a little earlier at slow rates.
    """
    origin = np.concatenate([train.origin for train in trains])
    p_wave = np.concatenate([train.p_wave for train in trains])
    rr = np.concatenate([_qt_interval(train.rr) for train in trains])
    pr_extra = np.array([train.pr_extra for train in trains])[record]
    hz = np.array([pacing.breath_hz for pacing in pacings])[record]
    phase = np.array([train.breath_phase for train in trains])[record]
    gain = 1 + hearts.breathing[record] * breathing(time, hz, phase)[:, None]
    delay, width = hearts.delay[record, origin], hearts.width[record, origin]
    dipole = hearts.dipole[record, origin] * gain[:, None]
    delay[:, T] *= np.cbrt(rr)
    width[:, T] *= np.sqrt(rr)[:, None]
    delay[:, [P1, P2]] *= (0.8 + 0.2 * np.minimum(rr, 1.2))[:, None]
    delay[:, [P1, P2]] -= pr_extra[:, None]
    dipole[:, [P1, P2]] *= p_wave[:, None, None]
    return delay, width, dipole


def _qt_interval(rr: Array) -> Array:
    """The interval that sets each beat's QT: a mean of the last five, for QT lags behind."""
    rr = np.concatenate([np.full(4, rr[1]), rr[1:2], rr[1:]])
    return np.convolve(rr, QT_MEMORY, mode="valid")


def sum_of_gaussians(
    record: NDArray[np.int64],
    centre: Array,
    width: Array,
    size: Array,
    *,
    shape: tuple[int, int, int],
    fs: float,
) -> NDArray[np.float32]:
    """sum_w size_w exp(-(t - centre_w)^2 / (2 width_w^2)), each wave cut off at ``REACH`` widths.

    Args:
        record: which record a wave belongs to, (waves,).
        centre: s, (waves,).
        width: standard deviations before and after the centre, s, (waves, 2).
        size: mV, (waves, axes).
        shape: (records, axes, samples) of the result.
        fs: sampling rate, Hz.
    """
    records, axes, samples = shape
    first, length = _windows(centre, width, fs)
    seen = (first + length > 0) & (first < samples) & np.any(size != 0, axis=1)
    margin = int(length[seen].max(initial=0))  # so that waves may hang over the ends
    row = samples + 2 * margin
    start = record * row + margin + first
    late, sharp, height = (x.astype(np.float32) for x in (first / fs - centre, 1 / width, size.T))
    places, values = [np.zeros(0, np.int64)], [np.zeros((axes, 0), np.float32)]
    for common in np.unique(length[seen]):  # waves of one length at a time
        waves = np.flatnonzero(seen & (length == common))
        step = np.arange(common)
        u = (step / fs).astype(np.float32) + late[waves, None]
        u *= np.where(u < 0, sharp[waves, :1], sharp[waves, 1:])
        places.append((start[waves, None] + step).ravel())
        values.append((height[:, waves, None] * _bell(u)).reshape(axes, -1))
    place = np.concatenate(places)
    sums = [np.bincount(place, v, records * row) for v in np.concatenate(values, axis=1)]
    padded = np.stack([s.reshape(records, row) for s in sums], axis=1)
    return padded[:, :, margin : margin + samples].astype(np.float32)


def _windows(centre: Array, width: Array, fs: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First sample and length of each wave's window; lengths are rounded up to powers of 1.3."""
    first = np.floor((centre - REACH * width[:, 0]) * fs)
    length = np.ceil(REACH * width.sum(axis=1) * fs) + 2
    length = np.ceil(1.3 ** np.ceil(np.log(length) / np.log(1.3)))
    return first.astype(np.int64), length.astype(np.int64)


def _bell(u: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(-u^2 / 2), in place: this is the simulator's innermost work."""
    u *= u
    u *= np.float32(-0.5)
    return np.exp(u, out=u)


def _add_atrial_waves(
    vector: NDArray[np.float32], train: BeatTrain, dipole: Array, phases: Array, fs: float
) -> None:
    """Add fibrillatory or flutter waves (in place) to one record's heart vector (3, samples).

    A sawtooth: sin a + 0.45 sin 2a + 0.2 sin 3a. In fibrillation its frequency and height wander
    and the three axes are out of phase; in flutter it is regular, and locked to the beats.
    """
    samples = vector.shape[1]
    t = np.arange(samples, dtype=np.float32) / np.float32(fs)
    angle = np.float32(2 * np.pi * train.atrial_hz) * t
    height = np.ones(samples, np.float32)
    lags = np.array([0.0, 0.4, 0.8])
    if train.code == "(AFL":
        lags -= 2 * np.pi * train.atrial_hz * train.times[1]
        dipole = dipole * np.array([0.8, -3.0, 1.2])  # the typical circuit: negative in II
    else:
        wobbles = [
            np.sin(np.float32(2 * np.pi * hz) * t + np.float32(phase))
            for hz, phase in zip((0.13, 0.7, 2.1, 0.23, 1.1), phases, strict=False)
        ]
        angle += 1.5 * wobbles[0] + 0.7 * wobbles[1] + 0.35 * wobbles[2]
        height += 0.3 * wobbles[3] + 0.3 * wobbles[4]
        lags = phases[5:]
    for start, stop, code in train.spans(samples / fs):
        if code not in ("(AFIB", "(AFL"):
            height[round(start * fs) : round(stop * fs)] = 0.0
    sin, cos = np.sin(angle), np.cos(angle)
    for axis, lag in enumerate(lags.tolist()):
        s, c = sin * math.cos(lag) + cos * math.sin(lag), cos * math.cos(lag) - sin * math.sin(lag)
        sawtooth = s * (1 + 0.9 * c + 0.2 * (3 - 4 * s * s))  # by the double and triple angle
        vector[axis] += float(dipole[axis]) * height * sawtooth
