"""Views side by side, scores and attention: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import use_style
from ecglab.plots.modalities import plot_attention, plot_modalities, plot_scores
from ecglab.plots.personalisation import plot_search, plot_subjects, slide_search


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def test_traces_are_lines_and_pictures_are_pictures() -> None:
    views = {"signal": np.ones(100, "f4"), "lorenz": np.eye(48, dtype="f4")}
    figure = plot_modalities({"normal": views, "noisy": views}, seconds=10)
    first, second = figure.axes[:2]
    assert first.lines[0].get_ydata().tolist() == [1.0] * 100
    assert np.array_equal(second.images[0].get_array(), np.eye(48))
    assert [a.get_title(loc="left") for a in figure.axes] == ["signal", "lorenz", "", ""]
    assert [a.get_ylabel() for a in figure.axes] == ["normal", "", "noisy", ""]


def test_scores_stand_in_their_order() -> None:
    table = pd.DataFrame({"name": ["a", "b"], "value": [0.5, 0.7], "low": 0.4, "high": 0.8})
    axis = plot_scores(table).axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert dict(zip(names, axis.get_yticks(), strict=True)) == {"a": 1, "b": 0}


def test_a_box_for_every_group() -> None:
    table = pd.DataFrame({"signal": [0.2, 0.4, 0.6], "lorenz": 0.3, "class": ["A", "N", "N"]})
    figure = plot_attention(table, modalities=["signal", "lorenz"], by="class")
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["A", "N"]
    assert [a.get_title(loc="left") for a in figure.axes] == ["signal", "lorenz"]


def test_each_subject_is_a_line() -> None:
    table = pd.DataFrame(
        {"strategy": ["t20", "t20", "gamma"], "subject": ["a", "b", "a"], "value": [0.1, 0.2, 0.9]}
    )
    axis = plot_subjects(table).axes[0]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["t20", "gamma"]
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["a", "b"]


def test_a_search_step_by_step() -> None:
    t = np.arange(5)
    belief = {"t": t, "mean": t / 5, "std": t / 10, "improvement": t / 50}
    beliefs = [{**belief, "evaluations": n} for n in (2, 3)]
    figure = plot_search(beliefs, [0, 4, 2, 1], [0.1, 0.5, 0.3, 0.2], objective="gamma")
    assert [a.get_title(loc="left") for a in figure.axes[:2]] == [
        "after 2 evaluations",
        "after 3 evaluations",
    ]
    assert list(figure.axes[0].lines[1].get_xdata()) == [0, 4]
    page = slide_search(beliefs, [0, 4, 2, 1], [0.1, 0.5, 0.3, 0.2], objective="gamma")
    assert [frame.name for frame in page.frames] == ["2", "3"]
    assert list(page.frames[1].data[2].x) == [0, 4, 2]
