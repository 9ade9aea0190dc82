"""Unpacking: whole or not at all, and nowhere but in the folder."""

import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock, Timeout

import ecglab.data.archive as archive_module
from ecglab.data.archive import ArchiveError, extract_zip

CONTENTS = {
    "set/A1.hea": b"A1 1 300 9000\n",
    "set/A1.mat": np.random.default_rng(3).bytes(3000),
    "set/deep/B1.mat": bytes(5000),
}


def write_zip(
    path: Path, contents: dict[str, bytes] = CONTENTS, compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def contents_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_nothing_left(folder: Path) -> None:
    """No folder, and nothing beside it but the archive and the lock."""
    assert not folder.exists()
    assert not [path for path in folder.parent.iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_every_compression(tmp_path: Path, compression: int) -> None:
    archive = write_zip(tmp_path / "set.zip", compression=compression)
    folder = tmp_path / "new" / "set"
    assert extract_zip(archive, folder) == folder
    assert contents_of(folder) == CONTENTS


def test_second_call_returns_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    extract_zip(archive, folder)
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("opened again"))
        extract_zip(archive, folder)
        extract_zip(str(archive), str(folder), members=["set/A1.mat"])


def test_another_archive_of_this_name_is_unpacked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    extract_zip(archive, folder)
    write_zip(archive, {"other": b"1"})
    removed: list[Path] = []
    remove = shutil.rmtree

    def note_and_remove(path: Path, **options: Any) -> None:
        removed.append(path)
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", note_and_remove)
    assert contents_of(extract_zip(archive, folder)) == {"other": b"1"}
    assert folder not in removed  # killed in the midst of that, it would be partial


def test_members(tmp_path: Path) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    extract_zip(archive, folder, members=["set/A1.hea"])
    assert set(contents_of(folder)) == {"set/A1.hea"}
    extract_zip(archive, folder, members=["set/A1.mat"])
    assert set(contents_of(folder)) == {"set/A1.hea", "set/A1.mat"}
    extract_zip(archive, folder)
    assert contents_of(folder) == CONTENTS
    with pytest.raises(ArchiveError, match=r"set\.zip: no members nosuch"):
        extract_zip(archive, tmp_path / "else", members=["nosuch"])
    assert not (tmp_path / "else").exists()


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/out", "C:/out", "c:out", "..\\out", "a/..", "a\0/../../out"]
)
def test_members_that_would_land_outside(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "set.zip"
    # The evil name is put in behind zipfile's back, which would cut it at a NUL.
    plain = "x" * len(name)
    write_zip(archive, {"good": b"good", plain: b"evil"})
    archive.write_bytes(archive.read_bytes().replace(plain.encode(), name.encode()))
    folder = tmp_path / "sub" / "set"
    with pytest.raises(ArchiveError, match=r"set\.zip: .*outside"):
        extract_zip(archive, folder)
    assert_nothing_left(folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("good", b"good")
        archive.writestr(link, "/etc")
    with pytest.raises(ArchiveError, match=r"set\.zip: member 'link' is a link"):
        extract_zip(tmp_path / "set.zip", tmp_path / "set")
    assert_nothing_left(tmp_path / "set")


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_damage_in_a_member(tmp_path: Path, compression: int) -> None:
    archive = write_zip(tmp_path / "set.zip", compression=compression)
    damaged = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        start = opened.getinfo("set/A1.mat").header_offset
    damaged[start + 200 : start + 400] = bytes(200)
    archive.write_bytes(damaged)
    with pytest.raises(ArchiveError, match=r"set\.zip: cannot be unpacked"):
        extract_zip(archive, tmp_path / "set")
    assert_nothing_left(tmp_path / "set")


def test_truncated_and_no_zip_and_none(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip")
    for content in (archive.read_bytes()[:-30], b"<html>", b""):
        archive.write_bytes(content)
        with pytest.raises(ArchiveError, match=r"set\.zip: cannot be unpacked"):
            extract_zip(archive, tmp_path / "set")
        assert_nothing_left(tmp_path / "set")
    with pytest.raises(FileNotFoundError, match=r"nosuch\.zip"):
        extract_zip(tmp_path / "nosuch.zip", tmp_path / "set")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    extract_zip(archive, folder)
    archive.write_bytes(b"damaged")
    with pytest.raises(ArchiveError):
        extract_zip(archive, folder)
    assert contents_of(folder) == CONTENTS


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    with pytest.raises(ArchiveError, match="not from an archive"):
        extract_zip(archive, folder)
    assert contents_of(folder) == {"mine": b"precious"}
    (folder / "mine").unlink()
    assert contents_of(extract_zip(archive, folder)) == CONTENTS


KILLED_MIDWAY = """
import os, signal, sys, zipfile
from ecglab.data.archive import extract_zip
opened = zipfile.ZipFile.open
def open(self, member, *args, **options):
    if member.filename == "set/deep/B1.mat":
        os.kill(os.getpid(), signal.SIGKILL)
    return opened(self, member, *args, **options)
zipfile.ZipFile.open = open
extract_zip(sys.argv[1], sys.argv[2])
"""


def test_killed_halfway(tmp_path: Path) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    command = [sys.executable, "-c", KILLED_MIDWAY, str(archive), str(folder)]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert not folder.exists()
    assert (tmp_path / ".set.partial" / "set" / "A1.mat").exists()  # it was at work indeed
    assert contents_of(extract_zip(archive, folder)) == CONTENTS
    assert not (tmp_path / ".set.partial").exists()


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = archive_module._extract

    def extract_alone(*args: Any) -> None:
        with pytest.raises(Timeout):
            FileLock(tmp_path / ".set.lock").acquire(timeout=0)
        extract(*args)

    monkeypatch.setattr(archive_module, "_extract", extract_alone)
    assert contents_of(extract_zip(write_zip(tmp_path / "set.zip"), tmp_path / "set")) == CONTENTS


def test_two_processes_at_once(tmp_path: Path) -> None:
    archive, folder = write_zip(tmp_path / "set.zip"), tmp_path / "set"
    program = (
        "import sys; from ecglab.data.archive import extract_zip; sys.stdin.readline(); "
        "extract_zip(sys.argv[1], sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(archive), str(folder)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(2)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(60) for process in started] == [0, 0]
    assert contents_of(folder) == CONTENTS


@pytest.mark.real
def test_real_lzma_archive(physionet: Path, tmp_path: Path) -> None:
    archive = physionet / "challenge-2017" / "1.0.0" / "training2017.zip"
    members = [f"training2017/A{n:05d}.{kind}" for n in (1, 2, 4) for kind in ("hea", "mat")]
    folder = extract_zip(archive, tmp_path / "training2017", members=members)
    assert set(contents_of(folder)) == set(members)
    for n in (1, 2, 4):
        # "A00001 1 300 9000 ...": two bytes a sample after a header of 24
        n_samples = int((folder / f"training2017/A{n:05d}.hea").read_text().split()[3])
        assert (folder / f"training2017/A{n:05d}.mat").stat().st_size == 24 + 2 * n_samples
