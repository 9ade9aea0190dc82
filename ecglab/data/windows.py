"""Records cut to windows of one length, rate and scale, in a memory-mapped cache.

The cache's name is a hash of everything that made it (the data set's files, the ids, the
specification), so a changed input makes a new cache and nothing is ever stale. It is built in a
temporary folder and renamed, under a lock: two processes that want it at once build it once.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self, get_args

import joblib
import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from ecglab.data.locations import data_home
from ecglab.data.readers.base import warn_of_skipped
from ecglab.data.record import Record, RecordError
from ecglab.data.whole import whole
from ecglab.signals.filters import Scaling, bandpass, resample, scale

FORMAT = 1  # raise it when the same inputs give other windows
Within = Literal["record", "rhythm"]
_CHUNK = 200  # records per task: enough to amortise a task's cost, few enough to bound memory


class RecordSource(Protocol):
    """What windows need of a data set: its name, a fingerprint of its contents, its records."""

    name: str

    def fingerprint(self) -> str:
        """Changes whenever any record's content may have changed."""
        ...

    def ids(self) -> list[str]:
        """The names of the records at hand, in order."""
        ...

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One record."""
        ...


@dataclass(frozen=True, kw_only=True)
class WindowSpec:
    """How records become windows.

    Attributes:
        seconds: length of a window.
        hop: seconds from one window's start to the next; None for windows side by side.
        fs: sampling rate of the windows, Hz.
        band: band-pass edges in Hz, applied to the whole record; None for no filter.
        order: order of the Butterworth filter.
        scaling: ``range``, ``zscore`` or ``none``, applied to each window by itself.
        leads: which leads, by name; None for the record's first.
        within: ``record`` cuts from the record's start and labels windows by the record;
            ``rhythm`` cuts inside each annotated rhythm span and labels them by the span.
        pad_short: a record shorter than one window is centred between zeros; otherwise it
            gives none. (A rhythm span shorter than one window never gives any.)

    Raises:
        ValueError: for seconds, hop or fs that are not positive, a window without a sample, or an
            unknown ``scaling`` or ``within``.
    """

    seconds: float = 10.0
    hop: float | None = None
    fs: float = 250.0
    band: tuple[float, float] | None = (0.5, 40.0)
    order: int = 4
    scaling: Scaling = "range"
    leads: tuple[str, ...] | None = None
    within: Within = "record"
    pad_short: bool = True

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.fs > 0 and (self.hop is None or self.hop > 0)):
            raise ValueError("seconds, hop and fs must be positive")
        if self.samples < 1:
            raise ValueError(f"{self.seconds:g} seconds at {self.fs:g} Hz hold no sample")
        for field, known in {"scaling": get_args(Scaling), "within": get_args(Within)}.items():
            if (value := getattr(self, field)) not in known:
                raise ValueError(f"{field} is one of {', '.join(known)}, not {value!r}")
        if self.leads is not None:  # one lead's name is no tuple of its letters
            leads = (self.leads,) if isinstance(self.leads, str) else tuple(self.leads)
            object.__setattr__(self, "leads", leads)

    @property
    def samples(self) -> int:
        """Samples in a window."""
        return round(self.seconds * self.fs)

    @property
    def hop_samples(self) -> int:
        """Samples from one window's start to the next."""
        return self.samples if self.hop is None else max(1, round(self.hop * self.fs))


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowSet:
    """Windows of one data set.

    Attributes:
        signals: float32, (n, leads, samples); usually a memory map.
        table: one row per window: ``record``, ``subject``, ``start`` (s), ``label`` (several
            joined by ``|``, empty for none).
        spec: what made them.
        source: the data set's name.
        skipped: records that could not be used, and why.
    """

    signals: NDArray[np.float32]
    table: pd.DataFrame
    spec: WindowSpec
    source: str
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.signals)

    @property
    def fs(self) -> float:
        """Sampling rate of the windows, Hz."""
        return self.spec.fs

    @property
    def labels(self) -> NDArray[np.str_]:
        """One label per window, (n,)."""
        return self.table["label"].to_numpy(dtype=str)

    def records(self) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """One row per record (``record``, ``subject``, ``label``), and each window's row in it."""
        index, names = pd.factorize(self.table["record"])
        first = np.unique(index, return_index=True)[1]
        rows = self.table.iloc[first][["record", "subject", "label"]].reset_index(drop=True)
        assert list(rows["record"]) == list(names)
        return rows, index.astype(np.int64)

    def take(self, which: NDArray[Any] | int) -> Self:
        """The windows chosen by indices, a mask, or one index."""
        rows = np.atleast_1d(np.arange(len(self))[which])
        table = self.table.iloc[rows].reset_index(drop=True)
        return replace(self, signals=self.signals[rows], table=table)

    def export(self, path: Path | str) -> None:
        """Write all windows to one compressed file that ``load`` reads anywhere.

        Each window is rounded to 1/1024 of its largest magnitude (so to half of that, five parts
        in ten thousand) and stored as differences of int16, which compress well.
        """
        path = Path(path)
        peak = np.abs(self.signals).max(axis=-1, initial=0.0)
        step = np.where(peak > 0, peak / 1024, 1.0).astype(np.float32)
        levels = np.rint(self.signals / step[..., None]).astype(np.int16)
        meta = {"spec": asdict(self.spec), "source": self.source, "skipped": self.skipped}
        with whole(path) as partial, open(partial, "wb") as file:
            np.savez_compressed(
                file,
                deltas=np.diff(levels, axis=-1, prepend=np.int16(0)),
                step=step,
                table=np.frombuffer(self.table.to_csv(index=False).encode(), np.uint8),
                meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
            )

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what ``export`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            levels = np.cumsum(file["deltas"], axis=-1, dtype=np.int16)
            signals = levels.astype(np.float32) * file["step"][..., None]
            table, meta = bytes(file["table"]), json.loads(bytes(file["meta"]))
        return cls(signals=signals, table=_read_table(table.decode()), **_meta(meta))


def windows(
    dataset: RecordSource,
    spec: WindowSpec,
    *,
    ids: Sequence[str] | None = None,
    home: Path | None = None,
    jobs: int = 2,
) -> WindowSet:
    """Cut a data set's records to windows, from the cache where it has been done before.

    A record that cannot be read or cut is left out: it stands in ``skipped``, and a
    ``SkippedRecords`` warning says how many there are.

    Args:
        dataset: where the records come from.
        spec: how to cut them.
        ids: which records; all at hand by default.
        home: folder of the caches; ``ECGLAB_DATA/windows`` by default.
        jobs: processes that read records, on the first call.

    Raises:
        RecordError: where not one window comes out, or the records have other leads than asked for.
    """
    ids = list(dataset.ids() if ids is None else ids)
    made_by = [FORMAT, dataset.name, dataset.fingerprint(), ids, asdict(spec)]
    key = hashlib.sha256(json.dumps(made_by).encode()).hexdigest()[:16]
    home = data_home() / "windows" if home is None else home
    folder = home / f"{dataset.name}-{key}"
    if not folder.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                _build(dataset, spec, ids, folder, jobs)
    found = _open(folder)
    warn_of_skipped(dataset.name, found.skipped, len(ids))
    return found


def cut(record: Record, spec: WindowSpec) -> tuple[NDArray[np.float32], list[dict[str, object]]]:
    """One record's windows (n, leads, samples) and their table rows.

    Raises:
        RecordError: where the record has no signal, or it cannot be filtered.
    """
    if record.signal is None:
        raise RecordError(f"{record.dataset}/{record.id}: annotations only, no signal to cut")
    signal = record.signal if spec.leads is not None else record.signal[:1]
    try:
        if spec.band is not None:
            signal = bandpass(
                signal, record.fs, low=spec.band[0], high=spec.band[1], order=spec.order
            )
        signal = resample(signal, record.fs, spec.fs)
    except ValueError as error:
        raise RecordError(f"{record.dataset}/{record.id}: {error}") from error

    found, rows = [], []
    for start, label in _places(record, spec, signal.shape[-1]):
        piece = signal[:, max(start, 0) : start + spec.samples]
        piece = scale(piece, spec.scaling)
        missing = spec.samples - piece.shape[-1]
        if missing:
            piece = np.pad(piece, ((0, 0), (missing // 2, missing - missing // 2)))
        found.append(piece)
        row = {"record": record.id, "subject": record.subject, "start": start / spec.fs}
        rows.append({**row, "label": label})
    shape = (0, len(signal), spec.samples)
    return np.stack(found) if found else np.empty(shape, np.float32), rows


def _places(record: Record, spec: WindowSpec, n: int) -> Iterator[tuple[int, str]]:
    """Each window's first sample (at the windows' rate) and label."""
    if spec.within == "record":
        label = "|".join(record.labels)
        if n < spec.samples:
            spans = [(0, spec.samples, label)] if spec.pad_short and n else []
        else:
            spans = [(0, n, label)]
    else:
        ratio = spec.fs / record.fs
        spans = [
            (int(np.ceil(r.start * ratio)), min(n, int(r.stop * ratio)), r.label)
            for r in record.rhythms
            if r.label is not None
        ]
    for first, stop, label in spans:
        for start in range(first, stop - spec.samples + 1, spec.hop_samples):
            yield start, label


def _cut_many(
    dataset: RecordSource, spec: WindowSpec, ids: Sequence[str]
) -> tuple[NDArray[np.float32], list[dict[str, object]], list[tuple[str, str]]]:
    """One task of the build: some records' windows, rows, and those that were skipped."""
    pieces, rows, skipped = [], [], []
    for name in ids:
        try:
            found, new = cut(dataset.read(name, leads=spec.leads), spec)
        except RecordError as error:
            skipped.append((name, str(error)))
            continue
        pieces.append(found)
        rows += new
    empty = np.empty((0, len(spec.leads or "1"), spec.samples), np.float32)
    return np.concatenate(pieces) if pieces else empty, rows, skipped


def _build(
    dataset: RecordSource, spec: WindowSpec, ids: Sequence[str], folder: Path, jobs: int
) -> None:
    """Write the cache in a folder of its own and rename it when it is whole."""
    chunks = [ids[i : i + _CHUNK] for i in range(0, len(ids), _CHUNK)]
    tasks = (joblib.delayed(_cut_many)(dataset, spec, chunk) for chunk in chunks)
    parallel = joblib.Parallel(n_jobs=min(jobs, len(chunks)) or 1, return_as="generator")
    rows: list[dict[str, object]] = []
    skipped: list[tuple[str, str]] = []
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with open(partial / "signals.f32", "wb") as file:
            for found, new, failed in parallel(tasks):
                found.tofile(file)
                rows += new
                skipped += failed
        if not rows:
            reason = skipped[0][1] if skipped else "the data set is empty"
            raise RecordError(f"{dataset.name}: no windows came out ({reason})")
        shape = [len(rows), len(spec.leads or "1"), spec.samples]
        values = (partial / "signals.f32").stat().st_size // np.dtype(np.float32).itemsize
        if values != np.prod(shape):
            size = " x ".join(map(str, shape))
            raise RecordError(
                f"{dataset.name}: {values} values cut, not {size}: are its leads those asked for?"
            )
        pd.DataFrame(rows).to_csv(partial / "table.csv", index=False, encoding="utf-8")
        meta = {"spec": asdict(spec), "source": dataset.name, "skipped": skipped, "shape": shape}
        (partial / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _open(folder: Path) -> WindowSet:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    shape = tuple(meta.pop("shape"))
    signals = np.memmap(folder / "signals.f32", np.float32, mode="r", shape=shape)
    table = _read_table((folder / "table.csv").read_text(encoding="utf-8"))
    return WindowSet(signals=signals, table=table, **_meta(meta))


def _read_table(text: str) -> pd.DataFrame:
    from io import StringIO

    # Names such as "100" and labels such as "NA" stay the strings they are.
    names = {"record": str, "subject": str, "label": str}
    return pd.read_csv(StringIO(text), dtype=names, keep_default_na=False)


def _meta(meta: dict[str, Any]) -> dict[str, Any]:
    """Back from JSON, which knows lists only."""
    plain = meta["spec"].items()
    spec: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain}
    skipped = tuple((name, reason) for name, reason in meta["skipped"])
    return {"spec": WindowSpec(**spec), "source": meta["source"], "skipped": skipped}
