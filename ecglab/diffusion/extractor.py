"""Sub-networks of a trained U-Net, which share its weights: the candidates of DiffECG's search.

A denoiser is trained once. Any part of it that a signal can still run through is a feature
extractor (section 3.2 of the paper, Fig. 4): stop early, leave blocks out, or go on into the
decoder. What is left out passes its input on, and nothing behind the last part is ever computed.

    stem, [blocks, attention, change] x levels, mid1, attention, mid2, [up] x levels, final

The change is the level's down-sampling, or, at the last level, the widening to the bottleneck. It
has no residual connection around it, so it cannot be left out: it runs when anything follows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ecglab.diffusion.unet import Down, UNet, UNetConfig

Part = tuple[str, int]

_NAME = re.compile(r"d([\d.]+)-a([\d.]+)-m([012])(a?)-u(\d+)")


class NoStructure(ValueError):
    """A name that names no structure, or one that a method's U-Net does not hold."""


@dataclass(frozen=True, kw_only=True)
class Extractor:
    """Which parts of a U-Net run; plain values, so that ``dataclasses.asdict`` gives JSON.

    Attributes:
        blocks: of each contracting level that is reached, whether its residual blocks run.
        attention: of the same levels, whether their attention runs.
        middle_blocks: bottleneck blocks that run, 0 to 2.
        middle_attention: whether the bottleneck's attention runs.
        up: stages of the decoder that run: 0 for none, L for all L levels, L + 1 with the final
            block too, whose output is what the U-Net's last, linear layer reads.

    Raises:
        ValueError: for no level, lists of two lengths, or numbers out of range.

    >>> Extractor.paper(UNetConfig(multipliers=(1, 2, 2))).name
    'd123-a123-m2a-u0'
    """

    blocks: tuple[bool, ...]
    attention: tuple[bool, ...]
    middle_blocks: int = 2
    middle_attention: bool = True
    up: int = 0

    def __post_init__(self) -> None:
        if not self.blocks or len(self.blocks) != len(self.attention):
            raise ValueError(f"{len(self.blocks)} levels' blocks, {len(self.attention)} attentions")
        if self.middle_blocks not in (0, 1, 2) or self.up < 0:
            raise ValueError(f"no extractor has {self.middle_blocks} middle blocks, up {self.up}")

    @classmethod
    def paper(cls, config: UNetConfig) -> Self:
        """The paper's answer (Fig. 4b): contracting path and whole bottleneck, no decoder."""
        every = (True,) * len(config.multipliers)
        return cls(blocks=every, attention=every)

    @classmethod
    def whole(cls, config: UNetConfig) -> Self:
        """The whole U-Net (Fig. 4a), up to its last, linear layer."""
        return replace(cls.paper(config), up=len(config.multipliers) + 1)

    @classmethod
    def named(cls, name: str) -> Self:
        """The extractor of a name, as ``name`` and the tables of a search write it.

        Raises:
            NoStructure: where it is no such name.

        >>> Extractor.named("d1234-a1.34-m2a-u0").attention
        (True, False, True, True)
        """
        if (found := _NAME.fullmatch(name)) and len(found[1]) == len(found[2]):
            extractor = cls(
                blocks=tuple(level != "." for level in found[1]),
                attention=tuple(level != "." for level in found[2]),
                middle_blocks=int(found[3]),
                middle_attention=found[4] == "a",
                up=int(found[5]),
            )
            if extractor.name == name:  # else levels are out of order
                return extractor
        raise NoStructure(
            f"no structure {name!r}; one reads like d1234-a1.34-m2a-u0: the levels with blocks, "
            "those with attention (a dot: without), the bottleneck's blocks (a: and attention), "
            "the decoder's stages"
        )

    @property
    def bottleneck(self) -> bool:
        """Whether anything of the bottleneck runs."""
        return self.middle_blocks > 0 or self.middle_attention

    @property
    def name(self) -> str:
        """Blocks and attention by level, a dot for one left out; middle; decoder stages."""
        down, attends = (
            "".join(str(i + 1) if on else "." for i, on in enumerate(kept))
            for kept in (self.blocks, self.attention)
        )
        middle = f"{self.middle_blocks}{'a' if self.middle_attention else ''}"
        return f"d{down}-a{attends}-m{middle}-u{self.up}"

    def parts(self, config: UNetConfig) -> tuple[Part, ...]:
        """What runs, in order.

        Raises:
            ValueError: for an extractor that this U-Net does not hold.
        """
        levels, reached = len(config.multipliers), len(self.blocks)
        goes_on = self.bottleneck or self.up > 0
        if reached > levels or self.up > levels + 1 or (goes_on and reached < levels):
            raise ValueError(f"a U-Net of {levels} levels holds no extractor {self.name}")
        run: list[Part] = [("stem", 0)]
        for i, (blocks, attention) in enumerate(zip(self.blocks, self.attention, strict=True)):
            run += [("blocks", i)] * blocks + [("attend", i)] * attention
            run += [("change", i)] * (goes_on or i + 1 < reached)
        run += [("mid1", 0)] * (self.middle_blocks > 0) + [
            ("mid_attend", 0)
        ] * self.middle_attention
        run += [("mid2", 0)] * (self.middle_blocks > 1)
        run += [("up", i) for i in range(min(self.up, levels))]
        return (*run, *[("final", 0)] * (self.up > levels))

    def unet(self, config: UNetConfig) -> UNetConfig:
        """The U-Net whose own encoder this extractor is, to be pre-trained.

        Its ``encode`` gives the extractor's map as ``bottleneck``, or, of an extractor without a
        bottleneck, as ``levels[-1]``. The decoder, which denoising needs, comes on top.
        """
        reached = len(self.blocks)
        return replace(
            config,
            multipliers=config.multipliers[:reached],
            level_blocks=None if all(self.blocks) else self.blocks,
            level_attention=None if all(self.attention) else self.attention,
            middle_blocks=self.middle_blocks,
            middle_attention=self.middle_attention,
        )


class _State(NamedTuple):
    """Where a pass through the network stands."""

    x: Tensor
    first: Tensor  # what the level's first block gave, for the skip connection
    stem: Tensor
    skips: tuple[tuple[Tensor, Tensor], ...]
    kept: tuple[Tensor, ...]  # the maps that were left behind: one for each level and stage


def extract(
    network: UNet, extractors: Sequence[Extractor], xt: Tensor, t: Tensor
) -> Iterator[tuple[Extractor, list[Tensor]]]:
    """Run sub-networks of one trained U-Net on one noisy batch.

    Extractors that begin alike share the beginning: every activation is computed once.

    Args:
        network: the trained U-Net.
        extractors: which sub-networks; they come back in another order.
        xt: noisy samples, (batch, channels, *position).
        t: their noise steps, (batch,).

    Yields:
        An extractor and its maps (batch, channels_i, *position_i): what each contracting level
        hands over, the bottleneck's output, what each stage of the decoder hands over. The last
        map is the extractor's output.

    Raises:
        ValueError: for an extractor that the network does not hold, or an input whose size is no
            multiple of its stride.
    """
    stride = network.config.stride
    if any(size % stride for size in xt.shape[2:]):
        raise ValueError(f"an input of size {tuple(xt.shape[2:])} is no multiple of {stride}")
    programs = {e: e.parts(network.config) for e in extractors}
    time, stem = network.time(t), network.stem(xt)

    def walk(
        state: _State, group: list[Extractor], done: int
    ) -> Iterator[tuple[Extractor, _State]]:
        def following(e: Extractor) -> Part:
            return programs[e][done]

        yield from ((e, state) for e in group if len(programs[e]) == done)
        going = sorted((e for e in group if len(programs[e]) > done), key=following)
        for part, members in groupby(going, key=following):
            yield from walk(_step(network, part, state, time), list(members), done + 1)

    begin = _State(stem, stem, stem, (), ())
    for extractor, state in walk(begin, list(programs), 1):  # all begin with the stem
        yield extractor, [*state.kept, state.x]


def _step(network: UNet, part: Part, state: _State, time: Tensor) -> _State:
    """One part of the network; the same arithmetic as ``UNet.forward``."""
    (kind, i), x = part, state.x
    if kind == "mid_attend":
        return state._replace(x=network.mid_attend(x))
    if kind in ("mid1", "mid2"):
        return state._replace(x=network.get_submodule(kind)(x, time))
    if kind == "up":
        return state._replace(x=network.up[i](x, state.skips[-1 - i], time), kept=(*state.kept, x))
    if kind == "final":
        both = torch.cat([x, state.stem], dim=1)
        return state._replace(x=network.final(both, time), kept=(*state.kept, x))
    level = cast(Down, network.down[i])
    if kind == "blocks":
        first = level.block1(x, time)
        return state._replace(first=first, x=level.block2(first, time))
    if kind == "attend":
        return state._replace(x=level.attend(x))
    next_x, skips = level.down(x), (*state.skips, (state.first, x))
    return state._replace(x=next_x, first=next_x, skips=skips, kept=(*state.kept, x))


def count_parameters(network: UNet, extractor: Extractor) -> int:
    """Parameters of the parts that run, the stem's and the time vector's among them."""
    modules: list[nn.Module] = [network.time]
    for kind, i in extractor.parts(network.config):
        if kind == "blocks":
            level = cast(Down, network.down[i])
            modules += [level.block1, level.block2]
        elif kind == "attend":
            modules.append(network.get_submodule(f"down.{i}.attend"))
        elif kind == "change":
            modules.append(network.get_submodule(f"down.{i}.down"))
        else:
            modules.append(network.up[i] if kind == "up" else network.get_submodule(kind))
    return sum(p.numel() for module in modules for p in module.parameters())


@torch.no_grad()
def macs_by_part(network: UNet, shape: Sequence[int]) -> dict[Part, int]:
    """Multiply-accumulate operations of every part, for one window of ``shape``.

    As PyTorch's own counter sees them: convolutions, linear maps, and the products of both kinds of
    attention; half its floating-point operations. Norms and activations are not counted, nor the
    time vector, which is the same for all windows. What goes into a part has the same shape
    whatever was left out before it, so an extractor costs the sum of its parts.

    Args:
        network: the whole U-Net.
        shape: (channels, *position).
    """
    xt, found = torch.zeros(1, *shape), {}
    time, state = network.time(torch.zeros(1, dtype=torch.long)), None
    for part in Extractor.whole(network.config).parts(network.config):
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            if state is None:
                stem = network.stem(xt)
                state = _State(stem, stem, stem, (), ())
            else:
                state = _step(network, part, state, time)
        found[part] = int(counter.get_total_flops()) // 2
    return found
