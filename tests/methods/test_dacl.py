"""DACL as a method of the registry: it learns, saves and loads, and refuses what it must."""

import numpy as np
import pytest

import ecglab
from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.methods import DACL, ScatteringTransformer, ScatteringVAE, get_method
from ecglab.methods.latent_learner import LatentLearnerConfig

TINY = {"hidden": (16,), "latent": 4, "widths": (8, 16), "embedding": 6, "time": 8}
TINY |= {"vae_steps": 20, "steps": 20, "batch_size": 32}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLAB_DATA", str(tmp_path_factory.mktemp("data")))
        dataset = Simulator(12, seed=0, mix={"N": 0.5, "A": 0.5}, seconds=15)
        yield windows(dataset, ScatteringTransformer().spec)


def test_it_learns_predicts_saves_and_loads(data, tmp_path):
    method = DACL(LatentLearnerConfig(**TINY))
    method.finetune(data, data.labels, seed=1)
    p = method.predict(data)
    assert p.shape == (len(data), 2)
    assert np.allclose(p.sum(axis=1), 1)
    method.save(tmp_path, half=True)
    again = DACL.load(tmp_path)
    assert again.config() == method.config()
    assert np.allclose(again.embed(data), method.embed(data), atol=0.02)
    assert method.embed(data).shape == (len(data), 6)


def test_finetuning_again_starts_afresh(data):
    method = DACL(LatentLearnerConfig(**TINY))
    method.finetune(data, data.labels, seed=1)
    first = method.predict(data)
    method.finetune(data, np.roll(data.labels, 1), seed=1)
    method.finetune(data, data.labels, seed=1)
    assert np.array_equal(method.predict(data), first)


def test_the_latent_alone_has_no_encoder(data):
    method = ScatteringVAE(LatentLearnerConfig(**{**TINY, "learning": "none"}))
    method.finetune(data, data.labels)
    assert method.embed(data).shape == (len(data), 4)


def test_the_features_alone_are_the_cached_ones(data):
    assert ScatteringTransformer().embed(data).shape == (len(data), 162)
    assert "pretrain" not in ScatteringTransformer.supports()


def test_only_learned_embeddings_need_labels():
    names = ("dacl", "contrastive-gaussian", "denoising-autoencoder", "scattering-vae")
    assert all(get_method(n).needs_labels for n in names)
    assert not get_method("scattering-transformer").needs_labels
    assert not get_method("diffecg-signal").needs_labels


def test_bad_input_is_named(data):
    with pytest.raises(ValueError, match="two classes"):
        DACL(LatentLearnerConfig(**TINY)).finetune(data, np.full(len(data), "N"))
    with pytest.raises(ValueError, match="fit comes before"):
        DACL(LatentLearnerConfig(**TINY)).embed(data)


def test_shipped_weights_embed_a_trace():
    x = np.sin(np.arange(4000) / 30) + 0.1 * np.random.default_rng(0).normal(size=4000)
    assert ecglab.load_pretrained("dacl").embed(x, fs=250).shape == (128,)
