"""Label efficiency and confusion: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import use_style
from ecglab.plots.probing import plot_confusion, plot_label_efficiency, plot_readings


@pytest.fixture(autouse=True)
def _close():
    use_style()
    yield
    plt.close("all")


def test_a_line_for_every_system_from_few_labels_to_all() -> None:
    rows = [("a", 1.0, 0.8), ("a", 0.01, 0.4), ("b", 0.01, 0.5), ("b", 1.0, 0.6)]
    table = pd.DataFrame(rows, columns=["name", "labels", "value"]).assign(low=0.3, high=0.9)
    axis = plot_label_efficiency(table).axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert lines == {"a": [[0.01, 0.4], [1.0, 0.8]], "b": [[0.01, 0.5], [1.0, 0.6]]}
    assert [t.get_text() for t in axis.get_xticklabels()] == ["1%", "100%"]


def test_readings_have_the_first_number_on_top_and_a_dot_for_each_embedding() -> None:
    rows = [("a", "rate", 0.9), ("a", "entropy", 0.5), ("b", "rate", 0.3), ("b", "entropy", -0.2)]
    axis = plot_readings(pd.DataFrame(rows, columns=["name", "number", "value"])).axes[0]
    dots = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert dots == {"a": [[0.9, 1], [0.5, 0]], "b": [[0.3, 1], [-0.2, 0]]}
    assert [t.get_text() for t in axis.get_yticklabels()] == ["rate", "entropy"]
    assert axis.get_yticks().tolist() == [1, 0]
    assert axis.get_xlim()[0] < -0.2, "a reading worse than blind is not cut off"


def test_rows_of_a_confusion_sum_to_one() -> None:
    axis = plot_confusion(np.array([[3.0, 1.0], [0.0, 0.0]]), ["N", "A"]).axes[0]
    assert axis.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 0.0]]
    assert [t.get_text() for t in axis.texts] == ["75%\n(3)", "25%\n(1)", "0%\n(0)", "0%\n(0)"]
