"""The one training loop: device, precision, data-parallel, EMA, checkpoints, resume, progress.

Distribution is Lightning Fabric's work: it leaves the loop in our hands (so that a learner can read
it), and launches the processes of several devices. (From a script, not from a notebook: they are
spawned, and a notebook's functions cannot be.)

Every step draws its randomness from (seed, step, rank) alone and its batch from (seed, epoch). A
run that is killed and resumed therefore repeats exactly what an unbroken run does; a checkpoint
needs no generator states.
"""

import copy
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.multiprocessing import ProcessRaisedException

from ecglab.data.whole import whole
from ecglab.nn import parameter_groups
from ecglab.nn.cuda_graph import GraphedLoss, RecordableLoss
from ecglab.profiles import Profile
from ecglab.progress import progress

MACHINE = {"checkpoint_every", "accelerator", "precision", "graph"}
"""How often to save, and on what: fields that may differ between the two halves of a run."""


class TrainingDiverged(RuntimeError):
    """The loss or its gradient became NaN or infinite; the message names the step."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train. Every field is kept in the checkpoint; on resume all must be the same but
    ``precision``, ``accelerator``, ``graph`` and ``checkpoint_every``.

    Attributes:
        steps: optimiser steps in all.
        batch_size: windows per step, over all devices together.
        lr: peak learning rate of AdamW.
        weight_decay: of AdamW.
        warmup: steps over which the rate rises linearly; it then falls to zero along a cosine.
        clip: largest gradient norm.
        ema: decay of the weights' exponential moving average, 0 for none. Early on it is
            ``(1 + step) / (10 + step)`` where that is smaller, so that short runs work too.
        precision: Fabric's name, ``32-true`` or ``bf16-mixed``.
        accelerator: ``auto``, ``cpu`` or ``cuda``.
        devices: number of devices; more than one trains data-parallel.
        graph: replay the steps as a CUDA graph, on one GPU and with a loss that allows it.
        seed: source of all randomness.
        checkpoint_every: steps between checkpoints, where a folder is given.

    Raises:
        ValueError: for a batch that the devices cannot share evenly.
    """

    steps: int
    batch_size: int = 64
    lr: float = 1e-4
    weight_decay: float = 0.0
    warmup: int = 0
    clip: float = 1.0
    ema: float = 0.999
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    graph: bool = True
    seed: int = 0
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        if self.batch_size % self.devices:
            raise ValueError(
                f"batch size {self.batch_size} is not divisible by {self.devices} devices"
            )

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The budget of a profile."""
        return cls(
            steps=profile.steps,
            batch_size=profile.batch_size,
            lr=profile.lr,
            warmup=profile.warmup,
            ema=profile.ema,
            precision=quick_precision() if profile.precision == "auto" else profile.precision,
            seed=seed,
        )


def quick_precision() -> str:
    """``bf16-mixed`` where this machine computes with bfloat16 in hardware, else ``32-true``.

    A processor without AVX-512 has to emulate it, which was seen to take 5.6 times as long.
    """
    if torch.cuda.is_available():
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return "bf16-mixed" if quick else "32-true"


@dataclass(kw_only=True)
class TrainReport:
    """What a run leaves behind besides the weights.

    Attributes:
        losses: of every step.
        device: what it ran on.
        seconds: time spent training, over all resumptions.
    """

    losses: list[float] = field(default_factory=list)
    device: str = "cpu"
    seconds: float = 0.0


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to ``config.lr``, then a half cosine to zero at ``config.steps``."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def batch_indices(n: int, config: TrainConfig, step: int, rank: int = 0) -> NDArray[np.int64]:
    """Which windows this rank sees at this step: a slice of the epoch's permutation of all n.

    Batches run across epoch ends, so that every window is used equally often.
    """
    share = config.batch_size // config.devices
    positions = step * config.batch_size + rank * share + np.arange(share)
    epochs = positions // n
    order = {e: np.random.default_rng([config.seed, e]).permutation(n) for e in np.unique(epochs)}
    return np.array([order[e][p % n] for e, p in zip(epochs, positions, strict=True)])


def step_generator(config: TrainConfig, step: int, rank: int = 0) -> torch.Generator:
    """The step's own random numbers, on the CPU so that every device sees the same ones."""
    return torch.Generator().manual_seed(_step_seeds(config, step, rank)[0])


def _step_seeds(config: TrainConfig, step: int, rank: int) -> tuple[int, int]:
    """One for what the loss draws, one for PyTorch's own generators, which dropout uses."""
    state = np.random.SeedSequence([config.seed, step, rank]).generate_state(4, np.uint32)
    a, b, c, d = (int(word) for word in state)
    return a << 32 | b, c << 32 | d


class ExponentialMovingAverage:
    """A running average of a module's weights: ``avg <- d avg + (1 - d) weights``."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take one step's weights in."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages: list[Tensor] = list(self.module.parameters())
        weights = [w.detach() for w in module.parameters()]
        torch._foreach_lerp_(averages, weights, 1 - decay)
        for mine, theirs in zip(self.module.buffers(), module.buffers(), strict=True):
            mine.copy_(theirs)


def train(
    loss_module: nn.Module,
    data: NDArray[Any],
    config: TrainConfig,
    *,
    checkpoint: Path | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Callable[[int, float], None] | None = None,
) -> TrainReport:
    """Minimise ``loss_module(batch, generator)`` over batches of ``data``.

    The weights end up in place, and on the device where they were: what comes after a training
    need not know that it was a GPU that did it.

    Args:
        loss_module: its forward takes a batch (batch, ...) and a generator to a scalar.
        data: all samples, (n, ...), float32 or integers; a memory map serves. ``bf16-mixed`` rounds
            floats: what must stay exact, such as row numbers, goes in as integers.
        config: how to train.
        checkpoint: a file to write to and, where it exists, to resume from. Needed for several
            devices, whose processes hand the weights back through it.
        about: what else the run is, in plain values; kept in the checkpoint, as is a fingerprint of
            the data, and compared on resume.
        watch: called with (step, loss) after every step, on the first process.

    Returns:
        The losses since step 0, resumed ones included.

    Raises:
        TrainingDiverged: where the loss or its gradient is no longer finite.
        ValueError: for no data, or a checkpoint made by another configuration or from other data.
    """
    if len(data) == 0:
        raise ValueError("nothing to train on: the data hold no windows")
    run_is = {**asdict(config), **(about or {}), "data": fingerprint(data)}
    accelerator = config.accelerator
    if accelerator == "auto":  # Fabric's own would take Apple's MPS, which knows no complex128
        accelerator = best_device().type
    if config.devices == 1:
        fabric = Fabric(accelerator=accelerator, devices=1, precision=cast(Any, config.precision))
        home = next(loss_module.parameters()).device
        with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
            report = _run(fabric, loss_module, data, config, checkpoint, run_is, watch)
        loss_module.to(home)
        return report
    if checkpoint is None:
        raise ValueError("training on several devices needs a checkpoint to hand weights back")
    if checkpoint.exists():
        _load(checkpoint, run_is)  # what is wrong with it is said here, not by each process
    fabric = Fabric(
        accelerator=accelerator,
        devices=config.devices,
        strategy="ddp_spawn",
        precision=cast(Any, config.precision),
    )
    # The module travels as an argument of its own: there Fabric undoes the sharing of its memory
    # between processes. The rest is bound, since Fabric refuses frozen dataclasses as arguments.
    run = partial(_run, data=data, config=config, checkpoint=checkpoint, run_is=run_is, watch=watch)
    try:
        fabric.launch(run, loss_module)
    except ProcessRaisedException as error:
        name, _, message = str(error).strip().splitlines()[-1].partition(": ")
        if name.endswith(TrainingDiverged.__name__):
            raise TrainingDiverged(message) from error
        raise
    state = _load(checkpoint, run_is)
    loss_module.load_state_dict(state["ema"] if config.ema else state["module"])
    fields = ("losses", "device", "seconds")
    return TrainReport(**{name: state[name] for name in fields})


def _run(
    fabric: Fabric,
    loss_module: nn.Module,
    data: NDArray[Any],
    config: TrainConfig,
    checkpoint: Path | None,
    run_is: Mapping[str, Any],
    watch: Callable[[int, float], None] | None,
) -> TrainReport:
    """The loop itself, in one process of perhaps several."""
    # Recurrent parameters have a rate of their own: a fixed share of the others'.
    groups = parameter_groups(loss_module, lr=config.lr, weight_decay=config.weight_decay)
    shares = [group["lr"] / config.lr for group in groups]
    optimizer = torch.optim.AdamW(groups, lr=config.lr)
    wrapped, optimizer = fabric.setup(loss_module, optimizer)
    module = cast(nn.Module, wrapped.module)
    ema = ExponentialMovingAverage(module, config.ema)
    report = TrainReport(device=device_name(fabric.device))
    if checkpoint is not None and checkpoint.exists():
        _resume(checkpoint, run_is, module, ema, optimizer, report)

    differentiate = _differentiator(fabric, wrapped, optimizer, config)
    first, before, began = len(report.losses), report.seconds, time.perf_counter()
    wrapped.train()
    for step in progress(range(first, config.steps), "training", enabled=fabric.is_global_zero):
        batch = torch.from_numpy(
            np.array(data[batch_indices(len(data), config, step, fabric.global_rank)])
        )
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = share * learning_rate(config, step)
        torch.manual_seed(_step_seeds(config, step, fabric.global_rank)[1])
        loss = differentiate(
            fabric.to_device(batch), step_generator(config, step, fabric.global_rank)
        )
        norm = fabric.clip_gradients(
            wrapped, optimizer, max_norm=config.clip, error_if_nonfinite=False
        )
        optimizer.step()
        ema.update(module, step)
        value = float(cast(Tensor, fabric.all_reduce(loss, reduce_op="mean")))
        for what, number in {"loss": value, "gradient's norm": float(cast(Tensor, norm))}.items():
            if not math.isfinite(number):
                raise TrainingDiverged(
                    f"the {what} is {number} at step {step}; try a lower learning rate"
                )
        report.losses.append(value)
        report.seconds = before + time.perf_counter() - began
        if watch is not None and fabric.is_global_zero:
            watch(step, value)
        last = step + 1 == config.steps
        if checkpoint is not None and (last or (step + 1) % config.checkpoint_every == 0):
            if fabric.is_global_zero:
                _save(checkpoint, run_is, module, ema, optimizer, report)
            fabric.barrier()
    if config.ema:
        loss_module.load_state_dict(ema.module.state_dict())
    loss_module.eval()
    return report


def _differentiator(
    fabric: Fabric, wrapped: Any, optimizer: Any, config: TrainConfig
) -> Callable[[Tensor, torch.Generator], Tensor]:
    """What gives a batch's loss and leaves its gradients in the parameters."""

    def plainly(batch: Tensor, generator: torch.Generator) -> Tensor:
        loss = wrapped(batch, generator)
        optimizer.zero_grad()
        fabric.backward(loss)
        return cast(Tensor, loss.detach())

    one_gpu = fabric.device.type == "cuda" and config.devices == 1
    if config.graph and one_gpu and isinstance(wrapped.module, RecordableLoss):
        return GraphedLoss(wrapped.module, fabric.autocast)
    return plainly


def fingerprint(data: NDArray[Any]) -> str:
    """A digest of the data's shape, type and up to 1,000 samples, evenly spaced."""
    digest = hashlib.sha256(f"{data.shape} {data.dtype}".encode())
    digest.update(data[:: -(-len(data) // 1000)].tobytes())
    return digest.hexdigest()[:16]


def _save(
    path: Path,
    run_is: Mapping[str, Any],
    module: nn.Module,
    ema: ExponentialMovingAverage,
    optimizer: torch.optim.Optimizer,
    report: TrainReport,
) -> None:
    """Write a checkpoint, never half a file."""
    state = {
        "config": dict(run_is),
        "module": module.state_dict(),
        "ema": ema.module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": report.losses,
        "device": report.device,
        "seconds": report.seconds,
    }
    with whole(path) as partial:
        torch.save(state, partial)


def _resume(
    path: Path,
    run_is: Mapping[str, Any],
    module: nn.Module,
    ema: ExponentialMovingAverage,
    optimizer: torch.optim.Optimizer,
    report: TrainReport,
) -> None:
    """Take up a checkpoint where it stopped."""
    state = _load(path, run_is, next(module.parameters()).device)
    module.load_state_dict(state["module"])
    ema.module.load_state_dict(state["ema"])
    optimizer.load_state_dict(state["optimizer"])
    report.losses.extend(state["losses"])
    report.seconds = state["seconds"]
    devices = state["device"].split(", then ")
    report.device = ", then ".join(devices + [report.device] * (report.device != devices[-1]))


def _load(
    path: Path, run_is: Mapping[str, Any], device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """The checkpoint of this very run."""
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    changed = {k for k, v in run_is.items() if state["config"].get(k) != v} - MACHINE
    if changed:
        raise ValueError(
            f"{path}: made with other settings ({', '.join(sorted(changed))}); "
            "delete it to train anew"
        )
    return state


def best_device() -> torch.device:
    """Where a training runs that was not told: a CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine_device() -> str:
    """The name of ``best_device``."""
    return device_name(best_device())


def device_name(device: torch.device) -> str:
    """A device as a person would name it: ``cpu``, or the GPU's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
