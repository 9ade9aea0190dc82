"""Walk from one heart to another under two sliders: one moves the code z, one the noise x_T."""

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.reconstruction import plot_stacks
from ecglab.widgets.lorenz import as_png


class InterpolationExplorer:
    """Traces that were decoded on a grid of codes and noises, between two records.

    As the last line of a notebook cell it shows itself; ``static`` draws the same picture.

    Args:
        decoded: (k, k, samples): first axis the code's share of the second record, then the
            noise's, both evenly from 0 to 1.
        fs: sampling rate, Hz.
        names: of the two records.

    Raises:
        ValueError: for a grid of another shape.
    """

    def __init__(
        self, decoded: NDArray[np.floating[Any]], *, fs: float, names: Sequence[str]
    ) -> None:
        if decoded.ndim != 3 or decoded.shape[0] != decoded.shape[1] or decoded.shape[0] < 2:
            raise ValueError(f"a grid of (k, k, samples) is needed, not {decoded.shape}")
        self.decoded, self.fs, self.names = decoded, fs, tuple(names)
        k = len(decoded)
        shares = [(f"{100 * i / (k - 1):.0f} %", i) for i in range(k)]
        self.code = ipywidgets.SelectionSlider(options=shares, description="z")
        self.noise = ipywidgets.SelectionSlider(options=shares, description="x_T")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        for control in (self.code, self.noise):
            control.observe(self._draw, "value")
        self._draw()

    def static(self, code: int = 0, noise: int = 0) -> Figure:
        """The picture at one node of the grid, between the two records themselves."""
        share = 100 / (len(self.decoded) - 1)
        here = f"z {share * code:.0f} %\nx_T {share * noise:.0f} %"
        traces = {
            self.names[0]: self.decoded[0, 0],
            here: self.decoded[code, noise],
            self.names[1]: self.decoded[-1, -1],
        }
        title = f"on the way from {self.names[0]} to {self.names[1]}"
        return plot_stacks({title: traces}, fs=self.fs, columns=1, row=1.0)

    def _draw(self, change: object = None) -> None:
        figure = self.static(self.code.value, self.noise.value)
        self.image.value = as_png(figure)
        plt.close(figure)

    def _ipython_display_(self) -> None:
        controls = ipywidgets.HBox([self.code, self.noise])
        display(ipywidgets.VBox([controls, self.image]))
