"""What to simulate: the simulator's options, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ecglab.data.simulator.beat import LEADS
from ecglab.data.simulator.kinds import CLASSES, MIX, RHYTHMS, UNDER_NOISE
from ecglab.data.simulator.noise import Noise


class Options(TypedDict, total=False):
    """The options of ``Plan`` that have a default, for keyword arguments passed on to it."""

    fs: float
    seconds: float
    leads: Sequence[str]
    mix: Mapping[str, float] | None
    records_per_subject: int
    noise: Noise | None
    inverted: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to simulate.

    Attributes:
        seed: of all random numbers, 0 or more.
        fs: sampling rate, Hz, 50 to 10,000.
        seconds: length of each record.
        leads: of the twelve, in the order wanted.
        mix: shares of the classes N, A, O, ~ (or of single rhythms, by their names in ``RHYTHMS``);
            they need not add up to one. None for the shares of CinC 2017.
        records_per_subject: how many records in a row come from one subject.
        noise: how noisy the recordings are; None for clean signals of the same hearts.
        inverted: share of single-lead recordings with exchanged electrodes, so upside down.

    Raises:
        ValueError: for a length, rate, lead, class or share that makes no sense.
    """

    seed: int
    fs: float = 300.0
    seconds: float = 30.0
    leads: Sequence[str] = ("I",)
    mix: Mapping[str, float] | None = None
    records_per_subject: int = 1
    noise: Noise | None = field(default_factory=Noise)
    inverted: float = 0.15

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, not {self.seed}")
        if not 50 <= self.fs <= 10_000:
            raise ValueError(f"fs must lie between 50 and 10,000 Hz, not {self.fs}")
        if not 0 < self.seconds <= 86_400 or self.samples < 1:
            raise ValueError(f"seconds must be positive and at most a day, not {self.seconds}")
        leads = (self.leads,) if isinstance(self.leads, str) else tuple(self.leads)
        if not leads or not set(leads) <= set(LEADS) or len(set(leads)) < len(leads):
            raise ValueError(f"leads must be among {LEADS}, each once, not {self.leads}")
        object.__setattr__(self, "leads", leads)
        if self.records_per_subject < 1:
            raise ValueError(f"records_per_subject must be 1 or more: {self.records_per_subject}")
        if not 0 <= self.inverted <= 1:
            raise ValueError(f"inverted is a share between 0 and 1, not {self.inverted}")
        self.choices()

    @property
    def samples(self) -> int:
        """Length of each record in samples."""
        return round(self.seconds * self.fs)

    def choices(self) -> tuple[list[tuple[str, str]], NDArray[np.float64]]:
        """All pairs of (class, rhythm's name) that ``mix`` allows, and their cumulated shares.

        Raises:
            ValueError: for an unknown class, or shares that are negative or all zero.
        """
        mix = MIX if self.mix is None else self.mix
        unknown = sorted(set(mix) - set(CLASSES) - set(RHYTHMS))
        if unknown:
            raise ValueError(
                f"mix names {unknown}; there are the classes {CLASSES} and the rhythms {[*RHYTHMS]}"
            )
        shares: dict[tuple[str, str], float] = {}
        for key, share in mix.items():
            for pair, part in _rhythms_of(key).items():
                shares[pair] = shares.get(pair, 0.0) + share * part
        sizes = np.array(list(shares.values()), float)
        if not (np.all(np.isfinite(sizes)) and np.all(sizes >= 0) and sizes.sum() > 0):
            raise ValueError(f"mix must have shares of 0 or more, one above 0: {dict(mix)}")
        return list(shares), np.cumsum(sizes) / sizes.sum()


def _rhythms_of(key: str) -> dict[tuple[str, str], float]:
    """The pairs (class, rhythm's name) behind a key of ``mix``, with shares that add up to one."""
    if key in RHYTHMS:
        return {(RHYTHMS[key].label, key): 1.0}
    if key == "~":
        return {
            ("~", name): part * share
            for label, part in UNDER_NOISE.items()
            for (_, name), share in _rhythms_of(label).items()
        }
    kinds = {name: kind.share for name, kind in RHYTHMS.items() if kind.label == key}
    return {(key, name): share / sum(kinds.values()) for name, share in kinds.items()}
