"""An explorer of rhythms: choose a record, see its trace, its RR intervals and its Lorenz plot."""

from collections.abc import Mapping, Sequence
from io import BytesIO

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from ecglab.plots.rhythm import Beating, plot_rhythm


class LorenzExplorer:
    """A menu of rhythms, a menu of their records, and a slider along the trace.

    As the last line of a notebook cell it shows itself; ``static`` draws the same figure where no
    kernel answers to sliders. The figure is shown in an image widget: an output widget flickers,
    and while it captures a figure a headless run may miss the end of the cell, and wait for long.

    Args:
        records: rhythm -> its records.
        seconds: how much of a trace to show at a time.

    Raises:
        ValueError: a rhythm without records, or none at all.
    """

    def __init__(self, records: Mapping[str, Sequence[Beating]], *, seconds: float = 10.0) -> None:
        if not records or not all(records.values()):
            raise ValueError("the explorer needs at least one record of each rhythm")
        self.records, self.seconds = records, seconds
        self.rhythm = ipywidgets.Dropdown(options=list(records), description="rhythm")
        self.record = ipywidgets.Dropdown(options=self._menu(), description="record")
        self.start = ipywidgets.FloatSlider(min=0, max=0, step=1, description="from (s)")
        self.image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self._drawn: tuple[str, int, float] | None = None
        self._choose_record()
        self.rhythm.observe(self._choose_rhythm, "value")
        self.record.observe(self._choose_record, "value")
        self.start.observe(self._draw, "value")
        controls = ipywidgets.HBox([self.rhythm, self.record, self.start])
        self.view = ipywidgets.VBox([controls, self.image])

    def static(self, rhythm: str, record: int = 0, start: float = 0.0) -> Figure:
        """The explorer's figure of one record.

        Args:
            rhythm: one of ``records``.
            record: the record's place in the menu, from 0.
            start: where the stretch of trace begins, s.
        """
        beating = self.records[rhythm][record]
        title = f"{rhythm}: {beating.name}"
        return plot_rhythm(beating, title=title, start=start, seconds=self.seconds)

    def _menu(self) -> list[tuple[str, int]]:
        """The chosen rhythm's records: name and place."""
        found = self.records[self.rhythm.value]
        return [(beating.name, place) for place, beating in enumerate(found)]

    def _choose_rhythm(self, change: object = None) -> None:
        self.record.options = self._menu()  # and with it the first of them
        self._choose_record()

    def _choose_record(self, change: object = None) -> None:
        beating = self.records[self.rhythm.value][self.record.value]
        self.start.max = max(0.0, beating.seconds - self.seconds)
        self._draw()

    def _draw(self, change: object = None) -> None:
        chosen = self.rhythm.value, self.record.value, self.start.value
        if chosen != self._drawn:
            self._drawn = chosen
            self.image.value = as_png(self.static(*chosen))

    def _ipython_display_(self) -> None:
        display(self.view)


def as_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file, at its screen resolution."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return buffer.getvalue()
