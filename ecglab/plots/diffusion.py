"""Figures of the forward and the reverse process: noisy views, schedules, samples."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import PALETTE

Traces = Mapping[str, NDArray[np.float32]]


def plot_views(rows: Mapping[str, Traces], *, fs: float, ylim: tuple[float, float]) -> Figure:
    """A grid of traces: one row per mapping, one column per trace, titled by the keys.

    Args:
        rows: row title to (column title to trace (samples,)); all rows have the same columns.
        fs: sampling rate, Hz.
        ylim: common vertical axis.
    """
    columns = len(next(iter(rows.values())))
    size = (1.7 * columns, 1.7 * len(rows))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=size, sharey=True, sharex="row", squeeze=False
    )
    for line, (name, traces) in zip(axes, rows.items(), strict=True):
        for axis, (title, trace) in zip(line, traces.items(), strict=True):
            axis.plot(np.arange(len(trace)) / fs, trace, color=PALETTE["blue"], lw=0.7)
            axis.set(title=title, ylim=ylim, xlabel="time (s)")
        line[0].set_ylabel(name)
    return figure


def plot_schedules(table: pd.DataFrame) -> Figure:
    """Variances, remaining signal and signal-to-noise ratio of several schedules.

    Args:
        table: columns ``t``, ``schedule``, ``beta``, ``alpha_bar``, ``snr_db``.
    """
    panels = {"beta": "beta", "alpha_bar": "alpha bar", "snr_db": "signal-to-noise ratio (dB)"}
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 3))
    for axis, (column, title) in zip(axes, panels.items(), strict=True):
        for name, mine in table.groupby("schedule", sort=False):
            axis.plot(mine["t"], mine[column], label=str(name))
        axis.set(xlabel="t", title=title)
    axes[0].set_yscale("log")
    axes[-1].axhline(0, color=PALETTE["grey"], lw=0.8, ls=":")
    axes[0].legend()
    return figure


def plot_error_weights(table: pd.DataFrame) -> Figure:
    """What an error of the trace counts in the loss of each objective, by step.

    Args:
        table: columns ``t``, ``predicted``, ``weight``.
    """
    figure, axis = plt.subplots(figsize=(6, 3))
    for name, mine in table.groupby("predicted", sort=False):
        axis.plot(mine["t"], mine["weight"], label=str(name))
    axis.set(xlabel="noise step t", ylabel="loss for an error of 1 in x_0", yscale="log")
    axis.legend(title="the network predicts")
    return figure


def plot_beats(groups: Mapping[str, NDArray[np.float32]], *, fs: float, each: int = 12) -> Figure:
    """A gallery: one row of beats (n, samples) per group, all on one vertical scale."""
    figure, axes = plt.subplots(
        len(groups), each, figsize=(10, 1.2 * len(groups)), sharex=True, sharey=True, squeeze=False
    )
    colours = cycle(PALETTE.values())
    for line, colour, (name, beats) in zip(axes, colours, groups.items(), strict=False):
        line[0].set_ylabel(name)
        for axis, beat in zip(line, beats, strict=False):
            axis.plot(np.arange(len(beat)) / fs, beat, color=colour, lw=0.9)
        for axis in line:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    return figure


def plot_mean_beats(groups: Mapping[str, NDArray[np.float32]], *, fs: float) -> Figure:
    """Mean beat of each group (n, samples), with a band of one standard deviation."""
    figure, axis = plt.subplots(figsize=(6, 3.2))
    for name, beats in groups.items():
        time = np.arange(beats.shape[1]) / fs
        mean, spread = beats.mean(axis=0), beats.std(axis=0)
        (line,) = axis.plot(time, mean, label=name)
        axis.fill_between(time, mean - spread, mean + spread, color=line.get_color(), alpha=0.15)
    axis.set(xlabel="time (s)", ylabel="z-scored")
    axis.legend()
    return figure


def plot_loss(losses: list[float], *, trivial: float, smooth: int = 50) -> Figure:
    """The loss of every training step, its running mean, and what predicting zero would cost."""
    figure, axis = plt.subplots(figsize=(6, 3))
    width = max(1, min(smooth, len(losses) // 4))
    running = np.convolve(losses, np.ones(width) / width, mode="valid")
    axis.plot(losses, color=PALETTE["sky"], lw=0.5, alpha=0.6)
    axis.plot(np.arange(width - 1, len(losses)), running, color=PALETTE["blue"])
    axis.axhline(trivial, color=PALETTE["red"], ls="--", lw=1)
    axis.annotate(
        "predicting zero", (0.98, trivial), xycoords=("axes fraction", "data"), va="bottom",
        ha="right", color=PALETTE["red"],
    )  # fmt: skip
    axis.set(xlabel="step", ylabel="loss", yscale="log")
    return figure


def slide_views(views: Mapping[str, Mapping[int, NDArray[np.float32]]], *, fs: float) -> go.Figure:
    """Noisy views under a slider over t, one line per schedule; works without a network.

    Args:
        views: schedule to (t to trace (samples,)); the same steps for all schedules.
        fs: sampling rate, Hz.
    """

    def lines(t: int) -> list[go.Scatter]:
        return [
            go.Scatter(
                x=np.arange(len(trace[t])) / fs,
                y=trace[t] + 8 * i,  # one above the other; what is read is the trace itself
                name=name,
                customdata=trace[t],
                hovertemplate="%{x:.2f} s, %{customdata:.2f}",
            )
            for i, (name, trace) in enumerate(views.items())
        ]

    steps = list(next(iter(views.values())))
    figure = go.Figure(lines(steps[0]))
    figure.frames = [go.Frame(data=lines(t), name=str(t)) for t in steps]
    now = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    moves = [{"label": str(t), "method": "animate", "args": [[str(t)], now]} for t in steps]
    figure.update_layout(
        height=460,
        sliders=[{"steps": moves, "currentvalue": {"prefix": "t = "}, "pad": {"t": 60}}],
        xaxis={"title": "time (s)"},
        yaxis={"range": [-6, 8 * len(views)], "visible": False},
    )
    return figure
