"""The Python process behind a running notebook."""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import joblib
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from ecglab.data.locations import data_home, is_url, physionet_base

# What decides how many threads NumPy's and torch's loops, and joblib's pools, take.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


class CourseKernel(AsyncKernelManager):
    """Starts ipykernel on the very Python that runs ecglab.

    Jupyter looks kernels up by name, and ``python3`` may mean another environment (a kernelspec in
    the user's home) or none: here no kernelspec is looked for.
    """

    environment: ClassVar[Mapping[str, str]] = {}
    started: ClassVar[list["CourseKernel"]] = []
    stopping: ClassVar[threading.Event] = threading.Event()

    @property
    def kernel_spec(self) -> KernelSpec:
        """The command line that jupyter_client fills in and runs."""
        spec = get_kernel_dict()
        spec["argv"][0] = sys.executable
        return KernelSpec(**spec)

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        """Start the process, with the run's environment on top of this one's."""
        if self.stopping.is_set():
            raise RuntimeError("the run is being stopped")
        await super().start_kernel(env={**os.environ, **self.environment}, **options)
        self.started.append(self)
        if self.stopping.is_set():
            self.kill()

    @classmethod
    def stop(cls) -> None:
        """End every kernel of the run, and let none start any more; from any thread."""
        cls.stopping.set()
        for kernel in list(cls.started):
            kernel.kill()

    def kill(self) -> None:
        """End the process at once; whoever waits for it is told that it died."""
        process = getattr(self.provisioner, "process", None)
        if process is not None:
            process.kill()


def kernel_class(jobs: int) -> type[CourseKernel]:
    """A kernel class for one run of ``jobs`` notebooks at a time: they share the cores evenly.

    A number of threads that the user has set (``OMP_NUM_THREADS`` and its like) stands. Relative
    paths to the data are made absolute: they are meant from here, not from a notebook's folder.
    """
    threads = str(max(1, joblib.cpu_count() // jobs))
    environment = {name: os.environ.get(name, threads) for name in THREAD_VARIABLES}
    # Threads that wait by spinning starve each other where a core is busy with something else.
    environment["OMP_WAIT_POLICY"] = os.environ.get("OMP_WAIT_POLICY", "PASSIVE")
    environment["ECGLAB_DATA"] = str(data_home().absolute())
    base = physionet_base()
    environment["ECGLAB_PHYSIONET"] = (
        base if is_url(base) else str(Path(base).expanduser().absolute())
    )
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # whatever is set here
    environment["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or each kernel warns of its debugger
    own = {"environment": environment, "started": [], "stopping": threading.Event()}
    return type("RunKernel", (CourseKernel,), own)
