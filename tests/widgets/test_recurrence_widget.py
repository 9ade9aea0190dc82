"""The explorer follows its sliders, its twin draws the same, and its states are a filter's."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.signal import lfilter

from ecglab.widgets import recurrence
from ecglab.widgets.lorenz import as_png
from ecglab.widgets.recurrence import OscillatorExplorer


@pytest.fixture
def explorer() -> OscillatorExplorer:
    rng = np.random.default_rng(0)
    traces = {name: rng.normal(size=200).astype(np.float32) for name in ("one", "two")}
    return OscillatorExplorer(traces, fs=50, hertz=2.0, seconds=0.5)


def test_states_are_those_of_a_recursive_filter(explorer: OscillatorExplorer) -> None:
    lambda_ = np.exp(-1 / (50 * 0.3)) * np.exp(2j * np.pi * 4 / 50)
    exact = lfilter([1], [1, -lambda_], explorer.traces["two"])
    np.testing.assert_allclose(explorer.states("two", 4.0, 0.3), exact, atol=1e-9)


def test_every_control_redraws(explorer: OscillatorExplorer) -> None:
    before = plt.get_fignums()

    def shows(trace: str, hertz: float, seconds: float) -> bool:
        figure = explorer.static(trace, hertz, seconds)
        same = explorer.image.value == as_png(figure)
        plt.close(figure)
        return same

    assert shows("one", 2.0, 0.5)
    assert not shows("two", 2.0, 0.5)
    explorer.trace.value = "two"
    explorer.hertz.value = 7.5
    assert shows("two", 7.5, 0.5)
    explorer.seconds.value = 2.0
    assert shows("two", 7.5, 2.0)
    assert plt.get_fignums() == before  # what was drawn for the image is closed again


def test_frequencies_end_at_half_the_sampling_rate(explorer: OscillatorExplorer) -> None:
    assert (explorer.hertz.min, explorer.hertz.max) == (0, 25)


def test_it_shows_itself(explorer: OscillatorExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(recurrence, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    assert box.children[1] is explorer.image
    assert box.children[0].children == (explorer.trace, explorer.hertz, explorer.seconds)


def test_an_explorer_without_traces_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one trace"):
        OscillatorExplorer({}, fs=50)
