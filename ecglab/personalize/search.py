"""Zeroth-order search for the best noise steps: no gradients of the objective, few evaluations.

Bayesian search (DiffECG, section 3.3) with a grid and a random search beside it. All three have one
signature, and none evaluates a point twice. They stop when the evaluations are spent or the space
is, so a small space is simply searched whole.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from ecglab.personalize.space import Point, SearchSpace
from ecglab.personalize.surrogate import Posterior, posterior

Objective: TypeAlias = Callable[[Point], float]
"""What to maximise: noise steps to a finite number."""

START_SHARE = 4
"""One in so many evaluations goes to the start points, which no surrogate chooses."""

CANDIDATES = 2000
"""Spaces up to this size are candidates as a whole; of larger ones so many points are drawn."""

NEIGHBOURHOOD = 3
"""Steps around the best point, along each axis, that are candidates too."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Everything a search saw, in order.

    Attributes:
        space: where it searched.
        points: the evaluated points, all distinct.
        values: the objective there.
        steps: in Bayesian search over one modality, what the surrogate believed before each choice,
            at every t of the space; ``steps[i]`` led to ``points[steps[i].evaluations]``.
    """

    space: SearchSpace
    points: tuple[Point, ...]
    values: tuple[float, ...]
    steps: tuple[Posterior, ...] = ()

    @property
    def evaluations(self) -> int:
        """How many evaluations were spent."""
        return len(self.values)

    @property
    def best(self) -> tuple[float, ...]:
        """The best value after each evaluation."""
        return tuple(itertools.accumulate(self.values, max))

    @property
    def value(self) -> float:
        """The best value of all; with a noisy objective an optimistic one."""
        return max(self.values)

    @property
    def winner(self) -> Point:
        """Where the best value was found, first if more than once."""
        return self.points[self.values.index(self.value)]


def bayesian_search(
    objective: Objective, space: SearchSpace, *, evaluations: int, seed: int
) -> Search:
    """Evaluate where a Gaussian process expects the largest improvement (eqs. 7-9).

    The first quarter of the evaluations, and one more than there are modalities at least, is a
    Latin hypercube: each axis is cut into as many slices as there are points, and each slice gets
    one. Then, in turns: fit the surrogate to all values, evaluate the candidate of largest expected
    improvement (where that is 0 everywhere, the least known one). Candidates are all points not yet
    evaluated, if the space is small; otherwise 2,000 random ones, to explore, and the neighbours of
    the best point, which random ones would hardly hit, to refine.

    Args:
        objective: takes one noise step per modality, in the order of ``space.names``.
        space: where to search.
        evaluations: how often the objective may be called.
        seed: of start points, candidates and surrogate. The same seed gives the same trace, as far
            as the objective does.

    Raises:
        ValueError: for no evaluations, or where the objective is NaN or infinite, naming the point.

    >>> space = SearchSpace(names=("signal",), low=20, high=81)
    >>> found = bayesian_search(lambda t: -((t[0] - 37) ** 2), space, evaluations=8, seed=0)
    >>> found.winner, found.evaluations, space.size
    ((37,), 8, 62)
    """
    budget = _budget(space, evaluations)
    rng = np.random.default_rng(seed)
    start = max(len(space.names) + 1, evaluations // START_SHARE)
    points = _start_points(space, min(budget, start), rng)
    values = [_value(objective, space, point) for point in points]
    steps: list[Posterior] = []
    while len(values) < budget:
        candidates = _candidates(space, points[int(np.argmax(values))], len(points), rng)
        belief = posterior(space, points, values, candidates, seed=int(rng.integers(2**31)))
        by_hope = np.lexsort((belief.std, belief.improvement))[::-1]  # the largest EI first, eq. 9
        ranked = (_point(candidates[i]) for i in by_hope)
        points.append(next(point for point in ranked if point not in points))
        values.append(_value(objective, space, points[-1]))
        if len(space.names) == 1:
            steps.append(belief)
    return Search(space=space, points=tuple(points), values=tuple(values), steps=tuple(steps))


def grid_search(objective: Objective, space: SearchSpace, *, evaluations: int, seed: int) -> Search:
    """Evaluate an evenly spaced grid of at most ``evaluations`` points, ends included.

    30 evaluations of three modalities are a grid of 3 x 3 x 3. Where one more point fits on some
    axes only, the first ones get it: 20 are 3 x 3 x 2. A single point on an axis is its middle.

    Args and errors: as :func:`bayesian_search`; ``seed`` changes nothing.
    """
    budget = _budget(space, evaluations)
    counts = [1] * len(space.names)
    while True:
        more = list(counts)
        more[int(np.argmin(counts))] += 1
        if math.prod(more) > budget or max(more) > space.levels:
            break
        counts = more
    axes = [
        np.rint(np.linspace(space.low, space.high, n)).astype(int).tolist()
        if n > 1
        else [(space.low + space.high) // 2]
        for n in counts
    ]
    return _evaluate_all(objective, space, itertools.product(*axes))


def random_search(
    objective: Objective, space: SearchSpace, *, evaluations: int, seed: int
) -> Search:
    """Evaluate distinct points drawn uniformly at random: the baseline any search must beat.

    Args and errors: as :func:`bayesian_search`.
    """
    budget = _budget(space, evaluations)
    drawn = space.sample(budget, np.random.default_rng(seed))
    return _evaluate_all(objective, space, map(_point, drawn))


SEARCHES: dict[str, Callable[..., Search]] = {
    "bayesian": bayesian_search,
    "grid": grid_search,
    "random": random_search,
}
"""The three searches by name."""


def _budget(space: SearchSpace, evaluations: int) -> int:
    if evaluations < 1:
        raise ValueError(f"a search needs at least one evaluation, not {evaluations}")
    return min(evaluations, space.size)


def _value(objective: Objective, space: SearchSpace, point: Point) -> float:
    value = float(objective(point))
    if not math.isfinite(value):
        steps = ", ".join(f"{name} = {t}" for name, t in space.named(point).items())
        raise ValueError(f"the objective is {value} at {steps}")
    return value


def _evaluate_all(objective: Objective, space: SearchSpace, points: Iterable[Point]) -> Search:
    evaluated = tuple(points)
    values = tuple(_value(objective, space, point) for point in evaluated)
    return Search(space=space, points=evaluated, values=values)


def _start_points(space: SearchSpace, n: int, rng: np.random.Generator) -> list[Point]:
    hypercube = qmc.LatinHypercube(len(space.names), seed=rng).random(n)
    steps = space.low + np.floor(hypercube * space.levels).astype(np.int64)
    # With fewer levels than slices, points can fall together: random ones take their places.
    spare = space.sample(2 * n, rng)
    distinct = dict.fromkeys(map(_point, np.concatenate([steps, spare])))
    return list(distinct)[:n]


def _candidates(
    space: SearchSpace, best: Point, evaluated: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    if space.size <= CANDIDATES:
        return space.points(np.arange(space.size))
    # More than were evaluated, so that a new one is always among them.
    drawn = space.sample(CANDIDATES + evaluated, rng)
    near = range(-NEIGHBOURHOOD, NEIGHBOURHOOD + 1)
    neighbours = np.array(list(itertools.product(near, repeat=len(best)))) + best
    inside = ((neighbours >= space.low) & (neighbours <= space.high)).all(axis=1)
    return np.concatenate([neighbours[inside], drawn])


def _point(row: NDArray[np.int64]) -> Point:
    return tuple(int(t) for t in row)
