"""One file of a project, from an http(s) address or a local folder, to its place on disk.

A file grows under ``<name>.part`` and takes its own name in one step, when its SHA-256 is the one
expected: what stands under its own name is whole. A part that a broken connection or a killed
process left behind is continued where it ends (HTTP Range, RFC 9110 section 14).
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError
from urllib3.util import Retry

import ecglab
from ecglab.data.locations import is_url

CHUNK = 1 << 16
TIMEOUT = (10.0, 60.0)  # seconds to connect; seconds without a byte

Moved = Callable[[int, int, int | None], None]
"""Called for every chunk: its bytes, the file's bytes so far, the file's size (None: not known)."""


class TransferError(OSError):
    """A file that could not be brought; the message says why."""


class Unreachable(TransferError):
    """No connection to the server could be made at all: other files will fare no better."""


class Source(Protocol):
    """Where a project's files come from."""

    address: str

    def fill(self, path: str, part: Path, moved: Moved) -> None:
        """Bring the file's bytes into ``part``, going on where it ends if that can be done."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bring(source: Source, path: str, target: Path, sha256: str, moved: Moved) -> None:
    """Bring one file to ``target``, which appears in one step and with the right checksum.

    A wrong checksum is answered once by a second attempt from zero, since the first may have
    continued a part of something else.

    Raises:
        TransferError: where the file cannot be had, or not with this checksum.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    for _ in range(2):
        source.fill(path, part, moved)
        found = sha256_of(part)
        if found == sha256:
            os.replace(part, target)
            return
        part.unlink()
    raise TransferError(f"wrong checksum: SHA-256 is {found}, the listing says {sha256}")


def read_text(source: Source, path: str) -> str:
    """The text of one (small) UTF-8 file; no checksum is known for it.

    Raises:
        TransferError: where the file cannot be had or is no text.
    """
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / "part"
        source.fill(path, part, lambda *_: None)
        try:
            return part.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise TransferError(f"is not UTF-8 text ({error})") from error


def open_source(address: str, **options: Any) -> Source:
    """The source behind an http(s) address (``options``: see ``HttpSource``) or a folder's path."""
    return HttpSource(address, **options) if is_url(address) else FolderSource(Path(address))


class FolderSource:
    """Files copied from a local folder."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self.folder = folder.expanduser()

    def fill(self, path: str, part: Path, moved: Moved) -> None:
        """Copy the file to ``part``."""
        try:
            whole = (self.folder / path).stat().st_size
            with (self.folder / path).open("rb") as file, part.open("wb") as copy:
                while chunk := file.read(CHUNK):
                    copy.write(chunk)
                    moved(len(chunk), copy.tell(), whole)
        except OSError as error:
            raise TransferError(str(error)) from error


class HttpSource:
    """Files from an http(s) address.

    Args:
        address: the folder's URL.
        workers: threads that will ask at once.
        retries: how often a request is repeated that got no answer, 429 or 5xx, and how often a
            body that broke off is continued.
        backoff: seconds before the second repetition, doubled before every further one.
    """

    def __init__(
        self, address: str, *, workers: int = 8, retries: int = 5, backoff: float = 0.5
    ) -> None:
        self.address = address
        self.retries = retries
        self.backoff = backoff
        # One session for all threads: its connection pool is made for that, and nothing else of it
        # changes after this.
        self.session = requests.Session()
        # Ranges and lengths count the bytes as sent: ask for the file itself, not gzip.
        agent = f"ecglab/{ecglab.__version__}"
        self.session.headers.update({"Accept-Encoding": "identity", "User-Agent": agent})
        retry = Retry(
            total=retries,
            backoff_factor=backoff,
            status_forcelist=(429, 500, 502, 503, 504),
            raise_on_status=False,
        )
        adapter = HTTPAdapter(max_retries=retry, pool_maxsize=workers)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)

    def fill(self, path: str, part: Path, moved: Moved) -> None:
        """Download the file to ``part``, from where it ends; continue when the connection breaks.

        Raises:
            Unreachable: where no connection can be made.
            TransferError: for an answer other than the file, or a body that keeps breaking off.
        """
        etag = ""  # of the version that this call began with; an older part is left to the checksum
        fault = ""
        for attempt in range(1 + self.retries):
            if attempt > 1:
                time.sleep(self.backoff * 2 ** (attempt - 2))
            with self._ask(path, part, etag) as response:
                etag = response.headers.get("ETag", "")
                try:
                    fault = _receive(response, part, moved)
                except requests.RequestException as error:
                    fault = str(error)
            if not fault:
                return
        raise TransferError(f"broke off {1 + self.retries} times, at last with: {fault}")

    def _ask(self, path: str, part: Path, etag: str) -> requests.Response:
        headers = {}
        if have := _size(part):
            headers["Range"] = f"bytes={have}-"
            if etag and not etag.startswith("W/"):  # only a strong tag vouches for every byte
                headers["If-Range"] = etag
        url = f"{self.address}/{quote(path)}"
        try:
            response = self.session.get(url, headers=headers, stream=True, timeout=TIMEOUT)
        except requests.RequestException as error:
            kind = Unreachable if _never_connected(error) else TransferError
            raise kind(f"no answer: {_root(error)}") from None  # of ten pages of traceback
        if not response.ok and not (response.status_code == 416 and have):
            response.close()
            raise TransferError(f"HTTP {response.status_code} {response.reason}")
        return response


def _receive(response: requests.Response, part: Path, moved: Moved) -> str:
    """Write the body of 200, 206 or 416 to ``part``; return what went wrong, "" if nothing did."""
    have = 0
    if response.status_code == 416:
        # No byte after the part's end: it may be the whole, of a run killed just then. The checksum
        # will tell; a wrong one makes ``bring`` start over.
        return ""
    if response.status_code == 206:
        have = _size(part)
        content_range = response.headers.get("Content-Range", "")
        if not re.fullmatch(rf"bytes {have}-\d+/(\d+|\*)", content_range):
            part.unlink(missing_ok=True)
            return f"asked for bytes from {have} on, got Content-Range {content_range!r}"
    whole = None
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and "Content-Encoding" not in response.headers:
        whole = have + int(length)
    # Unbuffered, so that a killed process leaves all that came. 200 means the file from its start.
    with part.open("ab" if have else "wb", buffering=0) as file:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            have += len(chunk)
            moved(len(chunk), have, whole)
    return f"{have} of {whole} bytes came" if whole is not None and have < whole else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _never_connected(error: requests.RequestException) -> bool:
    kinds = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    return isinstance(error, kinds) or isinstance(_root(error), NewConnectionError)


def _root(error: requests.RequestException) -> object:
    """What went wrong, without the wrapping of "max retries exceeded"."""
    cause = error.args[0] if error.args else error
    return cause.reason if isinstance(cause, MaxRetryError) else cause
