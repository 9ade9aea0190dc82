"""Two records and one number of their codes: where it comes from, and how the codes differ."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import plotly.graph_objects as go
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.reducer import plot_codes
from ecglab.plots.semantic import Reduced, hover_reduced, plot_reduced
from ecglab.widgets.lorenz import as_png

PLOTLY = "application/vnd.plotly.v1+json"


class Reduction(NamedTuple):
    """All channels of an Attention Reducer over one trace: ``z_c = sum_t S_tc V_tc``.

    Attributes:
        trace: (samples,).
        s: weights, (steps, channels); each channel sums to one.
        v: values, (steps, channels).
    """

    trace: NDArray[np.float32]
    s: NDArray[np.float32]
    v: NDArray[np.float32]

    @property
    def z(self) -> NDArray[np.float32]:
        """The code, (channels,)."""
        return np.asarray((self.s * self.v).sum(axis=0))

    def channel(self, feature: int) -> Reduced:
        """One channel, as the figures take it."""
        return Reduced(self.trace, self.s[:, feature], self.v[:, feature])


class ReducerExplorer:
    """Menus for two records and a slider for the number of the code.

    As the last line of a notebook cell it shows itself, with ``live`` to hover over and the picture
    of ``static_codes``; ``static`` draws what ``live`` shows, where nothing can be hovered over.
    Codes are drawn in standard deviations over all records given, from their mean.

    plotly's own widget would need anywidget. The figure is handed to an output widget as data
    instead, and JupyterLab draws it as it draws a cell's result. Nothing is captured, so nothing
    can be missed in a headless run (see ``LorenzExplorer``).

    Args:
        records: a title and its reduction, for at least two records.
        fs: sampling rate of the traces, Hz.
        first, second: the records at the start; by default those given first and second.
        feature: the number at the start.

    Raises:
        ValueError: for fewer than two records.
    """

    def __init__(
        self,
        records: Mapping[str, Reduction],
        *,
        fs: float,
        first: str | None = None,
        second: str | None = None,
        feature: int = 0,
    ) -> None:
        if len(records) < 2:
            raise ValueError(f"the explorer compares records: it needs two, not {len(records)}")
        self.records, self.fs = records, fs
        names = list(records)
        codes = np.stack([reduction.z for reduction in records.values()])
        deviation = codes.std(axis=0)
        scaled = (codes - codes.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
        self.codes: dict[str, NDArray[Any]] = dict(zip(names, scaled, strict=True))
        menu = {"options": names, "layout": {"width": "20em"}}
        self.first = ipywidgets.Dropdown(value=first or names[0], description="above", **menu)
        self.second = ipywidgets.Dropdown(value=second or names[1], description="below", **menu)
        self.feature = ipywidgets.IntSlider(
            feature, 0, codes.shape[1] - 1, description="number", continuous_update=False
        )
        self.hover = ipywidgets.Output()
        self.bars = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        for control in (self.first, self.second, self.feature):
            control.observe(self._draw, "value")
        self._draw()

    def static(self, first: str, second: str, feature: int) -> Figure:
        """Both traces, and what one number takes from them."""
        rows = {name: self.records[name].channel(feature) for name in (first, second)}
        return plot_reduced(rows, self.fs, feature=feature)

    def live(self, first: str, second: str, feature: int) -> go.Figure:
        """The same to hover over."""
        rows = {name: self.records[name].channel(feature) for name in (first, second)}
        return hover_reduced(rows, self.fs, feature=feature)

    def static_codes(self, first: str, second: str, feature: int) -> Figure:
        """Both codes, sorted by their difference.

        Raises:
            ValueError: for a record against itself.
        """
        if first == second:
            raise ValueError(f"{first!r} against itself: the codes of two records are compared")
        codes = {name: self.codes[name] for name in (first, second)}
        return plot_codes(codes, picked=feature)

    def _draw(self, change: object = None) -> None:
        chosen = self.first.value, self.second.value, self.feature.value
        self.hover.outputs = (as_output(self.live(*chosen)),)
        self.bars.value = b""
        two = self.first.value != self.second.value
        self.bars.layout.display = None if two else "none"  # else shown as torn
        if two:
            figure = self.static_codes(*chosen)
            self.bars.value = as_png(figure)
            plt.close(figure)

    def _ipython_display_(self) -> None:
        controls = ipywidgets.HBox([self.first, self.second, self.feature])
        display(ipywidgets.VBox([controls, self.hover, self.bars]))


def as_output(figure: go.Figure) -> dict[str, Any]:
    """The figure as an output of a cell, in the form that JupyterLab draws."""
    data = {PLOTLY: json.loads(figure.to_json()), "text/plain": "a figure for JupyterLab to draw"}
    return {"output_type": "display_data", "data": data, "metadata": {}}
