"""ipywidgets explorers; each has a static twin in plots."""
