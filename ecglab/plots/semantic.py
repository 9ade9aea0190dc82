"""Figures of the semantic autoencoder: its parts, and how one number of the code comes about."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ecglab.plots.ecg import blank
from ecglab.plots.style import PALETTE

Array = NDArray[np.float32]


class Reduced(NamedTuple):
    """One channel of an Attention Reducer over one trace: ``z = sum_t S_t V_t``.

    Attributes:
        trace: (samples,).
        s: weights, (steps,), summing to one.
        v: values, (steps,).
    """

    trace: Array
    s: Array
    v: Array

    @property
    def z(self) -> float:
        """The channel's value in the code."""
        return float(self.s @ self.v)


def plot_reduced(rows: Mapping[str, Reduced], fs: float, *, feature: int) -> Figure:
    """Fig. 2 of the poster: bars as high as V, as dark as S, red above zero and blue below.

    Args:
        rows: a title and what was reduced, for each trace.
        fs: sampling rate of the traces, Hz.
        feature: the channel's number.
    """
    figure = blank(9, 1 + 2.3 * len(rows))
    axes = figure.subplots(2 * len(rows), 1, height_ratios=[1, 1] * len(rows), sharex=True)
    highest = max(float(np.abs(row.v).max()) for row in rows.values())
    darkest = max(float(row.s.max()) for row in rows.values())
    for (name, row), above, below in zip(rows.items(), axes[::2], axes[1::2], strict=True):
        above.plot(np.arange(len(row.trace)) / fs, row.trace, color=PALETTE["ink"], lw=0.8)
        above.set_title(f"{name}: $z_{{{feature}}}$ = {row.z:.2f}", loc="left", fontsize=10)
        above.set(yticks=[])
        step = seconds_per_step(row, fs)
        where = np.arange(len(row.v)) * step
        below.bar(where, row.v, width=step, color=shades(row.v, row.s / darkest))
        below.axhline(0, color=PALETTE["ink"], lw=0.5)
        below.set(ylim=(-1.1 * highest, 1.1 * highest), ylabel="V")
    axes[-1].set(xlabel="time (s)", xlim=(0, max(len(r.trace) for r in rows.values()) / fs))
    figure.text(0.99, 0.005, "bars: height V, darkness S", ha="right", fontsize=8)
    return figure


def seconds_per_step(row: Reduced, fs: float) -> float:
    """Seconds from one step to the next; step k stands at k times that."""
    return -(-len(row.trace) // len(row.v)) / fs


def shades(v: Array, strength: Array) -> NDArray[np.float64]:
    """A colour for each bar, RGBA (n, 4): red or blue by the sign of V, opaque by S in [0, 1]."""
    red, blue = (mpl.colors.to_rgb(PALETTE[name]) for name in ("red", "blue"))
    colours = np.where((np.asarray(v) > 0)[:, None], red, blue)
    alpha = 0.12 + 0.88 * np.sqrt(np.clip(strength, 0, 1))  # the root: faint weights stay visible
    return np.column_stack([colours, alpha])


def hover_reduced(row: Reduced, fs: float, *, feature: int, title: str = "") -> go.Figure:
    """The same for one trace, with each bar's V, S and share in z under the pointer."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.04)
    time = np.arange(len(row.trace)) / fs
    trace = go.Scatter(x=time, y=row.trace, line={"color": PALETTE["ink"], "width": 1}, name="ECG")
    figure.add_trace(trace, row=1, col=1)
    step = seconds_per_step(row, fs)
    colours = [
        f"rgba({r * 255:.0f},{g * 255:.0f},{b * 255:.0f},{a:.2f})"
        for r, g, b, a in shades(row.v, row.s / row.s.max())
    ]
    bars = go.Bar(
        x=np.arange(len(row.v)) * step,
        y=row.v,
        width=step,
        marker={"color": colours, "line": {"width": 0}},
        customdata=np.column_stack([row.s, row.s * row.v]),
        hovertemplate="%{x:.2f} s<br>V %{y:.2f}<br>S %{customdata[0]:.4f}"
        "<br>S V %{customdata[1]:.4f}<extra></extra>",
        name=f"V of feature {feature}",
    )
    figure.add_trace(bars, row=2, col=1)
    figure.update_xaxes(title="time (s)", row=2, col=1)
    figure.update_layout(
        height=460, showlegend=False, bargap=0, title=f"{title}: z = {row.z:.3f}", hovermode="x"
    )
    return figure


class Part(NamedTuple):
    """A box of an architecture: its name, and the shape that leaves it."""

    name: str
    shape: tuple[int, ...]


def plot_architecture(columns: Mapping[str, Sequence[Part]]) -> Figure:
    """Fig. 1 of the poster: each network as a column of boxes, from its input down to its output.

    The boxes come from the model: give what a forward pass went through.

    Args:
        columns: a title and the parts, for each network.
    """
    most = max(len(parts) for parts in columns.values())
    figure = blank(3.6 * len(columns), 0.62 * most + 1)
    axis = figure.subplots()
    for x, (name, parts) in enumerate(columns.items()):
        axis.text(x, 0.75, name, ha="center", weight="bold")
        for i, part in enumerate(parts):
            _box(axis, x, -i, part, first=i == 0)
    axis.set(xlim=(-0.55, len(columns) - 0.45), ylim=(-most + 0.4, 1.1))
    axis.axis("off")
    return figure


def _box(axis: Axes, x: float, y: float, part: Part, *, first: bool) -> None:
    shape_of_box = FancyBboxPatch(
        (x - 0.42, y - 0.24), 0.84, 0.48, boxstyle="round,pad=0.02", linewidth=0
    )
    shape_of_box.set(facecolor=PALETTE["sky"], alpha=0.35)
    axis.add_patch(shape_of_box)
    axis.text(x, y + 0.08, part.name, ha="center", va="center", fontsize=9)
    shape = " x ".join(map(str, part.shape))
    axis.text(x, y - 0.13, shape, ha="center", va="center", fontsize=7.5, color=PALETTE["grey"])
    if not first:
        ends = (x, y + 0.76), (x, y + 0.27)
        axis.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=8, lw=0.8))
