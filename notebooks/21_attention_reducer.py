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
# # The Attention Reducer: from any length to one vector
#
# **You will be able to**
# - say what the mean, the maximum and the last step of a sequence each forget;
# - write the Attention Reducer, with a mask for padding, and tell it from self-attention;
# - take one number of a code apart: which steps it reads, and what it reads there;
# - pick the number that knows most about a class, and report it without fooling yourself.
#
# **Minutes**: 40 to read and do, about 1 to run.
#
# **Prerequisites**: chapters 03 (intervals by the bootstrap) and 20. Softmax; correlation.
#
# **Paper**: semantic diffusion autoencoder (Marcinkowski et al. 2025), section "Semantic Encoder:
# Attention Reducer", and its Figure 2.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/21_attention_reducer"

# %% tags=["setup"]
import numpy as np
import pandas as pd
import torch
from scipy.signal import lfilter

from ecglab.data.choose import choose
from ecglab.evaluation import auroc, bootstrap_ci
from ecglab.methods import pretrained
from ecglab.nn import PoolingReducer
from ecglab.plots import keep, use_style
from ecglab.plots.recurrence import eigenvalue, plot_amplitudes
from ecglab.plots.reducer import plot_around_beats, plot_likeness, plot_on_beats, plot_selection
from ecglab.plots.semantic import hover_reduced
from ecglab.plots.style import CLASS_NAMES
from ecglab.profiles import load_profile
from ecglab.signals import bandpass, resample, rpeaks, scale
from ecglab.widgets.reducer import ReducerExplorer, Reduction

use_style()

# %% [markdown]
# The semantic encoder of the second system reads a trace step by step, as chapter 20 did: a stem of
# convolutions, some blocks of linear recurrent units, and for each step a vector of 128 numbers. A
# classifier, and the denoiser that the encoder is trained with, want *one* vector for the whole
# trace, whether that lasts nine seconds or sixty. This chapter is about the last layer, which makes
# one of many.
#
# We take a trained encoder. (It learns together with a denoiser and without a label; it may have
# seen the records below.) Then we need records of half a minute, as many normal ones (N) as ones in
# atrial fibrillation (A).

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
method = pretrained("semantic-autoencoder", dataset, ids, profile, seed=SEED)
encoder, FS = method.encoder.cpu(), method.spec.fs
STEP = encoder.config.stride / FS  # seconds from one step to the next
CHANNELS = encoder.config.width

most = 120 if PROFILE != "smoke" else 12  # records of each rhythm
hearts = {"N": [], "A": []}  # name, filtered trace of 30 s, times of the beats
for record in dataset.records(ids):
    found = hearts.get("|".join(record.labels), [])
    if len(found) < most and record.seconds >= 30:
        times = rpeaks(record.signal[0], record.fs) / record.fs
        if (times < 10).sum() >= 5:
            trace = resample(bandpass(record.signal[0], record.fs), record.fs, FS)
            found.append((record.id, trace[: round(30 * FS)], times))
    if all(len(found) == most for found in hearts.values()):
        break
print(f"{dataset.title}: {len(hearts['N'])} normal records, {len(hearts['A'])} in fibrillation")
print(f"{CHANNELS} channels; a step every {1000 * STEP:.0f} ms, {10 / STEP:.0f} in ten seconds")

# %% [markdown]
# The encoder was trained on stretches of ten seconds, each scaled to unit variance. `stretch` cuts
# what it is used to. Our first example is a normal record: among the third with the cleanest
# traces, the one with the steadiest beats.


# %%
def stretch(trace: np.ndarray, start: float = 0.0, stop: float = 10.0) -> np.ndarray:
    """Seconds ``start`` to ``stop`` of a trace, z-scored."""
    return scale(trace[round(start * FS) : round(stop * FS)], "zscore").astype(np.float32)


def unrest(trace: np.ndarray) -> float:
    """The largest deflection over the usual one of a second: near 1 in a clean trace."""
    tops = np.abs(stretch(trace)).reshape(10, -1).max(axis=1)
    return float(tops.max() / np.median(tops))


clean = sorted(hearts["N"], key=lambda heart: unrest(heart[1]))[: max(1, most // 3)]
_, trace, times = min(clean, key=lambda heart: np.diff(heart[2]).std())
x, times = stretch(trace), times[times < 9.5]

# %% [markdown]
# ## What three simple answers forget
#
# One channel is enough to see the problem. We take one that we know: the state of chapter 20 that
# rings at 10 Hz and forgets in 0.05 s. Its amplitude is loud at every QRS complex. Three ways to
# make one number of the sequence: its *mean*, its *maximum*, and its *last* value.
#
# We change the trace in three ways, by hand, and ask each number what it has noticed.
#
# - **a pause**: one QRS complex in the middle is taken out. A doctor wants to know.
# - **a knock**: somebody touches the electrode, for 30 ms. Nobody wants to know.
# - **an early end**: the recording stops at one of its last beats. This should hardly matter.


# %%
def loudness(x: np.ndarray) -> np.ndarray:
    """|h| of the state of 10 Hz and 0.05 s, (samples,)."""
    return np.abs(lfilter([1], [1, -eigenvalue(10.0, 0.05, fs=FS)], x)) / FS


beat = round(FS * times[len(times) // 2])
a, b = beat - round(0.08 * FS), beat + round(0.1 * FS)
pause, knock = x.copy(), x.copy()
pause[a:b] = np.linspace(x[a], x[b], b - a)
at = beat + round(0.35 * FS)
knock[at : at + round(0.03 * FS)] += 3 * np.abs(x).max()
end = round(FS * (times[-1] + 0.05))
variants = {"a pause": pause, "a knock": knock, "an early end": x[:end]}


# %% [markdown]
# How much does each number change, in per cent of its value for the trace as recorded? And as a
# yardstick: how far is another normal record away, in the median?


# %%
def three(y: np.ndarray) -> np.ndarray:
    """Mean, maximum and last value of the loudness."""
    v = loudness(y)
    return np.array([v.mean(), v.max(), v[-1]])


changes = {name: three(y) / three(x) - 1 for name, y in variants.items()}
others = np.array([three(stretch(heart[1])) for heart in hearts["N"]])
changes["another record"] = np.median(np.abs(others / three(x) - 1), axis=0)
table = 100 * pd.DataFrame(changes, index=["mean", "max", "last"]).T
columns = {name: (y, {"|h|": loudness(y)}) for name, y in {"as recorded": x, **variants}.items()}
figure = plot_amplitudes(columns, fs=FS, unit="z-scored")
for axis, usual in zip(figure.axes[:: len(columns)], (x, loudness(x)), strict=True):
    axis.set_ylim(
        1.15 * min(usual.min(), 0), 1.15 * usual.max()
    )  # the knock would flatten the rest
drawn = [
    pd.DataFrame({"change": name, "time_s": np.arange(len(y)) / FS, "trace": y, **channel})
    for name, (y, channel) in columns.items()
]
numbers = pd.concat([table.rename_axis("change").reset_index(), *drawn])
keep(figure, OUTPUT, "variants", numbers=numbers, simulated=simulated)

# %% [markdown]
# Above is the trace, below the channel. Each panel differs from the first in one place. (The knock
# is three times as high as the trace; it leaves the picture.) The table has the changes in per cent.

# %%
table.round(1)

# %% [markdown]
# Read the table by columns.
#
# - The **mean** notices the pause only a little, as one beat of many. Hold it against the last
#   line, by which one heart differs from another; and in a record of a minute the same pause would
#   be worth a sixth of what it is worth here.
# - The **maximum** hardly notices the pause, since another beat is about as loud, but the knock is
#   all it sees. And in training only one step of the sequence would learn, the loudest.
# - The **last** step has forgotten pause and knock: its memory is 0.05 s. What it does say depends
#   on where in a beat the recording happened to end. A state with a longer memory forgets later,
#   but it forgets.
#
# Other channels would have other numbers. But no choice between the three is right for all: what
# marks fibrillation should be looked for everywhere, what marks a rare beat where that beat is. So
# let each channel *learn* where to look.
#
# ## The Attention Reducer
#
# The poster gives it in one sentence. X is the sequence, with C channels and L steps. Two matrices
# of C x C weights are learned:
#
# `A = W_a X` (where to look), `V = W_v X` (what is there),
#
# `S_ct = exp(A_ct) / sum_k exp(A_ck)`, `z_c = sum_t S_ct V_ct`.
#
# Each channel c has weights S of its own over time, positive and with sum one. (In the poster's
# denominator the sum runs over k, but its term, exp(A_it), has no k. Were t the step above the
# line, every fraction would be 1 / L, and the layer nothing but a mean. We read it as a misprint.)
# We store X with time first, as PyTorch layers do: (steps, channels).
#
# **Exercise 1.** Write it for one sequence.


# %% tags=["solution"]
def reduce(
    x: torch.Tensor, w_a: torch.Tensor, w_v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z (channels,), and S and V (steps, channels) of a sequence x (steps, channels)."""
    a, v = x @ w_a.T, x @ w_v.T
    s = torch.softmax(a, dim=0)
    return (s * v).sum(dim=0), s, v


# %% tags=["check"]
_x, _wa, _wv = (torch.randn(n, 3, generator=torch.Generator().manual_seed(n)) for n in (5, 3, 3))
_wv = _wv + torch.eye(3)
for _c in range(3):  # the poster's equations, one number at a time
    _a = [sum(float(_wa[_c, j] * _x[t, j]) for j in range(3)) for t in range(5)]
    _v = [sum(float(_wv[_c, j] * _x[t, j]) for j in range(3)) for t in range(5)]
    _total = sum(np.exp(a) for a in _a)
    _z = sum(np.exp(a) / _total * v for a, v in zip(_a, _v, strict=True))
    assert np.isclose(float(reduce(_x, _wa, _wv)[0][_c]), _z, atol=1e-5)
assert torch.allclose(reduce(_x, _wa, _wv)[1].sum(dim=0), torch.ones(3))

# %% [markdown]
# The trained encoder has such a layer at its end. `encoder.sequence` gives what it reads,
# `encoder.reduce.explain` what it makes of it. By hand, with the encoder's own matrices:

# %%
with torch.no_grad():
    sequence, _ = encoder.sequence(torch.from_numpy(x)[None, None])
    packaged = [part[0] for part in encoder.reduce.explain(sequence)]
    by_hand = reduce(sequence[0], encoder.reduce.attention.weight, encoder.reduce.value.weight)
for ours, theirs in zip(by_hand, packaged, strict=True):
    assert torch.allclose(ours, theirs, atol=1e-4)
print(f"{tuple(sequence.shape[1:])} steps and channels became {tuple(packaged[0].shape)}")
print(f"by hand and packaged differ by {float((by_hand[0] - packaged[0]).abs().max()):.1e}")

# %% [markdown]
# ### Between mean and maximum
#
# **Exercise 2.** Two of the three simple answers are special cases. Find a W_a that makes z the
# mean of V over time, and one that makes z nearly the maximum of V.


# %% tags=["solution"]
def for_the_mean(w_v: torch.Tensor) -> torch.Tensor:
    """Every step is worth the same."""
    return torch.zeros_like(w_v)


def for_the_maximum(w_v: torch.Tensor) -> torch.Tensor:
    """Look where the value is high, and nowhere else."""
    return 1000 * w_v


# %% tags=["check"]
for _pool, _choice in (("mean", for_the_mean), ("max", for_the_maximum)):
    _plain = PoolingReducer(3, pool=_pool)  # the package's own mean and maximum
    _seq, _v = torch.randn(1, 5, 3), _plain.value.weight.detach()
    with torch.no_grad():
        _s = torch.softmax(_seq @ _choice(_v).T, dim=1)
        assert torch.allclose((_s * (_seq @ _v.T)).sum(dim=1), _plain(_seq), atol=1e-2)

# %% [markdown]
# So the layer can be anything between the two, and may choose for each channel anew. Looking at a
# QRS complex and reading a P wave's channel there is possible too, since W_a and W_v are two
# matrices.
#
# What it cannot do is **count**. The weights have sum one, whatever there is to see. Play a
# sequence twice, and every weight is halved: z stays the same.

# %%
with torch.no_grad():
    once = encoder.reduce(sequence)
    twice = encoder.reduce(torch.cat([sequence, sequence], dim=1))
assert torch.allclose(once, twice, atol=1e-4)
print(
    f"one sequence, and the same played twice: z differs by {float((once - twice).abs().max()):.1e}"
)

# %% [markdown]
# That is a loss, and it is what makes codes of different lengths comparable; the end of the chapter
# comes back to it. A number that counts per second it can still learn: a share of steps is a mean.
#
# ### What it is not
#
# *Self-attention*, which chapter 12 uses, asks with every step a question to every other step: its
# weights are a matrix of L x L for each head. The Attention Reducer has no questions. What a step
# is worth is read off the step alone, once for each channel, and only the softmax compares: L x C
# weights. How much is that?

# %%
rows = []
for length, seconds in (("10 s", 10), ("1 minute", 60), ("1 hour", 3600), ("24 hours", 86400)):
    steps = round(seconds / STEP)
    rows.append({"trace": length, "steps": steps, "L x C": steps * CHANNELS, "L x L": steps**2})
pd.DataFrame(rows).style.format({"steps": "{:,}", "L x C": "{:.1e}", "L x L": "{:.1e}"})

# %% [markdown]
# At ten seconds the two are of one order, and the cost decides nothing. Over a day one grows with
# the length and the other with its square. The price: a step cannot be judged by what other steps
# hold. "The beat that is unlike the rest" has to be known *before* the reducer, and that is the
# work of the recurrent blocks, whose every step has heard the whole trace.
#
# ## Padding must not count
#
# Traces of different lengths go through a network as one batch, the shorter ones filled up at the
# end. A *mask* says which steps are real. It is not enough to fill with zeros: a zero step has A =
# 0, exp(0) = 1, and takes its share of the weight.
#
# **Exercise 3.** Write the softmax over time that gives padding no weight.


# %% tags=["solution"]
def masked_softmax(a: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Weights over the real steps, zero elsewhere; a (steps, channels), real (steps,)."""
    return torch.softmax(a.masked_fill(~real[:, None], -torch.inf), dim=0)


# %% tags=["check"]
_a = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
_real = torch.tensor([True, True, False, True, False, False])
_s = masked_softmax(_a, _real)
assert torch.equal(_s[~_real], torch.zeros(3, 4))
assert torch.allclose(_s[_real], torch.softmax(_a[_real], dim=0))  # as if padding were cut out
_a[~_real] = 1e4  # whatever stands in the padding
assert torch.allclose(masked_softmax(_a, _real), _s)

# %% [markdown]
# In the encoder the mask has to reach further than the reducer, because a recurrence that runs from
# the end to the beginning meets the padding first. The test of all: a trace of ten seconds alone,
# and the same trace at the head of twenty seconds, with zeros or with rubbish behind it.

# %%
alone = torch.from_numpy(x)[None, None]
real = torch.arange(2 * len(x))[None] < len(x)
rng = np.random.default_rng(SEED)
fillings = {"zeros": np.zeros(len(x)), "noise": 5 * rng.normal(size=len(x))}
z = method.encode(alone)
for name, filling in fillings.items():
    padded = torch.from_numpy(np.concatenate([x, filling]).astype(np.float32))[None, None]
    with_mask, without = method.encode(padded, mask=real), method.encode(padded)
    assert torch.allclose(with_mask, z, atol=1e-3)
    changed = [float((other - z).norm() / z.norm()) for other in (with_mask, without)]
    print(f"{name} behind it: z changes by {changed[0]:.1e} with a mask, {changed[1]:.2f} without")

# %% [markdown]
# With a mask the rest is rounding. Without one the padding becomes part of the code.
#
# ## Figure 2: where one number comes from
#
# The poster shows how one of the 128 numbers comes about, for a normal record and one in
# fibrillation. It took "the one most correlated with atrial fibrillation". We do the same, with one
# precaution. Whoever takes the best of 128 finds a good one even among 128 dice. So half of the
# records choose, and the other half says how good the choice is.

# %%
hearts_all = [*hearts["N"], *hearts["A"]]
fibrillates = np.repeat([False, True], [len(hearts["N"]), len(hearts["A"])])
starts = torch.from_numpy(np.stack([stretch(trace) for _, trace, _ in hearts_all]))[:, None]
with torch.no_grad():
    parts = [encoder.reduce.explain(encoder.sequence(x)[0]) for x in starts.split(32)]
z, s, v = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
chooses = np.arange(len(z)) % 2 == 0  # every other record of each rhythm


def correlations(z: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Point-biserial r of every number with a label: Pearson's r, the label being 0 or 1."""
    z, y = z - z.mean(axis=0), label - label.mean()
    return (z.T @ y) / np.sqrt((z**2).sum(axis=0) * (y**2).sum() + 1e-30)


first, second = (correlations(z[half], fibrillates[half]) for half in (chooses, ~chooses))
best = int(np.abs(first).argmax())
dice = [np.abs(correlations(z[chooses], rng.permutation(fibrillates[chooses]))).max()
        for _ in range(200)]  # fmt: skip
chance = float(np.quantile(dice, 0.95))
numbers = pd.DataFrame({"number": range(CHANNELS), "r_chose": first, "r_other": second})
figure = plot_selection(first, second, picked=best, chance=chance)
keep(figure, OUTPUT, "selection", numbers=numbers, simulated=simulated)

# %%
untrained = type(method)(method.options, seed=SEED + 1)
blank = torch.cat([untrained.encode(x) for x in starts.split(32)]).numpy()
rows = []
for title, code in (("trained", z), ("never trained", blank)):
    r = correlations(code[chooses], fibrillates[chooses])
    k = int(np.abs(r).argmax())
    score = np.sign(r[k]) * code[:, k]  # number and sign are both from the half that chose
    for which, half in (("the records that chose", chooses), ("the other records", ~chooses)):
        found = bootstrap_ci(fibrillates[half], score[half], auroc, n=profile.resamples, seed=SEED)
        r = correlations(code[half], fibrillates[half])[k]
        rows.append({"encoder": title, "number": k, "on": which, "r": r, **vars(found)})
print(f"the best of {CHANNELS} reaches |r| = {chance:.2f} in one of twenty shuffles of the labels")
pd.DataFrame(rows).rename(columns={"value": "AUROC"}).round(2)

# %% [markdown]
# Each dot is one number of the code. On the dotted line it would do as well on the other records as
# on those that chose; the grey band is what the best of 128 reaches when the labels are shuffled,
# so that there is nothing to find. A chosen number tends to lie nearer to zero on the other records
# than the line promises: part of why it was chosen was luck. (Halves differ too, and where the other
# one happens to be the easier, it can come out the other way round. One does not know beforehand.)
# The table's lines to report are those of the *other* records.
#
# The second encoder in the table has the same layers, but has learned nothing: its weights are as
# they were drawn. It is the yardstick for everything that follows. 128 random filters and random
# weighted means tell records apart as well, and what training has added is only the difference.
# With the weights that come with the package and real records, the trained encoder is far ahead, by
# one number of 128: without a label it has learned something that holds the two rhythms apart. By
# what it does so (the rate, its unevenness, the missing P waves) a correlation cannot say; the
# pictures below are a beginning. Chapter 23 reads all numbers at once.
#
# The poster says nothing of a second half, and needed none for a picture. Its number 111 has
# nothing to do with our number of the same place: how the channels are numbered is an accident of
# each training.
#
# Now the picture, for two records of the half that did not choose. They are not the best ones, but
# the middle ones: of the cleaner half of each rhythm, those nearest to their rhythm's median of
# this number.


# %%
def typical(label: bool) -> int:
    """The record, of the cleaner half of the other half, nearest to the median of the number."""
    mine = np.flatnonzero(~chooses & (fibrillates == label))
    mine = sorted(mine, key=lambda i: unrest(hearts_all[i][1]))[: max(1, len(mine) // 2)]
    return int(mine[np.abs(z[mine, best] - np.median(z[mine, best])).argmin()])


titles = [
    f"{hearts_all[i][0]}, {CLASS_NAMES['A' if fibrillates[i] else 'N']}" for i in range(len(z))
]
records = {
    title: Reduction(trace=starts[i, 0].numpy(), s=s[i], v=v[i]) for i, title in enumerate(titles)
}
above, below = titles[typical(False)], titles[typical(True)]
shown = {title: records[title].channel(best) for title in (above, below)}

# %% [markdown]
# A bar stands at every step. Its height is V, what the step says; it is the darker the larger S is,
# how much that counts (by the square root, so that faint weights stay visible). Orange-red is above
# zero and blue below. z is the sum of all bars, each times its weight.

# %%
explorer = ReducerExplorer(records, fs=FS, first=above, second=below, feature=best)
numbers = []
for title, row in shown.items():  # s and v stand beside the sample at which their step does
    seconds, places = np.arange(len(row.trace)) / FS, encoder.config.stride * np.arange(len(row.s))
    samples = pd.DataFrame({"record": title, "time_s": seconds, "trace": row.trace})
    numbers.append(samples.join(pd.DataFrame({"s": row.s, "v": row.v}, index=places)))
numbers = pd.concat(numbers)
keep(explorer.static(above, below, best), OUTPUT, "figure_2", numbers=numbers, simulated=simulated)

# %% [markdown]
# The same to look around in. The yellow behind a trace is the darker the larger S is, here in
# proportion, so that one sees which beats count. Hover over a step, in the trace or over its bar, to read its V, its S and the product; the
# line shows the same moment in all panels.

# %% tags=["live"]
figure = hover_reduced(shown, FS, feature=best)
keep(figure, OUTPUT, "figure_2_hover", numbers=numbers, simulated=simulated)

# %% [markdown]
# In numbers:

# %%
for title, row in shown.items():
    effective = float(np.exp(-(row.s * np.log(row.s + 1e-30)).sum()))
    top = np.sort(row.s)[::-1][: len(row.s) // 10].sum()
    print(f"{title}: z {best} = {row.z:+.2f}, a mean of V would be {row.v.mean():+.2f}")
    print(f"  its weights are worth {effective:.0f} even steps of {len(row.s)}; "
          f"the heaviest tenth has {top:.0%}")  # fmt: skip

# %% [markdown]
# Compare z with the plain mean of V: their difference is what attention does here. And compare the
# number of steps that the weights are worth (the exponential of their entropy) with the number
# there is. Were they equal, the layer would be a mean. With the weights that come with the package and
# real records, they are worth less than half of the steps. And look at V: in the normal record it
# rises with each beat and falls between, and the beats that come when they are due are weighed. In
# fibrillation it is low where beats come too soon, and there the weights lie.
#
# ### Does it look at beats?
#
# A picture of two records invites stories. We measure instead. For every beat of every record of
# the other half, we line up the weights by their time from the R-peak, and take the mean. A weight
# is given as a multiple of the even one: 1 means that the layer does not care.

# %%
lags = np.arange(-0.4, 0.6001, 0.05)  # s; a step falls into the nearest


def around_beats(which: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean weight at each lag over the beats of some records; even is 1. weights (n, steps)."""
    total, count = np.zeros(len(lags)), np.zeros(len(lags))
    for i in which:
        lag = STEP * np.arange(weights.shape[1]) - hearts_all[i][2][:, None]  # (beats, steps)
        place = np.round((lag - lags[0]) / 0.05).astype(int)
        beat, step = np.nonzero((place >= 0) & (place < len(lags)))
        np.add.at(total, place[beat, step], weights.shape[1] * weights[i, step])
        np.add.at(count, place[beat, step], 1)
    return total / np.maximum(count, 1)


def mean_beat(which: np.ndarray) -> np.ndarray:
    """Mean trace from 0.4 s before to 0.6 s after the R-peak, over beats; turned R upwards."""
    span = np.arange(-round(0.4 * FS), round(0.6 * FS) + 1)
    beats = []
    for i in which:
        centre = np.round(FS * hearts_all[i][2]).astype(int)
        centre = centre[(centre >= -span[0]) & (centre < starts.shape[2] - span[-1])]
        mine = starts[i, 0].numpy()[centre[:, None] + span].mean(axis=0)
        beats.append(mine * np.sign(mine[-span[0]] - np.median(mine)))
    return np.mean(beats, axis=0)


# %%
groups = {CLASS_NAMES[k]: np.flatnonzero(~chooses & (fibrillates == (k == "A"))) for k in "NA"}
curves = {name: around_beats(which, s[:, :, best]) for name, which in groups.items()}
beats = {name: mean_beat(which) for name, which in groups.items()}
time = np.arange(-round(0.4 * FS), round(0.6 * FS) + 1) / FS
figure = plot_around_beats(beats, curves, time=time, lags=lags)
numbers = pd.concat(
    [
        pd.DataFrame({"curve": "mean trace", "lag_s": time, **beats}),
        pd.DataFrame({"curve": "weight", "lag_s": lags, **curves}),
    ]
)
keep(figure, OUTPUT, "around_beats", numbers=numbers, simulated=simulated)

# %% [markdown]
# Above is the mean beat of each rhythm, below the weight at the same moments. A bump or a dip in
# the lower curve says that the number looks at this part of the beat, or away from it; a flat curve
# at 1 that it does not care about beats. (In fibrillation the next beat comes at any time, so what
# lies far from the R-peak is smeared in both panels.)
#
# And the other 127? For each we ask which share of its weight lies within 0.1 s of an R-peak, over
# the share of the steps that lie there.


# %%
def near_beats(i: int) -> np.ndarray:
    """Which steps of a record lie within 0.1 s of an R-peak, (steps,)."""
    lag = STEP * np.arange(s.shape[1]) - hearts_all[i][2][:, None]
    return np.abs(lag).min(axis=0) <= 0.1


def on_beats(weights: np.ndarray) -> pd.DataFrame:
    """For each number and rhythm the weight near beats, 1 being even; weights (n, steps, 128)."""
    shares = {}
    for name, which in groups.items():
        near = np.stack([near_beats(i) for i in which])
        even = near.mean(axis=1, keepdims=True)
        shares[name] = ((weights[which] * near[..., None]).sum(axis=1) / even).mean(axis=0)
    return pd.DataFrame(shares).rename_axis("number")


def favoured(table: pd.DataFrame) -> tuple[int, int]:
    """How many numbers weigh beats more than 1.25 times even, how many less than 0.8 times."""
    return (table > 1.25).all(axis=1).sum(), (table < 0.8).all(axis=1).sum()


table = on_beats(s)
shares = {name: table[name].to_numpy() for name in groups}
figure = plot_on_beats(shares, picked=best)
keep(figure, OUTPUT, "on_beats", numbers=table.reset_index(), simulated=simulated)

# %% [markdown]
# A dot is one number of the code. Right of 1 and above 1 it weighs the steps at R-peaks more than
# even, in both rhythms; left and below less. On the diagonal it treats both rhythms alike.

# %%
with torch.no_grad():
    before = [untrained.encoder.reduce.explain(untrained.encoder.sequence(x)[0])[1]
              for x in starts.split(32)]  # fmt: skip
looks = {"trained": table, "never trained": on_beats(torch.cat(before).numpy())}
print(f"numbers of {CHANNELS} that in both rhythms weigh beats ... times even:")
pd.DataFrame({n: favoured(t) for n, t in looks.items()}, index=["over 1.25", "under 0.8"]).T

# %%
looking = table.mean(axis=1)
for title, k in (("chosen", best), ("the most", looking.idxmax()), ("the least", looking.idxmin())):
    print(f"{title}: z {k}, {looking[k]:.2f} times even")

# %% [markdown]
# With the weights that come with the package and real records, more than half of the numbers favour
# the beats or avoid them; of the encoder that was never trained, none does. Nobody has told either
# what a beat is: it was worth knowing for the denoiser. Most dots right of 1 lie below the diagonal,
# which need not mean that attention is weaker in fibrillation. There hearts beat faster, so more of
# the steps lie near a beat, and the same preference gives a smaller multiple.
#
# Beware of the step from "it weighs the steps at the R-peak" to "it uses the R-peak". A step is no
# sample. The blocks below run over the whole trace in both directions, so a step at a beat may hold
# what was heard seconds ago. S says *where the reading takes place*, and V *what is read*; neither
# says where it comes from. For that one would have to change the trace and see what z does, as we
# did at the beginning with the pause.
#
# ## Look around
#
# Choose two records and a number, and hover over the steps as above: the figure follows the menus.
# The lower picture has both codes, all numbers, in standard deviations over these records, sorted by
# their difference; the yellow one is the number you chose.

# %% tags=["live"]
explorer

# %%
codes = {name: explorer.codes[name] for name in (above, below)}
numbers = pd.DataFrame({"number": range(CHANNELS), **codes})
figure = explorer.static_codes(above, below, best)
keep(figure, OUTPUT, "two_codes", numbers=numbers, simulated=simulated)

# %% [markdown]
# Bars at the left are higher in the record in fibrillation, those at the right higher in the normal
# one; in the middle the two agree. Look for the yellow line: the number that differs most between
# *these two* need not be the one that differs most between the *rhythms*. Two records also differ
# in heart, lead position and noise. Try two normal records: how much of such a picture is left
# where the rhythm is the same?
#
# ## The same heart, at other lengths
#
# "Fixed-sized embeddings for any signal length", says the poster. That z has 128 numbers for any
# length is clear from the formula. Is it also the *same* z? We hold ten seconds of a record against
# longer stretches of the same record, and against stretches of others. The likeness of two codes is
# the cosine of the angle between them, after the mean code is taken away, or all codes would be
# alike for what all ECGs share.
#
# - seconds 10 to 20: the same length, nothing in common;
# - seconds 10 to 30: twice as long, nothing in common;
# - seconds 0 to 30: three times as long, and the ten seconds are in it.


# %%
def codes_of(model, start: float, stop: float) -> np.ndarray:
    """Codes of one stretch of every record, less their mean, at unit length (n, channels)."""
    x = torch.from_numpy(np.stack([stretch(trace, start, stop) for _, trace, _ in hearts_all]))
    z = torch.cat([model.encode(part) for part in x[:, None].split(32)]).cpu().numpy()
    z = z - z.mean(axis=0)
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def compare(model) -> tuple[pd.DataFrame, dict]:
    """The table's lines for one encoder, and the cosines behind them."""
    reference, groups, rows = codes_of(model, 0, 10), {}, []
    for start, stop in ((10, 20), (10, 30), (0, 30)):
        cosine = reference @ codes_of(model, start, stop).T
        same, other = np.diag(cosine), cosine[~np.eye(len(cosine), dtype=bool)]
        title = f"0 to 10 s, {start} to {stop} s"
        groups[title] = same, other
        row = {"pair": title, "same": np.median(same), "other": np.median(other)}
        above = (same[:, None] > cosine).sum(axis=1) / (len(cosine) - 1)
        first = cosine.argmax(axis=1) == np.arange(len(cosine))
        rows.append({**row, "above others": above.mean(), "found first": first.mean()})
    return pd.DataFrame(rows), groups


# %%
table, groups = compare(method)
table = pd.concat(
    [table.assign(encoder="trained"), compare(untrained)[0].assign(encoder="never trained")]
)
cosines = pd.DataFrame({title: np.concatenate(both) for title, both in groups.items()})
cosines["records"] = np.where(cosines.index < len(hearts_all), "the same", "two")
numbers = pd.concat([table, cosines.round(4)])
keep(plot_likeness(groups), OUTPUT, "lengths", numbers=numbers, simulated=simulated)

# %% [markdown]
# Blue are two stretches of one record, grey those of two records. The less the two overlap, the
# more of the code belongs to the record and not to the ten seconds. The table has the medians.
# "Above others" is the share of other records that are less alike than the record's own stretch;
# "found first" how often the record's own stretch is the most alike of all.

# %%
print(f"by guessing, a record would be found first in one of {len(hearts_all)} cases")
table.set_index(["encoder", "pair"]).round(3)

# %% [markdown]
# The first line of each encoder is the yardstick for the other two: at one length, the two
# stretches still differ in what the heart did. If the second line is no lower, the other length
# costs nothing (a longer stretch can even help, since its mean is less at the mercy of single
# beats). What the third line gains has to do with the shared ten seconds.
#
# A high cosine alone says little. Codes that vary in few directions have cosines far from zero, of
# both signs, and then many records are as alike as two stretches of one. The last two columns count
# that; the cosine does not.
#
# Now compare the two encoders. A weighted mean of any steady filters is steady, so even the encoder
# that has learned nothing finds a record far more often than by guessing. Only the difference was
# learned. With the weights that come with the package and real records, training has gained nothing
# where the two stretches share nothing (first two lines; if anything, the untrained encoder finds a
# record more often), and much where one lies in the other (third): the code says what went on in
# these seconds, rhythm included, rather than whose they are.
#
# And a warning: a code that finds its record again may know the heart, but also the electrode, the
# amplifier's hum or a lead that was worn upside down. To tell, one needs several recordings of the
# same people, and CinC 2017 names no people.
#
# ## What to take along
#
# - Mean, maximum and last step each forget something: rare events, all but one step, all but the
#   end. The Attention Reducer is a weighted mean, and learns the weights for each channel.
# - Its cost grows with the length, not with the square. It cannot compare steps, and it cannot
#   count.
# - Padding needs a mask, from the first layer on.
# - A number that was chosen for its correlation has to be tested on records that did not choose it.
# - Weights say where a number is read, not where it comes from.
# - z is one half of the autoencoder. Chapter 22 goes on to the other: what a denoiser can do once
#   it is told z.
