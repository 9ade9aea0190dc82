"""Which records a run uses."""

from pathlib import Path

import numpy as np
import pytest

from ecglab.data.choose import choose, some_of_each
from ecglab.data.readers.arrays import from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.readers.wfdb_files import LEADS_12
from ecglab.data.simulator import Simulator
from ecglab.profiles import load_profile


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


def test_some_of_each_passes_over_what_cannot_be_read() -> None:
    signals = np.ones((3, 1, 2000), np.float32)
    signals[0] = np.nan
    data = from_arrays(signals, fs=100, leads=["I"], labels=["N"] * 3, name="ours")
    with pytest.warns(SkippedRecords, match="ours: skipped 1 of 3"):
        assert some_of_each(data, data.ids(), ["N"], 2) == ["1", "2"]


def write_folder(folder: Path, records: int, leads: int) -> str:
    folder.mkdir()
    names = [f"r{i}" for i in range(records)]
    signals = np.ones((records, leads, 20), np.float32)
    np.savez(folder / "signals.npz", signals=signals, record=names, leads=LEADS_12[:leads])
    (folder / "labels.csv").write_text("\n".join(["record", *names]) + "\n")
    return f"{folder}@100"


def test_a_limited_corpus_is_drawn_from_all_its_leads(tmp_path: Path) -> None:
    sets = [write_folder(tmp_path / "a", 60, 12), write_folder(tmp_path / "b", 40, 3)]
    smoke = load_profile("smoke")
    corpus, ids = choose("+".join(sets), smoke)
    every = corpus.ids()
    assert len(every) == 60 * 12 + 40 * 3
    assert len(set(ids)) == len(ids) == smoke.limit == 240
    assert ids == [name for name in every if name in set(ids)]
    assert {name.split("/")[2] for name in ids} == set(LEADS_12)
    assert 20 < sum(name.startswith("b/") for name in ids) < 50
    assert choose("+".join(sets), smoke)[1] == ids
    assert choose("+".join(sets), smoke, seed=1)[1] != ids
    assert choose("+".join(sets), load_profile("paper"))[1] == every


def test_a_folder_to_train_on_is_named_with_its_rate(tmp_path: Path) -> None:
    signals = np.ones((2, 1, 2000), np.float32)
    np.savez(tmp_path / "signals.npz", signals=signals, record=["a", "b"], leads=["I"])
    (tmp_path / "labels.csv").write_text("record\na\nb\n")
    found, ids = choose(f"{tmp_path}@200", load_profile("smoke"))
    assert ids == ["a", "b"]
    assert (found.read("a").fs, found.read("a").labels, found.classes) == (200.0, (), ())
    with pytest.raises(ValueError, match=f"{tmp_path}@300"):
        choose(str(tmp_path), load_profile("smoke"))
