"""Move J and Q of a scattering transform, and see its filters and what they make of a trace."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.scattering import plot_filters, plot_scattering
from ecglab.signals.scattering import scattering, scattering_bank
from ecglab.widgets.lorenz import as_png


class ScatteringExplorer:
    """A menu of traces, and a slider each for J (how long the average) and Q (how fine the bands).

    As the last line of a notebook cell it shows itself; ``static`` and ``static_trace`` draw its
    two pictures.

    Args:
        traces: name to trace, z-scored, (samples,), all of one length.
        fs: sampling rate, Hz.
        band: what the traces were filtered to, Hz; shaded.
        J, Q: where the sliders start.

    Raises:
        ValueError: no traces, or of several lengths.
    """

    def __init__(
        self,
        traces: Mapping[str, NDArray[np.floating[Any]]],
        *,
        fs: float,
        band: tuple[float, float] | None = None,
        J: int = 6,
        Q: int = 8,
    ) -> None:
        lengths = sorted({len(trace) for trace in traces.values()})
        if len(lengths) != 1:
            raise ValueError(f"the explorer needs traces of one length, not of {lengths}")
        self.traces, self.fs, self.band, self.samples = traces, fs, band, lengths[0]
        self.trace = ipywidgets.Dropdown(options=list(traces), description="trace")
        lazy = {"continuous_update": False}  # a bank takes a moment to build
        self.J = ipywidgets.IntSlider(J, 3, 8, description="J", **lazy)
        self.Q = ipywidgets.IntSlider(Q, 1, 16, description="Q", **lazy)
        self.filters, self.coefficients = (
            ipywidgets.Image(format="png", layout={"max_width": "100%"}) for _ in range(2)
        )
        for control in (self.trace, self.J, self.Q):
            control.observe(self._draw, "value")
        self._draw()

    def static(self, J: int = 6, Q: int = 8) -> Figure:
        """The filters at one setting."""
        bank = scattering_bank(self.samples, self.fs, J=J, Q=Q)
        return plot_filters(
            bank.frequencies, bank.low_pass, bank.wavelets, bank.modulation, band=self.band
        )

    def static_trace(self, trace: str, J: int = 6, Q: int = 8) -> Figure:
        """A trace and its coefficients of both orders at one setting."""
        x = np.asarray(self.traces[trace])
        bank = scattering_bank(self.samples, self.fs, J=J, Q=Q)
        values = scattering(x[None], self.fs, J=J, Q=Q)[0]
        one, two = bank.orders == 1, bank.orders == 2
        return plot_scattering(
            x,
            self.fs,
            values[:, one],
            bank.first[one],
            times=bank.times,
            second=values[:, two] if two.any() else None,
            modulation=bank.second[two],
            title=trace,
        )

    def _draw(self, change: object = None) -> None:
        J, Q = self.J.value, self.Q.value
        pictures = {
            self.filters: self.static(J, Q),
            self.coefficients: self.static_trace(self.trace.value, J, Q),
        }
        for image, figure in pictures.items():
            image.value = as_png(figure)
            plt.close(figure)

    def _ipython_display_(self) -> None:
        controls = ipywidgets.HBox([self.trace, self.J, self.Q])
        display(ipywidgets.VBox([controls, self.filters, self.coefficients]))
