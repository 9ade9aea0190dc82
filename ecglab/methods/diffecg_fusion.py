"""DiffECG, the whole system: three frozen diffusion encoders under one cross-modal classifier."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ecglab.data.windows import WindowSet
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.methods.diffecg import (
    PAPER,
    DiffECGLorenz,
    DiffECGModality,
    DiffECGSignal,
    DiffECGSpectrogram,
)
from ecglab.methods.frozen import FrozenFeatureClassifier

MODALITIES: tuple[type[DiffECGModality], ...] = (DiffECGSignal, DiffECGSpectrogram, DiffECGLorenz)


@register
class DiffECG(FrozenFeatureClassifier, Method):
    """All three modalities, fused by cross-modal attention: the paper's full system.

    >>> DiffECG.info.modalities
    ('signal', 'spectrogram', 'lorenz')
    """

    info = MethodInfo(
        name="diffecg",
        title="DiffECG",
        kind="diffusion",
        modalities=tuple(m.modality for m in MODALITIES),
        paper=PAPER,
        year=2025,
    )
    made_of = tuple(m.info.name for m in MODALITIES)
    draws = True

    def __init__(self, *modalities: DiffECGModality) -> None:
        """Args: pre-trained modalities that read the same windows, one of each kind or fewer."""
        if not modalities:
            raise ValueError("a fusion needs at least one modality")
        if len({m.spec for m in modalities}) > 1 or len({m.modality for m in modalities}) < len(
            modalities
        ):
            raise ValueError("modalities must differ, and read the same windows")
        self._parts = {m.modality: m for m in modalities}
        self.spec = modalities[0].spec

    @property
    def parts(self) -> dict[str, DiffECGModality]:
        """The modalities by name."""
        return self._parts

    @property
    def components(self) -> tuple[Method, ...]:
        """The modalities."""
        return tuple(self.parts.values())

    def embed(
        self, data: WindowSet, *, seed: int = 0, t: int | Mapping[str, int] | None = None
    ) -> NDArray[np.float32]:
        """The modalities' pooled features side by side, (n, d)."""
        steps = self.steps_of(t)
        parts = self.parts.items()
        return np.hstack([m.embed(data, seed=seed, t=steps[name]) for name, m in parts])
