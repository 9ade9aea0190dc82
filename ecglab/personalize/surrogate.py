"""The surrogate of Bayesian optimisation: what a Gaussian process believes, and where to look next.

The objective f is expensive, so a cheap model of it is asked first. A Gaussian process (DiffECG,
eq. 7) gives at every point a mean mu and a standard deviation sigma; expected improvement (eq. 9)
turns both into one number: how much more than the best value so far is to be hoped for there.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecglab.personalize.space import Point, SearchSpace

RESTARTS = 1
"""Further random starts when the hyperparameters are fitted, beside the kernel's own values."""


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """What the surrogate believes after some evaluations.

    Attributes:
        evaluations: how many values it has seen.
        candidates: where it was asked, (n, d) integers.
        mean: mu at the candidates, (n,), in the objective's units.
        std: sigma at the candidates, (n,), of f itself, without the noise of an observation.
        improvement: expected improvement over the best value seen, (n,).
        amplitude: the fitted prior standard deviation of f, in the objective's units.
        length_scale: the fitted l, as a share of the range of t.
        noise: the fitted standard deviation of an observation's noise, in the objective's units.
    """

    evaluations: int
    candidates: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    improvement: NDArray[np.float64]
    amplitude: float
    length_scale: float
    noise: float


def expected_improvement(mean: ArrayLike, std: ArrayLike, best: float) -> NDArray[np.float64]:
    """``E[max(f - f+, 0)] = (mu - f+) Phi(z) + sigma phi(z)``, z = (mu - f+) / sigma (eq. 9).

    The closed form of the expectation for f normal with mean mu and deviation sigma; Phi and phi
    are the standard normal distribution and density. Where sigma = 0 nothing is left to expect:
    max(mu - f+, 0).

    Args:
        mean: mu, any shape.
        std: sigma >= 0, of the same shape.
        best: f+, the best value so far.

    Where mu = f+ an uncertain point still promises sigma phi(0) = 0.399 sigma, a certain one 0:

    >>> expected_improvement([1.0, 1.0], std=[1.0, 0.0], best=1.0).round(3).tolist()
    [0.399, 0.0]
    """
    gain, sigma = np.asarray(mean, np.float64) - best, np.asarray(std, np.float64)  # mu - f+
    z = np.divide(gain, sigma, out=np.zeros_like(gain), where=sigma > 0)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    # Far below the best the two terms cancel, and rounding may leave less than nothing.
    improvement = np.maximum(gain * ndtr(z) + sigma * density, 0.0)  # EI(x), eq. 9
    return np.where(sigma > 0, improvement, np.maximum(gain, 0.0))


def posterior(
    space: SearchSpace,
    points: Sequence[Point],
    values: Sequence[float],
    candidates: NDArray[np.int64],
    *,
    seed: int,
) -> Posterior:
    """Fit the Gaussian process f ~ GP(m, k) (eq. 7) to what was seen, and ask it about candidates.

    ``k(x, x') = a^2 exp(-||x - x'||^2 / (2 l^2)) + s^2 [x = x']`` on inputs scaled to [0, 1] and
    values standardised to mean 0 and deviation 1. The exponent's square is the RBF kernel's; eq. 8
    as printed lacks it. The white term s is ours: gamma is noisy, for features draw fresh noise and
    training draws batches. a, l and s maximise the marginal likelihood.

    Args:
        space: what the points are scaled by.
        points: evaluated points.
        values: the objective's finite values there.
        candidates: where to ask, (n, d).
        seed: of the restarts in fitting.
    """
    y = np.asarray(values, np.float64)
    centre, scale = y.mean(), y.std() or 1.0  # centre: m(x) of eq. 7, the same for all x
    smooth = ConstantKernel(1.0, (0.05, 20.0)) * RBF(0.3, (0.05, 3.0))  # a^2 times the RBF of eq. 8
    kernel = smooth + WhiteKernel(1e-3, (1e-6, 1.0))  # and s^2 [x = x']
    model = GaussianProcessRegressor(kernel, n_restarts_optimizer=RESTARTS, random_state=seed)
    # Matrices this small only make threads wait for each other: ten times slower on a busy machine.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        # A hyperparameter at its bound is an answer here (no noise, a flat objective), no failure.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(space.unit(points), (y - centre) / scale)  # f ~ GP(m, k), eq. 7
        mean, std = model.predict(space.unit(candidates), return_std=True)
    signal, white = model.kernel_.k1, model.kernel_.k2
    # scikit-learn's deviation is that of a new observation; the improvement wanted is f's.
    std = np.sqrt(np.maximum(std**2 - white.noise_level, 0.0))
    mean, std = centre + scale * mean, scale * std
    return Posterior(
        evaluations=len(y),
        candidates=candidates,
        mean=mean,
        std=std,
        improvement=expected_improvement(mean, std, float(y.max())),
        amplitude=float(scale * np.sqrt(signal.k1.constant_value)),
        length_scale=float(signal.k2.length_scale),
        noise=float(scale * np.sqrt(white.noise_level)),
    )
