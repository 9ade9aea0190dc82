"""Figures of an architecture search: the network and its part, scores against compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from ecglab.plots.style import PALETTE

_FACES = {"level": "#cfe3f2", "bottleneck": "#f6dcae", "decoder": "#cdeae0", "off": "#f2f2f2"}
_HEIGHT, _NARROWEST, _WIDEST = 0.78, 1.5, 2.7


@dataclass(frozen=True, kw_only=True)
class Box:
    """One map of a U-Net, as a box.

    Attributes:
        row: how deep, 0 at the top.
        side: ``down``, ``middle`` or ``up``.
        channels: of the map.
        positions: of the map, e.g. (1000,) or (48, 48).
        blocks: what makes it, in short words.
        runs: whether it is computed; otherwise it is drawn grey.
    """

    row: int
    side: str
    channels: int
    positions: tuple[int, ...]
    blocks: str = ""
    runs: bool = True

    @property
    def size(self) -> str:
        """``16 x 1000``."""
        return " × ".join(str(n) for n in (self.channels, *self.positions))


def plot_unets(panels: Mapping[str, Sequence[Box]]) -> Figure:
    """U-Nets side by side: contracting path left, bottleneck below, expanding path right.

    A box is as wide as its map is long (on a logarithmic scale) and says channels x positions.
    Skip connections are dashed; what does not run is grey.

    Args:
        panels: title and boxes of each network.

    Raises:
        ValueError: for a network without a contracting path.
    """
    rows = max(box.row for boxes in panels.values() for box in boxes) + 1
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5.4 * len(panels), 0.95 * rows + 0.6), squeeze=False
    )
    for axis, (title, boxes) in zip(axes[0], panels.items(), strict=True):
        if not any(box.side == "down" for box in boxes):
            raise ValueError(f"{title}: no contracting path to draw")
        _draw_unet(axis, boxes)
        axis.set(title=title, xlim=(-3.2, 3.2), ylim=(-rows + 0.4, 0.6))
        axis.axis("off")
    return figure


def _draw_unet(axis: Axes, boxes: Sequence[Box]) -> None:
    longest = max(np.prod(box.positions) for box in boxes)
    shortest = min(np.prod(box.positions) for box in boxes)
    span = max(np.log2(longest / shortest), 1)
    edges: dict[tuple[str, int], tuple[float, float]] = {}
    for box in boxes:
        share = np.log2(np.prod(box.positions) / shortest) / span
        width = _NARROWEST + share * (_WIDEST - _NARROWEST)
        left = {"down": -0.25 - width, "middle": -width / 2, "up": 0.25}[box.side]
        kind = {"down": "level", "middle": "bottleneck", "up": "decoder"}[box.side]
        axis.add_patch(
            Rectangle(
                (left, -box.row - _HEIGHT / 2),
                width,
                _HEIGHT,
                facecolor=_FACES[kind if box.runs else "off"],
                edgecolor=PALETTE["ink"] if box.runs else "#c8c8c8",
                linewidth=0.9,
            )
        )
        ink = PALETTE["ink"] if box.runs else "#b5b5b5"
        middle = left + width / 2
        axis.text(middle, -box.row + 0.14, box.size, ha="center", va="center", color=ink)
        axis.text(
            middle, -box.row - 0.18, box.blocks, ha="center", va="center", color=ink, fontsize=7
        )
        edges[box.side, box.row] = (left, left + width)
    runs = {(box.side, box.row): box.runs for box in boxes}
    for (side, row), (left, right) in edges.items():
        if side == "up" and ("down", row) in edges:
            _arrow(axis, (edges["down", row][1], -row), (left, -row), runs[side, row], dashed=True)
        below = [(s, row + 1) for s in (side, "middle") if (s, row + 1) in edges]
        if side == "middle" or not below:
            continue
        other = edges[below[0]]
        x = (max(left, other[0]) + min(right, other[1])) / 2
        ends = [(x, -row - _HEIGHT / 2), (x, -row - 1 + _HEIGHT / 2)]
        if side == "up":
            ends.reverse()
        _arrow(axis, ends[0], ends[1], runs[side, row] and runs[below[0]])


def _arrow(
    axis: Axes, start: tuple[float, float], end: tuple[float, float], runs: bool, *,
    dashed: bool = False,
) -> None:  # fmt: skip
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=8,
        shrinkA=0,
        shrinkB=0,
        linestyle="--" if dashed else "-",
        color=PALETTE["ink"] if runs else "#c8c8c8",
        linewidth=1,
    )
    axis.add_patch(arrow)


def plot_search(
    table: pd.DataFrame, *, marked: Mapping[str, str], path: Sequence[str] = ()
) -> Figure:
    """Score against compute of every structure, with intervals, and the Pareto front.

    Args:
        table: columns ``name``, ``macro_f1``, ``low``, ``high``, ``macs``, ``front``.
        marked: words to the name of a structure that is pointed out, the paper's for instance.
        path: names along a greedy search, in order; drawn as a thin line.
    """
    figure, axis = plt.subplots(figsize=(7.5, 4.2))
    macs = table["macs"] / 1e6
    spread = [table["macro_f1"] - table["low"], table["high"] - table["macro_f1"]]
    axis.errorbar(
        macs, table["macro_f1"], spread, fmt="o", ms=3.5, color="#bdbdbd", elinewidth=0.5, zorder=1
    )
    front = table[table["front"]].sort_values("macs")
    axis.step(
        front["macs"] / 1e6, front["macro_f1"], "o-", where="post", ms=5, color=PALETTE["blue"],
        label="Pareto front", zorder=3,
    )  # fmt: skip
    by_name = table.set_index("name")
    if len(path) > 1:
        steps = by_name.loc[list(path)]
        axis.plot(
            steps["macs"] / 1e6, steps["macro_f1"], ".:", color=PALETTE["green"],
            label="greedy elimination", zorder=2,
        )  # fmt: skip
    shapes = zip(marked.items(), cycle("s*D^vP"), cycle(("red", "orange", "purple", "sky")))
    for (words, name), shape, colour in shapes:
        row = by_name.loc[name]
        x, y = row["macs"] / 1e6, row["macro_f1"]
        axis.errorbar(
            x, y, [[y - row["low"]], [row["high"] - y]], fmt=shape, ms=9, color=PALETTE[colour],
            label=words, zorder=4, markeredgecolor="white",
        )  # fmt: skip
    axis.set_xscale("log")
    ticks = [m for m in (0.3, 1, 3, 10, 30, 100, 300) if macs.min() / 1.5 < m < macs.max() * 1.5]
    axis.set_xticks(ticks, [f"{m:g}" for m in ticks])
    axis.minorticks_off()
    axis.set(xlabel="multiply-accumulate operations a window (millions)", ylabel="macro-F1")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def hover_search(table: pd.DataFrame, *, marked: Mapping[str, str]) -> go.Figure:
    """The same scatter to look around in: hover over a point to read its structure.

    Args:
        table: as in ``plot_search``, and ``parameters``.
        marked: as in ``plot_search``.
    """
    groups = {
        "others": (table[~table["front"]], PALETTE["grey"], "circle"),
        "Pareto front": (table[table["front"]], PALETTE["blue"], "circle"),
    }
    colours = cycle([PALETTE[c] for c in ("red", "orange", "purple", "sky")])
    for (words, name), colour in zip(marked.items(), colours, strict=False):
        groups[words] = (table[table["name"] == name], colour, "diamond")
    figure = go.Figure()
    for words, (part, colour, symbol) in groups.items():
        special = words not in ("others", "Pareto front")
        figure.add_scatter(
            x=part["macs"] / 1e6,
            y=part["macro_f1"],
            mode="markers",
            name=words,
            marker={"color": colour, "size": 13 if special else 7, "symbol": symbol},
            customdata=part[["name", "low", "high", "parameters"]].to_numpy(),
            hovertemplate=(
                "<b>%{customdata[0]}</b><br>macro-F1 %{y:.3f} "
                "[%{customdata[1]:.3f}, %{customdata[2]:.3f}]<br>"
                "%{x:.1f} M operations, %{customdata[3]:,} parameters"
            ),
        )
    figure.update_layout(
        height=460,
        xaxis={"type": "log", "title": "multiply-accumulate operations a window (millions)"},
        yaxis={"title": "macro-F1"},
    )
    return figure
