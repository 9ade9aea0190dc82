"""DACL (Zewail 2025) and its baselines, as systems of the registry.

1. Scattering Transformer features of ten-second windows (``scattering_features.py``).
2. A VAE on them, diffused views of its latent, an encoder trained by a supervised triplet loss, a
   linear classifier (``latent_learner.py``, where the baselines' differences stand too).

The encoder learns from labels, so its embedding exists only after ``finetune``, or in weights that
were trained before. A record's prediction is the mean over its windows.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ecglab.data.windows import WindowSet
from ecglab.methods.base import Method, MethodInfo, register, tuples
from ecglab.methods.latent_learner import LatentLearner, LatentLearnerConfig, Learning
from ecglab.methods.scattering_features import DACL_WINDOWS, scattering_features
from ecglab.profiles import Profile

PAPER = (
    "Zewail, Diffusion-Augmented Contrastive Learning: A Noise-Robust Encoder for Biosignal "
    "Representations, arXiv 2509.20048, 2025"
)


@register
class ScatteringTransformer(Method):
    """The features alone: nothing is learned before the classifier."""

    info = MethodInfo(
        name="scattering-transformer",
        title="Scattering Transformer",
        kind="features",
        modalities=("scattering",),
        paper="Zewail, Scattering Transformer, arXiv 2509.18424, 2025",
        year=2025,
    )

    def __init__(self) -> None:
        self.spec = DACL_WINDOWS

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The same for every profile."""
        return cls()

    def embed(
        self, data: WindowSet, *, seed: int = 0, t: int | Mapping[str, int] | None = None
    ) -> NDArray[np.float32]:
        """``scattering_features`` of every window, (n, 162).

        Raises:
            ValueError: as ``check``.
        """
        self.check(data)
        return np.array(scattering_features(data))


class LatentMethod(Method):
    """What DACL and its learned baselines share; a subclass says how its encoder learns."""

    learning: ClassVar[Learning]
    needs_labels = True

    def __init__(self, options: LatentLearnerConfig | None = None, *, seed: int = 0) -> None:
        self.learner = LatentLearner(config=options or LatentLearnerConfig(learning=self.learning))
        self.spec, self.seed = DACL_WINDOWS, seed

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The method with a profile's number of steps."""
        return cls(cls.options(profile), seed=seed)

    @classmethod
    def options(cls, profile: Profile, **changed: Any) -> LatentLearnerConfig:
        """The settings of a profile, with changes."""
        given = {"steps": profile.dacl_steps, "vae_steps": profile.dacl_vae_steps}
        return LatentLearnerConfig(**{"learning": cls.learning, **given, **changed})

    def finetune(self, data: WindowSet, labels: NDArray[Any], *, seed: int = 0) -> None:
        """Train every part on labelled windows.

        Raises:
            ValueError: for labels of one class only, or of another number than the windows, and as
                ``check``.
        """
        self.learner = LatentLearner(config=self.learner.config)
        self.learner.fit(self._features(data), labels, seed=seed)

    def predict(self, data: WindowSet, *, seed: int = 0) -> NDArray[np.float64]:
        """Class probabilities (n, classes), the classes in alphabetical order."""
        return self.learner.predict_proba(self._features(data))

    def embed(
        self, data: WindowSet, *, seed: int = 0, t: int | Mapping[str, int] | None = None
    ) -> NDArray[np.float32]:
        """What the classifier reads, of trained weights: the clean latent's embedding, (n, d).

        Raises:
            ValueError: before ``finetune``, or without loaded weights, and as ``check``.
        """
        return self.learner.embed(self._features(data))

    def _features(self, data: WindowSet) -> NDArray[np.float32]:
        self.check(data)
        return scattering_features(data, rhythm=self.learner.config.rhythm)

    def config(self) -> dict[str, Any]:
        """``LatentLearnerConfig`` as plain values."""
        return asdict(self.learner.config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of ``config``."""
        return cls(LatentLearnerConfig(**tuples(config)))

    def state(self) -> dict[str, Tensor]:
        """Scaling, VAE and encoder."""
        return self.learner.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take what ``state`` gave."""
        self.learner.load_state(state)


def _info(name: str, title: str, kind: Any = "contrastive") -> MethodInfo:
    return MethodInfo(
        name=name, title=title, kind=kind, modalities=("scattering",), paper=PAPER, year=2025
    )


@register
class DACL(LatentMethod):
    """Diffused views, triplet loss."""

    info = _info("dacl", "DACL")
    learning = "diffusion"


@register
class GaussianContrastive(LatentMethod):
    """The paper's first baseline: Gaussian noise in place of the forward process."""

    info = _info("contrastive-gaussian", "Contrastive + Gaussian augmentation")
    learning = "gaussian"


@register
class LatentDenoiser(LatentMethod):
    """The paper's second baseline: the encoder takes noise off, and sees no label."""

    info = _info("denoising-autoencoder", "Denoising autoencoder", "features")
    learning = "denoising"


@register
class ScatteringVAE(LatentMethod):
    """The VAE's latent alone."""

    info = _info("scattering-vae", "VAE of the Scattering Transformer", "features")
    learning = "none"
