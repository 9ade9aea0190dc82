"""The simulator: its truth, its physiology, its likeness to CinC 2017."""

import csv
import pickle
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sleepecg
from numpy.typing import NDArray
from scipy.signal import welch

from ecglab.data.record import RecordError
from ecglab.data.simulator import (
    CLASSES,
    LEADS,
    RHYTHMS,
    Noise,
    Simulator,
    simulate,
    simulate_batch,
)
from ecglab.data.simulator.noise import recorder_gain
from ecglab.data.simulator.synthesis import sum_of_gaussians

Signal = NDArray[np.float32]
FS = 300
SILENT = {"wander": 0, "muscle": 0, "motion": 0, "events": 0, "recorder": 0, "mains": 0}


def only(**levels: float) -> Noise:
    """Noise of one kind alone."""
    return Noise(**{**SILENT, **levels})  # type: ignore[arg-type]


def average_beat(signal: Signal, peaks: NDArray[np.int64], before: int, after: int) -> Signal:
    inside = [p for p in peaks if p >= before and p + after <= len(signal)]
    return np.mean([signal[p - before : p + after] for p in inside], axis=0)


# The truth that comes with the signals


def test_r_peaks_are_extrema_of_the_clean_signal() -> None:
    batch = simulate_batch(60, seed=1, noise=None)
    near, height = [], []
    for signal, peaks in zip(batch.signals[:, 0], batch.peaks, strict=True):
        for peak in peaks[(peaks >= 20) & (peaks < len(signal) - 20)]:
            slope = np.diff(signal[peak - 2 : peak + 3])
            near.append(bool(np.any(slope[:-1] * slope[1:] <= 0)))  # at most one sample away
            around = signal[peak - 10 : peak + 11] - np.median(signal)
            height.append(abs(around[10]) / abs(around).max())
    assert len(near) > 1500
    assert np.mean(near) > 0.99
    assert np.mean(np.array(height) > 0.95) > 0.95


def test_beats_and_spans_lie_inside_the_record() -> None:
    batch = simulate_batch(150, seed=2, seconds=12.0)
    for beats, spans in zip(batch.beats, batch.rhythms, strict=True):
        assert len(beats.samples) == len(beats.symbols) >= 5
        assert np.all(np.diff(beats.samples) > 0.2 * FS)
        assert beats.samples[0] >= 0
        assert beats.samples[-1] < 12 * FS
        assert spans[0].start == 0
        assert spans[-1].stop == 12 * FS
        assert all(a.stop == b.start for a, b in pairwise(spans))
    assert {symbol for beats in batch.beats for symbol in beats.symbols} == {"N", "A", "V"}


def test_sleepecg_finds_the_true_peaks_of_clean_sinus_rhythm() -> None:
    batch = simulate_batch(40, seed=3, mix={"N": 1}, noise=None)
    found = total = extra = 0
    for signal, peaks in zip(batch.signals[:, 0], batch.peaks, strict=True):
        detected = sleepecg.detect_heartbeats(signal.astype(float), FS)
        gaps = np.abs(peaks[:, None] - detected)
        found += int((gaps.min(axis=1) <= 0.05 * FS).sum())
        extra += int((gaps.min(axis=0) > 0.05 * FS).sum())
        total += len(peaks)
    assert found / total >= 0.98
    assert extra / total <= 0.02


def test_default_mix_is_that_of_cinc_2017() -> None:
    batch = simulate_batch(3000, seed=4, seconds=1.0)
    for label, share in {"N": 0.60, "A": 0.09, "O": 0.28, "~": 0.03}.items():
        assert batch.labels.count(label) / 3000 == pytest.approx(share, abs=0.03)
    assert {meta["rhythm"] for meta in batch.meta} == set(RHYTHMS)


# Leads


def test_einthoven_and_goldberger_relations_hold() -> None:
    batch = simulate_batch(12, seed=5, leads=LEADS)
    by_name = dict(zip(LEADS, batch.signals.transpose(1, 0, 2).astype(float), strict=True))
    left = {"II": by_name["II"], "aVR": by_name["aVR"], "aVL": by_name["aVL"]}
    left["aVF"] = by_name["aVF"]
    right = {
        "II": by_name["I"] + by_name["III"],
        "aVR": -(by_name["I"] + by_name["II"]) / 2,
        "aVL": (by_name["I"] - by_name["III"]) / 2,
        "aVF": (by_name["II"] + by_name["III"]) / 2,
    }
    for lead, signal in left.items():
        np.testing.assert_allclose(signal, right[lead], atol=2e-6)


def test_twelve_leads_look_as_in_the_textbook() -> None:
    batch = simulate_batch(40, seed=6, leads=LEADS, mix={"N": 1}, noise=None)
    at_r, p, t = [], [], []
    for signals, peaks in zip(batch.signals, batch.peaks, strict=True):
        beat = np.stack([average_beat(x, peaks, 90, 160) for x in signals])
        qrs = beat[:, 75:110]
        at_r.append(np.where(qrs.max(axis=1) > -qrs.min(axis=1), 1, -1))
        p.append(beat[:, 35:60].sum(axis=1))
        t.append(beat[:, 140:190].sum(axis=1))
    for values, up, down in (
        (at_r, ("I", "II", "V4", "V5", "V6"), ("aVR", "V1")),
        (p, ("I", "II", "aVF", "V5"), ("aVR",)),
        (t, ("I", "II", "V3", "V4", "V5", "V6"), ("aVR",)),
    ):
        sign = np.sign(values).mean(axis=0)
        assert all(sign[LEADS.index(lead)] > 0.7 for lead in up)
        assert all(sign[LEADS.index(lead)] < -0.7 for lead in down)


def test_a_share_of_single_lead_recordings_is_inverted() -> None:
    options = {"seed": 7, "noise": None, "seconds": 5.0}
    plain = simulate_batch(200, inverted=0.0, **options)  # type: ignore[arg-type]
    mixed = simulate_batch(200, inverted=0.3, **options)  # type: ignore[arg-type]
    turned = np.array([meta["inverted"] for meta in mixed.meta])
    assert 0.2 < turned.mean() < 0.4
    np.testing.assert_array_equal(mixed.signals[turned], -plain.signals[turned])
    np.testing.assert_array_equal(mixed.signals[~turned], plain.signals[~turned])
    several = simulate_batch(20, inverted=1.0, leads=("I", "II"), **options)  # type: ignore[arg-type]
    assert not any(meta["inverted"] for meta in several.meta)


# Rhythms


def cv_and_correlation(peaks: NDArray[np.int64]) -> tuple[float, float]:
    rr = np.diff(peaks) / FS
    return rr.std() / rr.mean(), float(np.corrcoef(rr[:-1], rr[1:])[0, 1])


def test_rr_variability_by_class() -> None:
    cv, correlation = {}, {}
    for label in ("N", "A", "O"):
        batch = simulate_batch(80, seed=8, mix={label: 1}, noise=None)
        pairs = [cv_and_correlation(peaks) for peaks in batch.peaks]
        cv[label], correlation[label] = np.median(pairs, axis=0)
    assert 0.03 < cv["N"] < 0.08
    assert 0.15 < cv["A"] < 0.3
    assert cv["N"] < cv["O"] < cv["A"]
    assert correlation["N"] > 0.3  # respiration: neighbours resemble each other
    assert abs(correlation["A"]) < 0.1  # no memory


def test_sinus_arrhythmia_follows_respiration() -> None:
    batch = simulate_batch(1, seed=9, mix={"N": 1}, seconds=300.0, noise=None)
    seconds = batch.peaks[0] / FS
    t = np.arange(2, 298, 0.25)
    rr = np.interp(t, seconds[1:], np.diff(seconds))
    f, power = welch(rr, 4.0, nperseg=400)
    high = (f > 0.14) & (f < 0.5)
    assert f[high][np.argmax(power[high])] == pytest.approx(batch.meta[0]["breath_hz"], abs=0.05)
    low = (f > 0.07) & (f < 0.13)
    between = (f > 0.6) & (f < 0.9)
    assert power[low].max() > 10 * np.median(power[between])


def test_pauses_after_premature_beats() -> None:
    ratio: dict[str, list[float]] = {"A": [], "V": []}
    for rhythm in ("premature atrial beats", "premature ventricular beats"):
        for beats in simulate_batch(40, seed=10, mix={rhythm: 1}, noise=None).beats:
            rr = np.diff(beats.samples)
            for k, symbol in enumerate(beats.symbols[1:-1], start=1):
                if symbol != "N":
                    assert rr[k - 1] < np.median(rr)
                    ratio[symbol].append((rr[k - 1] + rr[k]) / np.median(rr))
    assert np.median(ratio["V"]) == pytest.approx(2.0, abs=0.05)  # fully compensatory
    assert np.median(ratio["A"]) < 1.9  # incomplete


@pytest.mark.parametrize(("rhythm", "period"), [("bigeminy", 2), ("trigeminy", 3)])
def test_bigeminy_and_trigeminy_alternate(rhythm: str, period: int) -> None:
    for record in simulate(10, seed=11, mix={f"ventricular {rhythm}": 1}):
        assert record.beats is not None
        ectopic = np.flatnonzero(np.array(record.beats.symbols) == "V")
        assert len(ectopic) >= 3
        assert set(np.diff(ectopic)) == {period}
        assert {"(B", "(T"} & {span.code for span in record.rhythms}


@pytest.mark.parametrize(
    ("rhythm", "code", "slowest", "fastest"),
    [
        ("sinus bradycardia", "(SBR", 38, 56),
        ("sinus tachycardia", "(ST", 100, 150),
        ("atrial flutter", "(AFL", 60, 165),
    ],
)
def test_rates_of_other_rhythms(rhythm: str, code: str, slowest: float, fastest: float) -> None:
    batch = simulate_batch(30, seed=12, mix={rhythm: 1}, noise=None)
    rates = [60 * FS / np.diff(peaks).mean() for peaks in batch.peaks]
    assert slowest < min(rates)
    assert max(rates) < fastest
    assert {span.code for spans in batch.rhythms for span in spans} == {code}


def test_atrial_fibrillation_has_no_p_wave() -> None:
    height = {}
    for label in ("N", "A"):
        batch = simulate_batch(30, seed=13, mix={label: 1}, noise=None, leads=("II",), seconds=60)
        beats = [
            average_beat(signal, peaks, 75, 0)
            for signal, peaks in zip(batch.signals[:, 0], batch.peaks, strict=True)
            if label == "N" or np.diff(peaks).min() > 0
        ]
        # P lies 0.22 to 0.08 s before R; a straight line through the window's ends is the baseline
        windows = np.stack([beat[9:51] for beat in beats])
        line = np.linspace(windows[:, :3].mean(axis=1), windows[:, -3:].mean(axis=1), 42).T
        height[label] = np.median((windows - line).max(axis=1))
    assert height["N"] > 0.08
    assert height["A"] < height["N"] / 3


def test_fibrillatory_waves_lie_between_four_and_nine_hertz() -> None:
    batch = simulate_batch(60, seed=14, mix={"A": 1}, noise=None, leads=("V1",))
    f = np.fft.rfftfreq(4 * FS, 1 / FS)
    band = (f > 3) & (f < 12)
    errors = []
    for signal, peaks, meta in zip(batch.signals[:, 0], batch.peaks, batch.meta, strict=True):
        assert 4 < meta["atrial_hz"] < 9
        quiet = [signal[a + 165 : b - 25] for a, b in pairwise(peaks) if b - a > 300]
        pieces = [(x - x.mean()) * np.hanning(len(x)) for x in quiet]  # from T's end to the next Q
        if len(pieces) >= 4:
            power = np.mean([np.abs(np.fft.rfft(x, 4 * FS)) ** 2 for x in pieces], axis=0)
            errors.append(f[band][np.argmax(power[band])] - meta["atrial_hz"])
    assert len(errors) >= 10
    assert np.median(np.abs(errors)) < 0.75


def test_flutter_waves_are_a_sharp_line() -> None:
    batch = simulate_batch(10, seed=15, mix={"atrial flutter": 1}, noise=None, leads=("aVF",))
    for signal, meta in zip(batch.signals[:, 0], batch.meta, strict=True):
        f, power = welch(signal, FS, nperseg=3000)
        near = np.abs(f - meta["atrial_hz"]) < 0.15
        band = (f > 3.8) & (f < 5.8)
        assert power[near].max() == power[band].max()


def test_qt_follows_the_cube_root_of_rr() -> None:
    peak_of_t, rr = [], []
    for rhythm in ("sinus tachycardia", "sinus bradycardia"):  # the same subjects at two rates
        batch = simulate_batch(
            30, seed=16, mix={rhythm: 1}, noise=None, leads=("V4",), inverted=0.0
        )
        rr.append([np.diff(peaks).mean() / FS for peaks in batch.peaks])
        beats = [
            average_beat(signal, peaks, 0, 150)
            for signal, peaks in zip(batch.signals[:, 0], batch.peaks, strict=True)
        ]
        peak_of_t.append([40 + int(np.argmax(beat[40:120])) for beat in beats])
    got = np.array(peak_of_t[1]) / np.array(peak_of_t[0])
    wanted = np.cbrt(np.array(rr[1]) / np.array(rr[0]))
    assert np.median(np.abs(got / wanted - 1)) < 0.04


# Noise


def test_noise_levels_are_what_they_say() -> None:
    options = {"seed": 17, "mix": {"N": 1}, "inverted": 0.0}
    clean = simulate_batch(60, noise=None, **options).signals  # type: ignore[arg-type]
    for kind in ("wander", "muscle", "recorder"):
        noisy = simulate_batch(60, noise=only(**{kind: 0.05}), **options)  # type: ignore[arg-type]
        rms = np.std(noisy.signals - clean, axis=2)
        assert np.median(rms) == pytest.approx(0.05, rel=0.25)


def test_mains_is_a_line_at_its_frequency() -> None:
    for hz in (50.0, 60.0):
        level = only(mains=0.1, mains_hz=hz, band=(0.5, 150.0))  # type: ignore[arg-type]
        noisy = simulate_batch(20, seed=18, noise=level, inverted=0).signals
        hum = noisy - simulate_batch(20, seed=18, noise=None, inverted=0).signals
        power = np.abs(np.fft.rfft(hum[:, 0])) ** 2
        at = np.argmax(power, axis=1) / 30.0
        labels = np.array(simulate_batch(20, seed=18, noise=None).labels)
        np.testing.assert_allclose(at[labels != "~"], hz, atol=0.05)
        assert np.median(np.abs(hum).max(axis=2)) == pytest.approx(0.1, rel=0.4)
    unchanged = simulate_batch(3, seed=18, fs=100.0, mix={"N": 1}, noise=only(mains=0.1))
    clean = simulate_batch(3, seed=18, fs=100.0, mix={"N": 1}, noise=None)
    np.testing.assert_array_equal(unchanged.signals, clean.signals)  # 50 Hz would alias


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_signal_to_noise_ratio_can_be_set(snr_db: float) -> None:
    options = {"seed": 19, "mix": {"N": 1, "A": 1}, "inverted": 0.0, "seconds": 10.0}
    batch = simulate_batch(20, noise=Noise(snr_db=snr_db), **options)  # type: ignore[arg-type]
    clean = simulate_batch(20, noise=None, **options).signals  # type: ignore[arg-type]
    ratio = clean.var(axis=2) / (batch.signals - clean).var(axis=2)
    np.testing.assert_allclose(10 * np.log10(ratio), snr_db, atol=0.05)
    assert [meta["snr_db"] for meta in batch.meta] == pytest.approx([snr_db] * 20)


def test_noisy_class_is_dominated_by_noise() -> None:
    snr = {
        label: np.median(
            [meta["snr_db"] for meta in simulate_batch(60, seed=20, mix={label: 1}).meta]
        )
        for label in CLASSES
    }
    assert snr["~"] < -3
    assert min(snr["N"], snr["A"], snr["O"]) > snr["~"] + 5


def test_recorder_band_edges() -> None:
    gain = recorder_gain(np.array([0.5, 5.0, 40.0, 80.0]), (0.5, 40.0))
    np.testing.assert_allclose(gain, [2**-0.5, 1, 2**-0.5, 2.0**-6], rtol=0.01)


def test_sum_of_gaussians_against_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    waves, samples, fs = 40, 500, 100.0
    record = rng.integers(0, 3, waves)
    centre = rng.uniform(-0.5, 5.5, waves)
    width = rng.uniform(0.01, 0.3, (waves, 2))
    size = rng.normal(size=(waves, 2))
    got = sum_of_gaussians(record, centre, width, size, shape=(3, 2, samples), fs=fs)
    wanted = np.zeros((3, 2, samples))
    t = np.arange(samples) / fs
    for w in range(waves):
        u = (t - centre[w]) / np.where(t < centre[w], *width[w])
        wanted[record[w]] += size[w][:, None] * np.exp(-0.5 * u**2)
    np.testing.assert_allclose(got, wanted, atol=0.003)


# Seeds


@pytest.mark.parametrize("leads", [("I",), LEADS])
def test_a_record_depends_on_its_seed_and_index_alone(leads: tuple[str, ...]) -> None:
    batch = simulate_batch(70, seed=21, leads=leads, seconds=8.0)
    for index in (0, 1, 37, 69):
        alone = simulate_batch(1, seed=21, first=index, leads=leads, seconds=8.0)
        np.testing.assert_array_equal(alone.signals[0], batch.signals[index])
        np.testing.assert_array_equal(alone.peaks[0], batch.peaks[index])
        assert alone.meta[0] == batch.meta[index]
    other = simulate_batch(1, seed=22, leads=leads, seconds=8.0)
    assert not np.array_equal(other.signals[0], batch.signals[0])


def test_other_leads_and_no_noise_show_the_same_heart() -> None:
    options = {"seed": 23, "seconds": 8.0, "inverted": 0.0}
    twelve = simulate_batch(6, leads=LEADS, **options)  # type: ignore[arg-type]
    for lead in ("I", "aVL", "V2"):
        one = simulate_batch(6, leads=(lead,), **options)  # type: ignore[arg-type]
        row = twelve.signals[:, LEADS.index(lead)]
        np.testing.assert_allclose(one.signals[:, 0], row, atol=1e-5)
        for a, b in zip(one.peaks, twelve.peaks, strict=True):
            np.testing.assert_array_equal(a, b)


def test_subjects_keep_their_heart() -> None:
    batch = simulate_batch(9, seed=24, records_per_subject=3, mix={"N": 1}, noise=None)
    assert [meta["subject"] for meta in batch.meta] == ["P000000"] * 3 + ["P000001"] * 3 + [
        "P000002"
    ] * 3
    assert len({meta["rr"] for meta in batch.meta}) == 3
    shapes = [
        np.abs(average_beat(signal, peaks, 20, 40))
        for signal, peaks in zip(batch.signals[:, 0], batch.peaks, strict=True)
    ]
    same = np.corrcoef(shapes)[0, 1]
    assert same > 0.99
    assert not np.array_equal(batch.signals[0], batch.signals[1])


# Sizes and bad input


@pytest.mark.parametrize("fs", [50.0, 128.0, 360.0, 1000.0])
@pytest.mark.parametrize("seconds", [0.02, 1.0, 9.7, 61.0])
def test_every_length_and_rate_is_finite(fs: float, seconds: float) -> None:
    batch = simulate_batch(2, seed=25, fs=fs, seconds=seconds, mix=dict.fromkeys(RHYTHMS, 1))
    assert batch.signals.shape == (2, 1, round(fs * seconds))
    assert batch.signals.dtype == np.float32
    assert np.all(np.isfinite(batch.signals))
    assert all(np.isfinite(meta["snr_db"]) for meta in batch.meta)


@pytest.mark.parametrize("rhythm", [*RHYTHMS, "~"])
def test_every_rhythm_is_finite_and_of_millivolts(rhythm: str) -> None:
    for seconds in (0.5, 30.0):
        batch = simulate_batch(8, seed=26, mix={rhythm: 1}, seconds=seconds)
        assert np.all(np.isfinite(batch.signals))
        assert np.abs(batch.signals).max() < 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"fs": 49.0}, "fs"),
        ({"leads": ("MLII",)}, "leads"),
        ({"leads": ()}, "leads"),
        ({"leads": ("I", "I")}, "leads"),
        ({"mix": {"AF": 1.0}}, "AF"),
        ({"mix": {"N": 0.0}}, "mix"),
        ({"mix": {"N": -1.0, "A": 2.0}}, "mix"),
        ({"mix": {}}, "mix"),
        ({"records_per_subject": 0}, "records_per_subject"),
        ({"inverted": 1.5}, "inverted"),
        ({"seed": -1}, "seed"),
        ({"n": -1}, "n "),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_batch(**{"n": 1, "seed": 0, **options})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        simulate(**{"n": 1, "seed": 0, **options})  # type: ignore[arg-type]


def test_bad_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="muscle"):
        Noise(muscle=-0.1)
    with pytest.raises(ValueError, match="band"):
        Noise(band=(40.0, 0.5))
    with pytest.raises(ValueError, match="snr_db"):
        Noise(snr_db=float("nan"))


# As a data set


def test_simulator_is_a_data_set() -> None:
    data = Simulator(50, seed=27, seconds=10.0, leads=("I", "II", "V1"))
    records = list(data.records(limit=40, leads=["V1", "I"]))
    assert [record.id for record in records] == data.ids()[:40]
    assert len(data.ids()) == data.total_records == 50
    for record, straight in zip(
        records, simulate(40, seed=27, seconds=10.0, leads=("V1", "I")), strict=True
    ):
        assert record.leads == ("V1", "I")
        assert record.signal is not None
        assert straight.signal is not None
        np.testing.assert_allclose(record.signal, straight.signal, atol=1e-5)
        assert record.labels == straight.labels
        assert tuple(data.label_map[code] for code in record.codes) == record.labels
        assert all(data.rhythm_map[span.code] == span.label for span in record.rhythms)
        assert set(record.labels) <= set(data.classes)
    again = pickle.loads(pickle.dumps(data)).read("S000049")
    np.testing.assert_array_equal(again.signal, data.read("S000049").signal)


@pytest.mark.parametrize("leads", ["avr", ["AVR"], ("aVR",)])
def test_a_lead_may_be_one_name_in_any_spelling(leads: str | list[str]) -> None:
    data = Simulator(1, seed=28, seconds=2.0, leads=("I", "aVR"))
    record, whole = data.read("S000000", leads), data.read("S000000")
    assert record.leads == ("aVR",)
    assert record.signal is not None
    np.testing.assert_array_equal(record.signal, whole.signal[1:])  # type: ignore[index]


def test_simulator_names_what_it_lacks() -> None:
    data = Simulator(5, seed=28, seconds=2.0)
    for id_ in ("S000005", "X", "S5", ""):
        with pytest.raises(RecordError, match="no such record"):
            data.read(id_)
    with pytest.raises(RecordError, match="V1"):
        data.read("S000000", leads=["V1"])
    with pytest.raises(RecordError, match="no lead is asked for"):
        data.read("S000000", leads=[])
    with pytest.raises(ValueError, match="n must"):
        Simulator(-1)
    assert Simulator(0).ids() == []
    prints = {
        Simulator(5, seed=28).fingerprint(),
        Simulator(6, seed=28).fingerprint(),
        Simulator(5, seed=29).fingerprint(),
        Simulator(5, seed=28, noise=None).fingerprint(),
    }
    assert len(prints) == 4
    assert Simulator(5, seed=28).fingerprint() in prints


# Beside the real thing


OCTAVES = (0.5, 1, 2, 4, 8, 16, 24, 32, 40)  # Hz, edges of bands (the last octave is in thirds)


def rr_and_spectrum(signals: list[Signal]) -> tuple[float, float, NDArray[np.float64]]:
    """Medians over records: of median RR (s), of RMSSD (s), of the spectrum in bands (dB)."""
    rr, rmssd, spectra = [], [], []
    for signal in signals:
        intervals = np.diff(sleepecg.detect_heartbeats(signal.astype(float), FS)) / FS
        if len(intervals) > 8:
            rr.append(np.median(intervals))
            rmssd.append(np.sqrt(np.mean(np.diff(intervals) ** 2)))
        f, power = welch(signal, FS, nperseg=1200)
        spectra.append(power)
    level = 10 * np.log10(np.median(spectra, axis=0))
    bands = [level[(f >= low) & (f < high)].mean() for low, high in pairwise(OCTAVES)]
    return float(np.median(rr)), float(np.median(rmssd)), np.array(bands)


def cinc_2017(physionet: Path, label: str, count: int) -> list[Signal]:
    folder = physionet / "challenge-2017" / "1.0.0"
    with (folder / "REFERENCE-v3.csv").open(newline="") as file:
        wanted = {row[0] for row in csv.reader(file) if row[1] == label}
    with zipfile.ZipFile(folder / "training2017.zip") as archive:
        names = [x for x in sorted(archive.namelist()) if x.endswith(".mat")]
        names = [x for x in names if Path(x).stem in wanted][::4][:count]
        stored = [np.frombuffer(archive.read(name)[24:], "<i2") for name in names]
    return [(counts / 1000).astype(np.float32) for counts in stored]


@pytest.mark.real
@pytest.mark.parametrize("label", ["N", "A", "O"])
def test_simulator_resembles_cinc_2017(physionet: Path, label: str) -> None:
    """Medians of 150 records: RR within 10 %, RMSSD within a factor 1.6, bands within 5 dB."""
    real = rr_and_spectrum(cinc_2017(physionet, label, 150))
    ours = rr_and_spectrum(list(simulate_batch(150, seed=29, mix={label: 1}).signals[:, 0]))
    assert ours[0] == pytest.approx(real[0], rel=0.10)
    assert abs(np.log(ours[1] / real[1])) < np.log(1.6)
    np.testing.assert_allclose(ours[2], real[2], atol=5)
    assert np.abs(ours[2] - real[2]).mean() < 2.5
