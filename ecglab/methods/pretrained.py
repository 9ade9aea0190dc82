"""A method with its weights: shipped with the package, from an earlier run, or trained now."""

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from ecglab.data.locations import data_home
from ecglab.data.readers.base import Dataset
from ecglab.data.windows import WindowSet, windows
from ecglab.diffusion.extractor import Extractor, NoStructure
from ecglab.diffusion.objectives import Objective
from ecglab.methods.base import METHODS, Method, Unsupported
from ecglab.methods.diffecg import DiffECGModality
from ecglab.methods.semantic_autoencoder import SemanticAutoencoder
from ecglab.nn.semantic import Body
from ecglab.profiles import Profile
from ecglab.training import MACHINE, TrainConfig, fingerprint

SHIPPED = Path(__file__).parent.parent / "weights"


def get_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        ValueError: where the registry has none.
    """
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; there are: {', '.join(METHODS)}")
    return METHODS[name]


def load_weights(folder: Path) -> Method:
    """The method whose weights a folder holds, as ``pretrain`` leaves them.

    Raises:
        ValueError: where the folder holds no method's weights.
    """
    try:
        name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["method"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{folder}: no weights of a method ({error})") from error
    return get_method(name).load(folder)


def structured(
    method: Method, name: str, *, seed: int = 0
) -> DiffECGModality | SemanticAutoencoder:
    """A method of the same options that lacks what a structure leaves out; its weights are new.

    The structure says what the U-Net's encoder keeps. Denoising needs a decoder, so the whole of it
    stands on top and is trained too, whatever ``u`` says; no embedding reads it. The decoder's
    stages of a structure with ``u`` above 0 are read by ``extract``. Where a structure has no
    bottleneck, the map called so is the last change of width alone, which the decoder needs.
    Embeddings of a semantic autoencoder read no part of its U-Net: there a structure says what the
    denoiser can find out for itself, and so what is left for the code to say.

    Args:
        method: whose U-Net is to lack parts.
        name: of the structure, see ``Extractor.named``.
        seed: of the weights.

    Raises:
        NoStructure: for a wrong name, a structure that the U-Net does not hold, or a method that
            has no U-Net to leave parts out of.
    """
    extractor = Extractor.named(name)
    if not isinstance(method, DiffECGModality | SemanticAutoencoder):
        raise NoStructure(f"{method.info.name} has no U-Net of which {name} could be a part")
    unet = method.options.unet
    try:
        extractor.parts(unet)
    except ValueError as error:
        raise NoStructure(str(error)) from error
    make: Callable[..., DiffECGModality | SemanticAutoencoder] = type(method)
    return make(replace(method.options, unet=extractor.unet(unet)), seed=seed)


def exchanged(
    method: Method, *, objective: Objective | None, body: Body | None, seed: int
) -> SemanticAutoencoder:
    """A semantic autoencoder of the same sizes with another objective or body, and new weights.

    Raises:
        Unsupported: for another method.
    """
    if not isinstance(method, SemanticAutoencoder):
        raise Unsupported(f"{method.info.name} has no objective and no body to choose")
    options = method.options
    encoder = replace(options.encoder, body=body or options.encoder.body)
    options = replace(options, encoder=encoder, objective=objective or options.objective)
    return SemanticAutoencoder(options, seed=seed)


def pretrained(
    name: str,
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    seed: int = 0,
    only_source: bool = False,
) -> Method:
    """A method ready to embed.

    One that needs no pre-training is made as it is, a fusion from its parts. Else, by
    ``profile.weights``, the shipped weights are loaded, or those of this very run, which is trained
    first where it has not been; a warning says so where they were made otherwise, as by other steps
    or from other records.

    Args:
        name: of the method.
        dataset: what to pre-train it on.
        ids: which records.
        profile: sizes and budget.
        seed: of the pre-training.
        only_source: take shipped weights only where they were pre-trained on ``dataset``; else
            they will do for any.
    """
    cls = get_method(name)
    if cls.made_of:
        options: dict[str, Any] = {"seed": seed, "only_source": only_source}
        return cls(*(pretrained(part, dataset, ids, profile, **options) for part in cls.made_of))
    if "pretrain" not in cls.supports():
        return cls.for_profile(profile, seed=seed)
    if profile.weights == "shipped" and name in shipped(dataset.name if only_source else None):
        return cls.load(SHIPPED / name)
    folder = run_folder(name, dataset, profile, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # of two that ask at once, one trains
        if not (folder / "config.json").is_file():
            pretrain(name, dataset, ids, profile, seed=seed)
    card = json.loads((folder / "config.json").read_text(encoding="utf-8"))["card"]
    fresh = cls.for_profile(profile, seed=seed)
    data = windows(dataset, fresh.spec, ids=ids)
    if card.get("made_by") != _made_by(fresh, data, fresh.budget(profile, seed=seed)):
        warnings.warn(
            f"{folder} was not made by the {profile.name} profile on these records, but by "
            f"`{card['command']}` on {card['data']}; delete it to train anew",
            stacklevel=2,
        )
    return cls.load(folder)


def _made_by(method: Method, data: WindowSet, config: TrainConfig) -> str:
    """A digest of all that a run's weights depend on, but for the machine."""
    budget = {k: v for k, v in asdict(config).items() if k not in MACHINE | {"devices"}}
    made = json.dumps([method.config(), budget, fingerprint(data.signals)])
    return hashlib.sha256(made.encode()).hexdigest()[:16]


def pretrain(
    name: str,
    dataset: Dataset,
    ids: Sequence[str],
    profile: Profile,
    *,
    seed: int = 0,
    steps: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    devices: int | None = None,
    out: Path | None = None,
    half: bool = False,
    structure: str | None = None,
    objective: Objective | None = None,
    body: Body | None = None,
) -> Path:
    """Pre-train a method without labels at a profile's sizes; the folder of its weights.

    A run that was broken off is taken up from its checkpoint, which is gone when it is done; runs
    that differ in anything have each their own. The weights' card says what made them; its
    ``made_by`` is a digest by which ``pretrained`` knows whether they are the right ones.

    Args:
        name: a method that can be pre-trained.
        dataset: the source of the records.
        ids: which of them.
        profile: sizes and budget.
        seed: of weights, batches and noise.
        steps: in place of the profile's, for a small set; a whole budget would wear it out.
        batch_size: in place of the profile's, for a larger machine.
        lr: peak learning rate, in place of the profile's.
        devices: GPUs, or processes on a CPU, that share each batch; one if not given.
        out: the folder for the weights; by default one under ``ECGLAB_DATA/weights``.
        half: store 16 bits a weight.
        structure: a sub-network that an architecture search found, by its name, in place of the
            whole U-Net; see ``structured``.
        objective: what the semantic autoencoder's U-Net predicts, in place of the profile's.
        body: of its encoder, in place of the LRUs.

    Raises:
        NoStructure: where the method has no such structure.
        Unsupported: for an objective or a body of another method.
    """
    method = get_method(name).for_profile(profile, seed=seed)
    if structure is not None:
        method = structured(method, structure, seed=seed)
    if objective is not None or body is not None:
        method = exchanged(method, objective=objective, body=body, seed=seed)
    data = windows(dataset, method.spec, ids=ids)
    variant = "-".join(filter(None, (structure, objective, body)))
    folder = run_folder(name, dataset, profile, seed, variant or None)
    asked = {"steps": steps, "batch_size": batch_size, "lr": lr, "devices": devices}
    changed: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    config = replace(method.budget(profile, seed=seed), **changed)
    made_by = _made_by(method, data, config)
    checkpoint = data_home() / "checkpoints" / f"{folder.name}-{made_by}.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{checkpoint}.lock"):  # of two equal runs, one trains at a time
        about = {"method": method.config()}
        report = method.pretrain(data, config=config, checkpoint=checkpoint, about=about)
        last = report.losses[-100:]
        method.save(
            out or folder,
            half=half,
            command=f"ecglab pretrain {name} --dataset {dataset.name} --profile {profile.name} "
            f"--seed {seed}"
            + "".join(f" --{name.replace('_', '-')} {value}" for name, value in changed.items())
            + (f" --structure {structure}" if structure is not None else "")
            + (f" --objective {objective}" if objective is not None else "")
            + (f" --body {body}" if body is not None else "")
            + (" --half" if half else ""),
            data=f"{dataset.title}: {len(ids) - len(data.skipped)} "
            f"{'leads' if '+' in dataset.name else 'records'}, {len(data)} windows; labels unused",
            steps=len(report.losses),
            batch_size=config.batch_size,
            loss=round(sum(last) / len(last), 5),
            device=report.device,
            seconds=round(report.seconds),
            made_by=made_by,
        )
        # To ask again is to train anew: the code may be another by then.
        checkpoint.unlink(missing_ok=True)
    return out or folder


def run_folder(
    name: str, dataset: Dataset, profile: Profile, seed: int, variant: str | None = None
) -> Path:
    """Where the weights of a run lie; one with another structure, objective or body lies apart."""
    run = f"{name}-{dataset.name}-{profile.name}-{seed}"
    return data_home() / "weights" / (run if variant is None else f"{run}-{variant}")


def shipped(source: str | None = None) -> list[str]:
    """The methods whose weights come with the package, pre-trained on a source (None: on any)."""
    found = []
    for path in sorted(SHIPPED.glob("*/config.json")):
        command = json.loads(path.read_text())["card"]["command"].split()
        if source is None or command[command.index("--dataset") + 1] == source:
            found.append(path.parent.name)
    return found
