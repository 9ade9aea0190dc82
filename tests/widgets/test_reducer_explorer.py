"""The explorer follows its controls, its twins draw the same, and its codes are sums of S V."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib import pyplot as plt

from ecglab.widgets import reducer
from ecglab.widgets.lorenz import as_png
from ecglab.widgets.reducer import PLOTLY, ReducerExplorer, Reduction, as_output


@pytest.fixture
def records() -> dict[str, Reduction]:
    rng = np.random.default_rng(0)
    made = {}
    for name in ("one", "two", "three"):
        s = rng.uniform(size=(20, 4)).astype(np.float32)
        made[name] = Reduction(
            trace=rng.normal(size=160).astype(np.float32),
            s=s / s.sum(axis=0),
            v=rng.normal(size=(20, 4)).astype(np.float32),
        )
    return made


@pytest.fixture
def explorer(records: dict[str, Reduction]) -> ReducerExplorer:
    return ReducerExplorer(records, fs=80, feature=2)


def test_a_code_is_the_sum_over_time(records: dict[str, Reduction]) -> None:
    one = records["one"]
    by_hand = [sum(one.s[t, c] * one.v[t, c] for t in range(20)) for c in range(4)]
    np.testing.assert_allclose(one.z, by_hand, rtol=1e-5)
    np.testing.assert_allclose([one.channel(c).z for c in range(4)], by_hand, rtol=1e-5)


def test_codes_are_standardised_over_the_records(
    records: dict[str, Reduction], explorer: ReducerExplorer
) -> None:
    column = [r.z[1] for r in records.values()]
    by_hand = (records["two"].z[1] - np.mean(column)) / np.std(column)
    assert explorer.codes["two"][1] == pytest.approx(by_hand, rel=1e-4)


def test_a_number_that_is_the_same_in_all_records_is_drawn_as_zero(
    records: dict[str, Reduction],
) -> None:
    same = {name: r._replace(v=np.ones_like(r.v), s=np.full_like(r.s, 0.05)) for name, r in
            records.items()}  # fmt: skip
    assert all((code == 0).all() for code in ReducerExplorer(same, fs=80).codes.values())


def test_every_control_redraws(explorer: ReducerExplorer) -> None:
    before = plt.get_fignums()

    def shows(first: str, second: str, feature: int) -> list[bool]:
        live = as_output(explorer.live(first, second, feature))
        figure = explorer.static_codes(first, second, feature)
        bars = as_png(figure)
        plt.close(figure)
        return [explorer.hover.outputs == (live,), explorer.bars.value == bars]

    assert shows("one", "two", 2) == [True, True]
    assert shows("three", "two", 2) == [False, False]
    explorer.first.value = "three"
    assert shows("three", "two", 2) == [True, True]
    explorer.second.value = "one"
    explorer.feature.value = 0
    assert shows("three", "one", 0) == [True, True]
    assert plt.get_fignums() == before  # what was drawn for the images is closed again


def test_the_twin_draws_what_can_be_hovered_over(explorer: ReducerExplorer) -> None:
    live, figure = explorer.live("one", "two", 3), explorer.static("one", "two", 3)
    plt.close(figure)
    lines = [trace.y for trace in live.data if trace.type == "scatter"]
    heights = [trace.y for trace in live.data if trace.type == "bar" and trace.base is None]
    for axis, line in zip(figure.axes[::2], lines, strict=True):
        np.testing.assert_allclose(axis.lines[0].get_ydata(), line)
    for axis, bars in zip(figure.axes[1::2], heights, strict=True):
        np.testing.assert_allclose([bar.get_height() for bar in axis.patches], bars)


def test_the_figure_is_shown_as_data_that_can_be_sent(explorer: ReducerExplorer) -> None:
    (output,) = explorer.hover.outputs
    assert output["output_type"] == "display_data"
    again = go.Figure(json.loads(json.dumps(output["data"][PLOTLY])))
    assert [trace.type for trace in again.data] == ["bar", "scatter", "bar"] * 2
    assert again.layout.annotations[0].text.startswith("one: z<sub>2</sub>")


def test_a_record_against_itself_has_no_bars(explorer: ReducerExplorer) -> None:
    explorer.second.value = "one"
    assert explorer.hover.outputs == (as_output(explorer.live("one", "one", 2)),)
    assert explorer.bars.value == b""
    assert explorer.bars.layout.display == "none"
    with pytest.raises(ValueError, match="'one' against itself"):
        explorer.static_codes("one", "one", 0)


def test_it_starts_where_it_is_told(records: dict[str, Reduction]) -> None:
    explorer = ReducerExplorer(records, fs=80, first="two", second="three", feature=3)
    assert (explorer.first.value, explorer.second.value) == ("two", "three")
    assert (explorer.feature.value, explorer.feature.max) == (3, 3)


def test_it_shows_itself(explorer: ReducerExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(reducer, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    assert box.children[1:] == (explorer.hover, explorer.bars)
    assert box.children[0].children == (explorer.first, explorer.second, explorer.feature)


def test_one_record_is_refused(records: dict[str, Reduction]) -> None:
    with pytest.raises(ValueError, match="needs two, not 1"):
        ReducerExplorer({"one": records["one"]}, fs=80)
