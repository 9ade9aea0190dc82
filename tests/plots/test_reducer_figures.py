"""Figures of the Attention Reducer show the numbers they were given, where they belong."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt

from ecglab.plots.reducer import (
    plot_around_beats,
    plot_codes,
    plot_likeness,
    plot_on_beats,
    plot_selection,
)
from ecglab.plots.semantic import Reduced, hover_reduced, plot_reduced


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


ROW = Reduced(
    trace=np.zeros(37, np.float32),  # a stem of stride 8 leaves five steps of it
    s=np.array([0.1, 0.2, 0.4, 0.2, 0.1], np.float32),
    v=np.array([1, -1, 2, 0, -3], np.float32),
)


def test_bars_stand_at_the_steps_samples() -> None:
    figure = plot_reduced({"a record": ROW}, 100.0, feature=7)
    bars = figure.axes[1].patches
    centres = [bar.get_x() + bar.get_width() / 2 for bar in bars]
    np.testing.assert_allclose(centres, [0, 0.08, 0.16, 0.24, 0.32], atol=1e-9)
    assert [bar.get_height() for bar in bars] == [1, -1, 2, 0, -3]
    assert figure.axes[0].get_title(loc="left") == "a record: $z_{7}$ = 0.40"
    assert np.argmax([bar.get_facecolor()[3] for bar in bars]) == 2


def test_the_pointer_finds_a_step_in_the_trace_and_in_its_bar() -> None:
    rows = {"a record": ROW, "another": ROW._replace(s=np.full(5, 0.2, np.float32))}
    page = hover_reduced(rows, 100.0, feature=7)
    assert page.layout.annotations[0].text == "a record: z<sub>7</sub> = 0.40"
    assert len({trace.xaxis for trace in page.data}) == 1  # or the line stays in its own panel
    assert [trace.yaxis for trace in page.data] == ["y", "y", "y2", "y3", "y3", "y4"]
    for i, row in enumerate(rows.values()):
        behind, trace, bars = page.data[3 * i : 3 * i + 3]
        assert trace.hoverinfo == "skip"
        assert list(bars.y) == [1, -1, 2, 0, -3]
        for steps in (behind, bars):
            np.testing.assert_allclose(steps.x, [0, 0.08, 0.16, 0.24, 0.32], atol=1e-9)
            np.testing.assert_allclose(steps.customdata[:, 0], row.v)
            np.testing.assert_allclose(steps.customdata[:, 1], row.s)
            np.testing.assert_allclose(np.sum(steps.customdata[:, 2]), row.z, atol=1e-6)
            np.testing.assert_allclose(steps.customdata[:, 3], 5 * row.s)
        opacity = [float(colour.rstrip(")").split(",")[-1]) for colour in behind.marker.color]
        np.testing.assert_allclose(opacity, row.s / 0.4, atol=0.006)  # one scale for both records


def test_the_chosen_number_is_marked_in_both_scatters() -> None:
    x, y = np.array([0.1, 0.8, -0.3]), np.array([0.2, 0.5, -0.1])
    figures = (
        plot_selection(x, y, picked=1, chance=0.4),
        plot_on_beats({"one": x, "two": y}, picked=1),
    )
    for figure in figures:
        (mark,) = [line for line in figure.axes[0].lines if line.get_label() == "z 1"]
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (0.8, 0.5)


def test_weights_are_drawn_below_their_beat() -> None:
    time, lags = np.linspace(-0.4, 0.6, 101), np.linspace(-0.4, 0.6, 21)
    weights = {"normal": np.full(21, 1.5), "other": np.full(21, 3.0)}
    figure = plot_around_beats({k: np.sin(time) for k in weights}, weights, time=time, lags=lags)
    above, below = figure.axes
    assert [line.get_ydata()[0] for line in below.lines[:2]] == [1.5, 3.0]
    assert below.get_ylim()[1] > 3
    assert above.get_xlim() == (-0.4, 0.6)


def test_codes_are_sorted_by_their_difference() -> None:
    a, b = np.array([0.0, 1.0, 0.0, -1.0]), np.array([0.5, 0.0, 3.0, -1.0])
    axis = plot_codes({"a": a, "b": b}, picked=3).axes[0]
    heights = [[bar.get_height() for bar in bars] for bars in axis.containers]
    assert heights == [[0, 0, -1, 1], [3, 0.5, -1, 0]]
    (band,) = [p for p in axis.patches if p.get_width() == 1]
    assert band.get_x() == 1.5  # the third place


def test_likeness_has_shares_of_each_kind_of_pair() -> None:
    cosines = np.array([0.9, 0.9, 0.9, -0.9]), np.array([-0.5, 0.5])
    axis = plot_likeness({"10 s": cosines}, bins=4).axes[0]
    other, same = ([bar.get_height() for bar in bars] for bars in axis.containers)
    np.testing.assert_allclose(same, [0.25, 0, 0, 0.75])
    np.testing.assert_allclose(other, [0, 0.5, 0, 0.5])
