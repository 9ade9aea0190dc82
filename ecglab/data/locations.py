"""Where records and caches lie: two environment variables, read anew at every call.

``ECGLAB_DATA``       what was fetched and derived (default: the user's cache folder)
``ECGLAB_PHYSIONET``  base address of the PhysioNet file tree, http(s) or a local folder
"""

import os
from pathlib import Path

import platformdirs

PHYSIONET = "https://physionet.org/files"


def data_home() -> Path:
    """The folder for fetched projects and derived caches (it may not exist yet)."""
    home = os.environ.get("ECGLAB_DATA")
    return Path(home).expanduser() if home else Path(platformdirs.user_cache_dir("ecglab"))


def physionet_base() -> str:
    """Base address of the PhysioNet file tree: an http(s) URL or a local folder's path."""
    return os.environ.get("ECGLAB_PHYSIONET") or PHYSIONET


def is_url(base: str) -> bool:
    """True for an http(s) address, False for a local folder."""
    return base.startswith(("http://", "https://"))


def project_folder(project: str, version: str) -> Path | None:
    """Where a project's files lie on this machine, or None.

    A local ``ECGLAB_PHYSIONET`` is read in place and wins over what was fetched to ``ECGLAB_DATA``.
    """
    base = physionet_base()
    homes = [data_home()] if is_url(base) else [Path(base).expanduser(), data_home()]
    for home in homes:
        folder = home / project / version
        if folder.is_dir():
            return folder
    return None
