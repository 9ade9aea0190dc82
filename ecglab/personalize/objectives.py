"""How promising is a noise step t? Ask the first two epochs of a classifier of its features.

Accuracy and F1 say little before a model has converged, and convergence takes long. DiffECG's gamma
(eq. 10) asks instead how much loss a unit of weight change removes:

``gamma = (L(w_r) - L(w_{r+1})) / ||w_{r+1} - w_r||``

For one small step of gradient descent, w_{r+1} = w_r - eta grad L (eq. 14), it tends to the norm of
the gradient, ||grad L(w_r)||, as eta -> 0 (eq. 15). An epoch of Adam in batches is no such step, so
there eq. 15 is a motivation, not an identity.

All objectives are to be maximised, and compare the last two epochs on the validation part.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from ecglab.methods.frozen import shuffled_batches
from ecglab.training import TrainingDiverged

Inputs: TypeAlias = Tensor | Mapping[str, Tensor]
"""What a head reads: one tensor (windows, ...), or one for each modality by name."""

MIX_LOSS_WEIGHT = 0.5
"""Share of the loss in ``mix``; F1 has the rest. The paper gives no weights: we take equal ones."""

RELEASED_FLOOR = 1e-10
"""What the released code puts in place of a non-positive gamma."""

EVALUATION_BATCH = 256
"""Validation windows evaluated at a time; bounds memory, changes no result."""


@dataclass(frozen=True, kw_only=True)
class EarlyTraining:
    """What the first epochs of training leave behind; index i is the state after epoch i + 1.

    Attributes:
        loss: mean cross-entropy on the validation part, in nats, one for each epoch.
        accuracy: share of validation windows classified correctly.
        f1: macro-F1 on the validation part.
        weight_change: ||w_{r+1} - w_r||, the Euclidean norm of what the last epoch changed in all
            weights (parameters only: running statistics of BatchNorm are not optimised).

    Raises:
        ValueError: for fewer than two epochs, or metrics of different lengths.
    """

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    f1: tuple[float, ...]
    weight_change: float  # denominator of eq. 10

    def __post_init__(self) -> None:
        if len(self.loss) < 2 or not len(self.loss) == len(self.accuracy) == len(self.f1):
            raise ValueError("loss, accuracy and F1 must cover the same epochs, two at least")


def delta_acc(early: EarlyTraining) -> float:
    """Gain in accuracy over the last epoch, in [-1, 1] (Table 4, ΔACC)."""
    return early.accuracy[-1] - early.accuracy[-2]


def delta_f1(early: EarlyTraining) -> float:
    """Gain in macro-F1 over the last epoch, in [-1, 1] (Table 4, ΔF1)."""
    return early.f1[-1] - early.f1[-2]


def delta_loss(early: EarlyTraining) -> float:
    """Fall of the loss over the last epoch, L(w_r) - L(w_{r+1}): positive is better (Table 4)."""
    return early.loss[-2] - early.loss[-1]  # Delta L of eq. 10; eq. 13 writes the opposite sign


def mix(early: EarlyTraining) -> float:
    """``a delta_loss + (1 - a) delta_f1`` with a = 1/2 (Table 4, ΔMix).

    The paper says only "a weighted mixture of the cross-entropy loss function and the F1 score".
    """
    return MIX_LOSS_WEIGHT * delta_loss(early) + (1 - MIX_LOSS_WEIGHT) * delta_f1(early)


def gamma(early: EarlyTraining) -> float:
    """``(L(w_r) - L(w_{r+1})) / ||w_{r+1} - w_r||`` (eq. 10): loss removed per unit of change.

    Negative where the loss rose. Weights that did not move leave 0 / 0, which counts as no
    improvement: 0.

    One small step down L(w) = w^2 / 2 from w = 5, where the gradient is 5, comes near it (eq. 15):

    >>> w, eta = 5.0, 0.01
    >>> losses = w**2 / 2, (w - eta * w) ** 2 / 2
    >>> early = EarlyTraining(loss=losses, accuracy=(0, 0), f1=(0, 0), weight_change=eta * w)
    >>> round(gamma(early), 3)
    4.975
    """
    return delta_loss(early) / early.weight_change if early.weight_change > 0 else 0.0  # eq. 10


def gamma_released(early: EarlyTraining) -> float:
    """arctan(gamma), and 1e-10 where that is not positive: in (0, pi/2].

    So does code that appears to be the authors'; the paper does not mention it. The best t is the
    same, as long as some gamma is positive; but all t that raise the loss look alike to the search,
    and large gammas are pressed together.
    """
    squashed = math.atan(gamma(early))
    return squashed if squashed > 0 else RELEASED_FLOOR


OBJECTIVES: dict[str, Callable[[EarlyTraining], float]] = {
    "delta_acc": delta_acc,
    "delta_f1": delta_f1,
    "delta_loss": delta_loss,
    "mix": mix,
    "gamma": gamma,
    "gamma_released": gamma_released,
}
"""Table 4's objectives by name, gamma both as published and as released."""


def early_training(
    head: nn.Module,
    train: tuple[Inputs, Tensor],
    validation: tuple[Inputs, Tensor],
    *,
    epochs: int = 2,
    lr: float = 1e-2,
    batch_size: int = 32,
    seed: int,
) -> EarlyTraining:
    """Train a copy of ``head`` for the first epochs, and evaluate it after each of them.

    Adam minimises the mean cross-entropy; the defaults are the released ones. ``head`` itself is
    left alone, so that every t starts from the same weights. A last batch of one window joins the
    batch before it: BatchNorm cannot train on a single sample.

    Args:
        head: maps a batch of inputs to logits (batch, classes).
        train: inputs and their integer classes (windows,), on the head's device. Frozen features.
        validation: the same for windows that do not train; evaluated in eval mode. Its macro-F1 is
            over all the head's classes, and 0 for a class that is neither there nor predicted.
        epochs: passes over the training part, two at least.
        lr: Adam's learning rate.
        batch_size: windows per step, two at least.
        seed: of the batches' order and of dropout. The global generators are left as they were.

    Raises:
        ValueError: for inputs and classes of different lengths, fewer than two training windows, no
            validation windows, classes outside the head's, or fewer than two epochs.
        TrainingDiverged: where the validation loss is no longer finite.
    """
    if epochs < 2 or batch_size < 2:
        raise ValueError(f"two epochs and batches of two are the least: {epochs=}, {batch_size=}")
    head = copy.deepcopy(head)
    _check("training", *train, head, least=2)
    _check("validation", *validation, head, least=1)
    inputs, labels = train
    optimiser = torch.optim.Adam(head.parameters(), lr=lr)
    weights, found = [], []
    device = labels.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            head.train()
            for rows in shuffled_batches(len(labels), batch_size):
                optimiser.zero_grad()
                cross_entropy(head(_take(inputs, rows)), labels[rows].long()).backward()
                optimiser.step()
            found.append(_evaluate(head, *validation))
            weights.append(parameters_to_vector(head.parameters()).detach().double())
            if not math.isfinite(found[-1][0]):
                raise TrainingDiverged(f"validation loss {found[-1][0]} after epoch {epoch}")
    loss, accuracy, f1 = zip(*found, strict=True)
    change = torch.linalg.vector_norm(weights[-1] - weights[-2]).item()  # ||w_{r+1} - w_r||
    return EarlyTraining(loss=loss, accuracy=accuracy, f1=f1, weight_change=change)


def _take(inputs: Inputs, rows: Tensor) -> Inputs:
    if isinstance(inputs, Tensor):
        return inputs[rows]
    return {name: values[rows] for name, values in inputs.items()}


@torch.no_grad()
def _logits(head: nn.Module, inputs: Inputs, n: int) -> Tensor:
    head.eval()
    return torch.cat([head(_take(inputs, r)) for r in torch.arange(n).split(EVALUATION_BATCH)])


def _evaluate(head: nn.Module, inputs: Inputs, labels: Tensor) -> tuple[float, float, float]:
    """Loss, accuracy and macro-F1."""
    logits = _logits(head, inputs, len(labels))
    predicted, classes = logits.argmax(dim=1), range(logits.shape[1])
    f1 = f1_score(labels.cpu(), predicted.cpu(), labels=classes, average="macro", zero_division=0.0)
    accuracy = (predicted == labels).double().mean()
    return cross_entropy(logits, labels.long()).item(), accuracy.item(), float(f1)


def _check(part: str, inputs: Inputs, labels: Tensor, head: nn.Module, *, least: int) -> None:
    n = len(labels)
    lengths = [len(x) for x in ([inputs] if isinstance(inputs, Tensor) else inputs.values())]
    if n < least:
        raise ValueError(f"the {part} part has {n} windows, needs {least} at least")
    if any(length != n for length in lengths):
        raise ValueError(f"the {part} part has {n} classes, but inputs of {lengths} windows")
    classes = _logits(head, inputs, 1).shape[1]
    if labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"the {part} part's classes must be integers in [0, {classes})")
