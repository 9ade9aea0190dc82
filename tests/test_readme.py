"""The front page's Python, run as it stands but for the sizes."""

import re
from pathlib import Path

import numpy as np
import pytest

from ecglab.methods import METHODS

PAGE = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_arrays_of_ones_own_and_an_embedding_in_one_line() -> None:
    arrays, embedding, _ = BLOCKS
    signals = np.random.default_rng(0).normal(size=(3, 2, 5000)).astype(np.float32)
    names = {"signals": signals, "labels": ["a", "b", "a"], "subjects": [1, 2, 3]}
    exec(arrays, names)
    assert names["data"].signals.shape == (3, 2, 1000)
    names = {"traces": signals[:, 0]}
    exec(embedding, names)
    assert names["vectors"].shape == (3, 768)


def test_a_method_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(METHODS, "loudness", METHODS["rr-spectral"])  # and out again at the end
    small = BLOCKS[2].replace('"laptop"', '"smoke"').replace('"auto"', '"simulator"')
    exec(small, {"__name__": "mine"})
    said = capsys.readouterr().out
    assert "loudness" in said
    assert "macro_f1_over_rr-spectral" in said
