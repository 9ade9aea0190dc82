"""The explorer shows the node of the grid that its sliders name, and its twin draws the same."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from ecglab.widgets import interpolation
from ecglab.widgets.interpolation import InterpolationExplorer
from ecglab.widgets.lorenz import as_png


@pytest.fixture
def explorer() -> InterpolationExplorer:
    decoded = np.random.default_rng(0).normal(size=(3, 3, 80)).astype(np.float32)
    return InterpolationExplorer(decoded, fs=20, names=("one", "two"))


def test_the_middle_trace_is_that_of_the_node(explorer: InterpolationExplorer) -> None:
    axis = explorer.static(2, 1).axes[0]
    for line, place in zip(axis.lines, [(0, 0), (2, 1), (2, 2)], strict=True):
        drawn = np.corrcoef([line.get_ydata(), *explorer.decoded.reshape(9, -1)])[0, 1:]
        assert drawn.argmax() == 3 * place[0] + place[1]
        assert drawn.max() > 0.95  # it may be cut
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "one",
        "z 100 %\nx_T 50 %",
        "two",
    ]


def test_both_sliders_redraw(explorer: InterpolationExplorer) -> None:
    before = plt.get_fignums()

    def shows(code: int, noise: int) -> bool:
        return explorer.image.value == as_png(explorer.static(code, noise))

    assert shows(0, 0)
    assert not shows(1, 2)
    explorer.code.value = 1
    assert shows(1, 0)
    explorer.noise.value = 2
    assert shows(1, 2)
    assert plt.get_fignums() == before


def test_it_shows_itself(explorer: InterpolationExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(interpolation, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    assert box.children[1] is explorer.image
    assert box.children[0].children == (explorer.code, explorer.noise)


@pytest.mark.parametrize("shape", [(3, 2, 10), (1, 1, 10), (3, 10)])
def test_another_grid_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="grid of"):
        InterpolationExplorer(np.zeros(shape), fs=20, names=("one", "two"))
