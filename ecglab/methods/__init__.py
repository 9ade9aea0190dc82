"""One file per system in the papers, behind one small interface; the registry lists them."""

from ecglab.methods.base import METHODS, Method, MethodInfo, Unsupported, describe_methods
from ecglab.methods.diffecg import DiffECGConfig, DiffECGSignal

__all__ = [
    "METHODS",
    "DiffECGConfig",
    "DiffECGSignal",
    "Method",
    "MethodInfo",
    "Unsupported",
    "describe_methods",
    "get_method",
]


def get_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        ValueError: where the registry has none.
    """
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; there are: {', '.join(METHODS)}")
    return METHODS[name]
