"""DiffECG's downstream training: a small classifier learns, the diffusion encoders stay frozen.

SGD with momentum, cross-entropy, a linear warm-up over 4 of 20 epochs, then a cosine to zero: the
choices of the released code. What the encoders say is computed once, before the first epoch; with
``fresh_noise`` it is computed anew for every epoch, as the released code does, at twenty times the
cost.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ecglab.data.windows import WindowSet
from ecglab.nn.fusion import CrossModalClassifier
from ecglab.training import TrainConfig, learning_rate

if TYPE_CHECKING:
    from ecglab.methods.diffecg import DiffECGModality

Maps = Mapping[str, Tensor]
Step = int | Mapping[str, int]
_PREDICT = 1024  # windows whose feature maps are held at a time


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """How the classifier is trained; the defaults are the released ones for generalisation.

    Attributes:
        epochs: passes over the labelled windows.
        warmup: epochs in which the learning rate rises.
        batch_size: 64 for generalisation; the released code takes 32 for personalisation.
        lr: peak learning rate of SGD.
        momentum: of SGD.
        weight_decay: of SGD.
    """

    epochs: int = 20
    warmup: int = 4
    batch_size: int = 64
    lr: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 1e-4


def shuffled_batches(
    n: int, size: int, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """A permutation of n indices in batches of ``size``; the last may be smaller.

    A last batch of a single window joins the one before it: BatchNorm has nothing to compare it to.
    """
    order = torch.randperm(n, generator=generator)
    full = max(1, n // size if n % size == 1 else -(-n // size))
    for i in range(full):
        yield order[i * size :] if i == full - 1 else order[i * size : (i + 1) * size]


def train_head(
    head: CrossModalClassifier,
    features: Callable[[int], Maps],
    labels: Tensor,
    config: HeadConfig,
    *,
    seed: int,
) -> list[float]:
    """Minimise the cross-entropy over frozen features; each epoch's mean loss.

    Args:
        head: the classifier; ends in evaluation mode.
        features: of an epoch's number to its feature maps, each (n, channels, *position).
        labels: class numbers, (n,).
        config: how to train.
        seed: of the order of windows, and of dropout.

    Raises:
        ValueError: for fewer than two windows, which BatchNorm cannot normalise.
    """
    n = len(labels)
    if n < 2:
        raise ValueError(f"a classifier needs at least two labelled windows, not {n}")
    optimizer = torch.optim.SGD(
        head.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )
    per_epoch = len(list(shuffled_batches(n, config.batch_size, torch.Generator())))
    rates = TrainConfig(
        steps=config.epochs * per_epoch, warmup=config.warmup * per_epoch, lr=config.lr
    )
    generator = torch.Generator().manual_seed(seed)
    losses, step = [], 0
    head.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch in range(config.epochs):
            maps, total = features(epoch), 0.0
            for batch in shuffled_batches(n, config.batch_size, generator):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(rates, step)
                logits = head({name: m[batch].float() for name, m in maps.items()})
                loss = F.cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total, step = total + float(loss.detach()) * len(batch), step + 1
            losses.append(total / n)
    head.eval()
    return losses


class FrozenFeatureClassifier:
    """Fine-tuning and prediction of a method made of frozen diffusion encoders.

    Attributes:
        head: the classifier, once there is one.
        classes: its classes, in alphabetical order.
        losses: the mean training loss of each epoch.
    """

    head: CrossModalClassifier | None = None
    classes: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()
    _t: Step | None = None

    @property
    @abstractmethod
    def parts(self) -> dict[str, "DiffECGModality"]:
        """The encoders by modality."""

    def views(self, data: WindowSet) -> dict[str, Tensor]:
        """The windows in every modality, {name: (n, 1, *position)}."""
        return {name: part.view(data) for name, part in self.parts.items()}

    def steps_of(self, t: Step | None) -> Mapping[str, int | None]:
        """The noise step of each modality; None: as configured.

        Raises:
            ValueError: where a mapping lacks a modality, or names another.
        """
        steps = t if isinstance(t, Mapping) else dict.fromkeys(self.parts, t)
        if set(steps) != set(self.parts):
            raise ValueError(f"noise steps of {sorted(steps)} for {sorted(self.parts)}")
        return steps

    def features(self, views: Maps, *, t: Step | None = None, seed: int = 0) -> dict[str, Tensor]:
        """The frozen encoders' bottleneck maps of noisy views, {name: (n, channels, *position)}.

        Args:
            views: as ``views`` gives them.
            t: one noise step for all modalities, or one for each by name; None: as configured.
            seed: of the noise, one for all modalities: two views of one shape get the same.

        Raises:
            ValueError: for t outside [0, T), or steps of other modalities.
        """
        steps = self.steps_of(t)
        return {
            name: part.bottleneck(views[name], t=steps[name], seed=seed)
            for name, part in self.parts.items()
        }

    def new_head(self, classes: int, *, seed: int = 0) -> CrossModalClassifier:
        """An untrained classifier that fits the encoders, its weights drawn from ``seed``."""
        sizes = {name: part.options.unet for name, part in self.parts.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return CrossModalClassifier(
                {name: unet.features for name, unet in sizes.items()},
                {name: unet.ndim for name, unet in sizes.items()},
                classes,
            )

    def finetune(
        self,
        data: WindowSet,
        labels: NDArray[Any],
        *,
        t: Step | None = None,
        seed: int = 0,
        config: HeadConfig | None = None,
        fresh_noise: bool = False,
    ) -> None:
        """Train the classifier on labelled windows; the encoders stay as they are.

        Args:
            data: the windows.
            labels: one class for each, (n,).
            t: as in ``features``; kept for ``predict``.
            seed: of the classifier's weights, the windows' order, dropout and noise.
            config: how to train.
            fresh_noise: draw new noise for every epoch.

        Raises:
            ValueError: for labels of one class only, or of another number than the windows.
        """
        names = np.asarray(labels).astype(str)
        classes = np.unique(names)
        if names.shape != (len(data),):
            raise ValueError(f"{len(data)} windows, but labels of shape {names.shape}")
        if len(classes) < 2:
            raise ValueError(f"a classifier needs two classes, the labels hold {classes.tolist()}")
        codes = torch.from_numpy(np.searchsorted(classes, names))
        views = self.views(data)
        once = None if fresh_noise else self.features(views, t=t, seed=seed)

        def features(epoch: int) -> Maps:
            return once or self.features(views, t=t, seed=seed + epoch)

        self.head = self.new_head(len(classes), seed=seed)
        self.losses = tuple(
            train_head(self.head, features, codes, config or HeadConfig(), seed=seed)
        )
        self.classes, self._t = tuple(classes.tolist()), t

    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        """Class probabilities (n, classes), the classes in alphabetical order.

        Noise is drawn at test time too, as published, from ``seed``.
        """
        return self.explain(data, seed=seed)[0]

    @torch.no_grad()
    def explain(
        self, data: WindowSet, *, seed: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Class probabilities (n, classes), and each modality's weight (n, modalities)."""
        if self.head is None:
            raise ValueError("finetune comes before predict")
        logits, attention = self.read(self.head, self.views(data), t=self._t, seed=seed)
        return logits.double().softmax(dim=1).numpy(), attention.double().numpy()

    @torch.no_grad()
    def read(
        self, head: CrossModalClassifier, views: Maps, *, t: Step | None, seed: int
    ) -> tuple[Tensor, Tensor]:
        """A classifier's logits (n, classes) and attention (n, modalities) of any number of views.

        Not all feature maps are held at a time. ``t`` and ``seed`` as in ``features``.
        """
        n, found = len(next(iter(views.values()))), []
        for start in range(0, n, _PREDICT):
            part = {name: view[start : start + _PREDICT] for name, view in views.items()}
            found.append(head.explain(self.features(part, t=t, seed=seed + start)))
        logits, attention = zip(*found, strict=True)
        return torch.cat(logits), torch.cat(attention)
