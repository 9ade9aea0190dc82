"""Unpack an archive: wholly or not at all, and nowhere but in its folder."""

import json
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock

MARKER = ".extracted.json"  # in every extracted folder: from which archive, and which members


class ArchiveError(ValueError):
    """An archive that cannot be unpacked; the message names the file and what is wrong with it."""


def leaves_folder(path: str) -> bool:
    """True where a relative POSIX path may lead out of the folder it is to be joined to.

    Absolute paths, ``..``, drive letters, and backslashes, which are separators on some systems.

    >>> [leaves_folder(p) for p in ("a/b.dat", "../b", "/etc/b", "C:b", "a\\\\b", "a/..b")]
    [False, True, True, True, True, False]
    """
    return not path or bool(re.search(r"^/|(^|/)\.\.(/|$)|^[A-Za-z]:|[\\\0\n]", path))


def extract_zip(
    zip_path: Path | str, folder: Path | str, *, members: Collection[str] | None = None
) -> Path:
    """Unpack a zip archive into ``folder`` and return it.

    Every member's path is checked before anything is written. The members go to a temporary sibling
    which is renamed when all are there and their CRCs agree, so that ``folder`` is never partial.
    One process at a time works (a lock beside the folder); what was unpacked before from the same
    archive (by name, size and modification time) is returned at once. Members asked for later are
    added by unpacking anew, together with the earlier ones.

    Args:
        zip_path: the archive; any compression of the ``zipfile`` module, LZMA among them.
        folder: where the members go, under their paths in the archive. It must not exist yet, be
            empty, or stem from an earlier call.
        members: names of the members to unpack; None for all.

    Raises:
        FileNotFoundError: where there is no such archive.
        ArchiveError: for an archive that is damaged or encrypted, that has no such members, or one
            with a member that would land outside (or a link); and for a folder with foreign files.
    """
    zip_path, folder = Path(zip_path), Path(folder)
    if _has(folder, zip_path, members):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if _has(folder, zip_path, members):  # another process was faster
            return folder
        if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
            raise ArchiveError(f"{zip_path}: {folder} holds files that are not from an archive")
        _replace(folder, zip_path, _with_earlier(folder, zip_path, members))
    return folder


def _replace(folder: Path, zip_path: Path, members: Collection[str] | None) -> None:
    """Unpack beside ``folder`` and change places; the lock's holder is the only one at it."""
    partial, old = (folder.parent / f".{folder.name}.{kind}" for kind in ("partial", "old"))
    shutil.rmtree(partial, ignore_errors=True)  # of a killed process
    shutil.rmtree(old, ignore_errors=True)
    try:
        _extract(zip_path, partial, members)
        if folder.exists():
            os.replace(folder, old)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _identity(zip_path: Path) -> list[object]:
    found = zip_path.stat()
    return [zip_path.name, found.st_size, found.st_mtime_ns]


def _earlier(folder: Path, zip_path: Path) -> dict[str, list[str] | None] | None:
    """The marker that an extraction of this very archive left in the folder, or None."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return marker if marker["archive"] == _identity(zip_path) else None


def _has(folder: Path, zip_path: Path, members: Collection[str] | None) -> bool:
    marker = _earlier(folder, zip_path)
    if marker is None:
        return False
    there = marker["members"]
    return there is None or (members is not None and set(members) <= set(there))


def _with_earlier(
    folder: Path, zip_path: Path, members: Collection[str] | None
) -> Collection[str] | None:
    marker = _earlier(folder, zip_path)
    if members is None or marker is None or marker["members"] is None:
        return members
    return {*members, *marker["members"]}


def _extract(zip_path: Path, folder: Path, members: Collection[str] | None) -> None:
    try:
        with zipfile.ZipFile(zip_path) as archive:
            _check_members(zip_path, archive.infolist())
            missing = sorted(set(members or ()) - set(archive.namelist()))
            if missing:
                raise ArchiveError(f"{zip_path}: no members {', '.join(missing)}")
            folder.mkdir()
            archive.extractall(folder, members)
    except (ArchiveError, FileNotFoundError):
        raise
    except Exception as error:  # each compression has errors of its own for a damaged stream
        raise ArchiveError(f"{zip_path}: cannot be unpacked ({error!r})") from error
    marker = {"archive": _identity(zip_path), "members": None if members is None else [*members]}
    (folder / MARKER).write_text(json.dumps(marker), encoding="utf-8")


def _check_members(zip_path: Path, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        # orig_filename: what the archive says, before zipfile makes a path of it
        if leaves_folder(member.orig_filename):
            raise ArchiveError(
                f"{zip_path}: member {member.orig_filename!r} would land outside the folder"
            )
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveError(f"{zip_path}: member {member.filename!r} is a link or no plain file")
