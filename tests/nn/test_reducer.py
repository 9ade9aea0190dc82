"""The Attention Reducer and its plain rivals against NumPy loops; masks."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ecglab.nn import AttentionReducer, PoolingReducer

POOLS = ["mean", "max", "last"]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _every() -> list[nn.Module]:
    return [AttentionReducer(4), *(PoolingReducer(4, pool=pool) for pool in POOLS)]


def _weight(layer: nn.Linear) -> np.ndarray:
    return layer.weight.detach().numpy().astype(float)


@pytest.mark.parametrize("length", [1, 2, 37])
def test_the_posters_equations(length: int) -> None:
    reducer = AttentionReducer(4)
    batch = torch.randn(2, length, 4)
    z, s, v = (out.detach().numpy() for out in reducer.explain(batch))
    for n in range(2):
        x = batch[n].T.numpy().astype(float)  # C x L, as on the poster
        for i in range(4):
            a_i = [sum(_weight(reducer.attention)[i] * x[:, t]) for t in range(length)]
            v_i = [sum(_weight(reducer.value)[i] * x[:, t]) for t in range(length)]
            total = sum(math.exp(a) for a in a_i)
            s_i = [math.exp(a) / total for a in a_i]
            np.testing.assert_allclose(v[n, :, i], v_i, atol=1e-5)
            np.testing.assert_allclose(s[n, :, i], s_i, atol=1e-5)
            assert z[n, i] == pytest.approx(
                sum(p * q for p, q in zip(s_i, v_i, strict=True)), abs=1e-5
            )
    assert torch.equal(reducer(batch), reducer.explain(batch)[0])


@pytest.mark.parametrize("pool", POOLS)
def test_pooling(pool: str) -> None:
    reducer = PoolingReducer(4, pool=pool)
    x = torch.randn(3, 11, 4)
    v = x.numpy() @ _weight(reducer.value).T
    expected = {"mean": v.mean(axis=1), "max": v.max(axis=1), "last": v[:, -1]}[pool]
    np.testing.assert_allclose(reducer(x).detach().numpy(), expected, atol=1e-6)


def test_attention_without_preference_is_the_mean_and_with_a_strong_one_the_maximum() -> None:
    attention, x = AttentionReducer(4), torch.randn(2, 30, 4)
    for pool, weight in [("mean", torch.zeros(4, 4)), ("max", 1e4 * attention.value.weight)]:
        plain = PoolingReducer(4, pool=pool)
        plain.value.weight.data = attention.value.weight.data
        attention.attention.weight.data = weight.detach()
        torch.testing.assert_close(attention(x), plain(x))


@pytest.mark.parametrize("reducer", _every(), ids=["attention", *POOLS])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch_equals_each_sequence_alone(reducer: nn.Module, side: str) -> None:
    x = torch.full((3, 9, 4), torch.nan)  # a NaN would show wherever padding has influence
    mask = torch.zeros(3, 9, dtype=torch.bool)
    for b, n in enumerate([9, 1, 5]):
        real = slice(0, n) if side == "right" else slice(9 - n, 9)
        x[b, real], mask[b, real] = torch.randn(n, 4), True
    x.requires_grad_()
    z = reducer(x, mask=mask)
    assert z.shape == (3, 4)
    for b in range(3):
        torch.testing.assert_close(z[b], reducer(x[b : b + 1][:, mask[b]])[0])
    z.square().sum().backward()
    assert (x.grad[~mask] == 0).all()
    assert x.grad[mask].isfinite().all()
    assert all(p.grad.isfinite().all() for p in reducer.parameters())


def test_the_weights_are_shares_of_the_real_steps() -> None:
    reducer = AttentionReducer(4)
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    z, s, v = reducer.explain(torch.randn(2, 9, 4), mask=mask)
    assert s.shape == v.shape == (2, 9, 4)
    torch.testing.assert_close(s.sum(dim=1), torch.ones(2, 4))
    assert (s[~mask] == 0).all()
    assert (v[~mask] == 0).all()
    torch.testing.assert_close((s * v).sum(dim=1), z)


@pytest.mark.parametrize("reducer", _every(), ids=["attention", *POOLS])
def test_gradients(reducer: nn.Module) -> None:
    reducer = reducer.double()
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    x = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in reducer.named_parameters()]

    def out(x: Tensor, *values: Tensor) -> Tensor:
        weights = dict(zip(names, values, strict=True))
        return torch.func.functional_call(reducer, weights, (x,), {"mask": mask})

    assert torch.autograd.gradcheck(out, (x, *reducer.parameters()))


@pytest.mark.parametrize("reducer", _every(), ids=["attention", *POOLS])
def test_autocast_sums_in_single_precision(reducer: nn.Module) -> None:
    x = torch.randn(2, 3000, 4) + 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = reducer(x)
    assert z.dtype == torch.float32
    torch.testing.assert_close(z, reducer(x), atol=0.03, rtol=0.02)


@pytest.mark.parametrize("reducer", _every(), ids=["attention", *POOLS])
def test_bad_masks_are_named(reducer: nn.Module) -> None:
    x = torch.randn(3, 6, 4)
    mask = torch.ones(3, 6, dtype=torch.bool)
    with pytest.raises(ValueError, match="mask must be boolean"):
        reducer(x, mask=mask.float())
    with pytest.raises(ValueError, match="mask must be boolean"):
        reducer(x, mask=mask[:, :5])
    mask[1] = False
    with pytest.raises(ValueError, match=r"no real step in sequences \[1\]"):
        reducer(x, mask=mask)
    with pytest.raises(ValueError, match="no real step"):
        reducer(x[:, :0])


def test_an_unknown_pool_is_named() -> None:
    with pytest.raises(ValueError, match="unknown pool 'sum'"):
        PoolingReducer(4, pool="sum")
