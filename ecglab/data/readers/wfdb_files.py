"""WFDB records from disk: a tolerant header parser, a direct int16 reader, and lead names.

Format 16 (which MATLAB level-4 ``.mat`` files of the challenges are, after 24 bytes) is read with
one NumPy call, 10-20 times faster than a general reader; packed format 212 goes through ``wfdb``.
"""

import re
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from ecglab.data.record import RecordError

INVALID = -32768  # by which WFDB's format 16 marks a sample that was not recorded
INVALID_212 = -2048  # the same in format 212
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "v": 1e3}
LEADS_12 = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_CANONICAL = {name.upper(): name for name in (*LEADS_12, "MLII", "VX", "VY", "VZ", "ECG")}

_FORMAT = re.compile(r"(\d+)(?:x1)?(?:\+(\d+))?")  # one sample a frame, no skew, byte offset
_GAIN = re.compile(r"([-+.\deE]+)(?:\(([-+]?\d+)\))?(?:/(\S+))?")  # gain(baseline)/units
_MAT4 = struct.Struct("<5i4s")  # type, rows, columns, imaginary, name's length, "val\0"
_MAT4_INT16 = 30  # little-endian, full matrix of int16


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One signal line of a header: millivolts = (stored - baseline) / gain * millivolts(units)."""

    file: Path
    format: str
    offset: int
    gain: float
    baseline: int
    units: str
    lead: str


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a ``.hea`` file says: rate (Hz), length (None if not stated), channels and comments."""

    path: Path
    fs: float
    n_samples: int | None
    channels: tuple[Channel, ...]
    comments: tuple[str, ...]

    @property
    def leads(self) -> tuple[str, ...]:
        """Lead names, in file order."""
        return tuple(channel.lead for channel in self.channels)

    def comment(self, key: str) -> str:
        """The text after ``key:`` in the comments, or an empty string."""
        for line in self.comments:
            name, colon, value = line.partition(":")
            if colon and name.strip().lower() == key.lower():
                return value.strip()
        return ""


def canonical_lead(name: str) -> str:
    """The field's spelling of a lead: ``avr`` and ``AVR`` become ``aVR``; unknown names stay."""
    return _CANONICAL.get(name.strip().upper(), name.strip())


def read_header(path: Path) -> Header:
    """Parse a WFDB header file (``header(5)`` of the WFDB applications guide).

    The record's name, the date and the time are not interpreted: CinC 2017 writes dates that
    ``wfdb`` rejects, and some challenge headers end the record's name in ``.mat``.

    Raises:
        RecordError: where the file is missing or is not a single-segment header.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"{path}: cannot read the header: {error.strerror}") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    comments = tuple(line.lstrip("# ").strip() for line in lines if line.startswith("#"))
    body = [line for line in lines if not line.startswith("#")]
    try:
        fields = body[0].split()
        n_channels = int(fields[1])
        fs = float(re.split(r"[/(]", fields[2])[0])
        n_samples = int(fields[3]) if len(fields) > 3 else 0
    except (IndexError, ValueError):
        line = body[0] if body else ""
        raise RecordError(f"{path}: not a WFDB record line: {line!r}") from None
    if "/" in fields[0]:
        raise RecordError(f"{path}: multi-segment records are not supported")
    if not fs > 0 or n_samples < 0:
        raise RecordError(f"{path}: impossible rate {fs} Hz or length {n_samples}")
    if n_channels < 1 or len(body) != 1 + n_channels:
        raise RecordError(f"{path}: {len(body) - 1} signal lines where {n_channels} are announced")
    names = _unique([canonical_lead(_description(line)) for line in body[1:]])
    channels = tuple(_channel(path, line, lead) for line, lead in zip(body[1:], names, strict=True))
    length = n_samples or None  # header(5): 0 or nothing means that the signal file tells
    return Header(path=path, fs=fs, n_samples=length, channels=channels, comments=comments)


def _description(signal_line: str) -> str:
    """The ninth field of a signal line (it may hold spaces); ``ECG`` where there is none."""
    fields = signal_line.split(maxsplit=8)
    return fields[8] if len(fields) > 8 else "ECG"


def _unique(names: list[str]) -> list[str]:
    """Number the names that occur more than once: ECG, ECG becomes ECG1, ECG2."""
    total, seen = Counter(names), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name}{seen[name]}" if total[name] > 1 else name)
    return unique


def _channel(path: Path, line: str, lead: str) -> Channel:
    fields = line.split()
    form = _FORMAT.fullmatch(fields[1]) if len(fields) > 1 else None
    gain = _GAIN.fullmatch(fields[2] if len(fields) > 2 else "200")
    try:
        if form is None or gain is None or "/" in fields[0]:  # files lie beside their header
            raise ValueError
        adc_zero = int(fields[4]) if len(fields) > 4 else 0
        return Channel(
            file=path.parent / fields[0],
            format=form[1],
            offset=int(form[2] or 0),
            gain=float(gain[1]) or 200.0,  # header(5): 0 or nothing means 200
            baseline=int(gain[2]) if gain[2] else adc_zero,
            units=gain[3] or "mV",
            lead=lead,
        )
    except ValueError:
        raise RecordError(f"{path}: cannot interpret the signal line {line!r}") from None


def pick_leads(record: str, available: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Positions of the ``wanted`` leads among those ``available``, in the order asked.

    Raises:
        RecordError: where one is not there.
    """
    if wanted is None:
        return list(range(len(available)))
    names = [canonical_lead(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
    missing = [name for name in names if name not in available]
    if not names:
        raise RecordError(f"{record}: no lead is asked for")
    if missing:
        raise RecordError(f"{record}: no lead {', '.join(missing)} among {', '.join(available)}")
    return [available.index(name) for name in names]


def read_signal(header: Header, leads: Sequence[str] | None = None) -> NDArray[np.float32]:
    """The samples of a record as float32 millivolts, shape (leads, samples).

    millivolts = (stored - baseline) / gain, by header. The result holds no NaN and at least one
    sample; flat, clipped and one-sample records are handed over as they are.

    Raises:
        RecordError: where a file is missing, shorter than its header says, empty, or of another
            layout; where a unit is no voltage; where a chosen lead holds samples that the source
            marks as invalid (other leads of the record can still be read).
    """
    picked = pick_leads(str(header.path), header.leads, leads)
    files: dict[Path, NDArray[np.int16]] = {}
    rows = []
    for channel in (header.channels[index] for index in picked):
        in_file = [other for other in header.channels if other.file == channel.file]
        if channel.file not in files:
            files[channel.file] = _read_file(header, in_file)
        rows.append(_millivolts(header, channel, files[channel.file][in_file.index(channel)]))
    if len({len(row) for row in rows}) > 1:
        raise RecordError(f"{header.path}: channels of unequal length")
    signal = np.stack(rows)
    check_samples(str(header.path), signal, [header.leads[index] for index in picked])
    return signal


def _millivolts(header: Header, channel: Channel, stored: NDArray[np.int16]) -> NDArray[np.float32]:
    """(stored - baseline) / gain in mV; the source's invalid samples become NaN."""
    if channel.units.lower() not in MILLIVOLTS:
        raise RecordError(f"{header.path}: lead {channel.lead} is in {channel.units}, not volts")
    row = (stored.astype(np.float32) - np.float32(channel.baseline)) / np.float32(channel.gain)
    row *= np.float32(MILLIVOLTS[channel.units.lower()])
    if len(stored) and stored.min() == INVALID:
        row[stored == INVALID] = np.nan
    return row


def check_samples(record: str, signal: NDArray[np.floating], leads: Sequence[str]) -> None:
    """Refuse a signal without samples or with NaN or infinity, naming the leads at fault.

    Raises:
        RecordError: where that is so.
    """
    if signal.shape[-1] == 0:
        raise RecordError(f"{record}: no samples")
    if np.isfinite(signal.sum(dtype=np.float64)):  # one pass over sound records, the common case
        return
    bad = (~np.isfinite(signal)).sum(axis=1)
    faults = ", ".join(f"{n} in lead {lead}" for lead, n in zip(leads, bad, strict=True) if n)
    raise RecordError(f"{record}: invalid samples: {faults}")


def flat_leads(signal: NDArray[np.float32], leads: Sequence[str]) -> tuple[str, ...]:
    """The leads whose trace never moves (an electrode that was off, a channel left empty)."""
    return tuple(lead for lead, row in zip(leads, signal, strict=True) if row.min() == row.max())


def _read_file(header: Header, channels: list[Channel]) -> NDArray[np.int16]:
    """All channels of one signal file in stored units, shape (channels, samples)."""
    path, n_channels = channels[0].file, len(channels)
    if not path.is_file():
        raise RecordError(f"{path}: no such signal file")
    if channels[0].format == "212":
        return _read_212(header, channels)
    if channels[0].format != "16":
        raise RecordError(f"{path}: WFDB format {channels[0].format} is not supported")
    offset = channels[0].offset
    available = max(path.stat().st_size - offset, 0) // (2 * n_channels)
    n_samples = available if header.n_samples is None else header.n_samples
    if path.suffix == ".mat":
        _check_mat(path, offset, n_channels, n_samples)
    if available < n_samples:
        raise RecordError(f"{path}: cut short: holds {available} of {n_samples} samples")
    stored = np.fromfile(path, "<i2", count=n_samples * n_channels, offset=offset)
    return stored.reshape(n_samples, n_channels).T


def _check_mat(path: Path, offset: int, rows: int, columns: int) -> None:
    """Make sure that a .mat file is a level-4 int16 matrix of the shape its header promises."""
    with path.open("rb") as file:
        start = file.read(_MAT4.size)
    if len(start) < _MAT4.size or offset != _MAT4.size:
        raise RecordError(f"{path}: not a MATLAB level-4 file with data at byte {offset}")
    kind, mat_rows, mat_columns, imaginary, name_length, _ = _MAT4.unpack(start)
    if (kind, imaginary, name_length) != (_MAT4_INT16, 0, 4):
        raise RecordError(f"{path}: not a MATLAB level-4 matrix of int16 (type {kind})")
    if (mat_rows, mat_columns) != (rows, columns):
        raise RecordError(
            f"{path}: matrix of {mat_rows} x {mat_columns}, header says {rows} x {columns}"
        )


def _read_212(header: Header, channels: list[Channel]) -> NDArray[np.int16]:
    """Two 12-bit samples in three bytes (MIT-BIH), by the ``wfdb`` package."""
    positions = [header.channels.index(channel) for channel in channels]
    name = str(header.path.with_suffix(""))
    try:
        stored = wfdb.rdrecord(name, channels=positions, physical=False).d_signal
    except Exception as error:  # wfdb raises whatever NumPy and its own parsers happen to raise
        raise RecordError(f"{channels[0].file}: wfdb cannot read it: {error}") from error
    return np.where(stored == INVALID_212, INVALID, stored).astype(np.int16).T
