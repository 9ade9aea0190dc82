"""One part exchanged at a time, everything else the same."""

from dataclasses import replace

import pytest

from ecglab.data.simulator import Simulator
from ecglab.evaluation.semantic_ablation import VARIANTS, run_ablation, train_variant
from ecglab.methods import SemanticAutoencoder
from ecglab.nn.lru import LRUBlock
from ecglab.nn.reducer import AttentionReducer
from ecglab.nn.semantic import ConvBlock
from ecglab.profiles import load_profile


def test_each_variant_is_compared_with_the_full_model(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ECGLAB_DATA", str(tmp_path))
    simulator = Simulator(60, seed=0, mix={"N": 0.4, "A": 0.2, "O": 0.2, "~": 0.2})
    source = simulator, simulator.ids()
    profile = replace(load_profile("smoke"), resamples=50)
    found = list(run_ablation(source, source, profile, names=("mean",), seed=1))
    assert [(r.method, r.variant) for r in found] == [
        ("semantic-autoencoder", "ablation-full+seed1"),  # goes with every variant
        ("semantic-autoencoder", "ablation-mean+seed1"),
    ]
    with pytest.raises(ValueError, match=r"unknown variants \['half'\]"):
        next(run_ablation(source, source, profile, names=("half",)))
    full, mean = (r.metrics["macro_f1"].value for r in found)
    difference = found[1].metrics["macro_f1_over_semantic-autoencoder-full"].value
    assert difference == pytest.approx(mean - full)


CHANGES = {
    "full": {},
    "cnn": {"body": "cnn"},
    "wide": {"state": 128},
    "mean": {"reducer": "mean"},
    "max": {"reducer": "max"},
    "last": {"reducer": "last"},
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_only_one_part_changes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(VARIANTS) == list(CHANGES)
    monkeypatch.setattr(SemanticAutoencoder, "pretrain", lambda *_, **__: None)
    profile = load_profile("smoke")
    method = train_variant(name, None, profile, seed=0)
    full = SemanticAutoencoder.for_profile(profile).options
    assert method.options == replace(full, encoder=replace(full.encoder, **CHANGES[name]))
    blocks = {type(block) for block in method.encoder.blocks}
    assert blocks == {ConvBlock if name == "cnn" else LRUBlock}
    if name in ("mean", "max", "last"):
        assert method.encoder.reduce.pool == name
    else:
        assert isinstance(method.encoder.reduce, AttentionReducer)
