"""Let two classes drift into noise, and see which triplets a margin and a way of mining take."""

from collections.abc import Sequence
from typing import NamedTuple

import ipywidgets
import numpy as np
import torch
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Generator, Tensor

from ecglab.diffusion import NoiseSchedule
from ecglab.nn.triplet import MINING, Triplets, mine_triplets
from ecglab.plots.latent import plot_triplets
from ecglab.widgets.lorenz import as_png


class Mining(NamedTuple):
    """Points (n, 2) at one step, their distances (n, n), and the triplets taken."""

    points: Tensor
    distances: Tensor
    triplets: Triplets


class TripletExplorer:
    """Points of two classes under sliders for the step t, the margin, the mining and the anchor.

    Distances are those of the plane, so that what is drawn is what is mined; a training compares
    embeddings on a sphere (``nn/triplet.py``). As the last line of a notebook cell it shows
    itself; ``static`` draws the same picture.

    Args:
        points: clean latents in two directions, (n, 2); the noise has unit variance in both.
        positive: class of each, (n,).
        names: of the classes, the negative one first.
        schedule: the forward process.
        seed: of the noise, which stays the same while t moves, and of random mining.

    Raises:
        ValueError: points of another shape, or of one class.
    """

    def __init__(
        self,
        points: ArrayLike,
        positive: ArrayLike,
        *,
        names: Sequence[str] = ("negative", "positive"),
        schedule: NoiseSchedule | None = None,
        seed: int = 0,
    ) -> None:
        self.clean = torch.from_numpy(np.array(points, dtype=np.float32))
        self.labels = torch.from_numpy(np.array(positive, dtype=np.int64))
        if self.clean.ndim != 2 or self.clean.shape != (len(self.labels), 2):
            raise ValueError(
                f"{len(self.labels)} labels need points ({len(self.labels)}, 2), "
                f"not {tuple(self.clean.shape)}"
            )
        if len(self.labels.unique()) != 2:
            raise ValueError("triplets need points of two classes")
        self.names, self.seed = names, seed
        self.schedule = schedule or NoiseSchedule.linear()
        self.noise = torch.randn(self.clean.shape, generator=Generator().manual_seed(seed))
        self.t = ipywidgets.IntSlider(0, 0, len(self.schedule) - 1, description="t")
        self.margin = ipywidgets.FloatSlider(3.0, min=0.1, max=10, step=0.1, description="margin")
        self.mining = ipywidgets.Dropdown(options=MINING, description="mining")
        self.anchor = ipywidgets.IntSlider(0, 0, len(self.clean) - 1, description="anchor")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.controls = (self.t, self.margin, self.mining, self.anchor)
        for control in self.controls:
            control.observe(self._draw, "value")
        self._draw()

    def mined(self, t: int, margin: float, mining: str) -> Mining:
        """The points at step t, their distances, and the batch's triplets."""
        steps = self.schedule.check(torch.full((len(self.clean),), t))
        points = self.schedule.q_sample(self.clean, steps, self.noise)
        distances = torch.cdist(points, points)
        generator = Generator().manual_seed(self.seed)
        triplets = mine_triplets(
            distances, self.labels, mining=mining, margin=margin, generator=generator
        )
        return Mining(points, distances, triplets)

    def static(
        self, t: int = 0, margin: float = 3.0, mining: str = "batch-hard", anchor: int = 0
    ) -> Figure:
        """The explorer's picture at one setting."""
        points, distances, triplets = self.mined(t, margin, mining)
        return plot_triplets(
            points,
            self.labels,
            self.names,
            distances=distances,
            triplets=triplets,
            anchor=anchor,
            margin=margin,
            # a z_0 + b noise with a^2 + b^2 = 1, at any t
            reach=1.05 * float(torch.hypot(self.clean, self.noise).max()),
        )

    def _draw(self, change: object = None) -> None:
        figure = self.static(*(control.value for control in self.controls))
        self.image.value = as_png(figure)
        plt.close(figure)

    def _ipython_display_(self) -> None:
        rows = [ipywidgets.HBox(self.controls[:2]), ipywidgets.HBox(self.controls[2:])]
        display(ipywidgets.VBox([*rows, self.image]))
