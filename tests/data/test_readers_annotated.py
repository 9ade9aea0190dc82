"""Sets with beats and rhythm spans: MIT-BIH, LTAF, CPSC 2021."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglab.data.readers.annotations import read_annotations
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.readers.cpsc2021 import CPSC2021
from ecglab.data.readers.ltaf import LTAF
from ecglab.data.readers.mitbih import MITBIH
from ecglab.data.record import RecordError

# AAMI's grouping of the beat symbols (EC57), and the totals that are published for all 48 records.
AAMI = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
AAMI_BEATS = {"N": 90631, "S": 2781, "V": 7236, "F": 803, "Q": 8043}

Note = tuple[int, str, str]


def write_annotations(folder: Path, name: str, fs: float, notes: Sequence[Note]) -> None:
    """An .atr file by wfdb, of (sample, symbol, text)."""
    samples, symbols, texts = zip(*notes, strict=True)
    wfdb.wrann(name, "atr", np.array(samples), list(symbols), aux_note=list(texts), fs=fs,
               write_dir=str(folder))  # fmt: skip


def write_signal(folder: Path, name: str, fs: float, leads: Sequence[str], samples: int) -> None:
    """A record by wfdb; lead k rises from k to k + 1 mV."""
    rows = np.linspace(0, 1, samples)[:, None] + np.arange(len(leads))
    wfdb.wrsamp(name, fs=fs, units=["mV"] * len(leads), sig_name=list(leads), p_signal=rows,
                fmt=["16"] * len(leads), write_dir=str(folder))  # fmt: skip


def spans(rhythms: Sequence[object]) -> list[tuple[object, ...]]:
    return [(r.start, r.stop, r.code, r.label) for r in rhythms]  # type: ignore[attr-defined]


@pytest.fixture
def ltaf(tmp_path: Path) -> Path:
    """A record with an unannotated head and tail, notes that are no beats, one past the end."""
    notes = [
        (40, "N", ""), (50, "+", "(AFIB"), (60, "N", ""), (70, '"', "MISSB"), (90, "V", ""),
        (100, "+", "(N\0"), (110, "~", ""), (120, "N", ""), (130, "+", "(XYZ"), (150, "N", ""),
        (900, '"', "\1 Aux"),
    ]  # fmt: skip
    write_annotations(tmp_path, "07", 128, notes)
    write_signal(tmp_path, "07", 128, ["one", "two"], 200)
    header = tmp_path / "07.hea"
    header.write_text(header.read_text().replace("one", "ECG").replace("two", "ECG"))
    return tmp_path


def test_spans_cover_only_what_was_annotated(ltaf: Path) -> None:
    record = LTAF(ltaf).read("07")
    assert spans(record.rhythms) == [
        (50, 100, "(AFIB", "AF"),
        (100, 130, "(N", "non-AF"),
        (130, 151, "(XYZ", None),  # ends with the last beat; a code that the map does not know
    ]
    assert record.labels == ("AF", "non-AF")
    assert record.codes == ("(AFIB", "(N", "(XYZ")
    assert record.beats is not None
    assert record.beats.samples.tolist() == [40, 60, 90, 120, 150]
    assert record.beats.symbols == ("N", "N", "V", "N", "N")


def test_ltaf_with_and_without_signal(ltaf: Path) -> None:
    dataset = LTAF(ltaf)
    record = dataset.read("07", leads=["ECG2"])
    assert record.leads == ("ECG2",)
    assert record.signal is not None
    np.testing.assert_allclose(record.signal[0], np.linspace(1, 2, 200), atol=1e-4)
    assert dataset.count_local() == 1
    (ltaf / "07.dat").unlink()
    assert dataset.ids() == ["07"]
    assert dataset.count_local() == 0  # annotations alone are no record that is here
    bare = dataset.read("07")
    assert bare.signal is None
    assert (bare.n_samples, bare.fs, bare.leads) == (200, 128, ("ECG1", "ECG2"))
    assert spans(bare.rhythms) == spans(record.rhythms)


def test_broken_annotation_files(ltaf: Path) -> None:
    path = ltaf / "07.atr"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    with pytest.raises(RecordError, match=r"07.atr: cut short"):
        LTAF(ltaf).read("07")
    path.write_bytes(b"\xff\xff\xff\0\0")
    with pytest.raises(RecordError, match=r"07.atr: wfdb cannot read it"):
        LTAF(ltaf).read("07")
    path.unlink()
    with pytest.warns(SkippedRecords, match=r"07.atr: no such annotation file"):
        assert list(LTAF(ltaf).records()) == []


def test_mitbih_reads_age_and_sex(tmp_path: Path) -> None:
    write_signal(tmp_path, "100", 360, ["MLII", "V5"], 50)
    write_annotations(tmp_path, "100", 360, [(5, "N", "")])
    header = tmp_path / "100.hea"
    plain = header.read_text()
    for comment, age, sex in [
        ("69 M 1085", 69.0, "male"),
        ("-1 F 750", None, "female"),
        ("", None, None),
    ]:
        header.write_text(f"{plain}# {comment}\n")
        meta = MITBIH(tmp_path).read("100").meta
        assert (meta["age"], meta["sex"]) == (age, sex)


def _cpsc(folder: Path, notes: Sequence[Note], diagnosis: str, name: str = "data_7_1") -> Path:
    part = folder / "Training_set_II"
    part.mkdir()
    write_signal(part, name, 200, ["I", "II"], 1000)
    write_annotations(part, name, 200, notes)
    with (part / f"{name}.hea").open("a") as file:
        file.write(f"# {diagnosis}\n")
    return folder


def test_cpsc2021_spans_cover_the_record(tmp_path: Path) -> None:
    notes = [(30, "N", ""), (200, "+", "(AFL"), (210, "N", ""), (400, "+", "(N"), (970, "N", "")]
    record = CPSC2021(_cpsc(tmp_path, notes, "paroxysmal atrial fibrillation")).read("data_7_1")
    assert spans(record.rhythms) == [
        (0, 200, "", "non-AF"),
        (200, 400, "(AFL", "AF"),
        (400, 1000, "(N", "non-AF"),
    ]
    assert (record.subject, record.labels) == ("7", ("paroxysmal AF",))


@pytest.mark.parametrize(
    ("diagnosis", "label", "rhythms"),
    [
        ("non atrial fibrillation", ("non-AF",), [(0, 1000, "", "non-AF")]),
        ("persistent atrial fibrillation", ("persistent AF",), []),  # contradicts: no claim
        ("something else", (), [(0, 1000, "", "non-AF")]),
    ],
)
def test_cpsc2021_without_episodes(tmp_path: Path, diagnosis: str, label, rhythms) -> None:  # type: ignore[no-untyped-def]
    record = CPSC2021(_cpsc(tmp_path, [(30, "N", "")], diagnosis)).read("data_7_1")
    assert record.labels == label
    assert spans(record.rhythms) == rhythms


@pytest.mark.real
def test_real_mitbih(physionet: Path) -> None:
    dataset = MITBIH(physionet / "mitdb" / "1.0.0")
    records = {record.id: record for record in dataset.records()}
    assert len(records) == dataset.total_records == 48
    assert len({record.subject for record in records.values()}) == dataset.total_subjects == 47
    assert records["201"].subject == records["202"].subject
    assert all(record.n_samples == 650000 for record in records.values())
    assert {lead for record in records.values() for lead in record.leads} == set(dataset.leads)
    assert {id_ for id_, record in records.items() if "MLII" not in record.leads} == {"102", "104"}
    assert records["114"].leads == ("V5", "MLII")
    symbols = Counter(
        s for record in records.values() if record.beats for s in record.beats.symbols
    )
    for group, members in AAMI.items():
        assert sum(symbols[symbol] for symbol in members) == AAMI_BEATS[group]
    assert symbols.total() == sum(AAMI_BEATS.values())
    with_af = {id_ for id_, record in records.items() if "AF" in record.labels}
    assert with_af == {"201", "202", "203", "210", "217", "219", "221", "222"}
    codes = {code for record in records.values() for code in record.codes}
    assert codes == set(dataset.label_map)  # every row of the table occurs, none is missing


@pytest.mark.real
def test_real_mitbih_leads_by_name(physionet: Path) -> None:
    dataset = MITBIH(physionet / "mitdb" / "1.0.0")
    whole = wfdb.rdrecord(str(physionet / "mitdb" / "1.0.0" / "114")).p_signal
    np.testing.assert_allclose(dataset.read("114", ["MLII"]).signal, whole[:, 1:].T, atol=1e-6)
    stream = dataset.records(limit=5, leads=["MLII"])
    with pytest.warns(SkippedRecords, match="skipped 2 of 5"):
        assert [record.id for record in stream] == ["100", "101", "103"]


@pytest.mark.real
def test_real_ltaf(physionet: Path) -> None:
    folder = physionet / "ltafdb" / "1.0.0"
    dataset = LTAF(folder)
    assert len(dataset.ids()) == 64
    tail = dataset.read("117")
    assert tail.signal is None
    assert tail.n_samples == 11059200
    assert tail.rhythms[0].start == 8318
    assert tail.rhythms[-1].stop == 7347686  # eight hours before the end
    late = dataset.read("64")  # beats from the start, rhythms only later
    assert late.beats is not None
    assert late.beats.samples[0] == 6
    assert late.rhythms[0].start == 8696979
    short = dataset.read("30")  # a note lies three hours past its end
    assert short.n_samples == 2826240
    assert short.beats is not None
    assert short.rhythms[-1].stop == short.beats.samples[-1] + 1 <= short.n_samples


@pytest.mark.real
def test_real_ltaf_against_wfdb(physionet: Path) -> None:
    path = physionet / "ltafdb" / "1.0.0" / "202.atr"
    raw = wfdb.rdann(str(path.with_suffix("")), "atr")
    beats = read_annotations(path, 11059200).beats()
    assert Counter(beats.symbols) == {"N": 141501, "V": 4122}
    kept = np.isin(raw.symbol, ["N", "V"])
    np.testing.assert_array_equal(beats.samples, raw.sample[kept])
    record = LTAF(path.parent).read("202")
    assert spans(record.rhythms) == [(1156, 10775434, "(AFIB", "AF")]
    assert record.labels == ("AF",)  # one class only, as in several subjects


@pytest.mark.real
def test_real_cpsc2021(physionet: Path) -> None:
    dataset = CPSC2021(physionet / "cpsc2021" / "1.0.0")
    records = list(dataset.records())
    assert Counter(record.labels for record in records) == {
        ("non-AF",): 6,
        ("paroxysmal AF",): 6,
        ("persistent AF",): 6,
    }
    assert {record.subject for record in records} == {"8", "21", "35", "84", "92", "101"}
    for record in records:
        starts = [rhythm.start for rhythm in record.rhythms]
        assert starts == [0, *(rhythm.stop for rhythm in record.rhythms[:-1])]  # no gaps
        assert record.rhythms[-1].stop == record.n_samples
        expected = {
            "non-AF": {"non-AF"},
            "persistent AF": {"AF"},
            "paroxysmal AF": {"AF", "non-AF"},
        }
        assert {rhythm.label for rhythm in record.rhythms} == expected[record.labels[0]]
        oracle = wfdb.rdrecord(str(Path(dataset._headers[record.id]).with_suffix(""))).p_signal.T
        np.testing.assert_allclose(record.signal, oracle, atol=1e-5)
        assert np.ptp(np.median(oracle, axis=1)) < 1.5  # the same offset in both leads
