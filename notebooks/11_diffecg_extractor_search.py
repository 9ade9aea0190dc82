# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: -jupytext.text_representation
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which part of the U-Net? DiffECG's architecture search
#
# **You will be able to**
# - walk through a U-Net part by part, and leave parts out without training anything anew;
# - count what a structure costs in multiply-accumulate operations;
# - search sub-networks that share one set of weights: exhaustively where that is cheap, greedily
#   where it is not;
# - read a Pareto front with intervals, and tell a finding from luck.
#
# **Minutes**: 30 to read and do, about 2 to run.
#
# **Prerequisites**: chapter 03. What a residual connection is.
#
# **Paper**: DiffECG, section 3.2 and Fig. 4. The paper names its search in three sentences and gives
# its answer: contracting path and two bottleneck blocks with attention, no decoder. It prints no
# scores of other structures. Here we make them.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/11_diffecg_extractor_search"

# %% tags=["setup"]
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import torch

from ecglab.data.choose import choose
from ecglab.diffusion import DenoisingLoss, UNet, UNetConfig
from ecglab.diffusion.extractor import Extractor, count_parameters, extract, macs_by_part
from ecglab.evaluation import paired_difference
from ecglab.evaluation.extractor_protocol import path_table, split_records
from ecglab.evaluation.extractor_search import PENALTY, ExtractorSearch, grid, removals
from ecglab.methods import pretrained
from ecglab.methods.pretrained import structured
from ecglab.plots import keep, use_style
from ecglab.plots.search import Box, hover_search, plot_search, plot_unets
from ecglab.profiles import load_profile
from ecglab.training import TrainConfig

use_style()

# %% [markdown]
# ## Records, and one trained denoiser
#
# We take at most 400 records, one window of each. Half of them are for the search. The other half
# stays closed until the end. The U-Net is that of chapter 03; it was trained once, without labels,
# and the search does not train it again.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
encoder = pretrained("diffecg-signal", dataset, ids, profile, seed=SEED)
network, config = encoder.network, encoder.options.unet
records = min(400, 2 * len(ids) // 3)
known, unknown = split_records(dataset, ids, encoder.spec, records=records, seed=SEED)
print(f"{dataset.title}: {len(known)} records to search on, {len(unknown)} to test on")

# %% [markdown]
# ## A walk through the contracting path, by hand
#
# A U-Net is a sequence of parts. The stem widens one channel to many. Each level has two residual
# blocks, attention, and a change of resolution or width. The bottleneck has a block, attention, a block. We
# call them one by one, on one noisy window, and end where the package's `encode` ends.

# %%
x0 = encoder.view(known.take(np.arange(1)))
noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(SEED))
steps = torch.tensor([encoder.options.t])
xt = encoder.schedule.q_sample(x0, steps, noise)
with torch.no_grad():
    step_vector = network.time(steps)
    x = network.stem(xt)
    for level in network.down:
        x = level.block2(level.block1(x, step_vector), step_vector)
        x = level.attend(x)
        print(f"level hands over {x.shape[1]:>3} channels x {x.shape[2]:>4} positions")
        x = level.down(x)
    by_hand = network.mid2(network.mid_attend(network.mid1(x, step_vector)), step_vector)
    assert torch.equal(by_hand, network.encode(xt, steps).bottleneck)
print(f"bottleneck: {by_hand.shape[1]} x {by_hand.shape[2]}, the same numbers as encode()")

# %% [markdown]
# Blocks and attention add something to what they get: `y = x + f(x)`. Leave `f` out, and the map
# goes on as it is, in the same shape. So the next part still works, with the weights that it has.
# A change of resolution is no such part. It must run whenever something follows.
#
# **Exercise 1.** Write `level_without`: a level's map when its blocks or its attention are left out.
# (A level has `block1(x, time)`, `block2(x, time)` and `attend(x)`.)


# %% tags=["solution"]
def level_without(level, x, time, *, blocks: bool, attention: bool) -> torch.Tensor:
    """What a level hands over, before its change of resolution."""
    if blocks:
        x = level.block2(level.block1(x, time), time)
    return level.attend(x) if attention else x


# %% tags=["check"]
toy = UNet(UNetConfig(dim=8, multipliers=(1, 2)))
with torch.no_grad():
    start, moment = toy.stem(torch.randn(1, 1, 32)), toy.time(torch.tensor([20]))
    level = toy.down[0]
    bare = level_without(level, start, moment, blocks=False, attention=False)
    assert bare is start, "nothing runs: the map goes on as it is"
    only = level_without(level, start, moment, blocks=False, attention=True)
    assert torch.equal(only, level.attend(start))
    full = level_without(level, start, moment, blocks=True, attention=True)
    assert torch.equal(full, level(start, moment)[1]), "the level's own skip connection"

# %% [markdown]
# The package describes a structure by an `Extractor`, and runs any number of them with `extract`.
# Those that begin alike share the beginning. We leave out level 2's blocks, by hand and so.

# %%
paper, whole = Extractor.paper(config), Extractor.whole(config)
holes = replace(paper, blocks=(True, False, *paper.blocks[2:]))
with torch.no_grad():
    x = network.stem(xt)
    for i, level in enumerate(network.down):
        x = level_without(level, x, step_vector, blocks=holes.blocks[i], attention=True)
        x = level.down(x)
    x = network.mid2(network.mid_attend(network.mid1(x, step_vector)), step_vector)
    maps = dict(extract(network, [paper, whole, holes], xt, steps))
    assert torch.equal(x, maps[holes][-1])
    assert torch.equal(network.out(maps[whole][-1]), network(xt, steps))
print(f"the paper's: {paper.name}   whole: {whole.name}   with a hole: {holes.name}")

# %% [markdown]
# Read such a name aloud: `d` the levels whose blocks run, `a` those whose attention runs (a dot: left
# out), `m2a` two bottleneck blocks and attention, `u` how many stages of the decoder. The last
# stage is the final block, whose output the U-Net's last linear layer turns into noise.
#
# ## Figure 4, drawn from the model
#
# The paper's figure shows the U-Net and the extractor that was found in it. We draw both from the
# maps that we have just computed.


# %%
def boxes(*, decoder: bool) -> list[Box]:
    """The whole U-Net's maps as boxes; without the decoder, that side does not run."""
    sizes = [tuple(m.shape[1:]) for m in maps[whole]]
    levels = len(config.multipliers)
    found = [
        Box(row=i, side="down", channels=c, positions=(n,), blocks="2 blocks, attention")
        for i, (c, n) in enumerate(sizes[:levels])
    ]
    c, n = sizes[levels]
    middle = "block, attention, block"
    found.append(Box(row=levels, side="middle", channels=c, positions=(n,), blocks=middle))
    for i, (c, n) in enumerate(sizes[levels : 2 * levels]):
        row, text = levels - 1 - i, "2 blocks, attention"
        text += ", final" if row == 0 else ""
        up = Box(row=row, side="up", channels=c, positions=(n,), blocks=text, runs=decoder)
        found.append(up)
    return found


panels = {
    "(a) U-Net: the denoiser": boxes(decoder=True),
    "(b) The paper's feature extractor": boxes(decoder=False),
}
numbers = pd.concat([pd.DataFrame(map(asdict, b)).assign(panel=p) for p, b in panels.items()])
keep(plot_unets(panels), OUTPUT, "fig4_unet_and_extractor", numbers=numbers, simulated=simulated)

# %% [markdown]
# Left in each panel the contracting path, below the bottleneck, right the decoder; dashed the skip
# connections. A wider box is a longer map. Notice where the decoder sits: half of the picture, and
# half of the work or more, for the maps that the skip connections bring make its blocks twice as
# broad at their entrance.
#
# ## What does a part cost?
#
# A convolution multiplies and adds once for every output channel, input channel, tap and position.
#
# **Exercise 2.** Write `convolution_macs`: the multiply-accumulate operations of a convolution that
# keeps the size.


# %% tags=["solution"]
def convolution_macs(channels: int, out_channels: int, taps: int, positions: int) -> int:
    """Multiply-accumulate operations of one window."""
    return channels * out_channels * taps * positions


# %% tags=["check"]
assert convolution_macs(1, 1, 1, 10) == 10
assert convolution_macs(2, 3, 5, 7) == 210
counted = macs_by_part(UNet(UNetConfig(dim=8, multipliers=(1,))), (1, 64))
assert counted["stem", 0] == convolution_macs(1, 8, 7, 64), "PyTorch's own count"

# %% [markdown]
# PyTorch counts the other parts in the same way. Operations are not seconds, so we also take the
# time, of this process only, the best of five.

# %%
names = {"mid1": "bottleneck", "mid_attend": "bottleneck", "mid2": "bottleneck"}
names |= {"up": "decoder", "final": "decoder"}
cost = macs_by_part(network, x0.shape[1:])
share = dict.fromkeys(["contracting path", "bottleneck", "decoder"], 0.0)
for (kind, _), macs in cost.items():
    share[names.get(kind, "contracting path")] += macs / sum(cost.values())


@torch.no_grad()
def seconds(call) -> float:
    """Processor seconds of the fastest of five calls on the same 16 windows."""
    batch, at, laps = xt.expand(16, -1, -1).contiguous(), steps.expand(16), []
    for _ in range(5):
        began = time.process_time()
        call(batch, at)
        laps.append(time.process_time() - began)
    return min(laps)


faster = seconds(network) / seconds(network.encode)
spared = 1 / (1 - share["decoder"])
print({where: round(part, 3) for where, part in share.items()})
print(f"without the decoder: {spared:.1f} times fewer operations, {faster:.1f} times as fast")

# %% [markdown]
# This is the paper's practical gain: without the decoder, the same batch takes about half of the
# time. But are the features as good?
#
# ## How good is a structure?
#
# We add noise, run the structure, and pool its last map as in chapter 03: mean, deviation and
# periodicity of each channel. A linear probe is trained on three quarters of the subjects and
# predicts the last quarter, four times round. So every subject is once a validation subject. The
# score is macro-F1.
#
# Two choices are ours. We read the last map only, for that is what the structure hands on. And the
# probe's penalty goes with the number of features, lest wide or narrow maps have an advantage.
#
# The first search tries every structure that just stops somewhere: how many levels, how many
# bottleneck blocks, attention or not, how much of the decoder.

# %%
search = ExtractorSearch(encoder, known, resamples=profile.resamples, seed=SEED)
began = time.perf_counter()
search.exhaust()
print(f"{len(grid(config))} structures in {time.perf_counter() - began:.0f} s")
columns = ["name", "macro_f1", "low", "high", "macs", "parameters", "gain"]
search.table().nlargest(8, "macro_f1")[columns].round(3)

# %% [markdown]
# The table shows the eight best. Look at their intervals before you believe their order.
#
# ## Greedy elimination
#
# Leaving out single levels as well would make thousands of structures. The paper writes that its
# search "removes redundant components" in "several optimization cycles". We read it as greedy
# backward elimination. Each cycle tries every single removal and makes the best one, as measured by
#
# `gain = macro-F1 - penalty * MACs / MACs of the whole U-Net`
#
# until no removal raises the gain. The penalty is 0.02: all operations of the whole U-Net cost two
# hundredths of macro-F1. The loop is short enough to write here.


# %%
def eliminate(start, penalty: float = PENALTY) -> list:
    """The structure of each cycle."""
    path = search.score([start])
    while True:
        cycle = search.score(removals(path[-1].extractor))
        best = max(cycle, key=lambda s: search.gain(s, penalty=penalty))
        if search.gain(best, penalty=penalty) <= search.gain(path[-1], penalty=penalty):
            return path
        path.append(best)


path = eliminate(paper)
assert [s.extractor for s in path] == [s.extractor for s in search.eliminate(paper)]
path_table(search, path)[["cycle", *columns]].round(3)

# %% [markdown]
# We began with the paper's structure, to keep the chapter short; the command `ecglab
# search-extractor` begins with the whole U-Net. Each row removes one part of the row above. Where
# the score rises on the way, ask whether the part did harm, or whether the best of many noisy
# scores was picked. The interval tells how noisy they are.
#
# ## Score against compute
#
# One structure dominates another if it costs no more and scores better. Those that nobody dominates
# are the Pareto front.
#
# **Exercise 3.** Write `pareto`: True for each structure that no cheaper or equally cheap one
# reaches in score.


# %% tags=["solution"]
def pareto(macs: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Whether each structure is on the front, (n,)."""
    return np.array(
        [
            not any(
                (macs[j] <= macs[i]) & (score[j] >= score[i]) for j in range(len(macs)) if j != i
            )
            for i in range(len(macs))
        ]
    )


# %% tags=["check"]
assert pareto(np.array([1, 2, 3]), np.array([0.5, 0.4, 0.6])).tolist() == [True, False, True]
assert pareto(np.array([2, 1]), np.array([0.5, 0.5])).tolist() == [False, True]

# %% [markdown]
# The package's table marks the same structures. The next figure has one point for each structure
# that was scored, by either search.

# %%
table = search.table()
assert (pareto(table["macs"].to_numpy(), table["macro_f1"].to_numpy()) == table["front"]).all()
choice = search.choice()
marked = {
    "the paper's structure": paper.name,
    "whole U-Net": whole.name,
    "highest gain": choice.extractor.name,
}
names = [s.extractor.name for s in path]
figure = plot_search(table, marked=marked, path=names)
keep(figure, OUTPUT, "score_against_compute", numbers=table, simulated=simulated)

# %% [markdown]
# Each bar is a 95 % interval. Notice two things. The cost, on a logarithmic axis, differs by more
# than an order of magnitude. And most bars overlap: on these few records, no order among neighbours
# is certain. What one may trust are coarse steps, where bars part.
#
# The same points to look around in: hover over one to read its structure.

# %% tags=["live"]
figure = hover_search(table, marked=marked)
keep(figure, OUTPUT, "score_against_compute_live", numbers=table, simulated=simulated)

# %% [markdown]
# ## Does the paper's structure hold?
#
# The question is about pairs: this structure less that one, on the same subjects. But the structure
# with the highest gain was picked because it scored high here. Part of that is luck, and luck does
# not come back. So we open the second half of the records. Both structures' probes are trained on
# the first half, and predict the second, once.

# %%
rivals = {"highest gain": choice.extractor, "whole U-Net": whole}
rows, predictions = search.confirm([paper, *rivals.values()], unknown)
truth = rows["label"].to_numpy(dtype=str)
groups = rows["subject"].to_numpy()
found = []
for words, rival in rivals.items():
    seen = search.difference(rival, paper)
    new = paired_difference(
        truth, predictions[rival], predictions[paper], search.metric,
        n=profile.resamples, seed=SEED, groups=groups,
    )  # fmt: skip
    found.append({"against the paper's": words, "validation": str(seen), "test": str(new)})
pd.DataFrame(found)

# %% [markdown]
# A difference whose interval holds 0 is no finding. Compare the two columns: the search's favourite
# tends to lose some of its lead on new subjects. With a few hundred records, that is as far as one
# can see.
#
# ## The same with more records
#
# The command `ecglab search-extractor --dataset cinc2017` does the same on 1,600 records of CinC
# 2017, 800 to search on and 800 to test on, and begins its elimination with the whole U-Net. Its
# numbers, all structures among them, are in the folder `results`. In short (macro-F1, and the
# difference to the paper's structure on the test subjects with a 95 % interval):
#
# | structure | MACs | validation | test | less the paper's, test |
# |---|---|---|---|---|
# | whole U-Net | 145 M | 0.451 | 0.506 | -0.119 [-0.182, -0.064] |
# | the paper's: encoder, two blocks, attention | 52 M | 0.576 | 0.625 | |
# | greedy elimination: the paper's without level 2's attention | 51 M | 0.589 | 0.628 | +0.003 [-0.014, +0.019] |
# | highest gain: encoder, one block, no attention | 36 M | 0.592 | 0.620 | -0.005 [-0.045, +0.036] |
#
# What reproduces: the decoder goes, and it goes in the first cycle, all at once. Its last maps are
# made to tell noise, not rhythm, and they are narrow. Where the probe reads the maps of all levels
# instead (`--reads all`; that run is not among the stored ones), the whole U-Net differed from the
# paper's structure by +0.001 [-0.031, +0.032]: the decoder does no harm then, it adds nothing. What
# does not reproduce: nothing in these numbers asks for a second bottleneck block or for its
# attention. One block alone does as well for a third less work, as far as 800 records can tell. And
# mind the winner's curse: on the validation subjects, the greedy answer led the paper's by 0.013
# [0.001, 0.026], a "significant" lead of which the test subjects leave nothing certain.
#
# All this is no proof that the paper is wrong: this U-Net is small, it was trained on windows of this
# very set (without labels), the data differ, and a linear probe reads it.
#
# ## The structure is a config
#
# A structure that was found can be pre-trained by itself. Its name says what the encoder keeps, and
# the command takes the name:
#
# `ecglab pretrain diffecg-signal --dataset cinc2017 --structure d1234-a1234-m1-u0`
#
# How much of the decoder? For the features, as much as the structure says, here none (`u0`). For
# pre-training, all of it: the task is to find the noise, at every position, and only the decoder
# comes back to them. So the whole decoder is trained on top, whatever `u` says, and it is not run
# any more once there are features to be taken.
#
# The command begins with new weights and trains for an hour. Here we begin with the shared weights,
# which fit by name, and train for twelve steps. What was left out is missed at first; see how much of
# that comes back. The loss is that of windows which are not trained on, each time with the same
# noise.

# %%
small = structured(encoder, choice.extractor.name, seed=SEED)
own = small.network.state_dict()
shared = {k: v for k, v in network.state_dict().items() if k in own and own[k].shape == v.shape}
small.network.load_state_dict(own | shared)
held_out = encoder.view(unknown.take(np.arange(min(64, len(unknown)))))


@torch.no_grad()
def held_out_loss(denoiser) -> float:
    """Denoising loss on the same windows, steps and noise for every denoiser."""
    loss = DenoisingLoss(denoiser, encoder.schedule, loss=encoder.options.loss)
    return float(loss(held_out, torch.Generator().manual_seed(SEED)))


losses = {"whole U-Net": held_out_loss(network)}
losses[f"{choice.extractor.name}, shared weights"] = held_out_loss(small.network)
few = TrainConfig(steps=12, batch_size=16, lr=2e-4, seed=SEED, accelerator="cpu")
report = small.pretrain(known, config=few)
losses[f"{choice.extractor.name}, {few.steps} steps later"] = held_out_loss(small.network)
print(f"{count_parameters(network, choice.extractor):,} parameters run for the features")
print(
    f"{sum(p.numel() for p in small.network.parameters()):,} are trained, the decoder's among them"
)
print(f"{len(shared)} of {len(own)} tensors taken over; {report.seconds:.0f} s of training")
pd.DataFrame({"held-out denoising loss": losses}).round(4)

# %% [markdown]
# A lower loss says that the smaller U-Net denoises. Whether its features are better than those of the
# shared weights is another question: train it in full, and ask the probe (`ecglab probe --weights`).
# We have not done so. The configuration, where what is left out stands as False or as a smaller
# number:

# %%
asdict(small.options.unet)

# %% [markdown]
# ## What to take along
#
# - Residual parts can be left out of a trained network: it still runs, and a probe says what is lost.
# - Sub-networks that begin alike share their beginning; a whole grid costs a few passes.
# - Operations are a fair price only if you also take the time.
# - Whoever picks the best of many scores must test the pick on subjects that had no part in it.
# - Chapter 12 puts a trained classifier on the extractor, and three modalities beside each other.
