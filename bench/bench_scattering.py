"""Scattering Transformer features: kymatio's forms in one run, and the time for CinC 2017.

Processor time on one thread, so that a busy machine stretches no side.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from kymatio.numpy import Scattering1D
from kymatio.torch import Scattering1D as TorchScattering1D

from ecglab.nn.scattering_transformer import scattering_transformer
from ecglab.signals.scattering import scattering

FS, SAMPLES, WINDOWS = 300.0, 3000, 256
CINC = 37_900  # windows of 10 s, every 5 s, of 7,000 records


def seconds(call: Callable[[], object], laps: int = 3) -> float:
    """The least processor time of several calls."""
    times = []
    for _ in range(laps):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def run() -> dict[str, float | str]:
    """Milliseconds a window, and the minutes that two cores need for all of CinC 2017."""
    torch.set_num_threads(1)
    x = np.random.default_rng(0).standard_normal((WINDOWS, SAMPLES)).astype(np.float32)
    few, per_window = x[:64], 1e3 / 64
    plain, torchs = Scattering1D(6, SAMPLES, 8), TorchScattering1D(6, SAMPLES, 8)
    found: dict[str, float | str] = {
        "kymatio, NumPy (ms a window)": per_window * seconds(lambda: plain(few)),
        "kymatio, torch, batches of 64": per_window * seconds(lambda: torchs(torch.tensor(few))),
        "ours, every wavelet": per_window * seconds(lambda: scattering(few, FS, fmax=None)),
    }
    frames = torch.from_numpy(scattering(x, FS))
    ours = seconds(lambda: scattering(x, FS)) / WINDOWS
    layer = seconds(lambda: scattering_transformer(frames)) / WINDOWS
    found["ours, wavelets to 60 Hz"] = 1e3 * ours
    found["attention and pooling"] = 1e3 * layer
    found["CinC 2017 on two cores (min)"] = CINC * (ours + layer) / 2 / 60
    return {name: round(float(value), 2) for name, value in found.items()}


if __name__ == "__main__":
    print(run())
