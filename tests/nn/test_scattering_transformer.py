"""The layer against a loop in NumPy, and what must follow from its equations."""

import numpy as np
import pytest
import torch

from ecglab.nn.scattering_transformer import (
    add_positions,
    attention_map,
    contextualise,
    pool_frames,
    scattering_transformer,
)


def frames(batch: int = 2, n: int = 5, d: int = 6) -> torch.Tensor:
    return torch.rand(batch, n, d, generator=torch.Generator().manual_seed(0))


def by_hand(s: np.ndarray, a: float) -> np.ndarray:
    """One window, entry by entry."""
    n, d = s.shape
    even = d + d % 2
    x = np.zeros((n, d))
    for i in range(n):
        for k in range(d):
            half = even // 2
            angle = i * 10_000 ** (-(k % half) / (half - 1))
            x[i, k] = s[i, k] + a * (np.sin(angle) if k < half else np.cos(angle))
    y = np.zeros((n, d))
    for i in range(n):
        weights = np.array([np.exp(x[i] @ x[j] / np.sqrt(d)) for j in range(n)])
        token = x[i] + sum(w * x[j] for j, w in enumerate(weights / weights.sum()))
        y[i] = (token - token.mean()) / np.sqrt(token.var() + 1e-5)
    return np.concatenate([y.mean(axis=0), y.std(axis=0)])


@pytest.mark.parametrize("d", [6, 7])
@pytest.mark.parametrize("amplitude", [0.1, 1.0])
def test_it_is_the_loop(d: int, amplitude: float):
    s = frames(d=d)
    expected = np.stack([by_hand(window.numpy().astype(float), amplitude) for window in s])
    ours = scattering_transformer(s, amplitude=amplitude)
    assert ours.shape == (2, 2 * d)
    np.testing.assert_allclose(ours, expected, atol=2e-5)


def test_rows_of_the_map_sum_to_one_and_look_at_what_is_alike():
    tokens = 9 * torch.eye(3).repeat(1, 2, 1)  # frames 0 and 3, 1 and 4, 2 and 5 are equal
    a = attention_map(tokens)[0]
    torch.testing.assert_close(a.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(a, 0.5 * torch.eye(3).repeat(2, 2), atol=1e-6, rtol=0)


def test_only_positions_know_the_order():
    s = frames()
    mixed = s[:, [3, 0, 4, 1, 2]]
    torch.testing.assert_close(
        scattering_transformer(s, amplitude=0), scattering_transformer(mixed, amplitude=0)
    )
    assert not torch.allclose(scattering_transformer(s), scattering_transformer(mixed), atol=1e-4)


def test_pooling_is_mean_and_deviation():
    pooled = pool_frames(torch.tensor([[[1.0, 5.0], [3.0, 5.0]]]))
    assert pooled.tolist() == [[2.0, 5.0, 1.0, 0.0]]


def test_equal_frames_and_silence_stay_finite():
    assert scattering_transformer(torch.zeros(1, 4, 6)).isfinite().all()
    tokens = contextualise(torch.zeros(1, 4, 6), amplitude=0)
    assert not tokens.any()
    assert scattering_transformer(frames(n=1))[:, 6:].abs().max() == 0  # one frame: no deviation


def test_bad_frames_are_named():
    with pytest.raises(ValueError, match=r"\(batch, frames, d\)"):
        add_positions(torch.zeros(4, 6))
    with pytest.raises(ValueError, match="NaN"):
        scattering_transformer(torch.full((1, 4, 6), torch.nan))
