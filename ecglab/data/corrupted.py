"""A data set with noise added to its records: how does a method stand it that knows clean ones?"""

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from ecglab.data.readers.base import Dataset
from ecglab.data.record import Record, RecordError
from ecglab.signals.artefacts import KINDS, add_artefact


class Corrupted:
    """A data set whose records have noise of one kind, the same at every ratio but for its size.

    The noise comes before the filters of a method's windows, as it would in a recording.

    Args:
        source: the clean records.
        kind: one of ``KINDS`` of ``signals/artefacts.py``.
        snr_db: signal-to-noise ratio of every lead, dB.
        seed: of the noise, beside the names of record and lead.

    Raises:
        ValueError: for another kind, or a ratio that is not finite.
    """

    def __init__(self, source: Dataset, kind: str, snr_db: float, *, seed: int) -> None:
        if kind not in KINDS or not np.isfinite(snr_db):
            raise ValueError(f"noise is one of {KINDS} at a finite ratio, not {kind!r} at {snr_db}")
        self.source, self.kind, self.snr_db, self.seed = source, kind, snr_db, seed
        self.name = f"{source.name}-{kind}-{snr_db:g}dB-{seed}"

    def fingerprint(self) -> str:
        """That of the data set; the name says the rest."""
        return self.source.fingerprint()

    def ids(self) -> list[str]:
        """As the data set has them."""
        return self.source.ids()

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """A record with noise of its own on every lead, the same whichever leads are read.

        Raises:
            RecordError: for a record of less than two seconds, or of 50 Hz or less; and as the data
                set's own ``read``.
        """
        record = self.source.read(id, leads)
        if record.signal is None:
            return record
        try:
            noisy = [
                add_artefact(
                    trace, self.kind, self.snr_db, record.fs, rng=self._generator(id, lead)
                )
                for lead, trace in zip(record.leads, record.signal, strict=True)
            ]
        except ValueError as error:
            raise RecordError(f"{self.name}/{id}: {error}") from error
        return replace(record, signal=np.stack(noisy))

    def _generator(self, id: str, lead: str) -> np.random.Generator:
        """Where a lead's noise is drawn from.

        A set's first lead goes without its name: stored results rest on the noise of CinC 2017's
        only one, from before leads were told apart.
        """
        key = [self.seed, crc32(id.encode()), KINDS.index(self.kind)]
        if lead not in self.source.leads[:1]:
            key.append(crc32(lead.encode()))
        return np.random.default_rng(key)
