"""Headers and signal files: every spelling that occurs, every fault that may."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st
from written_records import random_values, write_mat, write_record

from ecglab.data.readers.wfdb_files import read_header, read_signal
from ecglab.data.record import RecordError


@pytest.mark.parametrize(
    "first_line",
    [
        "{name} {n} {fs} {samples}",
        "{name}.mat {n} {fs} {samples} 12-May-2020 12:33:59",  # challenge 2020, early versions
        "{name} {n} {fs} {samples} 05:05:15 1/05/2000 ",  # CinC 2017
        "{name} {n} {fs}/1000(0) {samples}  9:30:00 31/01/2003",  # a counter's frequency
        "{name} {n} {fs}",  # no length: the file tells
        "{name} {n} {fs} 0",  # the same
    ],
)
def test_record_lines(tmp_path: Path, first_line: str) -> None:
    values = random_values(2, 700)
    header = read_header(write_record(tmp_path, "A1", values, first_line=first_line))
    assert header.fs == 500
    assert header.leads == ("I", "II")
    np.testing.assert_allclose(read_signal(header), values / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("gain", "factor", "baseline"),
    [
        ("1000/mV", 1e-3, 0),
        ("1000/mv", 1e-3, 0),
        ("1000.0(0)/mV", 1e-3, 0),
        ("200(1024)", 1 / 200, 1024),
        ("0/mV", 1 / 200, 0),  # uncalibrated: 200 by the format's definition
        ("4.88/uV", 1e-3 / 4.88, 0),
        ("1e6/V", 1e-3, 0),
        ("30061.276794035417(-161790)/mV", 1 / 30061.276794035417, -161790),  # CPSC 2021
    ],
)
def test_gain_baseline_and_units(tmp_path: Path, gain: str, factor: float, baseline: int) -> None:
    values = random_values(2, 300)
    signal = read_signal(read_header(write_record(tmp_path, "A1", values, gain=gain)))
    assert signal.dtype == np.float32
    np.testing.assert_allclose(signal, (values.astype(float) - baseline) * factor, rtol=1e-6)


@given(
    samples=st.integers(1, 40),
    offsets=st.lists(st.integers(-200_000, 200_000), min_size=1, max_size=4),
    seed=st.integers(0, 999),
)
def test_stored_values_survive_any_baseline(
    tmp_path_factory: pytest.TempPathFactory, samples: int, offsets: list[int], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("record")
    values = random_values(len(offsets), samples, seed)
    leads = [f"V{index + 1}" for index in range(len(offsets))]
    path = write_record(folder, "A1", values, leads=leads)
    text = path.read_text()
    for lead, offset in zip(leads, offsets, strict=True):
        text = text.replace(f"1000/mV 16 0 0 0 0 {lead}", f"1000({offset})/mV 16 0 0 0 0 {lead}")
    path.write_text(text)
    expected = (values.astype(float) - np.array(offsets)[:, None]) / 1000
    np.testing.assert_allclose(read_signal(read_header(path)), expected, rtol=1e-6, atol=1e-9)


def test_lead_names_are_normalised_and_numbered(tmp_path: Path) -> None:
    written = ["i", "AVR", "avf", "v1", "vx", "ECG", "ECG", "left arm"]
    path = write_record(tmp_path, "A1", random_values(8, 10), leads=written)
    assert read_header(path).leads == ("I", "aVR", "aVF", "V1", "VX", "ECG1", "ECG2", "left arm")


def test_leads_come_in_the_order_asked(tmp_path: Path) -> None:
    values = random_values(3, 50)
    header = read_header(write_record(tmp_path, "A1", values, leads=["V5", "MLII", "V1"]))
    signal = read_signal(header, ["mlii", "V5"])
    np.testing.assert_allclose(signal, values[[1, 0]] / 1000, rtol=1e-6)
    np.testing.assert_array_equal(read_signal(header, "MLII"), signal[:1])  # not M, L, I, I
    with pytest.raises(RecordError, match=r"A1.hea: no lead II, V6 among V5, MLII, V1"):
        read_signal(header, ["II", "V5", "V6"])
    with pytest.raises(RecordError, match="no lead is asked for"):
        read_signal(header, [])


def test_two_files_one_record(tmp_path: Path) -> None:
    """PTB keeps Frank's leads in a file of their own; wfdb is the oracle."""
    values = random_values(3, 80)
    values[:2].T.tofile(tmp_path / "s1.dat")
    values[2:].T.tofile(tmp_path / "s1.xyz")
    lines = ["s1 3 1000 80", *(f"s1.dat 16 2000 16 0 0 0 0 {lead}" for lead in ("i", "ii"))]
    (tmp_path / "s1.hea").write_text("\n".join([*lines, "s1.xyz 16 2000 16 0 0 0 0 vx"]) + "\n")
    header = read_header(tmp_path / "s1.hea")
    expected = wfdb.rdrecord(str(tmp_path / "s1")).p_signal.T
    np.testing.assert_allclose(read_signal(header), expected, rtol=1e-6)
    np.testing.assert_allclose(read_signal(header, ["VX"]), expected[2:], rtol=1e-6)


def test_format_212(tmp_path: Path) -> None:
    volts = np.random.default_rng(0).uniform(-5, 5, (99, 2))
    write = {"units": ["mV", "mV"], "sig_name": ["V5", "MLII"], "fmt": ["212", "212"]}
    wfdb.wrsamp("m1", fs=360, p_signal=volts, write_dir=str(tmp_path), **write)
    expected = wfdb.rdrecord(str(tmp_path / "m1")).p_signal.T
    signal = read_signal(read_header(tmp_path / "m1.hea"), ["MLII"])
    np.testing.assert_allclose(signal, expected[1:], rtol=1e-5, atol=1e-6)
    file = tmp_path / "m1.dat"
    file.write_bytes(file.read_bytes()[:90])
    with pytest.raises(RecordError, match=r"m1.dat: wfdb cannot read it"):
        read_signal(read_header(tmp_path / "m1.hea"))


def test_invalid_samples_are_refused_not_handed_over(tmp_path: Path) -> None:
    values = random_values(2, 100)
    values[1, 40:43] = -32768
    path = write_record(tmp_path, "A1", values)
    assert np.isnan(wfdb.rdrecord(str(path.with_suffix(""))).p_signal[40:43, 1]).all()
    with pytest.raises(RecordError, match=r"A1.hea: invalid samples: 3 in lead II$"):
        read_signal(read_header(path))
    np.testing.assert_allclose(read_signal(read_header(path), ["I"]), values[:1] / 1000, rtol=1e-6)


def test_invalid_samples_in_format_212(tmp_path: Path) -> None:
    stored = np.array([[5, 9], [-2048, 7], [3, 1]])
    write = {"units": ["mV", "mV"], "sig_name": ["V5", "V1"], "fmt": ["212", "212"]}
    scale = {"adc_gain": [200.0, 200.0], "baseline": [0, 0]}
    wfdb.wrsamp("m1", fs=360, d_signal=stored, write_dir=str(tmp_path), **write, **scale)
    with pytest.raises(RecordError, match="1 in lead V5"):
        read_signal(read_header(tmp_path / "m1.hea"))


def test_flat_clipped_and_one_sample_records_are_served(tmp_path: Path) -> None:
    flat = np.zeros((2, 50), np.int16)
    clipped = np.clip(random_values(2, 50), -2000, 2000)
    for name, values in {"flat": flat, "clipped": clipped, "one": flat[:, :1]}.items():
        signal = read_signal(read_header(write_record(tmp_path, name, values)))
        np.testing.assert_allclose(signal, values / 1000, rtol=1e-6)


def test_record_without_samples(tmp_path: Path) -> None:
    path = write_record(tmp_path, "A1", np.zeros((2, 0), np.int16))
    with pytest.raises(RecordError, match=r"A1.hea: no samples"):
        read_signal(read_header(path))


def _cut_dat(folder: Path) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    path.write_text(path.read_text().replace("A1.mat 16+24", "A1.dat 16"))
    random_values(2, 99).T.tofile(folder / "A1.dat")
    return path


def _cut_mat(folder: Path, keep: int) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    (folder / "A1.mat").write_bytes((folder / "A1.mat").read_bytes()[:keep])
    return path


def _float_mat(folder: Path) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    write_mat(folder / "A1.mat", random_values(2, 100).astype(float))
    return path


def _matlab5(folder: Path) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    (folder / "A1.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(600, b" "))
    return path


def _other_shape(folder: Path) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    write_mat(folder / "A1.mat", random_values(100, 2))
    return path


def _no_file(folder: Path) -> Path:
    path = write_record(folder, "A1", random_values(2, 100))
    (folder / "A1.mat").unlink()
    return path


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (_cut_dat, r"A1.dat: cut short: holds 99 of 100 samples"),
        (lambda folder: _cut_mat(folder, 300), r"A1.mat: cut short: holds 69 of 100 samples"),
        (lambda folder: _cut_mat(folder, 10), r"A1.mat: not a MATLAB level-4 file"),
        (_float_mat, r"A1.mat: not a MATLAB level-4 matrix of int16 \(type 0\)"),
        (_matlab5, r"A1.mat: not a MATLAB level-4 matrix of int16"),
        (_other_shape, r"A1.mat: matrix of 100 x 2, header says 2 x 100"),
        (_no_file, r"A1.mat: no such signal file"),
    ],
)
def test_broken_signal_files(tmp_path: Path, broken, fault: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecordError, match=fault):
        read_signal(read_header(broken(tmp_path)))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not a WFDB record line"),
        ("# only a comment\n", "not a WFDB record line"),
        ("A1 two 500 100\n", "not a WFDB record line: 'A1 two 500 100'"),
        ("A1 1 0 100\nA1.mat 16 1000/mV\n", "impossible rate"),
        ("A1 1 nan 100\nA1.mat 16 1000/mV\n", "impossible rate"),
        ("A1 1 500 -7\nA1.mat 16 1000/mV\n", "length -7"),
        ("A1/3 1 500 100\nA1.mat 16 1000/mV\n", "multi-segment"),
        ("A1 2 500 100\nA1.mat 16+24 1000/mV 16 0 0 0 0 I\n", "1 signal lines where 2"),
        ("A1 1 500 100\nA1.mat 16x4 1000/mV\n", "cannot interpret the signal line"),
        ("A1 1 500 100\nA1.mat 16 much/mV\n", "cannot interpret the signal line"),
        ("A1 1 500 100\n../A1.mat 16 1000/mV\n", "cannot interpret the signal line"),
    ],
)
def test_broken_headers(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "A1.hea"
    path.write_text(text)
    with pytest.raises(RecordError, match=fault) as caught:
        read_header(path)
    assert str(path) in str(caught.value)


def test_missing_header_and_unit_that_is_no_voltage(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"B1.hea: cannot read the header: No such file"):
        read_header(tmp_path / "B1.hea")
    path = write_record(tmp_path, "A1", random_values(2, 10), gain="10/mmHg")
    with pytest.raises(RecordError, match="lead I is in mmHg"):
        read_signal(read_header(path))
    path.write_text(path.read_text().replace("16+24", "80"))
    with pytest.raises(RecordError, match="format 80 is not supported"):
        read_signal(read_header(path))
