"""Spectral and beat features on drawn traces whose values are known, and on bad ones."""

import numpy as np
import pytest

from ecglab.signals import (
    BEAT_FEATURES,
    RECORD_FEATURES,
    SPECTRAL_FEATURES,
    bandpass,
    beat_features,
    cut_beats,
    record_features,
    rpeaks,
    rr_features,
    spectral_features,
)

FS = 250.0
PEAKS = np.arange(100, 7400, 200)


def spectral(x: np.ndarray, fs: float = FS) -> dict[str, float]:
    return dict(zip(SPECTRAL_FEATURES, spectral_features(x, fs), strict=True))


def shape(x: np.ndarray, peaks: np.ndarray = PEAKS) -> dict[str, float]:
    return dict(zip(BEAT_FEATURES, beat_features(x, peaks, FS), strict=True))


def sine(hz: float, seconds: float = 30.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * FS)) / FS)


def drawn(*, p: float = 0.15, noise: float = 0.0, peaks: np.ndarray = PEAKS) -> np.ndarray:
    """P, QRS and T at each peak, millivolts."""
    x = noise * np.random.default_rng(0).standard_normal(7500)
    n = np.arange(7500)
    for peak in peaks:
        x += np.exp(-0.5 * ((n - peak) / 4) ** 2)  # half height over 2.355 * 4 samples = 38 ms
        x += p * np.exp(-0.5 * ((n - peak + 40) / 6) ** 2)  # 160 ms before
        x += 0.3 * np.exp(-0.5 * ((n - peak - 70) / 12) ** 2)
    return x


@pytest.mark.parametrize("hz", [0.75, 3.0, 6.0, 12.0, 30.0])
def test_a_sine_has_all_its_power_in_one_band(hz: float):
    f = spectral(sine(hz))
    share = {name: 10 ** f[name] for name in SPECTRAL_FEATURES if name.startswith("power_")}
    low, high = (float(part) for part in max(share, key=share.__getitem__).split("_")[1:])
    assert low < hz < high
    assert f["peak_frequency"] == pytest.approx(hz, abs=0.5)
    assert f["entropy"] < 0.4
    assert f["crossings"] == pytest.approx(2 * hz, abs=0.2)
    assert f["kurtosis"] == pytest.approx(np.log(1.5), abs=0.01)


def test_white_noise_and_a_spiky_trace():
    white = spectral(np.random.default_rng(0).standard_normal(7500))
    assert white["entropy"] > 0.95
    assert white["kurtosis"] == pytest.approx(np.log(3), abs=0.1)
    assert white["skewness"] == pytest.approx(0, abs=0.1)
    spiky = spectral(drawn())
    assert spiky["kurtosis"] > white["kurtosis"] + 0.5
    assert spiky["smooth"] < white["smooth"] - 1


def test_bursts_flat_and_clipped_parts():
    x = sine(6.0)
    calm = spectral(x)
    assert calm["restless"] == 0
    assert calm["loudest"] == pytest.approx(0, abs=1e-6)
    x[2500:3000] *= 10
    assert spectral(x)["restless"] == pytest.approx(2 / 30)
    assert spectral(x)["loudest"] == pytest.approx(1, abs=0.01)
    half = sine(6.0)
    half[:3750] = 0
    assert spectral(half)["flat"] == pytest.approx(0.5, abs=0.01)
    assert spectral(sine(6.0).clip(-0.5, 0.5))["clipped"] == pytest.approx(2 / 3, abs=0.02)


def test_inversion_changes_no_feature_of_a_record():
    x = bandpass(drawn(noise=0.03), FS)
    np.testing.assert_allclose(record_features(-x, FS), record_features(x, FS), atol=1e-9)


def test_beats_are_cut_around_their_peaks():
    x = np.arange(1000.0)
    beats = cut_beats(x, np.array([10, 75, 500, 888, 889]), FS)
    assert beats.shape == (3, 75 + 112)
    assert beats[:, 75].tolist() == [75, 500, 888]  # those that lie wholly inside


def test_beat_features_of_a_drawing():
    f = shape(drawn())
    assert f["template_mean"] == pytest.approx(1, abs=1e-6)
    assert f["successive"] == pytest.approx(1, abs=1e-6)
    assert f["template_odd"] == f["template_bad"] == 0
    assert 10 ** f["qrs_height"] == pytest.approx(1, abs=0.05)
    assert f["qrs_width"] == pytest.approx(2.355 * 4 / FS, abs=1.1 / FS)
    assert f["qrs_base"] == pytest.approx(2 * np.sqrt(2 * np.log(5)) * 4 / FS, abs=1.6 / FS)
    assert f["p_height"] == pytest.approx(0.15, abs=0.01)
    assert f["p_position"] == pytest.approx(40 / FS, abs=1 / FS)
    assert f["p_median"] == pytest.approx(1, abs=1e-6)
    assert f["t_height"] == pytest.approx(0.3, abs=0.01)
    assert f["t_sign"] > 0.8
    assert f["residual"] == pytest.approx(-3, abs=0.01)  # nothing left: the floor


def test_without_p_waves_nothing_is_steady_before_the_qrs():
    with_p, without = shape(drawn(noise=0.03)), shape(drawn(p=0.0, noise=0.03))
    assert with_p["p_median"] > 0.7
    assert without["p_median"] < 0.5
    assert without["p_height"] < 0.5 * with_p["p_height"]


def test_ectopic_beats_are_counted_as_odd():
    x = drawn()
    for peak in PEAKS[5:30:5]:
        n = np.arange(7500) - peak
        x[np.abs(n) < 90] = 0
        x -= np.exp(-0.5 * (n / 15) ** 2)
    assert shape(x)["template_odd"] == pytest.approx(5 / len(cut_beats(x, PEAKS, FS)))


@pytest.mark.parametrize("n", [0, 1, 30, 249, 250, 400])
def test_short_and_flat_traces_give_finite_features(n: int):
    for x in (np.zeros(n), np.full(n, 0.5), np.random.default_rng(0).standard_normal(n)):
        features = record_features(x.astype(np.float32), FS)
        assert features.shape == (len(RECORD_FEATURES),)
        assert np.isfinite(features).all()


def test_record_features_are_the_three_kinds_in_a_row():
    x = bandpass(drawn(noise=0.05), FS).astype(np.float32)
    peaks = rpeaks(x, FS)
    expected = [*rr_features(peaks, FS), *beat_features(x, peaks, FS), *spectral_features(x, FS)]
    np.testing.assert_array_equal(record_features(x, FS), expected)
    assert len(set(RECORD_FEATURES)) == len(RECORD_FEATURES)


def test_nan_is_an_error():
    x = drawn()
    x[700] = np.nan
    for function in (record_features, spectral_features):
        with pytest.raises(ValueError, match="1 NaN"):
            function(x, FS)
    with pytest.raises(ValueError, match="NaN"):
        beat_features(x, PEAKS, FS)
    with pytest.raises(ValueError, match="one trace"):
        spectral_features(x[None], FS)
