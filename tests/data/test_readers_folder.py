"""A folder of one's own: signals.npz and labels.csv."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ecglab.data.readers.folder import read_folder

SIGNALS = np.arange(3 * 2 * 5, dtype=np.int16).reshape(3, 2, 5)


def write(folder: Path, table: str, key: str = "id", ids: tuple[int, ...] = (4, 7, 9)) -> Path:
    np.savez(folder / "signals.npz", signals=SIGNALS, **{key: np.array(ids)})
    (folder / "labels.csv").write_text(table, encoding="utf-8")
    return folder


def test_classes_subjects_and_the_rest(tmp_path: Path) -> None:
    folder = write(tmp_path, "id,subject,rhythm,age\n4,p1,AF,70\n7,p1,SR PAC,71\n9,p2,,\n")
    data = read_folder(folder, fs=50, label="rhythm", leads=("I", "II"), scale=0.5, name="ours")
    records = list(data.records())
    assert [(r.id, r.subject, r.labels) for r in records] == [
        ("4", "p1", ("AF",)),
        ("7", "p1", ("SR", "PAC")),
        ("9", "p2", ()),
    ]
    assert (data.name, records[0].fs, records[0].meta["age"]) == ("ours", 50, "70")
    np.testing.assert_allclose(records[1].signal, SIGNALS[1] * 0.5)  # type: ignore[arg-type]


def test_a_column_of_zeros_and_ones_is_a_question(tmp_path: Path) -> None:
    folder = write(tmp_path, "id,afib\n4,0\n7,1\n9,0\n")
    data = read_folder(folder, fs=50, label="afib", leads=("I", "II"))
    assert [r.labels for r in data.records()] == [("non-afib",), ("afib",), ("non-afib",)]
    assert [r.subject for r in data.records()] == ["4", "7", "9"]
    assert data.name == tmp_path.name


def test_a_blank_is_no_answer_to_a_question(tmp_path: Path) -> None:
    folder = write(tmp_path, "id,afib\n4,0\n7,\n9,1\n")
    data = read_folder(folder, fs=50, label="afib", leads=("I", "II"))
    assert [r.labels for r in data.records()] == [("non-afib",), (), ("afib",)]


def test_a_table_saved_by_excel_begins_with_a_mark(tmp_path: Path) -> None:
    folder = write(tmp_path, "\ufeffid,afib\n4,0\n7,1\n9,0\n")
    assert read_folder(folder, fs=50, label="afib", leads=("I", "II")).ids() == ["4", "7", "9"]


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("id,age,afib\n4,70,1\n7,71\n9,72,0\n", "id", "row 3 does not have the 3 columns id, age,"),
        ("id,age,afib\n4,70,1\n7,71,1\n9,72,0,1\n", "id", "row 4 does not have the 3 columns"),
        ("id,age\n4,1\n7,2\n9,3\n", "id", "no column 'afib'; there are: id, age"),
        ("id,afib\n4,1\n9,0\n7,0\n", "id", "differ in their column 'id'"),
        ("id,afib\n4,1\n", "id", "differ in their column 'id'"),
        ("id,afib\n4,1\n7,0\n9,0\n", "ecg_id", "no array id"),
        ("id,subject,afib\n4,p,1\n7,,0\n9, ,0\n", "id", "2 rows name no subject"),
    ],
)
def test_files_that_do_not_fit_each_other(
    tmp_path: Path, table: str, key: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_folder(write(tmp_path, table, key), fs=50, label="afib", leads=("I", "II"))


def test_leads_are_named_in_the_folder_or_are_the_standard_twelve(tmp_path: Path) -> None:
    folder = write(tmp_path, "id,afib\n4,0\n7,1\n9,0\n")
    with pytest.raises(ValueError, match=r"shape \(3, 2, 5\) are not .* of the 12 leads I, II"):
        read_folder(folder, fs=50, label="afib")
    np.savez(folder / "signals.npz", signals=SIGNALS, id=[4, 7, 9], leads=["V5", "aVR"])
    assert read_folder(folder, fs=50, label="afib").leads == ("V5", "aVR")
    assert read_folder(folder, fs=50, label="afib", leads=("I", "II")).leads == ("I", "II")
    np.savez(folder / "signals.npz", signals=SIGNALS[:, 0], id=[4, 7, 9], leads=["V5"])
    with pytest.raises(ValueError, match=r"shape \(3, 5\)"):
        read_folder(folder, fs=50, label="afib")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels\.csv"):
        read_folder(tmp_path, fs=50, label="afib")


@pytest.mark.real
def test_derived_ptbxl(physionet: Path) -> None:
    folder = physionet.parent / "derived" / "ptbxl-100hz"
    data = read_folder(folder, fs=100, label="afib", scale=1 / 256)
    records = list(data.records(leads=["I"]))
    assert Counter(r.labels for r in records) == {("non-afib",): 1416, ("afib",): 103}
    assert records[0].meta["superclasses"] == "NORM"
    assert float(np.std(records[0].signal)) == pytest.approx(1, abs=0.02)  # type: ignore[arg-type]
