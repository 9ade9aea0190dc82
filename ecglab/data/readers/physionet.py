"""Data sets of PhysioNet's file tree: where they lie, which files a reader needs, one record."""

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ecglab.data.locations import physionet_base, project_folder
from ecglab.data.readers.base import Dataset
from ecglab.data.readers.wfdb_files import Header, flat_leads, pick_leads, read_header, read_signal
from ecglab.data.record import Record, RecordError

_DIGITS = re.compile(r"\d+")


class DataNotFound(FileNotFoundError):
    """No records of a data set on this machine; the message tells how to fetch them."""


def natural_key(name: str) -> str:
    """Sort key by which ``data_2`` comes before ``data_10``.

    >>> sorted(["data_10", "data_2", "100", "20"], key=natural_key)
    ['20', '100', 'data_2', 'data_10']
    """
    return _DIGITS.sub(lambda digits: digits[0].zfill(12), name)


def by_stem(headers: Iterable[Path]) -> dict[str, str]:
    """Header files by record id, where the id is the file's name without suffix."""
    return {path.stem: str(path) for path in headers}


class PhysioNetDataset(Dataset):
    """A data set in a PhysioNet project, in WFDB files.

    A reader states the facts and defines ``_find_headers`` (where its records lie), ``_details``
    (what is known of one) and ``_stem`` (which of the listed files make up a record).

    Args:
        root: the project's folder (default: see ``locations.project_folder``).
        rate: sampling rate in Hz where the set comes in several (default: the first of ``rates``).

    Raises:
        DataNotFound: where the folder does not exist.
        ValueError: where the set does not come at this rate.
    """

    project: str
    version: str
    rates: tuple[int, ...]  # Hz
    licence: str
    citation: str
    tables: tuple[str, ...] = ()  # files needed beside the records

    def __init__(self, root: Path | str | None = None, *, rate: int | None = None) -> None:
        if rate is not None and rate not in self.rates:
            raise ValueError(f"{self.name} comes at {self.rates} Hz, not at {rate} Hz")
        self.rate = self.rates[0] if rate is None else rate
        found = (
            project_folder(self.project, self.version) if root is None else Path(root).expanduser()
        )
        if found is None or not found.is_dir():
            place = found or f"under {physionet_base()} or in the data folder"
            raise self._not_found(f"no folder {self.project}/{self.version} ({place})")
        self.root = found

    @classmethod
    def _not_found(cls, what: str) -> DataNotFound:
        return DataNotFound(f"{cls.name}: {what}; fetch it with: ecglab data fetch {cls.name}")

    @classmethod
    def url(cls) -> str:
        """The data set's page."""
        return f"https://physionet.org/content/{cls.project}/{cls.version}/"

    def ids(self) -> list[str]:
        """Ids of the records found here, in natural order (looked up once per object).

        Raises:
            DataNotFound: where there is none.
        """
        return list(self._headers)

    def count_local(self) -> int:
        """How many records are found here; zero where there is none."""
        try:
            return len(self.ids())
        except DataNotFound:
            return 0

    def read(self, id: str, leads: Sequence[str] | None = None) -> Record:
        """One record; see ``Dataset.read``.

        ``meta["flat_leads"]`` names the leads whose trace never moves.
        """
        if id not in self._headers:
            raise RecordError(f"{self.name}/{id}: no such record in {self.root}")
        header = read_header(Path(self._headers[id]))
        picked = pick_leads(f"{self.name}/{id}", header.leads, leads)
        names = tuple(header.leads[index] for index in picked)
        signal = read_signal(header, names) if self._has_signal(header) else None
        n_samples = header.n_samples if signal is None else signal.shape[1]
        if n_samples is None:
            raise RecordError(f"{header.path}: neither a signal file nor a stated length")
        fields = {"subject": id, "meta": {}, **self._details(id, header, n_samples)}
        if signal is not None:
            fields["meta"]["flat_leads"] = flat_leads(signal, names)
        return Record(
            id=id,
            dataset=self.name,
            fs=header.fs,
            leads=names,
            signal=signal,
            n_samples=n_samples,
            **fields,
        )

    @classmethod
    def needed(
        cls, listing: Sequence[str], *, limit: int | None = None, rate: int | None = None
    ) -> list[str]:
        """The files that this reader needs, out of a project's listing (SHA256SUMS.txt).

        Args:
            listing: paths relative to the project's folder.
            limit: only the first ``limit`` records (default: all).
            rate: for sets that come at several rates (default: the first of ``rates``).
        """
        by_stem: dict[str, list[str]] = {}
        for path in listing:
            stem = cls._stem(path, rate or cls.rates[0])
            if stem is not None:
                by_stem.setdefault(stem, []).append(path)
        stems = sorted(by_stem, key=lambda stem: natural_key(Path(stem).name))[:limit]
        tables = [path for path in listing if path in cls.tables]
        return tables + [path for stem in stems for path in sorted(by_stem[stem])]

    def fingerprint(self) -> str:
        """A hash that changes whenever a record or its labels may have changed.

        It covers the label maps, and name, size and modification time of the records' files and
        of the tables; no file is read.
        """
        facts = [self.name, self.rate, sorted(self.label_map.items())]
        digest = hashlib.sha256(repr([*facts, sorted(self.rhythm_map.items())]).encode())
        for path in sorted(self._files()):
            found = path.stat()
            digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _files(self) -> Iterable[Path]:
        """The files on which records and labels depend."""
        headers = [Path(header) for header in self._headers.values()]
        folders, stems = {path.parent for path in headers}, {path.stem for path in headers}
        found = [path for folder in folders for path in folder.iterdir() if path.stem in stems]
        return found + [self.root / table for table in self.tables if (self.root / table).exists()]

    @cached_property
    def _headers(self) -> dict[str, str]:
        """Header files by record id, in natural order (strings: quick to send to a worker)."""
        found = self._find_headers()
        if not found:
            raise self._not_found(f"no records in {self.root}")
        return {id_: found[id_] for id_ in sorted(found, key=natural_key)}

    def _has_signal(self, header: Header) -> bool:
        """False only where a set may come without its signals."""
        return True

    @abstractmethod
    def _find_headers(self) -> dict[str, str]:
        """Header files by record id."""

    @abstractmethod
    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        """Further fields of the ``Record``: subject, labels, codes, beats, rhythms, meta."""

    @classmethod
    @abstractmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        """The record to which a listed file belongs, as path without suffix; None for others."""
