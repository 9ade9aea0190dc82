"""Figures of the autoencoder show the numbers and the parts they were given."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch

from ecglab.plots.reconstruction import (
    plot_kept,
    plot_moves_along,
    plot_noise_loss,
    plot_stacks,
    saved,
)
from ecglab.plots.semantic import Part, plot_architecture


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


LOSSES = pd.DataFrame(
    {
        "t": [5, 5, 5, 5, 9, 9, 9, 9],
        "code": ["own", "own", "other", "other"] * 2,
        "window": [0, 1, 0, 1] * 2,
        "loss": [1.0, 2.0, 2.0, 4.0, 1.0, 1.0, 2.0, 2.0],
    }
)


def test_what_a_code_saves_is_counted_in_pairs() -> None:
    shares = saved(LOSSES, own="own", against="other")
    np.testing.assert_allclose(shares["share"], [0.5, 0.5])
    # differences 1 and 2: deviation sqrt(1/2), error sqrt(1/2) / sqrt(2) = 1/2, over a mean of 3
    np.testing.assert_allclose(shares["error"], [0.5 / 3, 0])


def test_losses_are_means_over_windows() -> None:
    left, right = plot_noise_loss(LOSSES, own="own", against="other").axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    assert drawn == {"own": [1.5, 1.0], "other": [3.0, 2.0]}
    (bars,) = right.containers
    np.testing.assert_allclose(bars.lines[0].get_ydata().astype(float), [50, 50])


def test_stacked_traces_share_the_firsts_scale() -> None:
    first = np.tile([-1.0, 0.0, 1.0, 0.0], 25)
    panel = {"a": first, "b": 1.09 * first, "c": 100 * first}
    figure = plot_stacks({"one": panel, "two": panel, "three": panel}, fs=10, columns=2)
    assert [axis.axison for axis in figure.axes] == [True, True, True, False]
    lines = figure.axes[0].lines
    unit = 1.1 / 0.4  # the first reaches as far down as up, and there is less room below
    for i, times in enumerate((1, 1.09)):
        np.testing.assert_allclose(lines[i].get_ydata() + i, times * first / unit)
    assert lines[2].get_ydata().min() == pytest.approx(-2.4)  # cut
    assert lines[2].get_ydata().max() == pytest.approx(-1.4)


def test_a_dot_is_an_original_and_its_rebuilt_trace() -> None:
    columns = {"group": ["z", "z", "both"], "rr": [1.0, 2.0, 3.0], "rr_original": [1.5, 2.5, 3.5]}
    (axis,) = plot_kept(pd.DataFrame(columns), {"rr": "RR (s)"}, groups=["both", "z"]).axes
    both, z, even = axis.lines
    assert (list(both.get_xdata()), list(both.get_ydata())) == ([3.5], [3.0])
    assert (list(z.get_xdata()), list(z.get_ydata())) == ([1.5, 2.5], [1.0, 2.0])
    assert list(even.get_xdata()) == list(even.get_ydata()) == [1.0, 3.5]


def test_each_direction_has_its_records_and_their_mean() -> None:
    rows = [("AF", 0, "a", 1.0), ("AF", 1, "a", 2.0), ("AF", 0, "b", 3.0), ("AF", 1, "b", 6.0)]
    table = pd.DataFrame(rows, columns=["direction", "amount", "record", "jump"])
    both = pd.concat([table, table.assign(direction="none")])
    figure = plot_moves_along(both, measure="jump", label="jump")
    assert [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes] == [
        "AF",
        "none",
    ]
    single, other = (list(line.get_ydata()) for line in figure.axes[0].lines[:2])
    (bars,) = figure.axes[0].containers
    assert (single, other, list(bars.lines[0].get_ydata())) == ([1.0, 2.0], [3.0, 6.0], [2.0, 4.0])


def test_the_architecture_is_a_u_beside_a_column() -> None:
    encoder = [Part("x_0", (1, 64)), Part("stem", (8, 32)), Part("reduce", (8,))]
    down = [Part("x_t", (1, 64)), Part("down", (4, 32), ("t", "z"))]
    middle = [Part("mid", (4, 32), ("t", "z"))]
    up = [Part("up", (4, 64), ("t", "z")), Part("out", (1, 64))]
    training = {"noise": Part("noise", (1, 64)), "loss": Part("mse", ())}
    block = [Part("x", (32, 8)), Part("lru", (32, 8)), Part("add", (32, 8), skips=True)]
    inset: dict[str, Any] = {"block": block, "opened": 1, "note": "B: 2 x 8"}
    axis = plot_architecture(encoder, down, middle, up, **training, **inset).axes[0]
    places = {text.get_text(): text.get_position() for text in axis.texts}
    assert places["down"][1] == places["up"][1] > places["mid"][1]
    assert places["x_0"][1] == places["x_t"][1] == places["out"][1]
    assert places["x_0"][0] < places["x_t"][0] < places["mid"][0] < places["out"][0]
    letters = [text.get_text() for text in axis.texts]
    assert letters.count("t") == 3
    assert letters.count("z") == 3 + 1  # and the arrow's name
    assert places["add"][1] < places["lru"][1] < places["x"][1] == places["x_0"][1]
    assert places["x"][0] < places["x_0"][0]
    assert {"inside stem", "B: 2 x 8"} < set(letters)
    assert places["mse"][0] == places["out"][0]
    assert places["mse"][1] == places["noise"][1] > places["out"][1]
    assert letters.count("one number") == 1  # the loss
    lines = [[list(point) for point in line.get_xydata()] for line in axis.lines]
    assert [y for x, y in lines[1]] == [0, 0, -2, -2]  # past lru, from x to add
    arrows = [patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 2 + 2 + 4 + 5
    with pytest.raises(ValueError, match="2 and 1 parts"):
        plot_architecture(encoder, down, middle, up[:1], **training, **inset)
