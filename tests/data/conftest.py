"""Fixtures of the tests that fetch."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from broken_server import BrokenServer
from toy_project import PROJECT, VERSION, whole_names, write_project


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file tree with one small project."""
    write_project(tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def server(tree: Path) -> Iterator[BrokenServer]:
    """The tree, served."""
    with BrokenServer(tree) as server:
        yield server


@pytest.fixture
def target(data_home: Path, tree: Path) -> Iterator[Path]:
    """Where the project goes. In the end, what stands there under its own name must be whole."""
    folder = data_home / PROJECT / VERSION
    yield folder
    for path in whole_names(folder):
        assert (folder / path).read_bytes() == (tree / PROJECT / VERSION / path).read_bytes()
