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
# # The semantic autoencoder: a heartbeat in two halves
#
# **You will be able to**
# - draw the whole system from the model itself, and say where the code enters the denoiser;
# - measure what a code tells the denoiser, noise step by noise step, against the right controls;
# - say which errors a loss counts, and test whether that matters;
# - take a trace apart into a code z and a noise x_T, and put it together again;
# - walk from one heart to another, move a heart along a class, and say honestly what came of it.
#
# **Minutes**: 45 to read and do, about 4 to run.
#
# **Prerequisites**: chapters 02, 03 (intervals by the bootstrap) and 21. Cosine and angle of two vectors.
#
# **Paper**: semantic diffusion autoencoder (Marcinkowski et al. 2025), sections "Architecture" and
# "Training", Figure 1. The kind of model is from Preechakul et al., "Diffusion Autoencoders" (2022):
# its equations 7 (conditioning) and 8 (the way back to x_T).

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/22_semantic_autoencoder"

# %% tags=["setup"]

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from ecglab.data.choose import choose
from ecglab.data.corpus import POSTER_HOP, Corpus, count_poster
from ecglab.data.windows import WindowSpec, windows
from ecglab.diffusion import (
    NoiseSchedule,
    UNetConfig,
    ddim_invert,
    predict_noise,
    predict_x0,
    target,
)
from ecglab.diffusion.unet import ResBlock
from ecglab.evaluation import auroc, bootstrap_ci, stored_results
from ecglab.evaluation.semantic_tables import pairs_table
from ecglab.methods import pretrained
from ecglab.methods.semantic_autoencoder import SemanticAutoencoder, SemanticAutoencoderConfig
from ecglab.nn.semantic import SemanticEncoderConfig
from ecglab.plots import keep, use_style
from ecglab.plots.diffusion import plot_error_weights, plot_loss
from ecglab.plots.reconstruction import (
    plot_kept,
    plot_moves_along,
    plot_noise_loss,
    plot_stacks,
    saved,
)
from ecglab.plots.semantic import Part, plot_architecture
from ecglab.profiles import load_profile
from ecglab.signals import rpeaks
from ecglab.training import TrainConfig
from ecglab.widgets.interpolation import InterpolationExplorer

use_style()

# %% [markdown]
# An ordinary autoencoder makes a short code of a trace, and the trace of the code again. The code is
# too short for everything: muscle noise, the exact shape of each wave. So what comes back is smooth.
#
# A *diffusion* autoencoder splits a trace in two. A code **z** of 128 numbers says what it is. A
# noise **x_T**, as long as the trace, holds all that z leaves open. Both together give the trace
# back. Nobody says what belongs in z. There is only one task, to find the noise in a noisy trace,
# and z may help: it is made from the *clean* trace. What the noise hides and 128 numbers can tell is
# worth telling, and that should be the rate, the rhythm, the shape of a beat.
#
# We take the trained model and records of one dataset, and of each record its first ten seconds.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
method = pretrained("semantic-autoencoder", dataset, ids, profile, seed=SEED)
some = [ids[i] for i in sorted(np.random.default_rng(SEED).permutation(len(ids))[:700])]
data = windows(dataset, method.spec, ids=some)
data = data.take(~data.table["record"].duplicated().to_numpy())
labels, FS = data.labels, data.fs
print(f"{dataset.title}: {len(data)} records of {data.spec.seconds:g} s at {FS:g} Hz")

# %% [markdown]
# The model has learned without labels. It may have seen these very records while it did.
#
# ## The architecture, drawn from the model
#
# The poster's Figure 1 shows the system as a diagram. A diagram can differ from the code, so we draw
# ours from the code: a *hook* on every part of both networks writes down what passes through in one
# forward pass, in order. A residual block that holds a map for the code takes both the step t and z.
# The pass is that of training: the module of `method.loss()` makes the noise, runs both networks and
# hands back the loss.


# %%
def parts_of(network: nn.Module, run) -> list[Part]:
    """Every part that ``run`` passes through, in order, with the shape that leaves it."""
    parts = {}

    def watch(name: str, module: nn.Module):
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            out = output[-1] if isinstance(output, tuple) else output
            blocks = [m for m in module.modules() if isinstance(m, ResBlock)]
            told = ("t", "z") if any(block.scale is not None for block in blocks) else ()
            title = f"{name}: {type(module).__name__}"
            parts.setdefault(name, Part(title, tuple(out.shape[1:]), told))

        return module.register_forward_hook(hook)

    hooks = []
    for name, child in network.named_children():
        inner = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        hooks += [watch(f"{name} {key}".strip(), module) for key, module in inner]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return list(parts.values())


# %% [markdown]
# What is inside an LRU block? Not all of it is a module, so hooks are not enough. `torch.fx` writes
# down every operation of a forward pass; we let it follow the block, but into none of its modules.
# (Dropout is left out of the picture: it only acts in training.)


# %%
class Follow(fx.Tracer):
    """Writes down a forward pass; a module in it is one operation."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return True


def inside(block: nn.Module, x: torch.Tensor) -> list[Part]:
    """Every operation on x in a block, in order, with the shape that leaves it."""
    graph = Follow().trace(block)
    ShapeProp(fx.GraphModule(block, graph)).propagate(x)
    nodes = [node for node in graph.nodes if "tensor_meta" in node.meta and node.op != "output"]
    parts = []
    for i, node in enumerate(nodes):
        name = getattr(node.target, "__name__", node.target)
        if node.op == "call_module":
            module = block.get_submodule(node.target)
            name = f"{name}: {type(module).__name__}"
            if isinstance(module, nn.Dropout):
                continue
        skips = i > 1 and nodes[0] in node.all_input_nodes
        parts.append(Part(name, tuple(node.meta["tensor_meta"].shape[1:]), skips=skips))
    return parts


# %% [markdown]
# The shapes below are (channels, samples), but in the encoder's blocks (steps, channels), as
# recurrent layers have it. Two coloured letters mark the parts that are told t and z. At the far
# left is the inside of one LRU block; what has no colon in its name is a plain function. Below it
# stand the LRU's equations (chapter 20) and the sizes of its parameters. The 2 in front is for the
# two directions, the 2 beside it in B and C for real and imaginary parts.

# %%
training = method.loss()
x = torch.from_numpy(np.array(data.signals[:1]))
shape = tuple(x.shape[1:])


def forward() -> torch.Tensor:
    """The loss of one trace, as in training."""
    return training(x, torch.Generator().manual_seed(SEED))


of_encoder, of_unet = parts_of(method.encoder, forward), parts_of(method.network, forward)
of_unet = [part for part in of_unet if "time" not in part.name]  # makes a vector of t, aside
middle = [i for i, part in enumerate(of_unet) if part.name.startswith("mid")]
noise = Part("noise", shape)
loss = Part(f"loss: {training.loss}", tuple(forward().shape))

# %%
opened = next(i for i, part in enumerate(of_encoder) if part.name.startswith("blocks"))
block = method.encoder.blocks[0]
of_block = inside(block, torch.zeros(1, *of_encoder[opened].shape))
sizes = {name: " x ".join(map(str, p.shape)) for name, p in block.lru.named_parameters()}
note = [r"$h_k = \lambda\, h_{k-1} + \gamma\, B\, x_k$", r"$y_k = \mathrm{Re}(C h_k) + D\, x_k$"]
note += [f"{name}: {size}" for name, size in sizes.items()]
figure = plot_architecture(
    [Part("x_0: a clean trace", shape), *of_encoder],
    [Part("x_t: the same, noisy", shape), *of_unet[: middle[0]]],
    [of_unet[i] for i in middle],
    of_unet[middle[-1] + 1 :],
    noise=noise,
    loss=loss,
    block=of_block,
    opened=opened + 1,  # x_0 comes first
    wanted={"noise": "wanted", "x0": "wanted: x_0"}.get(
        training.objective, "wanted: v, of it and x_0"
    ),
    note="\n".join(note),
)

# %%
places = {"encoder": of_encoder, "block": of_block, "U-Net": of_unet, "training": [noise, loss]}
rows = [
    (n, p.name, " x ".join(map(str, p.shape)), "".join(p.told))
    for n, parts in places.items()
    for p in parts
]
rows += [("LRU", name, size, "") for name, size in sizes.items()]
numbers = pd.DataFrame(rows, columns=["place", "part", "shape", "told"])
keep(figure, OUTPUT, "architecture", numbers=numbers, simulated=simulated)

# %% [markdown]
# Follow the two paths. In the middle column the clean trace x_0 gets shorter in the stem, keeps its
# steps through the LRU blocks, and loses them in the Attention Reducer (chapter 21): z. On the right
# the *noisy* trace x_t goes down the U and up again, dotted lines carry detail across, and the last
# part gives the guess. In the poster that is a guess of the noise which was added; the weights that
# come with the package guess a mixture of noise and trace called v, for a reason that this chapter
# comes to. The loss above it is the mean squared error of the guess. Its gradient runs through the
# orange arrow back into the encoder. There is no other way in which the encoder learns.
#
# In the LRU block, the recurrence is the only part that brings one step to another. What follows
# works on each step alone: GELU bends; the gate, a linear map of all channels, makes two numbers for
# each; and GLU keeps the first as far as the second lets it through. The dotted line adds the block's
# input to its output.
#
# ### Where z comes in
#
# Every block with an orange letter does the same. Its first convolution is normalised (GroupNorm),
# and then each channel is scaled and shifted by two numbers made of the step t, and scaled once more
# by a number made of z:
#
# `h <- GroupNorm(conv(x))`, `h <- h (1 + s_t) + b_t`, `h <- h (1 + s_z)`
#
# s_t, b_t and s_z are linear in their source, one number for each channel, and the same for every
# sample. So z cannot say "here is a beat". It can turn channels up and down. (The poster does not
# say how its blocks are conditioned; this is the diffusion autoencoder's way, and its place: between
# the block's two convolutions, after the GroupNorm there, first t and then z. What differs is that
# there a GroupNorm stands before each convolution, here after each.)
#
# **Exercise 1.** Write the modulation in three lines.


# %% tags=["solution"]
def modulate(h: torch.Tensor, of_t: torch.Tensor, s_z: torch.Tensor) -> torch.Tensor:
    """h (batch, channels, samples); of_t (batch, 2 channels), s_t first; s_z (batch, channels)."""
    s_t, b_t = of_t[..., None].chunk(2, dim=1)
    h = h * (1 + s_t) + b_t
    return h * (1 + s_z[..., None])


# %% tags=["check"]
torch.manual_seed(0)
_block = ResBlock(UNetConfig(dim=8, code=4), 8, 8)  # the package's block, taken apart
_x, _time, _code = torch.randn(2, 8, 20), torch.randn(2, 32), torch.randn(2, 4)
with torch.no_grad():
    _h = modulate(_block.norm1(_block.conv1(_x)), _block.step(F.silu(_time)), _block.scale(_code))
    _h = _block.norm2(_block.conv2(F.silu(_h)))
    assert torch.allclose(_x + F.silu(_h), _block(_x, _time, _code), atol=1e-5)

# %% [markdown]
# ## What it learns from
#
# The poster trains on "356099 10-second single-channel signal snippets sampled at 300Hz" of PTB-XL
# and MIT-BIH. How does one cut that many? No data are needed for the sum. PTB-XL has 21,799 records
# of ten seconds with twelve leads, each lead a snippet. What is left must be MIT-BIH: 48 records of
# half an hour with two channels. Side by side that would be far too few, so snippets must overlap.

# %%
leads = count_poster(WindowSpec(fs=300.0))["ptbxl"]
rows = []
for hop in (3000, 548, round(300 * POSTER_HOP), 546):
    count = count_poster(WindowSpec(fs=300.0, hop=hop / 300))
    total = sum(count.values())
    rows.append({"hop (s)": hop / 300, **count, "sum": total, "less the poster's": total - 356_099})
print(f"left for MIT-BIH: 356,099 - {leads:,} = {356_099 - leads:,}, by channel {94_511 / 96:.2f}")
pd.DataFrame(rows).style.format({"hop (s)": "{:.3f}"}, thousands=",")

# %% [markdown]
# The number left is no multiple of 96 channels, so no single hop over whole records can give it. A
# hop of 547 samples comes nearest, with 49 snippets more than the poster counts; one sample more or
# less in the hop misses by many. This is our reading, not a fact of the paper: a few bad snippets
# may have been dropped. 73 % of the snippets are leads of ten-second records, and twelve leads see
# one heart. So there are far fewer hearts than snippets.
#
# In the package, a `Corpus` puts datasets side by side and makes a record of every lead:

# %%
corpus = Corpus([(dataset, ids[:2])])
print(corpus.ids(), "...")

# %% [markdown]
# ## A small one, trained here
#
# To see the code become useful we train a small autoencoder now: windows of 2.56 s, a U-Net of three
# levels, one LRU block, a code of 32 numbers. Every fifth record is held out.

# %%
encoder = SemanticEncoderConfig(width=32, state=16, blocks=1, strides=(2, 2))
unet = UNetConfig(dim=16, multipliers=(1, 2, 2), head_width=8, code=32)
spec = WindowSpec(seconds=2.56, fs=100.0, scaling="zscore")
small = SemanticAutoencoder(
    SemanticAutoencoderConfig(encoder=encoder, unet=unet, windows=spec), seed=SEED
)
short = windows(dataset, spec, ids=some[:400])
_, record_of = short.records()
learn, test = (short.take(mask) for mask in (record_of % 5 != 0, record_of % 5 == 0))
test = test.take(~test.table["record"].duplicated().to_numpy())  # one window of each heart
config = TrainConfig(
    steps=profile.beat_steps // 5, batch_size=8, lr=4e-3, warmup=profile.beat_steps // 20, seed=SEED
)
report = small.pretrain(learn, config=config)
figure = plot_loss(report.losses, trivial=1.0)
numbers = pd.DataFrame({"step": np.arange(len(report.losses)), "loss": report.losses})
keep(figure, OUTPUT, "training", numbers=numbers, simulated=simulated)

# %% [markdown]
# The curve looks like that of any denoiser. It does not say whether the network uses z at all: it
# could have learned to ignore it. For that, ask the same network the same question, with a wrong
# code. Four codes for each held-out window:
#
# - its **own**;
# - that of **another record**: a possible code, but of the wrong heart;
# - the **mean** of all codes: what one knows of a heart before seeing it;
# - **zeros**.
#
# The window, the step and the noise are the same for all four.


# %%
def noise_losses(model: SemanticAutoencoder, x: torch.Tensor, steps: tuple) -> pd.DataFrame:
    """The loss of every window of x (records, 1, samples) at each step, with four codes."""
    z = model.encode(x)
    codes = {"own": z, "another record's": z.roll(1, dims=0)}
    codes |= {"mean": z.mean(dim=0).expand_as(z), "zeros": torch.zeros_like(z)}
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(SEED))
    rows = []
    for t in steps:
        at = torch.full((len(x),), t)
        xt = model.schedule.q_sample(x, at, noise)
        for name, code in codes.items():
            with torch.no_grad():
                guess = model.network(xt, at, code)
            guess = predict_noise(model.schedule, model.options.objective, xt, at, guess)
            error = ((guess - noise) ** 2).mean(dim=(1, 2))
            rows += [(t, name, i, float(e)) for i, e in enumerate(error)]
    return pd.DataFrame(rows, columns=["t", "code", "window", "loss"])


def report_shares(table: pd.DataFrame) -> None:
    """Print where the own code saves most, and what it saves at the strongest noise."""
    for against, words in (("another record's", "another record's"), ("mean", "the mean")):
        shares = saved(table, own="own", against=against)
        most, last = shares.loc[shares["share"].idxmax()], shares.iloc[-1]
        told = (f"{100 * s['share']:.1f} +- {100 * s['error']:.1f} % at t = {s['t']:.0f}"
                for s in (most, last))  # fmt: skip
        print(f"against {words + ' code':<21} the own one saves {' and '.join(told)}")


# %%
STEPS_OF_T = (10, 50, 100, 200, 300, 500, 700, 900)
table = noise_losses(small, torch.from_numpy(np.array(test.signals[:80])), STEPS_OF_T)
figure = plot_noise_loss(table, own="own", against="another record's")
report_shares(table)
keep(figure, OUTPUT, "hint_small", numbers=table, simulated=simulated)

# %% [markdown]
# On the left the four lines lie close together: this code is still young. Look at the right picture,
# what share of the error the own code saves. Where the points lie above the grey line by more than
# their bars, z tells the denoiser something about *this* heart. At small t there is little to tell,
# since the beat stands in x_t for all to see. At the largest t nearly all of x_t is noise, to say
# "it is all noise" is nearly right, and no code can help much. Between the two lies what the code
# learns from. (Printed are the most that it saves and what it saves at the last t, with standard
# errors: against a false code, and against the mean one, which says nothing of this record. A young
# code can lose to the latter under strong noise.)
#
# ## The trained one
#
# Now the large one, on windows of ten seconds with a code of 128 numbers. With the weights that come
# with the package, it has seen more than a hundred times as many windows.

# %%
table = noise_losses(method, torch.from_numpy(np.array(data.signals[:40])), STEPS_OF_T)
figure = plot_noise_loss(table, own="own", against="another record's")
report_shares(table)
keep(figure, OUTPUT, "hint", numbers=table, simulated=simulated)

# %% [markdown]
# The same reading, and the largest share is printed above the figure. With the weights that come
# with the package and real records the hump is the same, but far higher: near t = 300 the own code
# saves about seven tenths of what another record's code leaves wrong.
#
# Two more things stand on the left. The line of the mean code lies between: to say nothing is better
# than to say something false, so the gain over "mean" is the fairer measure of what z tells. It is
# more than half of the loss, near t = 300 as well. And "zeros" is not "no information": it is a code
# that no trace has, and up to t = 300 the network fails on it for that reason alone.
#
# ## Which error teaches the code
#
# Look at the left picture again, at large t. The loss is small there whatever the code: to find the
# noise where all is noise is easy. But what x_0 is, x_t no longer says; that is where a code could
# tell most. The loss does not see it. Error of the noise and error of the trace are one mistake in two
# units, since `x_t = a x_0 + b noise` holds for the guesses too: `a` times the one error is `-b` times
# the other. Squared, an error of the trace counts `a^2 / b^2` in the loss of the noise, and that is the
# signal-to-noise ratio: 0.08 at t = 500, 0.002 at t = 800.
#
# One may ask the same network for the trace itself (every error counts 1), or for
# `v = a noise - b x_0` (Salimans & Ho 2022). All three say the same thing, given x_t.
#
# **Exercise 2.** How much does an error of 1 in the trace count in the loss of v? Start from
# `v = a noise - b x_0`, put in `noise = (x_t - a x_0) / b`, and remember that `a^2 + b^2 = 1`.


# %% tags=["solution"]
def weight_of_v(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The squared error of v where that of the trace is 1."""
    return 1 / b**2


# %% tags=["check"]
_schedule, _t = NoiseSchedule.linear(1000), torch.arange(100, 1000)
_x0, _noise = torch.randn(2, 900, 1, generator=torch.Generator().manual_seed(0))
_right = target(_schedule, "v", _x0, _t, _noise)
_trace = predict_x0(_schedule, "v", _schedule.q_sample(_x0, _t, _noise), _t, _right + 0.1)
_ratio = (
    0.1**2 / (_trace - _x0) ** 2
)  # a guess of v that is wrong by 0.1, and what that makes of x_0
assert torch.allclose(weight_of_v(*_schedule.coefficients(_t, _x0)), _ratio, rtol=0.01)

# %%
a, b = method.schedule.signal_scale, method.schedule.noise_scale
weights = {"noise": a**2 / b**2, "x0": torch.ones_like(a), "v": weight_of_v(a, b)}
table = pd.concat(
    pd.DataFrame({"t": range(len(w)), "predicted": name, "weight": w.numpy()})
    for name, w in weights.items()
)
keep(plot_error_weights(table), OUTPUT, "error_weights", numbers=table)
print(table[table["t"].isin([100, 300, 500, 700])].pivot(index="t", columns="predicted").round(3))

# %% [markdown]
# Where little noise is added, v counts errors as the noise does. Where there is much, the noise's line
# falls away and v's stays at one: there v is nearly the trace itself (but for its sign), and a wrong
# heart is a large error. So v pays z for what only z can know. That is a reason to expect a better code,
# and no evidence of one. For that, trainings that differ in nothing else (`ecglab pretrain
# --objective`), in two pairs, read by the linear probe of chapter 23:

# %%
from IPython.display import Markdown

Markdown(pairs_table(stored_results(), "objectives"))

# %% [markdown]
# After 4,800 steps both codes are as good as each other. After 400 v is a little ahead: in macro-F1 by
# less than its interval, in the official score by more in two of three seeds of folds. Each was
# trained once, and the intervals do not show how much another training would differ. A sound reason,
# a neat picture, and in the end no effect to be seen: measure. (In the package the profile `paper`
# predicts the noise, as published, and the others v.)
#
# ## Taking a trace apart: x_T
#
# z is one half. For the other, walk the sampler's path backwards. DDIM's step (chapter 02) takes a
# guess of x_0 and of the noise and mixes them for another step. Nothing forces that step to be a
# cleaner one.
#
# **Exercise 3.** Write the step of the inversion: from x at the step s to the noisier step u.


# %% tags=["solution"]
def step_up(xs, noise, bar_s, bar_u):
    """x_u from x_s and the predicted noise; bar is alpha_bar of each step."""
    x0 = (xs - (1 - bar_s).sqrt() * noise) / bar_s.sqrt()
    return bar_u.sqrt() * x0 + (1 - bar_u).sqrt() * noise


# %% tags=["check"]
_schedule = NoiseSchedule.linear(1000)
_xs, _noise = torch.randn(2, 1, 1, 12, generator=torch.Generator().manual_seed(0))
_by_hand = step_up(_xs, _noise, *_schedule.alphas_cumprod[[0, 999]])
_packaged = ddim_invert(lambda x, t: _noise, _schedule, _xs, steps=2)
assert torch.allclose(_by_hand, _packaged, atol=1e-4)

# %% [markdown]
# Up and down again should lead back to the start. It would do so exactly if the guess of the noise
# were the same on both ways, which it nearly is when steps are small. We measure it on four records,
# two normal ones and two in fibrillation, with the cleanest traces there are.


# %%
def unrest(trace: np.ndarray) -> float:
    """The largest deflection over the usual one of a second: near 1 in a clean trace."""
    tops = np.abs(trace[: len(trace) // 10 * 10].reshape(10, -1)).max(axis=1)
    return float(tops.max() / max(np.median(tops), 1e-6))


def cleanest(label: str, n: int, within: np.ndarray | None = None) -> np.ndarray:
    """The places of the n cleanest windows of a class."""
    places = np.flatnonzero(labels == label) if within is None else within
    return places[np.argsort([unrest(data.signals[i, 0]) for i in places])[:n]]


def traces(places: np.ndarray) -> torch.Tensor:
    """Windows as the networks take them, (n, 1, samples)."""
    return torch.from_numpy(np.array(data.signals[places]))


def alike(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Correlation of each trace with its partner, (n,)."""
    a, b = (v[:, 0] - v[:, 0].mean(dim=1, keepdim=True) for v in (a, b))
    return F.cosine_similarity(a, b, dim=1).numpy()


STEPS = 50 if PROFILE != "smoke" else 4
shown = np.concatenate([cleanest("N", 2), cleanest("A", 2)])
x, names = traces(shown), [f"{data.table['record'][i]} ({labels[i]})" for i in shown]
z = method.encode(x)
rows = []
for steps in (10, 25, 100) if PROFILE != "smoke" else (2, 4):
    both = method.decode(z, method.invert(x, z, steps=steps), steps=steps)
    rows.append({"steps": steps, **dict(zip(names, alike(x, both), strict=True))})
print("correlation of a trace with itself, after the way up and down:")
pd.DataFrame(rows).round(3)

# %% [markdown]
# Read down a column: the more steps, the nearer to 1. So z and x_T together hold the trace, up to
# the size of the steps. That is true of *any* code, even a useless one, since then x_T holds it all:
# a perfect reconstruction says nothing about z. What does z hold alone?
#
# ## What z keeps alone
#
# Take the z of a record, but a fresh x_T from the random number generator. If z says what the trace
# is, the new one is another recording of the same heart; two x_T give two recordings.

# %%
fresh = torch.randn((2, *x.shape), generator=torch.Generator().manual_seed(SEED))
alone = [method.decode(z, noise, steps=STEPS) for noise in fresh]
variants = {"original": x, "z and x_T": both, "z, new x_T": alone[0], "z, another x_T": alone[1]}
panels = {n: {v: y[i, 0].numpy() for v, y in variants.items()} for i, n in enumerate(names)}
figure = plot_stacks(panels, fs=FS)
time = {"time_s": np.arange(x.shape[-1]) / FS}
numbers = pd.concat([pd.DataFrame(time | panel).assign(record=n) for n, panel in panels.items()])
keep(figure, OUTPUT, "reconstructions", numbers=numbers, simulated=simulated)

# %% [markdown]
# Second line of a panel: z with its own x_T, the trace again. Third and fourth line: z with a new
# x_T. All traces of a panel are drawn on the first one's scale, and a line that is cut above or below
# is too large. Three questions. Are these heartbeats? Does one see *whose*: how deep is the S behind
# the R, how high is the T wave? And do they come as fast, and as regularly, as in the first line?
#
# With the weights that come with the package and real records, these are heartbeats, and one sees
# whose: they have the shape of the first line's. But they fall at other times, with pauses and early
# beats that a normal record does not have.
#
# Now in numbers, for more records. From each trace we take the mean beat, the median RR interval,
# and the median *jump* from one interval to the next in units of it, as in chapter 20: small in a
# steady rhythm, large in fibrillation. (Where fewer than four beats are found there is no number,
# and the trace is counted as lost.) The control is the code of another record, drawn at random from
# these, with the same new x_T: what comes out of both alike is the model's favourite, not the
# record's own.


# %%
def rhythm(y: torch.Tensor) -> pd.DataFrame:
    """Median RR interval, s, and median jump, of traces (n, 1, samples)."""
    rows = []
    for trace in y[:, 0].numpy():
        rr = np.diff(rpeaks(trace, FS)) / FS
        rows.append((np.median(rr), np.median(np.abs(np.diff(rr))) / np.median(rr)) if len(rr) > 2
                    else (np.nan, np.nan))  # fmt: skip
    return pd.DataFrame(rows, columns=["rr", "jump"])


def mean_beat(trace: np.ndarray) -> np.ndarray:
    """From 0.25 s before to 0.45 s after the R-peak, at each moment the median over the beats."""
    before, after = round(0.25 * FS), round(0.45 * FS)
    peaks = [i for i in rpeaks(trace, FS) if before <= i < len(trace) - after]
    beats = [trace[i - before : i + after] for i in peaks]
    return np.median(beats, axis=0) if beats else np.full(before + after, np.nan)


def same_beat(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Correlation of each trace's mean beat with that of its partner, (n,)."""
    beats = ([mean_beat(trace) for trace in v[:, 0].numpy()] for v in (x, y))
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(*beats, strict=True)])


# %%
many = np.concatenate([cleanest("N", 16), cleanest("A", 16)])
x, z = traces(many), method.encode(traces(many))
noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(SEED + 1))
order = np.random.default_rng(SEED).permutation(len(many))
partner = np.empty_like(order)
partner[order] = np.roll(order, 1)  # one ring of all: nobody is its own partner
pairs = {"own z, new x_T": z, "another's z, same x_T": z[partner]}
decoded = {name: method.decode(code, noise, steps=STEPS) for name, code in pairs.items()}
original = rhythm(x).add_suffix("_original").assign(record=data.table["record"].to_numpy()[many])
kept = pd.concat(
    [
        rhythm(y).assign(group=name, alike=alike(x, y), beat=same_beat(x, y)).join(original)
        for name, y in decoded.items()
    ]
)

# %% [markdown]
# The figure has a dot for each decoded trace: what it was in the original to the right, what it is
# now upwards.

# %%
measures = {"rr": "median RR (s)", "jump": "median jump of RR"}
figure = plot_kept(kept, measures, groups=list(pairs))
keep(figure, OUTPUT, "kept", numbers=kept, simulated=simulated)

# %%
rows = {}
for name, mine in kept.groupby("group", sort=False):
    rows[name] = {
        "correlation of the traces": mine["alike"].mean(),
        "correlation of the mean beats, median": mine["beat"].median(),
        "error of RR (s), median": (mine["rr"] - mine["rr_original"]).abs().median(),
        "rank correlation of RR": mine["rr"].corr(mine["rr_original"], method="spearman"),
        "rank correlation of jumps": mine["jump"].corr(mine["jump_original"], method="spearman"),
        "median jump": mine["jump"].median(),
        "median jump, originals": mine["jump_original"].median(),
        "lost": mine["rr"].isna().sum(),
    }
pd.DataFrame(rows).round(2)

# %% [markdown]
# Read the left column against the right one; where both are alike, z does not steer.
#
# - **The traces** do not correlate in either column. The new x_T puts the beats elsewhere, and a
#   shift of half a beat is enough to undo a correlation.
# - **The beat's shape** is in z, if the mean beats correlate on the left and not on the right.
# - **The rate** is in z, if the error of RR is smaller on the left and its rank correlation larger.
#   In the figure's left panel the blue dots then lie nearer to the dotted line.
# - **The rhythm**: the same for the jumps, in the right panel.
#
# With the weights that come with the package and real records, shape and rate are kept closely, and
# the rhythm in part: an uneven heart comes out uneven more often than an even one, but most come out
# less even than they were. Perhaps that is a question of training. A beat needs only its surroundings
# to be drawn well, but even beats need a plan for ten seconds. And the jumps say what z *writes*.
# What can be *read* from it is another question: the end of this chapter and chapter 23 ask it.
#
# ## Between two hearts
#
# A picture that diffusion autoencoders are known for: the way from one sample to another. z moves on
# a straight line. x_T cannot: a point halfway between two independent noises is too short by
# sqrt(2), and the sampler has never started from there. It moves along the arc between the two.
#
# **Exercise 4.** Write this *spherical* interpolation, with the angle `w` between a and b:
# `(sin((1 - s) w) a + sin(s w) b) / sin(w)`.


# %% tags=["solution"]
def slerp(a: torch.Tensor, b: torch.Tensor, s: float) -> torch.Tensor:
    """From a (s = 0) to b (s = 1), both of any one shape, along the arc between them."""
    w = torch.arccos(F.cosine_similarity(a.flatten(), b.flatten(), dim=0))
    return (torch.sin((1 - s) * w) * a + torch.sin(s * w) * b) / torch.sin(w)


# %% tags=["check"]
_a, _b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
assert torch.allclose(slerp(_a, _b, 0.5), torch.tensor([2.0, 2.0]) / 2**0.5)
assert torch.allclose(slerp(_a, _b, 0.0), _a)
assert torch.allclose(slerp(_a, _b, 1.0), _b, atol=1e-6)
_a, _b = torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(0))
assert abs(float(slerp(_a, _b, 0.3).std()) - 1) < 0.03  # still noise of deviation one
assert float(((_a + _b) / 2).std()) < 0.8  # what a straight line would do

# %% [markdown]
# z and x_T can be moved one by one, so we decode a grid: five shares of the second record's z, times
# five of its x_T. From the normal record above with the cleanest trace to the first one in
# fibrillation. In the explorer, move both sliders.

# %%
shares = np.linspace(0, 1, 5)
ends = {"normal": cleanest("N", 1), "fibrillation": cleanest("A", 1)}
codes = [method.encode(traces(i)) for i in ends.values()]
noises = [
    method.invert(traces(i), code, steps=STEPS)
    for i, code in zip(ends.values(), codes, strict=True)
]
moved_z = torch.cat([torch.lerp(*codes, float(s)) for s in shares])
moved_x = torch.cat([slerp(*noises, float(s)) for s in shares])
grid = method.decode(moved_z.repeat_interleave(5, 0), moved_x.repeat(5, 1, 1), steps=STEPS)
grid = grid[:, 0].numpy().reshape(5, 5, -1)

# %% tags=["live"]
explorer = InterpolationExplorer(grid, fs=FS, names=list(ends))
explorer

# %% [markdown]
# The same as a picture: both halves moved together, z alone, and x_T alone.

# %%
ways = {
    "z and x_T moved": grid[range(5), range(5)],
    "only z moved": grid[:, 0],
    "only x_T moved": grid[0],
}
panels = {
    name: {f"{100 * s:.0f} %": trace for s, trace in zip(shares, way, strict=True)}
    for name, way in ways.items()
}
figure = plot_stacks(panels, fs=FS, columns=3, row=0.9)
numbers = pd.concat([pd.DataFrame(time | panel).assign(moved=n) for n, panel in panels.items()])
keep(figure, OUTPUT, "interpolation", numbers=numbers, simulated=simulated)


# %%
def stay(first: np.ndarray, trace: np.ndarray) -> str:
    """How many of the first trace's beats have one of the other's within 0.1 s."""
    before, now = rpeaks(first, FS), rpeaks(trace, FS)
    near = [len(now) > 0 and np.abs(now - peak).min() <= 0.1 * FS for peak in before]
    return f"{sum(near)} of {len(near)}"


for name, way in ways.items():
    print(f"{name:<16} beats that stay:      " + ", ".join(stay(way[0], trace) for trace in way))
    beats = [mean_beat(trace) for trace in way]
    for what, these in (("trace", way), ("mean beat", beats)):
        steps = [float(np.corrcoef(these[0], one)[0, 1]) for one in these]
        print(f"{name:<16} {what:<9} with the first: " + ", ".join(f"{r:.2f}" for r in steps))

# %% [markdown]
# Compare the last two panels, and the printed correlations with the first line. With the weights
# that come with the package and real records, the halves share the work, but not as strictly as one
# would like:
#
# - where only **z** moves, the beats take on the other heart's shape. Halfway most are still at their
#   places, at the end a third (some by chance): z has a say in the timing too;
# - where only **x_T** moves, the shape stays and the beats go elsewhere.
#
# In between, not every line is a heart. Look for beats that come too soon after the last one, or for
# a pause where one half has given up a beat and the other has not brought a new one.
#
# ## Along a class
#
# If the codes of a class lie to one side, there is a direction that leads there: from the mean z of
# normal records to the mean z of those in fibrillation. One half of the records gives the direction.
# The other half tells, first, whether it is one: do their codes lie along it by class?

# %%
codes = torch.from_numpy(method.embed(data))
half = np.arange(len(data)) % 2 == 0


def between(label: np.ndarray) -> torch.Tensor:
    """From the mean code of N to that of A in the first half, (128,)."""
    return codes[half & (label == "A")].mean(dim=0) - codes[half & (label == "N")].mean(dim=0)


two = np.isin(labels, ["N", "A"])
shuffled = labels.copy()
shuffled[two] = np.random.default_rng(SEED).permutation(labels[two])
directions = {"to fibrillation": between(labels), "shuffled labels": between(shuffled)}
length = directions["to fibrillation"].norm()
directions = {name: d * length / d.norm() for name, d in directions.items()}
for name, direction in directions.items():
    place = (codes @ direction).numpy()[~half & two]
    score = bootstrap_ci(labels[~half & two] == "A", place, auroc, n=profile.resamples, seed=SEED)
    print(f"{name:<16} AUROC of A against N in the other half: {score}")

# %% [markdown]
# The control is a direction from the same sum with the labels shuffled, made as long as the first.
# 0.5 is chance. A value above it, by more than its interval, says that the direction can be *read*. Can it also be *written*? We
# take normal records of the other half, with their own x_T, move z by one and by three times the
# distance between the class means, decode, and look for what makes fibrillation: RR intervals that
# jump.

# %%
normal = cleanest("N", 8, within=np.flatnonzero(~half & (labels == "N")))
x, z = traces(normal), codes[normal]
noise = method.invert(x, z, steps=STEPS)
amounts, unmoved = (0, 1, 3), method.decode(z, noise, steps=STEPS)
moved = {(name, 0): unmoved for name in directions}
for name, direction in directions.items():
    for amount in amounts[1:]:
        moved[name, amount] = method.decode(z + amount * direction, noise, steps=STEPS)
table = pd.concat(
    [
        rhythm(y).assign(direction=name, amount=amount, record=range(len(y)), alike=alike(x, y))
        for (name, amount), y in moved.items()
    ]
)

# %% [markdown]
# First one record to look at, then the jumps of all.

# %%
panels = {
    name: {"original": x[0, 0].numpy()}
    | {f"moved by {amount}": moved[name, amount][0, 0].numpy() for amount in amounts}
    for name in directions
}
figure = plot_stacks(panels, fs=FS)
numbers = pd.concat(
    [pd.DataFrame(time | panel).assign(direction=name) for name, panel in panels.items()]
)
keep(figure, OUTPUT, "along_traces", numbers=numbers, simulated=simulated)

# %% [markdown]
# Look for beats that come early or late in the last line of the left panel. What else changes there?
# And does it change in the right panel too?

# %%
figure = plot_moves_along(table, measure="jump", label="median jump of RR")
keep(figure, OUTPUT, "along", numbers=table, simulated=simulated)

# %%
wide = table.pivot(index="record", columns=["direction", "amount"], values="jump")
for name in directions:
    rise = (wide[name][amounts[-1]] - wide[name][0]).dropna()
    near = table.query("direction == @name and amount == @amounts[-1]")["alike"].mean()
    error = rise.std() / max(len(rise), 1) ** 0.5
    print(f"{name:<16} the jump rises by {rise.mean():.3f}, standard error {error:.3f};")
    print(f"{'':<16} the moved traces correlate with the originals by {near:.2f}")

# %% [markdown]
# Three answers are possible. The left mean rises and the right one does not: the direction writes
# fibrillation. Both rise: any push of this length makes the rhythm uneven. Neither rises: the
# direction can be read but not written, for as long as x_T holds the beats where they are. Hold the
# printed rises against their errors, and one another.
#
# With the weights that come with the package and real records it is the second: the direction *reads*
# fibrillation well in records that did not make it, and yet the shuffled one makes jumps too: two
# standard errors do not part the two rises. Whoever leaves out the right panel has a convincing and
# wrong picture on the left.
#
# Be careful with the first answer as well. A trace with jumping intervals is not yet fibrillation: P
# waves would have to go, and a baseline of f-waves to come. To claim that, measure them.
#
# ## What to take along
#
# - A diffusion autoencoder splits a trace into z, what it is, and x_T, what is left. Only denoising
#   trains z, by scaling the channels of every block.
# - A loss pays for what it counts. The noise's error hardly counts a wrong heart under much noise, that of
#   v does. Whether the code is better for it, a probe has to say.
# - What z tells is a difference of losses: own code against the mean one, or another record's. Zeros
#   are no control.
# - z and x_T give the trace back whatever z is worth. Only z with a new x_T, and a control beside it,
#   shows what z holds: here the shape of a beat, the rate, and something of the rhythm. When the beats
#   fall is mostly in x_T, but not there alone.
# - Reading a direction and writing along it are two claims. Each needs its own test.
# - Chapter 23 reads: a linear probe on z.
