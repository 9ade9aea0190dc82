"""The explorer follows its menus, and its static twin draws the same."""

import numpy as np
import pytest

from ecglab.plots.rhythm import Beating
from ecglab.widgets import LorenzExplorer
from ecglab.widgets.lorenz import as_png


def heart(rr: float, seconds: float, name: str) -> Beating:
    peaks = np.arange(50, round(seconds * 100), round(rr * 100))
    return Beating(np.zeros(round(seconds * 100), np.float32), 100.0, peaks, name)


@pytest.fixture
def explorer() -> LorenzExplorer:
    slow = [heart(1.0, 60, "s1"), heart(1.2, 30, "s2")]
    return LorenzExplorer({"slow": slow, "fast": [heart(0.4, 8, "f1")]})


def test_menus_choose_what_is_shown(explorer: LorenzExplorer) -> None:
    def shows(rhythm: str, record: int, start: float) -> bool:
        return explorer.image.value == as_png(explorer.static(rhythm, record, start))

    assert shows("slow", 0, 0)
    assert not shows("slow", 1, 0)
    assert explorer.start.max == 50
    explorer.record.value = 1
    assert shows("slow", 1, 0)
    explorer.start.value = 20
    assert shows("slow", 1, 20)
    explorer.rhythm.value = "fast"  # with the first record, which is shorter than the view
    assert [name for name, _ in explorer.record.options] == ["f1"]
    assert (explorer.start.value, explorer.start.max) == (0, 0)
    assert shows("fast", 0, 0)
    explorer.rhythm.value = "slow"
    assert shows("slow", 0, 0)


def test_a_shorter_record_pulls_the_slider_back(explorer: LorenzExplorer) -> None:
    explorer.start.value = 45
    explorer.record.value = 1
    assert explorer.start.value == explorer.start.max == 20
    assert explorer.image.value == as_png(explorer.static("slow", 1, 20))


def test_the_twin_shows_the_chosen_stretch(explorer: LorenzExplorer) -> None:
    trace, _, rr = explorer.static("slow", 1, 7.0).axes
    assert trace.get_xlim() == (7, 17)
    assert "slow: s2" in (trace.get_title(), trace.get_title(loc="left"))
    np.testing.assert_allclose(rr.lines[0].get_ydata(), 1.2)


def test_it_shows_itself(explorer: LorenzExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr("ecglab.widgets.lorenz.display", shown.append)
    explorer._ipython_display_()
    assert shown == [explorer.view]


@pytest.mark.parametrize("records", [{}, {"slow": []}])
def test_an_empty_explorer_is_refused(records: dict[str, list[Beating]]) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        LorenzExplorer(records)
