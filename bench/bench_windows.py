"""Windows of CinC 2017: the first time, from the cache, and as one portable file."""

import tempfile
import threading
import time
from pathlib import Path

import psutil

from ecglab.data.choose import choose
from ecglab.data.windows import WindowSpec, windows
from ecglab.profiles import load_profile


class PeakMemory:
    """The most memory that this process and its children held together, in GiB (Linux: PSS)."""

    def __enter__(self) -> "PeakMemory":
        self.peak, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.2):
            held = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    held += process.memory_full_info().pss
                except psutil.Error:  # it has just ended
                    continue
            self.peak = max(self.peak, held / 2**30)


def run() -> dict[str, float | str]:
    """Seconds and sizes; on the simulator where CinC 2017 is not at hand."""
    dataset, ids = choose("auto", load_profile("laptop"))
    dataset.read(ids[0])  # unpacks the archive, which is not what is timed here
    found: dict[str, float | str] = {"data set": dataset.name, "records": len(ids)}
    with tempfile.TemporaryDirectory() as folder:
        for fs in (250.0, 100.0):
            for name in ("first", "cached"):
                with PeakMemory() as memory:
                    began = time.perf_counter()
                    data = windows(dataset, WindowSpec(fs=fs), ids=ids, home=Path(folder))
                    found[f"{fs:g} Hz, {name} (s)"] = round(time.perf_counter() - began, 2)
                if name == "first":
                    found[f"{fs:g} Hz, memory of all processes (GiB)"] = round(memory.peak, 2)
        path = Path(folder) / "portable.npz"
        data.export(path)
        found["100 Hz, portable file (MB)"] = round(path.stat().st_size / 1e6, 1)
    return found


if __name__ == "__main__":
    print(run())
