"""The latent space's figures show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from ecglab.diffusion import NoiseSchedule
from ecglab.diffusion.timesteps import SAMPLERS, step_probabilities
from ecglab.nn.triplet import Triplets
from ecglab.plots import latent as p


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_dot_for_each_beta_and_its_units_in_order():
    table = pd.DataFrame({"beta": [0.1, 1], "reconstruction": [0.4, 0.9], "kl": [5.0, 0.1],
                          "active": [3, 0]})  # fmt: skip
    left, right = p.plot_latent_use(table, {"0.1": [1.0, 3.0, 2.0], "1": [0.0, 0.1, 0.0]}).axes
    dots = [tuple(line.get_xydata()[0]) for line in left.lines if line.get_marker() == "o"]
    assert dots == [(5.0, 0.4), (0.1, 0.9)]
    assert [t.get_text() for t in left.get_legend().texts] == [
        "beta 0.1: 3 active",
        "beta 1: 0 active",
    ]
    assert right.lines[0].get_ydata().tolist() == [3.0, 2.0, 1.0]


def test_what_can_be_read_stands_above_what_is_left():
    schedule = NoiseSchedule.linear(100)
    table = pd.DataFrame({"t": [0, 50], "measured": [0.9, 0.6], "expected": [0.88, 0.61]})
    above, below = p.plot_readable(table, {"early": (0, 49)}, schedule=schedule).axes
    assert above.lines[0].get_ydata().tolist() == [0.9, 0.6]
    assert above.lines[1].get_ydata().tolist() == [0.88, 0.61]
    np.testing.assert_array_equal(below.lines[0].get_ydata(), schedule.alphas_cumprod)
    assert [t.get_text() for t in above.texts] == ["early"]


def test_each_sampler_has_its_probability_and_the_curricula_several():
    schedule = NoiseSchedule.linear(90)
    figure = p.plot_step_probabilities(schedule, SAMPLERS, progress=(0, 1))
    # the course's style puts titles to the left, matplotlib's own into the middle
    panels = {axis.get_title() + axis.get_title(loc="left"): axis.lines for axis in figure.axes}
    assert list(panels) == list(SAMPLERS)
    assert {name for name, lines in panels.items() if len(lines) == 2} == {"widening", "moving"}
    expected = 1000 * step_probabilities(schedule, "moving", progress=1.0)
    np.testing.assert_allclose(panels["moving"][1].get_ydata(), expected)


def test_classes_keep_their_colours_and_panels_their_scale():
    points, positive = np.arange(8.0).reshape(4, 2), np.array([True, False, True, True])
    figure = p.plot_plane({"a": points, "b": 3 * points}, positive, ("no", "yes"))
    first, second = figure.axes
    assert first.lines[0].get_xydata().tolist() == [[2.0, 3.0]]
    assert len(first.lines[1].get_xydata()) == 3
    assert first.get_xlim() == second.get_xlim()


def test_triplets_are_lines_on_the_left_and_points_on_the_right():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.5], [4.0, 0.0]])
    d = torch.cdist(torch.from_numpy(points), torch.from_numpy(points))
    triplets = Triplets(*(torch.tensor(x) for x in ([0, 1], [1, 0], [2, 3])))
    left, right = p.plot_triplets(
        points, [0, 0, 1, 1], ("no", "yes"), distances=d, triplets=triplets, anchor=0, margin=1.0
    ).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in left.lines}
    assert lines["to its positives"] == [[0, 0], [1, 0]]
    assert lines["to its negatives"] == [[0, 0], [0, 1.5]]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in right.lines}
    assert drawn["costs"] == [[1.0, 1.5]]  # 1 - 1.5 + 1 > 0
    assert drawn["costs nothing"] == [[1.0, 3.0]]
    assert drawn["anchor's"] == [[1.0, 1.5]]
    assert right.get_title(loc="left") + right.get_title() == "2 triplets, loss 0.25"


def test_no_triplets_is_a_picture_too():
    none = torch.empty(0, dtype=torch.long)
    figure = p.plot_triplets(
        np.eye(2), [0, 1], ("no", "yes"), distances=np.ones((2, 2)),
        triplets=Triplets(none, none, none), anchor=0, margin=1.0,
    )  # fmt: skip
    right = figure.axes[1]
    assert right.get_title(loc="left") + right.get_title() == "0 triplets, loss 0.00"


def test_collapse_stands_beside_its_margin():
    run = p.Mined([2.0, 1.0], 1.0, [0.0, 0.01], [0.02])
    above, below = p.plot_collapse({"batch-hard": run}).axes
    assert above.lines[0].get_ydata().tolist() == [2.0, 1.0]
    assert above.lines[1].get_ydata()[0] == 1.0
    assert [t.get_text() for t in below.get_legend().texts] == ["same class", "other class"]
