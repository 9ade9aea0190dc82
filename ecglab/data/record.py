"""The one shape in which every data set, the simulator and a user's own arrays hand over an ECG."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


class RecordError(ValueError):
    """A record that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """Beat annotations: ``samples`` (n,) int64, ascending, and the source's ``symbols`` (n,)."""

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """A rhythm span, samples ``start`` (inclusive) to ``stop`` (exclusive).

    ``code`` is the source's own annotation, ``label`` the class that the data set's label map gives
    it (None where the map leaves it out).
    """

    start: int
    stop: int
    code: str
    label: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One ECG record.

    Attributes:
        id: the record's name within its data set.
        dataset: the data set's name in the catalog.
        subject: the person; the record's id where a data set names no persons.
        fs: sampling rate, Hz.
        leads: names, one per row of ``signal`` (``I, II, III, aVR, aVL, aVF, V1..V6, MLII, ...``).
        signal: float32 millivolts, shape (leads, samples); None where a set has annotations only.
        n_samples: length in samples; taken from ``signal`` where there is one.
        labels: the record's classes, by the data set's label map; empty where it has none.
        codes: the labels as the source writes them.
        beats: beat annotations, where the set has them.
        rhythms: rhythm spans, where the set has them; gaps between spans are unannotated.
        meta: anything else worth keeping (``fold``, ``age``, ``sex``, ...).

    Raises:
        RecordError: where shapes, leads and lengths do not agree.
    """

    id: str
    dataset: str
    subject: str
    fs: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32] | None
    n_samples: int = -1
    labels: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    beats: Beats | None = None
    rhythms: tuple[Rhythm, ...] = ()
    meta: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = f"{self.dataset}/{self.id}"
        if not self.fs > 0:
            raise RecordError(f"{name}: sampling rate must be positive, not {self.fs}")
        if self.signal is None:
            if self.n_samples < 0:
                raise RecordError(f"{name}: a record without a signal must state its n_samples")
            return
        if self.signal.ndim != 2 or self.signal.shape[0] != len(self.leads):
            raise RecordError(
                f"{name}: signal of shape {self.signal.shape} does not fit leads {self.leads}"
            )
        if self.signal.dtype != np.float32:
            raise RecordError(f"{name}: signal must be float32, not {self.signal.dtype}")
        if self.n_samples not in (-1, self.signal.shape[1]):
            raise RecordError(
                f"{name}: n_samples {self.n_samples}, but the signal has {self.signal.shape[1]}"
            )
        object.__setattr__(self, "n_samples", self.signal.shape[1])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.fs

    def lead(self, name: str) -> NDArray[np.float32]:
        """The trace of one lead, shape (samples,), by name.

        Raises:
            RecordError: where the record has no signal or no such lead.
        """
        if self.signal is None or name not in self.leads:
            raise RecordError(f"{self.dataset}/{self.id}: no lead {name!r} among {self.leads}")
        return self.signal[self.leads.index(name)]
