"""The figures of generalisation draw the numbers they are given, and show what is missing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

from ecglab.plots import PALETTE, use_style
from ecglab.plots.generalisation import plot_decisions, plot_draws, plot_generalisation

NAN = float("nan")
COLUMNS = ["source", "target", "title", "paper", "ours", "low", "high"]
TABLE = pd.DataFrame(
    [
        ("a", "b", "guess", NAN, 0.4, 0.3, 0.5),
        ("a", "b", "both", 0.9, 0.8, 0.7, 0.85),
        ("a", "b", "theirs", 0.6, NAN, NAN, NAN),
        ("a", "b", "nobody's", NAN, NAN, NAN, NAN),
        ("a", "c", "both", 0.2, NAN, NAN, NAN),
    ],
    columns=COLUMNS,
)


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def bars(axis):
    """{(row, filled?): width}"""
    return {
        (round(p.get_y() + p.get_height() / 2), p.get_facecolor()[3] > 0): p.get_width()
        for p in axis.patches
    }


def test_filled_bars_are_ours_open_ones_the_papers_and_dashes_nobodys() -> None:
    figure = plot_generalisation(TABLE, floor="guess")
    first, second = figure.axes
    assert [a.get_title(loc="left") for a in figure.axes] == ["a → b", "a → c"]
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["guess", "both", "theirs", "nobody's"]
    assert bars(first) == {(0, True): 0.4, (1, True): 0.8, (1, False): 0.9, (2, False): 0.6}
    assert [(t.get_text(), t.get_position()[1]) for t in first.texts] == [("–", 3)]
    strokes = sorted(p[:, 0].tolist() for c in first.collections for p in c.get_segments())
    assert strokes == [[0.3, 0.5], [0.7, 0.85]]
    assert first.lines[0].get_xdata() == [0.4, 0.4]
    assert bars(second) == {(1, False): 0.2}
    assert [t.get_position()[1] for t in second.texts] == [0, 2, 3]
    assert not second.lines  # no floor was measured there
    top, bottom = first.get_ylim()[::-1]
    assert top < bottom  # the first row is on top


def test_the_legend_names_what_is_drawn_and_no_more() -> None:
    def legend(table: pd.DataFrame, **options: str) -> list[str]:
        (found,) = plot_generalisation(table, **options).legends
        return [text.get_text() for text in found.get_texts()]

    ours, paper, missing = "ours, with 95 % interval", "the paper's", "–  not there"
    assert legend(TABLE, floor="guess") == [ours, paper, missing, "guess"]
    assert legend(TABLE.iloc[:1]) == [ours]
    assert legend(TABLE.iloc[2:3], floor="guess") == [paper]


def test_many_pairs_make_rows_of_panels() -> None:
    table = pd.concat([TABLE.assign(source=s) for s in "xyz"])  # each has two targets
    figure = plot_generalisation(table, columns=4)
    assert [a.get_visible() for a in figure.axes] == [True] * 6 + [False] * 2


def test_a_line_for_every_draw_and_a_stroke_for_the_mean() -> None:
    table = pd.DataFrame(
        {
            "split": ["by subject"] * 2 + ["by a window"] * 2,
            "draw": [0, 1, 0, 1],
            "value": [0.5, 0.7, 0.8, 0.9],
        }
    )
    axis = plot_draws(table, floor=0.4).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["by subject", "by a window"]
    *draws, floor = (line.get_ydata() for line in axis.lines)
    assert [list(values) for values in draws] == [[0.5, 0.8], [0.7, 0.9]]
    assert list(floor) == [0.4, 0.4]
    strokes = axis.collections[0].get_segments()
    np.testing.assert_allclose([s[0, 1] for s in strokes], [0.6, 0.85])


def test_a_dot_for_every_window_and_the_wanted_class_in_red_on_the_right() -> None:
    table = pd.DataFrame(
        {
            "method": ["head"] * 3 + ["head, linear"] * 3,
            "label": ["AF", "non-AF", "non-AF"] * 2,
            "probability": [0.3, 0.1, 0.2, 0.9, 0.4, 0.0],
        }
    )
    figure = plot_decisions(table, positive="AF", methods=["head, linear", "head"])
    probe, head = figure.axes
    assert probe.get_title(loc="left") == "head,\nlinear"
    assert [label.get_text() for label in head.get_xticklabels()] == ["non-AF", "AF"]
    others, wanted, half = head.lines
    assert others.get_ydata().tolist() == [0.1, 0.2]
    assert wanted.get_ydata().tolist() == [0.3]
    assert to_rgba(wanted.get_color()) == to_rgba(PALETTE["red"])
    assert np.all(np.abs(wanted.get_xdata() - 1) < 0.5)
    assert list(half.get_ydata()) == [0.5, 0.5]
    assert probe.lines[1].get_ydata().tolist() == [0.9]
