"""A chapter in a real JupyterLab in a real browser: it runs, and its explorer answers."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ecglab.course.pairing import pair_text
from ecglab.course.sources import NOTEBOOKS, read_source

playwright = pytest.importorskip("playwright.sync_api", reason="needs ecglab[browser]")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]

SECONDS = 180  # that one step may take; a quiet machine needs ten
RUN_ALL = """async () => {
    const app = window.jupyterapp;
    await app.shell.currentWidget.sessionContext.ready;
    await app.commands.execute("notebook:run-all-cells");
}"""


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """Chapter 02 up to its explorer, on a few simulated records."""
    notebook = read_source(NOTEBOOKS / "02_diffusion_on_ecg.py")
    live = [i for i, cell in enumerate(notebook.cells) if "live" in cell.metadata.get("tags", [])]
    notebook.cells = notebook.cells[: live[0] + 1]
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = (
                f'PROFILE = "smoke"\nDATASET = "simulator"\nSEED = 0\nOUTPUT = {str(tmp_path)!r}'
            )
    path = tmp_path / "chapter.ipynb"
    path.write_text(pair_text(notebook), encoding="utf-8")
    return path


@pytest.fixture
def lab(chapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a JupyterLab in the chapter's folder, with settings of its own."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options += ["--ServerApp.port_retries=0", "--IdentityProvider.token="]
    options += ["--expose-app-in-browser"]
    command = [sys.executable, "-m", "jupyterlab", str(chapter.parent), *options]
    address = f"http://127.0.0.1:{port}/lab"
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        stop = time.monotonic() + SECONDS
        while not answers(address):
            assert server.poll() is None, (tmp_path / "lab.log").read_text()
            assert time.monotonic() < stop, "JupyterLab did not start"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, OSError):
        return False


def test_the_explorer_answers_its_slider_in_jupyterlab(lab: str, chapter: Path) -> None:
    options: dict[str, Any] = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
    options["args"] += ["--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(**options)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(SECONDS * 1000)
        page.goto(f"{lab}/tree/{chapter.name}?reset")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext")
        page.evaluate(RUN_ALL)

        picture = page.locator("img.widget-image")
        picture.wait_for()
        page.wait_for_function("() => document.querySelector('img.widget-image').naturalWidth > 0")
        before = picture.get_attribute("src")
        page.locator(".widget-slider .noUi-handle").first.press("ArrowRight")
        page.wait_for_function(
            "before => document.querySelector('img.widget-image').src !== before", arg=before
        )
        page.wait_for_function("() => document.querySelector('img.widget-image').naturalWidth > 0")
        assert page.locator(".widget-readout").first.inner_text() == "101"
        browser.close()
