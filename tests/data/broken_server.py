"""A real HTTP server on 127.0.0.1 over a folder, with ranges and entity tags, broken on demand."""

import hashlib
import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with one answer."""

    status: int = 0  # answer with this error
    body: bytes | None = None  # serve this in place of the file
    ignore_range: bool = False  # answer 200 and the whole
    content_range: str = ""  # answer 206 with this Content-Range
    cut: int | None = None  # send so many bytes of the body and hang up
    hang_up: bool = True  # False: go on with the rest after ``midway``
    reset: bool = False  # hang up with a TCP reset
    before: Callable[[], object] = lambda: None  # called before the answer
    midway: Callable[[], object] = lambda: None  # called when ``cut`` bytes are sent


@dataclass(kw_only=True)
class Served:
    """One request as the server saw it."""

    path: str
    range: str | None
    if_range: str | None
    n_bytes: int = 0  # of the body, sent


class BrokenServer(ThreadingHTTPServer):
    """Serves ``folder``; ``faults[path]`` are used up one a request, then all is well."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.served: list[Served] = []
        self.to_reset: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.go_away()

    def go_away(self) -> None:
        self.shutdown()
        self.socket.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: the tests kill them."""

    def requests(self, path: str) -> list[Served]:
        return [request for request in self.served if request.path == path]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        if request in self.to_reset:
            # Linger 0 and no orderly shutdown: the close sends RST.
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.close()
        else:
            super().shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BrokenServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(self.path).lstrip("/")
        header = self.headers.get
        request = Served(path=path, range=header("Range"), if_range=header("If-Range"))
        self.server.served.append(request)
        faults = self.server.faults[path]
        fault = faults.pop(0) if faults else Fault()
        fault.before()
        file = self.server.folder / path
        if fault.status or not file.is_file():
            self.send_error(fault.status or 404)
            return
        self._send(request, fault.body if fault.body is not None else file.read_bytes(), fault)

    def _send(self, request: Served, whole: bytes, fault: Fault) -> None:
        etag = f'"{hashlib.md5(whole).hexdigest()}"'
        match = re.fullmatch(r"bytes=(\d+)-", request.range or "")
        start = 0
        if match and not fault.ignore_range and request.if_range in (None, etag):
            start = int(match[1])
            if start >= len(whole):
                self.send_error(416)
                return
            self.send_response(206)
            described = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
            self.send_header("Content-Range", fault.content_range or described)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(whole) - start))
        self.send_header("ETag", etag)
        self.end_headers()
        cut = len(whole) if fault.cut is None else start + fault.cut
        request.n_bytes = self.wfile.write(whole[start:cut])
        fault.midway()
        if not fault.hang_up:
            request.n_bytes += self.wfile.write(whole[cut:])
        elif fault.cut is not None:
            self.close_connection = True
            if fault.reset:
                self.server.to_reset.add(self.connection)
