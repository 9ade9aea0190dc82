"""Figures of personalisation."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ecglab.plots.personalisation import plot_changes, plot_subjects


def test_changes_are_after_less_before() -> None:
    table = pd.DataFrame(
        {
            "method": ["x", "x", "y", "y"],
            "subject": ["a", "b", "a", "b"],
            "before": [0.5, 0.2, 0.9, 0.4],
            "after": [0.8, 0.1, 0.9, 0.7],
        }
    )
    axis = plot_changes(table).axes[0]
    heights = {(bar.get_label(), i): b.get_height()
               for bar in axis.containers for i, b in enumerate(bar)}  # fmt: skip
    assert heights == pytest.approx({("a", 0): 0.3, ("a", 1): 0, ("b", 0): -0.1, ("b", 1): 0.3})
    assert [t.get_text() for t in axis.get_xticklabels()] == ["x", "y"]
    plt.close("all")


def test_a_subject_is_a_line_through_the_boxes() -> None:
    table = pd.DataFrame(
        {"strategy": ["p", "p", "q"], "subject": ["a", "b", "a"], "value": [0.2, 0.4, 0.6]}
    )
    axis = plot_subjects(table).axes[0]
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines["a"] == [0.2, 0.6]
    assert lines["b"][0] == 0.4
    plt.close("all")
