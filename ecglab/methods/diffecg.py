"""DiffECG (Zhou et al., IJCAI 2025): three diffusion models, each an encoder of one modality.

1. See a window as a raw signal, a spectrogram or a Lorenz plot (section 3.2).
2. Pre-train a U-Net to find the noise in noisy views, without labels (section 3.1, Fig. 3a).
3. Take a view, add the noise of step t (eq. 5), and run the contracting path and the bottleneck
   (section 3.2, Fig. 4b): their activations are the features.
4. A classifier reads the frozen features of one modality (``uni-...`` in Table 1), or of all three
   through cross-modal attention (Fig. 3b; see ``frozen.py`` and ``diffecg_fusion.py``).

A linear probe needs a vector instead of the bottleneck's map: we take each level's mean and
standard deviation over positions, and, of the signal, how regularly the bottleneck's patterns
return (``pooling.py`` has the equations).

The released code draws spectrogram and Lorenz plot as pictures of three channels (3 x 48 x 48).
All three carry the same numbers, so ours have one channel; values run from -1 to 1.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.diffusion import DenoisingLoss, Features, NoiseSchedule, UNet, UNetConfig
from ecglab.methods.base import Method, MethodInfo, register, tuples
from ecglab.methods.frozen import FrozenFeatureClassifier
from ecglab.methods.pooling import mean_and_deviation, periodicity
from ecglab.profiles import Profile
from ecglab.signals import lorenz_images, peak_times, rpeaks_batch, stft_images
from ecglab.training import TrainConfig, TrainReport, train

PAPER = (
    "Zhou et al., DiffECG: Diffusion Model-Powered Label-Efficient and Personalized "
    "Arrhythmia Diagnosis, IJCAI 2025"
)


@dataclass(frozen=True, kw_only=True)
class DiffECGConfig:
    """The published choices where there are any (T, schedule, loss, t, lead, band, scale).

    Attributes:
        unet: sizes of the denoiser.
        windows: what it reads. The released segments fit lead I, 1-25 Hz, divided by its range.
        diffusion_steps: T.
        schedule: ``linear`` or ``cosine``.
        objective: what the network predicts.
        loss: ``smooth_l1`` or ``mse``.
        t: the noise step at which features are taken.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    windows: WindowSpec = field(default_factory=lambda: WindowSpec(band=(1.0, 25.0), order=5))
    diffusion_steps: int = 1000
    schedule: str = "linear"
    objective: str = "noise"
    loss: str = "smooth_l1"
    t: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.t < self.diffusion_steps:
            raise ValueError(f"t must lie in [0, {self.diffusion_steps}), not {self.t}")


class DiffECGModality(FrozenFeatureClassifier, Method):
    """The diffusion model of one modality, and its encoder.

    A subclass says how a window looks in its modality (``view``) and how large its U-Net is.
    """

    modality: ClassVar[str]
    draws = True

    def __init__(self, options: DiffECGConfig | None = None, *, seed: int = 0) -> None:
        self.options = options or DiffECGConfig(unet=self.published())
        self.spec = self.options.windows
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = UNet(self.options.unet).eval()
        self.schedule = NoiseSchedule.named(self.options.schedule, self.options.diffusion_steps)

    @staticmethod
    @abstractmethod
    def published() -> UNetConfig:
        """The U-Net of the released code."""

    @staticmethod
    @abstractmethod
    def sizes(profile: Profile) -> UNetConfig:
        """The U-Net of a profile."""

    @abstractmethod
    def view(self, data: WindowSet) -> Tensor:
        """The windows' first lead in this modality, float32 (n, 1, *position)."""

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The modality at the sizes of a profile."""
        spec = WindowSpec(
            fs=profile.fs, band=profile.band, order=profile.order, scaling=profile.scaling
        )
        return cls(DiffECGConfig(unet=cls.sizes(profile), windows=spec), seed=seed)

    def pretrain(self, data: WindowSet, *, config: TrainConfig, **options: Any) -> TrainReport:
        """Minimise the denoising loss; options: ``checkpoint``, ``watch``, ``about`` of ``train``.

        The labels in ``data`` are not looked at.
        """
        objective, loss = self.options.objective, self.options.loss
        module = DenoisingLoss(self.network, self.schedule, objective=objective, loss=loss)
        return train(module, self.view(data).numpy(), config, **options)

    @property
    def parts(self) -> dict[str, "DiffECGModality"]:
        """Itself, as the only modality of its classifier."""
        return {self.modality: self}

    def embed(
        self,
        data: WindowSet,
        *,
        seed: int = 0,
        t: int | Mapping[str, int] | None = None,
        batch_size: int = 256,
    ) -> NDArray[np.float32]:
        """Pooled features at noise step t (default: the configured one), (n, d).

        Noise is drawn afresh for every window, as in the paper, here from ``seed``. At t = 0 there
        is still the schedule's first pinch of noise.

        Raises:
            ValueError: for t outside [0, T) or of other modalities, or as ``check``.
        """
        step = self.steps_of(t)[self.modality]
        batches = self.encode(self.view(data), t=step, seed=seed, batch_size=batch_size)
        return torch.cat([self.pool(features) for features in batches]).numpy()

    def bottleneck(
        self, view: Tensor, *, t: int | None = None, seed: int = 0, batch_size: int = 256
    ) -> Tensor:
        """The map that the paper's classifier reads, float32 (n, channels, *position)."""
        batches = self.encode(view, t=t, seed=seed, batch_size=batch_size)
        return torch.cat([features.bottleneck for features in batches])

    @torch.no_grad()
    def encode(
        self, view: Tensor, *, t: int | None, seed: int, batch_size: int
    ) -> Iterator[Features]:
        """Each batch's features, on the CPU; noise as in ``embed``."""
        step = self.schedule.check(torch.tensor([self.options.t if t is None else t]))
        generator = torch.Generator().manual_seed(seed)
        device = next(self.network.parameters()).device
        schedule = self.schedule.to(device)
        for x0 in view.split(batch_size):
            noise = torch.randn(x0.shape, generator=generator)
            steps = step.expand(len(x0)).to(device)
            xt = schedule.q_sample(x0.to(device), steps, noise.to(device))
            levels, bottleneck = self.network.encode(xt, steps)
            yield Features([level.cpu() for level in levels], bottleneck.cpu())

    def pool(self, features: Features) -> Tensor:
        """One vector per window: means and deviations of every level."""
        return mean_and_deviation([*features.levels, features.bottleneck])

    def config(self) -> dict[str, Any]:
        """``DiffECGConfig`` as plain values."""
        return asdict(self.options)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of ``config``."""
        nested = {"unet": UNetConfig, "windows": WindowSpec}
        parts: dict[str, Any] = {k: make(**tuples(config[k])) for k, make in nested.items()}
        return cls(DiffECGConfig(**{**config, **parts}))

    def state(self) -> dict[str, Tensor]:
        """The U-Net's weights."""
        return self.network.state_dict()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take a U-Net's weights."""
        self.network.load_state_dict(state)


@register
class DiffECGSignal(DiffECGModality):
    """DiffECG's diffusion model of raw signal windows, and its encoder."""

    modality = "signal"
    info = MethodInfo(
        name="diffecg-signal",
        title="DiffECG (uni-temporal)",
        kind="diffusion",
        modalities=("signal",),
        paper=PAPER,
        year=2025,
    )

    @staticmethod
    def published() -> UNetConfig:
        """1 x 2500 to 96 x 625."""
        return UNetConfig(dim=48, multipliers=(1, 2, 2))

    @staticmethod
    def sizes(profile: Profile) -> UNetConfig:
        """The U-Net of a profile."""
        return UNetConfig(
            dim=profile.dim, multipliers=profile.multipliers, head_width=profile.head_width
        )

    def view(self, data: WindowSet) -> Tensor:
        """The trace itself, (n, 1, samples)."""
        self.check(data)
        return torch.from_numpy(np.array(data.signals[:, :1]))

    def pool(self, features: Features) -> Tensor:
        """Means and deviations of every level, and the bottleneck's periodicity."""
        rhythm = periodicity(features.bottleneck, self.spec.fs / self.options.unet.stride)
        return torch.cat([super().pool(features), rhythm], dim=1)


class DiffECGImage(DiffECGModality):
    """What the two picture modalities share."""

    @classmethod
    def budget(cls, profile: Profile, *, seed: int = 0) -> TrainConfig:
        """Pictures have a number of steps of their own."""
        return replace(super().budget(profile, seed=seed), steps=profile.image_steps)

    def view(self, data: WindowSet) -> Tensor:
        """The pictures, (n, 1, 48, 48), from -1 to 1."""
        self.check(data)
        return 2 * self.images(np.array(data.signals[:, 0])) - 1

    @abstractmethod
    def images(self, x: NDArray[np.float32]) -> Tensor:
        """Pictures in [0, 1], (n, 1, 48, 48), of traces (n, samples)."""


@register
class DiffECGSpectrogram(DiffECGImage):
    """DiffECG's diffusion model of STFT spectrograms, and its encoder."""

    modality = "spectrogram"
    info = MethodInfo(
        name="diffecg-spectrogram",
        title="DiffECG (uni-spectral)",
        kind="diffusion",
        modalities=("spectrogram",),
        paper=PAPER,
        year=2025,
    )

    @staticmethod
    def published() -> UNetConfig:
        """1 x 48 x 48 to 128 x 6 x 6."""
        return UNetConfig(ndim=2, dim=64, multipliers=(1, 2, 2, 2))

    @staticmethod
    def sizes(profile: Profile) -> UNetConfig:
        """The U-Net of a profile."""
        dim, width = profile.spectrogram_dim, profile.head_width
        return UNetConfig(ndim=2, dim=dim, multipliers=(1, 2, 2, 2), head_width=width)

    def images(self, x: NDArray[np.float32]) -> Tensor:
        """Log magnitude over 0 to 50 Hz."""
        parts = [stft_images(part, self.spec.fs) for part in torch.from_numpy(x).split(4096)]
        return torch.cat(parts)


@register
class DiffECGLorenz(DiffECGImage):
    """DiffECG's diffusion model of Lorenz plots ("domain knowledge"), and its encoder.

    A window in which no four beats are found is an empty picture, -1 everywhere.
    """

    modality = "lorenz"
    info = MethodInfo(
        name="diffecg-lorenz",
        title="DiffECG (uni-domain knowledge)",
        kind="diffusion",
        modalities=("lorenz",),
        paper=PAPER,
        year=2025,
    )

    @staticmethod
    def published() -> UNetConfig:
        """1 x 48 x 48 to 192 x 12 x 12."""
        return UNetConfig(ndim=2, dim=48, multipliers=(1, 2, 4))

    @staticmethod
    def sizes(profile: Profile) -> UNetConfig:
        """The U-Net of a profile."""
        dim, width = profile.lorenz_dim, profile.head_width
        return UNetConfig(ndim=2, dim=dim, multipliers=(1, 2, 4), head_width=width)

    def images(self, x: NDArray[np.float32]) -> Tensor:
        """Histograms of successive differences of RR."""
        return lorenz_images(peak_times(rpeaks_batch(x, self.spec.fs), self.spec.fs))
