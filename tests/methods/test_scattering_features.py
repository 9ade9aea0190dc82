"""The cache: the same numbers as without it, made once, and made anew when an input changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ecglab.data.windows import WindowSet
from ecglab.methods import scattering_features as module
from ecglab.methods.pooling import periodicity
from ecglab.methods.scattering_features import DACL_WINDOWS, scattering_features
from ecglab.nn.scattering_transformer import pool_frames, scattering_transformer
from ecglab.signals.scattering import scattering


def window_set(n: int = 5, seed: int = 0) -> WindowSet:
    signals = np.random.default_rng(seed).standard_normal((n, 2, 600)).astype(np.float32)
    table = pd.DataFrame({"record": [f"r{i}" for i in range(n)], "subject": "s", "start": 0.0})
    spec = replace(DACL_WINDOWS, seconds=2.0)
    return WindowSet(signals=signals, table=table.assign(label="N"), spec=spec, source="toy")


def test_the_first_leads_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_CHUNK", 2)  # three tasks
    data = window_set()
    frames = torch.from_numpy(scattering(data.signals[:, 0], 300.0))
    found = scattering_features(data, home=tmp_path, jobs=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scattering_transformer(frames), atol=1e-5)
    plain = scattering_features(data, attention=False, home=tmp_path, jobs=1)
    np.testing.assert_allclose(plain, pool_frames(frames), atol=1e-5)
    np.testing.assert_array_equal(found, scattering_features(data, home=tmp_path / "b", jobs=2))


def test_rhythm_stands_beside_the_features_and_knows_steady_from_unsteady(tmp_path: Path):
    data = window_set()
    spec = replace(DACL_WINDOWS, seconds=10.0)
    gaps = {0: np.full(12, 240), 1: np.random.default_rng(0).integers(150, 330, 12)}
    signals = np.zeros((2, 1, 3000), np.float32)
    for row, steps in gaps.items():
        beats = np.cumsum(steps)
        signals[row, 0, beats[beats < 2990]] = 20
    signals += np.random.default_rng(1).normal(scale=0.1, size=signals.shape).astype(np.float32)
    beating = replace(data, signals=signals, table=data.table[:2], spec=spec)
    plain = scattering_features(beating, home=tmp_path, jobs=1)
    both = scattering_features(beating, rhythm=True, home=tmp_path, jobs=1)
    np.testing.assert_array_equal(both[:, : plain.shape[1]], plain)
    added = both[:, plain.shape[1] :]
    short = torch.from_numpy(scattering(signals[:, 0], 300.0, **module.SHORT_FRAMES))
    np.testing.assert_allclose(added, periodicity(short.transpose(1, 2), 300 / 16), atol=1e-5)
    steady, unsteady = added[:, : added.shape[1] // 2].mean(axis=1)
    assert steady > unsteady + 0.2


def test_made_once_and_never_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = window_set()
    first = np.array(scattering_features(data, home=tmp_path, jobs=1))
    calls = []
    build = module._build
    monkeypatch.setattr(module, "_build", lambda *a: calls.append(a) or build(*a))
    np.testing.assert_array_equal(scattering_features(data, home=tmp_path), first)
    assert not calls
    changed = replace(data, signals=data.signals.copy())
    changed.signals[4, 0, 300] += 1
    other = scattering_features(changed, home=tmp_path, jobs=1)
    assert len(calls) == 1
    np.testing.assert_allclose(other[:4], first[:4], atol=1e-5)
    assert not np.allclose(other[4], first[4], atol=1e-3)
    assert scattering_features(data, home=tmp_path, J=5, jobs=1).shape != first.shape
    assert scattering_features(data, home=tmp_path, order=1, jobs=1).shape[1] < first.shape[1]
    assert len(calls) == 3
    names = [p.name for p in tmp_path.glob("*.npy")]
    assert len(names) == 4
    assert not list(tmp_path.glob(".*.partial"))


def test_a_broken_build_leaves_nothing_behind(tmp_path: Path):
    data = window_set()
    bad = replace(data, signals=data.signals.copy())
    bad.signals[1, 0, 5] = np.nan
    with pytest.raises(ValueError, match="1 NaN or infinite samples"):
        scattering_features(bad, home=tmp_path, jobs=1)
    assert not list(tmp_path.glob("*.npy"))
    with pytest.raises(ValueError, match="no windows"):
        scattering_features(data.take(np.zeros(5, bool)), home=tmp_path)
