"""Artefacts: the ratio asked for, the band each lives in, and bursts that are bursts."""

import numpy as np
import pytest
from scipy.signal import periodogram

from ecglab.signals.artefacts import KINDS, add_artefact, draw_artefact

FS = 300.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr", [0.0, 12.0])
def test_the_ratio_is_the_one_asked_for(kind, snr):
    x = np.sin(np.arange(9000) / 20).astype(np.float32) * 3
    noise = add_artefact(x, kind, snr, FS, rng=np.random.default_rng(0)) - x
    assert 10 * np.log10(x.var() / noise.var()) == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("wander", 0, 1), ("muscle", 15, 150), ("motion", 0, 10)]
)
def test_each_kind_lives_in_its_band(kind, low, high):
    f, p = periodogram(draw_artefact(kind, 18_000, FS, rng=np.random.default_rng(1)), FS)
    assert p[(f >= low) & (f <= high)].sum() > 0.9 * p.sum()


def test_motion_overlaps_the_band_of_a_beat_and_wander_does_not():
    share = {}
    for kind in ("wander", "motion"):
        f, p = periodogram(draw_artefact(kind, 18_000, FS, rng=np.random.default_rng(1)), FS)
        share[kind] = p[(f >= 0.8) & (f <= 40)].sum() / p.sum()
    assert share["motion"] > 0.2
    assert share["wander"] < 0.02


def test_muscle_noise_comes_in_bursts():
    x = draw_artefact("muscle", 18_000, FS, rng=np.random.default_rng(2))
    power = (x.reshape(-1, 150) ** 2).mean(axis=1)
    white = (np.random.default_rng(3).normal(size=x.shape).reshape(-1, 150) ** 2).mean(axis=1)
    assert power.std() > 4 * white.std()


def test_a_seed_repeats():
    a, b = (draw_artefact("motion", 3000, FS, rng=np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(a, b)


def test_bad_input_is_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="noise is one of"):
        draw_artefact("hum", 3000, FS, rng=rng)
    with pytest.raises(ValueError, match="two seconds"):
        draw_artefact("wander", 300, FS, rng=rng)
    with pytest.raises(ValueError, match="finite"):
        add_artefact(np.ones(3000, np.float32), "wander", np.nan, FS, rng=rng)
