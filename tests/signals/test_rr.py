"""RR intervals and their features by hand, by slow loops, and on rhythms whose answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglab.signals.rr import (
    RR_FEATURES,
    coefficient_of_sample_entropy,
    peak_times,
    rr_features,
    rr_intervals,
)


def named(peaks: np.ndarray, fs: float = 250.0) -> dict[str, float]:
    return dict(zip(RR_FEATURES, rr_features(peaks, fs), strict=True))


def beats(rr: np.ndarray, fs: float = 250.0) -> np.ndarray:
    return np.round(np.concatenate(([100], 100 + np.cumsum(rr) * fs))).astype(np.int64)


def test_intervals_by_hand():
    np.testing.assert_allclose(rr_intervals(np.array([50, 300, 500]), 250.0), [1.0, 0.8])
    assert rr_intervals(np.array([7]), 250.0).shape == (0,)
    assert rr_intervals(np.array([], dtype=np.int64), 250.0).shape == (0,)
    with pytest.raises(ValueError, match="ascending"):
        rr_intervals(np.array([5, 5, 9]), 250.0)


def test_times_are_padded_with_nan():
    times = peak_times([np.array([250, 500]), np.array([], dtype=np.int64), np.array([25])], 250.0)
    nan = torch.nan
    torch.testing.assert_close(
        times, torch.tensor([[1.0, 2.0], [nan, nan], [0.1, nan]]), equal_nan=True
    )
    assert times.dtype == torch.float32
    assert peak_times([np.array([], dtype=np.int64)] * 2, 250.0).shape == (2, 0)


def test_features_by_hand():
    rr = np.array([0.8, 0.8, 0.52, 1.08, 0.8, 0.8])  # an extrasystole and its pause
    change = np.array([0.0, -0.28, 0.56, -0.28, 0.0])
    f = named(beats(rr))
    assert f["beats"] == 7
    assert f["rr_mean"] == pytest.approx(0.8)
    assert f["rr_median"] == pytest.approx(0.8)
    assert (f["rr_min"], f["rr_max"]) == (pytest.approx(0.52), pytest.approx(1.08))
    assert f["rr_iqr"] == pytest.approx(0)
    assert f["sdnn"] == pytest.approx(np.std(rr))
    assert f["cv"] == pytest.approx(np.std(rr) / 0.8)
    assert f["rmssd"] == pytest.approx(np.sqrt(np.mean(change**2)))
    assert f["pnn50"] == pytest.approx(3 / 5)
    assert f["jumps"] == pytest.approx(3 / 5)
    assert f["median_change"] == pytest.approx(0.28 / 0.8)
    assert (f["early"], f["late"], f["couplets"]) == pytest.approx((1 / 6, 1 / 6, 1 / 5))
    assert (f["slow"], f["fast"]) == (0, 0)
    centred = rr - 0.8
    assert f["lag1"] == pytest.approx((centred[1:] @ centred[:-1]) / (centred @ centred))


def test_rate_hinges():
    assert named(beats(np.full(9, 1.2)))["slow"] == pytest.approx(10)
    assert named(beats(np.full(9, 0.5)))["fast"] == pytest.approx(20)


def test_a_metronome_and_a_lottery():
    steady = named(beats(np.full(40, 0.8)))
    wild = named(beats(np.random.default_rng(0).uniform(0.4, 1.2, 2000)))
    assert steady["origin"] == 1
    assert steady["irregularity"] == steady["turning"] == steady["cv"] == 0
    assert wild["turning"] == pytest.approx(1, abs=0.05)  # 2/3 of random points turn
    assert wild["lag1"] == pytest.approx(0, abs=0.05)
    assert wild["cosen"] > steady["cosen"] + 1
    bigeminy = named(beats(np.tile([0.5, 1.1], 20)))
    assert bigeminy["lag2"] > 0.9
    assert bigeminy["turning"] == pytest.approx(1.5)


def slow_cosen(rr: np.ndarray, matches: int = 5) -> float:
    r = 0.03
    while True:
        a = b = 0
        for i in range(len(rr) - 1):
            for j in range(i + 1, len(rr) - 1):
                if abs(rr[i] - rr[j]) < r:
                    b += 1
                    a += abs(rr[i + 1] - rr[j + 1]) < r
        if a >= matches:
            return -np.log(a / b) + np.log(2 * r) - np.log(np.mean(rr))
        r *= 2


@pytest.mark.parametrize("n", [6, 12, 40])
def test_sample_entropy_is_its_loop(n: int):
    rr = np.random.default_rng(n).uniform(0.4, 1.4, n)
    assert coefficient_of_sample_entropy(rr) == pytest.approx(slow_cosen(rr))


def test_sample_entropy_of_noise_approaches_that_of_its_density():
    """Uniform RR on [a, a + w]: P(|difference| < r) = 2r/w for small r, so COSEn = ln(w / mean)."""
    rr = np.random.default_rng(1).uniform(0.5, 1.5, 1000)
    assert coefficient_of_sample_entropy(rr) == pytest.approx(np.log(1.0 / 1.0), abs=0.1)


def test_too_few_beats_have_documented_values():
    for n in range(4):
        f = named(np.arange(n) * 200)
        assert f.pop("beats") == n
        assert set(f.values()) == {0.0}


@given(st.lists(st.integers(1, 2000), max_size=60), st.sampled_from([100.0, 250.0, 360.0]))
def test_features_are_always_finite(gaps: list[int], fs: float):
    features = rr_features(np.cumsum(np.array(gaps, dtype=np.int64)), fs)
    assert features.shape == (len(RR_FEATURES),)
    assert np.isfinite(features).all()
