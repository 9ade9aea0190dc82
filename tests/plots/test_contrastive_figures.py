"""DACL's figures show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ecglab.plots import contrastive as p


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_each_system_has_a_dot_at_its_score_and_its_interval():
    rows = [("one", "a", 0.7, 0.6, 0.8), ("one", "b", 0.9, 0.85, 0.95), ("two", "b", 0.5, 0.4, 0.6)]
    table = pd.DataFrame(rows, columns=["panel", "name", "value", "low", "high"])
    figure = p.plot_intervals(table, marks={"paper": 0.78})
    first, second = figure.axes
    dots = [line for line in first.lines if line.get_marker() == "o"]
    assert sorted(float(d.get_xdata()[0]) for d in dots) == [0.7, 0.9]
    assert any(list(line.get_xdata()) == [0.6, 0.8] for line in first.lines)
    assert len([line for line in second.lines if line.get_marker() == "o"]) == 1
    assert [t.get_text() for t in first.get_yticklabels()] == ["b", "a"]


def test_noise_curves_run_from_clean_to_noisy():
    rows = [("wander", s, "a", s / 30, s / 30, s / 30) for s in (0, 24, 12)]
    table = pd.DataFrame(rows, columns=["kind", "snr", "name", "value", "low", "high"])
    (axis,) = p.plot_noise_curves(table).axes
    assert axis.lines[0].get_xdata().tolist() == [0, 12, 24]
    assert axis.lines[0].get_ydata() == pytest.approx([0, 0.4, 0.8])
    assert axis.xaxis_inverted()


def test_a_system_has_one_colour_in_every_panel_and_a_place_in_the_legend():
    names = [f"system {i}" for i in range(7)]
    rows = [("wander", 0, name, 0.5, 0.4, 0.6) for name in names[2:]]
    rows += [("muscle", 0, name, 0.5, 0.4, 0.6) for name in reversed(names)]
    table = pd.DataFrame(rows, columns=["kind", "snr", "name", "value", "low", "high"])
    left, right = p.plot_noise_curves(table).axes
    assert [len(axis.lines) for axis in (left, right)] == [5, 7]
    colours = [line.get_color() for line in right.lines][::-1]
    assert [line.get_color() for line in left.lines] == colours[2:]
    legend = right.get_legend()
    shown = {text.get_text(): line.get_color() for text, line in
             zip(legend.get_texts(), legend.get_lines(), strict=True)}  # fmt: skip
    assert shown == dict(zip(names, colours, strict=True))


def test_traces_share_a_scale_and_losses_do_not():
    x = np.sin(np.arange(1000) / 9)
    figure = p.plot_noisy_trace(x, {"muscle": 3 * x}, 100.0, seconds=4)
    assert [len(axis.lines[0].get_xdata()) for axis in figure.axes] == [400, 400]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    figure = p.plot_loss_curves({"a": [4.0, 2.0, 0.0], "b": [100.0, 90.0, 80.0]}, window=2)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [4.0, 3.0, 1.0]
    assert figure.axes[0].get_ylim() != figure.axes[1].get_ylim()
