"""Pooling over time, against slow loops and signals whose rhythm is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglab.methods.pooling import mean_and_deviation, periodicity


def test_mean_and_deviation() -> None:
    out = mean_and_deviation([torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[5.0], [7.0]]])])
    assert out.tolist() == [[2.0, 5.0, 7.0, 1.0, 0.0, 0.0]]


def test_images_are_pooled_over_both_axes() -> None:
    image = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    assert torch.allclose(mean_and_deviation([image]), torch.tensor([[4.0, 5.0**0.5]]))


@given(st.integers(0, 2**31), st.sampled_from([(125, 12.5), (250, 25.0), (40, 12.5), (7, 3.0)]))
def test_periodicity_is_the_autocorrelation_by_its_definition(
    seed: int, size: tuple[int, float]
) -> None:
    n, rate = size
    x = np.random.default_rng(seed).normal(3.0, 2.0, (2, 3, n))
    found = periodicity(torch.from_numpy(x).float(), rate).numpy()
    for b in range(2):
        for c in range(3):
            z = x[b, c] - x[b, c].mean()
            lags = [k for k in range(1, n) if 0.3 - 1e-9 <= k / rate <= 2.0 + 1e-9]
            r = [sum(z[i] * z[i + k] for i in range(n - k)) / sum(z * z) for k in lags]
            assert np.allclose(found[b, [c, c + 3]], [max(r), min(r)], atol=1e-5)


def test_a_regular_train_of_beats_is_more_periodic_than_a_random_one() -> None:
    rng = np.random.default_rng(0)
    regular, irregular = np.zeros(500), np.zeros(500)
    regular[::40] = 1.0
    irregular[rng.choice(500, 13, replace=False)] = 1.0
    r = periodicity(torch.from_numpy(np.stack([regular, irregular]))[None], 50.0)
    assert r[0, 0] > 0.85
    assert r[0, 1] < 0.3


def test_a_constant_channel_has_none() -> None:
    for value in (0.0, 0.1, -1e6, 1e-8):
        assert periodicity(torch.full((1, 2, 125), value), 12.5).tolist() == [[0.0] * 4]


def test_a_map_without_such_lags() -> None:
    with pytest.raises(ValueError, match="hold no lag"):
        periodicity(torch.randn(1, 1, 3), 12.5)
    with pytest.raises(ValueError, match="hold no lag"):
        periodicity(torch.randn(1, 1, 100), 0.4)


def test_no_maps_have_no_periodicity() -> None:
    assert periodicity(torch.zeros(0, 3, 500), 50.0).shape == (0, 6)
