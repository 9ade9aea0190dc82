"""ipywidgets explorers; each has a static twin in plots."""

from ecglab.widgets.lorenz import LorenzExplorer

__all__ = ["LorenzExplorer"]
