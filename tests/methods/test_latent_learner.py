"""DACL on feature vectors: it learns what a linear model cannot, and refuses what it must."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Generator, nn

from ecglab.evaluation import auroc
from ecglab.methods.latent_learner import (
    LatentLearner,
    LatentLearnerConfig,
    _DenoisingObjective,
    _TripletObjective,
)
from ecglab.nn.latent_unet import LatentUNetConfig
from ecglab.nn.triplet import TripletLoss

SMALL = {"hidden": (32,), "latent": 6, "widths": (16, 32), "embedding": 8, "time": 16}
SMALL |= {"vae_steps": 100, "steps": 120, "batch_size": 48}


def make(**changed):
    return LatentLearner(config=LatentLearnerConfig(**{**SMALL, **changed}))


def rings(n: int, seed: int):
    """Two classes, one around the other, in 8 features: no plane parts them."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.4, "in", "out")
    angle, radius = rng.uniform(0, 2 * np.pi, n), np.where(y == "in", 0.5, 2.0)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    mix = np.random.default_rng(9).normal(size=(2, 8))
    return (x @ mix + 0.05 * rng.normal(size=(n, 8))).astype(np.float32), y


def score(model, x, y):
    return float(auroc(y == "out", model.predict_proba(x)[:, 1]))


def togetherness(model, x, y):
    """How well the cosine of two embeddings says that they are of one class: AUROC over pairs."""
    e, (a, b) = model.embed(x), np.triu_indices(len(x), 1)
    return float(auroc(y[a] == y[b], (e @ e.T)[a, b]))


@pytest.mark.parametrize("learning", ["diffusion", "gaussian"])
def test_triplets_draw_together_a_class_that_no_plane_parts_from_the_other(learning):
    (x, y), (x_new, y_new) = rings(300, 0), rings(300, 1)
    line = LogisticRegression().fit(x, y)
    assert float(auroc(y_new == "out", line.predict_proba(x_new)[:, 1])) < 0.65
    raw, model = (make(learning=learning, steps=steps).fit(x, y) for steps in (1, 60))
    assert togetherness(raw, x_new, y_new) < 0.7, "classes that lie together untrained test nothing"
    assert togetherness(model, x_new, y_new) > 0.75
    assert model.classes == ("in", "out")
    assert score(model, x_new, y_new) > 0.9
    p = model.predict_proba(x_new)
    assert p.shape == (300, 2)
    assert np.allclose(p.sum(axis=1), 1)


def test_every_view_has_its_samples_label():
    views = torch.randn(3, 4, 5, generator=Generator().manual_seed(0))
    y, t = torch.tensor([0, 1, 1, 0]), torch.arange(12).view(3, 4)
    objective = _TripletObjective(
        lambda v, t: v + t[:, None] / 6, lambda z, g: (views, t), TripletLoss(margin=0.5)
    )
    embedded = (views + t[:, :, None] / 6).numpy().reshape(12, 5)
    unit = embedded / np.linalg.norm(embedded, axis=1, keepdims=True)
    label, by_hand = [0, 1, 1, 0] * 3, []
    for i in range(12):
        far = {j: np.linalg.norm(unit[i] - unit[j]) for j in range(12) if j != i}
        farthest = max(d for j, d in far.items() if label[j] == label[i])
        nearest = min(d for j, d in far.items() if label[j] != label[i])
        by_hand.append(max(0.0, farthest - nearest + 0.5))
    assert objective(views[0], y, Generator()).item() == pytest.approx(np.mean(by_hand), rel=1e-4)


def test_the_denoiser_is_held_to_the_clean_latent():
    class Echo(nn.Module):
        config = LatentUNetConfig(latent=3, embedding=3)

        def forward(self, z, t):
            return z + t[:, None]

    z, noisy = torch.randn(3, 4, 3, generator=Generator().manual_seed(0)).split([1, 2])
    t = torch.tensor([[0] * 4, [1, 2, 3, 4], [5, 6, 7, 8]])
    objective = _DenoisingObjective(Echo(), lambda z, g: (torch.cat([z[None], noisy]), t))
    nn.init.eye_(objective.decoder.weight)
    nn.init.zeros_(objective.decoder.bias)
    by_hand = np.mean((noisy.numpy() + t[1:, :, None].numpy() - z.numpy()) ** 2)
    found = objective(z[0], torch.zeros(4), Generator()).item()
    assert found == pytest.approx(by_hand, rel=1e-5)


def test_the_classifier_reads_the_clean_latents_embedding_at_step_0():
    x, y = rings(60, 0)
    model = make(steps=5, vae_steps=5).fit(x, y)
    with torch.no_grad():
        e = model.encoder(model.latent(x), torch.zeros(60, dtype=torch.int64)).numpy()
    unit = e / np.linalg.norm(e, axis=1, keepdims=True)
    np.testing.assert_allclose(model.embed(x), unit, atol=1e-6)


def test_parts_without_labels_look_at_none():
    x, y = rings(300, 0)
    for learning in ("denoising", "none"):
        a = make(learning=learning, steps=20, vae_steps=20).fit(x, y)
        b = make(learning=learning, steps=20, vae_steps=20).fit(x, np.roll(y, 1))
        assert np.array_equal(a.embed(x), b.embed(x))
    a, b = (make(steps=20, vae_steps=20).fit(x, labels) for labels in (y, np.roll(y, 1)))
    assert np.array_equal(a.latent(x), b.latent(x))
    assert not np.array_equal(a.embed(x), b.embed(x))


def test_unlabelled_samples_train_the_latent_only():
    x, y = rings(300, 0)
    alone = make(steps=20, vae_steps=20).fit(x[:40], y[:40])
    more = make(steps=20, vae_steps=20).fit(x[:40], y[:40], unlabelled=x[40:])
    assert not np.allclose(alone.scale["x_mean"], more.scale["x_mean"])
    assert np.allclose(more.scale["x_mean"], x.mean(axis=0), atol=1e-5)


def test_a_seed_repeats_and_state_goes_there_and_back():
    x, y = rings(200, 0)
    a, b = (make(steps=20, vae_steps=20).fit(x, y, seed=3) for _ in range(2))
    assert np.array_equal(a.embed(x), b.embed(x))
    again = make()
    again.load_state(a.state())
    assert np.array_equal(again.embed(x), a.embed(x))


def test_a_feature_that_never_changes_is_no_division_by_zero():
    x, y = rings(200, 0)
    x[:, 3] = 7.0
    model = make(steps=20, vae_steps=20).fit(x, y)
    assert np.isfinite(model.embed(x)).all()


def test_bad_input_is_named():
    x, y = rings(60, 0)
    with pytest.raises(ValueError, match="two classes"):
        make().fit(x, np.full(60, "in"))
    with pytest.raises(ValueError, match="60 samples with 59"):
        make().fit(x, y[1:])
    with pytest.raises(ValueError, match="nothing to learn"):
        make().fit(np.ones((60, 8)), y)
    with pytest.raises(ValueError, match="not finite"):
        make().fit(np.where(np.arange(8) == 2, np.nan, x), y)
    with pytest.raises(ValueError, match="fit comes before"):
        make().predict_proba(x)
    with pytest.raises(ValueError, match="learning"):
        LatentLearnerConfig(learning="magic")


def test_a_class_with_one_sample_trains_without_nan():
    x, y = rings(80, 0)
    y = np.where(np.arange(80) == 5, "rare", "common")
    model = make(steps=10, vae_steps=10).fit(x, y)
    assert np.isfinite(model.predict_proba(x)).all()
    assert np.isfinite(model.reports["encoder"].losses).all()
