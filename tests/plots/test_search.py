"""The search's figures draw what they are given."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from ecglab.plots import use_style
from ecglab.plots.search import Box, hover_search, plot_search, plot_unets

TABLE = pd.DataFrame(
    {
        "name": ["a", "b", "c"],
        "macs": [1_000_000, 4_000_000, 9_000_000],
        "macro_f1": [0.4, 0.7, 0.6],
        "low": [0.3, 0.6, 0.5],
        "high": [0.5, 0.8, 0.7],
        "parameters": [10, 20, 30],
        "front": [True, True, False],
    }
)


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def boxes(*, decoder: bool) -> list[Box]:
    return [
        Box(row=0, side="down", channels=8, positions=(64,), blocks="2 blocks"),
        Box(row=1, side="middle", channels=16, positions=(32,)),
        Box(row=0, side="up", channels=8, positions=(64,), runs=decoder),
    ]


def test_boxes_say_their_size_and_what_does_not_run_is_grey() -> None:
    figure = plot_unets({"(a)": boxes(decoder=True), "(b)": boxes(decoder=False)})
    faces = [
        [to_hex(p.get_facecolor()) for p in axis.patches if isinstance(p, Rectangle)]
        for axis in figure.axes
    ]
    assert faces[0][:2] == faces[1][:2]
    assert faces[0][2] != faces[1][2] == "#f2f2f2"
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["8 × 64", "2 blocks", "16 × 32", "", "8 × 64", ""]
    arrows = [p for p in figure.axes[0].patches if not isinstance(p, Rectangle)]
    assert [a.get_linestyle() for a in arrows].count("--") == 1  # one skip connection
    assert len(arrows) == 3


def test_longer_maps_are_wider_boxes() -> None:
    axis = plot_unets({"": boxes(decoder=True)}).axes[0]
    widths = [p.get_width() for p in axis.patches if isinstance(p, Rectangle)]
    assert widths[0] == widths[2] > widths[1]
    assert Box(row=0, side="down", channels=3, positions=(4, 5)).size == "3 × 4 × 5"


def test_a_network_without_a_contracting_path() -> None:
    with pytest.raises(ValueError, match="no contracting path"):
        plot_unets({"a": [Box(row=0, side="up", channels=1, positions=(1,))]})


def test_scores_front_path_and_marks() -> None:
    axis = plot_search(TABLE, marked={"the paper's": "c"}, path=["c", "b"]).axes[0]
    handles, labels = axis.get_legend_handles_labels()
    assert labels == ["Pareto front", "greedy elimination", "the paper's"]
    lines = dict(zip(labels, handles, strict=True))
    assert lines["Pareto front"].get_xdata().tolist() == [1.0, 4.0]
    assert lines["greedy elimination"].get_ydata().tolist() == [0.6, 0.7]
    mark = lines["the paper's"].lines[0]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (9.0, 0.6)
    with pytest.raises(KeyError):
        plot_search(TABLE, marked={"nobody": "d"})


def test_hovering_tells_the_structure() -> None:
    figure = hover_search(TABLE, marked={"the paper's": "b"})
    assert [trace.name for trace in figure.data] == ["others", "Pareto front", "the paper's"]
    assert figure.data[2].x.tolist() == [4.0]
    assert figure.data[1].customdata.tolist() == [["a", 0.3, 0.5, 10], ["b", 0.6, 0.8, 20]]
