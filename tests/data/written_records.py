"""Writes small WFDB records for tests, in the challenges' form (.hea beside a level-4 .mat)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray


def write_mat(path: Path, values: NDArray[np.generic]) -> None:
    """A MATLAB level-4 file by SciPy, with the challenges' variable ``val`` (leads, samples)."""
    scipy.io.savemat(path, {"val": values}, format="4")


def write_record(
    folder: Path,
    name: str,
    values: NDArray[np.integer],
    *,
    fs: float = 500,
    leads: Sequence[str] = ("I", "II"),
    gain: str = "1000/mV",
    first_line: str = "{name} {n} {fs} {samples}",
    comments: Sequence[str] = (),
) -> Path:
    """A record of int16 ``values`` (leads, samples); returns its header's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_mat(folder / f"{name}.mat", values.astype("<i2"))
    first = first_line.format(name=name, n=len(leads), fs=fs, samples=values.shape[1])
    signals = [f"{name}.mat 16+24 {gain} 16 0 0 0 0 {lead}" for lead in leads]
    header = folder / f"{name}.hea"
    header.write_text("\n".join([first, *signals, *(f"#{line}" for line in comments)]) + "\n")
    return header


def random_values(leads: int, samples: int, seed: int = 0) -> NDArray[np.int16]:
    """Stored values that use the whole range but for the mark of an invalid sample."""
    generator = np.random.default_rng(seed)
    return generator.integers(-32767, 32767, (leads, samples), dtype=np.int16, endpoint=True)
