"""Runs the notebooks headlessly: each from its script, in a kernel of its own, all to the end."""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from ecglab.course.kernel import CourseKernel, kernel_class
from ecglab.course.page import render
from ecglab.course.pairing import pair_text
from ecglab.course.sources import NOTEBOOKS, find_sources, read_source
from ecglab.data.whole import write_text
from ecglab.profiles import load_profile

# Seconds that one cell may take: far more than it needs, so that only a cell that hangs is stopped.
CELL_SECONDS = {"smoke": 300, "laptop": 900, "gpu": 3600, "paper": 7 * 86400}

logging.getLogger("papermill").addHandler(logging.NullHandler())  # outcomes say what it would say


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the run of one notebook ended."""

    name: str
    seconds: float
    error: str | None = None  # None: it ran to its end, and was rendered
    notebook: Path | None = None  # executed, or as far as it came
    page: Path | None = None  # the same as HTML
    cell: int | None = None  # counted from 1 over the cells of the source, text cells included
    line: str = ""  # the first line of that cell

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.error is None


def run(
    names: Sequence[str | Path] | None = None,
    *,
    profile: str = "laptop",
    dataset: str = "auto",
    seed: int = 0,
    jobs: int = 1,
    output: Path = Path("build"),
    source: Path = NOTEBOOKS,
    timeout: int | None = None,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """Execute notebooks and keep what they make; one that fails does not stop the others.

    Each is derived in memory from its script (an .ipynb beside it is not looked at) and gets
    ``PROFILE``, ``DATASET``, ``SEED`` and an absolute ``OUTPUT``. Its kernel is the Python that
    runs this, with the notebook's own folder as working directory, as in JupyterLab. Nobody is
    asked anything: ``input()`` is an error.

    Results: ``output/notebooks/NAME.ipynb`` and ``NAME.html``, executed or as far as they came,
    and ``output/figures/NAME/``, which is ``OUTPUT``. On Ctrl-C the kernels are ended, and of
    unfinished notebooks nothing is left under these names.

    Args:
        names: numbers, names or paths (see ``find_sources``); None for the whole course.
        profile: a profile of ``profiles.toml``.
        dataset: a data set's name, ``simulator`` or ``auto``.
        seed: of all randomness in the notebooks.
        jobs: notebooks at one time; the cores are shared among their kernels.
        output: the folder of all results.
        source: the folder of the scripts.
        timeout: seconds that one cell may take; None for the profile's (``CELL_SECONDS``).
        say: takes each line of progress.

    Returns:
        One outcome per notebook, in the order of the course (or of ``names``).

    Raises:
        NotebookError: for a name that is no notebook.
        ValueError: for an unknown profile, and for fewer than one job.
    """
    load_profile(profile)
    if jobs < 1:
        raise ValueError(f"at least one notebook must run at a time, not {jobs}")
    scripts = find_sources(names, source)
    kernel = kernel_class(min(jobs, len(scripts)))
    parameters = {"PROFILE": profile, "DATASET": dataset, "SEED": seed}

    def one(script: Path) -> Outcome:
        say(f"{script.stem}: started")
        outcome = _run_one(
            script,
            parameters,
            output=output.resolve(),
            kernel=kernel,
            timeout=timeout or CELL_SECONDS[profile],
        )
        say(report(outcome))
        return outcome

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="notebook")  # each waits for its kernel
    try:
        futures = [pool.submit(one, script) for script in scripts]
        for future in as_completed(futures):
            future.result()  # a fault of the runner itself is raised here, at once
    except BaseException:
        kernel.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [future.result() for future in futures]


def _run_one(
    script: Path,
    parameters: dict[str, Any],
    *,
    output: Path,
    kernel: type[CourseKernel],
    timeout: int,
) -> Outcome:
    start = time.monotonic()
    figures = output / "figures" / script.stem
    figures.mkdir(parents=True, exist_ok=True)
    try:
        source = read_source(script)
    except ValueError as unreadable:
        return Outcome(name=script.stem, seconds=0.0, error=str(unreadable))
    executed, fault = _execute(
        source,
        {**parameters, "OUTPUT": str(figures)},
        kernel_manager_class=kernel,
        execution_timeout=timeout,
        resources={"metadata": {"path": str(script.resolve().parent)}},
    )
    if kernel.stopping.is_set():
        raise RuntimeError("the run is being stopped")
    where = {} if fault is None else _blame(executed, source, fault, timeout)
    executed.metadata.papermill.update(input_path=script.name, output_path=f"{script.stem}.ipynb")
    files = _keep(executed, output / "notebooks" / script.stem)
    return Outcome(name=script.stem, seconds=time.monotonic() - start, **(files | where))


def _execute(
    source: NotebookNode, parameters: dict[str, Any], **engine: Any
) -> tuple[NotebookNode, Exception | None]:
    """Run a notebook with papermill: what it came to, and what stopped it."""
    fault = None
    with tempfile.TemporaryDirectory(prefix="ecglab-") as scratch:
        given, executed = Path(scratch, "given.ipynb"), Path(scratch, "executed.ipynb")
        given.write_text(pair_text(source), encoding="utf-8")
        try:
            papermill.execute_notebook(
                given,
                executed,
                parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=120,
                iopub_timeout=60,  # on a busy machine a large figure may come late
                extra_arguments=["--log-level=CRITICAL"],  # or each warns of its transport
                **engine,
            )
        except Exception as error:  # a cell's, a timeout, a dead kernel, a kernel that never came
            fault = error
        return nbformat.read(executed, as_version=4), fault


def _blame(
    executed: NotebookNode, source: NotebookNode, fault: Exception, timeout: int
) -> dict[str, Any]:
    """The fields of an outcome that say which cell failed, and why; the notebook says it too."""
    cell = _failed_cell(executed)
    if isinstance(fault, PapermillExecutionError):
        why = f"{fault.ename}: {fault.evalue}"
    elif isinstance(fault, CellTimeoutError):
        why = f"still running after {timeout} s"
    elif isinstance(fault, DeadKernelError):
        why = "its kernel died (killed, out of memory, or a crash in compiled code)"
    else:
        why = f"{type(fault).__name__}: {fault}"
    if cell is None:
        return {"error": why}
    if not isinstance(fault, PapermillExecutionError) and cell.cell_type == "code":
        kind = type(fault).__name__
        cell.outputs.append(
            nbformat.v4.new_output("error", ename=kind, evalue=why, traceback=[why])
        )
    numbers = {known.id: number for number, known in enumerate(source.cells, start=1)}
    line = cell.source.strip().partition("\n")[0]
    return {"error": why, "cell": numbers.get(cell.id), "line": line}


def _failed_cell(executed: NotebookNode) -> NotebookNode | None:
    """The cell that holds an error; where none does (the kernel is gone), the last one begun."""
    begun = None
    for cell in executed.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return cell
        if cell.metadata.get("papermill", {}).get("start_time"):
            begun = cell
    return begun


def _keep(executed: NotebookNode, stem: Path) -> dict[str, Any]:
    """Write the notebook and its page; the fields of an outcome that say where they are."""
    notebook, page = stem.with_suffix(".ipynb"), stem.with_suffix(".html")
    write_text(notebook, pair_text(executed))
    try:
        write_text(page, render(executed, stem.name))
    except Exception as fault:  # the notebook is there all the same
        page.unlink(missing_ok=True)  # of an earlier run
        return {"notebook": notebook, "error": f"no page: {type(fault).__name__}: {fault}"}
    return {"notebook": notebook, "page": page}


def report(outcome: Outcome) -> str:
    """One line on how a notebook's run ended, and where to look."""
    if outcome.error is None:
        return f"{outcome.name}: ok, {outcome.seconds:.0f} s"
    where = f"in cell {outcome.cell} ({outcome.line})" if outcome.cell else "outside its cells"
    look = outcome.page or outcome.notebook
    return f"{outcome.name}: FAILED {where}: {outcome.error}" + (f"\n  see {look}" if look else "")


def summary(outcomes: Sequence[Outcome]) -> str:
    """The run as a table: name, ok or failed, seconds."""
    width = max(len(outcome.name) for outcome in outcomes)
    rows = [
        f"{outcome.name:<{width}}  {'ok' if outcome.ok else 'FAILED':<6}  {outcome.seconds:7.1f} s"
        for outcome in outcomes
    ]
    return "\n".join(rows)
