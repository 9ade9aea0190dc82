"""The VAE against torch.distributions, NumPy loops and the closed form of a linear one."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ecglab.nn.vae import VAE, VAEConfig, gaussian_kl, latent_use


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(features: int, latent: int, *, beta: float = 1e-3) -> VAE:
    """A VAE whose maps are linear, so that its weights can be set and its optimum is known."""
    return VAE(VAEConfig(features=features, hidden=(), latent=latent, beta=beta))


def test_kl_equals_torch_distributions() -> None:
    mean, logvar = 3 * torch.randn(50, 7), 3 * torch.randn(50, 7)
    expected = kl_divergence(Normal(mean, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_kl(mean, logvar), expected, rtol=1e-4, atol=1e-5)


def test_the_loss_and_its_parts_as_a_loop() -> None:
    vae = VAE(VAEConfig(features=6, hidden=(5, 4), latent=3, beta=0.7))
    x = torch.randn(4, 6)
    with torch.no_grad():
        total, reconstruction, kl = vae.loss(x, seeded())
        mean, logvar = vae.encode(x)
        sigma = (0.5 * logvar).exp()
        xhat = vae.decode(mean + sigma * torch.randn(4, 3, generator=seeded()))
    error = sum((x[i, j] - xhat[i, j]).item() ** 2 for i in range(4) for j in range(6)) / (4 * 6)
    nats = [kl_divergence(Normal(mean[i], sigma[i]), Normal(0.0, 1.0)).sum() for i in range(4)]
    assert reconstruction.item() == pytest.approx(error, rel=1e-5)
    assert kl.item() == pytest.approx(sum(nats).item() / 4, rel=1e-4)
    assert total.item() == pytest.approx(error + 0.7 * kl.item(), rel=1e-5)
    assert vae(x, seeded()).item() == total.item()
    assert vae(x, seeded(2)).item() != total.item()


def test_layers_as_a_loop_in_numpy() -> None:
    vae = VAE(VAEConfig(features=6, hidden=(5, 4), latent=3))
    weights = [p.detach().numpy() for p in vae.encoder.parameters()]
    assert [w.shape for w in weights[::2]] == [(5, 6), (4, 5), (6, 4)]
    assert [w.shape[0] for w in list(vae.decoder.parameters())[::2]] == [4, 5, 6]
    x = torch.randn(2, 6)
    h = x.numpy()
    for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        h = h @ w.T + b
        h = h / (1 + np.exp(-h))
    h = h @ weights[-2].T + weights[-1]
    mean, logvar = (part.detach().numpy() for part in vae.encode(x))
    np.testing.assert_allclose(np.hstack([mean, logvar]), h, atol=1e-6)


def test_a_reconstruction_is_of_the_mean_and_draws_nothing() -> None:
    vae, x = VAE(VAEConfig(features=6, hidden=(5,), latent=3)), torch.randn(4, 6)
    state = torch.get_rng_state()
    first = vae.reconstruct(x)
    assert torch.equal(first, vae.reconstruct(x))
    assert torch.equal(first, vae.decode(vae.encode(x)[0]))
    assert torch.equal(torch.get_rng_state(), state)


def test_samples_have_the_posteriors_moments() -> None:
    mean, logvar = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(9.0)]])
    z = linear(2, 2).sample(mean.expand(40_000, 2), logvar.expand(40_000, 2), seeded())
    np.testing.assert_allclose(z.mean(dim=0), [1, -2], atol=0.06)
    np.testing.assert_allclose(z.std(dim=0), [1, 3], rtol=0.02)


def test_a_linear_vae_is_probabilistic_pca() -> None:
    """It finds the eigenvalues above sigma^2 = beta D / 2 and no others (Lucas et al. 2019).

    At the optimum a unit on eigenvalue L costs log(L / sigma^2) / 2 nats and leaves an error of
    sigma^2; a direction that no unit takes leaves its whole eigenvalue.
    """
    values, n = np.array([4.0, 2.0, 1.0, 0.1, 0.05, 0.02]), 500
    rng = np.random.default_rng(0)
    white = rng.normal(size=(n, 6))
    white, _ = np.linalg.qr(white - white.mean(axis=0))  # uncorrelated columns of mean 0
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    x = torch.from_numpy(math.sqrt(n) * white * np.sqrt(values) @ turn).float()
    vae, variance = linear(6, 5, beta=0.1), 0.1 * 6 / 2
    optimizer = torch.optim.Adam(vae.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)
    generator = seeded()
    for _ in range(500):
        optimizer.zero_grad()
        vae(x, generator).backward()
        optimizer.step()
        schedule.step()
    found = values[values > variance]
    with torch.no_grad():
        parts = [vae.loss(x, generator) for _ in range(50)]
    use = latent_use(vae, x)
    assert use.active.sum() == len(found) == 3
    assert not use.collapsed
    kl = 0.5 * np.log(found / variance).sum()
    error = (values[values < variance].sum() + len(found) * variance) / 6
    assert np.mean([p.kl for p in parts]) == pytest.approx(kl, rel=0.02)
    assert np.mean([p.reconstruction for p in parts]) == pytest.approx(error, rel=0.03)
    assert use.kl.sum().item() == pytest.approx(kl, rel=0.02)


def test_active_units_by_hand() -> None:
    vae = linear(2, 3)
    with torch.no_grad():
        layer = vae.encoder[0]
        layer.weight.zero_()
        layer.weight[0, 0], layer.weight[1, 0] = 1.0, 0.05
        layer.bias.copy_(torch.tensor([0.0, 0.0, 7.0, 0.0, 0.0, 0.0]))
    x = torch.tensor([[-1.0, 9.0], [1.0, 9.0], [0.0, 9.0]])
    use = latent_use(vae, x)
    np.testing.assert_allclose(use.variance, [1, 0.0025, 0], atol=1e-9)
    assert use.active.tolist() == [True, False, False]
    np.testing.assert_allclose(use.kl, [1 / 3, 0.0025 / 3, 24.5], atol=1e-6)
    assert str(use) == "1 of 3 latent units are active"
    assert latent_use(vae, x, threshold=0.002).active.sum() == 2


def test_a_collapse_is_said() -> None:
    """Whether the encoder is deaf or the features are constant: nothing is NaN."""
    deaf, x = linear(4, 3), torch.randn(10, 4)
    deaf.encoder[0].weight.data.zero_()
    for vae, features in [(deaf, x), (linear(4, 3), torch.full((10, 4), 2.0))]:
        with pytest.warns(UserWarning, match="posterior collapse: 0 of 3 latent units"):
            use = latent_use(vae, features)
        assert use.collapsed
        loss = vae(features, seeded())
        loss.backward()
        assert loss.isfinite()
        assert all(p.grad.isfinite().all() for p in vae.parameters())


def test_what_a_vae_refuses() -> None:
    vae = linear(4, 2)
    with pytest.raises(ValueError, match=r"takes \(batch, 4\) features, not \(3, 5\)"):
        vae.encode(torch.randn(3, 5))
    x = torch.randn(3, 4)
    x[1, 2] = torch.nan
    with pytest.raises(ValueError, match=r"NaN or infinity in rows \[1\]"):
        vae(x, seeded())
    with pytest.raises(ValueError, match="at least two samples, not 1"):
        latent_use(vae, torch.randn(1, 4))
    with pytest.raises(ValueError, match="at least 1"):
        VAEConfig(features=4, hidden=(0,))
    for beta in (-1.0, math.nan):
        with pytest.raises(ValueError, match="beta must be"):
            VAEConfig(features=4, beta=beta)
