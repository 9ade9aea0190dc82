"""Simulated records as arrays: rhythms, hearts and noise put together.

Record i of a seed depends on the seed, i and the plan alone: each record draws its random numbers
from generators keyed by (stream, i, seed), so neither the number of records nor the order in which
they are made matters. A record's leads come from one heart vector and one set of noises, and the
noises have streams of their own: asking for other leads or without noise shows the same heart.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ecglab.data.record import Beats, Rhythm
from ecglab.data.simulator.beat import CHANNELS, HEART_NORMALS, derive_leads, hearts
from ecglab.data.simulator.kinds import CODE_CLASS, RHYTHMS
from ecglab.data.simulator.noise import NOISE_NORMALS, add_noise
from ecglab.data.simulator.plan import Options, Plan
from ecglab.data.simulator.rhythm import PACING_NORMALS, SYMBOLS, BeatTrain, Pacing, pacing
from ecglab.data.simulator.synthesis import ATRIAL_PHASES, vectorcardiogram

BLOCK_SAMPLES = 300_000  # made at a time: few enough for the processor's cache
SUBJECT, RHYTHM, RECORDER, CHANNEL = range(4)  # streams of random numbers; channels from 3 on


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Simulated records as arrays and lists, one entry for each record.

    Attributes:
        signals: float32 mV, (n, leads, samples).
        labels: classes.
        beats: R peaks (where the heart vector of the QRS complex is longest), each with N, or A or
            V where it is ectopic and comes from the atria or a ventricle. The truth of the heart:
            a noisy recording may not show them.
        rhythms: rhythm spans.
        meta: subject, the rhythm's name, SNR in dB, whether inverted, and the subject's parameters.
    """

    signals: NDArray[np.float32]
    labels: tuple[str, ...]
    beats: tuple[Beats, ...]
    rhythms: tuple[tuple[Rhythm, ...], ...]
    meta: tuple[dict[str, Any], ...]

    @property
    def peaks(self) -> tuple[NDArray[np.int64], ...]:
        """R-peak samples of each record."""
        return tuple(beats.samples for beats in self.beats)


def simulate_batch(n: int, *, seed: int, first: int = 0, **options: Unpack[Options]) -> Batch:
    """Records ``first`` to ``first + n - 1`` of a seed, as arrays.

    Args:
        n: how many records.
        seed: of all random numbers.
        first: index of the first record.
        options: the other attributes of ``Plan``: fs, seconds, leads, mix, records_per_subject,
            noise, inverted.

    Raises:
        ValueError: for an option that makes no sense.

    >>> batch = simulate_batch(3, seed=1, seconds=10.0, leads=("I", "II"))
    >>> batch.signals.shape
    (3, 2, 3000)
    """
    plan = Plan(seed=seed, **options)
    parts = list(blocks(plan, n, first))
    empty = np.zeros((0, len(plan.leads), plan.samples), np.float32)
    return Batch(
        signals=np.concatenate([empty] + [part.signals for part in parts]),
        labels=tuple(label for part in parts for label in part.labels),
        beats=tuple(beats for part in parts for beats in part.beats),
        rhythms=tuple(spans for part in parts for spans in part.rhythms),
        meta=tuple(meta for part in parts for meta in part.meta),
    )


def blocks(plan: Plan, n: int, first: int = 0) -> Iterator[Batch]:
    """The same records in batches of at most ``block_size``.

    Raises:
        ValueError: for a negative count or index.
    """
    if n < 0 or first < 0:
        raise ValueError(f"n and first must not be negative, not {n} and {first}")
    size = block_size(plan)
    return (
        make_block(plan, range(start, min(start + size, first + n)))
        for start in range(first, first + n, size)
    )


def block_size(plan: Plan) -> int:
    """How many records are made at a time."""
    return max(1, min(BLOCK_SAMPLES // plan.samples, 256))


def make_block(plan: Plan, indices: range) -> Batch:
    """The records with these indices, all made together."""
    pairs, shares = plan.choices()
    stories = [_tell(plan, index, pairs, shares) for index in indices]
    noisy = np.array([story.label == "~" for story in stories])
    signals = _clean_channels(plan, stories)
    snr = np.full(len(stories), math.inf)
    if plan.noise is not None:
        recorders = [_generator(RECORDER, index, plan.seed) for index in indices]
        channels = range(CHANNEL, CHANNEL + signals.shape[1])
        signals, snr = add_noise(
            signals,
            plan.noise,
            normals=np.stack([rng.standard_normal(NOISE_NORMALS) for rng in recorders]),
            generators=[[_generator(c, index, plan.seed) for c in channels] for index in indices],
            noisy=noisy,
            fs=plan.fs,
        )
    signals = derive_leads(signals, tuple(plan.leads))
    signals[[story.inverted for story in stories]] *= -1
    return Batch(
        signals=signals,
        labels=tuple(story.label for story in stories),
        beats=tuple(_beats(story.train, plan) for story in stories),
        rhythms=tuple(_spans(story.train, plan) for story in stories),
        meta=tuple(_meta(story, float(x)) for story, x in zip(stories, snr, strict=True)),
    )


@dataclass(frozen=True, kw_only=True)
class _Story:
    """What happens in one record, before it becomes a signal."""

    label: str
    rhythm: str
    subject: int
    pacing: Pacing
    train: BeatTrain
    heart: NDArray[np.float64]  # standard normal numbers
    phases: NDArray[np.float64]  # of the fibrillatory waves, rad
    inverted: bool


def _generator(stream: int, index: int, seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([stream, index, seed]))


def _tell(
    plan: Plan, index: int, pairs: list[tuple[str, str]], shares: NDArray[np.float64]
) -> _Story:
    """One record's subject, class, rhythm and beats."""
    subject = index // plan.records_per_subject
    own = _generator(SUBJECT, subject, plan.seed).standard_normal(PACING_NORMALS + HEART_NORMALS)
    keeps_time = pacing(own[:PACING_NORMALS])
    rng = _generator(RHYTHM, index, plan.seed)
    label, rhythm = pairs[int(np.searchsorted(shares, rng.random(), side="right"))]
    return _Story(
        label=label,
        rhythm=rhythm,
        subject=subject,
        pacing=keeps_time,
        heart=own[PACING_NORMALS:],
        inverted=bool(rng.random() < plan.inverted) and len(plan.leads) == 1,
        phases=rng.uniform(0, 2 * np.pi, ATRIAL_PHASES),
        train=RHYTHMS[rhythm].play(rng, keeps_time, plan.samples / plan.fs),
    )


def _clean_channels(plan: Plan, stories: list[_Story]) -> NDArray[np.float32]:
    """The stories as signals without noise: lead I, or all of ``CHANNELS`` where others matter."""
    trains = [story.train for story in stories]
    normals = np.stack([story.heart for story in stories])
    anatomy = hearts(normals, np.array([train.block for train in trains]))
    vector = vectorcardiogram(
        anatomy,
        trains,
        [story.pacing for story in stories],
        np.stack([story.phases for story in stories]),
        fs=plan.fs,
        samples=plan.samples,
    )
    needed = 1 if tuple(plan.leads) == ("I",) else len(CHANNELS)
    return anatomy.projection[:, :needed].astype(np.float32) @ vector


def _beats(train: BeatTrain, plan: Plan) -> Beats:
    samples = np.rint(train.times * plan.fs).astype(np.int64)
    seen = (samples >= 0) & (samples < plan.samples)
    return Beats(
        samples=samples[seen], symbols=tuple(SYMBOLS[origin] for origin in train.origin[seen])
    )


def _spans(train: BeatTrain, plan: Plan) -> tuple[Rhythm, ...]:
    edges = [
        (round(start * plan.fs), round(stop * plan.fs), code)
        for start, stop, code in train.spans(plan.samples / plan.fs)
    ]
    return tuple(
        Rhythm(start=start, stop=stop, code=code, label=CODE_CLASS[code])
        for start, stop, code in edges
        if stop > start
    )


def _meta(story: _Story, snr_db: float) -> dict[str, Any]:
    return {
        "subject": f"P{story.subject:06d}",
        "rhythm": story.rhythm,
        "snr_db": snr_db,
        "inverted": story.inverted,
        "block": story.train.block,
        "atrial_hz": story.train.atrial_hz,
        **asdict(story.pacing),
    }
