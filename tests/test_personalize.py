"""Objectives worked by hand and to their limit; the search against oracles and blind search."""

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.metrics import f1_score
from torch import Tensor, nn

from ecglab.personalize import (
    OBJECTIVES,
    SEARCHES,
    EarlyTraining,
    Point,
    Search,
    SearchSpace,
    bayesian_search,
    early_training,
    expected_improvement,
    gamma,
    gamma_released,
    grid_search,
    posterior,
    random_search,
)
from ecglab.training import TrainingDiverged

THREE = SearchSpace(names=("signal", "spectrogram", "lorenz"), low=20, high=80)
ONE = SearchSpace(names=("signal",), low=0, high=99)


def early(before: float, after: float, change: float, **metrics: Any) -> EarlyTraining:
    parts = {"accuracy": (0.5, 0.5), "f1": (0.5, 0.5), **metrics}
    return EarlyTraining(loss=(before, after), weight_change=change, **parts)


# Objectives


def test_every_objective_by_hand() -> None:
    left = early(0.9, 0.6, 2.0, accuracy=(0.5, 0.75), f1=(0.4, 0.3))
    found = {name: objective(left) for name, objective in OBJECTIVES.items()}
    assert found == pytest.approx(
        {
            "delta_acc": 0.25,
            "delta_f1": -0.1,
            "delta_loss": 0.3,
            "mix": 0.5 * 0.3 - 0.5 * 0.1,
            "gamma": 0.15,
            "gamma_released": math.atan(0.15),
        }
    )


@pytest.mark.parametrize("eta", [0.5, 0.1, 1e-3, 1e-6])
def test_gamma_of_a_quadratic_loss_is_known_exactly(eta: float) -> None:
    # L = ||w||^2 / 2 has the gradient w; a step gives (1 - eta) w, so the loss falls by
    # (eta - eta^2 / 2) ||w||^2, the weights move by eta ||w||, and gamma = (1 - eta / 2) ||w||.
    w = np.array([3.0, -4.0])
    after = w - eta * w
    step = float(np.linalg.norm(after - w))
    found = gamma(early(float(w @ w / 2), float(after @ after / 2), step))
    assert found == pytest.approx((1 - eta / 2) * 5.0, rel=1e-8)


def test_gamma_tends_to_the_norm_of_the_gradient_of_a_logistic_regression() -> None:
    """Eq. 15, and to second order gamma = ||g|| - (eta / 2) g' H g / ||g|| + O(eta^2)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (40,), generator=generator)
    w = torch.randn(15, generator=generator, dtype=torch.float64, requires_grad=True)

    def loss(weights: Tensor) -> Tensor:
        return nn.functional.cross_entropy(x @ weights.view(5, 3), y)

    before = loss(w)
    (g,) = torch.autograd.grad(before, w)
    hessian = torch.autograd.functional.hessian(loss, w.detach())
    norm = g.norm().item()
    curvature = (g @ hessian @ g).item() / norm
    second_order = []
    for eta in (1e-1, 1e-2, 1e-3):
        after = (w - eta * g).detach()
        found = gamma(early(before.item(), loss(after).item(), (after - w).norm().item()))
        assert found == pytest.approx(norm, rel=eta * curvature / norm)
        second_order.append(abs(found - (norm - eta / 2 * curvature)))
    for coarse, fine in itertools.pairwise(second_order):
        assert fine < coarse / 50  # a tenth of eta leaves a hundredth of the error


@given(
    st.floats(0, 10), st.floats(0, 10), st.floats(1e-3, 1e3), st.floats(0.1, 10), st.floats(0.1, 10)
)
def test_gamma_scales_with_the_loss_and_against_the_weights(
    before: float, after: float, change: float, c: float, a: float
) -> None:
    scaled = gamma(early(c * before, c * after, a * change))
    assert scaled == pytest.approx(c / a * gamma(early(before, after, change)), abs=1e-9)
    assert 0 < gamma_released(early(before, after, change)) <= math.pi / 2


def test_a_loss_that_rises_or_weights_that_rest() -> None:
    assert gamma(early(0.6, 0.9, 2.0)) == pytest.approx(-0.15)
    assert gamma_released(early(0.6, 0.9, 2.0)) == 1e-10
    assert gamma_released(early(0.6, 0.6, 2.0)) == 1e-10
    assert gamma(early(0.6, 0.6, 0.0)) == 0.0
    assert gamma_released(early(0.6, 0.6, 0.0)) == 1e-10


def test_an_early_training_needs_two_epochs() -> None:
    with pytest.raises(ValueError, match="two at least"):
        EarlyTraining(loss=(1.0,), accuracy=(1.0,), f1=(1.0,), weight_change=0.0)
    with pytest.raises(ValueError, match="same epochs"):
        EarlyTraining(loss=(1.0, 1.0), accuracy=(1.0,), f1=(1.0, 1.0), weight_change=0.0)


# Early training


def problem(n: int, seed: int, classes: int = 3) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.normal(size=(n, 4)) + y[:, None] * np.array([1.0, -1.0, 0.5, 0.0])
    return torch.from_numpy(x).float(), torch.from_numpy(y)


def test_two_epochs_are_adam_written_out() -> None:
    """Full batches of a linear softmax classifier, in float64 NumPy."""
    (x, y), (xv, yv) = problem(30, 0), problem(20, 1)
    head = nn.Linear(4, 3)
    w = torch.cat([head.weight, head.bias[:, None]], dim=1).detach().double().numpy()

    def softmax(weights: Any, inputs: Tensor) -> Any:
        ones = np.c_[inputs.double().numpy(), np.ones(len(inputs))]
        z = np.exp(ones @ weights.T)
        return ones, z / z.sum(axis=1, keepdims=True)

    m, v, losses, accuracies, f1s, weights = 0.0, 0.0, [], [], [], []
    for step in (1, 2):
        ones, p = softmax(w, x)
        g = (p - np.eye(3)[y.numpy()]).T @ ones / len(y)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.01 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        _, p = softmax(w, xv)
        losses.append(-np.log(p[np.arange(len(yv)), yv.numpy()]).mean())
        accuracies.append((p.argmax(axis=1) == yv.numpy()).mean())
        f1s.append(f1_score(yv.numpy(), p.argmax(axis=1), average="macro"))
        weights.append(w)

    found = early_training(head, (x, y), (xv, yv), batch_size=30, seed=0)
    assert found.loss == pytest.approx(losses, rel=1e-5)
    assert found.accuracy == pytest.approx(accuracies)
    assert found.f1 == pytest.approx(f1s)
    change = np.linalg.norm(weights[1] - weights[0])
    assert found.weight_change == pytest.approx(change, rel=1e-4)


class Fusion(nn.Module):
    """Two modalities, BatchNorm and dropout: what DiffECG's classifier has."""

    def __init__(self) -> None:
        super().__init__()
        self.signal, self.image = nn.Linear(4, 6), nn.Linear(8, 6)
        self.rest = nn.Sequential(nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3))

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        out: Tensor = self.rest(self.signal(x["signal"]) + self.image(x["image"].flatten(1)))
        return out


def modalities(n: int, seed: int) -> tuple[dict[str, Tensor], Tensor]:
    x, y = problem(n, seed)
    return {"signal": x, "image": torch.stack([x, x], dim=1)}, y


def test_modalities_by_name_and_a_last_batch_of_one() -> None:
    head = Fusion()
    weights = {name: value.clone() for name, value in head.state_dict().items()}
    state = torch.get_rng_state()
    runs = [
        early_training(head, modalities(33, 0), modalities(20, 1), seed=seed) for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0].loss[1] < runs[0].loss[0]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, weights[name]) for name, value in head.state_dict().items())
    assert head.training


def test_validation_in_batches_is_validation_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    head = Fusion()
    at_once = early_training(head, modalities(33, 0), modalities(20, 1), seed=0)
    monkeypatch.setattr("ecglab.personalize.objectives.EVALUATION_BATCH", 7)
    in_batches = early_training(head, modalities(33, 0), modalities(20, 1), seed=0)
    assert in_batches.loss == pytest.approx(at_once.loss)
    assert in_batches.f1 == at_once.f1


def test_a_class_missing_from_the_validation_part_counts_as_zero() -> None:
    x, y = problem(30, 0)
    found = early_training(nn.Linear(4, 3), (x, y), (x[y < 1], y[y < 1]), epochs=3, seed=0)
    assert len(found.f1) == 3
    assert all(0 <= f1 <= 1 / 3 for f1 in found.f1)


def test_other_integer_types_serve_as_classes() -> None:
    x, y = problem(30, 0)
    head = nn.Linear(4, 3)
    narrow = early_training(head, (x, y.int()), (x, y.to(torch.uint8)), seed=0)
    assert narrow == early_training(head, (x, y), (x, y), seed=0)


def test_training_parts_that_cannot_serve() -> None:
    x, y = problem(30, 0)
    head = nn.Linear(4, 3)
    cases: list[tuple[Any, Any, dict[str, int], str]] = [
        ((x[:1], y[:1]), (x, y), {}, "training part has 1 windows"),
        ((x, y), (x[:0], y[:0]), {}, "validation part has 0 windows"),
        ((x, y[:-1]), (x, y), {}, "29 classes, but inputs of"),
        ((x, y), ({"signal": x}, y[:-1]), {}, "29 classes, but inputs of"),
        ((x, y + 1), (x, y), {}, r"integers in \[0, 3\)"),
        ((x, y), (x, y.float()), {}, r"integers in \[0, 3\)"),
        ((x, y), (x, y), {"epochs": 1}, "epochs=1"),
        ((x, y), (x, y), {"batch_size": 1}, "batch_size=1"),
    ]
    for train, validation, options, message in cases:
        with pytest.raises(ValueError, match=message):
            early_training(head, train, validation, seed=0, **options)


def test_a_training_that_diverges_is_no_nan() -> None:
    x, y = problem(30, 0)
    with pytest.raises(TrainingDiverged, match="nan after epoch 1"):
        early_training(nn.Linear(4, 3), (x * math.nan, y), (x, y), seed=0)


# Expected improvement and the surrogate


@given(st.floats(-5, 5), st.floats(0.05, 5), st.floats(-5, 5))
def test_expected_improvement_is_its_integral(mean: float, std: float, best: float) -> None:
    def integrand(f: float) -> float:
        return (
            (f - best) * math.exp(-(((f - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
        )

    highest = mean + 10 * std
    integral = quad(integrand, best, highest, epsabs=1e-10)[0] if best < highest else 0.0
    assert expected_improvement(mean, std, best) == pytest.approx(integral, abs=1e-7)


def test_expected_improvement_is_its_monte_carlo_mean() -> None:
    rng = np.random.default_rng(0)
    mean, std, best = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.2, 3.0]), 0.5
    drawn = np.maximum(rng.normal(mean, std, (400_000, 3)) - best, 0)
    error = drawn.std(axis=0) / len(drawn) ** 0.5
    assert np.all(abs(expected_improvement(mean, std, best) - drawn.mean(axis=0)) < 5 * error)


def test_nothing_uncertain_is_nothing_to_expect() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = expected_improvement([0.0, 2.0, -1e6], [0.0, 0.0, 1.0], 0.5)
    assert found.tolist() == [0.0, 1.5, 0.0]


def smooth(point: Point) -> float:
    return math.sin(point[0] / 12) + point[0] / 60


def test_the_posterior_is_the_textbook_s() -> None:
    """mu = k' (K + s^2 I)^-1 y and sigma^2 = a^2 - k' (K + s^2 I)^-1 k, at the fitted a, l, s."""
    rng = np.random.default_rng(0)
    points = [(t,) for t in range(0, 100, 7)]
    y = np.array([smooth(p) for p in points]) * 10 + 100 + rng.normal(0, 2, len(points))
    candidates = np.arange(100)[:, None]
    found = posterior(ONE, points, y.tolist(), candidates, seed=0)

    def k(a: Any, b: Any) -> Any:
        squares = (np.subtract.outer(np.ravel(a), np.ravel(b)) / 99) ** 2
        return found.amplitude**2 * np.exp(-squares / (2 * found.length_scale**2))

    inverse = np.linalg.inv(k(points, points) + found.noise**2 * np.eye(len(points)))
    across = k(candidates, points)
    mean = y.mean() + across @ inverse @ (y - y.mean())
    variance = found.amplitude**2 - np.einsum("ij,jk,ik->i", across, inverse, across)
    assert np.allclose(found.mean, mean)
    assert np.allclose(found.std, np.sqrt(variance), rtol=1e-3, atol=1e-6)
    assert np.allclose(found.improvement, expected_improvement(mean, found.std, y.max()))
    assert 0.5 < found.noise < 5.0  # two were put in


def test_the_posterior_passes_through_data_without_noise() -> None:
    points = [(t,) for t in range(0, 100, 7)]
    y = [smooth(p) for p in points]
    found = posterior(ONE, points, y, np.array(points), seed=0)
    assert np.allclose(found.mean, y, atol=0.01)
    assert found.std.max() < 0.02
    between = posterior(ONE, points, y, np.arange(99)[:, None], seed=0)
    assert np.allclose(between.mean, [smooth((t,)) for t in range(99)], atol=0.05)


# Searches


@pytest.mark.parametrize(
    "objective",
    [smooth, lambda p: math.exp(-(((p[0] - 37) / 12) ** 2)), lambda p: -((p[0] - 61) ** 2) * 1e-6],
)
def test_the_maximum_over_one_modality_in_15_evaluations(
    objective: Callable[[Point], float],
) -> None:
    best = max(objective((t,)) for t in range(100))
    for seed in range(3):
        search = bayesian_search(objective, ONE, evaluations=15, seed=seed)
        assert search.evaluations == 15
        assert search.value == best == objective(search.winner)


def test_three_modalities_better_than_blind_search() -> None:
    def objective(point: Point) -> float:
        x = (np.array(point) - 20) / 60
        return float(-((x - [0.3, 0.8, 0.5]) ** 2) @ [1.0, 0.5, 0.7] + 0.1 * math.sin(9 * x[0]))

    by_surrogate, blind = (
        np.array([search(objective, THREE, evaluations=30, seed=s).value for s in range(10)])
        for search in (bayesian_search, random_search)
    )
    gain = by_surrogate - blind
    assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5
    assert np.mean(by_surrogate) > grid_search(objective, THREE, evaluations=30, seed=0).value


def test_each_step_of_one_modality_is_kept_for_the_figure() -> None:
    search = bayesian_search(smooth, ONE, evaluations=8, seed=0)
    assert [step.evaluations for step in search.steps] == list(range(2, 8))
    for step in search.steps:
        assert step.candidates[:, 0].tolist() == list(range(100))
        seen = [point[0] for point in search.points[: step.evaluations]]
        hope = np.where(np.isin(np.arange(100), seen), -1.0, step.improvement)
        assert hope[search.points[step.evaluations][0]] == hope.max()
    assert bayesian_search(math.fsum, THREE, evaluations=6, seed=0).steps == ()


def test_what_a_search_records() -> None:
    values = [2.0, 1.0, 3.0, 3.0]
    points = ((20, 30), (21, 30), (22, 30), (23, 30))
    space = SearchSpace(names=("signal", "lorenz"), low=20, high=30)
    search = Search(space=space, points=points, values=tuple(values))
    assert search.best == (2.0, 2.0, 3.0, 3.0)
    assert (search.value, search.winner, search.evaluations) == (3.0, (22, 30), 4)
    assert space.named(search.winner) == {"signal": 22, "lorenz": 30}


def test_start_points_fill_the_space() -> None:
    space = SearchSpace(names=THREE.names, low=0, high=99)
    start = np.array(bayesian_search(math.fsum, space, evaluations=4, seed=0).points)
    for axis in start.T:
        assert sorted(axis // 25) == [0, 1, 2, 3]


spaces = st.builds(
    lambda names, low, levels: SearchSpace(names=names, low=low, high=low + levels - 1),
    st.sampled_from([("signal",), ("signal", "lorenz"), ("signal", "spectrogram", "lorenz")]),
    st.integers(-5, 50),
    st.integers(1, 40),
)


@settings(max_examples=12, deadline=None)
@given(spaces, st.integers(1, 9), st.integers(0, 2**31), st.sampled_from([0.0, 1e-9, 1e9]))
def test_every_search_stays_inside_repeats_no_point_and_repeats_itself(
    space: SearchSpace, evaluations: int, seed: int, scale: float
) -> None:
    def objective(point: Point) -> float:
        assert point in space
        return scale * math.cos(sum(point))

    for name, search in SEARCHES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = search(objective, space, evaluations=evaluations, seed=seed)
        assert len(set(found.points)) == found.evaluations <= evaluations
        assert found.values == tuple(objective(point) for point in found.points)
        if name != "grid":
            assert found.evaluations == min(evaluations, space.size)
        again = search(objective, space, evaluations=evaluations, seed=seed)
        assert (again.points, again.values) == (found.points, found.values)


def test_a_small_space_is_searched_whole() -> None:
    space = SearchSpace(names=("signal", "lorenz"), low=3, high=5)
    for search in SEARCHES.values():
        found = search(math.fsum, space, evaluations=100, seed=0)
        assert sorted(found.points) == [(a, b) for a in range(3, 6) for b in range(3, 6)]
        assert found.winner == (5, 5)


def test_grids() -> None:
    def axes(space: SearchSpace, evaluations: int) -> list[list[int]]:
        points = grid_search(math.fsum, space, evaluations=evaluations, seed=0).points
        columns = [sorted(set(column)) for column in zip(*points, strict=True)]
        assert len(points) == math.prod(map(len, columns)) <= evaluations
        return columns

    assert axes(THREE, 30) == [[20, 50, 80]] * 3
    assert axes(THREE, 20) == [[20, 50, 80], [20, 50, 80], [20, 80]]
    assert axes(THREE, 1) == [[50]] * 3
    table_3 = SearchSpace(names=("all",), low=20, high=70)
    assert axes(table_3, 6) == [[20, 30, 40, 50, 60, 70]]


def test_different_seeds_look_elsewhere() -> None:
    for search in (bayesian_search, random_search):
        traces = {search(smooth, ONE, evaluations=4, seed=s).points for s in range(3)}
        assert len(traces) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_names_its_point(value: float) -> None:
    space = SearchSpace(names=("signal", "lorenz"), low=7, high=7)
    for search in SEARCHES.values():
        with pytest.raises(ValueError, match=f"{value} at signal = 7, lorenz = 7"):
            search(lambda _: value, space, evaluations=3, seed=0)


def test_spaces_and_budgets_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="no noise steps between low = 80 and high = 20"):
        SearchSpace(names=("signal",), low=80, high=20)
    for names in ((), ("signal", "signal")):
        with pytest.raises(ValueError, match="distinct names"):
            SearchSpace(names=names, low=20, high=80)
    for search in SEARCHES.values():
        with pytest.raises(ValueError, match="at least one evaluation, not 0"):
            search(smooth, ONE, evaluations=0, seed=0)
