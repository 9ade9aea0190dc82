"""Sub-networks of a U-Net: the same weights, the same arithmetic, and nothing that is not asked."""

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from ecglab.diffusion import UNet, UNetConfig
from ecglab.diffusion.extractor import Extractor, count_parameters, extract, macs_by_part
from ecglab.methods.base import tuples

CONFIG = UNetConfig(dim=8, multipliers=(1, 2, 2), heads=2, head_width=4)
PAPER, WHOLE = Extractor.paper(CONFIG), Extractor.whole(CONFIG)
HOLES = Extractor(
    blocks=(True, False, True),
    attention=(False, True, True),
    middle_blocks=1,
    middle_attention=False,
    up=1,
)


@pytest.fixture
def net() -> UNet:
    torch.manual_seed(0)
    return UNet(CONFIG).eval()


@pytest.fixture
def noisy() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, 1, 64, generator=torch.Generator().manual_seed(1)), torch.tensor([3, 400])


@torch.no_grad()
def test_paper_and_whole_are_the_networks_own_passes(net: UNet, noisy) -> None:
    maps = dict(extract(net, [WHOLE, PAPER], *noisy))
    features = net.encode(*noisy)
    expected = [*features.levels, features.bottleneck]
    assert len(maps[PAPER]) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(maps[PAPER], expected, strict=True))
    assert torch.equal(net.out(maps[WHOLE][-1]), net(*noisy))
    assert len(maps[WHOLE]) == 3 + 1 + 3 + 1  # levels, bottleneck, decoder levels, final block


@torch.no_grad()
def test_images_too() -> None:
    config = UNetConfig(ndim=2, dim=8, multipliers=(1, 2))
    net, x, t = UNet(config), torch.randn(2, 1, 8, 8), torch.tensor([0, 9])
    (_, maps), *_ = extract(net, [Extractor.whole(config)], x, t)
    assert torch.equal(net.out(maps[-1]), net(x, t))


@torch.no_grad()
def test_holes_by_hand(net: UNet, noisy) -> None:
    xt, t = noisy
    time, stem = net.time(t), net.stem(xt)
    one, two, three = net.down
    first1 = one.block1(stem, time)
    second1 = one.block2(first1, time)
    x1 = one.down(second1)
    second2 = two.attend(x1)
    x2 = two.down(second2)
    first3 = three.block1(x2, time)
    second3 = three.attend(three.block2(first3, time))
    bottleneck = net.mid1(three.down(second3), time)
    up = net.up[0](bottleneck, (first3, second3), time)
    ((_, maps),) = extract(net, [HOLES], xt, t)
    expected = [second1, second2, second3, bottleneck, up]
    assert all(torch.equal(a, b) for a, b in zip(maps, expected, strict=True))
    # the next stage of the decoder gets the skipped level's input as its first skip connection
    ((_, maps),) = extract(net, [replace(HOLES, up=2)], xt, t)
    assert torch.equal(maps[-1], net.up[1](up, (x1, second2), time))


@torch.no_grad()
def test_only_what_is_asked_is_computed_and_only_once(net: UNet, noisy) -> None:
    calls: Counter[str] = Counter()
    for name, module in net.named_modules():
        if name in {"mid1", "mid_attend", "mid2", "up.0", "up.1", "final", "out", "down.2.down"}:
            module.register_forward_hook(lambda *_, name=name: calls.update([name]))
    bare = replace(PAPER, middle_blocks=0, middle_attention=False)
    shallow = replace(bare, blocks=(True,), attention=(True,))
    list(extract(net, [bare, shallow], *noisy))
    assert calls == {}
    list(extract(net, [PAPER, bare, replace(PAPER, up=1), replace(PAPER, middle_blocks=1)], *noisy))
    assert calls == {"down.2.down": 1, "mid1": 1, "mid_attend": 1, "mid2": 1, "up.0": 1}


@torch.no_grad()
@pytest.mark.parametrize("holes", [HOLES, PAPER, replace(HOLES, middle_blocks=0)])
def test_a_structure_is_a_config_that_can_be_trained(net: UNet, noisy, holes: Extractor) -> None:
    """The U-Net of that config takes the shared weights by name and encodes as the extractor."""
    config = holes.unet(CONFIG)
    assert UNetConfig(**tuples(json.loads(json.dumps(asdict(config))))) == config
    small = UNet(config).eval()
    assert small.load_state_dict(net.state_dict(), strict=False).missing_keys == []
    ((_, maps),) = extract(net, [replace(holes, up=0)], *noisy)
    features = small.encode(*noisy)
    assert torch.equal(maps[-1], features.bottleneck if holes.bottleneck else features.levels[-1])
    assert small(*noisy).shape == noisy[0].shape


@torch.no_grad()
def test_a_shallow_structure_is_a_shallow_unet(net: UNet, noisy) -> None:
    shallow = Extractor(
        blocks=(True, True), attention=(True, False), middle_blocks=0, middle_attention=False
    )
    small = UNet(shallow.unet(CONFIG)).eval()
    assert small.config.multipliers == (1, 2)
    own = small.state_dict()
    shared = {k: v for k, v in net.state_dict().items() if k in own and own[k].shape == v.shape}
    small.load_state_dict(shared, strict=False)
    ((_, maps),) = extract(net, [shallow], *noisy)
    assert torch.equal(maps[-1], small.encode(*noisy).levels[-1])


def test_the_papers_structure_is_the_plain_config() -> None:
    assert PAPER.unet(CONFIG) == WHOLE.unet(CONFIG) == CONFIG


def test_a_left_out_part_has_no_weights() -> None:
    names = UNet(HOLES.unet(CONFIG)).state_dict()
    assert not any(n.startswith(("down.1.block", "down.0.attend", "mid2", "mid_at")) for n in names)
    assert any(n.startswith("down.1.attend") for n in names)


def test_an_extractor_survives_json() -> None:
    assert Extractor(**tuples(json.loads(json.dumps(asdict(HOLES))))) == HOLES
    assert HOLES.name == "d1.3-a.23-m1-u1"


def test_parameters_add_up(net: UNet) -> None:
    everything = sum(p.numel() for p in net.parameters())
    out = sum(p.numel() for p in net.out.parameters())
    assert count_parameters(net, WHOLE) == everything - out
    without = sum(
        p.numel()
        for module in (net.down[1].block1, net.down[1].block2, net.down[0].attend, net.up[1])
        for p in module.parameters()
    )
    rest = [net.mid_attend, net.mid2, net.up[2], net.final, net.out]
    without += sum(p.numel() for module in rest for p in module.parameters())
    assert count_parameters(net, HOLES) == everything - without


def test_operations_by_hand() -> None:
    """Of 64 positions, 8 channels: weights times positions; attention adds its two products."""
    macs = macs_by_part(UNet(CONFIG), (1, 64))
    assert macs["stem", 0] == 64 * 8 * 1 * 7
    step = 4 * 8 * 2 * 8  # the time vector to scale and shift
    assert macs["blocks", 0] == 2 * (2 * 64 * 8 * 8 * 3 + step)
    inner = 2 * 4  # heads times head width
    assert macs["attend", 0] == 64 * (8 * 3 * inner + inner * 8) + 2 * 64 * 2 * 4 * 4
    assert macs["mid_attend", 0] == 16 * (16 * 3 * inner + inner * 16) + 2 * 2 * 16 * 16 * 4
    assert set(macs) == set(WHOLE.parts(CONFIG))


@pytest.mark.parametrize(
    "bad",
    [
        {"blocks": (), "attention": ()},
        {"blocks": (True,), "attention": (True, True)},
        {"blocks": (True,), "attention": (True,), "middle_blocks": 3},
        {"blocks": (True,), "attention": (True,), "up": -1},
    ],
)
def test_bad_structures(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"levels' blocks|no extractor"):
        Extractor(**bad)


@pytest.mark.parametrize(
    "alien",
    [
        Extractor(blocks=(True,) * 4, attention=(True,) * 4),
        Extractor(blocks=(True,) * 2, attention=(True,) * 2),  # stops early, yet has a bottleneck
        replace(PAPER, up=5),
    ],
)
def test_structures_that_the_network_does_not_hold(net: UNet, noisy, alien: Extractor) -> None:
    with pytest.raises(ValueError, match="holds no extractor"):
        list(extract(net, [alien], *noisy))


def test_an_input_that_cannot_be_halved(net: UNet) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        list(extract(net, [PAPER], torch.zeros(1, 1, 30), torch.tensor([0])))


@pytest.mark.parametrize("bad", [{"middle_blocks": 3}, {"level_blocks": (True,)}])
def test_bad_configs(bad: dict) -> None:
    with pytest.raises(ValueError, match=r"bottleneck|1 choices for 3 levels"):
        replace(CONFIG, **bad)


def test_shipped_weights_still_load() -> None:
    from ecglab.methods.diffecg import DiffECGSignal
    from ecglab.methods.pretrained import SHIPPED

    folder: Path = SHIPPED / "diffecg-signal"
    network = DiffECGSignal.load(folder).network
    assert Extractor.paper(network.config).unet(network.config) == network.config
