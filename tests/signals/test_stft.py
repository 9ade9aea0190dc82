"""The transform against its own sum and against SciPy, the images against sines and a slow copy."""

import numpy as np
import pytest
import scipy.signal
import torch

from ecglab.signals.stft import stft, stft_images


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sine(hz: float, fs: float = 250.0, seconds: float = 10.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(round(seconds * fs)) / fs)[None]


def test_stft_is_the_papers_sum():
    x = noise(300).numpy().astype(np.float64)
    window, hop = 32, 8
    n = np.arange(window)
    hann = 0.5 * (1 - np.cos(2 * np.pi * n / (window - 1)))  # Eq. 3
    mirrored = np.concatenate((x[window // 2 : 0 : -1], x, x[-2 : -window // 2 - 2 : -1]))
    values = stft(torch.tensor(x, dtype=torch.float32), 250.0, window=window, hop=hop).values
    assert values.shape == (17, 1 + 300 // hop)
    for frame in range(values.shape[1]):
        start = frame * hop
        for k in range(17):  # Eq. 2, its phase counted from the window's start
            total = sum(
                mirrored[start + m] * hann[m] * np.exp(-2j * np.pi * k * m / window) for m in n
            )
            assert abs(values[k, frame].item() - total) < 1e-4


def test_stft_is_scipys():
    x = noise(2, 3, 2500)
    hann = scipy.signal.windows.hann(128, sym=True)
    frequencies, times, expected = scipy.signal.stft(
        x.numpy(), 250.0, hann, 128, 128 - 32, boundary="even", padded=False
    )
    ours = stft(x, 250.0)
    np.testing.assert_allclose(ours.frequencies, frequencies, rtol=1e-6)
    np.testing.assert_allclose(ours.times, times, rtol=1e-6)
    np.testing.assert_allclose(ours.values, expected * hann.sum(), atol=1e-4)


def test_a_sine_lights_its_own_row_everywhere():
    for hz in (5.0, 20.0, 41.0):
        image = stft_images(sine(hz), 250.0)[0, 0]
        rows = image.argmax(dim=0)[2:-2]  # the mirrored ends bend the sine
        frequency = 50 * (47 - rows.float()) / 47  # row 0 is the top, 50 Hz
        assert (frequency - hz).abs().max() < 1.5
        assert image.max().item() == pytest.approx(1, abs=0.05)


def test_time_runs_to_the_right():
    x = torch.zeros(1, 2500)
    x[0, :1250] = sine(15.0)[0, :1250]
    image = stft_images(x, 250.0)[0, 0]
    assert image[:, :20].amax(dim=0).min() > 0.9
    assert image[:, 28:].max() < 0.2


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 300.0, 500.0])
def test_the_same_picture_at_every_rate(fs: float):
    """The window is 0.512 s at any rate, so a chirp's picture hardly knows the rate."""
    pictures = []
    for rate in (250.0, fs):
        t = np.arange(round(10 * rate)) / rate
        chirp = scipy.signal.chirp(t, 2, 10, 40).astype(np.float32)
        pictures.append(stft_images(torch.from_numpy(chirp)[None], rate)[0, 0])
    ridges = [picture.argmax(dim=0).float() for picture in pictures]
    assert (ridges[0] - ridges[1]).abs()[2:-2].max() <= 2


def test_image_is_interpolated_log_magnitude():
    """No step is wider than a frame here, so each axis is np.interp."""
    x = noise(1, 250 * 3).float()
    magnitude = stft(x, 250.0).values.abs()[0].numpy()
    picture = 1 + np.log10(np.maximum(magnitude[:27] / magnitude[:27].max(), 1e-3)) / 3
    rows = np.linspace(25.6, 0, 48)
    columns = np.linspace(0, 749 / 32, 48)
    half = np.stack([np.interp(rows, np.arange(27), column) for column in picture.T], axis=1)
    expected = np.stack([np.interp(columns, np.arange(half.shape[1]), row) for row in half])
    np.testing.assert_allclose(stft_images(x, 250.0)[0, 0], expected, atol=1e-5)


def test_images_know_no_gain_and_stay_in_range():
    x = noise(4, 2500)
    images = stft_images(x, 250.0)
    assert images.shape == (4, 1, 48, 48)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1
    torch.testing.assert_close(stft_images(0.01 * x, 250.0), images, atol=1e-5, rtol=0)
    torch.testing.assert_close(stft_images(x[2:3], 250.0), images[2:3], atol=1e-5, rtol=0)


def test_zeros_are_a_picture_of_zeros():
    assert not stft_images(torch.zeros(2, 2500), 250.0).any()


def test_bad_signals_are_named():
    with pytest.raises(ValueError, match="64 samples is too short for a window of 128"):
        stft(torch.zeros(64), 250.0)
    with pytest.raises(ValueError, match="NaN"):
        stft_images(torch.full((1, 2500), torch.nan), 250.0)
    with pytest.raises(ValueError, match=r"fmax must lie in \(0, fs/2 = 40\]"):
        stft_images(torch.zeros(1, 800), 80.0)
    with pytest.raises(ValueError, match=r"\(n, samples\)"):
        stft_images(torch.zeros(2500), 250.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_same_picture_on_a_gpu():
    x = noise(4, 2500)
    torch.testing.assert_close(
        stft_images(x.cuda(), 250.0).cpu(), stft_images(x, 250.0), atol=1e-4, rtol=0
    )
