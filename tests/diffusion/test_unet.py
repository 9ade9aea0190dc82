"""The U-Net: the paper's shapes, and an encoder that never touches the decoder."""

import pytest
import torch
import torch.nn.functional as F

from ecglab.diffusion import UNet, UNetConfig
from ecglab.diffusion.unet import ResBlock

SIGNAL = UNetConfig()
LORENZ = UNetConfig(ndim=2, multipliers=(1, 2, 4))
STFT = UNetConfig(ndim=2, dim=64, multipliers=(1, 2, 2, 2))


@pytest.mark.parametrize(
    ("config", "shape", "features"),
    [
        (SIGNAL, (1, 2500), (96, 625)),
        (LORENZ, (1, 48, 48), (192, 12, 12)),
        (STFT, (1, 48, 48), (128, 6, 6)),
    ],
)
def test_shapes_of_the_three_modalities(
    config: UNetConfig, shape: tuple[int, ...], features: tuple[int, ...]
) -> None:
    net = UNet(config).eval()
    x, t = torch.zeros(1, *shape), torch.tensor([20])
    with torch.no_grad():
        assert net.encode(x, t).bottleneck.shape == (1, *features)
        assert net(x, t).shape == x.shape
    assert config.features == features[0]


def test_encoding_never_computes_the_decoder() -> None:
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2)))

    def forbidden(*_: object) -> None:
        raise AssertionError("the decoder ran")

    for part in (*net.up, net.final, net.out):
        part.register_forward_pre_hook(forbidden)
    features = net.encode(torch.randn(2, 1, 32), torch.tensor([0, 9]))
    assert [tuple(f.shape) for f in features.levels] == [(2, 8, 32), (2, 8, 16)]
    with pytest.raises(AssertionError, match="decoder"):
        net(torch.randn(2, 1, 32), torch.tensor([0, 9]))


def test_encoder_and_whole_network_share_the_contracting_path() -> None:
    """The skip connection of a level is the feature that ``encode`` returns."""
    torch.manual_seed(0)
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2))).eval()
    seen: list[torch.Tensor] = []
    net.up[0].register_forward_pre_hook(lambda _, args: seen.extend([args[0], args[1][1]]))
    x, t = torch.randn(2, 1, 32), torch.tensor([3, 4])
    net(x, t)
    features = net.encode(x, t)
    assert torch.equal(seen[0], features.bottleneck)
    assert torch.equal(seen[1], features.levels[-1])


def test_every_weight_gets_a_gradient_and_the_step_matters() -> None:
    torch.manual_seed(0)
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2)))
    x = torch.randn(2, 1, 32)
    out = net(x, torch.tensor([1, 900]))
    out.square().mean().backward()
    missing = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []
    assert not torch.allclose(net(x, torch.tensor([1, 1])), net(x, torch.tensor([900, 900])))


@torch.no_grad()
@pytest.mark.parametrize("out", [4, 6])
@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("ndim", [1, 2])
def test_a_residual_block_written_out(ndim: int, code: int, out: int) -> None:
    torch.manual_seed(0)
    block = ResBlock(UNetConfig(ndim=ndim, dim=2, groups=2, code=code), 4, out)
    for p in block.parameters():  # away from ones and zeros, which would hide a norm's weights
        p.add_(0.5 * torch.randn_like(p))
    x, time, z = torch.randn(3, 4, *(6,) * ndim), torch.randn(3, 8), torch.randn(3, code)

    def norm(layer: torch.nn.GroupNorm, h: torch.Tensor) -> torch.Tensor:
        return F.group_norm(h, 2, layer.weight, layer.bias)

    def silu(h: torch.Tensor) -> torch.Tensor:
        return h * torch.sigmoid(h)

    h = norm(block.norm1, block.conv1(x))
    for i in range(3):
        step = block.step.weight @ silu(time[i]) + block.step.bias
        heard = block.scale.weight @ z[i] + block.scale.bias if code else torch.zeros(out)
        for c in range(out):
            h[i, c] = (h[i, c] * (1 + step[c]) + step[out + c]) * (1 + heard[c])
    h = silu(norm(block.norm2, block.conv2(silu(h))))
    skip = x
    if out != 4:
        kernel = block.skip.weight.flatten(1)  # one position wide
        skip = torch.einsum("oc,bc...->bo...", kernel, x)
        skip = skip + block.skip.bias.view(-1, *(1,) * ndim)
    assert torch.allclose(block(x, time, z if code else None), skip + h, atol=1e-5)


@pytest.mark.parametrize("bad", [{"ndim": 3}, {"dim": 12}, {"multipliers": ()}])
def test_bad_sizes(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"ndim|groups|level"):
        UNetConfig(**bad)


def test_an_input_that_cannot_be_halved() -> None:
    net = UNet(UNetConfig(dim=8, multipliers=(1, 2, 2)))
    with pytest.raises(ValueError, match="multiple of 4"):
        net(torch.zeros(1, 1, 30), torch.tensor([0]))
