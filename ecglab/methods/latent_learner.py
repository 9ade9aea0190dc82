"""DACL on feature vectors: VAE, noisy views of its latent, an encoder, and a linear classifier.

1. Standardise the features and train a VAE on them (``nn/vae.py``); labels are not looked at.
2. Take each vector's posterior mean, standardised: the forward process assumes unit variance.
3. Make noisy views of it (``diffusion/views.py``) and train a U-Net-style encoder, told each view's
   step, so that views of one class lie together (``nn/triplet.py``).
4. Logistic regression on the embedding of the clean latent, at step 0.

The baselines of the paper change one thing each and keep encoder and budget: views with Gaussian
noise in place of diffused ones; a denoising autoencoder, which never sees a label, in place of the
triplet loss; and no encoder at all, the classifier on the latent itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Generator, Tensor, nn

from ecglab.diffusion.schedule import NoiseSchedule
from ecglab.diffusion.views import DiffusionViews, GaussianViews
from ecglab.nn.latent_unet import LatentUNet, LatentUNetConfig
from ecglab.nn.triplet import TripletLoss
from ecglab.nn.vae import VAE, LatentUse, VAEConfig, latent_use
from ecglab.training import TrainConfig, TrainReport, train

Learning = Literal["diffusion", "gaussian", "denoising", "none"]


@dataclass(frozen=True, kw_only=True)
class LatentLearnerConfig:
    """Everything that the paper leaves open, in one place.

    The encoder's width, dropout and steps were chosen by AUROC on a validation part of one fold's
    training records; the other folds test some of those.

    Attributes:
        learning: ``diffusion`` is DACL; ``gaussian``, ``denoising`` and ``none`` are its baselines.
        rhythm: whether the features of a trace have periodicity beside them
            (``scattering_features``); not in the paper.
        hidden: widths of the VAE's layers.
        latent: units of z.
        beta: weight of the VAE's KL.
        vae_steps: of the VAE's training.
        widths: of the encoder's levels.
        embedding: numbers that the classifier reads.
        time: width of the step's embedding.
        dropout: of the encoder.
        sampler: which steps the views are drawn at (``diffusion/timesteps.py``); the paper's third
            version finds the early ones best.
        views: noisy views of each sample.
        sigma: of the Gaussian views, and of what the denoising autoencoder takes off.
        margin, mining: of the triplet loss. Batch-hard with margin 1, the usual choice, was seen to
            collapse here: all embeddings become one, and the loss stays at the margin.
        diffusion_steps: T.
        schedule: ``linear`` or ``cosine``.
        steps: of the encoder's training.
        batch_size: samples a step; each comes with its views.
        lr: peak learning rate of both trainings.
        weight_decay: of both.
    """

    learning: Learning = "diffusion"
    rhythm: bool = False
    hidden: tuple[int, ...] = (512, 256)
    latent: int = 64
    beta: float = 1e-3
    vae_steps: int = 1500
    widths: tuple[int, ...] = (32, 64, 128)
    embedding: int = 128
    time: int = 64
    dropout: float = 0.2
    sampler: str = "early"
    views: int = 2
    sigma: float = 0.5
    margin: float = 0.3
    mining: str = "semi-hard"
    diffusion_steps: int = 1000
    schedule: str = "linear"
    steps: int = 1500
    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if self.learning not in ("diffusion", "gaussian", "denoising", "none"):
            raise ValueError(f"no way of learning is called {self.learning!r}")


class _TripletObjective(nn.Module):
    """The triplet loss of all views of a batch; each view has its sample's label."""

    def __init__(self, network: nn.Module, views: nn.Module, triplet: TripletLoss) -> None:
        super().__init__()
        self.network, self.views, self.triplet = network, views, triplet

    def forward(self, z: Tensor, y: Tensor, generator: Generator) -> Tensor:
        views, t = self.views(z, generator)
        embeddings = self.network(views.flatten(0, 1), t.flatten())
        loss: Tensor = self.triplet(embeddings, y.repeat(len(views)), generator).loss
        return loss


class _DenoisingObjective(nn.Module):
    """The squared error of the clean latent, decoded linearly from a noisy one's embedding."""

    def __init__(self, network: LatentUNet, views: nn.Module) -> None:
        super().__init__()
        self.network, self.views = network, views
        self.decoder = nn.Linear(network.config.embedding, network.config.latent)

    def forward(self, z: Tensor, y: Tensor, generator: Generator) -> Tensor:
        views, t = self.views(z, generator)
        decoded = self.decoder(self.network(views[1:].flatten(0, 1), t[1:].flatten()))
        loss: Tensor = (decoded - z.repeat(len(views) - 1, 1)).square().mean()
        return loss


class _OfRows(nn.Module):
    """An objective of rows of a labelled set, which a batch names by number.

    ``look_up`` is a function, which a copy of the module (the moving average) does not copy.
    """

    def __init__(
        self, objective: nn.Module, look_up: Callable[[Tensor], tuple[Tensor, Tensor]]
    ) -> None:
        super().__init__()
        self.objective, self.look_up = objective, look_up

    def forward(self, rows: Tensor, generator: Generator) -> Tensor:
        z, y = self.look_up(rows.cpu().flatten())
        loss: Tensor = self.objective(z.to(rows.device), y.to(rows.device), generator)
        return loss


@dataclass(kw_only=True)
class LatentLearner:
    """A classifier of feature vectors; ``config.learning`` says which of the four systems.

    Attributes:
        config: sizes and budgets.
        use: of the VAE's latent units, once it is trained.
        reports: of the trainings, ``vae`` and ``encoder``.
    """

    config: LatentLearnerConfig = field(default_factory=LatentLearnerConfig)
    use: LatentUse | None = None
    reports: dict[str, TrainReport] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    vae: VAE | None = None
    encoder: LatentUNet | None = None
    scale: dict[str, Tensor] = field(default_factory=dict)  # means and deviations of x and of mu
    head: Pipeline | None = None

    def fit(
        self, x: ArrayLike, labels: ArrayLike, *, unlabelled: ArrayLike | None = None, seed: int = 0
    ) -> Self:
        """Train all parts.

        Args:
            x: features of labelled samples, (n, d).
            labels: their classes, (n,).
            unlabelled: more features, (m, d), for those parts that look at no label.
            seed: of all that is random.

        Raises:
            ValueError: for labels of one class or of another number than x; features that are not
                finite, or all the same.
        """
        known, names = np.array(x, dtype=np.float32), np.asarray(labels).astype(str)
        if len(names) != len(known) or len(set(names.tolist())) < 2:
            raise ValueError(
                f"{len(known)} samples with {len(names)} labels of {sorted(set(names.tolist()))}; "
                "two classes are needed"
            )
        every = known if unlabelled is None else np.vstack([known, np.asarray(unlabelled)])
        self.fit_latent(every, seed=seed)
        self.fit_encoder(known, names, every=every, seed=seed)
        self.fit_head(known, names)
        return self

    def fit_latent(self, x: ArrayLike, *, seed: int = 0) -> Self:
        """The scaling and the VAE, without labels."""
        features = torch.from_numpy(np.array(x, dtype=np.float32))
        deviation = features.std(dim=0)
        if not bool(features.isfinite().all()):
            raise ValueError("features are not finite")
        if not bool((deviation > 0).any()):
            raise ValueError("all samples have the same features: there is nothing to learn")
        # A feature that never changes says nothing; dividing by its deviation would make it NaN.
        self.scale = {"x_mean": features.mean(dim=0)}
        self.scale["x_std"] = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
        standard = self._standard(features)
        c = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vae = VAE(self._vae(features.shape[1]))
            self.reports["vae"] = train(self.vae, standard.numpy(), self._budget(c.vae_steps, seed))
        self.use = latent_use(self.vae, standard)
        with torch.no_grad():
            mean = self.vae.encode(standard)[0]
        # A unit that is not active has next to no deviation: it is enlarged tenfold, and no more.
        self.scale["z_mean"], self.scale["z_std"] = mean.mean(dim=0), mean.std(dim=0).clamp(min=0.1)
        return self

    def fit_encoder(
        self, x: ArrayLike, labels: ArrayLike, *, every: ArrayLike | None = None, seed: int = 0
    ) -> Self:
        """The encoder, on the latent of a VAE that is trained."""
        c = self.config
        if c.learning == "none":
            return self
        y = torch.from_numpy(np.unique(np.asarray(labels).astype(str), return_inverse=True)[1])
        z = self.latent(x if c.learning != "denoising" or every is None else every)
        if c.learning == "denoising":
            y = torch.zeros(len(z), dtype=torch.int64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = LatentUNet(self._unet())
            module = _OfRows(self._objective(self.encoder), lambda rows: (z[rows], y[rows]))
            # Integers, which half precision leaves alone: as floats, rows would be rounded.
            rows = np.arange(len(z))[:, None]
            self.reports["encoder"] = train(module, rows, self._budget(c.steps, seed))
        return self

    def fit_head(self, x: ArrayLike, labels: ArrayLike) -> Self:
        """The linear classifier, on clean latents or their embeddings."""
        names = np.asarray(labels).astype(str)
        self.head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        self.head.fit(self.embed(x), names)
        self.classes = tuple(self.head.classes_.tolist())
        return self

    @torch.no_grad()
    def latent(self, x: ArrayLike) -> Tensor:
        """Posterior means, standardised over the training samples, (n, latent)."""
        if self.vae is None:
            raise ValueError("nothing is trained: finetune or fit comes before embed")
        features = self._standard(torch.from_numpy(np.array(x, dtype=np.float32)))
        mean = self.vae.encode(features)[0]
        return (mean - self.scale["z_mean"]) / self.scale["z_std"]

    @torch.no_grad()
    def embed(self, x: ArrayLike) -> NDArray[np.float32]:
        """What the classifier reads: the clean latent's embedding at step 0, or the latent."""
        z = self.latent(x)
        if self.encoder is None:
            return z.numpy()
        found: Tensor = self.encoder(z, torch.zeros(len(z), dtype=torch.int64))
        return nn.functional.normalize(found).numpy()

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float64]:
        """Probabilities (n, classes), in the order of ``classes``."""
        if self.head is None:
            raise ValueError("no classifier is trained: finetune or fit comes before predict")
        return np.asarray(self.head.predict_proba(self.embed(x).astype(np.float64)))

    def state(self) -> dict[str, Tensor]:
        """Scaling, VAE and encoder."""
        parts: dict[str, nn.Module | None] = {"vae": self.vae, "encoder": self.encoder}
        found = {f"scale.{k}": v for k, v in self.scale.items()}
        for name, part in parts.items():
            if part is not None:
                found |= {f"{name}.{k}": v for k, v in part.state_dict().items()}
        return found

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take what ``state`` gave."""

        def under(name: str) -> dict[str, Tensor]:
            start = f"{name}."
            return {
                k.removeprefix(start): v.float() for k, v in state.items() if k.startswith(start)
            }

        self.scale = under("scale")
        self.vae = VAE(self._vae(len(self.scale["x_mean"])))
        self.vae.load_state_dict(under("vae"))
        self.vae.eval()
        if weights := under("encoder"):
            self.encoder = LatentUNet(self._unet())
            self.encoder.load_state_dict(weights)
            self.encoder.eval()

    def _standard(self, features: Tensor) -> Tensor:
        return (features - self.scale["x_mean"]) / self.scale["x_std"]

    def _vae(self, features: int) -> VAEConfig:
        c = self.config
        return VAEConfig(features=features, hidden=c.hidden, latent=c.latent, beta=c.beta)

    def _unet(self) -> LatentUNetConfig:
        c = self.config
        return LatentUNetConfig(
            latent=c.latent,
            widths=c.widths,
            embedding=c.embedding,
            time=c.time,
            dropout=c.dropout,
        )

    def _budget(self, steps: int, seed: int) -> TrainConfig:
        c = self.config
        return TrainConfig(
            steps=steps,
            batch_size=c.batch_size,
            lr=c.lr,
            weight_decay=c.weight_decay,
            warmup=steps // 20,
            ema=0.99,
            accelerator="cpu",  # networks this small wait for a GPU longer than they compute
            seed=seed,
        )

    def _objective(self, network: LatentUNet) -> nn.Module:
        c = self.config
        if c.learning == "denoising":
            return _DenoisingObjective(network, GaussianViews(sigma=c.sigma, views=c.views))
        views: nn.Module = GaussianViews(sigma=c.sigma, views=c.views)
        if c.learning == "diffusion":
            schedule = NoiseSchedule.named(c.schedule, c.diffusion_steps)
            views = DiffusionViews(schedule, sampler=c.sampler, views=c.views, calls=c.steps)
        return _TripletObjective(network, views, TripletLoss(margin=c.margin, mining=c.mining))
