"""How fast records become features and pictures, beside slow copies in the same run."""

import time
from collections.abc import Callable

import numpy as np
import scipy.ndimage
import scipy.signal
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecglab.data.simulator import simulate_batch
from ecglab.signals import (
    bandpass,
    lorenz_images,
    lorenz_points,
    peak_times,
    record_features,
    resample,
    rpeaks_batch,
    stft_images,
)

RECORDS, WINDOWS, SLOW, REPEATS = 200, 2000, 100, 5
FS = 250.0


def run() -> dict[str, float | str]:
    """Rates of one core: of wall time (best of a few), and of this process's processor time.

    The ratios are of processor time, which other work on the machine hardly touches.
    """
    torch.set_num_threads(1)
    raw = simulate_batch(RECORDS, seed=1).signals[:, 0]
    filtered = bandpass(raw, 300.0)
    windows = resample(filtered, 300.0, FS).reshape(-1, 2500)
    peaks = rpeaks_batch(windows, FS)
    more = -(-WINDOWS // len(windows))
    times = peak_times(peaks, FS).repeat(more, 1)[:WINDOWS]
    x = torch.from_numpy(windows).repeat(more, 1)[:WINDOWS]
    rates: dict[str, float | str] = {
        "what": "10-s windows at 250 Hz, 30-s records at 300 Hz; per second, one core"
    }
    rates |= _rates(
        "Lorenz and STFT pictures, windows",
        lambda: (lorenz_images(times), stft_images(x, FS)),
        WINDOWS,
    )
    rates |= _rates("Lorenz pictures, windows", lambda: lorenz_images(times), WINDOWS)
    rates |= _ratio("Lorenz pictures over a loop of np.histogram2d", rates, _slow_lorenz, peaks)
    rates |= _rates("STFT pictures, windows", lambda: stft_images(x, FS), WINDOWS)
    rates |= _ratio("STFT pictures over a loop of scipy.signal.stft", rates, _slow_stft, windows)
    return rates | {
        **_rates("band-pass and resample, records", lambda: _prepare(raw), RECORDS),
        **_rates("R-peaks, records", lambda: rpeaks_batch(filtered, 300.0), RECORDS),
        **_rates(
            "R-peaks and all features, records",
            lambda: [record_features(trace, 300.0) for trace in filtered],
            RECORDS,
        ),
    }


def _prepare(raw: np.ndarray) -> np.ndarray:
    return resample(bandpass(raw, 300.0), 300.0, FS)


def _rates(name: str, work: Callable[[], object], items: int) -> dict[str, float | str]:
    wall, processor = [], []
    for _ in range(REPEATS):
        start = time.perf_counter(), time.process_time()
        with threadpool_limits(1):
            work()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return {name: items / min(wall), f"{name}, by processor time": items / min(processor)}


def _ratio(
    name: str,
    rates: dict[str, float | str],
    slow: Callable[[np.ndarray], object],
    items: list[np.ndarray] | np.ndarray,
) -> dict[str, float | str]:
    """The latest rate over that of a slow copy, run one item at a time."""
    *_, fast = rates.values()
    *_, rate = _rates("slow", lambda: [slow(item) for item in items[:SLOW]], SLOW).values()
    return {name: float(fast) / float(rate)}


def _slow_lorenz(peaks: np.ndarray) -> np.ndarray:
    points = lorenz_points(np.diff(peaks) / FS).clip(-0.6, 0.6)
    edges = np.linspace(-0.6, 0.6, 49)
    return np.log1p(np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))[0])


def _slow_stft(x: np.ndarray) -> np.ndarray:
    _, _, values = scipy.signal.stft(x, FS, "hann", 128, 96, boundary="even", padded=False)
    picture = np.log10(np.abs(values[:27]) + 1e-9)
    rows, columns = np.meshgrid(np.linspace(25.6, 0, 48), np.linspace(0, 78, 48), indexing="ij")
    return scipy.ndimage.map_coordinates(picture, (rows, columns), order=1)


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value if isinstance(value, str) else round(value, 1)}")
