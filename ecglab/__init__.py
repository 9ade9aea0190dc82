"""ecglab: a course and benchmark for diffusion-based self-supervised learning on ECG.

>>> import ecglab
>>> encoder = ecglab.load_pretrained("diffecg-signal")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecglab.methods.encoder import Encoder

__version__ = "0.1.0"
__all__ = ["load_pretrained"]


def load_pretrained(name: str) -> "Encoder":
    """A pre-trained encoder by name; see ``ecglab.methods.encoder``."""
    from ecglab.methods.encoder import load_pretrained  # PyTorch: not for every import

    return load_pretrained(name)
