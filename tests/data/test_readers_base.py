"""What all readers share: the stream, the folder, which files are needed, fingerprints."""

import os
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from written_records import random_values, write_record

from ecglab.data.catalog import DATASETS
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.readers.chapman import Georgia
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.readers.wfdb_files import LEADS_12
from ecglab.data.record import RecordError


@pytest.fixture
def georgia(tmp_path: Path) -> Path:
    """Records E1, E2, E10 (in two groups), of which E2 has an invalid sample in lead V6."""
    for name, group in {"E1": "g1", "E2": "g1", "E10": "g2"}.items():
        values = random_values(12, 60)
        if name == "E2":
            values[11, 0] = -32768
        folder = tmp_path / "training" / "georgia" / group
        write_record(folder, name, values, leads=LEADS_12, comments=["Dx: 426783006"])
    return tmp_path


def test_stream_skips_counts_and_reports(georgia: Path) -> None:
    stream = Georgia(georgia).records()
    assert len(stream) == 3
    for _ in range(2):  # it may be iterated again, and counts anew
        with pytest.warns(SkippedRecords, match="georgia: skipped 1 of 3 records") as caught:
            assert [record.id for record in stream] == ["E1", "E10"]
        assert len(caught) == 1
        assert [id_ for id_, _ in stream.skipped] == ["E2"]
        assert "1 in lead V6" in stream.skipped[0][1]


def test_stream_with_leads_and_limit(georgia: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # lead V6 is not read, so nothing is skipped
        records = list(Georgia(georgia).records(limit=2, leads=("V1", "aVR")))
    assert [record.id for record in records] == ["E1", "E2"]
    assert all(record.leads == ("V1", "aVR") for record in records)
    assert all(record.signal is not None and record.signal.shape == (2, 60) for record in records)
    with pytest.warns(SkippedRecords, match="skipped 3 of 3.*no lead MLII"):
        assert list(Georgia(georgia).records(leads=["MLII"])) == []


def test_stream_is_lazy(georgia: Path) -> None:
    records = iter(Georgia(georgia).records())
    assert next(records).id == "E1"
    shutil.rmtree(georgia / "training" / "georgia" / "g2")  # what comes later was not yet read
    with pytest.warns(SkippedRecords, match="skipped 2 of 3"):
        assert list(records) == []


def test_flat_leads_are_reported(georgia: Path) -> None:
    values = random_values(12, 60)
    values[[2, 7]] = 100
    folder = georgia / "training" / "georgia" / "g1"
    write_record(folder, "E1", values, leads=LEADS_12)
    assert Georgia(georgia).read("E1").meta["flat_leads"] == ("III", "V2")


def test_unknown_id(georgia: Path) -> None:
    with pytest.raises(RecordError, match="georgia/E7: no such record"):
        Georgia(georgia).read("E7")


@pytest.mark.parametrize("name", DATASETS)
def test_nothing_here(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGLAB_PHYSIONET", str(tmp_path))
    with pytest.raises(DataNotFound, match=f"ecglab data fetch {name}$"):
        DATASETS[name]()
    with pytest.raises(DataNotFound, match=f"ecglab data fetch {name}$"):
        DATASETS[name](tmp_path / "nowhere")
    empty = DATASETS[name](tmp_path)  # the folder is there, its records are not
    with pytest.raises(DataNotFound, match=f"ecglab data fetch {name}$"):
        empty.ids()
    assert empty.count_local() == 0


def test_only_rates_that_exist(tmp_path: Path) -> None:
    assert DATASETS["ptbxl"](tmp_path, rate=500).rate == 500
    with pytest.raises(ValueError, match=r"ptbxl comes at \(100, 500\) Hz, not at 250 Hz"):
        DATASETS["ptbxl"](tmp_path, rate=250)


def test_fingerprint_follows_the_files(georgia: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Georgia(georgia).fingerprint()
    assert Georgia(georgia).fingerprint() == before
    (georgia / "training" / "georgia" / "g1" / "RECORDS").write_text("E1\nE2\n")
    assert Georgia(georgia).fingerprint() == before  # no record depends on it
    signal = georgia / "training" / "georgia" / "g2" / "E10.mat"
    os.utime(signal, ns=(0, signal.stat().st_mtime_ns + 1))
    changed = Georgia(georgia).fingerprint()
    assert changed != before
    monkeypatch.setattr(Georgia, "label_map", {**Georgia.label_map, "426783006": None})
    assert Georgia(georgia).fingerprint() != changed


def test_survives_pickling(georgia: Path) -> None:
    dataset = Georgia(georgia)
    dataset.ids()
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy.read("E1").signal, dataset.read("E1").signal)


LISTINGS = {  # path -> needed for two records (+), needed for all (.), or not at all (-)
    "mitbih": {"+": ["100.atr", "100.dat", "100.hea", "101.hea"], ".": ["102.dat", "102.hea"],
               "-": ["RECORDS", "102.xws", "mitdbdir/intro.htm", "x_mitdb/x_100.hea"]},
    "ltaf": {"+": ["00.atr", "00.dat", "00.hea", "06.hea"], ".": ["100.hea", "100.dat"],
             "-": ["RECORDS", "00.qrs", "SHA256SUMS.txt"]},
    "ptbxl": {"+": ["ptbxl_database.csv", "scp_statements.csv", "records100/00000/00001_lr.dat",
                    "records100/00000/00001_lr.hea", "records100/00000/00002_lr.hea"],
              ".": ["records100/21000/21837_lr.hea"],
              "-": ["records500/00000/00001_hr.hea", "LICENSE.txt", "RECORDS"]},
    "ptb": {"+": ["patient001/s0010_re.dat", "patient001/s0010_re.hea", "patient001/s0010_re.xyz",
                  "patient002/s0015lre.hea"],
            ".": ["patient005/s0021are.hea"], "-": ["RECORDS", "CONTROLS"]},
    "cpsc2018": {"+": ["training/cpsc_2018/g1/A0001.hea", "training/cpsc_2018/g1/A0001.mat",
                       "training/cpsc_2018/g1/A0002.hea"],
                 ".": ["training/cpsc_2018/g7/A6877.mat"],
                 "-": ["training/cpsc_2018_extra/g1/Q0001.hea", "training/cpsc_2018/g1/RECORDS",
                       "training/georgia/g1/E00001.hea"]},
    "cpsc2021": {"+": ["Training_set_I/data_0_1.atr", "Training_set_I/data_0_1.hea",
                       "Training_set_I/data_0_2.dat"],
                 ".": ["Training_set_I/data_0_10.dat", "Training_set_II/data_100_1.hea"],
                 "-": ["Training_set_I/RECORDS", "Training_set_I/REVISED_RECORDS"]},
}  # fmt: skip


@pytest.mark.parametrize("name", LISTINGS)
def test_needed_files(name: str) -> None:
    paths = LISTINGS[name]
    listing = sorted(path for group in paths.values() for path in group)
    assert sorted(DATASETS[name].needed(listing, limit=2)) == sorted(paths["+"])
    assert sorted(DATASETS[name].needed(listing)) == sorted(paths["+"] + paths["."])
    tables = set(DATASETS[name].tables)
    assert set(DATASETS[name].needed(listing, limit=0)) == tables


def test_needed_files_by_rate() -> None:
    listing = [path for group in LISTINGS["ptbxl"].values() for path in group]
    found = DATASETS["ptbxl"].needed(listing, rate=500)
    assert set(found) == {*DATASETS["ptbxl"].tables, "records500/00000/00001_hr.hea"}


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(set(DATASETS) - {"cinc2017"}))
def test_needed_files_are_enough(name: str, physionet: Path, tmp_path: Path) -> None:
    """The first two records can be read from a folder that holds nothing else."""
    dataset = DATASETS[name]
    source = physionet / dataset.project / dataset.version
    lines = (source / "SHA256SUMS.txt").read_text().splitlines()
    needed = dataset.needed([line.split(maxsplit=1)[1] for line in lines], limit=2)
    for path in needed:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).symlink_to(source / path)
    partial = dataset(tmp_path)
    assert partial.ids() == dataset(source).ids()[:2]
    with warnings.catch_warnings():
        warnings.simplefilter("error", SkippedRecords)
        assert [record.id for record in partial.records()] == partial.ids()
