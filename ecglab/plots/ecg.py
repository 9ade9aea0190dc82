"""Traces as a cardiologist reads them: on ECG paper, in the layout of a printed record.

Paper runs at 25 mm/s and 10 mm/mV, so a small square of 1 mm is 0.04 s by 0.1 mV and a large one of
5 mm is 0.2 s by 0.5 mV. Figures have these sizes: printed at 100 % they fit a ruler.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ecglab.plots.style import PALETTE

SPEED, GAIN = 25.0, 10.0  # mm/s, mm/mV
FINE, BOLD = "#f6d5d5", "#e8a9a9"  # the paper's lines
TWELVE = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
ROW = 25.0  # mm from one row of leads to the next
_PULSE = 0.2  # s: length of the calibration pulse of 1 mV
_LEAD_IN = 9.0  # mm of paper before the first sample, for the calibration pulse
_MARGIN = 4.0  # mm around the paper
_HEADER = 9.0  # mm above the paper, for the title
_FOOTER = 7.0  # mm below it

Trace = NDArray[np.floating[Any]]


def blank(width: float, height: float) -> Figure:
    """An empty figure, inches.

    pyplot makes it, so that a notebook knows how to show it; and it is closed for pyplot at once,
    so that it is shown where a cell returns it, and not a second time.
    """
    figure = plt.figure(figsize=(width, height))
    plt.close(figure)
    return figure


def plot_twelve_leads(
    signal: Trace, fs: float, leads: Sequence[str], *, rhythm: str = "II", title: str = ""
) -> Figure:
    """Ten seconds of twelve leads in the usual layout: three rows of four, and a rhythm strip.

    The four columns follow each other in time (0-2.5 s shows I, II, III; 2.5-5 s aVR, aVL, aVF; and
    so on), so that beats stand under each other in all three rows and in the strip.

    Args:
        signal: mV, shape (12, samples), at least ten seconds; in any order of leads.
        fs: sampling rate, Hz.
        leads: the names of the rows of ``signal``.
        rhythm: the lead of the strip below.
        title: above the paper.

    Raises:
        ValueError: a lead is missing; less than ten seconds.
    """
    wanted = {name for row in TWELVE for name in row} | {rhythm}
    if missing := sorted(wanted - set(leads)):
        raise ValueError(f"twelve leads are needed; missing: {', '.join(missing)}")
    if signal.shape[-1] < 10 * fs:
        raise ValueError(f"ten seconds are needed, not {signal.shape[-1] / fs:g}")
    figure, axis = paper(10.0, 4 * ROW, title=title)
    for number, names in enumerate([*TWELVE, (rhythm,)]):
        base = (3.5 - number) * ROW
        _pulse(axis, base)
        length = round(10 * fs) // len(names)
        for column, name in enumerate(names):
            part = slice(column * length, (column + 1) * length)
            time = np.arange(part.start, part.stop) / fs
            _ink(axis, time, signal[leads.index(name)][part], base)
            _name(axis, name, column * length / fs, base)
            if column:
                axis.plot(np.full(2, time[0] * SPEED), (base + 6, base + 9), color="black", lw=0.8)
    return figure


def plot_strips(
    traces: Mapping[str, Trace],
    fs: float,
    *,
    start: float = 0.0,
    seconds: float = 10.0,
    row: float = ROW,
    title: str = "",
) -> Figure:
    """Several traces under each other on one sheet of ECG paper, each under its name.

    Args:
        traces: mV, shape (samples,) each; a shorter one ends where it ends.
        fs: sampling rate of all, Hz.
        start: what to show first, s.
        seconds: how much to show.
        row: mm from one trace to the next (10 mm is 1 mV); what goes further is cut there.
        title: above the paper.
    """
    figure, axis = paper(seconds, len(traces) * row, title=title)
    first = round(start * fs)
    for number, (name, trace) in enumerate(traces.items()):
        base = (len(traces) - 0.6 - number) * row
        part = trace[first : first + round(seconds * fs)]
        _pulse(axis, base)
        if len(part):
            shown = np.clip(part - np.median(part), -0.4 * row / GAIN, 0.6 * row / GAIN)
            _ink(axis, np.arange(len(part)) / fs, shown, base)
        _name(axis, name, 0.0, base + 0.6 * row - 12)
    return figure


def plot_beats(
    signal: Trace,
    fs: float,
    waves: Mapping[str, Sequence[float]],
    spans: Mapping[str, tuple[float, float]],
    *,
    title: str = "",
) -> Figure:
    """A few beats with their waves and intervals named.

    Args:
        signal: mV, shape (samples,).
        fs: sampling rate, Hz.
        waves: name (P, Q, R, ...) -> times of its extrema, s.
        spans: name (RR, TP, ...) -> where the interval starts and stops, s; drawn below the trace,
            each on a line of its own.
        title: above the axes.
    """
    figure = blank(8.6, 4.6)
    axis = figure.subplots()
    time = np.arange(len(signal)) / fs
    low, high = float(signal.min()), float(signal.max())
    unit = 0.09 * (high - low)
    colours = [PALETTE[c] for c in ("blue", "green", "red", "purple", "orange", "sky")]
    axis.plot(time, signal, color=PALETTE["ink"], lw=1.4)
    for name, times in waves.items():
        for moment in times:
            value = float(np.interp(moment, time, signal))
            below = name in ("Q", "S")
            axis.plot(moment, value, "o", color=PALETTE["red"], ms=4)
            style: dict[str, Any] = {"ha": "center", "va": "top" if below else "bottom"}
            style |= {"xytext": (0, -5 if below else 5), "textcoords": "offset points"}
            axis.annotate(name, (moment, value), weight="bold", fontsize=11, **style)
    for number, (name, span) in enumerate(spans.items()):
        colour = colours[number % len(colours)]
        _interval(axis, name, span, low - (2.1 + 1.25 * number) * unit, high, colour)
    axis.set_ylim(low - (2.5 + 1.25 * len(spans)) * unit, high + 1.3 * unit)
    axis.set(title=title, xlabel="time (s)", ylabel="mV", xlim=(0, time[-1]))
    return figure


def paper(seconds: float, height: float, *, title: str = "") -> tuple[Figure, Axes]:
    """A sheet of ECG paper in its true size, with axes in mm: x = 0 at the first sample.

    Args:
        seconds: how long it is.
        height: of the paper, mm.
        title: above it.
    """
    width = _LEAD_IN + seconds * SPEED
    total = width + 2 * _MARGIN, _FOOTER + height + _HEADER
    figure = blank(total[0] / 25.4, total[1] / 25.4)
    figure.set_layout_engine("none")  # the sizes are exact: nothing may be moved
    axis = figure.add_axes(
        (_MARGIN / total[0], _FOOTER / total[1], width / total[0], height / total[1])
    )
    _squares(axis, 1.0, height, width, FINE, 0.4)
    _squares(axis, 5.0, height, width, BOLD, 0.8)
    axis.set(xlim=(-_LEAD_IN, width - _LEAD_IN), ylim=(0, height), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_title(title)
    note = f"{SPEED:g} mm/s, {GAIN:g} mm/mV: a small square is 0.04 s by 0.1 mV"
    place: dict[str, Any] = {"transform": axis.transAxes, "ha": "left", "va": "top", "fontsize": 8}
    axis.text(0, -1.2 / height, note, color=PALETTE["grey"], **place)
    return figure, axis


def _interval(
    axis: Axes, name: str, span: tuple[float, float], level: float, top: float, colour: str
) -> None:
    """An interval as a bar at ``level``, its ends continued up to ``top``."""
    axis.plot(span, (level, level), color=colour, marker="|", ms=9, lw=2)
    label = f"  {name}  {1000 * (span[1] - span[0]):.0f} ms"
    axis.text(span[1], level, label, color=colour, va="center", fontsize=9)
    axis.vlines(span, level, top, color=colour, lw=0.5, ls=":", zorder=0)


def _squares(
    axis: Axes, step: float, height: float, width: float, colour: str, weight: float
) -> None:
    """The paper's lines every ``step`` mm; x = 0 lies on a bold one."""
    first = -(_LEAD_IN // step) * step
    across = [[(x, 0), (x, height)] for x in np.arange(first, width - _LEAD_IN + 1e-6, step)]
    up = [[(-_LEAD_IN, y), (width - _LEAD_IN, y)] for y in np.arange(0, height + 1e-6, step)]
    axis.add_collection(LineCollection(across + up, colors=colour, linewidths=weight, zorder=0))


def _ink(axis: Axes, time: Trace, trace: Trace, base: float) -> None:
    axis.plot(time * SPEED, base + trace * GAIN, color="black", lw=0.8)


def _pulse(axis: Axes, base: float) -> None:
    """The calibration pulse, 1 mV high, before the first sample."""
    x = -_LEAD_IN + 1.5 + np.array([0, 0.5, 0.5, 5.5, 5.5, 6.0]) * (_PULSE * SPEED / 5)
    y = base + np.array([0, 0, 1, 1, 0, 0]) * GAIN
    axis.plot(x, y, color="black", lw=0.8)


def _name(axis: Axes, name: str, start: float, base: float) -> None:
    axis.text(start * SPEED + 1.0, base + 9, name, va="center", ha="left", weight="bold")
