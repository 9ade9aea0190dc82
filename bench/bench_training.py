"""A training step of the ``gpu`` profile, launched kernel by kernel and replayed as a CUDA graph.

Wall time on one GPU; the two trainings run in turn. Without a GPU there is nothing to compare.
"""

import time
from dataclasses import replace

import numpy as np
import torch

from ecglab.methods import SemanticAutoencoder
from ecglab.profiles import load_profile
from ecglab.training import train

STEPS, WARM_UP = 40, 10
BATCHES = (64, 256)


def run() -> dict[str, float | str]:
    """Milliseconds a step, the median of thirty, and the ratio."""
    if not torch.cuda.is_available():
        return {"training step": "no CUDA device"}
    found: dict[str, float | str] = {"training step on": torch.cuda.get_device_name()}
    profile = load_profile("gpu")
    for batch in BATCHES:
        took = {}
        for graph in (False, True):
            method = SemanticAutoencoder.for_profile(profile)
            data = np.random.default_rng(0).normal(size=(batch, 1, method.spec.samples))
            stamps: list[float] = []
            config = replace(method.budget(profile), steps=STEPS, batch_size=batch, graph=graph)
            train(
                method.loss(),
                data.astype(np.float32),
                config,
                watch=lambda step, loss, stamps=stamps: stamps.append(time.perf_counter()),
            )
            took[graph] = float(np.median(np.diff(stamps)[WARM_UP:]))
            name = "as a graph" if graph else "kernel by kernel"
            found[f"semantic autoencoder, batch {batch}, {name} (ms)"] = round(took[graph] * 1e3, 1)
        found[f"semantic autoencoder, batch {batch}, ratio"] = round(took[False] / took[True], 2)
    return found


if __name__ == "__main__":
    print(run())
