"""Filters, coefficients and attention: what is drawn is what was given, at its place."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import use_style
from ecglab.plots.scattering import (
    plot_before_after,
    plot_cascade,
    plot_filters,
    plot_frame_attention,
    plot_maps,
    plot_scattering,
    plot_stability,
)

TIMES = np.array([0.5, 1.5, 2.5, 3.5])
TRACE = np.sin(np.arange(400) / 9)


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def test_a_line_for_every_filter_and_one_for_the_average():
    hz = np.arange(0, 51.0)
    wavelets, modulation = np.random.default_rng(0).random((2, 3, 51))
    figure = plot_filters(hz, np.exp(-hz), wavelets, modulation[:2], band=(0.5, 40))
    above, below = figure.axes
    assert [len(axis.lines) for axis in (above, below)] == [4, 3]
    np.testing.assert_array_equal(above.lines[1].get_ydata(), wavelets[1, 1:])
    np.testing.assert_array_equal(below.lines[-1].get_ydata(), np.exp(-hz)[1:])
    assert below.get_xscale() == "log"
    assert above.lines[0].get_xdata()[0] == 1  # 0 Hz has no logarithm


def test_coefficients_lie_under_their_trace():
    first = np.arange(12.0).reshape(4, 3)
    centres = np.array([20.0, 10.0, 5.0])
    second = np.array([[1.0, 2, 3]] * 4)
    figure = plot_scattering(
        TRACE, 100, first, centres, times=TIMES, second=second, modulation=np.array([2.0, 4, 2])
    )
    trace, one, two = figure.axes[:3]
    np.testing.assert_array_equal(trace.lines[0].get_ydata(), TRACE)
    image = one.collections[0]
    np.testing.assert_array_equal(image.get_array(), first.T)
    assert image.get_coordinates()[0, :, 0].tolist() == [0, 1, 2, 3, 4]
    assert one.yaxis_inverted()
    where = dict(zip([t.get_text() for t in one.get_yticklabels()], one.get_yticks(), strict=True))
    assert where == {"5": 2, "10": 1, "20": 0}
    assert two.collections[0].get_array()[:, 0].tolist() == [2, 1, 3]  # 4 Hz, then both of 2 Hz
    assert [t.get_text() for t in two.get_yticklabels()] == ["2.0", "4.0"]
    assert two.get_yticks().tolist() == [1.5, 0]


def test_one_order_alone():
    figure = plot_scattering(TRACE, 100, np.ones((4, 3)), np.array([9.0, 6, 3]), times=TIMES)
    assert len([axis for axis in figure.axes if axis.get_ylabel() != "log coefficient"]) == 2


def test_rows_attend_to_columns():
    attention = np.array([[0.1, 0.9, 0, 0], [0.25] * 4, [0, 0, 1, 0], [1, 0, 0, 0]])
    figure = plot_frame_attention(TRACE, 100, attention, times=TIMES, title="a record", vmax=3)
    axis = figure.axes[1]
    np.testing.assert_array_equal(axis.collections[0].get_array(), 4 * attention)
    assert axis.collections[0].get_clim() == (0, 3)
    assert axis.get_ylim() == (4.0, 0.0)  # the first frame at the top
    assert figure.axes[0].get_title(loc="left") == "a record"


def test_each_stage_shows_its_wave_its_size_and_the_average():
    waves = [np.exp(1j * np.arange(400) / k) * k for k in (3, 7)]
    stages = {f"stage {i}": (wave, np.full(400, i)) for i, wave in enumerate(waves)}
    figure = plot_cascade({"one": (TRACE, stages), "two": (-TRACE, stages)}, 100)
    grid = np.array(figure.axes).reshape(3, 2)
    assert [axis.get_title(loc="left") for axis in grid[:, 1]] == ["two", "stage 0", "stage 1"]
    np.testing.assert_array_equal(grid[0, 1].lines[0].get_ydata(), -TRACE)
    for axis, (wave, average) in zip(grid[1:, 0], stages.values(), strict=True):
        drawn = [line.get_ydata() for line in axis.lines]
        np.testing.assert_allclose(drawn, [wave.real, np.abs(wave), average])
        assert axis.lines[0].get_xdata()[-1] == 3.99


def test_before_and_after_share_a_panel():
    hz, one, two = np.arange(3.0), np.array([1.0, 2, 3]), np.array([3.0, 2, 1])
    figure = plot_before_after({"a": (hz, one, two), "b": (hz, two, one)}, after="warped")
    above, below = figure.axes
    assert [line.get_ydata().tolist() for line in above.lines] == [[1, 2, 3], [3, 2, 1]]
    assert [line.get_ydata().tolist() for line in below.lines] == [[3, 2, 1], [1, 2, 3]]
    assert [text.get_text() for text in above.get_legend().get_texts()][1] == "warped"


def test_a_line_for_each_description_and_one_for_another_record():
    table = pd.DataFrame({"samples": [0.5, 1.0], "spectrum": [0.1, 0.2]}, index=[10, 100])
    figure = plot_stability({"shift (ms)": table, "warp (%)": table / 2})
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[0.5, 1.0], [0.1, 0.2], [1, 1]]
    assert list(right.lines[0].get_ydata()) == [0.25, 0.5]
    assert (left.get_xscale(), right.get_xlabel()) == ("log", "warp (%)")
    assert [label.get_text() for label in left.get_xticklabels()] == ["10", "100"]


def test_maps_share_their_colours():
    even, own = np.full((4, 4), 0.25), np.eye(4)
    figure = plot_maps({"even": even, "own": own}, times=TIMES)
    left, right = figure.axes[:2]
    np.testing.assert_array_equal(left.collections[0].get_array(), np.ones((4, 4)))
    np.testing.assert_array_equal(right.collections[0].get_array(), 4 * own)
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0, 4)
    assert left.get_ylim() == (4.0, 0.0)
    capped = plot_maps({"even": even, "own": own}, times=TIMES, vmax=2)
    assert capped.axes[1].collections[0].get_clim() == (0, 2)


def test_a_single_panel_will_do():
    hz, table = np.arange(3.0), pd.DataFrame({"samples": [0.5, 1.0]}, index=[10, 100])
    assert len(plot_before_after({"a": (hz, hz, hz)}, after="warped").axes) == 1
    assert len(plot_stability({"shift (ms)": table}).axes) == 1
    assert plot_maps({"even": np.full((4, 4), 0.25)}, times=TIMES).axes[0].collections
