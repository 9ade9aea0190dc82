"""Percentile bootstrap intervals: resample records (or whole subjects) with replacement.

A resample of n records is a draw of n counts from a multinomial distribution with equal
probabilities. The metrics of :mod:`ecglab.evaluation.metrics` take those counts as weights, many
resamples at a time, so no record is ever copied and no metric is called in a loop over resamples.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecglab.evaluation.metrics import Score

BLOCK = 2**22
"""Weights held at a time: 32 MiB of float64; a metric may need a few times that."""

UNDEFINED = 0.05
"""The largest share of resamples in which a metric may be undefined."""

Metric = Callable[..., Score]
"""``metric(y, p)`` gives a float, ``metric(y, p, weights=(b, n))`` gives (b,)."""


@dataclass(frozen=True)
class Interval:
    """A metric's value on all records, and the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Difference(Interval):
    """metric(a) - metric(b) with its interval, and the two-sided p-value of "no difference"."""

    p_value: float

    def __str__(self) -> str:
        return f"{super().__str__()}, p = {self.p_value:.3f}"


def resample_weights(
    n: int, resamples: int, *, seed: int, groups: ArrayLike | None = None
) -> Iterator[NDArray[np.float64]]:
    """Counts of every record in every resample, in blocks of shape (b, n) that fit in memory.

    With ``groups`` the groups are drawn (the cluster bootstrap): a subject's records come along
    together, as many times as the subject was drawn.

    Raises:
        ValueError: for fewer than two records or groups, or groups of another length.
    """
    if resamples < 1:
        raise ValueError(f"the number of resamples must be positive, not {resamples}")
    group_of, units = None, n
    if groups is not None:
        names, group_of = np.unique(np.asarray(groups), return_inverse=True)
        units = len(names)
        if len(group_of) != n:
            raise ValueError(f"{n} records, but {len(group_of)} groups")
    if units < 2:
        kind = "records" if groups is None else "groups"
        raise ValueError(f"a bootstrap needs at least two {kind}, not {units}")
    rng = np.random.default_rng(seed)
    per_block = max(1, BLOCK // max(n, units))
    for start in range(0, resamples, per_block):
        b = min(per_block, resamples - start)
        drawn = rng.integers(units, size=(b, units)) + units * np.arange(b)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units)
        weights = counts.astype(np.float64)
        yield weights if group_of is None else weights[:, group_of]


def bootstrap_ci(
    y: ArrayLike,
    p: ArrayLike,
    metric: Metric,
    *,
    n: int = 1000,
    seed: int,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """A metric with its percentile bootstrap interval.

    low and high are the (1 - level)/2 and (1 + level)/2 quantiles of the metric over n resamples.
    The interval tells what other test records would do to the number, not what another training
    seed would.

    Args:
        y: true labels, (records,).
        p: what the metric wants beside them, predictions or scores, (records, ...).
        metric: from :mod:`ecglab.evaluation.metrics`, or a partial of one.
        n: number of resamples.
        seed: of the resamples.
        groups: subjects, (records,): where a subject has several records or windows, they are not
            independent, and resampling them one by one would give too narrow an interval.
        level: the interval's confidence level, in (0, 1).

    Raises:
        ValueError: for what the metric or :func:`resample_weights` refuses, and where the metric is
            undefined in more than 5 % of the resamples (AUROC without both classes); below that,
            such resamples are left out.

    Of 20 records 18 are classified correctly; other 20 might as well have been 15, or all:

    >>> from ecglab.evaluation.metrics import accuracy
    >>> print(bootstrap_ci(["A"] * 20, ["A"] * 18 + ["N"] * 2, accuracy, seed=0))
    0.900 [0.750, 1.000]
    """
    value = float(metric(y, p))
    weights = resample_weights(len(np.asarray(y)), n, seed=seed, groups=groups)
    values = np.concatenate([np.asarray(metric(y, p, weights=w)) for w in weights])
    return Interval(value, *_quantiles(values, level))


def paired_difference(
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    metric: Metric,
    *,
    n: int = 1000,
    seed: int,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Difference:
    """metric(a) - metric(b) on the same records, each resample scoring both systems.

    The two-sided p-value is 2 (1 + min(#{d <= 0}, #{d >= 0})) / (n + 1), at most 1, over the n
    resampled differences d; it is never 0, because n resamples cannot show that.

    Args and errors: as :func:`bootstrap_ci`, with the predictions of two systems.

    Always right against always wrong, the clearest case there is: p = 2 / (n + 1).

    >>> from ecglab.evaluation.metrics import accuracy
    >>> print(paired_difference(["A"] * 20, ["A"] * 20, ["N"] * 20, accuracy, n=1000, seed=0))
    1.000 [1.000, 1.000], p = 0.002
    """
    value = float(metric(y, p_a)) - float(metric(y, p_b))
    weights = resample_weights(len(np.asarray(y)), n, seed=seed, groups=groups)
    d = np.concatenate(
        [
            np.asarray(metric(y, p_a, weights=w)) - np.asarray(metric(y, p_b, weights=w))
            for w in weights
        ]
    )
    low, high = _quantiles(d, level)
    rounding = 1e-12  # equal scores may differ in the last digit, which is no difference
    fewer = min(int((d <= rounding).sum()), int((d >= -rounding).sum()))
    return Difference(value, low, high, min(1.0, 2 * (1 + fewer) / (int(np.isfinite(d).sum()) + 1)))


def _quantiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    undefined = np.isnan(values)
    if undefined.mean() > UNDEFINED:
        raise ValueError(
            f"the metric is undefined in {undefined.sum()} of {len(values)} resamples: "
            "too few records of a class for a bootstrap"
        )
    low, high = np.quantile(values[~undefined], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
