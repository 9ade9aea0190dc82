"""DiffECG downstream, at the laptop's sizes: training the fusion's classifier, and searching for t.

Random maps and simulated hearts: the work does not depend on what is in them.
"""

import time

import numpy as np
import torch

from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.evaluation.personal import PersonalClassifier, Strategy, split_subject
from ecglab.methods import DiffECG, DiffECGLorenz, DiffECGSignal, DiffECGSpectrogram, HeadConfig
from ecglab.methods.frozen import train_head
from ecglab.profiles import load_profile

WINDOWS, PERSONAL = 1400, 180  # a target's 20 %; half an hour of one patient


def run() -> dict[str, float | str]:
    """Seconds of 20 epochs with features cached, and of a search with 30 evaluations."""
    profile = load_profile("laptop")
    parts = (DiffECGSignal, DiffECGSpectrogram, DiffECGLorenz)
    method = DiffECG(*(m.for_profile(profile, seed=0) for m in parts))
    data = windows(Simulator(80, seed=0), method.spec).take(np.arange(PERSONAL))
    few = method.features({k: v[:2] for k, v in method.views(data).items()}, t=20)
    maps = {name: torch.randn(WINDOWS, *m.shape[1:]) for name, m in few.items()}
    began = time.perf_counter()
    train_head(method.new_head(4), lambda _: maps, torch.arange(WINDOWS) % 4, HeadConfig(), seed=0)
    head = time.perf_counter() - began
    labels = np.where(np.arange(PERSONAL) % 2, "AF", "non-AF")
    personal = PersonalClassifier(method, data, labels, split_subject(labels), seed=0)
    began = time.perf_counter()
    found = personal.test(Strategy(evaluations=30), subject="simulated")
    search = time.perf_counter() - began
    assert found.search is not None
    return {
        f"fusion, 20 epochs of {WINDOWS} windows (s)": round(head, 1),
        f"search, {found.search.evaluations} evaluations, {PERSONAL} windows (s)": round(search, 1),
    }


if __name__ == "__main__":
    print(run())
