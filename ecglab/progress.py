"""One progress display for downloads, caches and training, made for whoever is looking.

A bar in a terminal; in a notebook one line of text, rewritten in place; where nobody looks, a plain
line at every tenth of the way. Never a widget, which a saved notebook would show as an empty box.
"""

import io
import shutil
import sys
from collections.abc import Iterable
from typing import Any, TypeVar, overload

from tqdm import tqdm

T = TypeVar("T")


@overload
def progress(
    work: Iterable[T], desc: str, *, unit: str = ..., enabled: bool = ...
) -> "tqdm[T]": ...
@overload
def progress(
    work: int | None, desc: str, *, unit: str = ..., enabled: bool = ...
) -> "tqdm[Any]": ...
def progress(
    work: Iterable[Any] | int | None, desc: str, *, unit: str = "step", enabled: bool = True
) -> "tqdm[Any]":
    """A tqdm progress display over ``work``, written to stderr (a notebook: to the cell's output).

    Args:
        work: an iterable to go through, or the number of steps to come (None: not known), for
            ``with progress(100, "...") as bar: bar.update()``.
        desc: what is being done; it opens the line.
        unit: what one step is.
        enabled: False shows nothing.
    """
    if work is None or isinstance(work, int):
        options: dict[str, Any] = {"total": work}
    else:
        options = {"iterable": work}
    # miniters=0: time alone decides when to draw, so that steps may be small and come unevenly
    options |= {"desc": desc, "unit": unit, "miniters": 0, "disable": not enabled}
    if not enabled or sys.stderr.isatty():
        # Some terminals (of containers, of CI) say that they have no size, and get 80 x 24.
        size = shutil.get_terminal_size()
        return tqdm(**options, ncols=size.columns, nrows=size.lines)
    return _NotebookBar(**options) if _in_notebook() else _Lines(**options)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # a notebook has it loaded; nobody else need load it
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Lines(tqdm):
    """Plain lines on stderr: at the start, at every tenth (at most one a second), at the end."""

    FORMAT = (
        "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt} {unit} [{elapsed}<{remaining}{postfix}]"
    )
    ENDLESS = "{desc}: {n_fmt} {unit} [{elapsed}{postfix}]"

    def __init__(self, **options: Any) -> None:
        self.tenth, self.shown = -1, -1.0
        counted = options.get("total") or hasattr(options.get("iterable"), "__len__")
        form = self.FORMAT if counted else self.ENDLESS
        super().__init__(file=io.StringIO(), mininterval=1.0, bar_format=form, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Print the state, once per tenth (where no total is known: whenever it has doubled)."""
        tenth = int(10 * self.n / self.total) if self.total else int(self.n).bit_length()
        at_the_end = self.disable and self.n > self.shown  # tqdm's close has switched itself off
        if tenth > self.tenth or at_the_end:
            self.tenth, self.shown = tenth, self.n
            print(self, file=sys.stderr, flush=True)


class _NotebookBar(tqdm):
    """The bar as one text output of a notebook cell; saved, it keeps its last state alone."""

    def __init__(self, **options: Any) -> None:
        from IPython.display import display

        self.output: Any = display({"text/plain": ""}, raw=True, display_id=True)
        super().__init__(file=io.StringIO(), mininterval=0.25, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Rewrite the cell's output."""
        self.output.update({"text/plain": str(self)}, raw=True)
