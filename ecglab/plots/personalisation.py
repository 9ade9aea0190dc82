"""Figures of personalisation: scores by subject, and a search for t step by step."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ecglab.plots.style import PALETTE

Belief = Mapping[str, NDArray[np.float64]]


def plot_subjects(table: pd.DataFrame, *, score: str = "F1 of AF") -> Figure:
    """Box plots over subjects, one box per strategy, each subject a dot (Figs. 5 and 6).

    Args:
        table: columns ``strategy``, ``subject`` and ``value``; strategies keep their order.
        score: name of the value.
    """
    names = list(dict.fromkeys(table["strategy"]))
    figure, axis = plt.subplots(figsize=(0.75 * len(names) + 2, 3.4))
    values = [table.loc[table["strategy"] == name, "value"].to_numpy() for name in names]
    boxes = axis.boxplot(values, widths=0.55, showfliers=False, patch_artist=True)
    for box in boxes["boxes"]:
        box.set(facecolor=PALETTE["sky"], alpha=0.5)
    for median in boxes["medians"]:
        median.set_color(PALETTE["ink"])
    for subject in dict.fromkeys(table["subject"]):
        mine = table[table["subject"] == subject].set_index("strategy")["value"].reindex(names)
        axis.plot(range(1, len(names) + 1), mine, "o-", ms=3.5, lw=0.5, alpha=0.8, label=subject)
    axis.set(ylabel=score, ylim=(-0.05, 1.05), xticks=range(1, len(names) + 1))
    axis.set_xticklabels(names, rotation=35, ha="right")
    axis.legend(title="subject", bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=8)
    return figure


def plot_changes(table: pd.DataFrame, *, score: str = "F1 of AF") -> Figure:
    """What personalising changes for each subject, one column per method (Fig. 1b).

    Args:
        table: columns ``method``, ``subject``, ``before`` and ``after``; methods keep their order.
        score: name of the value.
    """
    names = list(dict.fromkeys(table["method"]))
    subjects = list(dict.fromkeys(table["subject"]))
    figure, axis = plt.subplots(figsize=(1.0 * len(names) + 2, 3.4))
    change = table["after"] - table["before"]
    for i, subject in enumerate(subjects):
        mine = (table["subject"] == subject).to_numpy()
        places = [names.index(m) + 0.8 * ((i + 0.5) / len(subjects) - 0.5)
                  for m in table["method"][mine]]  # fmt: skip
        axis.bar(places, change[mine], width=0.7 / len(subjects), label=subject)
    axis.axhline(0, color=PALETTE["ink"], lw=0.8)
    axis.set(ylabel=f"change of {score}", ylim=(-1.05, 1.05), xticks=range(len(names)))
    axis.set_xticklabels(names, rotation=35, ha="right")
    axis.legend(title="subject", bbox_to_anchor=(1.01, 1), loc="upper left", fontsize=8)
    return figure


def plot_search(
    beliefs: Sequence[Belief], points: Sequence[int], values: Sequence[float], *, objective: str
) -> Figure:
    """Some steps of a search over one t: what the surrogate believes, and where it looks next.

    Args:
        beliefs: of each step ``t``, ``mean``, ``std`` and ``improvement`` at every candidate, and
            ``evaluations``, the number of points seen before it.
        points: every t in the order in which it was evaluated.
        values: the objective there.
        objective: its name.
    """
    figure, axes = plt.subplots(
        2, len(beliefs), figsize=(3.1 * len(beliefs), 4), sharex=True,
        height_ratios=(2, 1), squeeze=False,
    )  # fmt: skip
    for axis in axes[0, 1:]:  # below, each its own scale: what is expected shrinks by magnitudes
        axis.sharey(axes[0, 0])
    for (above, below), belief in zip(axes.T, beliefs, strict=True):
        t, mean, std = belief["t"], belief["mean"], belief["std"]
        seen = int(belief["evaluations"])
        above.fill_between(t, mean - 2 * std, mean + 2 * std, color=PALETTE["sky"], alpha=0.35)
        above.plot(t, mean, color=PALETTE["blue"])
        above.plot(points[:seen], values[:seen], "o", color=PALETTE["ink"], ms=4)
        above.set_title(f"after {seen} evaluations")
        below.fill_between(t, 0, belief["improvement"], color=PALETTE["green"], alpha=0.5)
        below.axvline(points[seen], color=PALETTE["red"], lw=1)
        below.set_xlabel("t")
        below.ticklabel_format(axis="y", scilimits=(-2, 2))
    axes[0, 0].set_ylabel(objective)
    axes[1, 0].set_ylabel("expected\nimprovement")
    return figure


def slide_search(
    beliefs: Sequence[Belief], points: Sequence[int], values: Sequence[float], *, objective: str
) -> go.Figure:
    """The same search under a slider, one step at a time; arguments as ``plot_search``."""

    def layers(belief: Belief) -> list[go.Scatter]:
        t, mean, std = belief["t"], belief["mean"], belief["std"]
        seen = int(belief["evaluations"])
        fill = {"fill": "toself", "fillcolor": "rgba(86,180,233,0.3)", "line": {"width": 0}}
        band = np.concatenate([mean + 2 * std, (mean - 2 * std)[::-1]])
        return [
            go.Scatter(x=np.concatenate([t, t[::-1]]), y=band, name="two deviations", **fill),
            go.Scatter(x=t, y=mean, name="mean", line={"color": PALETTE["blue"]}),
            go.Scatter(
                x=list(points[:seen]), y=list(values[:seen]), name="evaluated", mode="markers",
                marker={"color": PALETTE["ink"], "size": 8},
            ),
            go.Scatter(
                x=t, y=belief["improvement"], name="expected improvement", fill="tozeroy",
                line={"color": PALETTE["green"]},
            ),
        ]  # fmt: skip

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32])
    for i, layer in enumerate(layers(beliefs[0])):
        figure.add_trace(layer, row=1 if i < 3 else 2, col=1)
    names = [str(int(b["evaluations"])) for b in beliefs]
    figure.frames = [
        go.Frame(data=layers(b), name=name) for b, name in zip(beliefs, names, strict=True)
    ]
    now = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    moves = [{"label": n, "method": "animate", "args": [[n], now]} for n in names]
    figure.update_layout(
        height=520,
        sliders=[{"steps": moves, "currentvalue": {"prefix": "evaluations so far: "}}],
        yaxis={"title": objective},
        yaxis2={"title": "improvement"},
        xaxis2={"title": "t"},
    )
    return figure
