"""The explorer follows its sliders, its twin draws the same, and its numbers are what is drawn."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.evaluation.personal import PersonalClassifier, split_subject
from ecglab.methods import DiffECG, DiffECGLorenz, DiffECGSignal, DiffECGSpectrogram
from ecglab.profiles import load_profile
from ecglab.widgets import personal
from ecglab.widgets.lorenz import as_png
from ecglab.widgets.personal import StepExplorer


@pytest.fixture(scope="module")
def heart() -> PersonalClassifier:
    """Sixty simulated windows, every second one called AF; six of them are personal."""
    profile = load_profile("smoke")
    parts = (DiffECGSignal, DiffECGSpectrogram, DiffECGLorenz)
    method = DiffECG(*(m.for_profile(profile, seed=0) for m in parts))
    data = windows(Simulator(20, seed=0), method.spec, jobs=1).take(np.arange(60))
    labels = np.where(np.arange(60) % 2, "non-AF", "AF")
    return PersonalClassifier(method, data, labels, split_subject(labels), seed=0)


@pytest.fixture
def explorer(heart: PersonalClassifier) -> StepExplorer:
    return StepExplorer(heart, positive="AF", fs=100)


def test_every_slider_redraws(explorer: StepExplorer) -> None:
    before = plt.get_fignums()

    def shows(**t: int) -> bool:
        figure = explorer.static(**t)
        drawn = as_png(figure)
        plt.close(figure)
        return explorer.image.value == drawn

    assert list(explorer.t) == ["signal", "spectrogram", "lorenz"]
    assert shows()
    assert not shows(signal=150)
    at: dict[str, int] = {}
    for name, step in (("signal", 150), ("spectrogram", 90), ("lorenz", 0)):
        explorer.t[name].value = at[name] = step
        assert shows(**at)
    assert plt.get_fignums() == before  # what was drawn for the image is closed again


def test_a_slider_moves_its_own_view_and_the_windows(explorer: StepExplorer) -> None:
    before, after = explorer.numbers(), explorer.numbers(lorenz=120)
    changed = {
        name for name, part in before.groupby("view") if not part.equals(after.loc[part.index])
    }
    assert changed == {"lorenz", "windows", "gamma"}


def test_a_view_is_the_first_training_window_under_noise(
    heart: PersonalClassifier, explorer: StepExplorer
) -> None:
    x0 = heart.caches["train"].views["signal"][0, 0].numpy()
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)).numpy()
    a = heart.method.parts["signal"].schedule.alphas_cumprod[60].item()
    by_hand = a**0.5 * x0 + (1 - a) ** 0.5 * noise
    np.testing.assert_allclose(explorer.noisy("signal", 60), by_hand, atol=1e-5)


def test_the_twin_draws_the_numbers(heart: PersonalClassifier, explorer: StepExplorer) -> None:
    numbers = dict(list(explorer.numbers(signal=60).groupby("view")))
    figure = explorer.static(signal=60)
    trace, spectrogram, _, plane = figure.axes
    signal = numbers["signal"]
    assert trace.get_title(loc="left") + trace.get_title() == "signal, t = 60"
    np.testing.assert_array_equal(trace.lines[0].get_xydata(), signal[["x", "value"]])
    picture = numbers["spectrogram"].pivot(index="y", columns="x", values="value")
    np.testing.assert_array_equal(spectrogram.images[0].get_array(), picture)
    for line, value in zip(plane.lines, (1, 0), strict=True):
        dots = numbers["windows"][numbers["windows"]["value"] == value]
        assert len(dots) == 3
        np.testing.assert_array_equal(line.get_xydata(), dots[["x", "y"]])
    (gamma,) = numbers["gamma"]["value"]
    assert gamma == heart.promise({"signal": 60, "spectrogram": 20, "lorenz": 20})
    assert f"gamma = {gamma:.4f}" in (plane.get_title(loc="left"), plane.get_title())
    plt.close(figure)


def test_the_plane_keeps_the_largest_variance(explorer: StepExplorer) -> None:
    points, positive = explorer.plane({"signal": 20, "spectrogram": 20, "lorenz": 20})
    assert points.shape == (6, 2)
    assert positive.sum() == 3
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-9)
    assert points[:, 0].var() >= points[:, 1].var() > 0
    assert points[:, 0] @ points[:, 1] == pytest.approx(0, abs=1e-6)


def test_it_shows_itself(explorer: StepExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(personal, "display", shown.append)
    explorer._ipython_display_()
    (box,) = shown
    assert box.children[1] is explorer.image
    assert box.children[0].children == tuple(explorer.t.values())


def test_what_it_does_not_have_is_refused(
    heart: PersonalClassifier, explorer: StepExplorer
) -> None:
    with pytest.raises(ValueError, match="no sound among signal, spectrogram, lorenz"):
        explorer.static(sound=20)
    for t in (-1, 1000):
        with pytest.raises(ValueError, match=r"\[0, 1000\)"):
            explorer.noisy("signal", t)
    with pytest.raises(ValueError, match="'flutter' is none of AF, non-AF"):
        StepExplorer(heart, positive="flutter", fs=100)
