"""Which records a run uses."""

from ecglab.data.choose import some_of_each
from ecglab.data.simulator import Simulator


def test_some_of_each_reads_no_further_than_it_must() -> None:
    simulator = Simulator(60, seed=0, mix={"N": 0.5, "A": 0.3, "O": 0.2})
    ids, read = simulator.ids(), []
    plain = simulator.read
    labels = {name: "|".join(plain(name).labels) for name in ids}
    wanted = {label: [name for name in ids if labels[name] == label][:4] for label in "AN"}

    simulator.read = lambda name, leads=None: read.append(name) or plain(name, leads)
    assert some_of_each(simulator, ids, ["A", "N"], 4) == wanted["A"] + wanted["N"]
    assert set(read) == set(ids[: max(map(ids.index, wanted["A"] + wanted["N"])) + 1])

    found = some_of_each(simulator, ids, ["N", "missing"], 1000)
    assert found == [name for name in ids if labels[name] == "N"]
    longest = max(plain(name).seconds for name in ids)
    assert some_of_each(simulator, ids, ["N"], 4, seconds=longest + 1) == []
