"""Lorenz points by hand, images against a loop over np.histogram2d."""

import numpy as np
import pytest
import torch

from ecglab.signals.lorenz import lorenz_images, lorenz_points
from ecglab.signals.rr import peak_times

SIZE, LIMIT = 48, 0.6


def random_beats(n: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Beats at 250 Hz of ten seconds, as irregular as fibrillation and more; some windows empty."""
    rng = np.random.default_rng(seed)
    windows = []
    for i in range(n):
        beats = np.cumsum(rng.integers(40, 450, size=i % 25))
        windows.append(beats[beats < 2500])
    return windows


def slow_image(beats: np.ndarray, fs: float, nudge: float = 2.5e-4) -> np.ndarray:
    """np.histogram2d of one window; points on an edge belong to the bin above it."""
    points = lorenz_points(np.diff(beats) / fs)
    inside = (points + nudge).clip(-LIMIT, LIMIT)
    edges = np.linspace(-LIMIT, LIMIT, SIZE + 1)
    counts, _, _ = np.histogram2d(inside[:, 1], inside[:, 0], bins=(edges, edges))
    image = np.log1p(counts[::-1])  # y upwards
    return image / max(image.max(), 1e-9)


def test_points_by_hand():
    rr = np.array([0.8, 0.9, 0.5, 1.2])
    expected = [[0.5 - 0.9, 0.9 - 0.8], [1.2 - 0.5, 0.5 - 0.9]]  # Eq. 1 written out
    np.testing.assert_allclose(lorenz_points(rr), expected)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_intervals_have_no_points(n: int):
    assert lorenz_points(np.full(n, 0.8)).shape == (0, 2)


@pytest.mark.parametrize("fs", [128.0, 250.0, 300.0, 360.0])
def test_images_are_histograms(fs: float):
    windows = random_beats()
    images = lorenz_images(peak_times(windows, fs))
    assert images.shape == (40, 1, SIZE, SIZE)
    assert images.dtype == torch.float32
    expected = np.stack([slow_image(w, fs) for w in windows])
    np.testing.assert_allclose(images[:, 0].numpy(), expected, atol=1e-6)


def test_a_regular_rhythm_is_one_bin_whatever_the_rate_and_the_time():
    for fs in (128.0, 250.0, 300.0, 360.0, 500.0):
        for start in (0, round(700 * fs)):  # float32 times lose digits late in a record
            beats = start + np.arange(12) * round(0.77 * fs)
            image = lorenz_images(peak_times([beats], fs))[0, 0]
            assert image.nonzero().tolist() == [[23, 24]]


def test_pictures_have_y_up_and_x_to_the_right():
    beats = np.cumsum([0, 200, 200, 250, 325])  # RR 0.8, 0.8, 1.0, 1.3 s
    image = lorenz_images(peak_times([beats], 250.0))[0, 0]
    # points (0.2, 0) and (0.3, 0.2): bins of 25 ms from the origin's column 24 and row 23
    assert sorted(image.nonzero().tolist()) == [[23 - 8, 24 + 12], [23, 24 + 8]]


def test_points_beyond_the_axes_stay_at_the_rim():
    beats = np.cumsum([0, 200, 200, 700])  # a pause: x = 2.0 s, y = 0
    image = lorenz_images(peak_times([beats], 250.0))[0, 0]
    assert image.nonzero().tolist() == [[23, 47]]


def test_counts_show_on_a_log_scale():
    rr = [200] * 9 + [240]  # seven points at the origin, one to its right
    image = lorenz_images(peak_times([np.cumsum([0, *rr])], 250.0))[0, 0]
    assert image[23, 24] == 1
    assert image[23, 24 + 6].item() == pytest.approx(np.log(2) / np.log(8))


def test_fewer_than_four_beats_give_an_empty_picture():
    windows = [np.arange(n) * 200 for n in range(5)]
    images = lorenz_images(peak_times(windows, 250.0))
    assert images.amax(dim=(1, 2, 3)).tolist() == [0, 0, 0, 0, 1]
    assert lorenz_images(peak_times(windows[:3], 250.0)).shape == (3, 1, SIZE, SIZE)
    assert lorenz_images(peak_times([], 250.0)).shape == (0, 1, SIZE, SIZE)


def test_size_and_limit():
    images = lorenz_images(peak_times(random_beats(), 250.0), size=30, limit=1.5)
    assert images.shape == (40, 1, 30, 30)
    with pytest.raises(ValueError, match="max_beats"):
        lorenz_images(torch.zeros(5))
    with pytest.raises(ValueError, match="must be positive"):
        lorenz_images(torch.zeros(5, 5), limit=0.0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_same_picture_on_a_gpu():
    times = peak_times(random_beats(), 250.0)
    torch.testing.assert_close(lorenz_images(times.cuda()).cpu(), lorenz_images(times))
