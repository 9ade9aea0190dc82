"""Small notebooks to try the course's machinery on."""

from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # About {name}
#
# **Minutes**: 3

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures"
"""

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def write_notebook() -> Write:
    """Writes a notebook: the form's first two cells, then the cells given."""

    def write(folder: Path, name: str, *cells: str) -> Path:
        script = folder / f"{name}.py"
        folder.mkdir(parents=True, exist_ok=True)
        body = [cell if cell.startswith("# %%") else f"# %%\n{cell}" for cell in cells]
        text = "\n\n".join([HEADER.format(name=name).rstrip(), *body]) + "\n"
        script.write_text(text, encoding="utf-8")
        return script

    return write
