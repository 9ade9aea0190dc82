"""DACL's weights to ship: trained on four fifths of the records, scored on the fifth."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ecglab.data.readers.base import Dataset
from ecglab.data.windows import windows
from ecglab.evaluation.bootstrap import bootstrap_ci
from ecglab.evaluation.contrastive_systems import (
    QUESTIONS,
    Features,
    fit_system,
    folds_of,
    latent_of,
    record_scores,
)
from ecglab.evaluation.metrics import auroc
from ecglab.methods import DACL
from ecglab.methods.latent_learner import LatentLearner
from ecglab.methods.scattering_features import DACL_WINDOWS
from ecglab.profiles import Profile
from ecglab.training import machine_device


def train_weights(
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    out: Path,
    *,
    question: str = "af-vs-normal",
    rhythm: bool = False,
    seed: int = 0,
) -> str:
    """Train, score and save; the score as text, with its interval.

    The records of fold 0 are seen by no part. They are scored by the weights before they are
    stored (with half their digits), and by a linear classifier that is not stored.

    Args:
        dataset: CinC 2017, or the simulator.
        ids: the records to use.
        profile: its budget.
        out: folder of the weights.
        question: whose labels the encoder learns from.
        rhythm: whether the features have periodicity beside them.
        seed: of folds and training.
    """
    began, q = time.perf_counter(), QUESTIONS[question]
    data = Features.of(windows(dataset, DACL_WINDOWS, ids=ids), rhythm=rhythm)
    fold = folds_of(data, seed=seed)
    train, test = data.take(fold != 0), data.take((fold == 0) & q.asked(data.labels))
    base = latent_of(train, profile, seed=seed)
    model = fit_system("dacl", profile, train, q, base, seed=seed, rhythm=rhythm)
    assert isinstance(model, LatentLearner)
    found = bootstrap_ci(
        q.answer(test.labels), record_scores(model, test), auroc, n=profile.resamples, seed=seed
    )
    method = DACL(model.config)
    method.learner = replace(
        method.learner, vae=model.vae, encoder=model.encoder, scale=model.scale
    )
    known = int(q.asked(train.labels).sum())
    method.save(
        out,
        half=True,
        command=f"ecglab dacl train --dataset {dataset.name} --question {question} --seed {seed}"
        + " --rhythm" * rhythm,
        data=f"{dataset.title}: {known} labelled records of {len(train.labels)}",
        steps=profile.dacl_steps,
        auroc=f"{found} on {len(test.labels)} records that no part has seen",
        device=machine_device(),
        seconds=round(time.perf_counter() - began),
    )
    return str(found)
