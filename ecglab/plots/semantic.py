"""Figures of the semantic autoencoder: its parts, and how one number of the code comes about."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

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


def hover_reduced(rows: Mapping[str, Reduced], fs: float, *, feature: int) -> go.Figure:
    """The same to look around in: each step's V, S and share in z stand under the pointer.

    Behind the trace every step is marked in yellow, as darkly as its S, and a line through all
    panels follows the pointer. Arguments as for ``plot_reduced``.
    """
    titles = [
        text
        for name, row in rows.items()
        for text in (f"{name}: z<sub>{feature}</sub> = {row.z:.2f}", "")
    ]
    figure = make_subplots(rows=2 * len(rows), cols=1, subplot_titles=titles, vertical_spacing=0.04)
    highest = max(float(np.abs(row.v).max()) for row in rows.values())
    darkest = max(float(row.s.max()) for row in rows.values())
    for i, row in enumerate(rows.values()):
        step, foot = seconds_per_step(row, fs), float(row.trace.min())
        marks = np.tile(mpl.colors.to_rgb(PALETTE["yellow"]), (len(row.s), 1))
        bars: dict[str, Any] = {
            "x": np.arange(len(row.v)) * step,
            "width": step,
            "customdata": np.column_stack([row.v, row.s, row.s * row.v, row.s * len(row.s)]),
            "hovertemplate": "%{x:.2f} s<br>V %{customdata[0]:.2f}<br>S %{customdata[1]:.4f}, "
            "%{customdata[3]:.1f} times even<br>S V %{customdata[2]:.4f}<extra></extra>",
        }
        behind = go.Bar(
            y=np.full(len(row.s), float(row.trace.max()) - foot),
            base=foot,
            marker=_filled(np.column_stack([marks, np.clip(row.s / darkest, 0, 1)])),
            **bars,
        )
        trace = go.Scatter(
            x=np.arange(len(row.trace)) / fs,
            y=row.trace,
            line={"color": PALETTE["ink"], "width": 1},
            hoverinfo="skip",
        )
        below = go.Bar(y=row.v, marker=_filled(shades(row.v, row.s / darkest)), **bars)
        figure.add_traces([behind, trace, below], rows=[2 * i + n for n in (1, 1, 2)], cols=[1] * 3)
        figure.update_yaxes(title="ECG", showticklabels=False, ticks="", row=2 * i + 1, col=1)
        figure.update_yaxes(title="V", range=[-1.1 * highest, 1.1 * highest], row=2 * i + 2, col=1)
    figure.update_traces(xaxis=f"x{2 * len(rows)}")  # one for all: the line crosses every panel
    longest = max(len(row.trace) for row in rows.values()) / fs
    figure.update_xaxes(visible=False)
    figure.update_xaxes(
        visible=True, title="time (s)", range=[0, longest], row=2 * len(rows), col=1
    )
    figure.update_xaxes(
        showspikes=True, spikemode="across", spikethickness=1, spikecolor=PALETTE["grey"]
    )
    figure.update_annotations(x=0, xanchor="left")  # the titles
    figure.update_layout(
        height=100 + 240 * len(rows), showlegend=False, bargap=0, barmode="overlay", hovermode="x"
    )
    return figure


def _filled(colours: NDArray[np.float64]) -> dict[str, Any]:
    """plotly's marker of bars in these colours, RGBA (n, 4), without edges."""
    texts = [f"rgba({r * 255:.0f},{g * 255:.0f},{b * 255:.0f},{a:.2f})" for r, g, b, a in colours]
    return {"color": texts, "line": {"width": 0}}


class Part(NamedTuple):
    """A box of an architecture: its name, the shape that leaves it, and what it is told beside.

    ``told`` are single letters, such as t for the step and z for the code; ``skips`` is whether the
    part also takes, past all others, what came into its block.
    """

    name: str
    shape: tuple[int, ...]
    told: tuple[str, ...] = ()
    skips: bool = False


# The columns of ``plot_architecture``, and the row above them.
X_BLOCK, X_ENCODER, X_NOISE, X_DOWN, X_UP = -1.55, 0.0, 0.81, 1.62, 2.78
TOP = 1.5
TOLD = {"t": PALETTE["green"], "z": PALETTE["orange"]}


def plot_architecture(
    encoder: Sequence[Part],
    contracting: Sequence[Part],
    middle: Sequence[Part],
    expanding: Sequence[Part],
    *,
    noise: Part,
    loss: Part,
    block: Sequence[Part],
    opened: int,
    wanted: str = "wanted",
    note: str = "",
) -> Figure:
    """Fig. 1 of the poster: the encoder makes z of x_0, the U-Net finds the noise in x_t, given z.

    The boxes come from the model: give what a forward pass went through, each in order and with
    the input as the first of ``encoder``, ``contracting`` and ``block``. The U-Net is drawn as a U,
    each expanding part beside the contracting one of its resolution.

    Args:
        encoder, contracting, middle, expanding: of the encoder and the three stretches of the U.
        noise: what makes x_t of x_0.
        loss: of what the last expanding part gives and of what is wanted.
        block: what is inside one of the encoder's parts, drawn beside it.
        opened: that part's place in ``encoder``.
        wanted: beside the arrow from the noise to the loss.
        note: lines to write below the block.

    Raises:
        ValueError: unless both arms of the U are of one length.
    """
    if len(contracting) != len(expanding):
        raise ValueError(
            f"two arms of one length are needed, not {len(contracting)} and {len(expanding)} parts"
        )
    lines = -(-len(note.splitlines()) // 4)  # rows of boxes that the note takes
    rows = max(len(encoder), len(contracting) + len(middle), len(block) + lines)
    figure = blank(11.6, 0.6 * rows + 1.6)
    axis = figure.subplots()
    _frame(axis, X_BLOCK, X_BLOCK, rows, f"inside {encoder[opened].name}")
    _frame(axis, X_ENCODER, X_ENCODER, rows, "semantic encoder")
    _frame(axis, X_DOWN, X_UP, rows, "denoiser: a U-Net")
    turn = len(contracting)
    columns = {
        "block": [(X_BLOCK, -i) for i in range(len(block))],
        "encoder": [(X_ENCODER, -i) for i in range(len(encoder))],
        "unet": [(X_DOWN, -i) for i in range(turn)]
        + [((X_DOWN + X_UP) / 2, -turn - i) for i in range(len(middle))]
        + [(X_UP, i - turn + 1) for i in range(turn)],
    }
    unet = [*contracting, *middle, *expanding]
    for places, parts in zip(columns.values(), (block, encoder, unet), strict=True):
        for place, part in zip(places, parts, strict=True):
            _box(axis, *place, part)
        for start, stop in pairwise(places):
            _arrow(axis, start, stop)
    grey: dict[str, Any] = {"color": PALETTE["grey"], "lw": 0.9, "ls": ":"}
    for i in range(1, turn):  # skip connections
        axis.plot([X_DOWN + 0.46, X_UP - 0.46], [-i, -i], **grey)
    for i, part in enumerate(block):
        if part.skips:
            x = X_BLOCK - 0.5
            axis.plot([X_BLOCK - 0.45, x, x, X_BLOCK - 0.45], [0, 0, -i, -i], **grey)
    for edge, corner in ((0.26, 0.5), (-0.26, 0.5 - rows)):  # as under a lens
        axis.plot([X_ENCODER - 0.44, X_BLOCK + 0.55], [edge - opened, corner], **grey | {"ls": "-"})
    axis.text(X_BLOCK - 0.42, 0.5 - len(block), note, va="top", fontsize=7.5, linespacing=1.4)
    for x, part in ((X_NOISE, noise), (X_UP, loss)):
        _box(axis, x, TOP, part)
    _name(axis, (X_NOISE + 0.44, TOP), (X_UP - 0.44, TOP), wanted, PALETTE["ink"])
    _name(axis, (X_UP, 0.27), (X_UP, TOP - 0.27), "prediction", PALETTE["ink"])
    _name(axis, (X_NOISE, TOP - 0.27), (X_NOISE, 0.1), "", PALETTE["ink"])
    _name(axis, (X_ENCODER + 0.44, 0), (X_DOWN - 0.44, 0), "", PALETTE["ink"])
    _letter(axis, X_NOISE, 0, "+", PALETTE["ink"])
    bottom = 1.0 - len(encoder)
    _name(axis, (X_ENCODER + 0.44, bottom), (X_DOWN - 0.57, bottom), "z", TOLD["z"])
    axis.set(xlim=(X_BLOCK - 0.6, X_UP + 0.6), ylim=(0.35 - rows, TOP + 0.35))
    axis.axis("off")
    return figure


def _frame(axis: Axes, first: float, last: float, rows: int, title: str) -> None:
    """A pale ground under the columns from ``first`` to ``last``."""
    corner, size = (first - 0.55, 0.45 - rows), (last - first + 1.1, rows + 0.05)
    ground = FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.08", linewidth=0)
    ground.set(facecolor=PALETTE["grey"], alpha=0.1)
    axis.add_patch(ground)
    axis.text((first + last) / 2, 0.65, title, ha="center", weight="bold")


def _box(axis: Axes, x: float, y: float, part: Part) -> None:
    box = FancyBboxPatch((x - 0.42, y - 0.24), 0.84, 0.48, boxstyle="round,pad=0.02", linewidth=0)
    box.set(facecolor=PALETTE["sky"], alpha=0.35)
    axis.add_patch(box)
    axis.text(x, y + 0.09, part.name, ha="center", va="center", fontsize=8.5)
    shape = " x ".join(map(str, part.shape)) or "one number"
    axis.text(x, y - 0.13, shape, ha="center", va="center", fontsize=7.5, color="#555555")
    for i, letter in enumerate(part.told):
        _letter(axis, x - 0.38 + 0.11 * i, y - 0.12, letter, TOLD[letter])


def _letter(axis: Axes, x: float, y: float, letter: str, colour: str) -> None:
    """A white letter on a coloured disc."""
    style = {"boxstyle": "circle,pad=0.2", "facecolor": colour, "linewidth": 0}
    axis.text(x, y, letter, ha="center", va="center", fontsize=7, color="white", bbox=style)


def _arrow(axis: Axes, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """From one box to the next, round a corner where they lie in different columns."""
    (x, y), (u, v) = start, stop
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "lw": 0.8}
    down = v < y
    edge = -0.27 if down else 0.27
    ends = (x, y + edge), (u, v - edge)
    if x != u and down:  # in at the side
        ends = (x, y + edge), (u - 0.45, v)
        style["connectionstyle"] = "angle,angleA=-90,angleB=0,rad=6"
    elif x != u:  # out at the side
        ends = (x + 0.45, y), (u, v - edge)
        style["connectionstyle"] = "angle,angleA=0,angleB=90,rad=6"
    axis.add_patch(FancyArrowPatch(*ends, color=PALETTE["ink"], **style))


def _name(
    axis: Axes, start: tuple[float, float], stop: tuple[float, float], name: str, colour: str
) -> None:
    """An arrow with its name above its middle, or beside it where the arrow is upright."""
    axis.add_patch(
        FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=12, lw=1.4, color=colour)
    )
    x, y = (start[0] + stop[0]) / 2, (start[1] + stop[1]) / 2
    place, side = ((x + 0.05, y), "left") if start[0] == stop[0] else ((x, y + 0.1), "center")
    axis.text(*place, name, ha=side, color=colour, fontsize=9)
