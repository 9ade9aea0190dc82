"""An executed notebook as one HTML page."""

from copy import deepcopy

import plotly.io as pio
from nbconvert import HTMLExporter
from nbformat import NotebookNode

PLOTLY = "application/vnd.plotly.v1+json"


def render(notebook: NotebookNode, title: str) -> str:
    """The page of a notebook, in which plotly's figures still move, also without a network.

    A kernel hands plotly's figures over as data, which JupyterLab draws and nbconvert does not:
    here they become HTML, and the first of them brings the library (4.8 MB, once in a page).
    """
    notebook = deepcopy(notebook)
    library = True
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PLOTLY in data and "text/html" not in data:
                figure = dict(data[PLOTLY])
                data["text/html"] = pio.to_html(
                    {part: figure[part] for part in ("data", "layout", "frames") if part in figure},
                    config=figure.get("config"),
                    include_plotlyjs=library,
                    full_html=False,
                    auto_play=False,
                    validate=False,
                )
                library = False
    html, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return str(html)
