"""The explorer follows its controls, its twins draw the same, and its numbers are the package's."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from ecglab.signals.scattering import scattering, scattering_bank
from ecglab.widgets import scattering as module
from ecglab.widgets.lorenz import as_png
from ecglab.widgets.scattering import ScatteringExplorer


@pytest.fixture
def explorer() -> ScatteringExplorer:
    rng = np.random.default_rng(0)
    traces = {name: rng.normal(size=1500).astype(np.float32) for name in ("one", "two")}
    return ScatteringExplorer(traces, fs=300.0, band=(0.5, 40.0), J=5, Q=4)


def test_every_control_redraws(explorer: ScatteringExplorer) -> None:
    before = plt.get_fignums()

    def shows(trace: str, J: int, Q: int) -> bool:
        figures = explorer.static(J, Q), explorer.static_trace(trace, J, Q)
        pictures = [as_png(figure) for figure in figures]
        for figure in figures:
            plt.close(figure)
        return pictures == [explorer.filters.value, explorer.coefficients.value]

    assert shows("one", 5, 4)
    assert not shows("two", 5, 4)
    explorer.trace.value = "two"
    assert shows("two", 5, 4)
    explorer.J.value = 4
    assert shows("two", 4, 4)
    explorer.Q.value = 2
    assert shows("two", 4, 2)
    assert plt.get_fignums() == before  # what was drawn for the images is closed again


def test_the_pictures_are_of_the_packages_bank(explorer: ScatteringExplorer) -> None:
    bank = scattering_bank(1500, 300.0, J=4, Q=3)
    values = scattering(explorer.traces["two"][None], 300.0, J=4, Q=3)[0]
    above = explorer.static(4, 3).axes[0]
    assert len(above.lines) == len(bank.wavelets) + 1
    np.testing.assert_array_equal(above.lines[0].get_ydata(), bank.wavelets[0, 1:])
    _, one, two = explorer.static_trace("two", 4, 3).axes[:3]
    np.testing.assert_array_equal(one.collections[0].get_array(), values[:, bank.orders == 1].T)
    assert two.collections[0].get_array().size == values[:, bank.orders == 2].size
    plt.close("all")


@pytest.mark.filterwarnings("ignore:Signal support is too small")
@pytest.mark.parametrize("J", [3, 8])
@pytest.mark.parametrize("Q", [1, 16])
def test_the_sliders_ends_can_be_drawn(explorer: ScatteringExplorer, J: int, Q: int) -> None:
    explorer.static(J, Q)
    explorer.static_trace("one", J, Q)
    plt.close("all")


def test_it_shows_itself(explorer: ScatteringExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(module, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    assert box.children[0].children == (explorer.trace, explorer.J, explorer.Q)
    assert box.children[1:] == (explorer.filters, explorer.coefficients)


def test_traces_of_one_length_are_asked_for() -> None:
    with pytest.raises(ValueError, match="traces of one length"):
        ScatteringExplorer({}, fs=300.0)
    with pytest.raises(ValueError, match=r"\[100, 200\]"):
        ScatteringExplorer({"a": np.zeros(100), "b": np.zeros(200)}, fs=300.0)
