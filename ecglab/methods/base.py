"""What every system of the course answers to, and the registry that lists them.

A method turns windows into embeddings, or into predictions, or both. One that embeds gets a
classifier for free: multinomial logistic regression on its frozen embedding.
"""

import json
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from ecglab.data.pooling import pool_records
from ecglab.data.whole import whole, write_text
from ecglab.data.windows import RecordSource, WindowSet, WindowSpec, windows
from ecglab.profiles import Profile
from ecglab.training import TrainConfig, TrainReport

Kind = Literal["diffusion", "contrastive", "supervised", "features", "rule"]
M = TypeVar("M", bound="type[Method]")

METHODS: dict[str, "type[Method]"] = {}
_MADE = ("command", "steps", "batch_size", "made_by")


class Unsupported(NotImplementedError):
    """A part of the interface that makes no sense for this method."""


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """A method's row in the registry."""

    name: str
    title: str
    kind: Kind
    modalities: tuple[str, ...]
    paper: str
    year: int


class Method(ABC):
    """One system. Subclasses state ``info`` and ``spec``, and implement what makes sense.

    Attributes:
        info: the registry's row.
        spec: the windows that the method reads.
        made_of: names of the methods that this one is put together from, for a fusion.
        needs_labels: whether its embedding itself is learned with labels, by ``finetune``.
        card: of the weights that were loaded, what made them; empty for others.
        draws: whether there is noise in its embedding, drawn from ``embed``'s seed.
    """

    info: ClassVar[MethodInfo]
    made_of: ClassVar[tuple[str, ...]] = ()
    needs_labels: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    spec: WindowSpec
    card: Mapping[str, Any] = MappingProxyType({})
    _head: Pipeline | None = None

    @property
    def components(self) -> "tuple[Method, ...]":
        """The methods that a fusion is put together from; none for others."""
        return ()

    def weights(self) -> dict[str, dict[str, Any]]:
        """What made the weights, by the name of the method they belong to, for a results file.

        Of each card the command, the steps, the batch size and the digest; nothing for a method
        whose weights were not loaded.
        """
        mine = {key: self.card[key] for key in _MADE if key in self.card}
        parts = [part.weights() for part in self.components]
        found = {self.info.name: mine} if mine else {}
        return found | {name: made for part in parts for name, made in part.items()}

    def check(self, data: WindowSet) -> None:
        """Refuse windows that were not cut as ``spec`` says, or are not finite.

        Raises:
            ValueError: for another rate, band, filter order or scaling, NaN or infinity.
        """
        for name in ("fs", "band", "order", "scaling"):
            theirs, mine = getattr(data.spec, name), getattr(self.spec, name)
            if theirs != mine and not (name == "order" and self.spec.band is None):
                me = self.info.name
                raise ValueError(f"windows of {name} {theirs} for {me}, which reads {name} {mine}")
        if not np.isfinite(data.signals).all():
            raise ValueError("there are windows with samples that are not finite")

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """A fresh method at the sizes of a profile, its weights drawn from ``seed``."""
        raise Unsupported(f"{cls.info.name} has no profiles")

    @classmethod
    def budget(cls, profile: Profile, *, seed: int = 0) -> TrainConfig:
        """How a profile pre-trains this method."""
        return TrainConfig.for_profile(profile, seed=seed)

    def pretrain(self, data: WindowSet, *, config: TrainConfig, **options: Any) -> TrainReport:
        """Learn from windows without their labels; ``options`` are further ones of ``train``."""
        raise Unsupported(f"{self.info.name} is not pre-trained")

    def embed(
        self, data: WindowSet, *, seed: int = 0, t: int | Mapping[str, int] | None = None
    ) -> NDArray[np.float32]:
        """One vector per window, (n, d).

        A diffusion encoder adds the noise of step ``t`` (None: its configured one), drawn from
        ``seed``; other methods look at neither.
        """
        raise Unsupported(f"{self.info.name} gives no embedding")

    def embed_records(
        self,
        dataset: RecordSource,
        ids: Sequence[str] | None = None,
        *,
        seed: int = 0,
        t: int | Mapping[str, int] | None = None,
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """One vector per record, (n, d), the mean over its windows; see ``embed``.

        Returns:
            The vectors, and a row for each: ``record``, ``subject``, ``label``.
        """
        data = windows(dataset, self.spec, ids=ids)
        rows, index = data.records()
        return pool_records(self.embed(data, seed=seed, t=t), index), rows

    def finetune(self, data: WindowSet, labels: NDArray[Any], *, seed: int = 0) -> None:
        """Learn a classifier from labelled windows; here a linear one on the frozen embedding.

        All that is random in it is drawn from ``seed``.
        """
        self._head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        self._head.fit(self.embed(data, seed=seed), labels)

    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        """Class probabilities (n, classes), the classes in alphabetical order."""
        if self._head is None:
            raise ValueError(f"{self.info.name}: finetune comes before predict")
        return np.asarray(self._head.predict_proba(self.embed(data, seed=seed)))

    def config(self) -> dict[str, Any]:
        """The keyword arguments that make this method anew, as plain JSON values."""
        raise Unsupported(f"{self.info.name} has nothing to save")

    def state(self) -> dict[str, Tensor]:
        """The trained weights, without the classifier."""
        raise Unsupported(f"{self.info.name} has nothing to save")

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take trained weights."""
        raise Unsupported(f"{self.info.name} has nothing to load")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of ``config``."""
        raise Unsupported(f"{cls.info.name} has nothing to load")

    def save(self, folder: Path, *, half: bool = False, **card: Any) -> None:
        """Write ``weights.safetensors`` and ``config.json`` (with a card of what made them).

        ``half`` stores 16 bits a weight, as shipped weights have; ``load`` computes with 32.
        Each file appears whole or not at all, ``config.json`` last.
        """
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.state().items()}
        if half:
            tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
        description = {"method": self.info.name, "config": self.config(), "card": card}
        with whole(folder / "weights.safetensors") as partial:
            save_file(tensors, str(partial))
        write_text(folder / "config.json", json.dumps(description, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            ValueError: where the folder holds another method's weights.
        """
        description = json.loads((folder / "config.json").read_text())
        if description["method"] != cls.info.name:
            raise ValueError(f"{folder}: weights of {description['method']}, not {cls.info.name}")
        method = cls.from_config(description["config"])
        method.load_state(load_file(str(folder / "weights.safetensors")))
        method.card = description["card"]
        return method

    @classmethod
    def supports(cls) -> list[str]:
        """The parts of the interface that make sense for this method."""
        parts = [
            p for p in ("pretrain", "embed", "config") if getattr(cls, p) is not getattr(Method, p)
        ]
        if "embed" in parts or cls.finetune is not Method.finetune:
            parts += ["finetune", "predict"]
        return ["save" if p == "config" else p for p in parts]


def register(cls: M) -> M:
    """Class decorator: list a method in the registry under its ``info.name``."""
    METHODS[cls.info.name] = cls
    return cls


def describe_methods() -> list[dict[str, Any]]:
    """The registry as plain dictionaries."""
    return [{**asdict(m.info), "supports": m.supports()} for m in METHODS.values()]


def tuples(plain: dict[str, Any]) -> dict[str, Any]:
    """Lists back to tuples, after a journey through JSON."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
