"""Which files of a folder were verified, so that an untouched file need not be hashed again."""

import json
from collections.abc import Mapping
from pathlib import Path

from ecglab.data.whole import write_text

INDEX = ".verified.json"  # {path: [size in bytes, modification time in ns, SHA-256]}


class Verified:
    """The folder's index of verified files, read at the start and written by ``save``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._seen = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or damaged: everything is hashed once more
            self._seen = {}
        self._changed = False

    def _state(self, path: str, sha256: str) -> list[object]:
        found = (self.folder / path).stat()
        return [found.st_size, found.st_mtime_ns, sha256]

    def holds(self, path: str, sha256: str) -> bool:
        """True where the file had this checksum and has not been touched since."""
        try:
            return path in self._seen and bool(self._seen[path] == self._state(path, sha256))
        except OSError:
            return False

    def hold_all(self, files: Mapping[str, str]) -> bool:
        """``holds`` for every path and checksum."""
        return all(self.holds(path, sha256) for path, sha256 in files.items())

    def note(self, path: str, sha256: str) -> None:
        """Remember that the file, as it is now, has this checksum."""
        state = self._state(path, sha256)
        self._changed |= self._seen.get(path) != state
        self._seen[path] = state

    def save(self) -> None:
        """Write the index, if it changed."""
        if self._changed:
            write_text(self.folder / INDEX, json.dumps(self._seen))
