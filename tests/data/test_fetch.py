"""Fetching a project: its listing, what comes and what need not, and two who fetch at once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from broken_server import BrokenServer, Fault
from filelock import FileLock, Timeout
from toy_project import BIG, BIG_SIZE, FILES, LISTING, PROJECT, VERSION, get, whole_names

import ecglab.data.fetch as fetch_module
from ecglab.data.fetch import FetchError, fetch, read_listing
from ecglab.data.transfer import CHUNK


@pytest.mark.parametrize("form", ["{} {}\n", "{}  {}\n", "{} *{}\n", "{}  ./{}\n", "{} {}\r\n"])
def test_listing_forms(tmp_path: Path, form: str) -> None:
    sums = {"RECORDS": "0" * 64, "p 01/s1 *.dat": "ab" * 32}
    folder = tmp_path / PROJECT / VERSION
    folder.mkdir(parents=True)
    text = "".join(form.format(sha.upper(), path) for path, sha in sums.items())
    (folder / "SHA256SUMS.txt").write_bytes(text.encode())
    assert read_listing(PROJECT, VERSION, tmp_path) == sums


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/etc/out", "C:/out", "..\\out", ".."])
def test_listing_that_leads_out_is_refused(server: BrokenServer, target: Path, path: str) -> None:
    with (server.folder / LISTING).open("a") as file:
        file.write(f"{'0' * 64} {path}\n")
    with pytest.raises(FetchError, match="line 4 leads out of the folder"):
        get(server)
    assert not target.exists()
    assert [request.path for request in server.served] == [LISTING]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>Please sign in</html>", "line 1 is not"),
        (b"0" * 63 + b" a.dat\n", "line 1 is not"),
        (b"\n", "lists no files"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_listing_is_named(server: BrokenServer, content: bytes, reason: str) -> None:
    server.faults[LISTING] = [Fault(body=content)]
    with pytest.raises(FetchError, match=rf"{server.url}/{LISTING}: .*{reason}"):
        get(server)


def test_a_truncated_listing_is_not_taken_for_whole(server: BrokenServer, target: Path) -> None:
    one_line = len(f"{'0' * 64} {FILES[0]}\n")
    server.faults[LISTING] = [Fault(cut=one_line)]
    assert get(server).fetched == FILES
    assert len(server.requests(LISTING)) == 2


def test_no_such_project(server: BrokenServer, data_home: Path) -> None:
    with pytest.raises(FetchError, match=r"nosuch/1.0/SHA256SUMS.txt: HTTP 404"):
        fetch("nosuch", "1.0", base=server.url)
    assert not (data_home / "nosuch").exists()
    with pytest.raises(FetchError, match="no name of a project"):
        fetch("../secrets", "1.0", base=server.url)


# --- what comes, and what need not


def test_all_files_come_and_a_second_run_asks_only_for_the_listing(
    server: BrokenServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = get(server)
    assert report.fetched == tuple(whole_names(target)) == FILES
    assert report.n_bytes == BIG_SIZE + 1200
    server.served.clear()
    monkeypatch.setattr(fetch_module, "sha256_of", lambda path: pytest.fail("hashed anew"))
    report = get(server)
    assert (report.fetched, report.present, report.n_bytes) == ((), FILES, 0)
    assert [request.path for request in server.served] == [LISTING]


def test_only_the_missing_and_the_changed_are_fetched_again(
    server: BrokenServer, target: Path
) -> None:
    get(server)
    server.served.clear()
    (target / "big.dat").unlink()
    small = target / "small.hea"
    small.write_bytes(bytes([small.read_bytes()[0] ^ 1]) + small.read_bytes()[1:])  # size unchanged
    os.utime(target / FILES[2], ns=(1, 1))  # touched, not changed
    report = get(server)
    assert report.fetched == ("big.dat", "small.hea")
    assert report.present == (FILES[2],)
    assert len(server.requests(BIG)) == 1


def test_files_without_an_index_are_hashed_not_fetched(server: BrokenServer, target: Path) -> None:
    get(server)
    (target / ".verified.json").write_text("{damaged")
    assert get(server).present == FILES
    assert len(server.requests(BIG)) == 1


def test_only_what_a_reader_needs(server: BrokenServer, target: Path) -> None:
    report = get(server, paths=lambda listing: [p for p in listing if p.endswith(".hea")])
    assert report.fetched == ("small.hea",) == tuple(whole_names(target))
    assert get(server, paths=["small.hea", "big.dat"]).fetched == ("big.dat",)
    with pytest.raises(FetchError, match=r"does not list 'nosuch\.dat'"):
        get(server, paths=[FILES[2], "nosuch.dat"])
    assert whole_names(target) == ["big.dat", "small.hea"]


def test_from_a_local_folder(tree: Path, target: Path) -> None:
    assert get(tree).fetched == FILES
    assert get(tree).present == FILES
    (tree / PROJECT / VERSION / "extra").write_bytes(b"unlisted")
    assert len(whole_names(target)) == 3


def test_local_files_are_verified_too(tree: Path, target: Path) -> None:
    (tree / BIG).write_bytes(b"damaged")
    (tree / PROJECT / VERSION / "small.hea").unlink()
    with pytest.raises(FetchError) as caught:
        get(tree)
    report = caught.value.report
    assert report is not None
    assert set(report.failed) == {"big.dat", "small.hea"}
    assert whole_names(target) == [FILES[2]]
    assert "wrong checksum" in report.failed["big.dat"]
    assert "No such file" in report.failed["small.hea"]


def test_not_onto_itself(tree: Path) -> None:
    with pytest.raises(FetchError, match="onto itself"):
        get(tree, home=tree)


# --- who else is there


def test_interrupted_from_the_keyboard(
    server: BrokenServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    let_go = threading.Event()
    server.faults[BIG] = [Fault(cut=2 * CHUNK, midway=lambda: let_go.wait(60), hang_up=False)]
    with monkeypatch.context() as patch:
        patch.setattr(fetch_module._Job, "_book", interrupt)  # when a small file is there
        patch.setattr(fetch_module.Verified, "save", lambda self: let_go.set())
        with pytest.raises(KeyboardInterrupt):
            get(server)
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPool")]
    assert not (target / "big.dat").exists()
    get(server)
    assert whole_names(target) == list(FILES)


def test_one_at_a_time(server: BrokenServer, target: Path) -> None:
    def try_to_enter() -> None:
        try:
            FileLock(target / ".fetch.lock").acquire(timeout=0)
        except Timeout:
            kept_out.append(True)

    kept_out: list[bool] = []
    server.faults[BIG] = [Fault(before=try_to_enter)]
    get(server)
    assert kept_out == [True]
    FileLock(target / ".fetch.lock").acquire(timeout=0).lock.release()


def test_two_processes_at_once_fetch_everything_once(server: BrokenServer, target: Path) -> None:
    both_asked = threading.Barrier(2)
    # Neither gets the listing before both have asked for it; then one of them comes first.
    server.faults[LISTING] = [Fault(before=lambda: both_asked.wait(60))] * 2
    command = [
        sys.executable,
        "-c",
        "import sys; from ecglab.data.fetch import fetch; "
        "print(len(fetch('toydb', '1.0.0', base=sys.argv[1], progress=False).fetched))",
        server.url,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        here = len(get(server).fetched)
        output, _ = other.communicate(timeout=60)
    assert {here, int(output)} == {0, 3}
    assert len(server.served) == 2 + 3
    assert whole_names(target) == list(FILES)


# --- the real thing


@pytest.mark.real
def test_real_records_over_a_broken_line(physionet: Path, data_home: Path) -> None:
    def records(listing: list[str]) -> list[str]:
        return [path for path in listing if path.startswith(("100.", "101."))]

    with BrokenServer(physionet) as server:
        server.faults["mitdb/1.0.0/100.dat"] = [
            Fault(cut=1_000_000),
            Fault(cut=500_000, reset=True),
        ]
        server.faults["mitdb/1.0.0/101.dat"] = [Fault(status=503), Fault(body=b"not this")]
        report = fetch("mitdb", "1.0.0", paths=records, base=server.url, backoff=0.0)  # type: ignore[arg-type]
    assert len(report.fetched) == 6
    for path in report.fetched:
        original = (physionet / "mitdb" / "1.0.0" / path).read_bytes()
        assert (data_home / "mitdb" / "1.0.0" / path).read_bytes() == original


@pytest.mark.real
def test_real_listings(physionet: Path) -> None:
    for folder in sorted(physionet.glob("*/*")):
        listing = read_listing(folder.parent.name, folder.name, physionet)
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert set(listing) == there - {"SHA256SUMS.txt"}
