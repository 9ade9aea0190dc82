"""Layers against slow loops and closed forms."""

import math

import pytest
import torch

from ecglab.nn import (
    Attention,
    LinearAttention,
    NearestUp,
    PixelUnshuffleDown,
    SinusoidalEmbedding,
    WeightStandardizedConv,
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_embedding_is_sines_and_cosines_of_the_step() -> None:
    out = SinusoidalEmbedding(6)(torch.tensor([7]))[0]
    for k in range(3):
        w = 10_000 ** (-k / 2)
        assert out[k].item() == pytest.approx(math.sin(7 * w), abs=1e-5)
        assert out[k + 3].item() == pytest.approx(math.cos(7 * w), abs=1e-5)


@pytest.mark.parametrize("width", [2, 7])
def test_embedding_refuses_a_width_it_cannot_fill(width: int) -> None:
    with pytest.raises(ValueError, match="even"):
        SinusoidalEmbedding(width)


@pytest.mark.parametrize("ndim", [1, 2])
def test_weight_standardised_kernels_have_zero_mean_and_unit_variance(ndim: int) -> None:
    layer = WeightStandardizedConv(ndim, 5, 4)
    torch.nn.init.normal_(layer.conv.weight, mean=3.0, std=2.0)
    torch.nn.init.zeros_(layer.conv.bias)
    # The response to a unit impulse in one channel is that channel's kernel, mirrored.
    impulses = torch.zeros(5, 5, *(9,) * ndim)
    for channel in range(5):
        impulses[(channel, channel, *(4,) * ndim)] = 1.0
    kernels = layer(impulses).flatten(2)  # (channel in, channel out, positions)
    total, power = kernels.sum(dim=(0, 2)), kernels.square().sum(dim=(0, 2))
    taps = 5 * 3**ndim
    assert torch.allclose(total / taps, torch.zeros(4), atol=1e-5)
    assert torch.allclose(power / taps, torch.ones(4), atol=1e-4)


@pytest.mark.parametrize("ndim", [1, 2])
def test_down_and_up_change_resolution_by_two(ndim: int) -> None:
    x = torch.randn(2, 3, *(8,) * ndim)
    half = PixelUnshuffleDown(ndim, 3, 6)(x)
    assert half.shape == (2, 6, *(4,) * ndim)
    assert NearestUp(ndim, 6, 3)(half).shape == x.shape


def test_unshuffling_a_signal_puts_neighbours_into_channels() -> None:
    down = PixelUnshuffleDown(1, 1, 2)
    torch.nn.init.zeros_(down.mix.bias)
    down.mix.weight.data = torch.eye(2)[:, :, None]
    out = down(torch.arange(6.0).view(1, 1, 6))
    assert out.tolist() == [[[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]]


def test_unshuffling_a_picture_puts_each_square_of_four_into_channels() -> None:
    down = PixelUnshuffleDown(2, 2, 8)
    torch.nn.init.zeros_(down.mix.bias)
    down.mix.weight.data = torch.eye(8)[..., None, None]
    x = torch.randn(3, 2, 4, 6)
    corners = [x[:, c, i::2, j::2] for c in range(2) for i in range(2) for j in range(2)]
    assert torch.equal(down(x), torch.stack(corners, dim=1))


def _parts(layer: Attention | LinearAttention, x: torch.Tensor) -> list[torch.Tensor]:
    """Queries, keys and values, each (batch, heads, head width, positions)."""
    h = layer.qkv(layer.norm(x).flatten(2))
    width = h.shape[1] // (3 * layer.heads)
    return [
        h[:, i * h.shape[1] // 3 :][:, : h.shape[1] // 3].reshape(len(x), layer.heads, width, -1)
        for i in range(3)
    ]


@pytest.mark.parametrize("shape", [(10,), (3, 4)])
def test_attention_equals_a_loop_over_positions(shape: tuple[int, ...]) -> None:
    layer = Attention(6, heads=2, head_width=3)
    x = torch.randn(2, 6, *shape)
    q, k, v = _parts(layer, x)
    mixed = torch.zeros_like(v)
    for b in range(2):
        for h in range(2):
            for i in range(v.shape[-1]):
                scores = torch.stack([q[b, h, :, i] @ k[b, h, :, j] for j in range(v.shape[-1])])
                weights = torch.softmax(scores / math.sqrt(3), 0)
                mixed[b, h, :, i] = sum(w * v[b, h, :, j] for j, w in enumerate(weights))
    expected = x + layer.out(mixed.flatten(1, 2)).view_as(x)
    assert torch.allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(10,), (3, 4)])
def test_linear_attention_equals_its_quadratic_form(shape: tuple[int, ...]) -> None:
    layer = LinearAttention(6, heads=2, head_width=3)
    x = torch.randn(2, 6, *shape)
    q, k, v = _parts(layer, x)
    q, k = q.softmax(2) / math.sqrt(3), k.softmax(3)
    # All pairs of positions at once: what the linear form avoids.
    pairs = torch.einsum("bhci,bhcj->bhij", q, k)
    mixed = torch.einsum("bhij,bhcj->bhci", pairs, v)
    expected = x + layer.out(mixed.flatten(1, 2)).view_as(x)
    assert torch.allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [Attention, LinearAttention])
def test_attention_looks_across_time(kind: type[Attention]) -> None:
    """The released 1-D code attends across heads: a change far away in time had no effect."""
    layer = kind(8)
    x = torch.randn(1, 8, 50)
    moved = x.clone()
    moved[..., -1] += 3.0
    assert not torch.allclose(layer(x)[..., 0], layer(moved)[..., 0], atol=1e-6)
