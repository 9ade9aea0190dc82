"""The explorer follows its controls, its twin draws the same, and it mines as the package does."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from ecglab.diffusion import NoiseSchedule
from ecglab.nn.triplet import mine_triplets
from ecglab.widgets import triplets as module
from ecglab.widgets.lorenz import as_png
from ecglab.widgets.triplets import TripletExplorer


@pytest.fixture
def explorer() -> TripletExplorer:
    rng = np.random.default_rng(0)
    positive = np.arange(12) % 2 == 1
    points = rng.normal(size=(12, 2)) + 2 * positive[:, None]
    return TripletExplorer(points, positive, names=("N", "A"), schedule=NoiseSchedule.linear(100))


def test_every_control_redraws(explorer: TripletExplorer) -> None:
    before = plt.get_fignums()

    def shows(t: int, margin: float, mining: str, anchor: int) -> bool:
        figure = explorer.static(t, margin, mining, anchor)
        picture = as_png(figure)
        plt.close(figure)
        return picture == explorer.image.value

    assert shows(0, 3.0, "batch-hard", 0)
    explorer.t.value = 40
    assert shows(40, 3.0, "batch-hard", 0)
    assert not shows(0, 3.0, "batch-hard", 0)
    explorer.margin.value = 2.5
    assert shows(40, 2.5, "batch-hard", 0)
    explorer.mining.value = "random"
    assert shows(40, 2.5, "random", 0)
    explorer.anchor.value = 7
    assert shows(40, 2.5, "random", 7)
    assert plt.get_fignums() == before  # what was drawn for the image is closed again


def test_points_drift_by_the_forward_process_and_are_mined_by_the_package(
    explorer: TripletExplorer,
) -> None:
    found = explorer.mined(60, 0.7, "semi-hard")
    share = float(explorer.schedule.alphas_cumprod[60])
    expected = share**0.5 * explorer.clean + (1 - share) ** 0.5 * explorer.noise
    torch.testing.assert_close(found.points, expected)
    by_package = mine_triplets(
        torch.cdist(expected, expected), explorer.labels, mining="semi-hard", margin=0.7
    )
    assert all(a.equal(b) for a, b in zip(found.triplets, by_package, strict=True))
    a, p, n = found.triplets
    d = found.distances
    assert bool(((d[a, p] < d[a, n]) & (d[a, n] < d[a, p] + 0.7)).all())


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard", "random"])
@pytest.mark.parametrize("margin", [0.1, 10.0])
def test_the_sliders_ends_can_be_drawn(
    explorer: TripletExplorer, mining: str, margin: float
) -> None:
    for t in (0, 40, 70, 99):
        left = explorer.static(t, margin, mining, 11).axes[0]
        points = explorer.mined(t, margin, mining).points
        assert float(torch.as_tensor(points).abs().max()) < left.get_xlim()[1]
    plt.close("all")


def test_it_shows_itself(explorer: TripletExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(module, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    controls = [control for row in box.children[:2] for control in row.children]
    assert controls == list(explorer.controls)
    assert box.children[2] is explorer.image


def test_points_of_two_classes_are_asked_for() -> None:
    with pytest.raises(ValueError, match="two classes"):
        TripletExplorer(np.zeros((3, 2)), [1, 1, 1])
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        TripletExplorer(np.zeros((3, 4)), [0, 1, 1])
