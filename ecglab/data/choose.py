"""The data a run uses: a real set where it is at hand, the simulator where not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecglab.data.catalog import DATASETS, open_dataset
from ecglab.data.corpus import Corpus
from ecglab.data.readers.base import Dataset, warn_of_skipped
from ecglab.data.readers.folder import read_folder
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.record import RecordError
from ecglab.data.simulator import Simulator
from ecglab.profiles import Profile


def choose(dataset: str, profile: Profile, *, seed: int = 0) -> tuple[Dataset, list[str]]:
    """A data set by name and the ids of the records that a profile uses.

    ``auto`` is CinC 2017 where its records are at hand, and the simulator where they are not.
    Names joined by ``+`` are a corpus of all their leads. Of a corpus, a profile that takes only
    some records draws them from the whole. ``FOLDER@RATE`` is a folder as ``read_folder``
    reads it, to train on, and its sampling rate in Hz.

    Args:
        dataset: a name of the catalog, ``simulator`` or ``auto``, a folder, or several joined.
        profile: says how many records.
        seed: of the simulator, and of what is drawn from a corpus.

    Raises:
        DataNotFound: for a named set that is not on this machine.
        ValueError: for an unknown name, or a folder without its rate.
    """
    if dataset == "auto":
        try:
            return choose("cinc2017", profile, seed=seed)
        except DataNotFound:
            return choose("simulator", profile, seed=seed)
    if dataset == "simulator":
        simulator = Simulator(profile.simulated, seed=seed)
        return simulator, simulator.ids()
    if "+" in dataset:
        parts = [_part(name) for name in dataset.split("+")]
        corpus = Corpus([(part, part.ids()) for part in parts])
        every = corpus.ids()
        # Not every n-th: with twelve leads to a record, that may be one lead of each.
        drawn = np.random.default_rng(seed).permutation(len(every))[: profile.limit]
        return corpus, [every[i] for i in np.sort(drawn)]
    found = _part(dataset)
    return found, found.ids()[: profile.limit]


def some_of_each(
    dataset: Dataset, ids: Sequence[str], labels: Sequence[str], most: int, *, seconds: float = 10.0
) -> list[str]:
    """The first ``most`` records of each label that are long enough; label after label.

    Records are read until there are enough. A record of several labels counts for none, and one
    that cannot be read is passed over, with a ``SkippedRecords`` warning.

    Args:
        dataset: where the records are.
        ids: those to look through, in order.
        labels: wanted, each the only one of its records.
        most: records of each label; fewer where there are fewer.
        seconds: length of the shortest record taken.
    """
    chosen: dict[str, list[str]] = {label: [] for label in labels}
    skipped: list[tuple[str, str]] = []
    for name in ids:
        if all(len(found) >= most for found in chosen.values()):
            break
        try:
            record = dataset.read(name)
        except RecordError as error:
            skipped.append((name, str(error)))
            continue
        found = chosen.get("|".join(record.labels), [])
        if len(found) < most and record.seconds >= seconds:
            found.append(name)
    warn_of_skipped(dataset.name, skipped, len(ids))
    return [name for found in chosen.values() for name in found]


def _part(name: str) -> Dataset:
    """A data set, or a folder without its labels."""
    folder, _, rate = name.rpartition("@")
    if name not in DATASETS and Path(name).is_dir():
        raise ValueError(f"{name}: a folder to train on is named with its rate in Hz, {name}@300")
    if name in DATASETS or not folder:
        return open_dataset(name)
    return read_folder(folder, fs=float(rate), label=None)
