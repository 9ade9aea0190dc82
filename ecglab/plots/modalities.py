"""Figures of one window seen in several ways: traces and pictures side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import CLASS_COLOURS, PALETTE

Views = Mapping[str, NDArray[np.float32]]


def plot_modalities(
    rows: Mapping[str, Views], *, seconds: float, value: float = 1.0, ylim: float = 6.0
) -> Figure:
    """A grid: one row per mapping, one column per view; a trace as a line, a picture as it lies.

    Args:
        rows: row title to (column title to a trace (samples,) or a picture (height, width)).
        seconds: length of the window.
        value: pictures run from -value to value.
        ylim: traces run from -ylim to ylim.
    """
    columns = len(next(iter(rows.values())))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(2.3 * columns, 1.9 * len(rows)), squeeze=False
    )
    for line, (name, views) in zip(axes, rows.items(), strict=True):
        for axis, view in zip(line, views.values(), strict=True):
            _draw(axis, view, seconds=seconds, value=value, ylim=ylim)
        line[0].set_ylabel(name)
    for axis, title in zip(axes[0], next(iter(rows.values())), strict=True):
        axis.set_title(title)
    return figure


def _draw(
    axis: Axes, view: NDArray[np.float32], *, seconds: float, value: float, ylim: float
) -> None:
    if view.ndim == 1:
        time = np.arange(len(view)) * (seconds / len(view))
        axis.plot(time, view, color=PALETTE["blue"], lw=0.6)
        axis.set(ylim=(-ylim, ylim), xlim=(0, seconds), yticks=[])
        axis.set_xticks([0, seconds], ["0", f"{seconds:g} s"])
        return
    axis.imshow(view, cmap="viridis", vmin=-value, vmax=value, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def plot_scores(table: pd.DataFrame, *, score: str = "macro-F1") -> Figure:
    """A score for each of several systems, with its interval; the first row is drawn on top.

    Args:
        table: columns ``name``, ``value``, ``low``, ``high``.
        score: name of the score.
    """
    figure, axis = plt.subplots(figsize=(6.5, 0.42 * len(table) + 0.9))
    place = np.arange(len(table))[::-1]
    axis.hlines(place, table["low"], table["high"], color=PALETTE["sky"], lw=4, alpha=0.7)
    axis.plot(table["value"], place, "o", color=PALETTE["blue"])
    axis.set(yticks=place, yticklabels=table["name"], xlabel=f"{score}, with 95 % interval")
    axis.set_ylim(-0.6, len(table) - 0.4)
    return figure


def plot_attention(table: pd.DataFrame, *, modalities: Sequence[str], by: str) -> Figure:
    """How much weight each modality gets: one panel per modality, a box for each group.

    Args:
        table: one row per window: a column per modality with its weight, and the column ``by``.
        modalities: the columns to show.
        by: what the windows are grouped by, a class or a subject.
    """
    groups = list(dict.fromkeys(table[by]))
    size = (3.1 * len(modalities), 0.3 * len(groups) + 1.9)
    figure, axes = plt.subplots(1, len(modalities), figsize=size, sharex=True, sharey=True)
    for axis, modality in zip(np.atleast_1d(axes), modalities, strict=True):
        values = [table.loc[table[by] == g, modality] for g in groups]
        boxes = axis.boxplot(
            values, orientation="horizontal", widths=0.6, patch_artist=True, showfliers=False
        )
        for box, group in zip(boxes["boxes"], groups, strict=True):
            box.set(facecolor=CLASS_COLOURS.get(group, PALETTE["sky"]), alpha=0.7)
        for median in boxes["medians"]:
            median.set_color(PALETTE["ink"])
        axis.axvline(1 / len(modalities), color=PALETTE["grey"], lw=0.8, ls=":")
        axis.set(title=modality, xlabel="weight", yticks=range(1, len(groups) + 1))
        axis.set_yticklabels(groups)
    return figure
