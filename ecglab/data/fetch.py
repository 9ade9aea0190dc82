"""Fetch any PhysioNet project by name and version, verified by its list of checksums.

The files that ``<base>/<project>/<version>/SHA256SUMS.txt`` lists lie beside it and go to
``<home>/<project>/<version>/``, each whole and with the listed checksum, or not at all. What is
there already is not fetched again; what broke off is continued (see ``transfer``). One process at a
time fetches a project: a second one waits for it, and then finds the files there.
"""

import logging
import queue
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout
from tqdm import tqdm

from ecglab.data.archive import leaves_folder
from ecglab.data.locations import data_home, physionet_base
from ecglab.data.transfer import (
    FolderSource,
    Source,
    TransferError,
    Unreachable,
    bring,
    open_source,
    read_text,
    sha256_of,
)
from ecglab.data.verified import Verified
from ecglab.data.whole import write_text
from ecglab.progress import progress as progress_bar

LISTING = "SHA256SUMS.txt"

Paths = Callable[[Sequence[str]], Sequence[str]] | Sequence[str]
"""The files wanted: their paths, or a function that picks them from all listed ones."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FetchReport:
    """What a fetch did.

    Attributes:
        folder: where the project's files lie.
        fetched: paths brought by this call.
        present: paths that were there already, verified.
        failed: paths that could not be had, each with the reason.
        n_bytes: bytes that travelled, those of broken attempts among them.
    """

    folder: Path
    fetched: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    n_bytes: int = 0

    def __str__(self) -> str:
        counts = f"{len(self.fetched)} files fetched, {len(self.present)} there already"
        counts += f", {len(self.failed)} failed" if self.failed else ""
        reasons = [f"  {path}: {reason}" for path, reason in self.failed.items()]
        return "\n".join([f"{self.folder}: {counts}", *reasons])


class FetchError(RuntimeError):
    """A project, or files of it, could not be had.

    Attributes:
        report: what was done nevertheless; None where no file was tried.
    """

    def __init__(self, message: str, report: FetchReport | None = None) -> None:
        super().__init__(message)
        self.report = report


def read_listing(project: str, version: str, base: str | Path | None = None) -> dict[str, str]:
    """The files of a project and their SHA-256: ``{path: checksum}``, in the listing's order.

    Args:
        project: its name in the address, e.g. ``"mitdb"``.
        version: e.g. ``"1.0.0"``.
        base: http(s) address or local folder of the file tree; default ``physionet_base()``.

    Raises:
        FetchError: where the listing cannot be had, is none, or has a path out of the folder.
    """
    return _read_listing(_source(project, version, base))


def fetch(
    project: str,
    version: str,
    *,
    paths: Paths | None = None,
    base: str | Path | None = None,
    home: str | Path | None = None,
    workers: int = 8,
    progress: bool = True,
    retries: int = 5,
    backoff: float = 0.5,
) -> FetchReport:
    """Bring files of a PhysioNet project to this machine, verified, and only those missing here.

    Where no server answers, a call whose files are all there already succeeds nevertheless.

    Args:
        project: its name in the address, e.g. ``"mitdb"``.
        version: e.g. ``"1.0.0"``.
        paths: the files wanted, or a function that picks them from the listed paths; None for all.
        base: http(s) address or local folder of the file tree; default ``physionet_base()``.
        home: files go to ``home/project/version/path``; default ``data_home()``.
        workers: files on their way at once.
        progress: show it.
        retries: repetitions of a request, and continuations of a body that broke off.
        backoff: seconds before the second repetition, doubled before every further one.

    Raises:
        FetchError: where the listing cannot be had, a path is not in it, or files failed. One
            file's failure does not stop the others; the message names them all.
    """
    source = _source(project, version, base, workers=workers, retries=retries, backoff=backoff)
    folder = Path(data_home() if home is None else home).expanduser() / project / version
    if isinstance(source, FolderSource) and source.folder.resolve() == folder.resolve():
        raise FetchError(f"{folder}: cannot be fetched onto itself")
    try:
        listing = _read_listing(source)
    except FetchError as error:
        return _without_server(error, folder, paths)
    wanted = _pick(listing, paths, source.address)
    if Verified(folder).hold_all(wanted):
        return FetchReport(folder=folder, present=tuple(sorted(wanted)))
    folder.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder):
        lines = (f"{sha256}  {path}\n" for path, sha256 in listing.items())
        write_text(folder / LISTING, "".join(lines))
        job = _Job(source, folder, wanted)
        desc = f"{project} {version}"
        with progress_bar(len(wanted), desc, unit="file", enabled=progress) as bar:
            job.run(workers, bar)
    report = FetchReport(
        folder=folder,
        fetched=tuple(sorted(job.fetched)),
        present=tuple(sorted(job.present)),
        failed=dict(sorted(job.failed.items())),
        n_bytes=job.n_bytes,
    )
    if report.failed:
        raise FetchError(f"from {source.address} to {report}", report)
    return report


def _source(project: str, version: str, base: str | Path | None, **options: Any) -> Source:
    for name in (project, version):
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise FetchError(f"{name!r} is no name of a project or version")
    tree = str(base or physionet_base()).rstrip("/")
    return open_source(f"{tree}/{project}/{version}", **options)


def _read_listing(source: Source) -> dict[str, str]:
    """Lines of ``<sha256> <path>``, as ``sha256sum`` writes them or with a single space."""
    where = f"{source.address}/{LISTING}"
    try:
        lines = read_text(source, LISTING).split("\n")
    except TransferError as error:
        raise FetchError(f"{where}: {error}") from error
    listing = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64})[ \t]+\*?(?:\./)?(.+?)\r?", line)
        if not match:
            raise FetchError(f"{where}: line {number} is not '<sha256> <path>': {line[:80]!r}")
        if leaves_folder(match[2]):
            raise FetchError(f"{where}: line {number} leads out of the folder: {match[2]!r}")
        listing[match[2]] = match[1].lower()
    if not listing:
        raise FetchError(f"{where}: lists no files")
    return listing


def _pick(listing: Mapping[str, str], paths: Paths | None, where: str) -> dict[str, str]:
    if paths is None:
        return dict(listing)
    wanted = paths(list(listing)) if callable(paths) else paths
    unknown = [path for path in wanted if path not in listing]
    if unknown:
        raise FetchError(f"{where}/{LISTING} does not list {', '.join(map(repr, unknown))}")
    return {path: listing[path] for path in wanted}


def _without_server(error: FetchError, folder: Path, paths: Paths | None) -> FetchReport:
    """All that is wanted, if it is there by the listing of an earlier call; else the error."""
    if not isinstance(error.__cause__, Unreachable) or not (folder / LISTING).exists():
        raise error
    wanted = _pick(_read_listing(FolderSource(folder)), paths, str(folder))
    if not Verified(folder).hold_all(wanted):
        raise error
    _log.warning("%s (but all files wanted are there)", error)
    return FetchReport(folder=folder, present=tuple(sorted(wanted)))


def _one_at_a_time(folder: Path) -> AcquireReturnProxy:
    """A context that one process at a time enters; it says so where it has to wait."""
    lock = FileLock(folder / ".fetch.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        _log.warning("%s: another process is fetching; waiting for it", folder)
        return lock.acquire()


class _Job:
    """One fetch at work: threads bring files, the calling thread keeps the books and the bar."""

    def __init__(self, source: Source, folder: Path, wanted: Mapping[str, str]) -> None:
        self.source, self.folder, self.wanted = source, folder, wanted
        self.verified = Verified(folder)
        self.fetched: list[str] = []
        self.present: list[str] = []
        self.failed: dict[str, str] = {}
        self.server_gone = self.stopped = False
        self.n_bytes = 0
        self.shares: dict[str, float] = {}  # of files on their way: how much is there, 0 to 1
        self._lock = threading.Lock()  # for the two above, which the threads write

    def run(self, workers: int, bar: "tqdm[Any]") -> None:
        finished: queue.SimpleQueue[Future[bool]] = queue.SimpleQueue()
        names: dict[Future[bool], str] = {}
        with ThreadPoolExecutor(workers) as pool:
            try:
                for path, sha256 in self.wanted.items():
                    future = pool.submit(self._ensure, path, sha256)
                    names[future] = path
                    future.add_done_callback(finished.put)
                while names:
                    self._draw(bar, len(self.wanted) - len(names))
                    try:
                        future = finished.get(timeout=0.2)
                    except queue.Empty:
                        continue
                    self._book(names.pop(future), future)
                self._draw(bar, len(self.wanted))
            finally:
                self.stopped = True  # after an interrupt: let go of what is on its way, and waits
                pool.shutdown(wait=False, cancel_futures=True)
                self.verified.save()

    def _ensure(self, path: str, sha256: str) -> bool:
        """Have the file, verified; True if it had to be brought."""
        target = self.folder / path
        if self.verified.holds(path, sha256):
            return False
        if target.is_file():
            if sha256_of(target) == sha256:
                return False
            target.unlink()  # changed since it came; nobody should take it for the real one
        if self.server_gone:
            raise TransferError("not tried, the server no longer answers")
        try:
            bring(self.source, path, target, sha256, lambda *moved: self._moved(path, *moved))
        except Unreachable:
            self.server_gone = True
            raise
        return True

    def _moved(self, path: str, n: int, have: int, whole: int | None) -> None:
        if self.stopped:
            raise TransferError("stopped")
        with self._lock:
            self.n_bytes += n
            self.shares[path] = min(1.0, have / whole) if whole else 0.0

    def _book(self, path: str, future: "Future[bool]") -> None:
        """Note how a file fared."""
        with self._lock:
            self.shares.pop(path, None)
        try:
            brought = future.result()
        except OSError as error:
            self.failed[path] = str(error)
            return
        (self.fetched if brought else self.present).append(path)
        self.verified.note(path, self.wanted[path])

    def _draw(self, bar: "tqdm[Any]", n_done: int) -> None:
        with self._lock:
            done, n_bytes = round(n_done + sum(self.shares.values(), 0.0), 1), self.n_bytes
        bar.n = int(done) if done.is_integer() else done
        bar.set_postfix_str(f"{n_bytes / 1e6:.1f} MB", refresh=False)
        bar.update(0)
