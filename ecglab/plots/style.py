"""One look for every figure, and one way of keeping it: picture, interactive page, numbers."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Okabe & Ito's palette: told apart by colour-blind readers as well.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "grey": "#7F7F7F",
    "ink": "#222222",
}

# The four classes of CinC 2017, everywhere in the same colours and words.
CLASS_COLOURS = {
    "N": PALETTE["blue"],
    "A": PALETTE["red"],
    "O": PALETTE["orange"],
    "~": PALETTE["grey"],
}
CLASS_NAMES = {"N": "normal", "A": "atrial fibrillation", "O": "other rhythm", "~": "noisy"}


def use_style() -> None:
    """Set matplotlib's and plotly's defaults; every notebook calls it once."""
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 160,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=list(PALETTE.values())[:6]),
            "lines.linewidth": 1.2,
            "legend.frameon": False,
        }
    )
    template = go.layout.Template(pio.templates["simple_white"])
    template.layout.colorway = list(PALETTE.values())[:6]
    template.layout.margin = {"l": 60, "r": 20, "t": 50, "b": 50}
    pio.templates["ecglab"] = template
    pio.templates.default = "ecglab"


def keep(
    figure: Figure | go.Figure,
    folder: Path | str,
    name: str,
    *,
    numbers: pd.DataFrame | None = None,
    simulated: bool = False,
) -> Any:
    """Write a figure to ``folder`` and hand it back for display.

    A matplotlib figure becomes ``name.png``, a plotly figure the page ``name.html`` (which works
    without a network); the numbers behind it ``name.csv``. A figure of simulated records says so.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if numbers is not None:
        numbers.to_csv(folder / f"{name}.csv", index=False)
    if isinstance(figure, go.Figure):
        if simulated:
            where = {"xref": "paper", "yref": "paper", "x": 1, "y": 1.08, "showarrow": False}
            figure.add_annotation(text="simulated", font={"color": PALETTE["grey"]}, **where)
        figure.write_html(folder / f"{name}.html", include_plotlyjs=True, auto_play=False)
    else:
        if simulated:
            figure.text(
                0.995,
                0.003,
                "simulated",
                color=PALETTE["grey"],
                fontsize=9,
                style="italic",
                horizontalalignment="right",
            )
        figure.savefig(folder / f"{name}.png")
        plt.close(figure)  # or a notebook would show it twice: as a value, and as an open figure
    return figure
