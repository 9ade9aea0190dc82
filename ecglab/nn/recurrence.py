"""Four ways to compute one diagonal linear recurrence.

``h_k = lambda h_{k-1} + u_k``, from ``h_{-1} = 0``, separately for every state:

- ``loop``: as it is written, one step after the other, differentiated by PyTorch. The oracle.
- ``chunked``: sqrt(T) chunks side by side, each by a loop; a short loop chains their ends.
- ``scan``: neighbours are merged in pairs, which halves the sequence, and so on.
- ``fft``: a convolution with the kernel (1, lambda, lambda^2, ...).

No form ever divides by a power of lambda, so none overflows, however long the sequence.

The last three share one backward pass, which is again a recurrence, in reversed time:
``g_k = dL/dh_k + conj(lambda) g_{k+1}`` is the gradient to u_k, and
``dL/dlambda = sum_k conj(h_{k-1}) g_k``. It needs nothing but h: there is no graph of T steps.

Forward and backward on one core of a server's CPU, for 128 states and 3,000 steps
(``bench/bench_lru.py``): ``chunked`` takes 5 ms for one sequence, the loop 79 ms, 16 times as long.
For 16 sequences it takes 78 ms against 215: about a third, since one step of the loop is then
2,048 states, which hides its overhead, and memory sets the pace. It holds 145 MiB, the loop 189.
A second thread changes little: wall times of another run made the loop 1.6 times as long with one
thread and 1.7 times with two. No form could gain much more: merely to read and write what each one
must (``traffic`` in the bench) took 56 ms where the loop took 183. Against the loop as one first
writes it the factor is about a thousand: there every ``u[:, k]`` costs the backward pass a whole
sequence of zeros, 87 s in all.
The loop here unbinds u instead.
On an H200 ``scan`` takes 5.6 ms for the 16 sequences, the loop 288 ms, 51 times as long.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from scipy.fft import next_fast_len
from torch import Tensor

Solve = Callable[[Tensor, Tensor, bool], Tensor]


def recurrence(lambda_: Tensor, u: Tensor, *, form: str = "auto", reverse: bool = False) -> Tensor:
    """All states of ``h_k = lambda h_{k-1} + u_k``, or of ``h_k = lambda h_{k+1} + u_k``.

    Args:
        lambda_: complex (state,), with modulus at most 1.
        u: complex (batch, time, state), of lambda's dtype.
        form: ``loop``, ``chunked``, ``scan``, ``fft``, or ``auto`` for ``fastest_form``'s choice.
        reverse: run from the last step to the first.

    Returns:
        h, complex (batch, time, state).

    Raises:
        ValueError: for real tensors, other shapes, no time steps, or an unknown form.

    >>> lambda_, u = torch.tensor([0.5j]), torch.tensor([[[1 + 0j], [0j], [0j]]])
    >>> recurrence(lambda_, u, form="scan").flatten().tolist()  # an impulse: 1, lambda, lambda^2
    [(1+0j), 0.5j, (-0.25+0j)]
    """
    if u.ndim != 3 or u.shape[1] == 0 or lambda_.shape != u.shape[2:]:
        raise ValueError(
            "a recurrence takes lambda (state,) and u (batch, time >= 1, state), "
            f"not {tuple(lambda_.shape)} and {tuple(u.shape)}"
        )
    if not u.is_complex() or lambda_.dtype != u.dtype:
        raise ValueError(f"lambda and u must share a complex dtype: {lambda_.dtype}, {u.dtype}")
    if form == "auto":
        form = fastest_form(u)
    if form == "loop":
        return _loop(lambda_, u, reverse)
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}: choose auto, loop, {', '.join(FORMS)}")
    return cast(Tensor, _Recurrence.apply(lambda_, u, FORMS[form], reverse))


def fastest_form(u: Tensor) -> str:
    """The form that is fastest for this size on this device.

    On a CPU ``chunked``: the fastest or close to it at every size measured; at 64 sequences and
    more the loop draws level. On a GPU ``scan``: forward and backward for 128 states, an H200 took
    2.1 ms (16 sequences of 500), 5.6 ms (of 3,000) and 12 ms (of 30,000). ``chunked`` took 3.5, 7.8
    and 30 ms; ``fft`` is ahead for short sequences (1.8 and 5.1 ms) and far behind for long ones
    (68 ms), at three times the memory.
    """
    return "chunked" if u.device.type == "cpu" else "scan"


def _loop(lambda_: Tensor, u: Tensor, reverse: bool) -> Tensor:
    """The definition."""
    inputs = u.unbind(1)
    states: list[Tensor] = []
    h = torch.zeros_like(inputs[0])
    for now in reversed(inputs) if reverse else inputs:
        h = lambda_ * h + now  # h_k = lambda h_{k-1} + u_k
        states.append(h)
    return torch.stack(states[::-1] if reverse else states, dim=1)


class _Recurrence(torch.autograd.Function):
    """Any form, with the reversed recurrence as its backward pass."""

    @staticmethod
    def forward(ctx: Any, lambda_: Tensor, u: Tensor, solve: Solve, reverse: bool) -> Tensor:
        h = solve(lambda_, u, reverse)
        ctx.save_for_backward(lambda_, h)
        ctx.solve, ctx.reverse = solve, reverse
        return h

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        lambda_, h = ctx.saved_tensors
        g = cast(Tensor, _Recurrence.apply(lambda_.conj(), grad, ctx.solve, not ctx.reverse))
        before, after = (h[:, 1:], g[:, :-1]) if ctx.reverse else (h[:, :-1], g[:, 1:])
        pieces = zip(_pieces(before), _pieces(after), strict=True)
        sums = [torch.linalg.vecdot(a, b, dim=1).sum(dim=0) for a, b in pieces]  # conj(h_{k-1}) g_k
        return torch.stack(sums).sum(dim=0), g, None, None  # dL/dlambda, dL/du


def _pieces(u: Tensor) -> tuple[Tensor, ...]:
    """What to work on at once, (some, time, state) each.

    On a CPU one sequence, whose intermediate products then stay in its cache; on a GPU all of them,
    since there every call costs the same, however much it does.
    """
    return u.split(1 if u.device.type == "cpu" else len(u))


def _power(lambda_: Tensor, exponent: Tensor) -> Tensor:
    """lambda^exponent, in double precision on the way: a phase times 10^5 needs its digits."""
    lambda_ = lambda_.to(torch.complex128)
    power = torch.polar(lambda_.abs() ** exponent, lambda_.angle() * exponent)
    return power.to(lambda_.dtype)


def _chunked(lambda_: Tensor, u: Tensor, reverse: bool) -> Tensor:
    """sqrt(T) chunks of sqrt(T) steps, in three loops of that length over many values at once.

    1. The end of every chunk, had it started from zero: ``e = sum_j lambda^(L-1-j) u_j``.
    2. What each chunk really starts from: the same recurrence over the ends, with lambda^L.
    3. All states, every chunk from its own start. A remainder of fewer than L steps follows.
    """
    time = u.shape[1]
    length = math.isqrt(time)
    whole = time - time % length
    h = u.new_empty(u.shape)
    body, tail = slice(whole), range(whole, time)
    if reverse:
        body, tail = slice(time - whole, time), range(time - whole - 1, -1, -1)
    order = slice(None, None, -1 if reverse else 1)
    inputs = u[:, body].unflatten(1, (-1, length)).unbind(2)[order]  # each (batch, chunk, state)
    states = h[:, body].unflatten(1, (-1, length)).unbind(2)[order]

    end = inputs[0].clone()  # 1. e, of each chunk
    for now in inputs[1:]:
        torch.addcmul(now, lambda_, end, out=end)
    start = torch.zeros_like(end)
    ends, starts = end.unbind(1)[order], start.unbind(1)[order]
    leap = _power(lambda_, torch.tensor(length))  # 2. lambda^L
    for k in range(1, len(ends)):
        torch.addcmul(ends[k - 1], leap, starts[k - 1], out=starts[k])
    before = start  # 3. from each chunk's own start
    for now, state in zip(inputs, states, strict=True):
        before = torch.addcmul(now, lambda_, before, out=state)
    before = h[:, time - whole if reverse else whole - 1]
    for t in tail:
        before = torch.addcmul(u[:, t], lambda_, before, out=h[:, t])
    return h


def _scan(lambda_: Tensor, u: Tensor, reverse: bool) -> Tensor:
    """The associative scan (Blelloch 1990), which a constant lambda makes short.

    Steps 2k and 2k+1 together are one step of the recurrence with lambda^2 and the input
    ``lambda u_2k + u_2k+1``: half as many steps give the odd states, one more step the even ones.
    """
    if reverse:
        return _scan(lambda_, u.flip(1), False).flip(1)
    time = u.shape[1]
    if time == 1:
        return u.clone()
    odd = _scan(lambda_.square(), torch.addcmul(u[:, 1::2], lambda_, u[:, : time - 1 : 2]), False)
    h = u.new_empty(u.shape)
    h[:, 0], h[:, 1::2] = u[:, 0], odd
    h[:, 2::2] = torch.addcmul(u[:, 2::2], lambda_, odd[:, : (time - 1) // 2])
    return h


def _fft(lambda_: Tensor, u: Tensor, reverse: bool) -> Tensor:
    """The convolution theorem, zero-padded to at least twice the length: nothing wraps around."""
    if reverse:
        return _fft(lambda_, u.flip(1), False).flip(1)
    time = u.shape[1]
    size = next_fast_len(2 * time)
    kernel = torch.fft.fft(_power(lambda_, torch.arange(time, device=u.device)[:, None]), size, 0)
    h = u.new_empty(u.shape)
    for inputs, states in zip(_pieces(u), _pieces(h), strict=True):
        states.copy_(torch.fft.ifft(torch.fft.fft(inputs, size, 1) * kernel, dim=1)[:, :time])
    return h


FORMS: dict[str, Solve] = {"chunked": _chunked, "scan": _scan, "fft": _fft}
