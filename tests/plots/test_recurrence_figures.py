"""Figures of a linear recurrence draw what they are given, in hertz and seconds."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import use_style
from ecglab.plots.recurrence import (
    eigenvalue,
    hertz_and_seconds,
    plot_amplitudes,
    plot_curves,
    plot_moves,
    plot_oscillator,
    plot_ring,
    plot_timings,
    plot_trains,
    plot_variances,
)


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def test_an_eigenvalue_rings_at_its_frequency_and_falls_in_its_time() -> None:
    h = eigenvalue(2.0, 0.5, fs=100) ** np.arange(1000)  # an impulse's echo
    spectrum = np.abs(np.fft.fft(h))
    assert np.fft.fftfreq(1000, 1 / 100)[spectrum.argmax()] == pytest.approx(2.0)
    assert abs(h[150]) == pytest.approx(np.exp(-3))  # 1.5 s are three time constants


def test_hertz_and_seconds_come_back_and_conjugates_sound_alike() -> None:
    z = np.array([[eigenvalue(3.0, 0.2, fs=50), eigenvalue(24.0, 7.0, fs=50)]])
    for values in (z, z.conj()):
        hertz, seconds = hertz_and_seconds(values, fs=50)
        np.testing.assert_allclose(hertz, [[3, 24]])
        np.testing.assert_allclose(seconds, [[0.2, 7]])


def test_an_oscillator_is_drawn_with_its_echo_and_its_answer() -> None:
    lambda_ = eigenvalue(5.0, 0.1, fs=100)
    h = np.array([3 + 4j, 1j, 2])
    figure = plot_oscillator(np.arange(3.0), h, lambda_, fs=100, title="a", unit="mV")
    disc, above, impulse, below = figure.axes
    assert "5.00 Hz, 0.10 s" in disc.get_title(loc="left")
    point = disc.lines[-1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (lambda_.real, lambda_.imag)
    np.testing.assert_allclose(impulse.lines[0].get_ydata()[:3], (lambda_ ** np.arange(3)).real)
    assert above.lines[0].get_ydata().tolist() == [0, 1, 2]
    assert below.lines[0].get_ydata().tolist() == [3, 0, 2]
    assert below.get_ylim()[1] > 5  # the amplitude fits in


def test_a_silent_state_can_be_drawn() -> None:
    figure = plot_oscillator(np.zeros(5), np.zeros(5, complex), 0.5 + 0j, fs=10)
    assert figure.axes[-1].get_ylim() == (-1, 1)


def test_amplitudes_stand_under_their_traces() -> None:
    column = (np.zeros(4), {"slow": np.full(4, 2.0), "fast": np.ones(4)})
    axes = plot_amplitudes({"N": column, "A": column}, fs=2, unit="V").axes
    assert len(axes) == 6
    assert [a.get_ylabel() for a in axes[::2]] == ["V", "slow", "fast"]
    assert [a.get_title(loc="left") for a in axes[:2]] == ["N", "A"]
    tops = [axis.collections[0].get_paths()[0].vertices[:, 1].max() for axis in axes[2:]]
    assert tops == [2, 2, 1, 1]


def test_timings_are_lines_in_milliseconds_under_one_of_slope_one() -> None:
    table = pd.DataFrame(
        {"steps": [10, 100] * 2, "form": ["scan"] * 2 + ["loop"] * 2, "seconds": [1, 2, 3, 30]}
    )
    axis = plot_timings(table).axes[0]
    scan, loop, line = axis.lines
    assert (scan.get_label(), loop.get_label()) == ("scan", "loop")
    assert loop.get_ydata().tolist() == [3e3, 3e4]
    x, y = line.get_data()
    assert y[1] / y[0] == pytest.approx(x[1] / x[0])
    assert axis.get_xscale() == axis.get_yscale() == "log"


def test_variances_have_a_panel_for_noise_and_one_for_the_signal() -> None:
    white = pd.DataFrame({"seconds": [1, 2], "theory": 9.0, "plain": 8.0, "normalised": 1.1})
    ecg = pd.DataFrame({"hertz": [1, 10], "normalised": [5.0, 0.1]})
    left, right = plot_variances(white, ecg).axes
    assert [line.get_ydata()[0] for line in left.lines] == [9, 8, 1.1, 1]
    assert right.lines[0].get_ydata().tolist() == [5, 0.1]


def test_the_ring_is_drawn_on_the_disc_and_in_hertz_and_seconds() -> None:
    z = [[eigenvalue(2.0, 3.0, fs=20), eigenvalue(7.0, 0.1, fs=20)]]
    disc, plane, _ = plot_ring(z, fs=20).axes
    np.testing.assert_allclose(plane.collections[0].get_offsets(), [[2, 3], [7, 0.1]])
    np.testing.assert_allclose(disc.collections[0].get_offsets()[:, 0], np.real(z[0]))
    assert plane.get_ylim()[1] >= 6
    assert [text.get_text() for text in disc.texts[-5:]] == ["0", "2.5", "5 Hz", "7.5", "10"]


def test_moves_join_every_start_to_its_end() -> None:
    before = np.array([[eigenvalue(1.0, 1.0, fs=10)], [eigenvalue(2.0, 0.5, fs=10)]])
    after = np.array([[eigenvalue(1.5, 2.0, fs=10)], [eigenvalue(2.0, 0.7, fs=10)]])
    axis = plot_moves(before, after, fs=10).axes[0]
    first, second, start, end = axis.lines
    np.testing.assert_allclose(first.get_xydata(), [[1, 1], [1.5, 2]])
    np.testing.assert_allclose(second.get_xydata(), [[2, 0.5], [2, 0.7]])
    np.testing.assert_allclose(start.get_xydata(), [[1, 1], [2, 0.5]])
    np.testing.assert_allclose(end.get_xydata(), [[1.5, 2], [2, 0.7]])


def test_trains_and_curves() -> None:
    trains = np.array([[1, 0, 0, 1], [0, 1, 0, 0]])
    axes = plot_trains({"a": trains, "b": trains[:1]}, rate=2).axes
    positions = [collection.get_positions() for collection in axes[0].collections]
    assert [list(p) for p in positions] == [[0, 1.5], [0.5]]
    assert len(axes[1].collections) == 1
    assert len(plot_trains(dict.fromkeys("abc", trains), rate=2).axes) == 3
    axis = plot_curves({"x": np.arange(8.0)}, chance=0.7, smooth=2).axes[0]
    assert axis.lines[0].get_xydata().tolist() == [[i + 1, i + 0.5] for i in range(7)]
    assert axis.lines[1].get_ydata()[0] == 0.7
