"""Personalisation by the noise step t (DiffECG, section 3.3): what to maximise, and how to search.

``objectives.py`` has gamma and its rivals, read off the first two epochs of a classifier;
``surrogate.py`` the Gaussian process and expected improvement (eqs. 7-9); ``search.py`` the search
over integers, with grid and random search beside it.
"""

from ecglab.personalize.objectives import (
    OBJECTIVES,
    EarlyTraining,
    delta_acc,
    delta_f1,
    delta_loss,
    early_training,
    gamma,
    gamma_released,
    mix,
)
from ecglab.personalize.search import (
    SEARCHES,
    Search,
    bayesian_search,
    grid_search,
    random_search,
)
from ecglab.personalize.space import Point, SearchSpace
from ecglab.personalize.surrogate import Posterior, expected_improvement, posterior

__all__ = [
    "OBJECTIVES",
    "SEARCHES",
    "EarlyTraining",
    "Point",
    "Posterior",
    "Search",
    "SearchSpace",
    "bayesian_search",
    "delta_acc",
    "delta_f1",
    "delta_loss",
    "early_training",
    "expected_improvement",
    "gamma",
    "gamma_released",
    "grid_search",
    "mix",
    "posterior",
    "random_search",
]
