"""The semantic encoder: any length, masks without leaks, and both ablations."""

import pytest
import torch

from ecglab.nn.semantic import SemanticEncoder, SemanticEncoderConfig

SMALL = {"width": 16, "state": 8, "blocks": 2, "strides": (2, 4)}


def encoder(**options) -> SemanticEncoder:
    torch.manual_seed(0)
    return SemanticEncoder(SemanticEncoderConfig(**{**SMALL, **options})).eval()


@pytest.mark.parametrize("body", ["lru", "cnn"])
@pytest.mark.parametrize("reducer", ["attention", "mean", "max", "last"])
def test_padding_has_no_influence(body: str, reducer: str) -> None:
    net = encoder(body=body, reducer=reducer)
    lengths = (237, 500, 64)
    traces = [torch.randn(1, 1, n) for n in lengths]
    batch = torch.full((3, 1, 500), torch.nan)
    mask = torch.zeros(3, 500, dtype=torch.bool)
    for i, x in enumerate(traces):
        batch[i, 0, : x.shape[2]], mask[i, : x.shape[2]] = x[0, 0], True
    with torch.no_grad():
        together = net(batch, mask=mask)
        alone = torch.cat([net(x) for x in traces])
    assert together.shape == (3, 16)
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_step_is_so_many_samples() -> None:
    net = encoder()
    assert net.config.stride == 8
    h, mask = net.sequence(torch.randn(2, 1, 1000))
    assert h.shape == (2, 125, 16)
    assert mask is None
    h, _ = net.sequence(torch.randn(2, 1, 1001))
    assert h.shape[1] == 126


def test_steps_stand_where_the_samples_are() -> None:
    """A spike moves the steps around it, not those far away (convolutions see so far only)."""
    net = encoder(blocks=0)
    x = torch.zeros(1, 1, 800)
    flat, _ = net.sequence(x)
    x[0, 0, 400] = 5
    spiked, _ = net.sequence(x)
    moved = (flat - spiked).abs().sum(-1)[0].nonzero().flatten()
    assert moved.min() >= 400 // 8 - 3
    assert moved.max() <= 400 // 8 + 3
    assert 400 // 8 in moved


def test_a_convolution_reaches_twice_as_far_in_every_block() -> None:
    """Nine taps, 1, 2, 4 and 8 steps apart: what an impulse moves."""
    net = encoder(body="cnn", blocks=4)
    flat = torch.zeros(1, 101, 16)
    impulse = flat.clone()
    impulse[0, 50, 3] = 1
    for block, apart in zip(net.blocks, (1, 2, 4, 8), strict=True):
        moved = (block(impulse) - block(flat)).abs().sum(-1)[0].nonzero().flatten()
        assert moved.tolist() == [50 + apart * tap for tap in range(-4, 5)]


def test_the_ablation_has_about_as_many_weights() -> None:
    sizes = {
        body: sum(p.numel() for p in SemanticEncoder(SemanticEncoderConfig(body=body)).parameters())
        for body in ("lru", "cnn")
    }
    assert 0.8 < sizes["cnn"] / sizes["lru"] < 1.25


def test_what_cannot_be_encoded() -> None:
    net = encoder()
    with pytest.raises(ValueError, match=r"takes \(batch, 1, samples\)"):
        net(torch.randn(2, 3, 100))
    with pytest.raises(ValueError, match="nothing to reduce"):
        net(torch.randn(1, 1, 100), mask=torch.zeros(1, 100, dtype=torch.bool))
    with pytest.raises(ValueError, match="mask must be boolean"):
        net(torch.randn(1, 1, 100), mask=torch.ones(1, 99, dtype=torch.bool))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"body": "rnn"}, "the body is one of"),
        ({"strides": ()}, "strides of 1 or more"),
        ({"strides": (2, 0)}, "strides of 1 or more"),
        ({"width": 15}, "cannot be halved"),
    ],
)
def test_impossible_sizes_are_refused_at_once(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SemanticEncoderConfig(**{**SMALL, **change})
