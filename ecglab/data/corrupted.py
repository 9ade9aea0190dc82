"""A data set with noise added to its records: how does a method stand it that knows clean ones?"""

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from ecglab.data.readers.base import Dataset
from ecglab.data.record import Record
from ecglab.signals.artefacts import KINDS, add_artefact


class Corrupted:
    """A data set whose records have noise of one kind, the same at every ratio but for its size.

    The noise comes before the filters of a method's windows, as it would in a recording.

    Args:
        source: the clean records.
        kind: one of ``KINDS`` of ``signals/artefacts.py``.
        snr_db: signal-to-noise ratio of every lead, dB.
        seed: of the noise, beside the record's name.
    """

    def __init__(self, source: Dataset, kind: str, snr_db: float, *, seed: int) -> None:
        self.source, self.kind, self.snr_db, self.seed = source, kind, snr_db, seed
        self.name = f"{source.name}-{kind}-{snr_db:g}dB-{seed}"

    def fingerprint(self) -> str:
        """That of the data set; the name says the rest."""
        return self.source.fingerprint()

    def ids(self) -> list[str]:
        """As the data set has them."""
        return self.source.ids()

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """A record with noise of its own on every lead."""
        record = self.source.read(id, leads)
        if record.signal is None:
            return record
        rng = np.random.default_rng([self.seed, crc32(id.encode()), KINDS.index(self.kind)])
        noisy = [
            add_artefact(lead, self.kind, self.snr_db, record.fs, rng=rng) for lead in record.signal
        ]
        return replace(record, signal=np.stack(noisy))
