"""How many thirty-second records the simulator makes in a second, on one core."""

import time
from collections.abc import Callable

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecglab.data.simulator import LEADS, simulate, simulate_batch

RECORDS, REPEATS = 320, 5


def run() -> dict[str, float | str]:
    """Records per second: of wall time (best of a few), and of this process's processor time."""
    return {
        "what": "records of 30 s at 300 Hz per second, one core",
        **_rates("single lead, arrays", lambda: simulate_batch(RECORDS, seed=1), RECORDS),
        **_rates("single lead, records", lambda: list(simulate(RECORDS, seed=1)), RECORDS),
        **_rates("twelve leads", lambda: simulate_batch(64, seed=1, leads=LEADS), 64),
    }


def _rates(name: str, work: Callable[[], object], records: int) -> dict[str, float | str]:
    wall, processor = [], []
    for _ in range(REPEATS):
        start = time.perf_counter(), time.process_time()
        with threadpool_limits(1):
            work()
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return {name: records / min(wall), f"{name}, by processor time": records / min(processor)}


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value if isinstance(value, str) else round(value)}")
