"""CinC 2017: single-lead AliveCor recordings of 9 to 61 s in four classes.

Many traces are inverted (electrodes held the other way round), length correlates with the class,
and no subjects are named. The challenge's ``validation/`` folder repeats 300 training records and
is never read.
"""

import csv
import os
import zipfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ecglab.data.archive import extract_zip
from ecglab.data.locations import data_home
from ecglab.data.readers.base import LabelRow, as_map
from ecglab.data.readers.physionet import PhysioNetDataset
from ecglab.data.readers.wfdb_files import Header

LABELS = (
    LabelRow("N", "N", "normal sinus rhythm"),
    LabelRow("A", "A", "atrial fibrillation"),
    LabelRow("O", "O", "another rhythm"),
    LabelRow("~", "~", "too noisy to tell"),
)
ARCHIVE = "training2017.zip"
REFERENCE = "REFERENCE-v3.csv"  # the labels as revised after the challenge
TREE_LIMIT = 1000  # up to so many records, single files are a smaller download than the archive


class CinC2017(PhysioNetDataset):
    """AF classification from a short single-lead ECG (PhysioNet/CinC Challenge 2017).

    Reads ``training2017/`` if there is one, else ``training2017.zip`` (unpacked once, into the
    data folder), else the tree ``training/A00/A00001.mat``.
    """

    name = "cinc2017"
    title = "PhysioNet/Computing in Cardiology Challenge 2017, training set"
    project, version = "challenge-2017", "1.0.0"
    rates = (300,)
    leads = ("ECG",)
    classes = ("N", "A", "O", "~")
    label_map = as_map(LABELS)
    licence = "ODC-By 1.0"
    citation = (
        "Clifford GD et al. AF classification from a short single lead ECG recording: the "
        "PhysioNet/Computing in Cardiology Challenge 2017. Computing in Cardiology 44, 2017. "
        "doi:10.22489/CinC.2017.065-469"
    )
    total_records, total_subjects = 8528, None
    tables = (REFERENCE,)

    def count_local(self) -> int:
        """How many records are found here, without unpacking the archive."""
        if self._unpacked_by_hand or not self._archive.is_file():
            return super().count_local()
        try:
            with zipfile.ZipFile(self._archive) as archive:
                return sum(name.endswith(".hea") for name in archive.namelist())
        except zipfile.BadZipFile:
            return 0

    @classmethod
    def needed(
        cls, listing: Sequence[str], *, limit: int | None = None, rate: int | None = None
    ) -> list[str]:
        """Single files for a small ``limit`` where the listing has them, else the archive."""
        tree = super().needed(listing, limit=limit, rate=rate)
        has_tree = len(tree) > len([path for path in listing if path in cls.tables])
        small = limit is not None and limit <= TREE_LIMIT
        if has_tree and (small or ARCHIVE not in listing):
            return tree
        return [path for path in listing if path in (REFERENCE, ARCHIVE)]

    @property
    def _archive(self) -> Path:
        return self.root / ARCHIVE

    @property
    def _unpacked_by_hand(self) -> bool:
        return any((self.root / "training2017").glob("A*.hea"))

    @cached_property
    def _labels(self) -> dict[str, str]:
        path = self.root / REFERENCE
        if not path.is_file():
            raise self._not_found(f"no {path}")
        with path.open(newline="", encoding="utf-8") as file:
            return {row[0]: row[1] for row in csv.reader(file) if len(row) == 2}

    def _find_headers(self) -> dict[str, str]:
        if self._unpacked_by_hand:
            folders = [self.root / "training2017"]
        elif self._archive.is_file():
            home = data_home() / self.project / self.version / "training2017"
            folders = [extract_zip(self._archive, home) / "training2017"]
        else:
            folders = sorted((self.root / "training").glob("A*/"))
        files = (file for folder in folders for file in os.scandir(folder))  # quicker than glob
        return {file.name[:-4]: file.path for file in files if file.name.endswith(".hea")}

    def _files(self) -> Iterable[Path]:
        if self._archive.is_file() and not self._unpacked_by_hand:
            return [self._archive, self.root / REFERENCE]
        return super()._files()

    def _details(self, id: str, header: Header, n_samples: int) -> dict[str, Any]:
        code = self._labels.get(id)
        if code is None:
            return {}
        label = self.label_map.get(code)
        return {"codes": (code,), "labels": () if label is None else (label,)}

    @classmethod
    def _stem(cls, path: str, rate: int) -> str | None:
        stem, dot, suffix = path.rpartition(".")
        return stem if path.startswith("training/") and dot and suffix in ("hea", "mat") else None
