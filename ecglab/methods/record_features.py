"""The baselines that every learned embedding must beat: numbers a cardiologist would look at.

RR statistics, the spectrum, and the average beat's shape, of whole records; nothing is learned.
What a linear probe makes of them is what a diffusion model has to improve on.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecglab.data.readers.base import warn_of_skipped
from ecglab.data.record import RecordError
from ecglab.data.windows import RecordSource, WindowSet, WindowSpec
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.profiles import Profile
from ecglab.signals import RR_FEATURES, bandpass
from ecglab.signals.features import RECORD_FEATURES, record_features
from ecglab.signals.spectral import SPECTRAL_FEATURES

_CHUNK = 250  # records per task


@register
class RecordFeatures(Method):
    """RR, beat-shape and spectral features: the strong baseline."""

    info = MethodInfo(
        name="record-features",
        title="RR, beat and spectral features",
        kind="features",
        modalities=("rr", "beat", "spectrum"),
        paper="baseline of this course",
        year=2026,
    )
    features: ClassVar[tuple[str, ...]] = RECORD_FEATURES

    def __init__(self) -> None:
        self.spec = WindowSpec(fs=250.0, scaling="none")
        self._columns = [RECORD_FEATURES.index(name) for name in self.features]

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The same for every profile."""
        return cls()

    def embed(
        self, data: WindowSet, *, seed: int = 0, t: int | Mapping[str, int] | None = None
    ) -> NDArray[np.float32]:
        """``features`` of every window's first lead, (n, d).

        Raises:
            ValueError: as ``check``.
        """
        self.check(data)
        rows = [record_features(np.asarray(x[0]), data.fs) for x in data.signals]
        return np.stack(rows).astype(np.float32)[:, self._columns]

    def embed_records(
        self,
        dataset: RecordSource,
        ids: Sequence[str] | None = None,
        *,
        seed: int = 0,
        t: int | Mapping[str, int] | None = None,
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """``features`` of whole records: a rhythm shows best in the longest trace there is."""
        names = list(dataset.ids() if ids is None else ids)
        chunks = [names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK)]
        tasks = (joblib.delayed(_whole_records)(dataset, chunk) for chunk in chunks)
        done = joblib.Parallel(n_jobs=min(2, len(chunks)))(tasks)
        found = [one for chunk, _ in done for one in chunk]
        skipped = [one for _, chunk in done for one in chunk]
        if not found:
            raise RecordError(f"{dataset.name}: no record could be read ({skipped[:1]})")
        warn_of_skipped(dataset.name, skipped, len(names))
        rows = pd.DataFrame([row for row, _ in found])
        return np.stack([x for _, x in found])[:, self._columns], rows


@register
class RRSpectral(RecordFeatures):
    """RR and spectral features alone, without the beat's shape: the plain baseline."""

    info = MethodInfo(
        name="rr-spectral",
        title="RR and spectral features",
        kind="features",
        modalities=("rr", "spectrum"),
        paper="baseline of this course",
        year=2026,
    )
    features = RR_FEATURES + SPECTRAL_FEATURES


def _whole_records(
    dataset: RecordSource, ids: Sequence[str]
) -> tuple[list[tuple[dict[str, str], NDArray[np.float32]]], list[tuple[str, str]]]:
    """Rows and features, and (id, reason) of each record that cannot be read or filtered."""
    found, skipped = [], []
    for name in ids:
        try:
            record = dataset.read(name)
            if record.signal is None:
                raise RecordError(f"{record.dataset}/{name}: annotations only")
            trace = bandpass(record.signal[0], record.fs)
        except (RecordError, ValueError) as error:
            skipped.append((name, str(error)))
            continue
        label = "|".join(record.labels)
        row = {"record": record.id, "subject": record.subject, "label": label}
        found.append((row, record_features(trace, record.fs).astype(np.float32)))
    return found, skipped
