"""CinC 2017, as a zip archive, unpacked, and as a tree of single files."""

import csv
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import wfdb
from written_records import random_values, write_record

from ecglab.data.locations import is_url, physionet_base, project_folder
from ecglab.data.readers.cinc2017 import CinC2017
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.record import Record

DATED = "{name} {n} {fs} {samples} 05:05:15 1/05/2000 "


def _write(folder: Path, name: str, seed: int) -> np.ndarray:
    values = random_values(1, 900, seed)
    write_record(folder, name, values, fs=300, leads=["ECG "], first_line=DATED)
    return values / 1000


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Three records in training2017/, a fourth that only validation/ has, and their labels."""
    for seed, name in enumerate(["A00001", "A00002", "A00003"]):
        _write(tmp_path / "training2017", name, seed)
    _write(tmp_path / "validation", "A00004", 9)
    (tmp_path / "REFERENCE-v3.csv").write_text("A00001,N\nA00002,~\nA00003,A\nA00004,O")
    return tmp_path


def _pack(root: Path) -> None:
    with zipfile.ZipFile(root / "training2017.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (root / "training2017").iterdir():
            archive.write(path, f"training2017/{path.name}")
    shutil.rmtree(root / "training2017")


def _plant(root: Path) -> None:
    (root / "training" / "A00").mkdir(parents=True)
    for path in (root / "training2017").iterdir():
        path.rename(root / "training" / "A00" / path.name)
    (root / "training2017").rmdir()


@pytest.mark.parametrize(
    "layout", [lambda root: None, _pack, _plant], ids=["folder", "zip", "tree"]
)
def test_layouts(written: Path, layout) -> None:  # type: ignore[no-untyped-def]
    expected = {name: scipy.io.loadmat(written / "training2017" / f"{name}.mat")["val"] / 1000
                for name in ("A00001", "A00002", "A00003")}  # fmt: skip
    layout(written)
    dataset = CinC2017(written)
    assert dataset.count_local() == 3
    records = list(dataset.records())
    assert [record.id for record in records] == list(expected)  # nothing of validation/
    assert [record.labels for record in records] == [("N",), ("~",), ("A",)]
    assert all(record.fs == 300 and record.leads == ("ECG",) for record in records)
    for record in records:
        np.testing.assert_allclose(record.signal, expected[record.id], rtol=1e-6)


def test_validation_alone_is_no_data(written: Path) -> None:
    shutil.rmtree(written / "training2017")
    with pytest.raises(DataNotFound, match="no records"):
        CinC2017(written).ids()


def test_zip_is_unpacked_into_the_data_folder(written: Path, data_home: Path) -> None:
    _pack(written)
    before = sorted(written.iterdir())
    dataset = CinC2017(written)
    assert dataset.count_local() == 3
    assert not list(data_home.iterdir())  # counting does not unpack
    first = dataset.fingerprint()
    dataset.ids()
    assert sorted(written.iterdir()) == before  # a mirror may be read-only
    unpacked = data_home / "challenge-2017" / "1.0.0" / "training2017"
    assert len(list(unpacked.rglob("*.mat"))) == 3
    assert CinC2017(written).fingerprint() == first
    _write(written / "training2017", "A00001", 77)
    _pack(written)
    assert CinC2017(written).fingerprint() != first
    assert CinC2017(written).ids() == ["A00001"]  # the new archive replaced the old one


def test_fetched_zip_lies_beside_its_contents(data_home: Path, written: Path) -> None:
    """What a fetch leaves behind: the archive in the data folder itself."""
    _pack(written)
    folder = data_home / "challenge-2017" / "1.0.0"
    folder.parent.mkdir(parents=True)
    shutil.copytree(written, folder)
    assert CinC2017(folder).ids() == CinC2017(folder).ids() == ["A00001", "A00002", "A00003"]


def test_damaged_zip(written: Path) -> None:
    (written / "training2017.zip").write_bytes(b"PK\3\4 and no more")
    shutil.rmtree(written / "training2017")
    assert CinC2017(written).count_local() == 0
    with pytest.raises(ValueError, match=r"training2017\.zip: cannot be unpacked"):
        CinC2017(written).ids()


def test_labels_are_required_but_may_lack_a_record(written: Path) -> None:
    (written / "REFERENCE-v3.csv").write_text("A00001,N\n")
    assert CinC2017(written).read("A00002").labels == ()
    (written / "REFERENCE-v3.csv").unlink()
    with pytest.raises(DataNotFound, match=r"REFERENCE-v3.csv; fetch it with"):
        CinC2017(written).read("A00001")


def test_needed_files() -> None:
    tree = [f"training/A0{index // 2}/A0000{index}.{kind}" for index in (1, 2, 3)
            for kind in ("hea", "mat")]  # fmt: skip
    rest = ["REFERENCE-v3.csv", "REFERENCE-v2.csv", "validation/A00001.mat", "sample2017.zip"]
    everything = [*rest, *tree, "training2017.zip"]
    needed = CinC2017.needed
    assert set(needed(everything, limit=2)) == {"REFERENCE-v3.csv", *tree[:4]}
    assert set(needed(everything)) == {"REFERENCE-v3.csv", "training2017.zip"}
    assert set(needed(everything, limit=7000)) == {"REFERENCE-v3.csv", "training2017.zip"}
    assert set(needed([*rest, *tree])) == {"REFERENCE-v3.csv", *tree}  # a mirror without the zip
    no_tree = [*rest, "training2017.zip"]
    assert set(needed(no_tree, limit=2)) == {"REFERENCE-v3.csv", "training2017.zip"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CinC2017]:
    """The mirror's records, unpacked once for this module."""
    root = None if is_url(physionet_base()) else project_folder("challenge-2017", "1.0.0")
    if root is None:
        pytest.skip("ECGLAB_PHYSIONET names no local mirror")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLAB_DATA", str(tmp_path_factory.mktemp("cinc2017")))
        dataset = CinC2017(root)
        dataset.ids()
        yield dataset


@pytest.mark.real
def test_every_real_record(real: CinC2017) -> None:
    with (real.root / "RECORDS").open() as file:
        assert real.ids() == file.read().split()
    assert len(real.ids()) == real.count_local() == 7000
    stream = real.records()
    labels, seconds = Counter[str](), []
    for record in stream:
        labels.update(record.labels)
        seconds.append(record.seconds)
        assert record.signal is not None
        assert np.isfinite(record.signal).all()
    assert not stream.skipped
    assert labels == {"N": 4167, "O": 1982, "A": 622, "~": 229}
    assert 9 <= min(seconds) <= max(seconds) <= 61
    with (real.root / "REFERENCE-v3.csv").open() as file:
        assert labels == Counter(row[1] for row in csv.reader(file))


def _by_wfdb(record: Record, source: Path, folder: Path) -> np.ndarray:
    """The record as wfdb reads it once the date, which it rejects, is cut off."""
    header = source.with_suffix(".hea").read_text().splitlines()
    header[0] = " ".join(header[0].split()[:4])
    (folder / f"{record.id}.hea").write_text("\n".join(header) + "\n")
    shutil.copy(source, folder)
    return wfdb.rdrecord(str(folder / record.id)).p_signal.T


@pytest.mark.real
def test_real_signals_agree_with_scipy_and_wfdb(real: CinC2017, tmp_path: Path) -> None:
    for id_ in real.ids()[::200]:
        record = real.read(id_)
        source = Path(real._headers[id_]).with_suffix(".mat")
        np.testing.assert_allclose(
            record.signal, scipy.io.loadmat(source)["val"] / 1000, rtol=1e-6, atol=0
        )
        np.testing.assert_allclose(record.signal, _by_wfdb(record, source, tmp_path), rtol=1e-6)
