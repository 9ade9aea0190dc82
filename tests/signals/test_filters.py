"""Filters against SciPy's own one-line forms, closed-form sines and hand-worked scalings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, freqz_sos, sosfiltfilt

from ecglab.signals.filters import bandpass, resample, scale

FS = 300.0


def sine(hz: float, fs: float = FS, seconds: float = 20.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * fs)) / fs)


def gain(hz: float, fs: float = FS) -> float:
    """What the band-pass leaves of a sine's RMS, away from the ends."""
    inner = slice(round(6 * fs), -round(6 * fs))
    x = sine(hz, fs)
    return float(bandpass(x, fs)[inner].std() / x[inner].std())


def test_bandpass_is_scipys_filter_on_every_row_of_a_batch():
    x = np.random.default_rng(0).standard_normal((3, 2, 5000))
    sos = butter(4, (0.5, 40), "bandpass", fs=FS, output="sos")
    expected = np.stack([[sosfiltfilt(sos, lead) for lead in record] for record in x])
    np.testing.assert_allclose(bandpass(x, FS), expected, rtol=0, atol=1e-12)
    single = bandpass(x.astype(np.float32), FS)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-5)


def test_blocks_do_not_show_in_the_result():
    x = np.random.default_rng(1).standard_normal((300, 4000)).astype(np.float32)
    np.testing.assert_array_equal(bandpass(x, FS)[257], bandpass(x[257], FS))


@pytest.mark.parametrize("hz", [0.05, 0.2, 1.0, 10.0, 30.0, 50.0, 60.0])
def test_gain_is_the_squared_magnitude_of_the_butterworth(hz: float):
    sos = butter(4, (0.5, 40), "bandpass", fs=FS, output="sos")
    _, response = freqz_sos(sos, worN=[hz], fs=FS)
    assert gain(hz) == pytest.approx(abs(response[0]) ** 2, abs=0.02)


def test_bandpass_shifts_no_wave():
    bump = np.exp(-0.5 * ((np.arange(6000) - 3000) / 8.0) ** 2)
    assert bandpass(bump, FS).argmax() == 3000


def test_forty_hertz_fits_a_hundred_but_not_eighty():
    assert np.isfinite(bandpass(sine(5.0, 100.0), 100.0)).all()
    with pytest.raises(ValueError, match=r"fs/2 = 40 Hz"):
        bandpass(sine(5.0, 80.0), 80.0)


def test_bandpass_names_the_shortest_signal_it_takes():
    assert bandpass(np.ones(28), FS).shape == (28,)
    with pytest.raises(ValueError, match="27 samples is too short to filter: at least 28"):
        bandpass(np.ones(27), FS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_an_error_everywhere(value: float):
    x = np.ones((2, 500), dtype=np.float32)
    x[1, 7] = value
    for function in (
        lambda: bandpass(x, FS),
        lambda: resample(x, FS, 250.0),
        lambda: scale(x, "range"),
    ):
        with pytest.raises(ValueError, match="1 NaN or infinite samples of 1000"):
            function()


@pytest.mark.parametrize("low_high", [(0.0, 40.0), (40.0, 0.5), (-1.0, 40.0), (0.5, 150.0)])
def test_impossible_edges(low_high: tuple[float, float]):
    with pytest.raises(ValueError, match="0 < low < high < fs/2"):
        bandpass(np.ones(500), FS, low=low_high[0], high=low_high[1])


def test_integers_and_empty_signals_are_refused():
    with pytest.raises(ValueError, match="float32 or float64"):
        bandpass(np.ones(500, dtype=np.int16), FS)
    with pytest.raises(ValueError, match="no samples"):
        resample(np.ones((3, 0)), FS, 250.0)
    with pytest.raises(ValueError, match="rate must be positive"):
        resample(np.ones(30), FS, 0.0)


@given(
    n=st.integers(1, 3000),
    rates=st.tuples(
        *[st.sampled_from([100.0, 128.0, 200.0, 250.0, 257.0, 300.0, 360.0, 500.0])] * 2
    ),
)
def test_resampled_length_is_exact(n: int, rates: tuple[float, float]):
    fs, new_fs = rates
    y = resample(np.ones((2, n), dtype=np.float32), fs, new_fs)
    assert y.shape == (2, round(n * new_fs / fs))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, 1, atol=1e-5)  # a constant stays one, at the ends too


@pytest.mark.parametrize("new_fs", [100.0, 128.0, 250.0, 257.0, 500.0])
def test_resampled_sine_is_the_sine_at_the_new_times(new_fs: float):
    y = resample(sine(7.0), FS, new_fs)
    inner = slice(round(new_fs), -round(new_fs))
    np.testing.assert_allclose(y[inner], sine(7.0, new_fs)[inner], atol=2e-3)


def test_resample_lets_nothing_alias():
    y = resample(sine(90.0), FS, 100.0)  # would fold to 10 Hz
    assert y[100:-100].std() < 0.002 * sine(90.0).std()


def test_resample_to_the_same_rate_is_a_copy():
    x = sine(3.0)
    y = resample(x, FS, FS)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)


def test_scalings_of_a_hand_worked_lead():
    x = np.array([[1.0, 2.0, 3.0, 6.0], [0.0, 0.0, 0.0, 10.0]])
    np.testing.assert_allclose(scale(x, "range")[0], [-0.4, -0.2, 0.0, 0.6])
    np.testing.assert_allclose(scale(x, "range")[1], [-0.25, -0.25, -0.25, 0.75])
    np.testing.assert_allclose(scale(x, "zscore")[0], np.array([-2, -1, 0, 3]) / np.sqrt(3.5))
    np.testing.assert_array_equal(scale(x, "none"), x)


def test_scaling_knows_no_units_and_no_level():
    x = np.random.default_rng(2).standard_normal((2, 3, 1000)).astype(np.float32)
    for how in ("range", "zscore"):
        np.testing.assert_allclose(scale(50 * x + 7, how), scale(x, how), atol=1e-4)
    assert np.ptp(scale(x, "range"), axis=-1) == pytest.approx(1, abs=1e-6)
    assert scale(x, "zscore").std(axis=-1) == pytest.approx(1, abs=1e-5)


def test_flat_leads_become_zeros():
    x = np.full((2, 100), 0.3, dtype=np.float32)
    x[1, 50] = 1
    for how in ("range", "zscore"):
        y = scale(x, how)
        assert not y[0].any()
        assert y[1].any()
    with pytest.raises(ValueError, match="not 'minmax'"):
        scale(x, "minmax")
