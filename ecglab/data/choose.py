"""The data a run uses: a real set where it is at hand, the simulator where not."""

from ecglab.data.catalog import open_dataset
from ecglab.data.readers.base import Dataset
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.simulator import Simulator
from ecglab.profiles import Profile


def choose(dataset: str, profile: Profile, *, seed: int = 0) -> tuple[Dataset, list[str]]:
    """A data set by name and the ids of the records that a profile uses.

    ``auto`` is CinC 2017 where its records are at hand, and the simulator where they are not.

    Args:
        dataset: a name of the catalog, ``simulator`` or ``auto``.
        profile: says how many records.
        seed: of the simulator.

    Raises:
        DataNotFound: for a named set that is not on this machine.
    """
    if dataset == "auto":
        try:
            return choose("cinc2017", profile, seed=seed)
        except DataNotFound:
            return choose("simulator", profile, seed=seed)
    if dataset == "simulator":
        simulator = Simulator(profile.simulated, seed=seed)
        return simulator, simulator.ids()
    found = open_dataset(dataset)
    return found, found.ids()[: profile.limit]
