"""Move t for each modality by hand: what the encoders see, how far classes part, and gamma."""

import ipywidgets
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.evaluation.personal import PersonalClassifier
from ecglab.plots.style import PALETTE
from ecglab.widgets.lorenz import as_png


class StepExplorer:
    """One heart under a slider for the noise step of each modality.

    As the last line of a notebook cell it shows itself; ``static`` draws the same picture.

    Args:
        personal: the subject's windows and encoders.
        positive: the class that is drawn in red.
        fs: sampling rate of the signal's view, Hz.
        high: the largest step of the sliders.

    Raises:
        ValueError: for a ``positive`` that is none of the subject's classes.
    """

    def __init__(
        self, personal: PersonalClassifier, *, positive: str, fs: float, high: int = 200
    ) -> None:
        if positive not in personal.classes:
            raise ValueError(f"{positive!r} is none of {', '.join(personal.classes)}")
        self.personal, self.positive, self.fs = personal, positive, fs
        self.t = {
            name: ipywidgets.IntSlider(
                20,
                0,
                high,
                description=name,
                continuous_update=False,
                style={"description_width": "initial"},
            )
            for name in personal.method.parts
        }
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        for slider in self.t.values():
            slider.observe(self._draw, "value")
        self._draw()

    def noisy(self, name: str, t: int) -> NDArray[np.float32]:
        """The first training window in one modality at step t, (samples,) or (height, width)."""
        x0 = self.personal.caches["train"].views[name][:1]
        generator = torch.Generator().manual_seed(self.personal.seed)
        noise = torch.randn(x0.shape, generator=generator)
        schedule = self.personal.method.parts[name].schedule
        return schedule.q_sample(x0, schedule.check(torch.tensor([t])), noise)[0, 0].numpy()

    def plane(self, t: dict[str, int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The personal windows' features in their two main directions, (n, 2), and who is positive.

        The maps are averaged over positions and standardised; the directions are those of largest
        variance, found without the labels.
        """
        parts = [self.personal.caches[part].at(t) for part in ("train", "validation")]
        pooled = torch.cat(
            [torch.cat([m.flatten(2).mean(dim=2) for m in maps.values()], dim=1) for maps in parts]
        ).double()
        z = (pooled - pooled.mean(dim=0)) / pooled.std(dim=0, correction=0).clamp(min=1e-9)
        u, s, _ = torch.linalg.svd(z, full_matrices=False)
        split, names = self.personal.split, self.personal.names
        labels = np.concatenate([names[split.train], names[split.validation]])
        return (u[:, :2] * s[:2]).numpy(), labels == self.positive

    def static(self, **t: int) -> Figure:
        """The explorer's picture at one step for each modality (20 where none is given).

        Raises:
            ValueError: for a modality that the explorer does not have, or a step outside [0, T).
        """
        steps = self._steps(t)
        figure, axes = plt.subplots(1, len(steps) + 1, figsize=(3 * (len(steps) + 1), 2.8))
        for axis, (name, step) in zip(axes, steps.items(), strict=False):
            view = self.noisy(name, step)
            if view.ndim == 1:
                time = np.arange(len(view)) / self.fs
                axis.plot(time, view, color=PALETTE["blue"], lw=0.6)
                axis.set(xlabel="time (s)", yticks=[])
            else:
                axis.imshow(view, cmap="viridis", vmin=-1, vmax=1)
                axis.set(xticks=[], yticks=[])
            axis.set_title(f"{name}, t = {step}")
        points, positive = self.plane(steps)
        for mask, colour, label in (
            (positive, "red", self.positive),
            (~positive, "blue", f"not {self.positive}"),
        ):
            axes[-1].plot(*points[mask].T, "o", ms=5, color=PALETTE[colour], label=label)
        axes[-1].set(title=f"gamma = {self.personal.promise(steps):.4f}", xticks=[], yticks=[])
        axes[-1].set(xlabel="personal windows, two main directions")
        axes[-1].legend(fontsize=8)
        return figure

    def numbers(self, **t: int) -> pd.DataFrame:
        """What ``static`` draws, in long form: columns ``view``, ``t``, ``x``, ``y`` and ``value``.

        Of a trace x is the time in s; of a picture x is the column and y the row. Of the personal
        windows (``windows``) x and y are the two main directions, and value is 1 for who is
        positive, else 0. ``gamma`` is one value.
        """
        steps, tables = self._steps(t), []
        for name, step in steps.items():
            view = self.noisy(name, step)
            table = pd.DataFrame({"view": name, "t": step, "value": view.ravel()})
            if view.ndim == 1:
                table["x"] = np.arange(len(view)) / self.fs
            else:
                table["y"], table["x"] = np.indices(view.shape).reshape(2, -1)
            tables.append(table)
        points, positive = self.plane(steps)
        table = pd.DataFrame(points, columns=["x", "y"])
        tables.append(table.assign(view="windows", value=positive.astype(float)))
        tables.append(pd.DataFrame({"view": ["gamma"], "value": [self.personal.promise(steps)]}))
        return pd.concat(tables, ignore_index=True)[["view", "t", "x", "y", "value"]]

    def _steps(self, t: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(t) - set(self.t)):
            raise ValueError(f"no {', '.join(unknown)} among {', '.join(self.t)}")
        return {name: t.get(name, 20) for name in self.t}

    def _draw(self, change: object = None) -> None:
        figure = self.static(**{name: slider.value for name, slider in self.t.items()})
        self.image.value = as_png(figure)
        plt.close(figure)

    def _ipython_display_(self) -> None:
        display(ipywidgets.VBox([ipywidgets.HBox(list(self.t.values())), self.image]))
