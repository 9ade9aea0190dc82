"""The LRU against its equations in NumPy; streaming, masks, directions, initialisation."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ecglab.nn import LRU, LRUBlock, lru, parameter_groups
from ecglab.nn.recurrence import recurrence


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _by_hand(layer: LRU, x: Tensor) -> np.ndarray:
    """The paper's equations for one sequence (time, width), one state and one step at a time."""
    p = {name: value.detach().numpy().astype(float) for name, value in layer.named_parameters()}
    y = p["D"] * x.numpy()
    for d in range(layer.directions):
        for n in range(layer.state):
            lambda_ = np.exp(-np.exp(p["nu_log"][d, n]) + 1j * np.exp(p["theta_log"][d, n]))
            b = p["B"][d, n, 0] + 1j * p["B"][d, n, 1]
            c = p["C"][d, :, n, 0] + 1j * p["C"][d, :, n, 1]
            h = 0j
            for k in reversed(range(len(x))) if d == 1 else range(len(x)):
                h = lambda_ * h + np.exp(p["gamma_log"][d, n]) * (b @ x[k].numpy())
                y[k] += (c * h).real
    return y


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_equations(bidirectional: bool) -> None:
    layer = LRU(3, 5, bidirectional=bidirectional)
    x = torch.randn(2, 20, 3)
    y = layer(x).detach().numpy()
    assert y.shape == (2, 20, 3)
    for b in range(2):
        np.testing.assert_allclose(y[b], _by_hand(layer, x[b]), atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_of_all_parameters(bidirectional: bool) -> None:
    layer = LRU(2, 3, bidirectional=bidirectional).double()
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(2, 5, 2, dtype=torch.float64, requires_grad=True)

    def out(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(out, (x, *layer.parameters()))


@torch.no_grad()
def test_streaming_equals_the_whole_sequence() -> None:
    layer = LRU(4, 6)
    x = torch.randn(3, 40, 4)
    outputs, state = [], None
    for k in range(40):
        y, state = layer.step(x[:, k], state)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, dim=1), layer(x))


def test_two_directions_cannot_stream() -> None:
    with pytest.raises(ValueError, match="reads the future"):
        LRU(4, 6, bidirectional=True).step(torch.zeros(1, 4))


@torch.no_grad()
def test_time_reversed_is_the_directions_swapped() -> None:
    layer, swapped = (LRU(4, 6, bidirectional=True) for _ in range(2))
    for name, value in layer.named_parameters():
        getattr(swapped, name).copy_(value if name == "D" else value.flip(0))
    x = torch.randn(2, 33, 4)
    torch.testing.assert_close(swapped(x.flip(1)).flip(1), layer(x))


@pytest.mark.parametrize("bidirectional", [False, True])
@torch.no_grad()
def test_only_two_directions_read_the_future(bidirectional: bool) -> None:
    layer = LRU(4, 6, bidirectional=bidirectional)
    x = torch.randn(1, 30, 4)
    moved = x.clone()
    moved[:, 20:] += 1.0
    difference = (layer(moved) - layer(x)).abs().amax(dim=(0, 2))
    assert (difference[20:] > 1e-4).all()
    assert (difference[:20] > 1e-4).all() == bidirectional
    assert bidirectional or (difference[:20] == 0).all()


@pytest.mark.parametrize("kind", [LRU, LRUBlock])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch_equals_each_sequence_alone(
    kind: type[LRU] | type[LRUBlock], bidirectional: bool, side: str
) -> None:
    layer = kind(4, 6, bidirectional=bidirectional).eval()
    lengths = [25, 1, 12]
    x = torch.full((3, 25, 4), torch.nan)  # a NaN would show wherever padding leaks
    mask = torch.zeros(3, 25, dtype=torch.bool)
    for b, n in enumerate(lengths):
        real = slice(0, n) if side == "right" else slice(25 - n, 25)
        x[b, real], mask[b, real] = torch.randn(n, 4), True
    x.requires_grad_()
    y = layer(x, mask=mask)
    for b in range(3):
        torch.testing.assert_close(y[b][mask[b]], layer(x[b : b + 1][:, mask[b]])[0])
    if kind is LRU:
        y[mask].square().sum().backward()
        assert (x.grad[~mask] == 0).all()
        assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_without_the_mask_padding_leaks_backwards() -> None:
    layer = LRU(4, 6, bidirectional=True)
    x = torch.randn(1, 30, 4)
    mask = (torch.arange(30) < 20)[None]
    leak = (layer(x) - layer(x, mask=mask)).abs()[:, :20]
    assert leak.max() > 0.01


def test_the_ring_at_the_start() -> None:
    values = LRU(1, 20_000, bidirectional=True, r_min=0.5, r_max=0.9, max_phase=2.0).eigenvalues()
    modulus, phase = values.abs().flatten().double(), values.angle().flatten().double()
    assert 0.5 - 1e-6 < modulus.min() < 0.501
    assert 0.899 < modulus.max() < 0.9 + 1e-6
    assert modulus.square().mean().item() == pytest.approx((0.5**2 + 0.9**2) / 2, abs=0.005)
    assert 0 < phase.min() < 0.001
    assert 1.999 < phase.max() < 2.0 + 1e-6
    assert phase.mean().item() == pytest.approx(1.0, abs=0.02)


def test_learning_cannot_leave_the_unit_disc() -> None:
    layer = LRU(1, 100)
    torch.nn.init.normal_(layer.nu_log, std=5.0)
    assert (layer.eigenvalues().abs() <= 1).all()


@torch.no_grad()
def test_gamma_keeps_white_noise_at_unit_variance() -> None:
    layer = LRU(32, 64, r_min=0.5, r_max=0.99)
    x = torch.randn(4, 4000, 32)
    h = recurrence(layer.eigenvalues()[0], layer._drive(x, 0))[:, 1000:]
    assert h.abs().square().mean().item() == pytest.approx(1.0, abs=0.05)
    layer.D.zero_()
    assert layer(x)[:, 1000:].var().item() == pytest.approx(1.0, abs=0.2)
    gain = 1 - layer.eigenvalues().abs().square()
    torch.testing.assert_close(layer.gamma_log.exp().square(), gain, rtol=1e-4, atol=0)


@torch.no_grad()
def test_two_directions_start_with_the_variance_of_one() -> None:
    layer = LRU(32, 64, bidirectional=True)
    layer.D.zero_()
    y = layer(torch.randn(4, 4000, 32))[:, 1000:3000]
    assert y.var().item() == pytest.approx(1.0, abs=0.2)


def test_parameter_groups_cover_a_model_and_set_its_recurrences_apart() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), LRUBlock(4, 6), LRUBlock(4, 6))
    ordinary, recurrent = parameter_groups(net, lr=1e-3, weight_decay=0.1)
    ids = [id(p) for group in (ordinary, recurrent) for p in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in net.parameters())
    names = {name for name, p in net.named_parameters() if id(p) in map(id, recurrent["params"])}
    assert {name.split(".")[-1] for name in names} == {"nu_log", "theta_log", "gamma_log", "B"}
    assert len(names) == 8
    assert (ordinary["lr"], ordinary["weight_decay"]) == (1e-3, 0.1)
    assert (recurrent["lr"], recurrent["weight_decay"]) == (5e-4, 0.0)
    torch.optim.AdamW([ordinary, recurrent])


def test_the_block_is_its_formula() -> None:
    block = LRUBlock(4, 6, bidirectional=True).eval()
    x = torch.randn(2, 15, 4)
    mean, var = x.mean(-1, keepdim=True), x.var(-1, correction=0, keepdim=True)
    h = block.lru((x - mean) / torch.sqrt(var + 1e-5))
    h = 0.5 * h * (1 + torch.erf(h / math.sqrt(2)))
    value, gate = (
        h @ w.T + b
        for w, b in zip(block.gate.weight.chunk(2), block.gate.bias.chunk(2), strict=True)
    )
    torch.testing.assert_close(block(x), x + value / (1 + torch.exp(-gate)))


def test_dropout_acts_in_training_only() -> None:
    block, x = LRUBlock(4, 6, dropout=0.5), torch.randn(1, 15, 4)
    assert not torch.equal(block(x), block(x))
    block.eval()
    assert torch.equal(block(x), block(x))


def test_under_autocast_the_recurrence_stays_in_single_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = LRUBlock(16, 16, bidirectional=True).eval()
    x = torch.randn(2, 300, 16)
    seen = []

    def spy(lambda_: Tensor, u: Tensor, **options: object) -> Tensor:
        h = recurrence(lambda_, u, **options)
        seen.extend([lambda_.dtype, u.dtype, h.dtype])
        return h

    monkeypatch.setattr(lru, "recurrence", spy)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = block(x)
    y.sum().backward()
    assert seen == [torch.complex64] * 6
    assert all(p.grad.isfinite().all() for p in block.parameters())
    torch.testing.assert_close(y.float(), block(x), atol=0.1, rtol=0.05)


def test_bad_input_is_named() -> None:
    for ring in [(0.9, 0.9), (0.9, 1.0), (-0.1, 0.5)]:
        with pytest.raises(ValueError, match="ring"):
            LRU(2, 3, r_min=ring[0], r_max=ring[1])
    with pytest.raises(ValueError, match="largest phase is positive"):
        LRU(2, 3, max_phase=-1.0)
    layer, x = LRU(2, 3), torch.zeros(1, 5, 2)
    with pytest.raises(ValueError, match="mask must be boolean"):
        layer(x, mask=torch.ones(1, 5))
    with pytest.raises(ValueError, match="mask must be boolean"):
        layer(x, mask=torch.ones(1, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="unknown form"):
        LRU(2, 3, form="quick")(x)
