"""Figures of DACL's comparison: scores with intervals, and how they fall under noise."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ecglab.plots.style import PALETTE

COLOURS = ("grey", "ink", "green", "orange", "red", "blue")  # one for each of DACL's systems


def plot_intervals(
    table: pd.DataFrame, *, score: str = "AUROC", marks: Mapping[str, float] | None = None
) -> Figure:
    """A dot and its 95 % interval for each system, one panel per question.

    Args:
        table: columns ``panel``, ``name``, ``value``, ``low``, ``high``; the last name is drawn
            in blue.
        score: name of the score.
        marks: published scores to draw as dotted lines in every panel, by name.
    """
    panels = list(dict.fromkeys(table["panel"]))
    names = list(dict.fromkeys(table["name"]))
    size = (1.6 + 3.4 * len(panels), 0.9 + 0.38 * len(names))
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for axis, panel in zip(axes[0], panels, strict=True):
        mine = table[table["panel"] == panel].set_index("name")
        for place, name in enumerate(reversed(names)):
            if name not in mine.index:
                continue
            row = mine.loc[name]
            colour = PALETTE["blue" if name == names[-1] else "ink"]
            axis.plot([row["low"], row["high"]], [place, place], color=colour, lw=2)
            axis.plot(row["value"], place, "o", color=colour)
        for label, value in (marks or {}).items():
            axis.axvline(value, color=PALETTE["red"], ls=":", lw=1)
            axis.text(value, len(names) - 0.5, label, fontsize=7, color=PALETTE["red"], ha="center")
        # room above the first row for the marks' names
        axis.set(title=panel, xlabel=score, ylim=(-0.5, len(names) - (0.1 if marks else 0.5)))
    axes[0, 0].set_yticks(range(len(names)), list(reversed(names)))
    return figure


def plot_noise_curves(table: pd.DataFrame, *, score: str = "AUROC") -> Figure:
    """A score against the signal-to-noise ratio, one panel per kind of noise; shades: 95 %.

    Args:
        table: columns ``kind``, ``snr`` (dB), ``name``, ``value``, ``low``, ``high``.
        score: name of the score.
    """
    kinds = list(dict.fromkeys(table["kind"]))
    colours = dict(zip(dict.fromkeys(table["name"]), cycle(COLOURS)))
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(3.3 * len(kinds) + 1.5, 3.2), sharey=True, squeeze=False
    )
    lines: dict[str, Artist] = {}
    for axis, kind in zip(axes[0], kinds, strict=True):
        of_kind = table[table["kind"] == kind]
        for name, mine in of_kind.groupby("name", sort=False):
            mine, colour = mine.sort_values("snr"), PALETTE[colours[name]]
            axis.fill_between(mine["snr"], mine["low"], mine["high"], color=colour, alpha=0.1, lw=0)
            (lines[str(name)],) = axis.plot(mine["snr"], mine["value"], "o-", ms=3, color=colour)
        axis.invert_xaxis()  # worse to the right
        axis.set(title=kind, xlabel="signal-to-noise ratio (dB)")
    axes[0, 0].set_ylabel(score)
    shown = [str(name) for name in colours]
    axes[0, -1].legend([lines[n] for n in shown], shown, loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def plot_noisy_trace(
    clean: ArrayLike, noisy: Mapping[str, ArrayLike], fs: float, *, seconds: float = 5.0
) -> Figure:
    """A trace, and the same with one kind of noise each, on one scale.

    Args:
        clean: mV, (samples,).
        noisy: traces by name, each (samples,).
        fs: sampling rate, Hz.
        seconds: how much to draw.
    """
    traces: dict[str, ArrayLike] = {"clean": clean, **noisy}
    figure, axes = plt.subplots(
        len(traces), 1, figsize=(8, 1.15 * len(traces)), sharex=True, sharey=True, squeeze=False
    )
    n = int(seconds * fs)
    for axis, (name, trace) in zip(axes[:, 0], traces.items(), strict=True):
        colour = PALETTE["ink" if name == "clean" else "red"]
        axis.plot(np.arange(n) / fs, np.asarray(trace)[:n], color=colour, lw=0.8)
        axis.set_ylabel(name)
        axis.spines[:].set_visible(False)
    axes[-1, 0].set_xlabel("time (s)")
    return figure


def plot_loss_curves(losses: Mapping[str, Sequence[float]], *, window: int = 10) -> Figure:
    """Training losses smoothed over ``window`` steps, one panel each: their scales differ."""
    figure, axes = plt.subplots(
        1, len(losses), figsize=(3.4 * len(losses) + 0.6, 2.8), squeeze=False
    )
    for axis, (name, values) in zip(axes[0], losses.items(), strict=True):
        smooth = pd.Series(values).rolling(window, min_periods=1).mean()
        axis.plot(np.arange(len(smooth)), smooth, color=PALETTE["blue"])
        axis.set(title=name, xlabel="step")
    axes[0, 0].set_ylabel("loss")
    return figure
