"""Windows: where they lie, what they hold, and a cache that two processes can share."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecglab.data.readers.arrays import from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.record import Record, RecordError, Rhythm
from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, WindowSpec, cut, windows
from ecglab.signals.filters import bandpass

RAW = WindowSpec(seconds=1.0, fs=100.0, band=None, scaling="none")


def ramp(seconds: float, fs: float = 100.0, **fields: object) -> Record:
    """A record whose samples say where they are."""
    signal = np.arange(round(seconds * fs), dtype=np.float32)[None]
    fixed = {"id": "r", "dataset": "test", "subject": "s", "fs": fs, "leads": ("I",)}
    return Record(signal=signal, **{**fixed, **fields})


def test_windows_lie_side_by_side_and_the_tail_is_left() -> None:
    found, rows = cut(ramp(3.5, labels=("N",)), RAW)
    assert found.shape == (3, 1, 100)
    assert found[:, 0, 0].tolist() == [0.0, 100.0, 200.0]
    assert [row["start"] for row in rows] == [0.0, 1.0, 2.0]
    assert {row["label"] for row in rows} == {"N"}


def test_hop_makes_windows_overlap() -> None:
    found, rows = cut(ramp(2.0), replace(RAW, hop=0.25))
    assert found[:, 0, 0].tolist() == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert rows[1]["start"] == 0.25


def test_a_short_record_is_centred_between_zeros_or_left_out() -> None:
    found, _ = cut(ramp(0.5), RAW)
    assert found.shape == (1, 1, 100)
    assert found[0, 0, 25:75].tolist() == list(range(50))
    assert not found[0, 0, :25].any()
    assert not found[0, 0, 75:].any()
    assert len(cut(ramp(0.5), replace(RAW, pad_short=False))[0]) == 0


def test_rhythm_windows_stay_inside_their_span() -> None:
    spans = (
        Rhythm(start=30, stop=240, code="(AFIB", label="AF"),
        Rhythm(start=240, stop=330, code="(N", label="non-AF"),  # shorter than a window
        Rhythm(start=330, stop=450, code="(Q", label=None),  # left out by the label map
        Rhythm(start=450, stop=550, code="(N", label="non-AF"),
    )
    found, rows = cut(ramp(6.0, rhythms=spans), replace(RAW, within="rhythm"))
    assert found[:, 0, 0].tolist() == [30.0, 130.0, 450.0]
    assert [row["label"] for row in rows] == ["AF", "AF", "non-AF"]


def test_rate_filter_scale_and_lead_are_applied() -> None:
    t = np.arange(3600) / 360
    trace = 0.8 * np.sin(2 * np.pi * 5 * t) + 2.0  # a wave on an offset
    both = np.stack([np.zeros_like(t), trace])[None].astype(np.float32)
    spec = WindowSpec(fs=100.0, leads=("V1",), scaling="zscore")
    found = windows(from_arrays(both, fs=360.0, leads=("II", "V1")), spec, jobs=1)
    window = found.signals[0, 0]
    assert window.shape == (1000,)
    assert window.dtype == np.float32
    middle = window[200:800]
    expected = np.sqrt(2) * np.sin(2 * np.pi * 5 * np.arange(200, 800) / 100)
    assert np.abs(middle - expected).max() < 0.08  # the 0.5-Hz edge rings at both ends


@pytest.mark.parametrize(
    "other", [{"band": (2.0, 10.0)}, {"band": (1.0, 20.0)}, {"order": 4}, {"band": None}]
)
def test_another_band_or_order_changes_what_is_cut(other: dict) -> None:
    first = replace(RAW, band=(1.0, 10.0), order=2)
    usual, found = (windows(toy(), s, jobs=1).signals[0] for s in (first, replace(first, **other)))
    assert np.abs(found - usual).max() > 0.1
    whole = toy().read("0").signal
    assert whole is not None
    band, order = other.get("band", (1.0, 10.0)), other.get("order", 2)
    if band is not None:
        whole = bandpass(whole, 100.0, low=band[0], high=band[1], order=order)
    assert np.array_equal(found, whole[:, :100])


def test_the_record_s_labels_are_joined() -> None:
    assert cut(ramp(1.0, labels=("AF", "PVC")), RAW)[1][0]["label"] == "AF|PVC"


def test_records_without_signal_or_with_nan_are_errors() -> None:
    with pytest.raises(RecordError, match="no signal"):
        cut(replace(ramp(1.0), signal=None), RAW)
    bad = ramp(1.0)
    assert bad.signal is not None
    bad.signal[0, 3] = np.nan
    with pytest.raises(RecordError, match=r"test/r.*NaN"):
        cut(bad, RAW)


def toy(n: int = 6, fs: float = 100.0):
    signals = np.random.default_rng(0).standard_normal((n, 1, 250)).astype(np.float32)
    return from_arrays(
        signals, fs=fs, leads=("I",), labels=list("NAONAO")[:n], subjects=[str(i) for i in range(n)]
    )


def test_windows_of_a_set_and_its_cache(data_home: Path) -> None:
    dataset = toy()
    first = windows(dataset, RAW, jobs=1)
    assert first.signals.shape == (12, 1, 100)
    assert first.labels.tolist() == [c for c in "NAONAO" for _ in range(2)]
    assert not list(data_home.glob("windows/.*"))
    again = windows(dataset, RAW, jobs=1)
    assert isinstance(again.signals, np.memmap)
    assert np.array_equal(first.signals, again.signals)
    assert first.table.equals(again.table)
    assert len(list((data_home / "windows").glob("*/meta.json"))) == 1


def test_another_input_or_specification_makes_another_cache(data_home: Path) -> None:
    windows(toy(), RAW, jobs=1)
    windows(toy(), replace(RAW, hop=0.5), jobs=1)
    windows(toy(5), RAW, jobs=1)
    windows(toy(), RAW, ids=toy().ids()[:2], jobs=1)
    assert len(list((data_home / "windows").glob("*/meta.json"))) == 4


def test_bad_records_are_skipped_and_named() -> None:
    class Partly(Simulator):
        def read(self, id: str, leads=None) -> Record:
            if id.endswith("1"):
                raise RecordError(f"{id}.mat: truncated")
            return super().read(id, leads)

    with pytest.warns(SkippedRecords, match="skipped 1 of 3"):
        found = windows(Partly(3, seed=0), WindowSpec(fs=100.0), jobs=1)
    assert found.skipped == (("S000001", "S000001.mat: truncated"),)
    assert set(found.table["record"]) == {"S000000", "S000002"}


def test_nothing_to_cut_is_an_error(data_home: Path) -> None:
    with pytest.raises(RecordError, match="no windows"):
        windows(toy(), replace(RAW, seconds=9.0, pad_short=False), jobs=1)
    assert not list((data_home / "windows").glob("*/meta.json"))


def test_two_processes_build_one_cache(data_home: Path) -> None:
    """Both start at once; the files they open are the same and whole."""
    code = (
        "from ecglab.data.simulator import Simulator\n"
        "from ecglab.data.windows import WindowSpec, windows\n"
        "found = windows(Simulator(60, seed=3), WindowSpec(fs=100.0), jobs=1)\n"
        "print(len(found), float(found.signals.sum()))\n"
    )
    command = [sys.executable, "-c", code]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] != ""
    assert len(list((data_home / "windows").glob("*/meta.json"))) == 1


def test_two_jobs_give_what_one_gives(tmp_path: Path) -> None:
    dataset = Simulator(450, seed=1, seconds=11)
    one = windows(dataset, WindowSpec(fs=50.0, band=(0.5, 20.0)), home=tmp_path / "1", jobs=1)
    two = windows(dataset, WindowSpec(fs=50.0, band=(0.5, 20.0)), home=tmp_path / "2", jobs=2)
    assert np.array_equal(one.signals, two.signals)
    assert one.table.equals(two.table)


def test_export_keeps_everything_within_its_stated_error(tmp_path: Path) -> None:
    found = windows(Simulator(20, seed=2), WindowSpec(fs=100.0), jobs=1)
    path = tmp_path / "windows.npz"
    found.export(str(path))
    assert WindowSet.load(str(path)).table.equals(found.table)
    found.export(path)
    back = WindowSet.load(path)
    assert back.spec == found.spec
    assert back.table.equals(found.table)
    peak = np.abs(found.signals).max(axis=-1, keepdims=True)
    assert (np.abs(back.signals - found.signals) <= peak * (0.5001 / 1024)).all()
    assert [p.name for p in tmp_path.iterdir()] == ["windows.npz"]


def test_taking_and_grouping() -> None:
    found = windows(toy(), RAW, jobs=1)
    some = found.take(found.labels == "A")
    assert len(some) == 4
    rows, index = some.records()
    assert rows["label"].tolist() == ["A", "A"]
    assert index.tolist() == [0, 0, 1, 1]


def test_one_window_can_be_taken() -> None:
    found = windows(toy(), RAW, jobs=1)
    for index in (3, np.int64(3), -9):
        one = found.take(index)
        assert one.signals.shape == (1, 1, 100)
        assert np.array_equal(one.signals[0], found.signals[3])
        assert one.table["record"].tolist() == ["1"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"seconds": 0.0}, "positive"),
        ({"fs": -1.0}, "positive"),
        ({"hop": 0.0}, "positive"),
        ({"seconds": 0.001}, "0.001 seconds at 250 Hz hold no sample"),
        ({"within": "records"}, "within is one of record, rhythm, not 'records'"),
        ({"scaling": "z-score"}, "scaling is one of range, zscore, none, not 'z-score'"),
    ],
)
def test_bad_specifications(bad: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WindowSpec(**bad)


def test_leads_by_one_name_or_in_a_list(data_home: Path) -> None:
    assert WindowSpec(leads="II").leads == ("II",)  # type: ignore[arg-type]
    assert WindowSpec(leads=["I", "II"]) == WindowSpec(leads=("I", "II"))  # type: ignore[arg-type]
    two = np.random.default_rng(0).normal(size=(2, 2, 250))
    data = from_arrays(two, fs=100, leads=("I", "II"))
    for leads in ("II", ["II"], ("II",)):
        found = windows(data, replace(RAW, leads=leads), jobs=1)  # type: ignore[arg-type]
        assert np.array_equal(found.signals[0], two[0, 1:, :100].astype(np.float32))
    assert len(list((data_home / "windows").glob("*/meta.json"))) == 1


def test_a_source_of_other_leads_than_asked_for_leaves_no_cache(data_home: Path) -> None:
    class Deaf(Simulator):
        def read(self, id: str, leads=None) -> Record:
            return super().read(id)

    data = Deaf(3, seed=0, leads=("I", "II"))
    with pytest.raises(RecordError, match=r"simulator: \d+ values cut, not \d+ x 1 x 100: are its"):
        windows(data, replace(RAW, leads=("II",)), jobs=1)
    assert not list((data_home / "windows").glob("*/meta.json"))


def test_names_are_read_back_whatever_the_locale() -> None:
    code = (
        "import numpy as np\n"
        "from ecglab.data.readers.arrays import from_arrays\n"
        "from ecglab.data.windows import WindowSpec, windows\n"
        "data = from_arrays(np.ones((1, 1, 200)), fs=100, leads=['I'], ids=['M\\u00fcller'])\n"
        "spec = WindowSpec(seconds=1.0, fs=100.0, band=None)\n"
        "print(ascii(windows(data, spec, jobs=1).table['record'][0]))\n"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **plain}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ascii("Müller")


def test_records_left_out_are_counted_in_a_warning_each_time(tmp_path: Path) -> None:
    signals = np.ones((3, 1, 200), np.float32)
    signals[1, 0, 7] = np.nan
    data = from_arrays(signals, fs=100, leads=["I"], name="ours")
    for _ in range(2):  # cut, then from the cache
        with pytest.warns(SkippedRecords, match=r"ours: skipped 1 of 3 records; .*ours/1") as seen:
            found = windows(data, RAW, home=tmp_path, jobs=1)
        assert [Path(w.filename).name for w in seen] == [Path(__file__).name]
        assert [name for name, _ in found.skipped] == ["1"]
