"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

from ecglab.data.locations import is_url, physionet_base

torch.set_num_threads(1)  # the tests' tensors are small: more threads only wait for each other


@pytest.fixture(autouse=True)
def data_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test writes its caches into a folder of its own."""
    home = tmp_path_factory.mktemp("ecglab-data")
    monkeypatch.setenv("ECGLAB_DATA", str(home))
    return home


@pytest.fixture
def physionet() -> Path:
    """The local mirror of PhysioNet's file tree; tests that ask for it are marked ``real``."""
    if not os.environ.get("ECGLAB_PHYSIONET") or is_url(physionet_base()):
        pytest.skip("ECGLAB_PHYSIONET names no local mirror")
    return Path(physionet_base()).resolve()
