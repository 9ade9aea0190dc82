"""The diffusion figures draw what they are given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

from ecglab.diffusion import NoiseSchedule
from ecglab.plots import use_style
from ecglab.plots.diffusion import (
    plot_beats,
    plot_error_weights,
    plot_loss,
    plot_mean_beats,
    plot_schedules,
    plot_views,
    slide_views,
)
from ecglab.plots.encoding import plot_feature_maps, plot_map, plot_sweep, slide_maps
from ecglab.widgets.noise import NoiseExplorer


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def test_views_are_drawn_in_their_grid() -> None:
    rows = {"beat": {"t = 0": np.zeros(10, "f4"), "t = 9": np.ones(10, "f4")}}
    figure = plot_views(rows, fs=100, ylim=(-1, 2))
    assert [a.get_title(loc="left") for a in figure.axes] == ["t = 0", "t = 9"]
    assert figure.axes[1].lines[0].get_ydata().tolist() == [1.0] * 10


def test_schedules_and_loss() -> None:
    columns = {"beta": [0.1, 0.2], "alpha_bar": [0.9, 0.5], "snr_db": [9.0, 0.0]}
    axes = plot_schedules(pd.DataFrame({"t": [0, 1], "schedule": "linear", **columns})).axes
    assert [a.get_title(loc="left").split()[0] for a in axes] == [
        "beta",
        "alpha",
        "signal-to-noise",
    ]
    assert [a.lines[0].get_ydata().tolist() for a in axes] == list(columns.values())
    axis = plot_loss([1.0, 0.5, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1], trivial=0.9).axes[0]
    steps, running, trivial = axis.lines
    assert steps.get_ydata().tolist() == [1.0, 0.5, 0.2, *[0.1] * 5]
    assert running.get_ydata()[:2] == pytest.approx([0.75, 0.35])
    assert trivial.get_ydata()[0] == 0.9
    assert axis.get_yscale() == "log"


def test_beats_have_a_row_a_group_and_means_a_band() -> None:
    groups = {f"group {i}": np.full((3, 5), float(i), "f4") for i in range(10)}
    grid = np.reshape(plot_beats(groups, fs=10, each=2).axes, (10, 2))
    assert [a.get_ylabel() for a in grid[:, 0]] == list(groups)
    assert grid[9, 1].lines[0].get_ydata().tolist() == [9.0] * 5
    beats = np.array([[0.0, 1.0], [2.0, 1.0]], "f4")
    axis = plot_mean_beats({"one": beats}, fs=10).axes[0]
    assert axis.lines[0].get_ydata().tolist() == [1.0, 1.0]
    band = axis.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.0, 2.0)


def test_maps_lie_under_their_window_each_channel_in_its_own_units() -> None:
    trace, values = np.zeros(8, "f4"), np.array([[0.0, 2.0], [0.0, 200.0], [5.0, 5.0]], "f4")
    above, below = plot_feature_maps(trace, {"level 1": values}, fs=4).axes
    assert above.lines[0].get_xdata()[-1] == 7 / 4
    np.testing.assert_allclose(below.images[0].get_array(), [[-1, 1], [-1, 1], [0, 0]])
    assert below.images[0].get_extent()[:2] == [0, 2]


def test_each_objective_has_its_line_of_weights() -> None:
    table = pd.DataFrame({"t": [0, 1, 0, 1], "predicted": ["noise"] * 2 + ["v"] * 2})
    axis = plot_error_weights(table.assign(weight=[9.0, 0.1, 10.0, 1.1])).axes[0]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axis.lines}
    assert drawn == {"noise": [9.0, 0.1], "v": [10.0, 1.1]}


def test_the_slider_has_a_frame_for_every_step() -> None:
    views = {"linear": {0: np.zeros(5, "f4"), 50: np.ones(5, "f4")}}
    views["cosine"] = views["linear"]
    figure = slide_views(views, fs=10)
    assert [frame.name for frame in figure.frames] == ["0", "50"]
    below, above = figure.frames[1].data
    assert below.y.tolist() == [1.0] * 5
    assert above.y.min() > below.y.max(), "one above the other"
    assert "customdata" in above.hovertemplate
    assert above.customdata.tolist() == [1.0] * 5, "but read as they are"


def test_sweep_and_map() -> None:
    sweep = pd.DataFrame({"t": [0, 20], "value": [0.5, 0.7], "low": [0.4, 0.6], "high": 0.8})
    figure = plot_sweep(sweep, references={"guess": 0.2})
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["guess"]
    panels = plot_map(np.zeros((3, 2)), ["N", "A", "N"]).axes
    assert [a.get_title(loc="left") for a in panels] == ["normal", "atrial fibrillation"]
    assert [a.get_xlabel() for a in panels] == ["2 records", "1 record"]
    panels = plot_map(np.zeros((3, 2)), ["SR", "AFIB", "N"]).axes
    assert [a.get_title(loc="left") for a in panels] == ["normal", "AFIB", "SR"]
    page = slide_maps({0: np.zeros((2, 2))}, ["SR", "N"], ["a", "b"])
    assert [trace.name for trace in page.data] == ["normal", "SR"]


def test_explorer_shows_q_sample() -> None:
    trace = np.sin(np.arange(50)).astype(np.float32)
    explorer = NoiseExplorer(trace, fs=50, seed=3)
    bar = NoiseSchedule.cosine().alphas_cumprod[200]
    noise = torch.randn(50, generator=torch.Generator().manual_seed(3))
    expected = bar.sqrt() * torch.from_numpy(trace) + (1 - bar).sqrt() * noise
    assert np.allclose(explorer.view(200, "cosine"), expected.numpy(), atol=1e-6)
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        explorer.view(1000)
    before = explorer.image.value
    explorer.t.value = 700
    assert explorer.image.value != before
    assert "t = 5" in explorer.static(5).axes[0].get_title(loc="left")
