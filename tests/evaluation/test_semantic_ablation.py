"""One part exchanged at a time, everything else the same."""

from dataclasses import replace

import pytest

from ecglab.data.simulator import Simulator
from ecglab.evaluation.semantic_ablation import VARIANTS, run_ablation
from ecglab.nn.lru import LRU
from ecglab.nn.reducer import AttentionReducer
from ecglab.profiles import load_profile


def test_each_variant_is_compared_with_the_full_model(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ECGLAB_DATA", str(tmp_path))
    simulator = Simulator(60, seed=0, mix={"N": 0.4, "A": 0.2, "O": 0.2, "~": 0.2})
    source = simulator, simulator.ids()
    profile = replace(load_profile("smoke"), resamples=50)
    found = list(run_ablation(source, source, profile, names=("full", "mean")))
    assert [(r.method, r.variant) for r in found] == [
        ("semantic-autoencoder", "ablation-full"),
        ("semantic-autoencoder", "ablation-mean"),
    ]
    full, mean = (r.metrics["macro_f1"].value for r in found)
    difference = found[1].metrics["macro_f1_over_semantic-autoencoder-full"].value
    assert difference == pytest.approx(mean - full)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_only_one_part_changes(name: str, monkeypatch) -> None:
    from ecglab.evaluation import semantic_ablation

    monkeypatch.setattr(semantic_ablation.SemanticAutoencoder, "pretrain", lambda *_, **__: None)
    method = semantic_ablation.train_variant(name, None, load_profile("smoke"), seed=0)
    has_lru = any(isinstance(m, LRU) for m in method.encoder.modules())
    attends = isinstance(method.encoder.reduce, AttentionReducer)
    assert has_lru == (name != "cnn")
    assert attends == ("reducer" not in VARIANTS[name])
