"""Figures of a linear recurrence: eigenvalues, what they make of a trace, how long each form takes.

An eigenvalue lambda of ``h_k = lambda h_{k-1} + u_k`` is drawn in two ways: on the unit disc, or as
what a listener would call it, a frequency in Hz and a time constant in seconds.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ecglab.plots.style import PALETTE

Trace = NDArray[np.floating[Any]]
States = NDArray[np.complexfloating[Any, Any]]

HEART = (0.7, 3.0)  # Hz: 42 to 180 beats a minute


def eigenvalue(hertz: float, seconds: float, *, fs: float) -> complex:
    """``lambda = exp(-1 / (fs tau) + 2 pi i f / fs)``: rings at f, falls by a factor e in tau.

    Args:
        hertz: the frequency f.
        seconds: the time constant tau, positive.
        fs: steps of the recurrence per second, Hz.
    """
    return complex(np.exp(-1 / (fs * seconds) + 2j * np.pi * hertz / fs))


def hertz_and_seconds(
    eigenvalues: ArrayLike, *, fs: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The frequency f in Hz and the time constant tau in s of each eigenvalue; shapes as given.

    f lies between 0 and fs / 2: lambda and its conjugate ring alike, one turning left, one right.
    """
    z = np.asarray(eigenvalues, dtype=np.complex128)
    return np.abs(np.angle(z)) * fs / (2 * np.pi), -1 / (fs * np.log(np.abs(z)))


def draw_disc(axis: Axes, *, fs: float) -> None:
    """The unit circle, with frequencies at its rim and circles of equal memory inside."""
    turn = np.exp(2j * np.pi * np.linspace(0, 1, 361))
    axis.plot(turn.real, turn.imag, color=PALETTE["ink"], lw=1)
    for steps in (1, 3, 10):
        r = np.exp(-1 / steps)
        axis.plot(r * turn.real, r * turn.imag, color=PALETTE["grey"], lw=0.5, ls=":")
        axis.annotate(f"{steps / fs:g} s", (0, -r), fontsize=6.5, color=PALETTE["grey"],
                      ha="center", va="bottom")  # fmt: skip
    for eighth in range(5):
        x, y = 1.17 * np.cos(np.pi * eighth / 4), 1.13 * np.sin(np.pi * eighth / 4)
        label = f"{fs * eighth / 8:g}" + " Hz" * (eighth == 2)
        axis.annotate(label, (x, y), fontsize=8, ha="center", va="center")
    axis.set(xlim=(-1.35, 1.35), ylim=(-1.1, 1.25), aspect="equal", xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def plot_oscillator(
    trace: Trace, h: States, lambda_: complex, *, fs: float, title: str = "", unit: str = "mV"
) -> Figure:
    """One state: its eigenvalue on the disc, its answer to one impulse, its answer to a trace.

    Args:
        trace: what drives it, (samples,).
        h: the state at every sample, (samples,).
        lambda_: its eigenvalue.
        fs: sampling rate, Hz.
        title: above the trace.
        unit: of the trace.
    """
    (hertz, seconds), time = hertz_and_seconds(lambda_, fs=fs), np.arange(len(trace)) / fs
    figure, axes = plt.subplots(2, 2, figsize=(11, 4.4), width_ratios=(1, 2.6))
    (disc, above), (impulse, below) = axes
    draw_disc(disc, fs=fs)
    disc.plot(lambda_.real, lambda_.imag, "o", color=PALETTE["red"])
    disc.set_title(f"{hertz:.2f} Hz, {seconds:.2f} s", fontsize=10)
    steps = np.arange(1 + round(fs * float(np.clip(3 * seconds, 0.1, 4))))
    impulse.fill_between(steps / fs, -abs(lambda_) ** steps, abs(lambda_) ** steps,
                         color=PALETTE["sky"], alpha=0.3, lw=0)  # fmt: skip
    impulse.plot(steps / fs, (lambda_**steps).real, color=PALETTE["blue"], lw=0.9)
    impulse.set(xlabel="time after an impulse (s)", ylim=(-1.05, 1.05), yticks=(-1, 0, 1))
    impulse.set_ylabel("Re h")
    above.plot(time, trace, color=PALETTE["ink"], lw=0.8)
    above.set(title=title, ylabel=unit, xlim=(0, len(trace) / fs), xticklabels=[])
    below.fill_between(time, -np.abs(h), np.abs(h), color=PALETTE["sky"], alpha=0.3, lw=0,
                       label="± |h|")  # fmt: skip
    below.plot(time, h.real, color=PALETTE["blue"], lw=0.8, label="Re h")
    top = 1.3 * float(np.abs(h).max()) or 1.0
    below.set(xlabel="time (s)", ylabel="h", xlim=(0, len(trace) / fs), ylim=(-top, top))
    below.legend(loc="upper right", ncols=2, fontsize=8)
    return figure


def plot_amplitudes(
    columns: Mapping[str, tuple[Trace, Mapping[str, Trace]]], *, fs: float, unit: str = "mV"
) -> Figure:
    """Traces side by side, and under each the amplitude of several states that it drives.

    Args:
        columns: title to (trace (samples,), label to amplitude (samples,)); the same labels in
            every column, each drawn on one vertical scale. All share their time axis.
        fs: sampling rate, Hz.
        unit: of the traces.
    """
    labels = list(next(iter(columns.values()))[1])
    figure, axes = plt.subplots(
        1 + len(labels), len(columns), figsize=(11, 1.5 * (1 + len(labels))), sharex=True,
        sharey="row", squeeze=False,
    )  # fmt: skip
    for line, (title, (trace, amplitudes)) in zip(axes.T, columns.items(), strict=True):
        time = np.arange(len(trace)) / fs
        line[0].plot(time, trace, color=PALETTE["ink"], lw=0.7)
        line[0].set_title(title)
        for axis, label, colour in zip(line[1:], labels, cycle(("red", "blue", "green"))):
            axis.fill_between(time, 0, amplitudes[label], color=PALETTE[colour], alpha=0.6, lw=0)
        line[-1].set(xlabel="time (s)")
    longest = max(len(trace) for trace, _ in columns.values()) / fs
    axes[-1, 0].set_xlim(0, longest)
    for axis, label in zip(axes[:, 0], [unit, *labels], strict=True):
        axis.set_ylabel(label)
    return figure


def plot_timings(table: pd.DataFrame) -> Figure:
    """Seconds against length for each form, both logarithmic; dotted: a slope of one.

    Args:
        table: columns ``steps``, ``form``, ``seconds``; forms keep their order.
    """
    figure, axis = plt.subplots(figsize=(6.5, 3.8))
    for form, mine in table.groupby("form", sort=False):
        axis.plot(mine["steps"], 1e3 * mine["seconds"], "o-", ms=4, label=str(form))
    steps = np.array([table["steps"].min(), table["steps"].max()])
    slowest = 1e3 * table.loc[table["steps"] == steps[1], "seconds"].max()
    axis.plot(steps, 1.6 * slowest * steps / steps[1], ":", color=PALETTE["grey"], lw=0.9,
              label="in proportion")  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="steps in the sequence", ylabel="time (ms)")
    ticks = sorted(set(table["steps"]))
    axis.set_xticks(ticks, [str(t) for t in ticks])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter("{x:g}")
    axis.legend(fontsize=8)
    return figure


def plot_variances(white: pd.DataFrame, ecg: pd.DataFrame) -> Figure:
    """How large states become: for white noise by memory, for a real signal by frequency.

    Args:
        white: columns ``seconds``, ``plain`` and ``normalised`` (mean |h|^2 measured without and
            with gamma) and ``theory`` (without), ascending in ``seconds``.
        ecg: columns ``hertz`` and ``normalised``, ascending in ``hertz``.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), sharey=True)
    left.plot(white["seconds"], white["theory"], color=PALETTE["grey"], lw=1,
              label="1 / (1 − |λ|²)")  # fmt: skip
    left.plot(white["seconds"], white["plain"], "o", ms=4, color=PALETTE["red"], label="without γ")
    left.plot(white["seconds"], white["normalised"], "o", ms=4, color=PALETTE["blue"],
              label="with γ")  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="time constant (s)", ylabel="mean |h|²")
    left.set_title("driven by white noise")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_formatter("{x:g}")
    left.legend()
    right.plot(ecg["hertz"], ecg["normalised"], "o-", ms=3, lw=0.8, color=PALETTE["blue"])
    right.set(xscale="log", xlabel="frequency (Hz)", title="driven by ECGs, with γ")
    right.set_xticks((0.5, 1, 2, 5, 10, 20, 50), ("0.5", "1", "2", "5", "10", "20", "50"))
    right.minorticks_off()
    for axis in (left, right):
        axis.axhline(1, color=PALETTE["ink"], lw=0.8, ls=":")
    return figure


def plot_ring(eigenvalues: ArrayLike, *, fs: float) -> Figure:
    """A layer's eigenvalues on the disc, and by frequency and memory; the heart's box is grey.

    Args:
        eigenvalues: complex, any shape.
        fs: steps of the layer per second, Hz.
    """
    z = np.asarray(eigenvalues).ravel()
    hertz, seconds = hertz_and_seconds(z, fs=fs)
    figure, (disc, plane) = plt.subplots(1, 2, figsize=(10, 3.9), width_ratios=(1, 1.5))
    draw_disc(disc, fs=fs)
    look = {"c": seconds, "cmap": "viridis", "norm": LogNorm(), "s": 14, "lw": 0}
    disc.scatter(z.real, z.imag, **look)
    dots = plane.scatter(hertz, seconds, **look)
    _draw_heart(plane, top=2 * max(float(seconds.max()), 1.0))
    plane.set(xlabel="frequency (Hz)", ylabel="time constant (s)", xlim=(0, 1.02 * fs / 2))
    figure.colorbar(dots, ax=plane, label="time constant (s)", format="{x:g}")
    return figure


def plot_moves(before: ArrayLike, after: ArrayLike, *, fs: float) -> Figure:
    """Where training has moved each eigenvalue: from a hollow dot to a filled one.

    Args:
        before, after: complex, of one shape.
        fs: steps of the layer per second, Hz.
    """
    start, end = (np.stack(hertz_and_seconds(z, fs=fs)).reshape(2, -1) for z in (before, after))
    figure, axis = plt.subplots(figsize=(7, 3.8))
    axis.plot([start[0], end[0]], [start[1], end[1]], color=PALETTE["sky"], lw=1)
    axis.plot(*start, "o", ms=5, mfc="white", color=PALETTE["grey"], label="at the start")
    axis.plot(*end, "o", ms=5, color=PALETTE["blue"], label="after training")
    _draw_heart(axis, top=2 * float(max(start[1].max(), end[1].max(), 1.0)))
    axis.set(xlabel="frequency (Hz)", ylabel="time constant (s)", xlim=(0, None))
    axis.legend(loc="upper right", fontsize=8)
    return figure


def _draw_heart(axis: Axes, *, top: float) -> None:
    """Logarithmic seconds, and a grey box: a heart's rate, and a memory of a second or more."""
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.fill_between(HEART, 1, top, color=PALETTE["grey"], alpha=0.15, lw=0, zorder=0)
    axis.set_ylim(top=top)


def plot_trains(groups: Mapping[str, Trace], *, rate: float) -> Figure:
    """Trains of pulses (n, steps), a line each, one panel for each group.

    Args:
        groups: title to trains, of ones and zeros.
        rate: steps per second, Hz.
    """
    figure, axes = plt.subplots(1, len(groups), figsize=(10, 1.9), squeeze=False)
    for axis, colour, (title, trains) in zip(axes[0], cycle(("blue", "red")), groups.items()):
        times = [np.flatnonzero(train) / rate for train in trains]
        axis.eventplot(times, colors=PALETTE[colour], linelengths=0.7, linewidths=1.2)
        axis.set(title=title, xlabel="time (s)", yticks=[], xlim=(0, trains.shape[1] / rate))
        axis.spines["left"].set_visible(False)
    return figure


def plot_curves(curves: Mapping[str, Trace], *, chance: float, smooth: int = 20) -> Figure:
    """Running means of several losses, step by step, and the loss of a guess.

    Args:
        curves: label to losses (steps,).
        chance: the loss of a guess.
        smooth: steps in a running mean.
    """
    figure, axis = plt.subplots(figsize=(7, 3.3))
    for label, losses in curves.items():
        width = max(1, min(smooth, len(losses) // 4))
        running = np.convolve(losses, np.ones(width) / width, mode="valid")
        axis.plot(np.arange(width - 1, len(losses)), running, label=label)
    axis.axhline(chance, color=PALETTE["grey"], ls=":", lw=1)
    axis.set(xlabel="step", ylabel="loss", ylim=(0, None))
    axis.legend(fontsize=8)
    return figure
