"""The control of every claim about labels: the semantic encoder, trained with them from scratch.

The same network as the semantic autoencoder's encoder, a linear layer on its code, cross-entropy.
What pre-training is worth is the distance to it at as many labels.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.methods.semantic_autoencoder import SemanticAutoencoder
from ecglab.nn.semantic import SemanticEncoder, SemanticEncoderConfig
from ecglab.profiles import Profile
from ecglab.training import TrainConfig, TrainReport, train

MOST_EPOCHS = 60
"""Passes over a small labelled set; more only learn it by heart."""


class _ClassificationLoss(nn.Module):
    """Cross-entropy of those rows of a labelled set that a batch names.

    ``look_up`` is a function, which a copy of the module (the moving average) does not copy.
    """

    def __init__(
        self, network: nn.Module, look_up: Callable[[Tensor], tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__()
        self.network, self.look_up = network, look_up

    def forward(self, rows: Tensor, _: Generator) -> Tensor:
        x, y = self.look_up(rows.cpu().flatten())
        return F.cross_entropy(self.network(x.to(rows.device)).float(), y.to(rows.device))


@register
class SupervisedEncoder(Method):
    """Encoder and linear classifier, both trained with labels.

    Args:
        encoder: sizes of the encoder.
        windows: what it reads.
        budget: how it is trained.

    Attributes:
        trained: how it was, after ``finetune``, which may have cut the budget's steps.
    """

    info = MethodInfo(
        name="supervised-encoder",
        title="The semantic encoder, trained with labels",
        kind="supervised",
        modalities=("signal",),
        paper="control of this course",
        year=2026,
    )

    def __init__(
        self,
        encoder: SemanticEncoderConfig | None = None,
        windows: WindowSpec | None = None,
        *,
        budget: TrainConfig | None = None,
    ) -> None:
        self.sizes = encoder or SemanticEncoderConfig()
        self.spec = windows or WindowSpec(fs=300.0, scaling="zscore")
        self.training = budget or TrainConfig(steps=2000)
        self.trained: TrainConfig | None = None
        self.network: nn.Sequential | None = None
        self.classes: tuple[str, ...] = ()
        self.report: TrainReport | None = None

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The profile's semantic encoder, its learning rate, and a quarter of its steps.

        Each window is seen as often as there: with labels there are a third as many, or fewer.
        """
        twin = SemanticAutoencoder.for_profile(profile)
        budget = twin.budget(profile, seed=seed)
        config = replace(budget, steps=max(2, budget.steps // 4), weight_decay=0.01)
        return cls(twin.options.encoder, twin.spec, budget=config)

    def finetune(self, data: WindowSet, labels: NDArray[Any], *, seed: int = 0) -> None:
        """Train encoder and classifier from scratch on the windows' first leads.

        The budget's steps, or ``MOST_EPOCHS`` for every batch that the windows fill (the last need
        not be full), if those are fewer.

        Raises:
            ValueError: for labels of one class only, or of another number than the windows, and as
                ``check``.
        """
        self.check(data)
        names = np.asarray(labels).astype(str)
        classes, codes = np.unique(names, return_inverse=True)
        if len(names) != len(data) or len(classes) < 2:
            raise ValueError(f"{len(data)} windows, {len(names)} labels of {classes.tolist()}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = SemanticEncoder(self.sizes)
            self.network = nn.Sequential(encoder, nn.Linear(self.sizes.width, len(classes)))
            x, y = torch.from_numpy(np.array(data.signals[:, :1])), torch.from_numpy(codes)
            loss = _ClassificationLoss(self.network, lambda rows: (x[rows], y[rows]))
            batches = -(-len(data) // self.training.batch_size)
            steps = min(self.training.steps, MOST_EPOCHS * batches)
            warmup = min(self.training.warmup, steps // 5)
            self.trained = config = replace(self.training, steps=steps, warmup=warmup, seed=seed)
            # Integers, which half precision leaves alone: as floats, rows would be rounded.
            self.report = train(loss, np.arange(len(data))[:, None], config)
        self.classes = tuple(classes.tolist())

    @torch.no_grad()
    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        """Class probabilities (n, classes), the classes in alphabetical order.

        Raises:
            ValueError: before ``finetune``, and as ``check``.
        """
        if self.network is None:
            raise ValueError("finetune comes before predict")
        self.check(data)
        device = next(self.network.eval().parameters()).device
        batches = torch.from_numpy(np.array(data.signals[:, :1])).split(64)
        p = [self.network(x.to(device)).double().softmax(dim=1).cpu() for x in batches]
        return torch.cat(p).numpy()
