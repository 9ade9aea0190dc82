"""Pre-training by name: what a broken run leaves, and what a finished one does not."""

import json
from pathlib import Path

import pytest
import torch

from ecglab.data.simulator import Simulator
from ecglab.methods import (
    DiffECGSignal,
    SemanticAutoencoder,
    SemanticRhythm,
    load_weights,
    pretrain,
    pretrained,
)
from ecglab.methods.pretrained import SHIPPED
from ecglab.profiles import load_profile

PROFILE = load_profile("smoke")


def checkpoints(home: Path) -> list[Path]:
    return sorted((home / "checkpoints").glob("*.pt"))


def test_a_broken_run_is_taken_up_and_leaves_no_checkpoint_when_done(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Simulator(8, seed=0)
    run = "diffecg-signal", records, records.ids(), PROFILE

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(DiffECGSignal, "save", broken)
        for lr in (1e-3, 2e-3):  # neither meets the other's checkpoint
            with pytest.raises(OSError, match="no space"):
                pretrain(*run, steps=2, batch_size=4, lr=lr)
    kept = checkpoints(data_home)
    assert len(kept) == 2
    losses = [torch.load(path, weights_only=True)["losses"] for path in kept]

    folder = pretrain(*run, steps=2, batch_size=4, lr=1e-3)
    card = json.loads((folder / "config.json").read_text())["card"]
    mine = [path for path in kept if card["made_by"] in path.name]
    assert checkpoints(data_home) == [path for path in kept if path not in mine]
    (found,) = [losses[kept.index(path)] for path in mine]
    assert card["loss"] == pytest.approx(sum(found) / 2, abs=1e-5)


def test_a_method_says_what_made_its_weights_also_inside_a_fusion() -> None:
    alone = load_weights(SHIPPED / "semantic-autoencoder")
    assert isinstance(alone, SemanticAutoencoder)
    (made,) = alone.weights().values()
    assert made["command"].startswith("ecglab pretrain semantic-autoencoder")
    assert made["steps"] == 4800
    assert SemanticRhythm(alone).weights() == alone.weights()
    parts = pretrained("diffecg", Simulator(2, seed=0), [], load_profile("laptop"))
    assert set(parts.weights()) == set(type(parts).made_of)
    assert SemanticAutoencoder.for_profile(PROFILE).weights() == {}
