"""Noise added to a data set's records."""

from zlib import crc32

import numpy as np
import pytest

from ecglab.data.corrupted import Corrupted
from ecglab.data.readers.arrays import ArrayDataset, from_arrays
from ecglab.data.readers.base import SkippedRecords
from ecglab.data.record import RecordError
from ecglab.data.windows import WindowSpec, windows
from ecglab.signals.artefacts import KINDS, add_artefact

RNG = np.random.default_rng(0)


def clean(
    *seconds: float, leads: tuple[str, ...] = ("I", "II", "V1"), fs: int = 100
) -> ArrayDataset:
    signals = [RNG.normal(size=(len(leads), round(s * fs))).astype(np.float32) for s in seconds]
    return from_arrays(signals, fs=fs, leads=leads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lead_has_one_noise_however_it_is_read(kind: str) -> None:
    noisy = Corrupted(clean(10.0), kind, 6.0, seed=3)
    whole = noisy.read("0")
    assert whole.signal is not None
    for leads in (["II"], ["V1", "I"], ["II", "II"]):
        some = noisy.read("0", leads)
        assert some.leads == tuple(leads)
        rows = [whole.leads.index(lead) for lead in leads]
        np.testing.assert_array_equal(some.signal, whole.signal[rows])  # type: ignore[arg-type]
    added = whole.signal - noisy.source.read("0").signal
    assert np.abs(np.corrcoef(added) - np.eye(3)).max() < 0.6, "leads have noises of their own"


@pytest.mark.parametrize("leads", [("ECG",), ("I", "II")])
def test_the_first_leads_noise_is_that_of_stored_results(leads: tuple[str, ...]) -> None:
    """Results on CinC 2017's only lead rest on it."""
    data = clean(10.0, leads=leads)
    trace = data.read("0").signal[0]  # type: ignore[index]
    rng = np.random.default_rng([3, crc32(b"0"), KINDS.index("motion")])
    expected = add_artefact(trace, "motion", 6.0, 100, rng=rng)
    found = Corrupted(data, "motion", 6.0, seed=3).read("0").signal[0]  # type: ignore[index]
    np.testing.assert_array_equal(found, expected)


def test_a_short_record_is_left_out_and_does_not_stop_the_others() -> None:
    noisy = Corrupted(clean(10.0, 1.5, 10.0), "muscle", 6.0, seed=0)
    with pytest.raises(RecordError, match="arrays-muscle-6dB-0/1: 150 samples at 100 Hz: two sec"):
        noisy.read("1")
    with pytest.warns(SkippedRecords, match="skipped 1 of 3"):
        found = windows(noisy, WindowSpec(seconds=5.0, fs=100.0), jobs=1)
    assert set(found.table["record"]) == {"0", "2"}


def test_noise_that_cannot_be_made_is_refused_at_once() -> None:
    for kind, snr in (("hum", 6.0), ("motion", float("inf"))):
        with pytest.raises(ValueError, match="noise is one of"):
            Corrupted(clean(10.0), kind, snr, seed=0)
