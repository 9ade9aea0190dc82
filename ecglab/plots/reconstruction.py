"""Figures of an autoencoder at work: what its code tells, what it rebuilds, what a move does."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.ecg import blank
from ecglab.plots.style import PALETTE

Trace = NDArray[np.floating[Any]]
COLOURS = [PALETTE[name] for name in ("blue", "red", "green", "grey")]
UP, DOWN = 0.6, 0.4  # of the distance between two lines of ``plot_stacks``: R is higher than S deep
ROOM = 1.1


def plot_noise_loss(table: pd.DataFrame, *, own: str, against: str) -> Figure:
    """The loss of the noise by step, for several codes; and what the own code saves.

    Left: the mean over windows. Right: ``1 - mean(own) / mean(against)``, with two standard errors
    of the paired difference.

    Args:
        table: columns ``t``, ``code``, ``window``, ``loss``.
        own: the code that belongs to the window.
        against: the code to hold it against.
    """
    figure = blank(9.5, 3.4)
    left, right = figure.subplots(1, 2)
    for colour, (code, mine) in zip(cycle(COLOURS), table.groupby("code", sort=False)):
        mean = mine.groupby("t")["loss"].mean()
        left.plot(mean.index, mean, "o-", ms=3, color=colour, label=str(code))
    left.set(xlabel="noise step t", ylabel="mean squared error", yscale="log")
    left.legend(fontsize=8)
    shares = saved(table, own=own, against=against)
    right.errorbar(
        shares["t"], 100 * shares["share"], 200 * shares["error"], fmt="o-", ms=4, capsize=3
    )
    right.axhline(0, color=PALETTE["grey"], lw=0.8)
    right.set(xlabel="noise step t", ylabel="saved by the own code (%)")
    return figure


def saved(table: pd.DataFrame, *, own: str, against: str) -> pd.DataFrame:
    """``share = 1 - mean(own) / mean(against)`` by ``t``, and its standard ``error``.

    The error is that of the paired difference over windows; arguments as in ``plot_noise_loss``.
    """
    wide = table.pivot(index=["t", "window"], columns="code", values="loss")
    difference = (wide[against] - wide[own]).groupby("t")
    level = wide[against].groupby("t").mean()
    share, error = difference.mean() / level, difference.sem() / level
    return pd.DataFrame({"share": share, "error": error}).reset_index()


def plot_stacks(
    panels: Mapping[str, Mapping[str, Trace]], *, fs: float, columns: int = 2, row: float = 0.75
) -> Figure:
    """Panels of traces under each other, each at its own height but all on one scale per panel.

    A panel's scale is that of its first trace, which has room to spare in its line: what goes
    further than the line is cut there.

    Args:
        panels: title to (name to trace (samples,)), first the one that sets the scale.
        fs: sampling rate, Hz.
        columns: panels side by side.
        row: inches for each trace.
    """
    lines = -(-len(panels) // columns)
    most = max(len(traces) for traces in panels.values())
    figure = blank(11, lines * (row * most + 0.6))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, (title, traces) in zip(axes, panels.items(), strict=False):
        axis.set_title(title, fontsize=10)
        _stack(axis, traces, fs)
    for axis in axes[len(panels) :]:
        axis.axis("off")
    return figure


def _stack(axis: Axes, traces: Mapping[str, Trace], fs: float) -> None:
    first = next(iter(traces.values()))
    middle = float(np.median(first))
    unit = ROOM * max((first.max() - middle) / UP, (middle - first.min()) / DOWN) or 1.0
    for i, trace in enumerate(traces.values()):
        inked = np.clip((trace - np.median(trace)) / unit, -DOWN, UP)
        colour = PALETTE["ink"] if i == 0 else PALETTE["blue"]
        axis.plot(np.arange(len(trace)) / fs, inked - i, color=colour, lw=0.7)
    axis.set(xlabel="time (s)", ylim=(-len(traces) + 0.55, 0.65))
    axis.set_yticks(-np.arange(len(traces)), list(traces), fontsize=8)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def plot_kept(table: pd.DataFrame, measures: Mapping[str, str], *, groups: Sequence[str]) -> Figure:
    """One panel for each measure: of the original to the right, of the rebuilt trace upwards.

    On the dotted line the measure is kept.

    Args:
        table: columns ``group``, and ``<measure>`` and ``<measure>_original``.
        measures: column to axis label.
        groups: which groups of rows, in order.
    """
    figure = blank(4.6 * len(measures), 4.2)
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    for axis, (column, label) in zip(axes, measures.items(), strict=True):
        original = f"{column}_original"
        for group, colour, marker in zip(groups, cycle(COLOURS), cycle("os^D")):
            mine = table[table["group"] == group]
            axis.plot(mine[original], mine[column], marker, color=colour, ms=5, alpha=0.7,
                      label=group, ls="")  # fmt: skip
        lowest, highest = (f(table[[column, original]].to_numpy()) for f in (np.nanmin, np.nanmax))
        axis.plot([lowest, highest], [lowest, highest], color=PALETTE["grey"], lw=0.8, ls=":")
        axis.set(xlabel=f"{label}, original", ylabel=f"{label}, rebuilt")
    axes[0].legend(fontsize=8)
    return figure


def plot_moves_along(table: pd.DataFrame, *, measure: str, label: str) -> Figure:
    """A measure of decoded traces against how far their codes were moved, one line a direction.

    Thin lines: single records. Thick: their mean, with two standard errors.

    Args:
        table: columns ``direction``, ``amount``, ``record`` and the measure.
        measure: its column.
        label: of its axis.
    """
    directions = table.groupby("direction", sort=False)
    figure = blank(4.4 * len(directions), 3.4)
    axes = figure.subplots(1, len(directions), sharey=True, squeeze=False)[0]
    for axis, colour, (name, mine) in zip(axes, cycle(COLOURS), directions):
        for _, one in mine.groupby("record"):
            axis.plot(one["amount"], one[measure], color=colour, lw=0.6, alpha=0.4)
        amounts = mine.groupby("amount")[measure]
        mean, error = amounts.mean(), amounts.sem()
        axis.errorbar(mean.index, mean, 2 * error, color=colour, lw=2.2, capsize=3, fmt="o-")
        axis.set(title=str(name), xlabel="distances between the class means")
    axes[0].set_ylabel(label)
    return figure
