"""Where to search: one integer noise step for each modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = tuple[int, ...]
"""One noise step t for each modality, in the order of the space's names."""


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """All integer points of [low, high]^d, both ends included.

    Attributes:
        names: the d modalities, such as ``("signal", "spectrogram", "lorenz")``.
        low: the smallest noise step.
        high: the largest.

    Raises:
        ValueError: for no names, a name twice, or low > high.

    >>> space = SearchSpace(names=("signal", "spectrogram", "lorenz"), low=20, high=81)
    >>> space.levels, space.size, (20, 50, 81) in space, space.unit([(20, 81, 20)]).tolist()
    (62, 238328, True, [[0.0, 1.0, 0.0]])
    """

    names: tuple[str, ...]
    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError(f"a search space needs distinct names of modalities, not {self.names}")
        if self.low > self.high:
            raise ValueError(f"no noise steps between low = {self.low} and high = {self.high}")

    @property
    def levels(self) -> int:
        """Noise steps on each axis."""
        return self.high - self.low + 1

    @property
    def size(self) -> int:
        """Points in all, levels^d."""
        return self.levels ** len(self.names)

    def __contains__(self, point: object) -> bool:
        return (
            isinstance(point, tuple)
            and len(point) == len(self.names)
            and all(isinstance(t, int) and self.low <= t <= self.high for t in point)
        )

    def named(self, point: Point) -> dict[str, int]:
        """The noise steps by modality."""
        return dict(zip(self.names, point, strict=True))

    def points(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The points with these numbers in [0, size), counting the last axis fastest: (n, d)."""
        steps = np.unravel_index(numbers, (self.levels,) * len(self.names))
        return np.stack(steps, axis=1) + self.low

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """n distinct points, uniformly at random, (n, d); all there are where they are fewer."""
        return self.points(rng.choice(self.size, min(n, self.size), replace=False))

    def unit(self, points: Sequence[Point] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Points scaled to the unit cube: (t - low) / (high - low), (n, d)."""
        return (np.asarray(points) - self.low) / max(1, self.high - self.low)
