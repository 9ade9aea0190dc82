"""The semantic encoder's steps, pooled so that rhythm counts; a reading of ours, not the poster's.

The Attention Reducer sums over time: put the steps in another order, and z is the same. Whatever z
says of rhythm, the recurrent blocks must have written into each single step. This reading takes the
steps themselves, as DiffECG's signal features are taken: how much of each channel there is, how
unevenly it comes, and how regularly it returns (``pooling.py`` has the equations). The weights are
those of the semantic autoencoder, and no label is used.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ecglab.data.windows import WindowSet
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.methods.pooling import mean_and_deviation, periodicity
from ecglab.methods.semantic_autoencoder import SemanticAutoencoder


@register
class SemanticRhythm(Method):
    """Means, deviations and periodicity of a trained semantic encoder's channels.

    Args:
        autoencoder: whose encoder to read.
    """

    info = MethodInfo(
        name="semantic-rhythm",
        title="Semantic encoder, pooled with rhythm",
        kind="diffusion",
        modalities=("signal",),
        paper="this course",
        year=2026,
    )
    made_of = (SemanticAutoencoder.info.name,)

    def __init__(self, autoencoder: SemanticAutoencoder) -> None:
        self.autoencoder = autoencoder
        self.spec = autoencoder.spec

    @property
    def components(self) -> tuple[Method, ...]:
        """The autoencoder."""
        return (self.autoencoder,)

    def embed(
        self,
        data: WindowSet,
        *,
        seed: int = 0,
        t: int | Mapping[str, int] | None = None,
        batch_size: int = 64,
    ) -> NDArray[np.float32]:
        """One vector per window, (n, 4 width); ``seed`` and ``t`` are not used.

        Raises:
            ValueError: as ``check``.
        """
        steps = self.autoencoder.steps(data, batch_size=batch_size)
        rate = self.spec.fs / self.autoencoder.options.encoder.stride
        pooled = [torch.cat([mean_and_deviation([h]), periodicity(h, rate)], dim=1) for h in steps]
        return torch.cat(pooled).cpu().numpy()
