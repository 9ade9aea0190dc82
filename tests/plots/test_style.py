"""What ``keep`` writes: the figure, its numbers, and the word that no real heart is in it."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib import pyplot as plt

from ecglab.plots import keep

NUMBERS = pd.DataFrame({"t": [0, 20], "value": [0.5, 0.25]})


@pytest.mark.parametrize("simulated", [False, True])
def test_a_picture_its_numbers_and_its_stamp(simulated: bool, tmp_path: Path) -> None:
    figure, axis = plt.subplots()
    axis.plot([0, 1])
    open_before = plt.get_fignums()
    kept = keep(figure, tmp_path / "new", "a", numbers=NUMBERS, simulated=simulated)
    assert kept is figure
    assert (tmp_path / "new/a.png").read_bytes().startswith(b"\x89PNG")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "new/a.csv"), NUMBERS)
    assert [text.get_text() for text in figure.texts] == ["simulated"] * simulated
    assert plt.get_fignums() == [n for n in open_before if n != figure.number]


@pytest.mark.parametrize("simulated", [False, True])
def test_a_page_that_needs_no_network(simulated: bool, tmp_path: Path) -> None:
    figure = go.Figure(go.Scatter(x=[0, 1], y=[2, 3]))
    keep(figure, tmp_path, "b", simulated=simulated)
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert "cdn.plot.ly/plotly" not in page.split("Plotly.newPlot")[1]
    assert len(page) > 1_000_000, "plotly's own script is in it"
    assert [note.text for note in figure.layout.annotations] == ["simulated"] * simulated
    assert not (tmp_path / "b.csv").exists()
