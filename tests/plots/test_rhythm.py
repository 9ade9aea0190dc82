"""Figures of rhythms show the numbers they were given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from ecglab.plots import CLASS_COLOURS
from ecglab.plots.rhythm import (
    Beating,
    browse_rhythms,
    plot_features,
    plot_images,
    plot_lorenz,
    plot_rhythm,
    plot_spectra,
)
from ecglab.signals import lorenz_points

FS = 100.0


def title(axis: Axes) -> str:
    return str(axis.get_title(loc="left") or axis.get_title())  # the style moves it to the left


def beating(pattern: list[float], n: int = 30, name: str = "one") -> Beating:
    """A trace of spikes whose RR intervals (s) repeat a pattern."""
    times = 0.5 + np.cumsum([0.0, *(pattern[k % len(pattern)] for k in range(n))])
    peaks = np.rint(times * FS).astype(int)
    signal = np.zeros(peaks[-1] + 50, np.float32)
    signal[peaks] = 1.0
    return Beating(signal, FS, peaks, name)


def test_beating_gives_the_stretch_that_is_asked_for() -> None:
    heart = beating([0.8])
    time, trace, beats, heights = heart.between(4.0, 8.0)
    assert (time[0], len(trace)) == (4.0, 400)
    np.testing.assert_allclose(beats, [4.5, 5.3, 6.1, 6.9, 7.7])
    np.testing.assert_array_equal(heights, 1.0)
    np.testing.assert_allclose(heart.rr, 0.8)
    assert heart.seconds == pytest.approx(25.0)
    assert len(heart.between(24.0, 30.0)[1]) == 100  # the trace ends first


def test_rhythm_shows_all_intervals_and_points() -> None:
    heart = beating([0.6, 1.0])
    figure = plot_rhythm(heart, start=2.0, seconds=5.0)
    trace, lorenz, rr = figure.axes
    assert title(trace) == "one"
    assert trace.get_xlim() == (2.0, 7.0)
    np.testing.assert_allclose(rr.lines[0].get_ydata(), heart.rr)
    points = np.asarray(lorenz.collections[0].get_offsets())
    np.testing.assert_allclose(points, lorenz_points(heart.rr))


def test_points_outside_a_lorenz_plot_are_drawn_at_its_rim() -> None:
    figure = plot_lorenz({"far": np.array([[2.0, -0.1], [0.1, -3.0]]), "near": np.zeros((5, 2))})
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    np.testing.assert_allclose(points, [[0.6, -0.1], [0.1, -0.6]])
    assert [axis.get_visible() for axis in figure.axes] == [True, True, False, False]
    assert "5 points" in title(figure.axes[1])


def test_a_rhythm_without_beats_can_be_drawn() -> None:
    nothing = Beating(np.zeros(1000, np.float32), FS, np.array([], int))
    figure = plot_rhythm(nothing)
    assert len(figure.axes) == 3
    assert len(np.asarray(figure.axes[1].collections[0].get_offsets())) == 0


def test_images_are_shown_as_they_lie() -> None:
    lorenz, stft = np.zeros((48, 48)), np.zeros((48, 48))
    lorenz[0, 47] = stft[0, 0] = 1.0  # top right; top left
    figure = plot_images({"normal": (np.zeros(1000), lorenz, stft)}, FS, fmax=40)
    shown = [axis.images[0] for axis in figure.axes[1:]]
    np.testing.assert_array_equal(shown[0].get_array(), lorenz)
    assert shown[0].origin == shown[1].origin == "upper"
    assert tuple(shown[0].get_extent()) == (-0.6, 0.6, -0.6, 0.6)
    assert tuple(shown[1].get_extent()) == (0, 10, 0, 40)


def table(shift: float, n: int = 41) -> pd.DataFrame:
    labels = np.repeat(["O", "N", "A"], n)
    return pd.DataFrame({"label": labels, "x": np.tile(np.linspace(0, 1, n), 3) + shift})


def test_boxes_show_quartiles_in_the_order_and_colours_of_the_classes() -> None:
    axis = plot_features(table(0.0), {"x": "a title"}).axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["N", "A", "O"]
    assert len(axis.patches) == 3
    for patch, label in zip(axis.patches, "NAO", strict=True):
        low, high = patch.get_path().vertices[:, 1].min(), patch.get_path().vertices[:, 1].max()
        assert (low, high) == (pytest.approx(0.25), pytest.approx(0.75))
        assert patch.get_edgecolor()[:3] == pytest.approx(to_rgb(CLASS_COLOURS[label]))


def to_rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))


def test_data_sets_stand_side_by_side() -> None:
    both = pd.concat([table(0.0).assign(set="real"), table(5.0).assign(set="made")])
    figure = plot_features(both, {"x": "a title"}, hue="set")
    axis = figure.axes[0]
    filled = [patch.get_facecolor()[3] > 0 for patch in axis.patches]
    assert filled == [True] * 3 + [False] * 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["real", "made"]


def test_spectra_are_medians_in_decibels() -> None:
    frequency = np.array([1.0, 10.0])
    power = np.array([[1e-3, 1e-5], [1e-2, 1e-4], [1e-1, 1e-3]])
    figure = plot_spectra(
        frequency, {"N": {"real": power, "made": 10 * power}, "A": {"real": power}}
    )
    real, made = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(real, [-20, -40])
    np.testing.assert_allclose(made, [-10, -30])
    assert len(figure.axes) == 2


def test_the_menu_shows_one_record_at_a_time() -> None:
    records = {name: beating(rr) for name, rr in (("a", [0.8]), ("b", [0.6, 1.0]), ("c", [0.7]))}
    figure = browse_rhythms(records)
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == list(records)
    shown_first = [bool(trace.visible) for trace in figure.data]
    choices = [button.args[0]["visible"] for button in buttons]
    assert shown_first == list(choices[0])
    assert np.array(choices).sum(axis=0).tolist() == [1] * len(figure.data)
    second = [trace for trace, on in zip(figure.data, choices[1], strict=True) if on]
    np.testing.assert_allclose(second[2].y, records["b"].rr)
    np.testing.assert_allclose(second[3].x, lorenz_points(records["b"].rr)[:, 0])


def test_what_lies_outside_is_seen_in_the_menu_too() -> None:
    figure = browse_rhythms({"missed beat": beating([0.8, 0.8, 4.0, 0.8])})
    points = np.stack([figure.data[3].x, figure.data[3].y])
    assert np.abs(points).max() == pytest.approx(0.6)
    assert max(figure.data[2].y) == pytest.approx(4.0, abs=0.01)
    assert figure.layout.yaxis3.range[1] > 4
