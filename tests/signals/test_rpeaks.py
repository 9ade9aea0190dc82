"""R-peaks against a drawn truth and against MIT-BIH's cardiologists."""

from pathlib import Path

import numpy as np
import pytest
import wfdb
from joblib import parallel_config

from ecglab.signals.filters import bandpass
from ecglab.signals.rpeaks import rpeaks, rpeaks_batch

BEATS = set("NLRBAaJSVrFejnE/fQ?")
HARD = ("105", "108", "203", "207", "228")


def trace(
    beats: np.ndarray, fs: float, seconds: float, *, noise: float = 0.02, seed: int = 0
) -> np.ndarray:
    """QRS (up 1 mV, down 0.3) and a T wave at each beat, with wander and noise."""
    t = np.arange(round(seconds * fs)) / fs
    x = 0.3 * np.sin(2 * np.pi * 0.2 * t)
    for centre in np.asarray(beats) / fs:
        x += np.exp(-0.5 * ((t - centre) / 0.012) ** 2)
        x -= 0.3 * np.exp(-0.5 * ((t - centre - 0.035) / 0.012) ** 2)
        x += 0.2 * np.exp(-0.5 * ((t - centre - 0.28) / 0.05) ** 2)
    return (x + noise * np.random.default_rng(seed).standard_normal(len(t))).astype(np.float32)


def irregular(fs: float, seconds: float, seed: int = 0) -> np.ndarray:
    rr = np.random.default_rng(seed).uniform(0.45, 1.2, size=200)
    beats = np.round((0.5 + np.cumsum(rr)) * fs).astype(int)
    return beats[beats < (seconds - 0.4) * fs]


def f1(found: np.ndarray, truth: np.ndarray, tolerance: float) -> float:
    """F1 where each true beat may be claimed once, by the nearest unclaimed mark in order."""
    hits = i = j = 0
    while i < len(found) and j < len(truth):
        distance = found[i] - truth[j]
        if abs(distance) <= tolerance:
            hits, i, j = hits + 1, i + 1, j + 1
        elif distance < 0:
            i += 1
        else:
            j += 1
    return 2 * hits / (len(found) + len(truth))


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 300.0, 360.0, 500.0])
def test_drawn_beats_are_found_on_their_apex(fs: float):
    truth = irregular(fs, 60)
    found = rpeaks(trace(truth, fs, 60), fs)
    assert found.dtype == np.int64
    assert len(found) == len(truth)
    assert np.abs(found - truth).max() <= 0.012 * fs


def test_an_inverted_trace_has_the_same_beats():
    x = trace(irregular(250.0, 60), 250.0, 60, noise=0.1)
    np.testing.assert_array_equal(rpeaks(-x, 250.0), rpeaks(x, 250.0))


def test_gain_and_offset_do_not_matter():
    x = trace(irregular(250.0, 30), 250.0, 30).astype(np.float64)
    np.testing.assert_array_equal(rpeaks(1000 * x + 5000, 250.0), rpeaks(x, 250.0))


def test_an_ectopic_beat_of_the_other_polarity_stands_on_its_own_extremum():
    beats = np.arange(300, 7200, 240)
    x = trace(beats, 300.0, 25, noise=0.0)
    t = np.arange(len(x)) - 12 * 240 - 300
    x[np.abs(t) < 120] = 0
    x -= 2 * np.exp(-0.5 * (t / 10) ** 2)
    found = rpeaks(x, 300.0)
    assert np.abs(found - (300 + 12 * 240)).min() <= 3


def test_one_artefact_does_not_turn_the_record_over():
    x = trace(irregular(250.0, 60), 250.0, 60)
    truth = rpeaks(x, 250.0)
    x[7000:7020] -= 30
    assert f1(rpeaks(x, 250.0), truth, 5) > 0.9


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(3000),
        np.full(3000, 0.7),
        np.zeros(0),
        np.ones(1),
        np.random.default_rng(0).standard_normal(249),
        np.concatenate(([0.2], np.full(2999, 0.3))),
        np.concatenate((np.full(2999, 0.3), [0.2])),
        bandpass(np.full(3000, 0.7), 250.0),
    ],
)
def test_flat_and_short_traces_have_no_beats(x: np.ndarray):
    assert rpeaks(x, 250.0).shape == (0,)


def test_a_dead_start_and_end_cost_no_beat():
    truth = irregular(250.0, 30)
    x = trace(truth, 250.0, 30)
    dead = np.zeros(2500, dtype=np.float32)
    found = rpeaks(np.concatenate((dead, x, dead)), 250.0)
    assert f1(found - 2500, truth, 5) > 0.97


def test_a_dead_middle_costs_no_beat():
    truth = irregular(250.0, 60)
    truth = truth[(truth < 3000) | (truth > 12000)]
    x = trace(truth, 250.0, 60)
    x[3200:11800] = x[3200]
    assert f1(rpeaks(-x, 250.0), truth, 5) > 0.97


def test_bad_input_is_named():
    x = trace(irregular(250.0, 10), 250.0, 10)
    with pytest.raises(ValueError, match="above 60 Hz, not 50"):
        rpeaks(x, 50.0)
    with pytest.raises(ValueError, match=r"not \(1, 2500\)"):
        rpeaks(x[None], 250.0)
    x[3] = np.nan
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        rpeaks(x, 250.0)
    with pytest.raises(ValueError, match="trace 1: signal has 1 NaN"):
        rpeaks_batch(np.stack([np.zeros_like(x), x]), 250.0)


def test_a_batch_is_its_traces():
    x = np.stack([trace(irregular(250.0, 10, seed), 250.0, 10) for seed in range(5)])
    expected = [rpeaks(row, 250.0) for row in x]
    for batch in (x, [*x], x[:0]):
        found = rpeaks_batch(batch, 250.0)
        assert len(found) == len(batch)
        for a, b in zip(found, expected, strict=False):
            np.testing.assert_array_equal(a, b)


def test_workers_give_the_same_beats_in_the_same_order():
    x = [trace(irregular(250.0, 10, seed), 250.0, 10) for seed in range(9)]
    alone = rpeaks_batch(x, 250.0)
    with parallel_config(backend="threading"):  # the same chunks without starting processes
        together = rpeaks_batch(x, 250.0, workers=2)
    assert [p.tolist() for p in together] == [p.tolist() for p in alone]


def annotated(physionet: Path, name: str) -> tuple[np.ndarray, float, np.ndarray]:
    path = str(physionet / "mitdb/1.0.0" / name)
    record, notes = wfdb.rdrecord(path, channels=[0]), wfdb.rdann(path, "atr")
    beats = [s for s, c in zip(notes.sample, notes.symbol, strict=True) if c in BEATS]
    return record.p_signal[:, 0].astype(np.float32), float(record.fs), np.array(beats)


@pytest.mark.real
def test_mit_bih_hard_records(physionet: Path):
    """Five noisy or bizarre records; both ways up; 150 ms, the usual tolerance."""
    scores = []
    for name in HARD:
        x, fs, truth = annotated(physionet, name)
        found = rpeaks(x, fs)
        scores.append(f1(found, truth, 0.15 * fs))
        np.testing.assert_array_equal(rpeaks(-x, fs), found)
    assert np.mean(scores) > 0.95
    assert min(scores) > 0.90


@pytest.mark.real
@pytest.mark.parametrize(("name", "least"), [("100", 0.999), ("119", 0.98), ("222", 0.998)])
def test_mit_bih_records_upright_and_inverted(physionet: Path, name: str, least: float):
    """119's inverted copy loses 13 points of F1 when the detector is left to itself."""
    x, fs, truth = annotated(physionet, name)
    assert f1(rpeaks(x, fs), truth, 0.15 * fs) > least
    assert f1(rpeaks(-x, fs), truth, 0.15 * fs) > least


@pytest.mark.real
def test_mit_bih_normal_beats_are_marked_within_twenty_milliseconds(physionet: Path):
    x, fs, truth = annotated(physionet, "100")
    assert f1(rpeaks(x, fs), truth, 0.02 * fs) > 0.99
