"""The list of data sets."""

import json
import zipfile
from pathlib import Path

import pytest

from ecglab.data.catalog import DATASETS, dataset_class, describe, open_dataset
from ecglab.data.readers.physionet import PhysioNetDataset


def test_names_and_options(tmp_path: Path) -> None:
    assert set(DATASETS) == {
        "cinc2017", "mitbih", "ptbxl", "ptb", "cpsc2018", "cpsc2018_extra", "georgia", "chapman",
        "ningbo", "ltaf", "cpsc2021",
    }  # fmt: skip
    assert open_dataset("ptbxl", tmp_path, rate=500).rate == 500
    with pytest.raises(ValueError, match="no data set 'ptb-xl'; there are: cinc2017, mitbih"):
        dataset_class("ptb-xl")


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_facts_are_complete(dataset: type[PhysioNetDataset]) -> None:
    assert set(dataset.label_map.values()) - {None} == set(dataset.classes)
    assert bool(dataset.rhythm_map) == dataset.has_rhythms == dataset.has_beats
    assert dataset.licence in ("ODC-By 1.0", "CC BY 4.0")
    assert dataset.url() == f"https://physionet.org/content/{dataset.project}/{dataset.version}/"
    assert "20" in dataset.citation or "19" in dataset.citation
    assert len(set(dataset.leads)) == len(dataset.leads)
    assert dataset.total_records >= (dataset.total_subjects or 0)


def test_description_where_nothing_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ECGLAB_PHYSIONET", str(tmp_path))
    rows = describe()
    assert json.loads(json.dumps(rows)) == rows
    assert [row["name"] for row in rows] == list(DATASETS)
    assert all(row["present"] == 0 for row in rows)


@pytest.mark.real
def test_description_counts_what_is_here(physionet: Path, data_home: Path) -> None:
    present = {str(row["name"]): row["present"] for row in describe()}
    with zipfile.ZipFile(physionet / "challenge-2017/1.0.0/training2017.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".mat")]
    assert present.pop("cinc2017") == len(names) == 7000
    folders = {
        "mitbih": "mitdb/1.0.0",
        "ltaf": "ltafdb/1.0.0",
        "ptb": "ptbdb/1.0.0",
        "ptbxl": "ptb-xl/1.0.3/records100",
        "cpsc2021": "cpsc2021/1.0.0",
        "cpsc2018": "challenge-2020/1.0.2/training/cpsc_2018",
        "cpsc2018_extra": "challenge-2020/1.0.2/training/cpsc_2018_extra",
        "georgia": "challenge-2020/1.0.2/training/georgia",
        "chapman": "challenge-2021/1.0.3/training/chapman_shaoxing",
        "ningbo": "challenge-2021/1.0.3/training/ningbo",
    }
    suffixes = {"ltaf": "dat"}  # its records can be read without their signals, but do not count
    found = {
        name: len(list((physionet / path).rglob(f"*.{suffixes.get(name, 'hea')}")))
        for name, path in folders.items()
    }
    assert present == found
    assert not list(data_home.iterdir())  # nothing was unpacked to be counted
