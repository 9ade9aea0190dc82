"""A small project in PhysioNet's layout, and how the tests fetch it."""

import hashlib
from pathlib import Path

import numpy as np
from broken_server import BrokenServer

from ecglab.data.fetch import FetchReport, fetch
from ecglab.data.transfer import CHUNK

PROJECT, VERSION = "toydb", "1.0.0"
LISTING = f"{PROJECT}/{VERSION}/SHA256SUMS.txt"
BIG = f"{PROJECT}/{VERSION}/big.dat"
BIG_SIZE = 5 * CHUNK + 123
FILES = ("big.dat", "small.hea", "sub folder/50% #1?.atr")


def write_project(tree: Path) -> None:
    """Three files of fixed random bytes, and their listing."""
    random = np.random.default_rng(7)
    lines = []
    for path, size in zip(FILES, (BIG_SIZE, 200, 1000), strict=True):
        content = random.bytes(size)
        file = tree / PROJECT / VERSION / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()} {path}\n")
    (tree / LISTING).write_text("".join(lines))


def whole_names(folder: Path) -> list[str]:
    """Paths of the project's files under their own names."""
    found = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".part"]
    names = [p.relative_to(folder).as_posix() for p in found if not p.name.startswith(".")]
    return sorted(set(names) - {"SHA256SUMS.txt"})


def get(base: BrokenServer | Path | str, **options: object) -> FetchReport:
    options = {"progress": False, "backoff": 0.0, "retries": 3} | options
    base = base.url if isinstance(base, BrokenServer) else base
    return fetch(PROJECT, VERSION, base=base, **options)  # type: ignore[arg-type]
