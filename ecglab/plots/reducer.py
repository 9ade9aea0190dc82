"""Figures of what an Attention Reducer has learned: which number, where it looks, two codes."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import PALETTE

Array = NDArray[np.floating[Any]]


def plot_selection(first: Array, second: Array, *, picked: int, chance: float) -> Figure:
    """Every number's correlation on the half that chose one, against that on the other half.

    Args:
        first: r of each number on the half that chooses, (numbers,).
        second: r on the other half, (numbers,).
        picked: the number that was chosen.
        chance: the largest abs(r) that a choice finds where there is nothing to find.
    """
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    axis.axvspan(-chance, chance, color=PALETTE["grey"], alpha=0.15, lw=0, label="by chance")
    axis.plot([-1, 1], [-1, 1], ":", color=PALETTE["grey"], lw=0.9)
    axis.plot(first, second, "o", ms=4, color=PALETTE["blue"], alpha=0.5, mew=0)
    axis.plot(first[picked], second[picked], "o", ms=8, color=PALETTE["red"], label=f"z {picked}")
    reach = 1.1 * max(float(np.abs([first, second]).max()), chance)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axis.set(xlabel="r on the records that chose", ylabel="r on the other records")
    axis.legend(fontsize=8, loc="upper left")
    return figure


def plot_around_beats(
    beats: Mapping[str, Array], weights: Mapping[str, Array], *, time: Array, lags: Array
) -> Figure:
    """The mean trace around the R-peak, and below it the mean weight S; 1 is an even weight.

    Args:
        beats: a label and the mean trace (len(time),), for each group of records.
        weights: the same labels, S times the number of steps at each lag (len(lags),).
        time, lags: of the trace and of the weights, s from the R-peak.
    """
    figure, (above, below) = plt.subplots(2, 1, figsize=(7, 4.4), sharex=True)
    for label, colour in zip(beats, cycle(("blue", "red", "green"))):
        above.plot(time, beats[label], color=PALETTE[colour], label=label)
        below.plot(lags, weights[label], "o-", ms=4, color=PALETTE[colour])
    below.axhline(1, color=PALETTE["ink"], lw=0.8, ls=":")
    for axis in (above, below):
        axis.axvline(0, color=PALETTE["grey"], lw=0.6)
    above.set(ylabel="mean trace", xlim=(time[0], time[-1]))
    above.legend(fontsize=8)
    below.set(xlabel="time from the R-peak (s)", ylabel="weight (1: even)")
    below.set_ylim(0, 1.1 * max(1.0, *(float(w.max()) for w in weights.values())))
    return figure


def plot_on_beats(shares: Mapping[str, Array], *, picked: int) -> Figure:
    """Each number's weight near R-peaks in one group of records against that in another.

    Args:
        shares: two labels and the numbers' weights (numbers,); 1 is an even weight.
        picked: the number to mark.
    """
    (across, x), (up, y) = shares.items()
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    low = 0.95 * min(float(np.min([x, y])), 0.85)
    top = 1.05 * max(float(np.max([x, y])), 1.15)
    axis.plot([low, top], [low, top], ":", color=PALETTE["grey"], lw=0.9)
    axis.axhline(1, color=PALETTE["grey"], lw=0.6)
    axis.axvline(1, color=PALETTE["grey"], lw=0.6)
    axis.plot(x, y, "o", ms=4, color=PALETTE["blue"], alpha=0.5, mew=0)
    axis.plot(x[picked], y[picked], "o", ms=8, color=PALETTE["red"], label=f"z {picked}")
    axis.set(xlim=(low, top), ylim=(low, top), aspect="equal")
    axis.set(xlabel=f"weight near R-peaks, {across}", ylabel=f"weight near R-peaks, {up}")
    axis.legend(fontsize=8, loc="upper left")
    return figure


def plot_codes(codes: Mapping[str, Array], *, picked: int) -> Figure:
    """Two codes as bars side by side, in the order of their difference, second less first.

    Args:
        codes: two titles and their numbers (numbers,), in one unit.
        picked: the number to mark.
    """
    (first, a), (second, b) = codes.items()
    order = np.argsort(a - b, kind="stable")  # where the second is the higher comes first
    rank = np.arange(len(order))
    figure, axis = plt.subplots(figsize=(9, 2.6))
    axis.bar(rank - 0.2, a[order], width=0.4, color=PALETTE["blue"], label=first)
    axis.bar(rank + 0.2, b[order], width=0.4, color=PALETTE["red"], label=second)
    place = int(np.flatnonzero(order == picked)[0])
    axis.axvspan(place - 0.5, place + 0.5, color=PALETTE["yellow"], alpha=0.5, lw=0, zorder=0)
    axis.axhline(0, color=PALETTE["ink"], lw=0.6)
    axis.set(xlabel=f"numbers of the code, by difference (yellow: z {picked})", xticks=[])
    axis.set(ylabel="standard deviations", xlim=(-1, len(order)))
    axis.legend(fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def plot_likeness(groups: Mapping[str, Sequence[Array]], *, bins: int = 25) -> Figure:
    """Histograms of cosines: of two stretches of one record, and of two records.

    Args:
        groups: a panel's title, and the cosines within records and between them.
        bins: from -1 to 1.
    """
    figure, axes = plt.subplots(1, len(groups), figsize=(9, 2.8), sharey=True, squeeze=False)
    edges = np.linspace(-1, 1, bins + 1)
    for axis, (title, (same, other)) in zip(axes[0], groups.items(), strict=True):
        for values, colour, label in (
            (other, "grey", "another record"),
            (same, "blue", "the same record"),
        ):
            share = np.full(len(values), 1 / len(values))
            axis.hist(values, edges, weights=share, color=PALETTE[colour], alpha=0.55, label=label)
        axis.set(title=title, xlabel="cosine of two codes")
    axes[0, 0].set_ylabel("share of pairs")
    axes[0, 0].legend(fontsize=8, loc="upper left")
    return figure
