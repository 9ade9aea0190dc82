"""Every form of the recurrence against loops in double precision, forwards and backwards."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter

from ecglab.nn.recurrence import FORMS, fastest_form, recurrence

EVERY = ["loop", *FORMS]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _lambda(*modulus: float) -> torch.Tensor:
    """Eigenvalues of these moduli, at phases all round the circle."""
    r = torch.tensor(modulus, dtype=torch.float64)
    return torch.polar(r, torch.linspace(0.1, 6.0, len(r), dtype=torch.float64))


def _oracle(lambda_: torch.Tensor, u: torch.Tensor, *, reverse: bool) -> NDArray[np.complex128]:
    """The definition, in NumPy."""
    a, v = lambda_.numpy(), u.numpy()
    h = np.zeros(v.shape, np.complex128)
    before = np.zeros((v.shape[0], v.shape[2]), np.complex128)
    for k in reversed(range(v.shape[1])) if reverse else range(v.shape[1]):
        before = h[:, k] = a * before + v[:, k]
    return h


@pytest.mark.parametrize("form", [*EVERY, "auto"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("time", [1, 2, 3, 8, 9, 31, 100])
def test_every_form_is_the_definition(form: str, reverse: bool, time: int) -> None:
    lambda_ = _lambda(0.3, 0.9, 0.999, 1.0)
    u = torch.randn(2, time, 4, dtype=torch.complex128)
    h = recurrence(lambda_, u, form=form, reverse=reverse)
    np.testing.assert_allclose(h.numpy(), _oracle(lambda_, u, reverse=reverse), atol=1e-12)


@pytest.mark.parametrize("form", EVERY)
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_finite_differences(form: str, reverse: bool) -> None:
    lambda_ = _lambda(0.5, 0.99).requires_grad_()
    u = torch.randn(1, 7, 2, dtype=torch.complex128, requires_grad=True)

    def states(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return recurrence(a, b, form=form, reverse=reverse)

    assert torch.autograd.gradcheck(states, (lambda_, u))
    if form == "chunked":  # the second derivative's code is shared by all forms
        assert torch.autograd.gradgradcheck(states, (lambda_, u[:, :3]))


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_the_loop_in_any_memory_layout(form: str, reverse: bool) -> None:
    grads = []
    start = torch.randn(4, 3, 200, dtype=torch.complex128)
    for kind in ("loop", form):
        lambda_ = _lambda(0.9, 0.99, 0.999, 0.5).requires_grad_()
        u = start.clone().requires_grad_()
        h = recurrence(lambda_, u.permute(1, 2, 0), form=kind, reverse=reverse)
        # A sum's gradient is one number seen everywhere, a conjugate's a view: both must be read.
        (h.conj().square().sum().real + h.real.sum()).backward()
        grads.append((lambda_.grad, u.grad))
    for mine, loops in zip(*grads, strict=True):
        torch.testing.assert_close(mine, loops)


@pytest.mark.parametrize("form", list(FORMS))
def test_a_hundred_thousand_steps_stay_exact_in_single_precision(form: str) -> None:
    lambda_ = _lambda(0.9, 0.999, 0.999).to(torch.complex64)
    u = torch.randn(1, 100_000, 3, dtype=torch.complex64)
    with torch.no_grad():
        h = recurrence(lambda_, u, form=form)[0].numpy()
    assert np.isfinite(h).all()
    for n, a in enumerate(lambda_.numpy().astype(np.complex128)):
        exact = lfilter([1], [1, -a], u[0, :, n].numpy().astype(np.complex128))
        assert np.abs(h[:, n] - exact).max() < 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize("form", EVERY)
def test_strong_damping_and_silence_underflow_to_zero_not_to_nan(form: str) -> None:
    lambda_ = torch.tensor([0.0, 1e-30, 0.01], dtype=torch.complex64)
    u = torch.zeros(1, 2000, 3, dtype=torch.complex64)
    u[:, 0] = 1.0
    h = recurrence(lambda_, u, form=form)[0]
    expected = torch.zeros_like(h)
    expected[:4] = torch.stack([lambda_**k if k else torch.ones_like(lambda_) for k in range(4)])
    torch.testing.assert_close(h, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("form", EVERY)
def test_an_impulse_rings_as_powers_of_lambda(form: str) -> None:
    lambda_ = _lambda(0.95, 0.999)
    u = torch.zeros(1, 50, 2, dtype=torch.complex128)
    u[:, 10] = 1.0
    h = recurrence(lambda_, u, form=form)[0]
    powers = lambda_ ** torch.arange(40)[:, None]
    torch.testing.assert_close(h, torch.cat([torch.zeros_like(powers[:10]), powers]))


def test_auto_takes_a_form_that_exists() -> None:
    assert fastest_form(torch.zeros(1, 3, 2, dtype=torch.complex64)) in EVERY


def test_bad_input_is_named() -> None:
    lambda_, u = _lambda(0.9, 0.9), torch.zeros(1, 4, 2, dtype=torch.complex128)
    with pytest.raises(ValueError, match="unknown form 'doubling'"):
        recurrence(lambda_, u, form="doubling")
    with pytest.raises(ValueError, match="complex dtype"):
        recurrence(lambda_, u.real)
    with pytest.raises(ValueError, match="complex dtype"):
        recurrence(lambda_, u.to(torch.complex64))
    for shape in [(4, 2), (1, 4, 3), (1, 0, 2)]:
        with pytest.raises(ValueError, match="time >= 1"):
            recurrence(lambda_, torch.zeros(shape, dtype=torch.complex128))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("form", [*FORMS, "auto"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_gpu_finds_the_same(form: str, reverse: bool) -> None:
    lambda_ = _lambda(0.3, 0.9, 0.999).requires_grad_()
    u = torch.randn(5, 250, 3, dtype=torch.complex128, requires_grad=True)

    def run(a: torch.Tensor, b: torch.Tensor, name: str) -> list[torch.Tensor]:
        h = recurrence(a, b, form=name, reverse=reverse)
        weight = torch.linspace(0, 1, h.numel(), device=h.device).reshape(h.shape)
        return [h, *torch.autograd.grad(h, (a, b), weight.to(h.dtype))]

    expected = run(lambda_, u, "loop")
    found = run(lambda_.detach().cuda().requires_grad_(), u.detach().cuda().requires_grad_(), form)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.cpu(), theirs, atol=1e-9, rtol=1e-9)
