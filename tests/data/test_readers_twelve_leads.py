"""PTB-XL, PTB and the challenges' sets: labels, folds, subjects; signals against wfdb."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import wfdb
from written_records import random_values, write_record

from ecglab.data.catalog import DATASETS
from ecglab.data.readers.chapman import Chapman, Georgia, Ningbo
from ecglab.data.readers.cpsc2018 import CPSC2018, CPSC2018Extra
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.readers.ptb import PTB
from ecglab.data.readers.ptbxl import PTBXL
from ecglab.data.readers.wfdb_files import LEADS_12

COLUMNS = ["ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold", "filename_lr",
           "filename_hr"]  # fmt: skip


def _challenge_record(root: Path, part: str, name: str, *comments: str) -> None:
    folder = root / "training" / part / "g1"
    write_record(folder, name, random_values(12, 40), leads=LEADS_12, comments=comments)


def test_cpsc_records_may_carry_several_labels(tmp_path: Path) -> None:
    comments = ["Age: 74", "Sex: Male", "Dx: 284470004,59118001,111975006"]
    _challenge_record(tmp_path, "cpsc_2018", "A0001", *comments)
    record = CPSC2018(tmp_path).read("A0001")
    assert record.codes == ("284470004", "59118001", "111975006")
    assert record.labels == ("RBBB", "PAC")  # in the order of the classes; the third is no class
    assert (record.meta["age"], record.meta["sex"]) == (74.0, "male")
    assert record.subject == "A0001"


@pytest.mark.parametrize(
    ("comments", "age", "codes", "labels"),
    [
        (["Age: NaN", "Dx: 426783006"], None, ("426783006",), ("SR",)),
        (
            [" Age: 61", " Dx: 164890007, 427084000"],
            61.0,
            ("164890007", "427084000"),
            ("AFIB", "GSVT"),
        ),
        (["Age: 61", "Dx: 195101003"], 61.0, ("195101003",), ()),  # left out of the groups
        (["Dx: 59118001"], None, ("59118001",), ()),  # no rhythm
        ([], None, (), ()),
    ],
)
def test_georgia_groups(tmp_path: Path, comments, age, codes, labels) -> None:  # type: ignore[no-untyped-def]
    _challenge_record(tmp_path, "georgia", "E00001", *comments)
    record = Georgia(tmp_path).read("E00001")
    assert (record.meta["age"], record.codes, record.labels) == (age, codes, labels)


@pytest.mark.parametrize(
    ("reason", "more", "labels"),
    [
        ("Myocardial infarction", "Persistent Atrial fibrillation, gout", ("AF",)),
        ("Atrial flutter", "no", ("AF",)),
        ("Atrial flutter", "atrial fibrillation", ("AF",)),
        ("Healthy control", "no", ("non-AF",)),
        ("Dysrhythmia", "Ventricular fibrillation", ("non-AF",)),
        ("n/a", "n/a", ()),  # no clinical summary, so no label
    ],
)
def test_ptb_diagnoses(tmp_path: Path, reason: str, more: str, labels: tuple[str, ...]) -> None:
    comments = [
        " age: 60",
        " sex: female",
        f" Reason for admission: {reason}",
        f" Additional diagnoses: {more}",
        " Echocardiography: atrial fibrillation",
    ]
    leads = [name.lower() for name in PTB.leads]
    write_record(
        tmp_path / "patient007", "s1", random_values(15, 30), leads=leads, comments=comments
    )
    record = PTB(tmp_path).read("s1")
    assert record.labels == labels
    assert record.subject == "patient007"
    assert record.leads == PTB.leads
    assert (record.meta["age"], record.meta["sex"]) == (60.0, "female")


@pytest.fixture
def ptbxl(tmp_path: Path) -> Path:
    """Two records at 100 Hz, one of them at 500 Hz, and a third that is listed but not here."""
    rows = [
        ["1", "15709.0", "56.0", "1", "{'NORM': 100.0, 'SR': 0.0}", "3"],
        ["2", "15709.0", "300.0", "0", "{'LVH': 50.0, 'IMI': 0.0, 'AFIB': 0.0, 'NDT': 99.0}", "10"],
        ["3", "20.0", "", "0", "{}", "9"],
    ]
    with (tmp_path / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            name = f"{int(row[0]):05}"
            files = [f"records100/00000/{name}_lr", f"records500/00000/{name}_hr"]
            writer.writerow([*row, *files])
    leads = [lead.upper() for lead in LEADS_12]
    for name, n in (("00001_lr", 10), ("00002_lr", 10), ("00001_hr", 50)):
        rate = "100" if n == 10 else "500"
        folder = tmp_path / f"records{rate}" / "00000"
        write_record(folder, name, random_values(12, n), fs=int(rate), leads=leads)
    return tmp_path


def test_ptbxl_labels_folds_and_subjects(ptbxl: Path) -> None:
    dataset = PTBXL(ptbxl)
    assert dataset.ids() == ["1", "2"]
    first, second = dataset.records()
    assert (first.labels, first.meta["fold"], first.fs) == (("NORM",), 3, 100)
    assert second.labels == ("MI", "STTC", "HYP")  # whatever the likelihood
    assert second.codes == ("LVH", "IMI", "AFIB", "NDT")
    assert (second.meta["rhythms"], second.meta["afib"]) == (("AFIB",), True)
    assert second.meta["age"] is None  # 300 stands for older than 89
    assert first.subject == second.subject == "15709"
    assert first.leads == LEADS_12


def test_ptbxl_at_both_rates(ptbxl: Path) -> None:
    dataset = PTBXL(ptbxl, rate=500)
    assert dataset.ids() == ["1"]
    assert (dataset.read("1").fs, dataset.read("1").n_samples) == (500, 50)
    assert dataset.fingerprint() != PTBXL(ptbxl).fingerprint()
    (ptbxl / "ptbxl_database.csv").unlink()
    with pytest.raises(DataNotFound, match=r"ptbxl_database\.csv; fetch it with"):
        PTBXL(ptbxl).ids()


@pytest.mark.real
def test_ptbxl_statements_are_those_of_its_table(physionet: Path) -> None:
    with (physionet / "ptb-xl/1.0.3/scp_statements.csv").open() as file:
        rows = {row[""]: row for row in csv.DictReader(file)}
    expected = {code: row["diagnostic_class"] or None for code, row in rows.items()}
    assert dict(PTBXL.label_map) == expected
    assert len(expected) == 71


@pytest.mark.real
def test_real_ptbxl(physionet: Path) -> None:
    dataset = PTBXL(physionet / "ptb-xl" / "1.0.3")
    records = list(dataset.records())
    assert len(records) == 500
    assert {record.meta["fold"] for record in records} == set(range(1, 11))
    by_subject: dict[str, set[object]] = {}
    for record in records:
        by_subject.setdefault(record.subject, set()).add(record.meta["fold"])
    assert all(len(folds) == 1 for folds in by_subject.values())  # folds tear no patient apart
    assert len(by_subject) < 500
    assert PTBXL(dataset.root, rate=500).ids() == [str(id_) for id_ in range(1, 21)]
    # the labels of those records that were processed independently
    with (physionet.parent / "derived/ptbxl-100hz/labels.csv").open() as file:
        derived = {row["ecg_id"]: row for row in csv.DictReader(file)}
    shared = [record for record in records if record.id in derived]
    assert len(shared) == 28
    for record in shared:
        assert record.labels == tuple(derived[record.id]["superclasses"].split())
        assert record.meta["afib"] == (derived[record.id]["afib"] == "1")


COUNTS = {  # records, and the labels among them, counted in the headers with grep
    CPSC2018: (14, {"AF": 7, "RBBB": 4, "NSR": 1, "PAC": 1, "STD": 1, "LBBB": 1, "PVC": 1}),
    CPSC2018Extra: (29, {"NSR": 1, "IAVB": 1, "LBBB": 1, "PAC": 1, "RBBB": 1, "AF": 1}),
    Georgia: (34, {"SB": 9, "GSVT": 8, "SR": 8, "AFIB": 2}),
    Chapman: (19, {"SB": 10, "SR": 3, "GSVT": 2, "AFIB": 4}),
    Ningbo: (66, {"GSVT": 22, "SB": 15, "SR": 15, "AFIB": 6}),
}


@pytest.mark.real
@pytest.mark.parametrize("dataset", COUNTS, ids=lambda dataset: dataset.name)
def test_real_challenge_counts(dataset, physionet: Path) -> None:  # type: ignore[no-untyped-def]
    records = list(dataset(physionet / dataset.project / dataset.version).records())
    n, labels = COUNTS[dataset]
    assert len(records) == n
    assert Counter(label for record in records for label in record.labels) == labels


@pytest.mark.real
def test_real_quirks(physionet: Path) -> None:
    both = CPSC2018(physionet / "challenge-2020/1.0.2").read("A5215")
    assert both.labels == ("RBBB", "PAC")
    georgia = Georgia(physionet / "challenge-2020/1.0.2").read("E00001")
    assert georgia.meta["age"] is None
    child = Ningbo(physionet / "challenge-2021/1.0.3").read("JS11438")
    assert child.meta["age"] == 4
    assert child.meta["flat_leads"] == ("V1", "V2", "V3", "V4", "V5", "V6")
    frank = PTB(physionet / "ptbdb/1.0.0").read("s0010_re", ["VX", "aVR"])
    assert (frank.labels, frank.subject) == (("non-AF",), "patient001")
    assert frank.signal is not None
    assert 0.3 < np.ptp(frank.signal[1]) < 5


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "rate"),
    [("ptbxl", 100), ("ptbxl", 500), ("ptb", 1000)]
    + [(name, 500) for name in ("cpsc2018", "cpsc2018_extra", "georgia", "chapman", "ningbo")],
)
def test_real_signals_agree_with_wfdb(name: str, rate: int, physionet: Path) -> None:
    dataset = DATASETS[name](physionet / DATASETS[name].project / DATASETS[name].version, rate=rate)
    for id_ in dataset.ids()[:: max(1, len(dataset.ids()) // 4)]:
        record = dataset.read(id_)
        oracle = wfdb.rdrecord(dataset._headers[id_].removesuffix(".hea"))
        assert (
            (record.fs, record.n_samples) == (oracle.fs, oracle.sig_len) == (rate, oracle.sig_len)
        )
        assert [lead.lower() for lead in record.leads] == [lead.lower() for lead in oracle.sig_name]
        np.testing.assert_allclose(record.signal, oracle.p_signal.T, atol=1e-6)
        limbs = {lead: record.lead(lead) for lead in ("I", "II", "III")}
        np.testing.assert_allclose(limbs["III"], limbs["II"] - limbs["I"], atol=0.02)  # Einthoven
