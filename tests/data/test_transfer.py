"""Files over a real HTTP server that is broken in every way a test can ask for."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from broken_server import BrokenServer, Fault
from toy_project import BIG, BIG_SIZE, FILES, LISTING, get, whole_names
from urllib3.response import HTTPResponse

from ecglab.data.fetch import FetchError
from ecglab.data.transfer import CHUNK


def test_truncated_body_is_continued_where_it_ended(server: BrokenServer, target: Path) -> None:
    cut = 2 * CHUNK
    early: list[bool] = []
    server.faults[BIG] = [
        Fault(cut=cut, midway=lambda: early.append((target / "big.dat").exists()))
    ]
    report = get(server)
    first, second = server.requests(BIG)
    assert (first.range, second.range) == (None, f"bytes={cut}-")
    assert second.if_range is not None
    assert second.n_bytes == BIG_SIZE - cut  # only the rest travelled
    assert report.n_bytes == BIG_SIZE + 1200
    assert early == [False]


def test_truncated_body_is_noticed_where_urllib3_does_not(
    server: BrokenServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = HTTPResponse.__init__

    def lenient(self: HTTPResponse, *args: Any, **options: Any) -> None:
        original(self, *args, **options | {"enforce_content_length": False})  # as before 2.0

    monkeypatch.setattr(HTTPResponse, "__init__", lenient)
    server.faults[BIG] = [Fault(cut=1000), Fault(cut=1000)]
    assert get(server).fetched == FILES
    assert [r.range for r in server.requests(BIG)] == [None, "bytes=1000-", "bytes=2000-"]


def test_reset_in_mid_file(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(cut=3 * CHUNK, reset=True), Fault(cut=CHUNK, reset=True)]
    assert get(server).fetched == FILES
    assert len(server.requests(BIG)) == 3


def test_reset_before_a_byte(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(cut=0, reset=True)]
    assert get(server).fetched == FILES


def test_a_body_that_keeps_breaking_fails_alone_and_is_continued_by_the_next_call(
    server: BrokenServer, target: Path
) -> None:
    server.faults[BIG] = [Fault(cut=CHUNK), Fault(cut=CHUNK), Fault(cut=0)]
    with pytest.raises(FetchError, match=r"big\.dat: broke off 3 times") as caught:
        get(server, retries=2)
    report = caught.value.report
    assert report is not None
    assert (list(report.failed), report.fetched) == (["big.dat"], FILES[1:])
    assert whole_names(target) == list(FILES[1:])
    assert get(server).fetched == ("big.dat",)
    assert server.requests(BIG)[-1].range == f"bytes={2 * CHUNK}-"


def test_wrong_checksum(server: BrokenServer, target: Path) -> None:
    wrong = bytes(BIG_SIZE)
    server.faults[BIG] = [Fault(body=wrong), Fault(body=wrong)]
    with pytest.raises(FetchError, match=r"big\.dat: wrong checksum"):
        get(server)
    assert [r.range for r in server.requests(BIG)] == [None, None]
    assert whole_names(target) == list(FILES[1:])
    assert not list(target.rglob("*.part"))
    assert get(server).fetched == ("big.dat",)


def test_wrong_checksum_once(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(body=bytes(BIG_SIZE))]
    assert get(server).fetched == FILES


def test_a_missing_file_does_not_stop_the_others(server: BrokenServer, target: Path) -> None:
    (server.folder / BIG).unlink()
    with pytest.raises(FetchError, match=r"big\.dat: HTTP 404 Not Found"):
        get(server)
    assert whole_names(target) == list(FILES[1:])


def test_a_changed_file_that_cannot_be_had_again_is_gone(
    server: BrokenServer, target: Path
) -> None:
    get(server)
    (target / "big.dat").write_bytes(b"changed")
    (server.folder / BIG).unlink()
    with pytest.raises(FetchError, match=r"big\.dat: HTTP 404"):
        get(server)
    assert not (target / "big.dat").exists()


def test_busy_server(server: BrokenServer, target: Path) -> None:
    server.faults[LISTING] = [Fault(status=503)]
    server.faults[BIG] = [Fault(status=503), Fault(status=429), Fault(status=500)]
    assert get(server).fetched == FILES
    server.faults[BIG] = [Fault(status=503)] * 4
    (target / "big.dat").unlink()
    with pytest.raises(FetchError, match=r"big\.dat: HTTP 503"):
        get(server)


def test_server_gone(server: BrokenServer, target: Path) -> None:
    server.go_away()
    with pytest.raises(FetchError, match=rf"{server.url}/{LISTING}: no answer"):
        get(server)
    assert not target.exists()


def test_server_goes_away_after_the_first_file(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(midway=server.go_away, cut=BIG_SIZE)]
    with pytest.raises(FetchError) as caught:
        get(server, workers=1)
    report = caught.value.report
    assert report is not None
    assert report.fetched == ("big.dat",)
    assert "no answer" in report.failed["small.hea"]
    assert "not tried" in report.failed[FILES[2]]


def test_server_gone_but_all_there(server: BrokenServer, target: Path) -> None:
    get(server, paths=["big.dat"])
    server.go_away()
    assert get(server, paths=["big.dat"]).present == ("big.dat",)
    with pytest.raises(FetchError, match="no answer"):
        get(server)


def test_range_ignored(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(cut=2 * CHUNK), Fault(ignore_range=True)]
    assert get(server).fetched == FILES
    assert server.requests(BIG)[1].n_bytes == BIG_SIZE


def test_wrong_content_range_starts_over(server: BrokenServer, target: Path) -> None:
    wrong = f"bytes {CHUNK}-{BIG_SIZE - 1}/{BIG_SIZE}"
    server.faults[BIG] = [Fault(cut=2 * CHUNK), Fault(content_range=wrong)]
    assert get(server).fetched == FILES
    assert [r.range for r in server.requests(BIG)] == [None, f"bytes={2 * CHUNK}-", None]


def test_file_changes_on_the_server_between_the_halves(server: BrokenServer, target: Path) -> None:
    server.faults[BIG] = [Fault(body=bytes(BIG_SIZE), cut=2 * CHUNK)]
    assert get(server).fetched == FILES
    assert [r.n_bytes for r in server.requests(BIG)] == [2 * CHUNK, BIG_SIZE]


# --- what was left behind


@pytest.mark.parametrize(
    ("left", "ranges"),
    [
        (slice(0, 1000), ["bytes=1000-"]),
        (slice(0, BIG_SIZE), [f"bytes={BIG_SIZE}-"]),  # killed before the renaming
        (slice(1, 1000), ["bytes=999-", None]),  # a part of something else
    ],
)
def test_a_part_left_behind(
    server: BrokenServer, target: Path, left: slice, ranges: list[str | None]
) -> None:
    target.mkdir(parents=True)
    (target / "big.dat.part").write_bytes((server.folder / BIG).read_bytes()[left])
    assert get(server).fetched == FILES
    assert [r.range for r in server.requests(BIG)] == ranges
    assert not list(target.rglob("*.part"))


def test_a_part_longer_than_the_file(server: BrokenServer, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "big.dat.part").write_bytes(bytes(BIG_SIZE + 1))
    assert get(server).fetched == FILES
    assert [r.range for r in server.requests(BIG)] == [f"bytes={BIG_SIZE + 1}-", None]


KILLED_MIDWAY = """
import os, signal, sys
from ecglab.data.fetch import _Job, fetch
def moved(self, path, n, have, whole):
    if path == "big.dat" and have >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
_Job._moved = moved
fetch("toydb", "1.0.0", base=sys.argv[1], progress=False, workers=1)
"""


def test_killed_halfway_and_continued(server: BrokenServer, target: Path) -> None:
    command = [sys.executable, "-c", KILLED_MIDWAY, server.url, str(2 * CHUNK)]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert whole_names(target) == []
    assert get(server).fetched == FILES
    last = server.requests(BIG)[-1]
    assert (last.range, last.n_bytes) == (f"bytes={2 * CHUNK}-", BIG_SIZE - 2 * CHUNK)
