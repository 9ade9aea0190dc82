"""The latent U-Net against the same network written out in NumPy."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ecglab.nn.latent_unet import LatentUNet, LatentUNetConfig
from ecglab.nn.triplet import TripletLoss, embedding_distances

SMALL = {"latent": 5, "widths": (4, 6, 7), "embedding": 3, "time": 8}


def unet(**options) -> LatentUNet:
    torch.manual_seed(0)
    net = LatentUNet(LatentUNetConfig(**{**SMALL, **options}))
    for p in net.parameters():  # away from ones and zeros, which would hide a norm's weights
        p.data.add_(0.1 * torch.randn_like(p))
    return net.eval()


class ByHand:
    """A module's arithmetic on plain arrays, from its weights by name."""

    def __init__(self, net: LatentUNet) -> None:
        self.w = {k: v.double().numpy() for k, v in net.state_dict().items()}

    def linear(self, name: str, x: NDArray) -> NDArray:
        return x @ self.w[f"{name}.weight"].T + self.w.get(f"{name}.bias", 0.0)

    def norm(self, name: str, x: NDArray) -> NDArray:
        x = (x - x.mean()) / math.sqrt(x.var() + 1e-5)
        return x * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def block(self, name: str, x: NDArray, time: NDArray) -> NDArray:
        step = self.linear(f"{name}.step", silu(time))
        half = len(step) // 2
        h = self.norm(f"{name}.norm", self.linear(f"{name}.linear1", x))
        h = h * (1 + step[:half]) + step[half:]
        skip = self.linear(f"{name}.skip", x) if f"{name}.skip.weight" in self.w else x
        return skip + self.linear(f"{name}.linear2", silu(h))

    def forward(self, z: NDArray, t: int) -> NDArray:
        angles = [t * 10_000 ** (-k / 3) for k in range(4)]
        waves = np.array([math.sin(a) for a in angles] + [math.cos(a) for a in angles])
        time = self.linear("time.3", silu(self.linear("time.1", waves)))
        d0 = self.block("down.0", z, time)
        d1 = self.block("down.1", d0, time)
        d2 = self.block("down.2", d1, time)
        h = self.block("middle", d2, time)
        h = self.block("up.0", np.concatenate([h, d2]), time)
        h = self.block("up.1", np.concatenate([h, d1]), time)
        h = self.block("up.2", np.concatenate([h, d0]), time)
        return self.linear("head.2", silu(self.norm("head.0", h)))


def silu(x: NDArray) -> NDArray:
    return x / (1 + np.exp(-x))


def test_the_network_written_out() -> None:
    net = unet()
    z, t = torch.randn(4, 5), torch.tensor([0, 1, 20, 999])
    with torch.no_grad():
        out = net(z, t)
    assert out.shape == (4, 3)
    hand = ByHand(net)
    for i in range(4):
        expected = hand.forward(z[i].double().numpy(), int(t[i]))
        np.testing.assert_allclose(out[i], expected, atol=1e-4)


def test_widths_of_the_default() -> None:
    net = LatentUNet(LatentUNetConfig())
    ways = {
        name: [(b.linear1.in_features, b.linear1.out_features) for b in getattr(net, name)]
        for name in ("down", "up")
    }
    assert ways["down"] == [(64, 32), (32, 64), (64, 128)]
    assert ways["up"] == [(256, 128), (192, 64), (96, 32)]
    assert net(torch.randn(2, 64), torch.tensor([3, 4])).shape == (2, 128)


@pytest.mark.parametrize("widths", [(4,), (4, 4), (8, 6, 5, 4)])
def test_any_number_of_levels(widths: tuple[int, ...]) -> None:
    net = unet(widths=widths)
    net(torch.randn(2, 5), torch.tensor([0, 7])).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_step_is_heard() -> None:
    net, z = unet(), torch.randn(1, 5)
    assert not torch.allclose(net(z, torch.tensor([0])), net(z, torch.tensor([500])), atol=1e-3)


def test_dropout_is_off_when_embedding() -> None:
    net = unet(dropout=0.5)
    z, t = torch.randn(3, 5), torch.tensor([1, 2, 3])
    assert torch.equal(net(z, t), net(z, t))
    net.train()
    assert not torch.equal(net(z, t), net(z, t))


def test_it_learns_what_the_triplet_loss_asks_for() -> None:
    """Two classes on crossed lines, which no linear map separates."""
    net, generator = unet(latent=2, widths=(16, 32), embedding=8), torch.Generator().manual_seed(0)
    labels = torch.arange(64) % 2
    along = torch.randn(64, generator=generator)
    z = torch.stack([along, torch.where(labels == 1, along, -along)], dim=1)
    t = torch.zeros(64, dtype=torch.long)
    optimizer, loss = torch.optim.Adam(net.parameters(), lr=1e-2), TripletLoss(mining="random")
    for _ in range(80):
        optimizer.zero_grad()
        loss(net(z, t), labels, generator).loss.backward()
        optimizer.step()
    with torch.no_grad():
        d = embedding_distances(net(z, t))
    d.fill_diagonal_(torch.inf)
    assert (labels[d.argmin(dim=1)] == labels).float().mean() > 0.9
    same = labels[:, None] == labels
    assert d[~same].mean() > 3 * d[same & d.isfinite()].mean()


def test_what_cannot_be_embedded() -> None:
    net = unet()
    with pytest.raises(ValueError, match=r"\(batch, 5\), not \(2, 6\)"):
        net(torch.randn(2, 6), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match=r"2 latents need 2 steps t, not \(1,\)"):
        net(torch.randn(2, 5), torch.tensor([0]))
    with pytest.raises(ValueError, match="at least one level"):
        LatentUNetConfig(widths=())
    with pytest.raises(ValueError, match="at least 1"):
        LatentUNetConfig(embedding=0)
