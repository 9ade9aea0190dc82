"""Move one eigenvalue over the unit disc by hand, and hear what its state hears in an ECG."""

from collections.abc import Mapping
from typing import Any

import ipywidgets
import numpy as np
import torch
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.nn.recurrence import recurrence
from ecglab.plots.recurrence import eigenvalue, plot_oscillator
from ecglab.widgets.lorenz import as_png


class OscillatorExplorer:
    """One complex state under two sliders: its frequency and its time constant.

    As the last line of a notebook cell it shows itself; ``static`` draws the same picture.

    Args:
        traces: name to trace (samples,).
        fs: sampling rate, Hz.
        hertz, seconds: where the sliders start.
        unit: of the traces.

    Raises:
        ValueError: no traces.
    """

    def __init__(
        self,
        traces: Mapping[str, NDArray[np.floating[Any]]],
        *,
        fs: float,
        hertz: float = 1.0,
        seconds: float = 1.0,
        unit: str = "mV",
    ) -> None:
        if not traces:
            raise ValueError("the explorer needs at least one trace")
        self.traces, self.fs, self.unit = traces, fs, unit
        self.trace = ipywidgets.Dropdown(options=list(traces), description="trace")
        self.hertz = ipywidgets.FloatSlider(
            min=0, max=fs / 2, value=hertz, step=0.05, description="f (Hz)"
        )
        self.seconds = ipywidgets.FloatLogSlider(
            min=-2, max=1, value=seconds, step=0.05, description="tau (s)"
        )
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        for control in (self.trace, self.hertz, self.seconds):
            control.observe(self._draw, "value")
        self._draw()

    def states(self, trace: str, hertz: float, seconds: float) -> NDArray[np.complex128]:
        """``h_k = lambda h_{k-1} + u_k`` at every sample of a trace, (samples,)."""
        lambda_ = torch.tensor([eigenvalue(hertz, seconds, fs=self.fs)], dtype=torch.complex128)
        u = torch.from_numpy(np.asarray(self.traces[trace], dtype=np.complex128))
        return recurrence(lambda_, u[None, :, None])[0, :, 0].numpy()

    def static(self, trace: str, hertz: float = 1.0, seconds: float = 1.0) -> Figure:
        """The explorer's picture at one setting."""
        return plot_oscillator(
            np.asarray(self.traces[trace]),
            self.states(trace, hertz, seconds),
            eigenvalue(hertz, seconds, fs=self.fs),
            fs=self.fs,
            title=trace,
            unit=self.unit,
        )

    def _draw(self, change: object = None) -> None:
        figure = self.static(self.trace.value, self.hertz.value, self.seconds.value)
        self.image.value = as_png(figure)
        plt.close(figure)

    def _ipython_display_(self) -> None:
        controls = ipywidgets.HBox([self.trace, self.hertz, self.seconds])
        display(ipywidgets.VBox([controls, self.image]))
