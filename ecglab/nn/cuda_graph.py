"""A training step's loss and gradients, recorded once on a GPU and replayed.

A step of a small network is thousands of kernels that each take microseconds; Python needs longer
to launch one than the GPU to run it. A CUDA graph launches all of them at once
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs): the ``gpu`` profile's semantic
autoencoder then took 68 ms a step at batch 256 on an H200, instead of 136
(``bench/bench_training.py`` compares the two anew). The price: a step may not look at its own
values on the way, and its tensors keep their shapes and their places in memory.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Generator, Tensor, nn

WARM_UP = 3  # steps before the recording, in which libraries choose their kernels


class RecordableLoss(nn.Module):
    """A loss in two parts: what is drawn at random, and the rest, which a graph can record."""

    def draw(self, batch: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Everything that ``error`` needs, of the same shapes for every batch."""
        raise NotImplementedError

    def error(self, *inputs: Tensor) -> Tensor:
        """The loss; nothing in it may wait for a value."""
        raise NotImplementedError

    def forward(self, batch: Tensor, generator: Generator) -> Tensor:
        """``error(*draw(batch, generator))``."""
        return self.error(*self.draw(batch, generator))


class GraphedLoss:
    """``loss(batch, generator)``, with the gradients in the parameters' ``grad``.

    The first call records; every call replays. Parameters must be changed in place, and no one may
    clear their ``grad``: the graph writes there, over what it wrote before.

    Args:
        module: the loss, on a GPU.
        precision: makes the context in which it is computed, such as Fabric's ``autocast``.
    """

    def __init__(
        self, module: RecordableLoss, precision: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._module, self._precision = module, precision
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._loss = torch.empty(0)

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """The loss of a batch; valid until the next call."""
        drawn = self._module.draw(batch, generator)
        if self._graph is None:
            with torch.random.fork_rng([batch.device]):  # the warm-up's dropout is nobody's
                self._graph = self._record(drawn)
        for mine, given in zip(self._inputs, drawn, strict=True):
            mine.copy_(given)
        self._graph.replay()
        return self._loss

    def _record(self, drawn: tuple[Tensor, ...]) -> torch.cuda.CUDAGraph:
        self._inputs = tuple(x.clone() for x in drawn)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._differentiate()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._loss = self._differentiate()
        return graph

    def _differentiate(self) -> Tensor:
        # Without this the gradients of the warm-up would be added to, instead of made anew.
        self._module.zero_grad(set_to_none=True)
        with self._precision():
            loss = self._module.error(*self._inputs)
        loss.backward()
        return loss.detach()
