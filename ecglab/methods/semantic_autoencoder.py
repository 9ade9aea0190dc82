"""The semantic diffusion autoencoder (Marcinkowski et al. 2025): a trace in 128 numbers.

1. An encoder of Linear Recurrent Units and an Attention Reducer makes a code z of a clean trace
   (``nn/semantic.py``).
2. A U-Net finds the noise in a noisy view of the same trace, told the step and z. Both learn at
   once, from the mean squared error of the noise: z has to say what the noise hides.
3. A linear classifier reads z.

What z leaves open is in the noise x_T: a trace is z and x_T, and DDIM goes both ways between them
(Preechakul et al. 2022). The poster gives no sizes but those of the data and of z.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglab.data.windows import WindowSet, WindowSpec
from ecglab.diffusion import (
    DenoisingLoss,
    NoiseSchedule,
    UNet,
    UNetConfig,
    ddim_invert,
    ddim_sample,
    spherical,
)
from ecglab.diffusion.objectives import OBJECTIVES, Denoiser
from ecglab.methods.base import Method, MethodInfo, register, tuples
from ecglab.nn.lru import check_mask
from ecglab.nn.semantic import SemanticEncoder, SemanticEncoderConfig
from ecglab.profiles import Profile
from ecglab.training import TrainConfig, TrainReport, train


@dataclass(frozen=True, kw_only=True)
class SemanticAutoencoderConfig:
    """The published choices where there are any: 300 Hz, 10 s, 128 numbers, MSE of the noise.

    Attributes:
        encoder: sizes of the semantic encoder; its width is that of the code.
        unet: sizes of the denoiser; its ``code`` must be that width.
        windows: what both read.
        diffusion_steps: T.
        schedule: ``linear`` or ``cosine``.
        objective: what the U-Net predicts, ``noise`` as published, ``x0`` or ``v``.

    Raises:
        ValueError: for a code of another width than the U-Net takes, windows that it cannot halve
            often enough, no diffusion steps, or an unknown schedule or objective.
    """

    encoder: SemanticEncoderConfig = field(default_factory=SemanticEncoderConfig)
    unet: UNetConfig = field(
        default_factory=lambda: UNetConfig(dim=64, multipliers=(1, 2, 4, 4), code=128)
    )
    windows: WindowSpec = field(default_factory=lambda: WindowSpec(fs=300.0, scaling="zscore"))
    diffusion_steps: int = 1000
    schedule: str = "linear"
    objective: str = "noise"

    def __post_init__(self) -> None:
        NoiseSchedule.named(self.schedule, self.diffusion_steps)
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {OBJECTIVES}, not {self.objective!r}")
        if self.encoder.width != self.unet.code:
            raise ValueError(
                f"the encoder gives {self.encoder.width} numbers, the U-Net takes {self.unet.code}"
            )
        if self.windows.samples % self.unet.stride:
            raise ValueError(
                f"windows of {self.windows.samples} samples cannot be halved to the U-Net's "
                f"lowest level, which takes a multiple of {self.unet.stride}"
            )


@register
class SemanticAutoencoder(Method):
    """Encoder and denoiser, trained together."""

    info = MethodInfo(
        name="semantic-autoencoder",
        title="Semantic diffusion autoencoder",
        kind="diffusion",
        modalities=("signal",),
        paper=(
            "Marcinkowski et al., Towards Semantic Embeddings of Cardiological Signals with "
            "Diffusion Autoencoders, 2025"
        ),
        year=2025,
    )

    def __init__(self, options: SemanticAutoencoderConfig | None = None, *, seed: int = 0) -> None:
        self.options = options or SemanticAutoencoderConfig()
        self.spec = self.options.windows
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = SemanticEncoder(self.options.encoder).eval()
            self.network = UNet(self.options.unet).eval()
        self.schedule = NoiseSchedule.named(self.options.schedule, self.options.diffusion_steps)

    @classmethod
    def for_profile(cls, profile: Profile, *, seed: int = 0) -> Self:
        """The autoencoder at the sizes of a profile."""
        encoder = SemanticEncoderConfig(
            state=profile.semantic_state,
            blocks=profile.semantic_blocks,
            strides=profile.semantic_strides,
        )
        unet = UNetConfig(
            dim=profile.semantic_dim,
            multipliers=profile.semantic_multipliers,
            head_width=profile.head_width,
            code=encoder.width,
        )
        hop = profile.semantic_hop or None
        spec = WindowSpec(fs=profile.semantic_fs, scaling="zscore", hop=hop)
        options = SemanticAutoencoderConfig(
            encoder=encoder, unet=unet, windows=spec, objective=profile.semantic_objective
        )
        return cls(options, seed=seed)

    @classmethod
    def budget(cls, profile: Profile, *, seed: int = 0) -> TrainConfig:
        """A number of steps and a learning rate of its own."""
        budget = super().budget(profile, seed=seed)
        return replace(budget, steps=profile.semantic_steps, lr=profile.semantic_lr)

    def pretrain(self, data: WindowSet, *, config: TrainConfig, **options: Any) -> TrainReport:
        """Minimise ``E |noise - network(x_t, t, encoder(x_0))|^2``; options as ``train`` has them.

        Where the objective is another, that stands in the noise's place (``diffusion.objectives``).
        Every lead of ``data`` is a trace of its own; labels are not looked at.

        Raises:
            ValueError: as ``check``.
        """
        self.check(data)
        traces = data.signals.reshape(-1, 1, data.signals.shape[-1])
        return train(self.loss(), traces, config, **options)

    def loss(self) -> DenoisingLoss:
        """What ``pretrain`` minimises: a module of clean traces and a generator."""
        return DenoisingLoss(
            self.network, self.schedule, objective=self.options.objective, encoder=self.encoder
        )

    @torch.no_grad()
    def embed(
        self,
        data: WindowSet,
        *,
        seed: int = 0,
        t: int | Mapping[str, int] | None = None,
        batch_size: int = 64,
    ) -> NDArray[np.float32]:
        """The codes of the windows' first leads, (n, 128); no noise is added, ``t`` is not used.

        Raises:
            ValueError: as ``check``.
        """
        traces = self._traces(data).split(batch_size)
        return torch.cat([self.encode(x) for x in traces]).cpu().numpy()

    @torch.no_grad()
    def steps(self, data: WindowSet, *, batch_size: int = 64) -> Iterator[Tensor]:
        """What the Attention Reducer reads, batch by batch, (batch, 128, steps).

        Raises:
            ValueError: as ``embed``.
        """
        for x in self._traces(data).split(batch_size):
            yield self.encoder.sequence(x.to(self._device))[0].mT

    def _traces(self, data: WindowSet) -> Tensor:
        """The windows' first leads, (n, 1, samples)."""
        self.check(data)
        return torch.from_numpy(np.array(data.signals[:, :1]))

    @property
    def _device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    @torch.no_grad()
    def encode(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """z of clean traces (batch, 1, samples) of any length, (batch, 128).

        Args:
            x: the traces.
            mask: boolean (batch, samples), True at real samples; None: all are.

        Raises:
            ValueError: for a mask of another shape or dtype, and for traces that, where ``mask``
                has them real, are shorter than a step of the encoder, NaN or infinite.
        """
        real, shortest = x, x.shape[-1]
        if mask is not None:
            check_mask(mask, x.mT)
            mask = mask.to(x.device)
            real, shortest = x.masked_fill(~mask[:, None], 0), int(mask.sum(dim=1).min())
        if shortest < self.options.encoder.stride or not torch.isfinite(real).all():
            raise ValueError(
                f"an encoder takes finite traces of {self.options.encoder.stride} samples or more; "
                f"here are {shortest}, and {int((~torch.isfinite(real)).sum())} are not finite"
            )
        mask = None if mask is None else mask.to(self._device)
        code: Tensor = self.encoder(x.to(self._device), mask=mask)
        return code

    def invert(self, x: Tensor, z: Tensor, *, steps: int = 50) -> Tensor:
        """The noise x_T from which ``decode`` makes x again, given z; shaped as x."""
        network, schedule, options = self._sampler(z)
        return ddim_invert(network, schedule, x.to(self._device), steps=steps, **options)

    def decode(self, z: Tensor, noise: Tensor, *, steps: int = 50) -> Tensor:
        """The trace of a code (batch, 128) and a noise (batch, 1, samples), by DDIM."""
        network, schedule, options = self._sampler(z)
        return ddim_sample(network, schedule, noise.to(self._device), steps=steps, **options)

    def _sampler(self, z: Tensor) -> tuple[Denoiser, NoiseSchedule, dict[str, Any]]:
        """What both ways of DDIM need, all on the networks' device."""
        network = partial(self.network, code=z.to(self._device))
        return network, self.schedule.to(self._device), {"objective": self.options.objective}

    def reconstruct(self, x: Tensor, *, steps: int = 50) -> Tensor:
        """The traces from their own z and x_T, shaped as x; exact as ``steps`` grows."""
        return self.move(x, torch.zeros(self.options.encoder.width), 0.0, steps=steps)

    def move(self, x: Tensor, direction: Tensor, amount: float, *, steps: int = 50) -> Tensor:
        """The traces with ``amount`` of a direction added to z, and their own x_T; shaped as x.

        A direction (128,) may lead from one class's mean z to another's.
        """
        z = self.encode(x)
        noise = self.invert(x, z, steps=steps)
        return self.decode(z + amount * direction.to(z), noise, steps=steps)

    def interpolate(self, a: Tensor, b: Tensor, share: float, *, steps: int = 50) -> Tensor:
        """Traces on the way from a (share 0) to b (share 1), shaped as both.

        z goes straight, x_T along the arc (Preechakul et al. 2022, section 5).
        """
        codes = [self.encode(x) for x in (a, b)]
        noises = [self.invert(x, z, steps=steps) for x, z in zip((a, b), codes, strict=True)]
        z = torch.lerp(codes[0], codes[1], share)
        return self.decode(z, spherical(noises[0], noises[1], share), steps=steps)

    def config(self) -> dict[str, Any]:
        """``SemanticAutoencoderConfig`` as plain values."""
        return asdict(self.options)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of ``config``."""
        nested = {"encoder": SemanticEncoderConfig, "unet": UNetConfig, "windows": WindowSpec}
        parts: dict[str, Any] = {k: make(**tuples(config[k])) for k, make in nested.items()}
        return cls(SemanticAutoencoderConfig(**{**config, **parts}))

    def state(self) -> dict[str, Tensor]:
        """The weights of both networks."""
        networks = {"encoder": self.encoder, "network": self.network}
        return {f"{n}.{k}": v for n, net in networks.items() for k, v in net.state_dict().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take the weights of both networks."""
        for name, network in {"encoder": self.encoder, "network": self.network}.items():
            start = f"{name}."
            mine = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            network.load_state_dict(mine)
