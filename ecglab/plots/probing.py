"""Figures of linear probes: how many labels they need, what they confuse, what they can read."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import PALETTE


def plot_label_efficiency(table: pd.DataFrame, *, score: str = "macro-F1") -> Figure:
    """A score against the share of the labels, one line per system; shades are 95 % intervals.

    Args:
        table: columns ``name``, ``labels`` (a fraction in (0, 1]), ``value``, ``low``, ``high``.
        score: name of the score.
    """
    figure, axis = plt.subplots(figsize=(7, 3.8))
    colours = cycle(("blue", "red", "green", "orange", "grey"))
    for (name, mine), colour in zip(table.groupby("name", sort=False), colours, strict=False):
        mine = mine.sort_values("labels")
        band = mine["low"], mine["high"]
        axis.fill_between(mine["labels"], *band, color=PALETTE[colour], alpha=0.12, lw=0)
        axis.plot(mine["labels"], mine["value"], "o-", color=PALETTE[colour], label=name)
    shares = sorted(table["labels"].unique())
    axis.set_xscale("log")
    axis.set_xticks(shares, [f"{share:.0%}" for share in shares])
    axis.minorticks_off()
    axis.set(xlabel="share of the training records that lend their labels", ylabel=score)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def plot_readings(table: pd.DataFrame) -> Figure:
    """How well numbers are read off embeddings: a row for each number, a dot for each embedding.

    Args:
        table: columns ``name`` (of the embedding), ``number`` (what is read) and ``value``, the
            rank correlation of reading and truth.
    """
    rows = list(dict.fromkeys(table["number"]))
    figure, axis = plt.subplots(figsize=(6.5, 0.36 * len(rows) + 1.3))
    colours = cycle(("blue", "grey", "red", "green"))
    place = {number: len(rows) - 1 - i for i, number in enumerate(rows)}
    for (name, mine), colour in zip(table.groupby("name", sort=False), colours, strict=False):
        where = mine["number"].map(place)
        axis.plot(mine["value"], where, "o", color=PALETTE[colour], label=name)
    axis.set(yticks=list(place.values()), yticklabels=rows, ylim=(-0.6, len(rows) - 0.4))
    axis.set(
        xlim=(min(0.0, table["value"].min() - 0.05), 1), xlabel="rank correlation, out of fold"
    )
    axis.grid(axis="y", alpha=0.4)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def plot_confusion(counts: NDArray[np.float64], classes: Sequence[str]) -> Figure:
    """What became of each class: rows are the truth and sum to one, columns are the answers.

    Args:
        counts: (k, k), true class by answer.
        classes: their k names.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(4.4, 3.8))
    image = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(share):
        ink = "white" if value > 0.55 else PALETTE["ink"]
        text = f"{value:.0%}\n({counts[i, j]:.0f})"
        axis.text(j, i, text, ha="center", va="center", color=ink, fontsize=8)
    place = np.arange(len(classes))
    axis.set(xticks=place, xticklabels=classes, yticks=place, yticklabels=classes)
    axis.set(xlabel="answer of the probe", ylabel="class of the record")
    axis.spines[:].set_visible(False)
    figure.colorbar(image, label="share of the class")
    return figure
