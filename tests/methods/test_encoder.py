"""One line from an array to a vector."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ecglab
from ecglab.data.simulator import Simulator
from ecglab.data.windows import WindowSet, windows
from ecglab.methods import (
    METHODS,
    DiffECGSignal,
    EcgEmbedding,
    Encoder,
    SemanticAutoencoder,
    SemanticRhythm,
)
from ecglab.profiles import load_profile


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(method=SemanticAutoencoder.for_profile(load_profile("smoke"), seed=0))


@pytest.fixture(scope="module")
def traces() -> list[np.ndarray]:
    simulator = Simulator(3, seed=0)
    return [simulator.read(id_).signal[0] for id_ in simulator.ids()]


def test_arrays_are_embedded_as_records_are(encoder: Encoder, traces: list[np.ndarray]) -> None:
    simulator = Simulator(3, seed=0)
    fs = simulator.read(simulator.ids()[0]).fs
    expected, _ = encoder.method.embed_records(simulator)
    assert np.allclose(encoder.embed(traces, fs), expected, atol=1e-5)
    assert np.allclose(encoder.embed(traces[1], fs), expected[1], atol=1e-5)
    same = np.stack([t[: int(9 * fs)] for t in traces])
    assert encoder.embed(same, fs).shape == (3, 128)
    assert windows(simulator, encoder.method.spec, jobs=1).fs == 100


def test_any_length_and_unit(encoder: Encoder, traces: list[np.ndarray]) -> None:
    x = traces[0][:2400].astype(np.float64)
    for unit in (1e3, 1e-9, 1e30):  # microvolts, megavolts, something silly
        assert np.allclose(encoder.embed(unit * x, 300), encoder.embed(x, 300), atol=1e-3)
    assert encoder.embed([x[:700], x[:1900], x], 300).shape == (3, 128)
    assert encoder.embed((100 * x).astype(np.int16), 300).shape == (128,)


@pytest.mark.parametrize(
    ("trace", "fs", "message"),
    [
        (np.zeros(3000), 300, "flat"),
        (np.r_[np.sin(np.arange(2999)), np.nan], 300, "1 samples are NaN"),
        (np.sin(np.arange(500)), 300, "shorter than 2 s"),
        (np.sin(np.arange(3000)), 0, "rate is positive"),
        (np.sin(np.arange(3000)), 60, "40"),
        (np.sin(np.arange(3000)).reshape(1, 1, -1), 300, "a trace is"),
        (np.array(["a"] * 3000), 300, "a trace is"),
        ([], 300, "no traces"),
    ],
)
def test_what_cannot_be_embedded(encoder: Encoder, trace, fs: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.embed(trace, fs)


def test_shipped_encoders_load_by_name_and_fit_a_pipeline(traces: list[np.ndarray]) -> None:
    encoder = ecglab.load_pretrained("diffecg-signal")
    direct = encoder.embed(traces, 300)
    model = make_pipeline(EcgEmbedding("diffecg-signal", fs=300), StandardScaler())
    assert np.allclose(model.fit(traces).transform(traces), scipy.stats.zscore(direct), atol=1e-3)
    step = EcgEmbedding("diffecg-signal", fs=300)
    with pytest.raises(NotFittedError):
        step.transform(traces)
    table = pd.DataFrame([t[:2400] for t in traces], index=["a", "b", "c"])
    found = step.set_output(transform="pandas").fit_transform(table)
    assert list(found.index) == ["a", "b", "c"]
    assert list(found.columns[:2]) == ["ecgembedding0", "ecgembedding1"]
    assert np.array_equal(found, encoder.embed(table.to_numpy(), 300))
    assert clone(step).get_params() == {"name": "diffecg-signal", "fs": 300}
    with pytest.raises(ValueError, match="several traces"):
        step.transform(traces[0])
    with pytest.raises(ValueError, match=r"there are: .*diffecg-lorenz, diffecg-signal"):
        ecglab.load_pretrained("nothing")


def test_what_is_made_of_shipped_encoders_loads_too(traces: list[np.ndarray]) -> None:
    z = ecglab.load_pretrained("semantic-autoencoder").embed(traces[0], 300)
    larger = ecglab.load_pretrained("semantic-autoencoder-gpu")
    assert larger.method.info.name == "semantic-autoencoder"
    assert larger.embed(traces[0], 300).shape == z.shape
    convolutional = ecglab.load_pretrained("semantic-autoencoder-cnn")
    assert convolutional.method.options.encoder.body == "cnn"
    assert convolutional.embed(traces[0], 300).shape == z.shape
    assert z.shape == (128,)
    rhythm = ecglab.load_pretrained("semantic-rhythm")
    assert rhythm.embed(traces[0], 300).shape == (4 * 128,)
    assert isinstance(rhythm.method, SemanticRhythm)
    assert np.allclose(Encoder(method=rhythm.method.autoencoder).embed(traces[0], 300), z)
    modalities = ecglab.load_pretrained("diffecg").method.parts
    assert list(modalities) == ["signal", "spectrogram", "lorenz"]


def test_a_plain_list_of_numbers_is_one_trace(encoder: Encoder, traces: list[np.ndarray]) -> None:
    vector = encoder.embed(traces[0].tolist(), 300)
    assert np.allclose(vector, encoder.embed(traces[0], 300), atol=1e-5)
    with pytest.raises(ValueError, match="there are no traces"):
        encoder.embed([], 300)


def test_a_noisy_encoder_s_vector_does_not_depend_on_the_other_traces(
    traces: list[np.ndarray],
) -> None:
    noisy = Encoder(method=DiffECGSignal.for_profile(load_profile("smoke"), seed=0))
    together = noisy.embed(traces, 300, seed=4)
    assert np.allclose(together[2], noisy.embed(traces[2], 300, seed=4), atol=1e-5)
    assert np.allclose(together[::-1], noisy.embed(traces[::-1], 300, seed=4), atol=1e-5)
    assert not np.allclose(together[2], noisy.embed(traces[2], 300, seed=5), atol=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "diffecg-lorenz",
        "semantic-autoencoder",
        "supervised-encoder",
        "scattering-transformer",
        "scattering-mlp",
        "rr-spectral",
    ],
)
def test_windows_cut_otherwise_or_not_finite_are_refused(name: str) -> None:
    simulator, method = Simulator(2, seed=0), METHODS[name].for_profile(load_profile("smoke"))
    labels = np.array(["a", "b"] * 20)

    def read(data: WindowSet) -> None:
        if "embed" not in method.supports():
            method.finetune(data, labels[: len(data)])
        else:
            method.embed(data)

    scaling = "zscore" if method.spec.scaling == "none" else "none"
    for wrong in ({"fs": 90.0}, {"band": (5.0, 20.0)}, {"order": 2}, {"scaling": scaling}):
        ((what, _),) = wrong.items()
        with pytest.raises(ValueError, match=f"windows of {what} .* for {name}"):
            read(windows(simulator, replace(method.spec, **wrong), jobs=1))
    data = windows(simulator, method.spec, jobs=1)
    signals = np.array(data.signals)
    signals[1, 0, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        read(replace(data, signals=signals))
