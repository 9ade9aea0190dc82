"""The feature baselines: of whole records, and of windows."""

import numpy as np
import pytest

from ecglab.data.readers.arrays import from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.record import RecordError
from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.methods import Method, RecordFeatures, RRSpectral
from ecglab.signals import bandpass
from ecglab.signals.features import RECORD_FEATURES, record_features


@pytest.mark.parametrize("method", [RecordFeatures(), RRSpectral()])
def test_whole_records_and_windows(method: Method) -> None:
    dataset = Simulator(6, seed=0)
    features, rows = method.embed_records(dataset)
    assert isinstance(method, RecordFeatures)
    assert rows["record"].tolist() == dataset.ids()
    assert features.shape == (6, len(method.features))
    record = dataset.read("S000002")
    assert record.signal is not None
    expected = record_features(bandpass(record.signal[0], 300.0), 300.0)
    columns = [RECORD_FEATURES.index(name) for name in method.features]
    assert np.allclose(features[2], expected[columns], rtol=1e-5)
    data = windows(dataset, method.spec, jobs=1)
    assert method.embed(data).shape == (18, len(method.features))


def test_an_irregular_rhythm_shows() -> None:
    spread = {}
    for label in "NA":
        features, _ = RRSpectral().embed_records(Simulator(12, seed=1, mix={label: 1.0}))
        spread[label] = np.median(features[:, RRSpectral.features.index("cv")])
    assert spread["A"] > 2 * spread["N"]


def test_a_record_that_cannot_be_read_is_left_out_and_counted() -> None:
    trace = Simulator(1, seed=0).read("S000000").signal
    assert trace is not None
    broken = trace.copy()
    broken[0, 5] = np.nan
    data = from_arrays([trace, broken], fs=300, leads=["I"], name="ours")
    with pytest.warns(SkippedRecords, match="ours: skipped 1 of 2 records; .*ours/1"):
        features, rows = RRSpectral().embed_records(data)
    assert rows["record"].tolist() == ["0"]
    assert len(features) == 1
    with pytest.raises(RecordError, match=r"ours: no record could be read.*ours/1"):
        RRSpectral().embed_records(data, ["1"])
