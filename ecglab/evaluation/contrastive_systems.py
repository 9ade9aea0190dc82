"""What DACL and its baselines are asked on CinC 2017, what they read, and how each learns a fold.

Three questions: atrial fibrillation against normal (the paper's third version), atrial fibrillation
against all else, normal against all else. All systems of a fold read the latent of one VAE, trained
on its training records without labels, so that differences are the encoder's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ecglab.data.pooling import pool_records
from ecglab.data.splits import kfold
from ecglab.data.windows import WindowSet
from ecglab.methods.dacl import LatentMethod
from ecglab.methods.latent_learner import LatentLearner
from ecglab.methods.pretrained import get_method
from ecglab.methods.scattering_features import scattering_features
from ecglab.methods.scattering_mlp import fit_network
from ecglab.profiles import Profile

FOLDS = 5
BASELINES = (
    "scattering-transformer",
    "scattering-mlp",
    "scattering-vae",
    "denoising-autoencoder",
    "contrastive-gaussian",
)
SYSTEMS = (*BASELINES, "dacl")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Two groups of classes; the first is the positive one. None: all other classes."""

    name: str
    positive: tuple[str, ...]
    negative: tuple[str, ...] | None = None

    def asked(self, labels: NDArray[np.str_]) -> NDArray[np.bool_]:
        """The records that take part, (n,)."""
        if self.negative is None:
            return np.ones(len(labels), bool)
        return np.isin(labels, [*self.positive, *self.negative])

    def answer(self, labels: NDArray[np.str_]) -> NDArray[np.bool_]:
        """True for the positive ones, (n,)."""
        return np.isin(labels, self.positive)


QUESTIONS: Mapping[str, Question] = {
    q.name: q
    for q in (
        Question(name="af-vs-normal", positive=("A",), negative=("N",)),
        Question(name="af-vs-rest", positive=("A",)),
        Question(name="normal-vs-rest", positive=("N",)),
    )
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Windows' features and the records they belong to.

    Attributes:
        x: (windows, d).
        record_of: each window's record, (windows,).
        labels: of the records, (n,).
        names: of the records, (n,).
        subjects: of the records, (n,).
    """

    x: NDArray[np.float32]
    record_of: NDArray[np.int64]
    labels: NDArray[np.str_]
    names: NDArray[np.str_]
    subjects: NDArray[np.str_]

    @classmethod
    def of(cls, data: WindowSet, *, rhythm: bool = False, home: Path | None = None) -> "Features":
        """``scattering_features`` of windows as ``DACL_WINDOWS`` cuts them."""
        rows, record_of = data.records()
        names, subjects, labels = (rows[c].to_numpy(dtype=str) for c in rows.columns)
        x = scattering_features(data, rhythm=rhythm, home=home)
        return cls(x=x, record_of=record_of, labels=labels, names=names, subjects=subjects)

    def take(self, mask: NDArray[np.bool_]) -> "Features":
        """The records of a mask (n,), with their windows."""
        kept = mask[self.record_of]
        return Features(
            x=self.x[kept],
            record_of=(np.cumsum(mask) - 1)[self.record_of[kept]],
            labels=self.labels[mask],
            names=self.names[mask],
            subjects=self.subjects[mask],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class OnFeatures:
    """A fitted classifier of the features as they are, beside ``LatentLearner``."""

    model: Pipeline

    @classmethod
    def linear(cls, x: NDArray[np.float32], y: NDArray[np.int64]) -> "OnFeatures":
        """Logistic regression."""
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        return cls(model=model.fit(x, y))

    def predict_proba(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities (n, 2)."""
        return np.asarray(self.model.predict_proba(x.astype(np.float64)))


Model = OnFeatures | LatentLearner


def settings(model: Model) -> dict[str, Any]:
    """What made a system, for a results file: its configuration."""
    if isinstance(model, LatentLearner):
        return asdict(model.config)
    kept = ("C", "hidden_layer_sizes", "alpha", "batch_size", "max_iter")
    known = model.model[-1].get_params()
    return {name: known[name] for name in kept if name in known}


def fit_system(
    name: str,
    profile: Profile,
    train: Features,
    question: Question,
    base: LatentLearner,
    *,
    seed: int,
    unlabelled: Features | None = None,
    **options: Any,
) -> Model:
    """One system on a fold's training records.

    Args:
        name: one of ``SYSTEMS``.
        profile: its budget.
        train: the records to learn from; those that the question does not ask are left out.
        question: gives the labels.
        base: a learner whose VAE is trained; every system but the first two shares it.
        seed: of the encoder.
        unlabelled: what the denoiser, which looks at no label, learns from in place of ``train``.
        options: in place of ``LatentLearnerConfig``'s.
    """
    known = train.take(question.asked(train.labels))
    y = question.answer(known.labels)[known.record_of].astype(int)
    if name == "scattering-transformer":
        return OnFeatures.linear(known.x, y)
    if name == "scattering-mlp":
        return OnFeatures(model=fit_network(known.x, y, seed=seed))
    cls = get_method(name)
    assert issubclass(cls, LatentMethod)
    learner = replace(base, config=cls.options(profile, **options), reports={}, encoder=None)
    every = train if unlabelled is None else unlabelled
    learner.fit_encoder(known.x, y, every=every.x, seed=seed)
    return learner.fit_head(known.x, y)


def record_scores(model: Model, data: Features) -> NDArray[np.float64]:
    """The mean probability of the positive class over each record's windows, (n,)."""
    p = model.predict_proba(data.x)[:, 1:]
    return np.asarray(pool_records(p, data.record_of)[:, 0], dtype=np.float64)


def folds_of(data: Features, *, seed: int) -> NDArray[np.int64]:
    """The fold that tests each record, (n,); stratified by the four classes."""
    return np.asarray(kfold(data.labels, data.subjects, k=FOLDS, seed=seed))


def latent_of(train: Features, profile: Profile, *, seed: int) -> LatentLearner:
    """A learner with nothing but its VAE, trained on records without their labels."""
    config = get_method("dacl").options(profile)  # type: ignore[attr-defined]
    return LatentLearner(config=config).fit_latent(train.x, seed=seed)
