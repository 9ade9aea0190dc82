"""One subject's classifier at any noise step t, and the search for the best t.

Half of a subject's personal windows train a classifier of frozen features, the other half says how
promising a t is (DiffECG, section 3.3); ``personalisation.py`` has the protocol.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ecglab.data.splits import Order, within_subject
from ecglab.data.windows import WindowSet
from ecglab.methods import FrozenFeatureClassifier, HeadConfig
from ecglab.methods.frozen import train_head
from ecglab.nn.fusion import CrossModalClassifier
from ecglab.personalize import OBJECTIVES, SEARCHES, Search, SearchSpace, early_training

HEAD = HeadConfig(batch_size=32)
"""The released training of a personal classifier."""


WHOLE = "whole"
"""Name of the one strategy of a method without t."""

LINEAR = "linear"
"""Name of frozen encoders under a linear classifier."""

MAJORITY = "majority"
"""Name of the naive guess."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How t is found: one fixed for all modalities, or searched for each.

    Attributes:
        t: the fixed step; None to search.
        objective: what the search maximises, a key of ``personalize.OBJECTIVES``.
        search: ``bayesian``, ``grid`` or ``random``.
        evaluations: how often the objective may be asked.
        low: the smallest step of the search.
        high: the largest.
    """

    t: int | None = None
    objective: str = "gamma"
    search: str = "bayesian"
    evaluations: int = 30
    low: int = 20
    high: int = 80

    def __post_init__(self) -> None:
        for name, known in ((self.objective, OBJECTIVES), (self.search, SEARCHES)):
            if name not in known:
                raise ValueError(f"{name!r} is none of {', '.join(known)}")

    @property
    def name(self) -> str:
        """``t20``, or ``gamma-bayesian30``."""
        searched = f"{self.objective.replace('_', '-')}-{self.search}{self.evaluations}"
        return searched if self.t is None else f"t{self.t}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Masks over a subject's windows, (n,) each: they train, validate a t, or test."""

    train: NDArray[np.bool_]
    validation: NDArray[np.bool_]

    @property
    def personal(self) -> NDArray[np.bool_]:
        """The windows that personalise."""
        return self.train | self.validation

    @property
    def test(self) -> NDArray[np.bool_]:
        """All others."""
        return ~self.personal


class CannotPersonalise(ValueError):
    """A subject whose windows do not allow the protocol; the message says why."""


def split_subject(
    labels: ArrayLike, *, order: Order = "random", fraction: float = 0.1, seed: int = 0
) -> Split:
    """``fraction`` of a subject's windows personalise; half of those train, half validate.

    In random order each class is halved, and the odd window trains: a class with a single personal
    window does not validate. In chronological order every second personal window validates.

    Raises:
        CannotPersonalise: where there are fewer than two windows, or the training half has fewer
            than two or lacks one of the subject's classes, or the validation half is empty, or the
            test part has one class.
    """
    y = np.asarray(labels).astype(str)
    if len(y) < 2:
        raise CannotPersonalise(f"{len(y)} windows, where at least two are needed")
    personal = np.flatnonzero(within_subject(y, fraction=fraction, order=order, seed=seed))
    train = np.zeros(len(y), bool)
    if order == "random":
        rng = np.random.default_rng([seed, 1])
        for label in np.unique(y[personal]):
            mine = rng.permutation(personal[y[personal] == label])
            train[mine[: -(-len(mine) // 2)]] = True
    else:
        train[personal[::2]] = True
    validation = np.isin(np.arange(len(y)), personal) & ~train
    split = Split(train=train, validation=validation)
    for what, mask, least in (("training", train, 2), ("validation", validation, 1)):
        if mask.sum() < least:
            raise CannotPersonalise(f"{mask.sum()} {what} windows, where {least} are needed")
    for what, mask in (("training", train), ("test", split.test)):
        absent = sorted(set(y.tolist()) - set(y[mask].tolist()))
        if absent or len(set(y[mask].tolist())) < 2:
            raise CannotPersonalise(f"its {what} windows are of {sorted(set(y[mask].tolist()))}")
    return split


@dataclass(kw_only=True)
class FeatureCache:
    """The feature maps of some windows at every t that was asked for, each computed once.

    Attributes:
        method: frozen encoders.
        views: the windows in every modality, as ``method.views`` gives them.
        seed: of the noise, the same at every t, so that t alone makes the difference.
    """

    method: FrozenFeatureClassifier
    views: Mapping[str, Tensor]
    seed: int
    _found: dict[tuple[str, int], Tensor] = field(default_factory=dict)

    def at(self, t: Mapping[str, int]) -> dict[str, Tensor]:
        """The maps at one step for each modality, {name: (n, channels, *position)}."""
        for name, step in t.items():
            if (name, step) not in self._found:
                part = self.method.parts[name]
                self._found[name, step] = part.bottleneck(self.views[name], t=step, seed=self.seed)
        return {name: self._found[name, step] for name, step in t.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Personalised:
    """One subject under one strategy.

    Attributes:
        subject: whose windows they are.
        strategy: how t was found; else ``WHOLE``, ``LINEAR``, ``MAJORITY`` or ``POPULATION``.
        t: the step of each modality; empty for a method without t.
        labels: of the test windows.
        predictions: for the test windows.
        weights: each modality's mean attention on the test windows; empty for a method without.
        search: what the search saw; None where none was made.
        seconds: search, training and prediction.
    """

    subject: str
    strategy: str
    t: dict[str, int]
    labels: NDArray[np.str_]
    predictions: NDArray[np.str_]
    weights: dict[str, float] = field(default_factory=dict)
    search: Search | None = None
    seconds: float = 0.0


def guess_majority(subject: str, data: WindowSet, split: Split) -> Personalised:
    """The naive guess: the commonest class of a subject's personal windows, for all others."""
    classes, counts = np.unique(data.labels[split.personal], return_counts=True)
    labels = data.labels[split.test]
    return Personalised(
        subject=subject,
        strategy=MAJORITY,
        t={},
        labels=labels,
        predictions=np.full(len(labels), classes[counts.argmax()]),
    )


class PersonalClassifier:
    """One subject's windows, and the frozen encoders that look at them at any t.

    Args:
        method: pre-trained, with frozen encoders.
        data: the subject's windows.
        labels: one class for each, (n,).
        split: who trains, validates and tests.
        seed: of classifier, noise and search.
    """

    def __init__(
        self,
        method: FrozenFeatureClassifier,
        data: WindowSet,
        labels: ArrayLike,
        split: Split,
        *,
        seed: int,
    ) -> None:
        names = np.asarray(labels).astype(str)
        self.classes, codes = np.unique(names, return_inverse=True)
        self.method, self.seed, self.names, self.split = method, seed, names, split
        self.codes = torch.from_numpy(codes)
        views = method.views(data)
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        self._masks = {part: torch.from_numpy(mask) for part, mask in parts.items()}
        self._views = {
            part: {name: view[mask] for name, view in views.items()}
            for part, mask in self._masks.items()
        }
        # The many test windows are looked at once per strategy: their maps are not kept.
        self.caches = {
            part: FeatureCache(method=method, views=self._views[part], seed=seed + i)
            for i, part in enumerate(("train", "validation"))
        }

    def _labels(self, part: str) -> Tensor:
        return self.codes[self._masks[part]]

    def promise(self, t: Mapping[str, int], objective: str = "gamma") -> float:
        """What an objective says of t: two epochs on the training half (eq. 10)."""
        early = early_training(
            self.method.new_head(len(self.classes), seed=self.seed),
            (self.caches["train"].at(t), self._labels("train")),
            (self.caches["validation"].at(t), self._labels("validation")),
            seed=self.seed,
        )
        return OBJECTIVES[objective](early)

    def look_for_t(self, strategy: Strategy) -> tuple[dict[str, int], Search | None]:
        """The step of each modality, and the search that found it."""
        modalities = tuple(self.method.parts)
        if strategy.t is not None:
            return dict.fromkeys(modalities, strategy.t), None
        space = SearchSpace(names=modalities, low=strategy.low, high=strategy.high)
        search = SEARCHES[strategy.search](
            lambda point: self.promise(space.named(point), strategy.objective),
            space,
            evaluations=strategy.evaluations,
            seed=self.seed,
        )
        return space.named(search.winner), search

    def train(self, t: Mapping[str, int]) -> CrossModalClassifier:
        """The classifier of the training half at t."""
        head = self.method.new_head(len(self.classes), seed=self.seed)
        maps = self.caches["train"].at(t)
        train_head(head, lambda _: maps, self._labels("train"), HEAD, seed=self.seed)
        return head

    @torch.no_grad()
    def test(self, strategy: Strategy, *, subject: str) -> Personalised:
        """Find t, train at it, and predict the test windows."""
        began = time.perf_counter()
        with torch.enable_grad():
            t, search = self.look_for_t(strategy)
            head = self.train(t)
        logits, attention = self.method.read(head, self._views["test"], t=t, seed=self.seed + 2)
        return Personalised(
            subject=subject,
            strategy=strategy.name,
            t=t,
            labels=self.names[self.split.test],
            predictions=self.classes[logits.argmax(dim=1).numpy()],
            weights=dict(zip(self.method.parts, attention.mean(dim=0).tolist(), strict=True)),
            search=search,
            seconds=time.perf_counter() - began,
        )
