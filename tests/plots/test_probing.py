"""Label efficiency and confusion: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import use_style
from ecglab.plots.probing import plot_confusion, plot_label_efficiency


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


def test_rows_of_a_confusion_sum_to_one() -> None:
    axis = plot_confusion(np.array([[3.0, 1.0], [0.0, 0.0]]), ["N", "A"]).axes[0]
    assert axis.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 0.0]]
    assert [t.get_text() for t in axis.texts] == ["75%\n(3)", "25%\n(1)", "0%\n(0)", "0%\n(0)"]
