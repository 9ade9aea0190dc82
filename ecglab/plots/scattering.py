"""Figures of wavelet scattering: the filters, coefficients over time, and who attends to whom."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import PALETTE

Array = NDArray[np.floating[Any]]


def plot_filters(
    frequencies: Array,
    low_pass: Array,
    wavelets: Array,
    modulation: Array,
    *,
    band: tuple[float, float] | None = None,
) -> Figure:
    """Responses of the first order's wavelets above, of the second order's below, and the average.

    Args:
        frequencies: Hz, (bins,); the bin at 0 has no place on a log axis and is left out.
        low_pass: the average's response, (bins,).
        wavelets: of the first order, (filters, bins).
        modulation: of the second order, (filters, bins).
        band: what the signal was filtered to, Hz; shaded.
    """
    figure, axes = plt.subplots(2, 1, figsize=(9, 4.4), sharex=True)
    titles = ("first order: which frequency", "second order: how fast it swells and fades")
    for axis, filters, title in zip(axes, (wavelets, modulation), titles, strict=True):
        if band is not None:
            axis.axvspan(*band, color=PALETTE["yellow"], alpha=0.2, lw=0)
        colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(filters)))
        for response, colour in zip(filters, colours, strict=True):
            axis.plot(frequencies[1:], response[1:], color=colour, lw=1)
        axis.plot(frequencies[1:], low_pass[1:], "--", color=PALETTE["ink"], label="average")
        axis.set(title=title, ylabel="response", ylim=(0, 1.15))
    axes[0].legend(fontsize=8, loc="upper left")
    axes[1].set(xlabel="frequency (Hz)", xscale="log", xlim=(0.3, frequencies[-1]))
    ticks = [f for f in (0.5, 1, 2, 5, 10, 20, 50, 100, 200) if f <= frequencies[-1]]
    axes[1].set_xticks(ticks, [f"{f:g}" for f in ticks])
    axes[1].minorticks_off()
    return figure


def plot_scattering(
    trace: Array,
    fs: float,
    first: Array,
    centres: Array,
    *,
    times: Array,
    second: Array | None = None,
    modulation: Array | None = None,
    title: str = "",
    vmax: float | None = None,
) -> Figure:
    """A trace, its first-order coefficients as a picture below, and the second order below that.

    Args:
        trace: z-scored, (samples,).
        fs: sampling rate, Hz.
        first: log coefficients of order 1, (frames, filters).
        centres: their wavelets' centres, Hz, (filters,), from high to low.
        times: middles of the frames, s, (frames,).
        second: log coefficients of order 2, (frames, pairs), or None to leave them out.
        modulation: centre of each pair's second wavelet, Hz, (pairs,); rows are grouped by it, and
            lie within a group as the pairs are given.
        title: stands above the trace.
        vmax: top of the first picture's colours, to compare records; its largest value by default.
    """
    figure, axes = _below_a_trace(trace, fs, 1 if second is None else 2, title)
    _picture(figure, axes[1], first, times, vmax)
    wanted = [hz for hz in (2, 5, 10, 20, 40, 80) if centres.min() <= hz <= centres.max()]
    places = np.interp(np.log(wanted), np.log(centres[::-1]), np.arange(len(centres))[::-1])
    axes[1].set_yticks(places, [str(hz) for hz in wanted])
    axes[1].set_ylabel("order 1 (Hz)")
    if second is not None and modulation is not None:
        order = np.argsort(-modulation, kind="stable")
        _picture(figure, axes[2], second[:, order], times, None)
        groups = np.unique(modulation)
        middles = [float(np.flatnonzero(modulation[order] == hz).mean()) for hz in groups]
        axes[2].set_yticks(middles, [f"{hz:.1f}" for hz in groups])
        axes[2].tick_params(axis="y", length=0)
        for start in np.flatnonzero(np.diff(modulation[order])):
            axes[2].axhline(start + 0.5, color="white", lw=1)
        axes[2].set_ylabel("order 2, by\nmodulation (Hz)")
    axes[-1].set_xlabel("time (s)")
    return figure


def plot_frame_attention(
    trace: Array,
    fs: float,
    attention: Array,
    *,
    times: Array,
    title: str = "",
    vmax: float | None = None,
) -> Figure:
    """A trace, and below it how much weight each frame (row) gives to each other (column).

    Args:
        trace: z-scored, (samples,).
        fs: sampling rate, Hz.
        attention: A, rows sum to 1, (frames, frames).
        times: middles of the frames, s, (frames,).
        title: stands above the trace.
        vmax: top of the colours, in even weights, to compare records; the largest by default.
    """
    figure, (above, axis) = plt.subplots(2, 1, figsize=(6, 6.2), sharex=True, height_ratios=[1, 4])
    above.plot(np.arange(len(trace)) / fs, trace, color=PALETTE["blue"], lw=0.7)
    above.set(title=title, ylabel="trace", xlim=(0, len(trace) / fs))
    edges = _edges(times)
    image = axis.pcolormesh(
        edges, edges, attention * len(attention), cmap="magma", vmin=0, vmax=vmax
    )
    axis.set(xlabel="attends to the frame at (s)", ylabel="frame at (s)")
    axis.set_ylim(edges[-1], edges[0])
    figure.colorbar(image, ax=axis, label="weight (1: even)", pad=0.01)
    return figure


Stages = Mapping[str, tuple[NDArray[np.complexfloating[Any, Any]], Array]]


def plot_cascade(columns: Mapping[str, tuple[Array, Stages]], fs: float) -> Figure:
    """Traces side by side, and below them what each wavelet makes of the row above.

    Args:
        columns: title to a z-scored trace, (samples,), and its stages: label to the complex output
            of the wavelet and the average of its modulus, both (samples,).
        fs: sampling rate, Hz.
    """
    deep = max(len(stages) for _, stages in columns.values())
    figure, grid = plt.subplots(
        1 + deep, len(columns), figsize=(9, 1.5 + 1.5 * deep), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for axes, (title, (trace, stages)) in zip(grid.T, columns.items(), strict=True):
        time = np.arange(len(trace)) / fs
        axes[0].plot(time, trace, color=PALETTE["blue"], lw=0.7)
        axes[0].set(title=title, xlim=(0, len(trace) / fs))
        for axis, (label, (wave, average)) in zip(axes[1:], stages.items(), strict=True):
            axis.plot(time, wave.real, color=PALETTE["sky"], lw=0.7, label="real part")
            axis.plot(time, np.abs(wave), color=PALETTE["red"], label="modulus")
            axis.plot(time, average, "--", color=PALETTE["ink"], label="its average")
            axis.set_title(label, fontsize=9)
        axes[-1].set_xlabel("time (s)")
    grid[0, 0].set_ylabel("trace")
    handles, names = grid[1, 0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, ncol=3, loc="outside lower right")
    return figure


def plot_before_after(panels: Mapping[str, tuple[Array, Array, Array]], *, after: str) -> Figure:
    """Spectra of a trace and of the same trace changed, one panel for each kind of spectrum.

    Args:
        panels: title to frequencies in Hz, values before and values after, (n,) each.
        after: what the change was.
    """
    size = (9, 2.1 * len(panels) + 0.4)
    figure, grid = plt.subplots(len(panels), 1, figsize=size, sharex=True, squeeze=False)
    axes = grid[:, 0]
    for axis, (title, (hertz, one, two)) in zip(axes, panels.items(), strict=True):
        axis.plot(hertz, one, color=PALETTE["blue"], label="as recorded")
        axis.plot(hertz, two, color=PALETTE["red"], lw=0.9, label=after)
        axis.set(title=title, ylim=(0, None))
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel("frequency (Hz)")
    return figure


def plot_stability(panels: Mapping[str, pd.DataFrame]) -> Figure:
    """How far descriptions of a trace move when the trace is changed, more and more.

    Args:
        panels: label of the x axis to a table: its index is the size of the change, positive; a
            column for each description has the change in units of the distance to another record.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(9, 3.4), sharey=True, squeeze=False)
    axes = grid[0]
    for axis, (label, table) in zip(axes, panels.items(), strict=True):
        for name in table.columns:
            axis.plot(table.index, table[name], "o-", ms=3, label=name)
        axis.axhline(1, color=PALETTE["grey"], ls=":", lw=1)
        axis.set(xlabel=label, xscale="log", xticks=table.index, ylim=(0, None))
        axis.set_xticklabels([f"{size:g}" for size in table.index])
        axis.minorticks_off()
    axes[0].set_ylabel("change (1: another record)")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, ncol=len(names), loc="outside upper center")
    return figure


def plot_maps(maps: Mapping[str, Array], *, times: Array, vmax: float | None = None) -> Figure:
    """Attention maps beside each other, in one colour scale.

    Args:
        maps: title to A, (frames, frames), rows sum to 1.
        times: middles of the frames, s, (frames,).
        vmax: top of the colours, in even weights; the largest of all by default.
    """
    size = (3 * len(maps) + 0.6, 3.6)
    figure, grid = plt.subplots(1, len(maps), figsize=size, sharey=True, squeeze=False)
    axes = grid[0]
    edges, top = _edges(times), max(len(a) * a.max() for a in maps.values())
    for axis, (title, a) in zip(axes, maps.items(), strict=True):
        image = axis.pcolormesh(edges, edges, len(a) * a, cmap="magma", vmin=0, vmax=vmax or top)
        axis.set(title=title, xlabel="attends to (s)", aspect="equal")
    axes[0].set(ylabel="frame at (s)", ylim=(edges[-1], edges[0]))
    figure.colorbar(image, ax=axes, label="weight (1: even)", pad=0.01)
    return figure


def _picture(figure: Figure, axis: Axes, values: Array, times: Array, vmax: float | None) -> None:
    rows = np.arange(values.shape[1] + 1) - 0.5
    image = axis.pcolormesh(_edges(times), rows, values.T, cmap="viridis", vmin=0, vmax=vmax)
    axis.invert_yaxis()  # high frequencies come first, and lie at the top
    figure.colorbar(image, ax=axis, label="log coefficient", pad=0.01)


def _edges(times: Array) -> Array:
    """Borders between frames that lie evenly."""
    step = times[1] - times[0] if len(times) > 1 else 1.0
    return np.append(times - step / 2, times[-1] + step / 2)


def _below_a_trace(trace: Array, fs: float, pictures: int, title: str) -> tuple[Figure, Any]:
    """A figure whose first row is the trace."""
    figure, axes = plt.subplots(
        1 + pictures,
        1,
        figsize=(9, 1.5 + 2.2 * pictures),
        sharex=True,
        height_ratios=[1] + [1.6] * pictures,
    )
    axes[0].plot(np.arange(len(trace)) / fs, trace, color=PALETTE["blue"], lw=0.7)
    axes[0].set(title=title, ylabel="trace", xlim=(0, len(trace) / fs))
    return figure, axes
