"""WFDB annotation files: beats, and rhythm spans."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import wfdb
from numpy.typing import NDArray

from ecglab.data.record import Beats, RecordError, Rhythm

# The annotation codes that mark a QRS complex (WFDB's isqrs); the rest are notes on rhythm,
# noise, waves and non-conducted beats. From PhysioNet's table of annotation codes.
BEAT_SYMBOLS = tuple("NLRBAaJSVrFejnE/fQ?")
RHYTHM_SYMBOL = "+"


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotations:
    """Annotations inside a record: samples (ascending), symbols and notes, (n,) each."""

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]
    notes: list[str]

    def beats(self) -> Beats:
        """Those that mark a QRS complex."""
        keep = np.isin(self.symbols, BEAT_SYMBOLS)
        return Beats(samples=self.samples[keep], symbols=tuple(self.symbols[keep].tolist()))

    def rhythms(self, rhythm_map: Mapping[str, str | None]) -> tuple[Rhythm, ...]:
        """Rhythm spans: each lasts from its annotation to the next rhythm annotation.

        The last span ends with the last beat, for what follows was not annotated; what precedes
        the first rhythm annotation is not covered either. A gap means: not annotated.
        """
        changes = [
            (int(self.samples[index]), self.notes[index])
            for index in np.flatnonzero(self.symbols == RHYTHM_SYMBOL)
            if self.notes[index].startswith("(")
        ]
        beats = self.samples[np.isin(self.symbols, BEAT_SYMBOLS)]
        end = int(beats[-1]) + 1 if len(beats) else 0
        stops = [start for start, _ in changes[1:]] + [end]
        return tuple(
            Rhythm(start=start, stop=stop, code=code, label=rhythm_map.get(code))
            for (start, code), stop in zip(changes, stops, strict=False)
            if stop > start
        )


def read_annotations(path: Path, n_samples: int) -> Annotations:
    """The annotations of a file such as ``100.atr`` that fall inside a record of ``n_samples``.

    Raises:
        RecordError: where the file is missing or cannot be read.
    """
    if not path.is_file():
        raise RecordError(f"{path}: no such annotation file")
    if path.read_bytes()[-2:] != b"\0\0":  # wfdb would hand over what there is
        raise RecordError(f"{path}: cut short: it lacks the mark of its end")
    try:
        found = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    except Exception as error:  # wfdb raises whatever NumPy and its own parsers happen to raise
        raise RecordError(f"{path}: wfdb cannot read it: {error}") from error
    samples = np.asarray(found.sample, dtype=np.int64)
    order = np.argsort(samples, kind="stable")
    order = order[(samples[order] >= 0) & (samples[order] < n_samples)]
    return Annotations(
        samples=samples[order],
        symbols=np.asarray(found.symbol, dtype=np.str_)[order],
        notes=[(found.aux_note[index] or "").rstrip("\0").strip() for index in order.tolist()],
    )


def annotated(
    path: Path, n_samples: int, rhythm_map: Mapping[str, str | None], classes: tuple[str, ...]
) -> dict[str, Any]:
    """The fields of a ``Record`` whose labels are the rhythms that occur in it.

    ``labels`` come in the order of ``classes``, ``codes`` in that of their first appearance.
    """
    found = read_annotations(path, n_samples)
    rhythms = found.rhythms(rhythm_map)
    present = {rhythm.label for rhythm in rhythms}
    return {
        "labels": tuple(name for name in classes if name in present),
        "codes": tuple(dict.fromkeys(rhythm.code for rhythm in rhythms)),
        "beats": found.beats(),
        "rhythms": rhythms,
    }
