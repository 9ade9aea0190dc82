"""Move t and the schedule by hand, and watch a trace drown."""

import ipywidgets
import numpy as np
import torch
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.diffusion import NoiseSchedule
from ecglab.plots.style import PALETTE
from ecglab.widgets.lorenz import as_png


class NoiseExplorer:
    """A trace with the noise of step t, under a slider for t and a choice of schedule.

    As the last line of a notebook cell it shows itself; ``static`` draws the same picture.

    Args:
        trace: the clean trace, (samples,), z-scored.
        fs: sampling rate, Hz.
        seed: of the noise, which stays the same while t moves.
    """

    def __init__(self, trace: NDArray[np.float32], *, fs: float, seed: int = 0) -> None:
        self.trace = torch.from_numpy(np.array(trace, dtype=np.float32))
        self.noise = torch.randn(len(trace), generator=torch.Generator().manual_seed(seed))
        self.fs = fs
        self.schedules = {name: NoiseSchedule.named(name) for name in ("linear", "cosine")}
        self.t = ipywidgets.IntSlider(100, 0, 999, description="t")
        self.schedule = ipywidgets.Dropdown(options=list(self.schedules), description="schedule")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.t.observe(self._draw, "value")
        self.schedule.observe(self._draw, "value")
        self._draw()

    def view(self, t: int, schedule: str = "linear") -> NDArray[np.float32]:
        """The noisy trace, (samples,)."""
        step = torch.tensor([t])
        process = self.schedules[schedule]
        return process.q_sample(self.trace[None], process.check(step), self.noise[None])[0].numpy()

    def static(self, t: int = 100, schedule: str = "linear") -> Figure:
        """The explorer's picture at one setting."""
        figure, axis = plt.subplots(figsize=(9, 2.6))
        time = np.arange(len(self.trace)) / self.fs
        axis.plot(time, self.view(t, schedule), color=PALETTE["sky"], lw=0.8, label="noisy")
        axis.plot(time, self.trace, color=PALETTE["ink"], lw=0.8, label="clean")
        ratio = float(self.schedules[schedule].snr(torch.tensor([t])))
        title = f"{schedule} schedule, t = {t}: signal to noise {10 * np.log10(ratio):.1f} dB"
        axis.set(xlabel="time (s)", title=title, ylim=(-6, 9), xlim=(0, len(self.trace) / self.fs))
        axis.legend(loc="lower right", ncols=2)
        return figure

    def _draw(self, change: object = None) -> None:
        figure = self.static(self.t.value, self.schedule.value)
        self.image.value = as_png(figure)
        plt.close(figure)

    def _ipython_display_(self) -> None:
        display(ipywidgets.VBox([ipywidgets.HBox([self.t, self.schedule]), self.image]))
