"""Figures of a latent space: what a VAE keeps, how views drown, which triplets are taken."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ecglab.diffusion import NoiseSchedule
from ecglab.diffusion.timesteps import step_probabilities
from ecglab.nn.triplet import Triplets
from ecglab.plots.style import PALETTE

COLOURS = ("blue", "green", "orange", "purple", "red")


def plot_latent_use(table: pd.DataFrame, units: Mapping[str, ArrayLike]) -> Figure:
    """What VAEs of several beta keep: error against KL, and the KL of every unit, sorted.

    Args:
        table: columns ``beta``, ``reconstruction`` (squared error per feature), ``kl`` (nats per
            sample), ``active`` (units).
        units: beta as text to the KL of each unit in nats, in the table's order.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4))
    left.plot(table["kl"], table["reconstruction"], color=PALETTE["grey"], lw=0.8, zorder=0)
    for row, (name, kl), colour in zip(table.itertuples(), units.items(), cycle(COLOURS)):
        label = f"beta {name}: {row.active} active"
        left.plot(row.kl, row.reconstruction, "o", color=PALETTE[colour], label=label)
        ranked = np.sort(np.asarray(kl))[::-1]
        right.plot(np.arange(1, len(ranked) + 1), ranked, color=PALETTE[colour])
    left.axhline(1, color=PALETTE["ink"], ls=":", lw=0.8)
    left.set(xlabel="KL (nats per window)", ylabel="squared error per feature", ylim=(0, None))
    left.legend(fontsize=8)
    right.set(xlabel="latent unit, sorted", ylabel="KL (nats)")
    return figure


def plot_readable(
    table: pd.DataFrame, parts: Mapping[str, tuple[int, int]], *, schedule: NoiseSchedule
) -> Figure:
    """How well a fixed reader tells two classes at each step, above the share that is left.

    Args:
        table: columns ``t``, ``measured`` and ``expected``, AUROC.
        parts: name to first and last step, shaded.
        schedule: whose share of signal variance, alpha_bar, is drawn below.
    """
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, height_ratios=(3, 1))
    above.plot(table["t"], table["measured"], "o", color=PALETTE["blue"], label="measured")
    above.plot(table["t"], table["expected"], color=PALETTE["ink"], lw=1, label="expected")
    above.axhline(0.5, color=PALETTE["grey"], ls=":", lw=0.8)
    for place, (name, (first, last)) in enumerate(parts.items()):
        for axis in (above, below):
            axis.axvspan(first, last, color=PALETTE["sky"], alpha=0.08 + 0.1 * place, lw=0)
        above.text((first + last) / 2, 1.01, name, ha="center", fontsize=9)
    above.set(ylabel="AUROC of the reader", ylim=(0.45, 1.05))
    above.legend(loc="lower left")
    below.plot(schedule.alphas_cumprod, color=PALETTE["ink"], lw=1)
    below.set(xlabel="step t", ylabel="share left", xlim=(0, len(schedule) - 1))
    return figure


def plot_step_probabilities(
    schedule: NoiseSchedule, samplers: Sequence[str], *, progress: Sequence[float] = (0, 0.5, 1)
) -> Figure:
    """p(t) of each sampler, one panel each; a sampler that moves is drawn at several times.

    Args:
        schedule: the forward process.
        samplers: names of ``diffusion/timesteps.py``.
        progress: shares of the training that is done, for those that move.
    """
    columns = 4
    rows = -(-len(samplers) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(10, 1.8 * rows + 0.4), sharex=True, sharey=True, squeeze=False
    )
    for axis, name in zip(axes.flat, samplers, strict=False):
        curves = [step_probabilities(schedule, name, progress=s) for s in progress]
        moves = any(not curve.equal(curves[0]) for curve in curves)
        for s, curve, colour in zip(progress, curves, cycle(COLOURS)):
            label = f"{100 * s:.0f} % trained" if moves else None
            axis.plot(1000 * curve, color=PALETTE[colour], label=label)
            if not moves:
                break
        axis.set_title(name)
        if moves:
            axis.legend(fontsize=7)
    for axis in axes.flat[len(samplers) :]:
        axis.remove()
    for axis in axes.flat[: len(samplers)]:
        axis.set_xlabel("step t")
        axis.tick_params(labelbottom=True)  # also where nothing stands below
    for axis in axes[:, 0]:
        axis.set_ylabel("1000 p(t)")
    return figure


def scatter_classes(
    axis: Axes, points: ArrayLike, positive: ArrayLike, names: Sequence[str]
) -> None:
    """Points (n, 2) of two classes: first those that are not positive, in blue."""
    points, positive = np.asarray(points), np.asarray(positive, dtype=bool)
    for mask, colour, name in zip((~positive, positive), ("blue", "red"), names, strict=True):
        axis.plot(*points[mask].T, "o", ms=4, alpha=0.7, color=PALETTE[colour], label=name)


def plot_plane(
    planes: Mapping[str, ArrayLike], positive: ArrayLike, names: Sequence[str]
) -> Figure:
    """Points of two classes in a plane, one panel for each moment, all on one scale.

    Args:
        planes: title to points (n, 2).
        positive: class of each, (n,), boolean.
        names: of the classes, the negative one first.
    """
    size = (2 + 2.5 * len(planes), 3.2)
    figure, axes = plt.subplots(
        1, len(planes), figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for axis, (title, points) in zip(axes[0], planes.items(), strict=True):
        scatter_classes(axis, points, positive, names)
        axis.set(title=title, xlabel="first direction")
    axes[0, 0].set_ylabel("second direction")
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


def plot_triplets(
    points: ArrayLike,
    positive: ArrayLike,
    names: Sequence[str],
    *,
    distances: ArrayLike,
    triplets: Triplets,
    anchor: int,
    margin: float,
    reach: float | None = None,
) -> Figure:
    """One anchor's triplets among the points, and all triplets by their two distances.

    On the right a triplet costs nothing above the line ``d(a, n) = d(a, p) + m``.

    Args:
        points: (n, 2).
        positive: class of each, (n,).
        names: of the classes, the negative one first.
        distances: between all pairs, (n, n).
        triplets: places of anchors, positives and negatives.
        anchor: whose triplets are drawn on the left, and large on the right.
        margin: m.
        reach: of the left panel's axes, from 0 to each side; None: as far as the points.
    """
    points, d = np.asarray(points), np.asarray(distances)
    a, p, n = (np.asarray(part) for part in triplets)
    mine = a == anchor
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.0))
    scatter_classes(left, points, positive, names)
    for others, style, colour, name in (
        (p, "-", "green", "to its positives"),
        (n, "--", "purple", "to its negatives"),
    ):
        for k, other in enumerate(np.unique(others[mine])):
            ends = points[[anchor, other]].T
            label = name if k == 0 else None
            left.plot(*ends, style, color=PALETTE[colour], lw=0.9, zorder=0, label=label)
    left.plot(*points[anchor], "o", ms=11, mfc="none", mec=PALETTE["ink"], mew=1.5, label="anchor")
    reach = reach or float(np.abs(points).max()) * 1.05
    left.set(title="one anchor's triplets", xlim=(-reach, reach), ylim=(-reach, reach))
    left.set_aspect("equal")
    left.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1))
    top = float(d.max()) * 1.05
    costs = d[a, p] - d[a, n] + margin > 0
    right.plot(d[a, p][~costs], d[a, n][~costs], ".", color=PALETTE["grey"], label="costs nothing")
    right.plot(d[a, p][costs], d[a, n][costs], ".", color=PALETTE["orange"], label="costs")
    right.plot(d[a, p][mine], d[a, n][mine], "o", mfc="none", mec=PALETTE["ink"], label="anchor's")
    right.plot([0, top], [0, top], color=PALETTE["grey"], ls=":")
    right.plot([0, top], [margin, top + margin], color=PALETTE["ink"])
    right.set(xlabel="d(a, p), to the positive", ylabel="d(a, n), to the negative")
    loss = float(np.maximum(0, d[a, p] - d[a, n] + margin).mean()) if len(a) else 0.0
    right.set(title=f"{len(a)} triplets, loss {loss:.2f}", xlim=(0, top), ylim=(0, top))
    right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1))
    return figure


class Mined(NamedTuple):
    """A training with one way of mining: its losses, its margin, and the distances that it made."""

    losses: ArrayLike
    margin: float
    same: ArrayLike
    other: ArrayLike


def plot_collapse(runs: Mapping[str, Mined]) -> Figure:
    """Above the loss beside its margin; below the distances within and between classes."""
    figure, axes = plt.subplots(
        2, len(runs), figsize=(3.3 * len(runs), 4.6), sharex="row", squeeze=False
    )
    bins = np.linspace(0, 2, 61).tolist()
    for (above, below), (name, run) in zip(axes.T, runs.items(), strict=True):
        above.plot(np.asarray(run.losses), color=PALETTE["blue"], lw=0.8)
        above.axhline(run.margin, color=PALETTE["ink"], ls=":", lw=1)
        above.set(title=name, xlabel="step", ylim=(0, None))
        for values, colour, label in (
            (run.same, "green", "same class"),
            (run.other, "purple", "other class"),
        ):
            below.hist(np.ravel(values), bins, density=True, alpha=0.6, color=PALETTE[colour],
                       label=label)  # fmt: skip
        below.set(xlabel="distance of two embeddings", yticks=[])
    axes[0, 0].set_ylabel("loss (dotted: margin)")
    axes[1, 0].set_ylabel("pairs")
    axes[1, 0].legend(fontsize=8)
    return figure
