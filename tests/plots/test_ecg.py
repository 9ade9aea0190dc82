"""ECG paper has the right size, and every trace stands where a ruler would look for it."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecglab.data.simulator import LEADS, simulate
from ecglab.plots.ecg import TWELVE, blank, paper, plot_beats, plot_strips, plot_twelve_leads

FS = 100.0


def inked(axis: Axes) -> list[np.ndarray]:
    """The traces drawn on paper, without pulses and marks, as (samples, 2) in mm."""
    return [np.stack(line.get_data(), axis=1) for line in axis.lines if len(line.get_xdata()) > 10]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_a_figure_is_closed_for_pyplot_so_that_it_is_shown_once() -> None:
    from matplotlib import pyplot as plt

    figure = blank(3, 2)
    assert plt.get_fignums() == []
    assert tuple(figure.get_size_inches()) == (3, 2)


def test_a_millimetre_on_the_axis_is_a_millimetre_on_paper() -> None:
    figure, axis = paper(10.0, 100.0)
    figure.canvas.draw()
    inches = axis.get_window_extent().width / figure.dpi, axis.get_window_extent().height
    assert inches[0] * 25.4 == pytest.approx(np.diff(axis.get_xlim())[0], rel=1e-6)
    assert inches[1] / figure.dpi * 25.4 == pytest.approx(100.0, rel=1e-6)
    fine, bold = (lines.get_segments() for lines in axis.collections)
    for lines, step in ((fine, 1.0), (bold, 5.0)):
        upright = sorted({s[0][0] for s in lines if s[0][0] == s[1][0]})
        assert 0.0 in upright  # time 0 lies on a line
        np.testing.assert_allclose(np.diff(upright), step)


def test_twelve_leads_follow_each_other_in_time() -> None:
    time = np.arange(1000) / FS
    signal = np.stack([np.sin(2 * np.pi * (0.1 + 0.1 * k) * time) for k in range(12)])
    figure = plot_twelve_leads(signal, FS, LEADS)
    traces = inked(figure.axes[0])
    expected = [
        (name, row, column) for row, names in enumerate(TWELVE) for column, name in enumerate(names)
    ]
    for trace, (name, row, column) in zip(traces, expected, strict=False):
        assert trace[0, 0] == pytest.approx(column * 2.5 * 25)  # mm
        base = (3.5 - row) * 25
        piece = signal[LEADS.index(name), column * 250 : (column + 1) * 250]
        np.testing.assert_allclose(trace[:, 1], base + 10 * piece)
    np.testing.assert_allclose(traces[12][:, 1], 12.5 + 10 * signal[LEADS.index("II")])
    assert len(traces) == 13
    assert set(LEADS) <= set(words(figure))


def test_rows_may_come_in_any_order() -> None:
    signal = np.random.default_rng(0).normal(size=(12, 1000))
    order = np.random.default_rng(1).permutation(12)
    one = inked(plot_twelve_leads(signal, FS, LEADS).axes[0])
    shuffled = plot_twelve_leads(signal[order], FS, [LEADS[k] for k in order])
    for left, right in zip(one, inked(shuffled.axes[0]), strict=True):
        np.testing.assert_array_equal(left, right)


def test_twelve_leads_say_what_they_lack() -> None:
    with pytest.raises(ValueError, match="missing: V5, V6"):
        plot_twelve_leads(np.zeros((10, 1000)), FS, LEADS[:10])
    with pytest.raises(ValueError, match="ten seconds are needed, not 9"):
        plot_twelve_leads(np.zeros((12, 900)), FS, LEADS)


def test_strips_are_cut_where_they_would_run_into_each_other() -> None:
    spike = np.zeros(2000)
    spike[600] = 50.0
    traces = {"calm": 0.1 * np.sin(np.arange(2000)), "spike": spike, "short": np.zeros(500)}
    figure = plot_strips(traces, FS, start=5, seconds=10, row=25)
    calm, cut, *rest = inked(figure.axes[0])
    assert rest == []  # the short one ended before the fifth second
    shown = 0.1 * np.sin(np.arange(2000))[500:1500]
    np.testing.assert_allclose(calm[:, 1], 2.4 * 25 + 10 * (shown - np.median(shown)))
    assert cut[100, 1] == pytest.approx(2 * 25)  # the top of its row
    assert set(traces) <= set(words(figure))


def test_beats_are_marked_where_they_are_and_intervals_measured() -> None:
    record = next(simulate(1, seed=0, mix={"sinus rhythm": 1.0}, noise=None, inverted=0))
    trace = record.signal[0, : round(2 * record.fs)]
    waves, spans = {"R": (0.5, 1.25), "Q": (0.45,)}, {"RR interval": (0.5, 1.25)}
    axis = plot_beats(trace, record.fs, waves, spans).axes[0]
    marks = [line.get_data() for line in axis.lines if line.get_marker() == "o"]
    times = np.arange(len(trace)) / record.fs
    for x, y in marks:
        assert y[0] == pytest.approx(np.interp(x[0], times, trace))
    assert sorted(x[0] for x, _ in marks) == [0.45, 0.5, 1.25]
    assert any("RR interval  750 ms" in text.get_text() for text in axis.texts)
