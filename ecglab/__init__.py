"""ecglab: a course and benchmark for diffusion-based self-supervised learning on ECG.

>>> import ecglab
>>> encoder = ecglab.load_pretrained("diffecg-signal")
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["load_pretrained"]


def __getattr__(name: str) -> Any:
    """``load_pretrained`` on first use: PyTorch is not for every import."""
    if name == "load_pretrained":
        return import_module("ecglab.methods.encoder").load_pretrained
    raise AttributeError(f"module 'ecglab' has no attribute {name!r}")
