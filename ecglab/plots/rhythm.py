"""Rhythms: traces with their beats, RR intervals, Lorenz plots, the pictures that models read."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ecglab.plots.ecg import blank
from ecglab.plots.style import CLASS_COLOURS, CLASS_NAMES, PALETTE
from ecglab.signals import lorenz_points, rr_intervals
from ecglab.signals.lorenz import LIMIT

Array = NDArray[np.floating[Any]]


class Beating(NamedTuple):
    """A trace and where its heart beats."""

    signal: Array  # mV, shape (samples,)
    fs: float  # Hz
    peaks: NDArray[np.integer[Any]]  # sample numbers, ascending
    name: str = ""  # what to call it in titles and menus

    @property
    def seconds(self) -> float:
        """Length of the trace, s."""
        return len(self.signal) / self.fs

    @property
    def rr(self) -> NDArray[np.float64]:
        """RR intervals, s, shape (n_beats - 1,)."""
        return rr_intervals(self.peaks, self.fs)

    @property
    def times(self) -> NDArray[np.float64]:
        """When the beats come, s, shape (n_beats,)."""
        return np.asarray(self.peaks) / self.fs

    def between(self, start: float, stop: float) -> tuple[Array, Array, Array, Array]:
        """Times and values (s, mV) of the trace, and of its beats, in a stretch of it."""
        first, last = round(start * self.fs), round(stop * self.fs)
        trace = self.signal[first:last]
        peaks = self.peaks[(self.peaks >= first) & (self.peaks < first + len(trace))]
        time = np.arange(first, first + len(trace)) / self.fs
        return time, trace, peaks / self.fs, self.signal[peaks]


def plot_rhythm(
    beating: Beating, *, title: str | None = None, start: float = 0.0, seconds: float = 10.0
) -> Figure:
    """One record three ways: ten seconds of trace with R-peaks, all RR intervals, Lorenz plot.

    Args:
        beating: the trace and its beats.
        title: above the trace (default: its name).
        start: where the stretch of trace begins, s.
        seconds: how long it is.
    """
    figure = blank(11, 4.6)
    layout = [["trace", "lorenz"], ["rr", "lorenz"]]
    axes = figure.subplot_mosaic(layout, width_ratios=(1.75, 1))  # type: ignore[arg-type]
    time, trace, peak_time, peak = beating.between(start, start + seconds)
    axes["trace"].plot(time, trace, color=PALETTE["ink"], lw=0.9)
    axes["trace"].plot(peak_time, peak, "o", color=PALETTE["red"], ms=4, label="R-peaks")
    axes["trace"].set(
        title=beating.name if title is None else title, xlabel="time (s)", ylabel="mV"
    )
    axes["trace"].set_xlim(start, start + seconds)
    axes["rr"].plot(beating.times[1:], beating.rr, ".-", color=PALETTE["blue"], lw=0.8)
    axes["rr"].axvspan(start, start + seconds, color=PALETTE["grey"], alpha=0.15, lw=0)
    top = max(1.6, 1.1 * float(beating.rr.max(initial=0)))
    axes["rr"].set(title="all RR intervals", xlabel="time (s)", ylabel="RR (s)")
    axes["rr"].set(ylim=(0, top), xlim=(0, beating.seconds))
    draw_lorenz(axes["lorenz"], lorenz_points(beating.rr), colour=PALETTE["blue"])
    axes["lorenz"].set_title("Lorenz plot of all beats")
    return figure


def draw_lorenz(
    axis: Axes, points: NDArray[np.float64], *, limit: float = LIMIT, colour: str | None = None
) -> None:
    """A Lorenz plot: each dRR against the one before it; points outside are drawn at the rim.

    Args:
        axis: where to draw.
        points: seconds, shape (n, 2), as ``lorenz_points`` gives them.
        limit: the axes run from -limit to +limit, s.
        colour: of the points.
    """
    axis.axhline(0, color=PALETTE["grey"], lw=0.6, zorder=0)
    axis.axvline(0, color=PALETTE["grey"], lw=0.6, zorder=0)
    x, y = np.clip(points, -limit, limit).T
    alpha = float(np.clip(150 / max(len(x), 1), 0.25, 0.8))
    axis.scatter(x, y, s=12, color=colour, alpha=alpha, lw=0, clip_on=False)
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axis.set(xlabel="dRR$_i$ (s)", ylabel="dRR$_{i-1}$ (s)")
    ticks = np.linspace(-limit, limit, 5)
    axis.set(xticks=ticks, yticks=ticks)


def plot_lorenz(rhythms: Mapping[str, NDArray[np.float64]], *, columns: int = 4) -> Figure:
    """Lorenz plots side by side, one for each rhythm.

    Args:
        rhythms: title -> points, seconds, shape (n, 2).
        columns: how many in a row.
    """
    rows = -(-len(rhythms) // columns)
    figure = blank(3.0 * columns, 3.7 * rows)
    figure.set_layout_engine("compressed")  # the plots are square
    axes = figure.subplots(rows, columns, squeeze=False)
    colours = [PALETTE[name] for name in ("blue", "red", "orange", "green", "purple", "sky")]
    for number, (name, points) in enumerate(rhythms.items()):
        axis = axes.flat[number]
        draw_lorenz(axis, points, colour=colours[number % len(colours)])
        axis.set_title(f"{name}\n{len(points)} points", fontsize=10)
        if number % columns:
            axis.set(ylabel="", yticklabels=[])
    for axis in axes.flat[len(rhythms) :]:
        axis.set_visible(False)
    return figure


def plot_images(
    rows: Mapping[str, tuple[Array, Array, Array]], fs: float, *, fmax: float = 50.0
) -> Figure:
    """What models read of a window: the trace itself, its Lorenz image, its spectrogram image.

    Args:
        rows: name -> (signal (samples,), Lorenz image (size, size), STFT image (size, size)).
        fs: sampling rate of the signals, Hz.
        fmax: highest frequency of the spectrogram images, Hz.
    """
    figure = blank(11, 2.1 * len(rows))
    widths = (2.4, 1, 1.5)
    axes = figure.subplots(len(rows), 3, squeeze=False, width_ratios=widths, sharex="col")
    for line, (name, (signal, lorenz, stft)) in zip(axes, rows.items(), strict=True):
        seconds = len(signal) / fs
        line[0].plot(np.arange(len(signal)) / fs, signal, color=PALETTE["ink"], lw=0.8)
        line[0].set(ylabel=name, xlim=(0, seconds))
        box = (-LIMIT, LIMIT, -LIMIT, LIMIT)
        line[1].imshow(lorenz, extent=box, cmap="magma", vmin=0, vmax=1)
        line[1].set(ylabel="dRR$_{i-1}$ (s)", xticks=(-0.6, 0, 0.6), yticks=(-0.6, 0, 0.6))
        line[2].imshow(stft, extent=(0, seconds, 0, fmax), cmap="magma", aspect="auto", vmin=0)
        line[2].set(ylabel="frequency (Hz)")
    size = len(next(iter(rows.values()))[1])
    titles = ("signal", f"Lorenz image, {size} × {size}", f"STFT image, {size} × {size}")
    labels = ("time (s)", "dRR$_i$ (s)", "time (s)")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    for axis, label in zip(axes[-1], labels, strict=True):
        axis.set_xlabel(label)
    return figure


def plot_features(
    table: pd.DataFrame, features: Mapping[str, str], *, by: str = "label", hue: str | None = None
) -> Figure:
    """Box plots of features by class: median, quartiles, whiskers from the 5th to the 95th percent.

    Args:
        table: one row per record, with the columns ``by``, ``hue`` and the features.
        features: column -> title of its panel, with the unit.
        by: the column of classes; CinC 2017's four have their usual colours and order.
        hue: a column of data sets to be shown beside each other: the first filled, others hollow.
    """
    columns = min(4, len(features))
    rows = -(-len(features) // columns)
    figure = blank(2.9 * columns, 2.7 * rows + 0.2)
    figure.set_layout_engine("constrained", rect=(0, 0.04 / rows, 1, 1 - 0.04 / rows))
    axes = figure.subplots(rows, columns, squeeze=False)
    known = [name for name in CLASS_NAMES if (table[by] == name).any()]
    classes = known or sorted(table[by].unique())
    sets = [None] if hue is None else list(dict.fromkeys(table[hue]))
    for axis, (feature, title) in zip(axes.flat, features.items(), strict=False):
        for number, name in enumerate(sets):
            part = table if hue is None else table[table[hue] == name]
            values = [part.loc[part[by] == label, feature].to_numpy() for label in classes]
            width = 0.7 / len(sets)
            places = np.arange(len(classes)) + (number - (len(sets) - 1) / 2) * (width + 0.05)
            _boxes(axis, values, places, width, classes, filled=number == 0)
        axis.set_xticks(range(len(classes)), classes)
        axis.set_title(title, fontsize=10)
    for axis in axes.flat[len(features) :]:
        axis.set_visible(False)
    if hue is not None:
        greys = [PALETTE["grey"] if number == 0 else "none" for number in range(len(sets))]
        handles = [
            Patch(facecolor=fill, edgecolor=PALETTE["grey"], label=str(name))
            for fill, name in zip(greys, sets, strict=True)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(sets))
    return figure


def _boxes(
    axis: Axes,
    values: Sequence[Array],
    places: Array,
    width: float,
    classes: Sequence[str],
    *,
    filled: bool,
) -> None:
    drawn = axis.boxplot(
        values,
        positions=places,
        widths=width,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
    )
    for number, label in enumerate(classes):
        colour = CLASS_COLOURS.get(label, PALETTE["blue"])
        drawn["boxes"][number].set(edgecolor=colour, facecolor=colour if filled else "none")
        drawn["medians"][number].set(color="white" if filled else colour, lw=1.6)
        for part in (drawn["whiskers"], drawn["caps"]):
            for line in part[2 * number : 2 * number + 2]:
                line.set_color(colour)


def plot_spectra(
    frequency: Array, spectra: Mapping[str, Mapping[str, Array]], *, title: str = ""
) -> Figure:
    """Power spectra by class: the median over records and the band from quartile to quartile.

    Args:
        frequency: Hz, shape (n,).
        spectra: class -> data set -> power, mV²/Hz, shape (records, n).
        title: above all panels.
    """
    figure = blank(2.9 * len(spectra), 3.2)
    axes = figure.subplots(1, len(spectra), squeeze=False, sharey=True)
    styles = ("-", "--", ":")
    for axis, (label, sets) in zip(axes.flat, spectra.items(), strict=True):
        colour = CLASS_COLOURS.get(label, PALETTE["blue"])
        for number, (name, power) in enumerate(sets.items()):
            low, middle, high = 10 * np.log10(np.percentile(power, (25, 50, 75), axis=0))
            shade = colour if number == 0 else PALETTE["ink"]
            axis.fill_between(frequency, low, high, color=shade, alpha=0.15, lw=0)
            axis.plot(frequency, middle, styles[number % 3], color=shade, label=name)
        axis.set(xscale="log", xlabel="frequency (Hz)", title=CLASS_NAMES.get(label, label))
        axis.set_xticks((0.5, 1, 2, 5, 10, 20, 40), ("0.5", "1", "2", "5", "10", "20", "40"))
        axis.minorticks_off()
    axes.flat[0].set_ylabel("power (dB, 1 mV²/Hz)")
    axes.flat[0].legend(loc="lower left", fontsize=8)
    if title:
        figure.suptitle(title)
    return figure


def browse_rhythms(records: Mapping[str, Beating], *, seconds: float = 10.0) -> go.Figure:
    """``plot_rhythm`` of many records in one page, with a menu to choose; works without a kernel.

    Args:
        records: menu entry -> trace and beats.
        seconds: how much of each trace to show.
    """
    specs: list[list[dict[str, int] | None]] = [[{}, {"rowspan": 2}], [{}, None]]
    figure = make_subplots(2, 2, specs=specs, column_widths=[0.62, 0.38], vertical_spacing=0.2)
    for number, record in enumerate(records.values()):
        for row, column, trace in _browser_traces(record, seconds):
            trace.visible = number == 0
            figure.add_trace(trace, row=row, col=column)
    each = len(figure.data) // max(len(records), 1)
    buttons = []
    for number, name in enumerate(records):
        visible = [index // each == number for index in range(len(figure.data))]
        buttons.append({"label": name, "method": "restyle", "args": [{"visible": visible}]})
    menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.18, "yanchor": "top"}
    figure.update_layout(updatemenus=[menu], showlegend=False, height=480, margin={"t": 80})
    figure.update_xaxes(title_text="time (s)", col=1)
    figure.update_yaxes(title_text="mV", row=1, col=1)
    longest = max((float(np.max(r.rr, initial=0)) for r in records.values()), default=0.0)
    figure.update_yaxes(title_text="RR (s)", range=(0, max(2.0, 1.05 * longest)), row=2, col=1)
    figure.update_xaxes(title_text="dRR<sub>i</sub> (s)", range=(-LIMIT, LIMIT), row=1, col=2)
    square = {"constrain": "domain", "dtick": LIMIT / 2, "showgrid": True}
    figure.update_xaxes(**square, row=1, col=2)
    figure.update_yaxes(**square, range=(-LIMIT, LIMIT), scaleanchor="x2", row=1, col=2)
    figure.update_yaxes(title_text="dRR<sub>i−1</sub> (s)", row=1, col=2)
    return figure


def _browser_traces(record: Beating, seconds: float) -> list[tuple[int, int, go.Scatter]]:
    time, trace, peak_time, peak = record.between(0, seconds)
    ink, blue, red = PALETTE["ink"], PALETTE["blue"], PALETTE["red"]
    x, y = np.clip(lorenz_points(record.rr), -LIMIT, LIMIT).T  # what lies outside is at the rim
    signal = go.Scatter(x=time, y=np.round(trace, 3), line={"color": ink, "width": 1})
    beats = go.Scatter(x=peak_time, y=peak, mode="markers", marker={"color": red, "size": 6})
    thin, dot = {"color": blue, "width": 1}, {"color": blue, "size": 4}
    rr = go.Scatter(x=record.times[1:], y=record.rr, mode="lines+markers", line=thin, marker=dot)
    lorenz = go.Scatter(x=x, y=y, mode="markers", marker={"color": blue, "size": 5, "opacity": 0.5})
    return [(1, 1, signal), (1, 1, beats), (2, 1, rr), (1, 2, lorenz)]
