"""Every lead of several sets as records of one lead."""

from pathlib import Path

import numpy as np
import pytest

from ecglab.data.choose import choose
from ecglab.data.corpus import POSTER_HOP, Corpus, count_poster, count_windows
from ecglab.data.readers.arrays import from_arrays
from ecglab.data.windows import WindowSpec, windows
from ecglab.profiles import load_profile

RNG = np.random.default_rng(0)


def two_sets() -> Corpus:
    one = from_arrays(RNG.normal(size=(3, 2, 2600)), fs=250, leads=("I", "II"), name="one")
    two = from_arrays(RNG.normal(size=(2, 1, 5100)), fs=250, leads=("V1",), name="two")
    return Corpus([(one, one.ids()), (two, two.ids()[1:])])


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
    assert 240 <= len(few) <= 264
