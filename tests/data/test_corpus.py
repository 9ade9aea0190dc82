"""Every lead of several sets as records of one lead."""

from pathlib import Path

import numpy as np
import pytest

from ecglab.data.choose import choose
from ecglab.data.corpus import POSTER_HOP, Corpus, count_poster, count_windows
from ecglab.data.readers.arrays import from_arrays
from ecglab.data.record import RecordError
from ecglab.data.windows import WindowSpec, windows
from ecglab.profiles import load_profile

RNG = np.random.default_rng(0)


PARTS = {
    "one": from_arrays(RNG.normal(size=(3, 2, 2600)), fs=250, leads=("I", "II"), name="one"),
    "two": from_arrays(RNG.normal(size=(2, 1, 5100)), fs=250, leads=("V1",), name="two"),
}


def two_sets() -> Corpus:
    return Corpus([(PARTS["one"], PARTS["one"].ids()), (PARTS["two"], ["1"])])


def test_a_lead_is_a_record() -> None:
    corpus = two_sets()
    ids = corpus.ids()
    assert len(ids) == 3 * 2 + 1 == corpus.total_records
    assert [id_.split("/")[0] for id_ in ids] == ["one"] * 6 + ["two"]
    record = corpus.read(ids[1])
    assert record.leads == ("II",)
    data = windows(corpus, WindowSpec(), jobs=1)
    assert data.signals.shape == (6 + 2, 1, 2500)
    assert data.source == corpus.name == "one+two"
    with pytest.raises(ValueError, match="different names"):
        Corpus([])


def test_records_of_one_name_stay_apart() -> None:
    """Two leads or two sets make two records, each with the signal that its own set has."""
    corpus = two_sets()
    data = windows(corpus, WindowSpec(), jobs=1)
    assert data.table["record"].tolist() == [*corpus.ids(), corpus.ids()[-1]]
    rows = data.records()[0]
    assert rows["record"].tolist() == corpus.ids()
    assert rows["subject"].tolist() == [*(f"one/{i}" for i in (0, 0, 1, 1, 2, 2)), "two/1"]
    for id_ in corpus.ids():
        record = corpus.read(id_)
        assert (record.id, record.dataset) == (id_, "one+two")
        name, own_id, lead = id_.split("/")
        part = PARTS[name]
        np.testing.assert_array_equal(record.signal, part.read(own_id, [lead]).signal)  # type: ignore[arg-type]
        alone = windows(part, WindowSpec(leads=(lead,)), ids=[own_id], jobs=1)
        mine = data.take((data.table["record"] == id_).to_numpy())
        np.testing.assert_array_equal(mine.signals, alone.signals)


def test_what_a_corpus_does_not_hold() -> None:
    corpus = two_sets()
    assert corpus.read("one/0/II", ["II"]).leads == corpus.read("one/0/II", "ii").leads == ("II",)
    with pytest.raises(RecordError, match=r"one\+two/one/0/II: no lead I among II"):
        corpus.read("one/0/II", leads=["I"])
    for unknown in ("three/0/I", "one/7/I", "one/0/V1", "two/0/V1", "one"):
        with pytest.raises(RecordError, match=f"{unknown}: no such record"):
            corpus.read(unknown)


def test_windows_are_counted_as_they_are_cut() -> None:
    for hop in (None, 1.0, 3.7):
        spec = WindowSpec(hop=hop)
        x = from_arrays(RNG.normal(size=(1, 1, 250 * 33)), fs=250, leads=("I",))
        assert len(windows(x, spec, jobs=1)) == count_windows(33, spec)
    assert count_windows(9, WindowSpec()) == 0


def test_the_posters_corpus_within_a_hundred_snippets() -> None:
    """356,099 cannot be had exactly: see the module."""
    spec = WindowSpec(fs=300.0, hop=POSTER_HOP)
    counts = count_poster(spec)
    assert counts["ptbxl"] == 261_588
    ours = abs(sum(counts.values()) - 356_099)
    assert ours == 49
    for samples in (545, 546, 548, 549):
        other = WindowSpec(fs=300.0, hop=samples / 300)
        assert abs(sum(count_poster(other).values()) - 356_099) >= ours
    assert WindowSpec(fs=300.0, hop=load_profile("paper").semantic_hop).hop_samples == 547


@pytest.mark.real
def test_real_sets_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "signals.npz", signals=RNG.normal(size=(2, 12, 1000)), name=["a", "b"])
    (tmp_path / "labels.csv").write_text("name,x\na,1\nb,0\n")
    corpus, ids = choose(f"mitbih+{tmp_path}@100", load_profile("laptop"))
    assert len(ids) == 48 * 5 + 2 * 12
    assert corpus.read("mitbih/100/MLII").fs == 360
    few = choose(f"mitbih+{tmp_path}@100", load_profile("smoke"))[1]
    assert len(few) == 240
