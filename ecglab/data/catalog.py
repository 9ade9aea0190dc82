"""The list of data sets, by name."""

from pathlib import Path
from typing import Any

from ecglab.data.readers.chapman import Chapman, Georgia, Ningbo
from ecglab.data.readers.cinc2017 import CinC2017
from ecglab.data.readers.cpsc2018 import CPSC2018, CPSC2018Extra
from ecglab.data.readers.cpsc2021 import CPSC2021
from ecglab.data.readers.ltaf import LTAF
from ecglab.data.readers.mitbih import MITBIH
from ecglab.data.readers.physionet import DataNotFound, PhysioNetDataset
from ecglab.data.readers.ptb import PTB
from ecglab.data.readers.ptbxl import PTBXL

_ALL: tuple[type[PhysioNetDataset], ...] = (
    CinC2017,
    MITBIH,
    PTBXL,
    PTB,
    CPSC2018,
    CPSC2018Extra,
    Georgia,
    Chapman,
    Ningbo,
    LTAF,
    CPSC2021,
)
DATASETS: dict[str, type[PhysioNetDataset]] = {dataset.name: dataset for dataset in _ALL}


def open_dataset(name: str, root: Path | str | None = None, **options: Any) -> PhysioNetDataset:
    """The data set of that name, to read records from.

    Args:
        name: a key of ``DATASETS``.
        root: the project's folder (default: see ``locations.project_folder``).
        **options: further arguments of the reader, such as ``rate=500`` for PTB-XL.

    Raises:
        ValueError: where there is no data set of that name, or it does not come at that rate.
        DataNotFound: where its folder is not on this machine.
    """
    return dataset_class(name)(root, **options)


def dataset_class(name: str) -> type[PhysioNetDataset]:
    """The reader of that name.

    Raises:
        ValueError: where there is none.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set {name!r}; there are: {', '.join(DATASETS)}")
    return DATASETS[name]


def describe() -> list[dict[str, object]]:
    """The facts of every data set, and how many of its records are here, as plain JSON values."""
    return [_facts(dataset) for dataset in _ALL]


def _facts(dataset: type[PhysioNetDataset]) -> dict[str, object]:
    try:
        present = dataset().count_local()
    except DataNotFound:
        present = 0
    return {
        "name": dataset.name,
        "title": dataset.title,
        "project": dataset.project,
        "version": dataset.version,
        "url": dataset.url(),
        "records": dataset.total_records,
        "subjects": dataset.total_subjects,
        "present": present,
        "fs": list(dataset.rates),
        "leads": list(dataset.leads),
        "classes": list(dataset.classes),
        "beats": dataset.has_beats,
        "rhythms": dataset.has_rhythms,
        "licence": dataset.licence,
        "citation": dataset.citation,
    }
