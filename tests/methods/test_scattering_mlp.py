"""The control with labels: a small network on scattering features."""

import numpy as np
import pytest

from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.evaluation.metrics import auroc
from ecglab.methods.scattering_mlp import ScatteringMLP, fit_network


def test_it_learns_what_no_linear_classifier_can() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 6)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = fit_network(x[:2000], y[:2000], seed=0)
    assert auroc(y[2000:], model.predict_proba(x[2000:])[:, 1]) > 0.9
    again, other = (fit_network(x[:2000], y[:2000], seed=seed) for seed in (0, 1))
    assert np.array_equal(again.predict_proba(x), model.predict_proba(x))
    assert not np.array_equal(other.predict_proba(x), model.predict_proba(x))


def test_windows_in_probabilities_out() -> None:
    data = windows(Simulator(12, seed=0, mix={"N": 0.5, "A": 0.5}), ScatteringMLP().spec, jobs=1)
    method = ScatteringMLP()
    with pytest.raises(ValueError, match="scattering-mlp: finetune comes before predict"):
        method.predict(data)
    with pytest.raises(ValueError, match="labels of"):
        method.finetune(data, np.full(len(data), "N"))
    method.finetune(data, data.labels)
    p = method.predict(data)
    assert p.shape == (len(data), 2)
    assert np.allclose(p.sum(axis=1), 1)
    assert (p[data.labels == "A", 0].mean()) > p[data.labels == "N", 0].mean()
