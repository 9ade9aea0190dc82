"""The recurrence in each of its forms against two loops, in one run, for 128 states.

``loop`` is the package's oracle, which unbinds its input; ``naive loop`` the one that is first
written, which takes ``u[:, k]`` step by step. ``traffic`` computes nothing: it reads and writes
what every form has to, so that loop / traffic is the most that any form could gain. On a CPU:
processor time on one thread, so that a busy machine stretches no side. On a GPU, where there is
one: wall time. The forms take turns. Memory is the most that a call held beyond what it was given
(Linux).
"""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ecglab.nn.recurrence import FORMS, recurrence

STATE = 128
LAPS = {  # (batch, steps): how often
    (16, 500): 10,
    (16, 3000): 5,
    (16, 30_000): 2,
    (1, 3000): 10,
    (64, 3000): 2,
}
NAIVE = [(16, 500), (16, 3000)]  # a lap of the latter takes minutes


def naive_loop(lambda_: Tensor, u: Tensor) -> Tensor:
    """The loop as one first writes it. Each u[:, k] costs the backward pass a whole sequence."""
    h, states = torch.zeros_like(u[:, 0]), []
    for k in range(u.shape[1]):
        h = lambda_ * h + u[:, k]
        states.append(h)
    return torch.stack(states, dim=1)


class Traffic(torch.autograd.Function):
    """The bytes of a recurrence, without its sums: u to h, then h and the gradient to u's."""

    @staticmethod
    def forward(ctx: Any, lambda_: Tensor, u: Tensor) -> Tensor:
        ctx.save_for_backward(lambda_, h := u.clone())
        return h

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        lambda_, h = ctx.saved_tensors
        return torch.zeros_like(lambda_), h + grad


def peak(call: Callable[[], object]) -> float:
    """The most memory that a call held at once beyond what was held before, in MiB."""

    def held(field: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

    ctypes.CDLL(None).malloc_trim(0)  # what earlier calls freed would hide what this one needs
    Path("/proc/self/clear_refs").write_text("5")  # the record starts anew
    before = held("VmRSS")
    call()
    return held("VmHWM") - before


def peak_gpu(call: Callable[[], object]) -> float:
    """The same on a GPU, by PyTorch's own books."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def seconds(call: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        began = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - began
    began = time.process_time()
    call()
    return time.process_time() - began


def run() -> dict[str, float | str]:
    """Milliseconds, best of several, the loop's over each form's, and memory."""
    found: dict[str, float | str] = {}
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    modulus = 0.9 + 0.099 * torch.rand(STATE, generator=generator)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found["LRU on"] = torch.cuda.get_device_name() if device == "cuda" else device
    phase = 6.28 * torch.rand(STATE, generator=generator)
    lambda_ = torch.polar(modulus, phase).to(device).requires_grad_()
    for (batch, steps), laps in LAPS.items():
        u = torch.randn(batch, steps, STATE, dtype=torch.complex64, generator=generator).to(device)
        u.requires_grad_()
        forms: dict[str, Callable[[], Tensor]] = {
            form: lambda u=u, form=form: recurrence(lambda_, u, form=form)
            for form in ("loop", *FORMS)
        }
        forms["traffic"] = lambda u=u: Traffic.apply(lambda_, u)
        if (batch, steps) in NAIVE:
            forms["naive loop"] = lambda u=u: naive_loop(lambda_, u)
        best = measure(forms, (lambda_, u), laps)
        for form, (forward, both, memory) in best.items():
            name = f"{batch} x {steps}, {form}"
            found[f"{name}: forward (ms)"] = round(forward * 1e3, 1)
            found[f"{name}: and backward (ms)"] = round(both * 1e3, 1)
            found[f"{name}: loop / this, forward"] = round(best["loop"][0] / forward, 2)
            found[f"{name}: loop / this, both"] = round(best["loop"][1] / both, 2)
            if memory is not None:
                found[f"{name}: memory (MiB)"] = round(memory)
    return found


def measure(
    forms: dict[str, Callable[[], Tensor]], inputs: tuple[Tensor, Tensor], laps: int
) -> dict[str, tuple[float, float, float | None]]:
    """For each form: seconds forward, seconds forward and backward, MiB of the latter (or None)."""
    weights = torch.ones_like(inputs[1])

    def forward(form: str) -> None:
        with torch.no_grad():
            forms[form]()

    def both(form: str) -> None:
        torch.autograd.grad(forms[form](), inputs, weights)

    times: dict[str, list[tuple[float, float]]] = {form: [] for form in forms}
    for lap in range(laps):
        for form in forms:
            if form == "naive loop" and lap > 0:
                continue
            now = seconds(lambda form=form: forward(form)), seconds(lambda form=form: both(form))
            times[form].append(now)
    memory = peak_gpu if torch.cuda.is_available() else peak
    return {
        form: (
            min(lap[0] for lap in times[form]),
            min(lap[1] for lap in times[form]),
            None if form == "naive loop" else memory(lambda form=form: both(form)),
        )
        for form in forms
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:<48} {value}")
