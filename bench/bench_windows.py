"""Windows of CinC 2017: the first time, from the cache, and as one portable file."""

import resource
import tempfile
import time
from pathlib import Path

from ecglab.data.choose import choose
from ecglab.data.windows import WindowSpec, windows
from ecglab.profiles import load_profile


def run() -> dict[str, float | str]:
    """Seconds and sizes; on the simulator where CinC 2017 is not at hand."""
    dataset, ids = choose("auto", load_profile("laptop"))
    dataset.read(ids[0])  # unpacks the archive, which is not what is timed here
    found: dict[str, float | str] = {"data set": dataset.name, "records": len(ids)}
    with tempfile.TemporaryDirectory() as folder:
        for fs in (250.0, 100.0):
            for name in ("first", "cached"):
                began = time.perf_counter()
                data = windows(dataset, WindowSpec(fs=fs), ids=ids, home=Path(folder))
                found[f"{fs:g} Hz, {name} (s)"] = round(time.perf_counter() - began, 2)
        path = Path(folder) / "portable.npz"
        data.export(path)
        found["100 Hz, portable file (MB)"] = round(path.stat().st_size / 1e6, 1)
    for who, which in (("own", resource.RUSAGE_SELF), ("a job's", resource.RUSAGE_CHILDREN)):
        peak = resource.getrusage(which).ru_maxrss / 2**20
        found[f"{who} peak memory (GiB)"] = round(peak, 2)
    return found


if __name__ == "__main__":
    print(run())
