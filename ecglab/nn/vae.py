"""A small variational autoencoder on feature vectors: the latent space in which DACL diffuses.

``q(z | x) = N(mu(x), diag sigma^2(x))``, ``p(z) = N(0, I)``, and the loss is
``mean_j (x_j - xhat_j)^2 + beta KL(q(z | x) || p(z))`` (Kingma & Welling 2014; the weight beta:
Higgins et al. 2017). DACL (Zewail 2025) calls its VAE "lightweight" and gives neither sizes nor
beta; the defaults, layers of 512 and 256 units, 64 latent ones and beta 1e-3, are ours.

The error is a mean over the D features, the KL a sum over the latent units. Held against a
Gaussian decoder of unit variance, whose error is half a sum, beta counts D / 2 times as much:
1e-3 is 0.25 for 500 features.
"""

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Generator, Tensor, nn


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """Sizes of a VAE.

    Attributes:
        features: D, numbers in an input.
        hidden: widths of the encoder's layers; the decoder has them in reverse.
        latent: units of z.
        beta: weight of the KL.
    """

    features: int
    hidden: tuple[int, ...] = (512, 256)
    latent: int = 64
    beta: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.features, self.latent, *self.hidden) < 1:
            raise ValueError(f"every width of a VAE must be at least 1: {self}")
        if not 0 <= self.beta < float("inf"):
            raise ValueError(f"beta must be a finite number of at least 0, not {self.beta}")


class VAELoss(NamedTuple):
    """The loss of a batch and its two parts, scalars: ``total = reconstruction + beta kl``.

    ``reconstruction`` is the squared error per feature, ``kl`` the nats per sample.
    """

    total: Tensor
    reconstruction: Tensor
    kl: Tensor


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """``KL(N(mu, sigma^2) || N(0, 1)) = (mu^2 + sigma^2 - log sigma^2 - 1) / 2``, in nats.

    Elementwise: ``mean`` and ``logvar = log sigma^2`` of one shape to that shape (Kingma & Welling
    2014, appendix B).

    >>> gaussian_kl(torch.tensor([0.0, 1.0]), torch.zeros(2)).tolist()  # 0 and mu^2 / 2
    [0.0, 0.5]
    """
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1)  # D_KL of appendix B


class VAE(nn.Module):
    """Feature vectors to Gaussians over z and back; its forward is the training loss.

    Inputs should be standardised: the error counts every feature alike.

    Shapes: x (batch, features), z (batch, latent).

    Raises:
        ValueError: for an x of another shape, or one that holds NaN or infinity.

    >>> vae = VAE(VAEConfig(features=40, hidden=(16,), latent=4))
    >>> x = torch.randn(3, 40)
    >>> vae.reconstruct(x).shape
    torch.Size([3, 40])
    >>> total, reconstruction, kl = vae.loss(x, torch.Generator().manual_seed(0))
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _mlp(config.features, *config.hidden, 2 * config.latent)
        self.decoder = _mlp(config.latent, *reversed(config.hidden), config.features)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior's mean and log variance, each (batch, latent)."""
        mean, logvar = self.encoder(self._checked(x)).chunk(2, dim=1)
        return mean, logvar

    def sample(self, mean: Tensor, logvar: Tensor, generator: Generator) -> Tensor:
        """``z = mu + sigma noise``, the reparameterisation trick."""
        # Drawn on the generator's own device, so that the CPU and a GPU can see the same noise.
        noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
        return mean + (0.5 * logvar).exp() * noise  # z of Kingma & Welling's eq. 10

    def decode(self, z: Tensor) -> Tensor:
        """xhat (batch, features) of z (batch, latent)."""
        return cast(Tensor, self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """``decode(mu(x))``: nothing is drawn, the same x gives the same xhat."""
        return self.decode(self.encode(x)[0])

    def loss(self, x: Tensor, generator: Generator) -> VAELoss:
        """The loss of a batch, with one z drawn for each x."""
        mean, logvar = self.encode(x)
        xhat = self.decode(self.sample(mean, logvar, generator))
        reconstruction = (xhat.float() - x.float()).square().mean()
        kl = gaussian_kl(mean.float(), logvar.float()).sum(dim=1).mean()
        return VAELoss(reconstruction + self.config.beta * kl, reconstruction, kl)

    def forward(self, x: Tensor, generator: Generator) -> Tensor:
        return self.loss(x, generator).total

    def _checked(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.config.features:
            raise ValueError(
                f"this VAE takes (batch, {self.config.features}) features, not {tuple(x.shape)}"
            )
        bad = (~x.isfinite().all(dim=1)).nonzero().flatten().tolist()
        if bad:
            raise ValueError(f"features hold NaN or infinity in rows {bad[:10]}")
        return x


@dataclass(frozen=True, kw_only=True)
class LatentUse:
    """Which latent units say something about the data; printed, one sentence.

    Attributes:
        variance: over the data, of each unit's posterior mean, (latent,).
        kl: mean over the data of each unit's KL in nats, (latent,).
        active: where ``variance`` exceeds the threshold, (latent,), boolean.
    """

    variance: Tensor
    kl: Tensor
    active: Tensor

    @property
    def collapsed(self) -> bool:
        """Whether no unit is active: every x has the same posterior mean, and z says nothing."""
        return not bool(self.active.any())

    def __str__(self) -> str:
        text = f"{int(self.active.sum())} of {len(self.active)} latent units are active"
        if self.collapsed:
            return f"posterior collapse: {text}; lower beta, train longer or check the features"
        return text


@torch.no_grad()
def latent_use(vae: VAE, x: Tensor, *, threshold: float = 0.01) -> LatentUse:
    """Count the active units, ``A_u = Var_x(E[z_u | x]) > threshold`` (Burda et al. 2016, sect. 5).

    Args:
        vae: the model.
        x: features (n, features) of at least two samples.
        threshold: 0.01 in the source.

    Returns:
        The units' variances and KLs. A collapse, no unit being active, is warned of.

    Raises:
        ValueError: for fewer than two samples, or features that the VAE refuses.
    """
    if len(x) < 2:
        raise ValueError(f"a variance over the data needs at least two samples, not {len(x)}")
    mean, logvar = (part.double() for part in vae.encode(x))
    variance = mean.var(dim=0)  # A_u
    use = LatentUse(
        variance=variance, kl=gaussian_kl(mean, logvar).mean(dim=0), active=variance > threshold
    )
    if use.collapsed:
        warnings.warn(str(use), stacklevel=2)
    return use


def _mlp(*widths: int) -> nn.Sequential:
    """Linear layers with a SiLU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers[:-1])
