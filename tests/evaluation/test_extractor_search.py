"""The architecture search: its spaces counted, its greedy path by hand, its scores honest."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet
from ecglab.diffusion import UNetConfig
from ecglab.diffusion.extractor import Extractor, NoStructure
from ecglab.evaluation import load_all, save
from ecglab.evaluation.bootstrap import Interval
from ecglab.evaluation.extractor_protocol import run_search, split_records
from ecglab.evaluation.extractor_search import ExtractorSearch, Scored, grid, removals
from ecglab.methods import DiffECGSignal, get_method, load_weights, pretrain
from ecglab.methods.pretrained import structured
from ecglab.profiles import load_profile

STORED = sorted((Path(__file__).parents[2] / "results").glob("extractor-search__*.csv"))
PROFILE = load_profile("smoke")
CONFIG = UNetConfig(dim=8, multipliers=(1, 2, 2))
PAPER, WHOLE = Extractor.paper(CONFIG), Extractor.whole(CONFIG)
MIX = {"N": 0.4, "A": 0.2, "O": 0.2, "~": 0.2}


@pytest.fixture(scope="module")
def encoder() -> DiffECGSignal:
    return DiffECGSignal.for_profile(PROFILE, seed=0)


@pytest.fixture(scope="module")
def halves(encoder: DiffECGSignal, tmp_path_factory) -> tuple[WindowSet, WindowSet]:
    records = Simulator(80, seed=0, mix=MIX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLAB_DATA", str(tmp_path_factory.mktemp("data")))
        return split_records(records, records.ids(), encoder.spec, records=80, seed=0)


@pytest.fixture(scope="module")
def search(encoder: DiffECGSignal, halves) -> ExtractorSearch:
    return ExtractorSearch(encoder, halves[0], resamples=50, seed=0)


def test_the_grid_is_complete_and_without_repeats() -> None:
    found = grid(CONFIG)
    assert len(found) == len(set(found)) == 2 * (3 + 5 + 6 * 4)
    assert {PAPER, WHOLE, replace(PAPER, middle_blocks=1, up=2)} <= set(found)
    assert len({e.parts(CONFIG) for e in found}) == len(found)  # nobody is there under two names


def test_a_removal_takes_one_part_and_the_last_one_leaves_the_stem() -> None:
    here, seen = WHOLE, set()
    while smaller := removals(here):
        for e in smaller:
            gone = len(here.parts(CONFIG)) - len(e.parts(CONFIG))
            assert gone >= 1
            assert set(e.parts(CONFIG)) <= set(here.parts(CONFIG))
        seen.add(here)
        here = smaller[-1]
        assert here not in seen
    assert here.parts(CONFIG) == (("stem", 0),)
    assert len(removals(WHOLE)) == 4 + 2 + 6
    assert len(removals(PAPER)) == 2 + 6


class Rigged(ExtractorSearch):
    """Every part is worth a number that is known; all parts together cost 1."""

    def __init__(self, worth: dict) -> None:
        self.config, self.worth, self.tried = CONFIG, worth, 0
        self._macs = dict.fromkeys(WHOLE.parts(CONFIG), 10)
        self.scored = {}

    def score(self, extractors):
        for e in extractors:
            self.tried += e not in self.scored
            value = sum(self.worth.get(p, 0.0) for p in e.parts(CONFIG))
            cost = 10 * len(e.parts(CONFIG))
            self.scored[e] = Scored(
                extractor=e, predictions=np.array([]), macro_f1=Interval(value, value, value),
                macs=cost, parameters=0, width=1,
            )  # fmt: skip
        return [self.scored[e] for e in extractors]


def test_elimination_removes_the_useless_and_the_harmful_first() -> None:
    """All parts of 17 are useless but two, and one does harm: it goes in the first cycle."""
    worth = {("blocks", 0): 0.3, ("mid1", 0): 0.2, ("attend", 1): -0.1}
    rigged = Rigged(worth)
    path = rigged.eliminate(penalty=0.01)
    assert path[0].extractor == WHOLE
    assert path[1].extractor == replace(WHOLE, attention=(True, False, True))
    kept = Extractor(
        blocks=(True, False, False), attention=(False,) * 3, middle_blocks=1,
        middle_attention=False, up=0,
    )  # fmt: skip
    assert path[-1].extractor == kept
    assert path[2].extractor == replace(path[1].extractor, up=0)  # the whole decoder at once
    assert len(path) == 3 + 2 + 2 + 2  # mid2 and attention, other attentions, blocks
    gains = [rigged.gain(s, penalty=0.01) for s in path]
    assert gains == sorted(gains)
    assert rigged.choice(penalty=0.01).extractor == kept
    assert rigged.tried == len(rigged.scored)


def test_compute_has_a_price() -> None:
    """A part worth 0.01 stays at a low price and goes at a high one; free, nothing useful goes."""
    worth = dict.fromkeys(WHOLE.parts(CONFIG), 0.01)
    parts = len(worth)
    assert len(Rigged(worth).eliminate(penalty=0.009 * parts)) == 1
    assert Rigged(worth).eliminate(penalty=0.011 * parts)[-1].extractor.parts(CONFIG) == (
        ("stem", 0),
    )


@pytest.mark.parametrize("reads", ["last", "all"])
def test_features_are_those_of_the_encoder(encoder, halves, reads) -> None:
    search = ExtractorSearch(encoder, halves[0], reads=reads, seed=3)
    view = encoder.view(halves[0])
    mine = search.features(view, [Extractor.paper(search.config)])
    embedding = encoder.embed(halves[0], seed=3)
    sizes = [8, 8, 16, 16]  # the levels' channels, the bottleneck's
    if reads == "all":
        expected = embedding
    else:
        means, deviations = embedding[:, : sum(sizes)], embedding[:, sum(sizes) : 2 * sum(sizes)]
        periodicities = embedding[:, 2 * sum(sizes) :]
        expected = np.hstack([means[:, -16:], deviations[:, -16:], periodicities])
    (found,) = mine.values()
    assert np.allclose(found, expected, atol=1e-5)


def test_scores_front_and_differences(search: ExtractorSearch) -> None:
    paper = Extractor.paper(search.config)
    some = search.score([paper, *removals(paper), Extractor.whole(search.config)])
    table = search.table()
    assert len(table) == len(some)
    for row in table.itertuples():
        others = table.drop(row.Index)
        beaten = (others["macs"] <= row.macs) & (others["macro_f1"] >= row.macro_f1)
        assert row.front == (not beaten.any())
    same = search.difference(paper, paper)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    d = search.difference(paper, some[-1].extractor)
    assert d.value == pytest.approx(some[0].macro_f1.value - some[-1].macro_f1.value)
    again = search.score([paper])[0]
    assert again is some[0]


def test_validation_never_sees_its_own_labels(encoder, halves) -> None:
    """With labels drawn by lot, out-of-fold predictions are right no more often than chance."""
    known = halves[0]
    rng = np.random.default_rng(0)
    drawn = known.table.assign(label=rng.permutation(known.labels))
    shuffled = replace(known, table=drawn)
    search = ExtractorSearch(encoder, shuffled, reads="all", resamples=50)
    scored = search.score([Extractor.paper(search.config)])[0]
    assert scored.width > len(known)  # enough features to fit any labels by heart
    right = np.mean(scored.predictions == search.rows["label"].to_numpy(dtype=str))
    assert right < 0.55


def test_a_test_subject_is_no_search_subject(search: ExtractorSearch, halves) -> None:
    known, unknown = halves
    assert not set(known.table["subject"]) & set(unknown.table["subject"])
    with pytest.raises(ValueError, match="both searched on and tested on"):
        search.confirm([Extractor.paper(search.config)], known)
    rows, predictions = search.confirm([Extractor.paper(search.config)], unknown)
    assert len(rows) == len(unknown)
    assert {len(p) for p in predictions.values()} == {len(rows)}


def test_a_noise_step_out_of_range(encoder, halves) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1000\)"):
        ExtractorSearch(encoder, halves[0], t=1000).exhaust()


def test_a_method_without_a_unet() -> None:
    records = Simulator(4, seed=0)
    with pytest.raises(ValueError, match="no U-Net"):
        run_search("rr-spectral", records, records.ids(), PROFILE, records=4)


def test_a_structures_name_says_it_all() -> None:
    found = [*grid(CONFIG), *removals(PAPER), *removals(replace(PAPER, blocks=(False, True, True)))]
    assert all(Extractor.named(e.name) == e for e in found)
    names = [name for path in STORED for name in pd.read_csv(path)["name"]]
    assert "d1234-a1.34-m2a-u0" in names
    assert all(Extractor.named(name).name == name for name in names)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "paper",
        "d123-a123-m2a",  # no word about the decoder
        "d123-a12-m2a-u0",  # two levels' attention for three levels
        "d213-a123-m2a-u0",  # out of order
        "d123-a123-m3a-u0",
        "d123-a123-m2a-u00",
        "d123-a123-m2a-u0+all",  # a result's name: the structure, and how it was read
    ],
)
def test_a_wrong_name_is_refused(wrong: str) -> None:
    with pytest.raises(NoStructure, match=r"no structure '.*'; one reads like d1234-a1\.34-m2a-u0"):
        Extractor.named(wrong)


def test_a_structure_of_another_network_is_refused(encoder: DiffECGSignal) -> None:
    with pytest.raises(NoStructure, match="3 levels holds no extractor d1234-a1234-m2a-u0"):
        structured(encoder, "d1234-a1234-m2a-u0")
    with pytest.raises(NoStructure, match="dacl has no U-Net"):
        structured(get_method("dacl").for_profile(PROFILE), PAPER.name)


def test_the_decoder_is_whole_whatever_the_structure_reads(encoder: DiffECGSignal) -> None:
    nothing, everything = (structured(encoder, e.name).state() for e in (PAPER, WHOLE))
    for state in (everything, encoder.state()):  # all of one seed
        assert nothing.keys() == state.keys()
        assert all(torch.equal(nothing[k], state[k]) for k in state)


@pytest.mark.parametrize("name", ["d123-a1.3-m1-u0", "d12-a1.-m0-u0"])
def test_a_found_structure_is_pre_trained_by_its_name(
    name: str, halves, data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Simulator(20, seed=0, mix=MIX)
    run = "diffecg-signal", records, records.ids(), PROFILE
    folder = pretrain(*run, steps=2, batch_size=4, structure=name)
    assert folder != pretrain(*run, steps=2, batch_size=4)  # nor do their checkpoints meet
    card = json.loads((folder / "config.json").read_text())["card"]
    assert card["command"].endswith(f"--steps 2 --batch-size 4 --structure {name}")

    extractor, method = Extractor.named(name), load_weights(folder)
    assert isinstance(method, DiffECGSignal)
    whole = DiffECGSignal.for_profile(PROFILE)
    assert method.options == replace(whole.options, unet=extractor.unet(whole.options.unet))
    fresh = structured(whole, name)
    trained = [k for k, v in method.state().items() if not torch.equal(v, fresh.state()[k])]
    assert {k.split(".")[0] for k in trained} >= {"stem", "down", "up", "final", "out"}
    assert np.isfinite(method.embed(halves[0])).all()

    def forbidden(*_: object) -> None:
        raise AssertionError("an embedding has run the decoder")

    for stage in method.network.up:
        monkeypatch.setattr(stage, "forward", forbidden)
    method.embed(halves[0].take(np.arange(2)))


@pytest.mark.slow
def test_the_whole_protocol_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECGLAB_DATA", str(tmp_path / "data"))
    torch.manual_seed(0)
    records = Simulator(80, seed=0, mix=MIX)
    tiny = replace(PROFILE, multipliers=(1, 2), steps=2, resamples=50)
    report = run_search("diffecg-signal", records, records.ids(), tiny, records=80)
    assert set(report.roles) >= {"paper", "whole", "exhaustive", "eliminated", "choice"}
    assert report.path["name"].iloc[0] == report.roles["whole"].name
    assert report.path["name"].iloc[-1] == report.roles["eliminated"].name
    for result in report.results:
        save(result, tmp_path / "results")
        if "paper" in result.params["roles"]:
            assert result.metrics["macro_f1_over_paper"] == Interval(0.0, 0.0, 0.0)
    stored = load_all(tmp_path / "results")
    assert len(stored) == 2 * len(set(report.roles.values()))
    assert {r.protocol for r in stored} == {"validation-record", "test-record"}
