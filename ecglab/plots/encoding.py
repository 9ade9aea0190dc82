"""Figures of an encoder at work: feature maps under a trace, maps of embeddings, t-sweeps."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import CLASS_COLOURS, CLASS_NAMES, PALETTE


def plot_feature_maps(
    trace: NDArray[np.float32], maps: Mapping[str, NDArray[np.float32]], *, fs: float
) -> Figure:
    """A noisy window, and below it what each level of an encoder makes of it.

    Args:
        trace: the window that the encoder reads, (samples,).
        maps: title and feature map (channels, time) of each level; each channel is drawn in units
            of its own standard deviation.
        fs: sampling rate of the trace, Hz.
    """
    seconds = len(trace) / fs
    heights = [1.4, *[1.0] * len(maps)]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(9, 1.6 * len(heights)), sharex=True, height_ratios=heights
    )
    axes[0].plot(np.arange(len(trace)) / fs, trace, color=PALETTE["ink"], lw=0.8)
    axes[0].set(ylabel="window", title="What goes in")
    for axis, (title, values) in zip(axes[1:], maps.items(), strict=True):
        spread = values.std(axis=1, keepdims=True)
        shown = (values - values.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
        axis.imshow(
            shown,
            aspect="auto",
            cmap="RdBu_r",
            vmin=-3,
            vmax=3,
            extent=(0, seconds, len(values), 0),
            interpolation="nearest",
        )
        axis.set(ylabel="channel", title=title)
    axes[-1].set_xlabel("time (s)")
    return figure


def plot_sweep(
    sweep: pd.DataFrame, *, references: Mapping[str, float], score: str = "macro-F1"
) -> Figure:
    """A probe's score at each noise step, with its interval, and reference lines.

    Args:
        sweep: columns ``t``, ``value``, ``low``, ``high``.
        references: name and score of each dashed line.
        score: name of the score.
    """
    figure, axis = plt.subplots(figsize=(7, 3.6))
    axis.fill_between(sweep["t"], sweep["low"], sweep["high"], color=PALETTE["blue"], alpha=0.15)
    axis.plot(sweep["t"], sweep["value"], "o-", color=PALETTE["blue"])
    for (name, value), colour in zip(references.items(), cycle(("red", "grey", "green"))):
        axis.axhline(value, color=PALETTE[colour], ls="--", lw=1, label=name)
    if references:
        axis.legend(loc="center left")
    axis.set_xscale("symlog", linthresh=10)
    ticks = [int(t) for t in sweep["t"]]
    axis.set_xticks(ticks, [str(t) for t in ticks])
    axis.minorticks_off()
    axis.set_xlim(left=-1)
    axis.set(xlabel="noise step t at which features are taken", ylabel=score)
    return figure


def plot_map(points: NDArray[np.float64], labels: Sequence[str]) -> Figure:
    """An embedding in two dimensions (n, 2), one panel per class so that none hides another."""
    names = _in_order(labels)
    figure, axes = plt.subplots(
        1, len(names), figsize=(2.7 * len(names), 3), sharex=True, sharey=True, squeeze=False
    )
    chosen = np.asarray(labels)
    for axis, name in zip(axes[0], names, strict=True):
        axis.scatter(*points.T, s=3, color="#dddddd", linewidths=0, rasterized=True)
        mine = points[chosen == name]
        axis.scatter(*mine.T, s=6, color=CLASS_COLOURS.get(name, PALETTE["sky"]), linewidths=0)
        count = f"{len(mine)} record{'s' * (len(mine) != 1)}"
        axis.set(title=CLASS_NAMES.get(name, name), xlabel=count, xticks=[], yticks=[])
    return figure


def _in_order(labels: Sequence[str]) -> list[str]:
    """The classes that there are: those of CinC 2017 in their order, then others."""
    return [c for c in CLASS_COLOURS if c in set(labels)] + sorted(set(labels) - set(CLASS_COLOURS))


def slide_maps(
    maps: Mapping[int, NDArray[np.float64]], labels: Sequence[str], names: Sequence[str]
) -> go.Figure:
    """Maps of the same records at several noise steps, under a slider; hover to read a record.

    Args:
        maps: points (n, 2) by step t.
        labels: class of each record.
        names: name of each record.
    """
    chosen = np.asarray(labels)
    classes = _in_order(labels)

    def traces(points: NDArray[np.float64]) -> list[go.Scatter]:
        low, high = points.min(axis=0), points.max(axis=0)
        points = (points - low) / np.where(high > low, high - low, 1)  # all maps on the same axes
        return [
            go.Scatter(
                x=points[chosen == c, 0],
                y=points[chosen == c, 1],
                mode="markers",
                name=CLASS_NAMES.get(c, c),
                text=np.asarray(names)[chosen == c],
                marker={
                    "size": 5,
                    "color": CLASS_COLOURS.get(c, PALETTE["sky"]),
                    "opacity": 0.7,
                },
                hovertemplate="%{text}",
            )
            for c in classes
        ]

    steps = list(maps)
    figure = go.Figure(traces(maps[steps[0]]))
    figure.frames = [go.Frame(data=traces(points), name=str(t)) for t, points in maps.items()]
    moves = [
        {
            "label": str(t),
            "method": "animate",
            "args": [[str(t)], {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}],
        }
        for t in steps
    ]
    figure.update_layout(
        height=520,
        sliders=[{"steps": moves, "currentvalue": {"prefix": "noise step t = "}}],
        xaxis={"visible": False, "range": [-0.03, 1.03]},
        yaxis={"visible": False, "range": [-0.03, 1.03]},
    )
    return figure
