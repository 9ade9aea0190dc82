"""Figures of generalisation: scores for every pair of data sets, splits, and what was decided."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ecglab.plots.style import PALETTE

_FLOOR: dict[str, Any] = {"color": PALETTE["red"], "lw": 1.0, "ls": ":"}


def plot_generalisation(
    table: pd.DataFrame, *, floor: str | None = None, columns: int = 3, score: str = "macro-F1"
) -> Figure:
    """Bars of a score, one panel per pair of source and target, one row per method (Fig. 1a).

    A filled bar is a number of one's own, with its interval; an open bar the paper's; a dash
    stands where there is neither.

    Args:
        table: columns ``source``, ``target``, ``title``, ``paper``, ``ours``, ``low`` and
            ``high``; NaN is missing. Pairs and titles keep their order.
        floor: the title of a method whose own score is drawn down its panel as a dotted line.
        columns: panels side by side.
        score: name of the score.
    """
    pairs = list(dict.fromkeys(zip(table["source"], table["target"], strict=True)))
    titles = list(dict.fromkeys(table["title"]))
    columns = min(columns, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.6 + 2.2 * columns, (0.19 * len(titles) + 0.65) * rows + 0.4),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for axis, (source, target) in zip(axes.flat, pairs, strict=False):
        mine = table[(table["source"] == source) & (table["target"] == target)]
        _draw_pair(axis, mine.set_index("title").reindex(titles), floor)
        axis.set_title(f"{source} → {target}", fontsize=10)
    for axis in axes.flat[len(pairs) :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel(score)
    axes[0, 0].set(xlim=(0, 1), yticks=range(len(titles)), ylim=(len(titles) - 0.4, -0.6))
    for axis in axes[:, 0]:
        axis.set_yticklabels(titles, fontsize=8)
    figure.legend(handles=_legend(table, floor), ncols=4, loc="outside lower center", fontsize=8)
    return figure


def plot_draws(
    table: pd.DataFrame, *, floor: float | None = None, score: str = "macro-F1"
) -> Figure:
    """A score for several draws of the training part under each of several ways to split.

    Args:
        table: columns ``split``, ``draw`` and ``value``; splits keep their order. A line joins the
            values of one draw, a thick stroke is the mean.
        floor: the score of a naive guess, a dotted line.
        score: name of the score.
    """
    wide = table.pivot(index="draw", columns="split", values="value")
    wide = wide[list(dict.fromkeys(table["split"]))]
    place = np.arange(wide.shape[1])
    figure, axis = plt.subplots(figsize=(1.7 * len(place) + 1.4, 3.4))
    axis.plot(place, wide.to_numpy().T, "o-", color=PALETTE["blue"], ms=4, lw=0.5, alpha=0.5)
    axis.hlines(wide.mean(), place - 0.16, place + 0.16, color=PALETTE["red"], lw=3, zorder=3)
    if floor is not None:
        axis.axhline(floor, label="majority guess", **_FLOOR)
        axis.legend(loc="lower center", fontsize=8)
    axis.set(xlim=(-0.5, len(place) - 0.5), ylim=(0, 1.02), xticks=place, ylabel=score)
    axis.set_xticklabels(wide.columns)
    return figure


def plot_decisions(table: pd.DataFrame, *, positive: str, methods: Sequence[str]) -> Figure:
    """The probability that each method gives to one class, window by window, by true class.

    Args:
        table: one row per window and method: ``method``, ``label``, ``probability``.
        positive: the class that the probability is of; it is drawn on the right.
        methods: the panels, in order. The line at one half is where a two-class decision turns.
    """
    figure, axes = plt.subplots(
        1, len(methods), figsize=(2.3 * len(methods) + 0.6, 3.2), sharey=True, squeeze=False
    )
    groups = [*sorted(set(table["label"]) - {positive}), positive]
    for axis, method in zip(axes[0], methods, strict=True):
        mine = table[table["method"] == method]
        rng = np.random.default_rng(0)  # dots are strewn sideways, only to be seen
        for i, label in enumerate(groups):
            p = mine.loc[mine["label"] == label, "probability"].to_numpy()
            colour = PALETTE["red"] if label == positive else PALETTE["blue"]
            x = i + rng.uniform(-0.3, 0.3, len(p))
            axis.plot(x, p, "o", color=colour, ms=2.5, alpha=0.4, mew=0)
        axis.axhline(0.5, color=PALETTE["grey"], lw=0.9, ls=":")
        axis.set(xlim=(-0.6, len(groups) - 0.4), ylim=(-0.03, 1.03), xticks=range(len(groups)))
        axis.set_xticklabels(groups)
        axis.set_title(method.replace(", ", ",\n"), fontsize=10)
    axes[0, 0].set_ylabel(f"probability of {positive}")
    return figure


def _draw_pair(axis: Axes, mine: pd.DataFrame, floor: str | None) -> None:
    place = np.arange(len(mine))
    ours, paper = mine["ours"].to_numpy(float), mine["paper"].to_numpy(float)
    there, theirs = np.isfinite(ours), np.isfinite(paper)
    axis.barh(place[there], ours[there], height=0.7, color=PALETTE["sky"])
    axis.barh(
        place[theirs], paper[theirs], height=0.7, facecolor="none", edgecolor=PALETTE["ink"], lw=0.7
    )
    low, high = mine["low"].to_numpy(float)[there], mine["high"].to_numpy(float)[there]
    axis.hlines(place[there], low, high, color=PALETTE["blue"], lw=1.4)
    for i in place[~(there | theirs)]:
        axis.text(0.015, i, "–", color=PALETTE["grey"], va="center_baseline", fontsize=8)
    if floor is not None and np.isfinite(line := float(mine["ours"].get(floor, np.nan))):
        axis.axvline(line, **_FLOOR)
    axis.tick_params(axis="y", length=0)


def _legend(table: pd.DataFrame, floor: str | None) -> list[Artist]:
    """Only what is in the figure."""
    ours, paper = table["ours"].notna(), table["paper"].notna()
    handles: dict[str, tuple[Any, dict[str, Any]]] = {
        "ours, with 95 % interval": (ours, {"facecolor": PALETTE["sky"]}),
        "the paper's": (paper, {"facecolor": "none", "edgecolor": PALETTE["ink"]}),
        "–  not there": (~(ours | paper), {"facecolor": "none", "edgecolor": "none"}),
    }
    found: list[Artist] = [
        Patch(label=name, **look) for name, (used, look) in handles.items() if used.any()
    ]
    if floor is not None and ours[table["title"] == floor].any():
        found.append(Line2D([], [], label=floor, **_FLOOR))
    return found
