"""DiffECG (Zhou et al., IJCAI 2025), the signal modality: a diffusion model as an encoder.

1. Pre-train a U-Net to find the noise in noisy windows, without labels (section 3.1, Fig. 3a).
2. Take a window, add the noise of step t (eq. 5), and run the contracting path and the bottleneck
   (section 3.2, Fig. 4b): their activations are the features.
3. A classifier reads the frozen features.

The paper's classifier reads the bottleneck's feature map through a small convolution. A linear
probe needs a vector: we take each level's mean and standard deviation over time, and how regularly
the bottleneck's patterns return (``pooling.py`` has the equations).
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.diffusion import DenoisingLoss, NoiseSchedule, UNet, UNetConfig
from ecglab.methods.base import Method, MethodInfo, register
from ecglab.methods.pooling import mean_and_deviation, periodicity
from ecglab.profiles import Profile
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

    @classmethod
    def for_profile(cls, profile: Profile) -> Self:
        """The sizes of a profile."""
        unet = UNetConfig(
            dim=profile.dim, multipliers=profile.multipliers, head_width=profile.head_width
        )
        spec = WindowSpec(fs=profile.fs, band=profile.band, scaling=profile.scaling)
        return cls(unet=unet, windows=spec)


@register
class DiffECGSignal(Method):
    """DiffECG's diffusion model of raw signal windows, and its encoder."""

    info = MethodInfo(
        name="diffecg-signal",
        title="DiffECG (uni-temporal)",
        kind="diffusion",
        modalities=("signal",),
        paper=PAPER,
        year=2025,
    )

    def __init__(self, options: DiffECGConfig | None = None, *, seed: int = 0) -> None:
        self.options = options or DiffECGConfig()
        self.spec = self.options.windows
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = UNet(self.options.unet).eval()
        self.schedule = NoiseSchedule.named(self.options.schedule, self.options.diffusion_steps)

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The signal modality at the sizes of a profile."""
        return cls(DiffECGConfig.for_profile(profile), seed=seed)

    def pretrain(self, data: WindowSet, **options: Any) -> TrainReport:
        """Minimise the denoising loss; options: ``config``, ``checkpoint``, ``watch`` of ``train``.

        The labels in ``data`` are not looked at.
        """
        config: TrainConfig = options.pop("config")
        objective, loss = self.options.objective, self.options.loss
        module = DenoisingLoss(self.network, self.schedule, objective=objective, loss=loss)
        return train(module, data.signals, config, **options)

    @torch.inference_mode()
    def embed(
        self,
        data: WindowSet,
        *,
        seed: int = 0,
        t: int | None = None,
        batch_size: int = 256,
        device: torch.device | str = "cpu",
    ) -> NDArray[np.float32]:
        """Features at noise step t (default: the configured one), (n, d).

        Noise is drawn afresh for every window, as in the paper, here from ``seed``. At t = 0 there
        is still the schedule's first pinch of noise.

        Raises:
            ValueError: for t outside [0, T), or windows of another rate than the method's.
        """
        if data.fs != self.spec.fs:
            raise ValueError(f"windows at {data.fs:g} Hz for an encoder of {self.spec.fs:g} Hz")
        step = self.schedule.check(torch.tensor([self.options.t if t is None else t]))
        generator = torch.Generator().manual_seed(seed)
        network, schedule = self.network.to(device), self.schedule.to(device)
        found = []
        for start in range(0, len(data), batch_size):
            x0 = torch.from_numpy(np.array(data.signals[start : start + batch_size]))
            noise = torch.randn(x0.shape, generator=generator)
            steps = step.expand(len(x0)).to(device)
            xt = schedule.q_sample(x0.to(device), steps, noise.to(device))
            features = network.encode(xt, steps)
            pooled = mean_and_deviation([*features.levels, features.bottleneck])
            rhythm = periodicity(features.bottleneck, self.spec.fs / network.config.stride)
            found.append(torch.cat([pooled, rhythm], dim=1).cpu())
        return torch.cat(found).numpy()

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


def tuples(plain: dict[str, Any]) -> dict[str, Any]:
    """Lists back to tuples, after a journey through JSON."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}

