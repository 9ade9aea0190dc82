"""Do the LRU and the Attention Reducer help? The poster says so; each is left out in turn.

Every variant is trained from the same seed, for as many steps, on the same windows: an eighth of
the profile's budget, since what counts is the difference. Then the probe of CinC 2017, with paired
differences to the full model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ecglab.data.readers.base import Dataset
from ecglab.data.windows import WindowSet, windows
from ecglab.evaluation.cinc2017 import Probed, check_classes, probe_method, score
from ecglab.evaluation.results import Result
from ecglab.methods import SemanticAutoencoder
from ecglab.profiles import Profile
from ecglab.training import TrainConfig

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "full": {},
    "cnn": {"body": "cnn"},
    "wide": {"state": 128},  # in `laptop` as many weights as the convolutions, nearly
    "mean": {"reducer": "mean"},
    "max": {"reducer": "max"},
    "last": {"reducer": "last"},
}
"""What of the encoder is changed; the first is the one that the others are compared with."""

FULL = next(iter(VARIANTS))

ABLATION = "ablation-"
"""What the variant of each run begins with."""

SHARE = 8
"""The budget is divided by this."""


def train_variant(
    name: str, data: WindowSet, profile: Profile, *, seed: int
) -> SemanticAutoencoder:
    """The autoencoder with one part of its encoder exchanged, trained without labels.

    Raises:
        KeyError: for a name that is not in ``VARIANTS``.
    """
    options = SemanticAutoencoder.for_profile(profile).options
    encoder = replace(options.encoder, **VARIANTS[name])
    method = SemanticAutoencoder(replace(options, encoder=encoder), seed=seed)
    method.pretrain(data, config=short_budget(profile, seed=seed))
    return method


def short_budget(profile: Profile, *, seed: int) -> TrainConfig:
    """The same share of the profile's steps for every variant."""
    budget = SemanticAutoencoder.budget(profile, seed=seed)
    return replace(budget, steps=max(2, budget.steps // SHARE))


def ablation_name(name: str, seed: int = 0) -> str:
    """A run's variant: ``ablation-mean``, or ``ablation-mean+seed1`` for another training seed."""
    return ABLATION + name + (f"+seed{seed}" if seed else "")


def run_ablation(
    corpus: tuple[Dataset, Sequence[str]],
    goal: tuple[Dataset, Sequence[str]],
    profile: Profile,
    *,
    names: Sequence[str] = tuple(VARIANTS),
    seed: int = 0,
) -> Iterator[Result]:
    """Every variant probed for every seed of a profile, as soon as it is trained.

    Args:
        corpus: what to train on, and its records.
        goal: CinC 2017 or the simulator, and the records to probe.
        profile: sizes, budget, numbers of seeds and resamples.
        names: of variants; the full model, with which the others are compared, goes with them.
        seed: of the training; folds are drawn from 0 on.

    Raises:
        ValueError: for an unknown name, or a goal of other classes than CinC 2017's.
    """
    check_classes(goal[0])
    if unknown := set(names) - set(VARIANTS):
        raise ValueError(f"unknown variants {sorted(unknown)}; there are {', '.join(VARIANTS)}")
    dataset, ids = goal
    spec = SemanticAutoencoder.for_profile(profile).spec
    data = windows(corpus[0], spec, ids=corpus[1])
    budget = short_budget(profile, seed=seed)
    made_by = {
        "pretraining_seed": seed,
        "corpus": corpus[0].name,
        "steps": budget.steps,
        "batch_size": budget.batch_size,
    }
    reference: list[Probed] = []
    for name in dict.fromkeys((FULL, *names)):
        method = train_variant(name, data, profile, seed=seed)
        for fold_seed in range(profile.seeds):
            probed = probe_method(method, dataset, ids, seed=fold_seed)
            params = {**probed.params, **made_by}
            probed = replace(probed, method=f"{probed.method}-{name}", params=params)
            if name == FULL:
                reference.append(probed)
            result = score(
                probed,
                dataset=dataset.name,
                profile=profile,
                against=[] if name == FULL else [reference[fold_seed]],
                variant=ablation_name(name, seed),
            )
            yield replace(result, method=method.info.name)
