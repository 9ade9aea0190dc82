"""The transform against kymatio's own frontend, closed forms of sines, and a shifted beat."""

import numpy as np
import pytest
from kymatio.numpy import Scattering1D

from ecglab.signals.scattering import scattering, scattering_bank

FS, N = 300.0, 3000
T = np.arange(N) / FS


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("j", "q", "order"), [(6, 8, 2), (6, 8, 1), (4, 2, 2)])
def test_it_is_kymatios_without_its_short_cuts(j: int, q: int, order: int):
    """With enough oversampling kymatio shortens no filter; then its issue 984 does not arise."""
    x = noise(18, 1000)  # more than one batch
    slow = Scattering1D(J=j, shape=1000, Q=q, max_order=order, oversampling=j)
    bank = scattering_bank(1000, FS, J=j, Q=q, order=order, fmax=None)
    samples = np.rint(bank.times * FS).astype(int)
    inside = samples < 1000
    expected = slow(x.astype(np.float64))[..., samples[inside]].transpose(0, 2, 1)
    ours = scattering(x, FS, J=j, Q=q, order=order, fmax=None, log=False)
    assert ours.dtype == np.float32
    scale = np.abs(expected).max(axis=(0, 1))
    np.testing.assert_allclose(ours[:, inside] / scale, expected / scale, atol=2e-3)


def test_the_logarithm_is_the_documented_one():
    x = noise(2, N)
    plain = scattering(x, FS, log=False)
    np.testing.assert_allclose(scattering(x, FS), np.log(1 + 100 * np.abs(plain)), rtol=1e-4)


def test_fmax_leaves_coefficients_out_and_the_others_alone():
    x = noise(2, N)
    whole, bank = scattering(x, FS, fmax=None), scattering_bank(N, FS, fmax=None)
    few, small = scattering(x, FS, fmax=60), scattering_bank(N, FS, fmax=60)
    assert (whole.shape, few.shape) == ((2, 47, 126), (2, 47, 81))
    kept = ~(bank.first > 60)
    np.testing.assert_array_equal(few, whole[..., kept])
    np.testing.assert_array_equal(small.first, bank.first[kept])
    np.testing.assert_array_equal(small.second, bank.second[kept])
    assert len(small.wavelets) == (small.orders == 1).sum() < len(bank.wavelets)


@pytest.mark.parametrize("hz", [3.0, 8.5, 20.0, 40.0])
def test_a_sine_gives_half_of_each_response(hz: float):
    """|A sin * ψ| is A/2 |ψ̂(f)| at every moment, which no average changes."""
    x = np.sin(2 * np.pi * hz * T)[None]
    bank = scattering_bank(N, FS)
    found = scattering(x, FS, log=False)[0, 12:-12]  # away from the mirrored ends
    first = found[:, bank.orders == 1]
    response = [np.interp(hz, bank.frequencies, w) for w in bank.wavelets]
    np.testing.assert_allclose(first, np.tile(np.array(response) / 2, (len(first), 1)), atol=5e-3)
    centres = bank.first[bank.orders == 1]
    assert first.mean(axis=0).argmax() == np.abs(centres - hz).argmin()
    assert found[:, bank.orders == 2].max() < 0.01 < first.max()  # a sine does not swell


def test_the_second_order_hears_a_swelling_sine():
    """(1 + m cos gt) sin ft: |x * ψ_λ| is |ψ̂_λ(f)| (1 + m cos gt) / 2, so S2 is m |ψ̂_λ ψ̂_μ| / 4."""
    bank = scattering_bank(N, FS, Q=1)  # wide wavelets, which let the side bands through
    swell, m = 3.3, 0.8
    x = ((1 + m * np.cos(2 * np.pi * swell * T)) * np.sin(2 * np.pi * 26 * T))[None]
    mean = scattering(x, FS, Q=1, log=False)[0, 12:-12].mean(axis=0)
    pairs = np.flatnonzero(bank.orders == 2)
    loudest = pairs[mean[pairs].argmax()]
    assert bank.first[loudest] == pytest.approx(26, rel=0.1)
    assert bank.second[loudest] == pytest.approx(swell, rel=0.1)
    carrier = max(np.interp(26, bank.frequencies, w) for w in bank.wavelets)
    swelling = max(np.interp(swell, bank.frequencies, w) for w in bank.modulation)
    assert mean[loudest] == pytest.approx(m * carrier * swelling / 4, rel=0.1)


def test_a_moved_spike_hardly_moves_the_coefficients():
    x = np.zeros((2, N))
    x[0, 1500], x[1, 1506] = 1, 1  # 20 ms apart: no sample in common
    a, b = scattering(x, FS, log=False)
    assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(a)
    assert np.linalg.norm(x[0] - x[1]) > np.linalg.norm(x[0])


def test_sign_is_forgotten_size_is_not():
    x = noise(1, N)
    np.testing.assert_array_equal(scattering(x, FS), scattering(-x, FS))
    twice = scattering(2 * x, FS, log=False)
    np.testing.assert_allclose(twice, 2 * scattering(x, FS, log=False), rtol=1e-4, atol=1e-7)
    assert not scattering(np.zeros((1, N)), FS).any()


def test_energy_is_not_made():
    """The wavelets cover each frequency at most about once, so coefficients hold less than x does.

    A frame stands for 2^J samples; Parseval's |ψ̂|² / 2 is for one-sided wavelets.
    """
    bank = scattering_bank(N, FS, fmax=None)
    cover = bank.low_pass**2 + (bank.wavelets**2).sum(axis=0) / 2
    assert cover.max() < 1.5
    x = noise(4, N)
    held = 64 * (scattering(x, FS, fmax=None, log=False) ** 2).sum(axis=(1, 2))
    assert (held < cover.max() * (x**2).sum(axis=1)).all()


def test_frames_lie_where_the_axis_says():
    x = np.zeros((1, N))
    x[0, 1200] = 1
    bank = scattering_bank(N, FS)
    frames = scattering(x, FS, log=False)[0][:, bank.orders == 1].sum(axis=1)
    middle = (frames * bank.times).sum() / frames.sum()
    assert middle == pytest.approx(4.0, abs=0.02)
    np.testing.assert_allclose(np.diff(bank.times), 64 / FS)


def test_the_average_is_as_wide_as_documented():
    """The average's weight halves 1.9 · 2^J samples from the middle."""
    bank = scattering_bank(N, FS)
    both = np.concatenate((bank.low_pass, bank.low_pass[-2:0:-1]))
    weight = np.fft.ifft(both).real
    half = np.flatnonzero(weight[: len(weight) // 2] < weight[0] / 2)[0]
    assert half / 64 == pytest.approx(1.9, abs=0.05)


def test_bad_signals_are_named():
    with pytest.raises(ValueError, match=r"\(batch, samples\)"):
        scattering(noise(N), FS)
    with pytest.raises(ValueError, match="63 samples is too short: J = 6 needs 64"):
        scattering(noise(1, 63), FS)
    x = noise(1, N)
    x[0, 7], x[0, 8] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 NaN or infinite samples of 3000"):
        scattering(x, FS)
    with pytest.raises(ValueError, match="order 1 or 2, not 6, 8 and 3"):
        scattering(noise(1, N), FS, order=3)
    with pytest.raises(ValueError, match="J and Q must be at least 1"):
        scattering(noise(1, N), FS, Q=0)
    with pytest.raises(ValueError, match=r"slowest is at 1\.21 Hz, fmax is 1"):
        scattering(noise(1, N), FS, fmax=1)
    with pytest.raises(ValueError, match="sampling rate"):
        scattering(noise(1, N), 0.0)


@pytest.mark.filterwarnings("ignore:Signal support is too small")
def test_the_shortest_trace_there_can_be():
    values = scattering(noise(1, 64), FS)
    assert values.shape[1] == len(scattering_bank(64, FS).times) == 1
    assert np.isfinite(values).all()
