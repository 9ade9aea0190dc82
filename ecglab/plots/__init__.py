"""Figures from plain arrays (matplotlib for paper figures, plotly for looking around)."""

from ecglab.plots.style import CLASS_COLOURS, CLASS_NAMES, PALETTE, keep, use_style

__all__ = ["CLASS_COLOURS", "CLASS_NAMES", "PALETTE", "keep", "use_style"]
