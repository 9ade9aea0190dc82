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
# # Diffusion on ECG
#
# **You will be able to**
# - add the noise of any step t to a heartbeat in one line, and say how much signal is left;
# - tell why the scale of the data decides what "t = 20" means;
# - train a small diffusion model on single beats, and draw new beats from it;
# - check samples with tests that can fail.
#
# **Minutes**: 40 to read and do, about 3 to run.
#
# **Prerequisites**: chapter 01. Basic PyTorch; the normal distribution.
#
# **Paper**: DiffECG, section 3.1, equations (4) to (6), Figure 3a (forward and reverse process).

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/02_diffusion_on_ecg"

# %% tags=["setup"]
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from ecglab.data.choose import choose
from ecglab.diffusion import (
    DenoisingLoss,
    NoiseSchedule,
    UNet,
    UNetConfig,
    ddim_sample,
    ddpm_sample,
    predict_x0,
)
from ecglab.plots import keep, use_style
from ecglab.plots.diffusion import (
    plot_beats,
    plot_loss,
    plot_mean_beats,
    plot_schedules,
    plot_views,
    slide_views,
)
from ecglab.profiles import load_profile
from ecglab.signals import bandpass, resample, rpeaks, scale
from ecglab.training import TrainConfig, train
from ecglab.widgets.noise import NoiseExplorer

use_style()
torch.set_num_threads(1)  # beats are so small that a second thread makes the first one wait
schedule = NoiseSchedule.linear(1000)

# %% [markdown]
# ## Beats to learn from
#
# A model of ten-second windows takes an hour to train; one of single beats takes two minutes, and
# everything can be seen on it. We cut beats out of normal records: 0.3 s before the R-peak to 0.5 s
# after it, at 120 Hz, turned upright where the electrodes were swapped, and z-scored.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
FS, BEFORE, LENGTH = 120, 36, 96


def beats_of(trace: np.ndarray) -> np.ndarray:
    """Upright, z-scored beats of one trace that resemble their median beat, (n, LENGTH)."""
    peaks = rpeaks(trace, FS)
    peaks = peaks[(peaks >= BEFORE) & (peaks <= len(trace) - LENGTH + BEFORE)]
    if len(peaks) < 5:
        return np.empty((0, LENGTH), np.float32)
    beats = trace[peaks[:, None] + np.arange(-BEFORE, LENGTH - BEFORE)]
    beats = scale(beats * np.sign(np.median(beats[:, BEFORE]) or 1), "zscore")
    median = np.median(beats, axis=0)
    return beats[[np.corrcoef(beat, median)[0, 1] > 0.9 for beat in beats]].astype(np.float32)


# %% [markdown]
# Every fifth record is kept apart, as a whole: the beats of one heart are so alike that a split by
# beat would let the test see what the training saw.

# %%
found, windows = [], []
for record in dataset.records(ids[:800]):
    if record.labels != ("N",):
        continue
    trace = resample(bandpass(record.signal[0], record.fs), record.fs, FS)
    found.append(beats_of(trace))
    if len(trace) >= 10 * FS and len(windows) < 300:
        windows.append(trace[: 10 * FS])
held = np.concatenate(found[::5])
beats = np.concatenate([b for i, b in enumerate(found) if i % 5])
print(f"{dataset.title}: {len(beats)} beats to train on, {len(held)} of other hearts held out")

# %% [markdown]
# ## Noise, step by step, and in one step
#
# The forward process adds a little noise, again and again (eq. 4):
#
# `x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) noise`
#
# The first factor shrinks the signal just enough that the total variance stays at one. Since sums
# of normal variables are normal, t steps can be taken at once (eq. 5; in code t counts from 0, so
# that `alpha_bar[0]` has had one step of noise):
#
# `x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise`, with `alpha_bar_t` the product of all
# `1 - beta` so far.
#
# We do both, for 20,000 copies of one number, and compare the distributions they end in.

# %%
generator = torch.Generator().manual_seed(SEED)
betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
x = torch.full((20_000,), 1.5, dtype=torch.float64)
for beta in betas[:300]:
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    x = (1 - beta).sqrt() * x + beta.sqrt() * noise
alpha_bar = torch.cumprod(1 - betas, dim=0)
mean, std = alpha_bar[299].sqrt() * 1.5, (1 - alpha_bar[299]).sqrt()
print(f"300 steps: mean {x.mean():.3f}, deviation {x.std():.3f}")
print(f"at once:   mean {mean:.3f}, deviation {std:.3f}")
assert abs(x.mean() - mean) < 0.03
assert abs(x.std() - std) < 0.02

# %% [markdown]
# **Exercise 1.** Write `q_sample`: noisy versions of a batch x0 (batch, time), each at its own step.


# %% tags=["solution"]
def q_sample(x0, t, noise, alpha_bar):
    """x_t of eq. (5): x0 and noise (batch, time), t (batch,), alpha_bar (T,)."""
    a = alpha_bar[t][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


# %% tags=["check"]
_x0, _noise = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
_t = torch.tensor([0, 500, 999])
_ours = q_sample(_x0, _t, _noise, schedule.alphas_cumprod)
assert torch.allclose(_ours, schedule.q_sample(_x0, _t, _noise), atol=1e-5)

# %% [markdown]
# The check compared it with `NoiseSchedule.q_sample`, the package's copy: the same numbers.
#
# Now a real beat and a ten-second window, on their way into noise. This is the forward row of the
# paper's Figure 3a.

# %%
window = scale(windows[7], "zscore")
steps = (0, 20, 100, 300, 600, 999)
generator = torch.Generator().manual_seed(SEED)


def views(trace: np.ndarray) -> dict[str, np.ndarray]:
    """The trace at each step, with one and the same noise."""
    x0 = torch.from_numpy(trace)[None]
    noise = torch.randn(x0.shape, generator=generator)
    noisy = {t: schedule.q_sample(x0, torch.tensor([t]), noise)[0].numpy() for t in steps}
    return {f"t = {t}": trace for t, trace in noisy.items()}


rows = {"one beat": views(beats[10]), "ten seconds": views(window)}
numbers = pd.concat({k: pd.DataFrame(v) for k, v in rows.items()}, names=["trace", "sample"])
numbers = numbers.reset_index()
figure = plot_views(rows, fs=FS, ylim=(-5, 8))
keep(figure, OUTPUT, "forward_process", numbers=numbers, simulated=simulated)

# %% [markdown]
# Notice the order in which things drown: the P wave first (t = 100), then the T wave, and the QRS
# complexes last (t = 300). At t = 999 nothing is left.
#
# ## How much signal is left? The signal-to-noise ratio
#
# At step t the signal has variance `alpha_bar_t Var(x_0)`, and the noise `1 - alpha_bar_t`. Their
# ratio falls from very large to very small. How it falls is the schedule: `linear` in beta (Ho et al.
# 2020; the papers of this course print none), or `cosine` in the remaining signal.

# %%
schedules = {"linear": schedule, "cosine": NoiseSchedule.cosine(1000)}
table = pd.concat(
    pd.DataFrame(
        {
            "t": np.arange(1000),
            "schedule": name,
            "beta": s.betas,
            "alpha_bar": s.alphas_cumprod,
            "snr_db": 10 * torch.log10(s.snr()),
        }
    )
    for name, s in schedules.items()
)
keep(plot_schedules(table), OUTPUT, "schedules", numbers=table, simulated=simulated)

# %% [markdown]
# Notice where the curves on the right cross the dotted line, where signal and noise are equal: the
# linear schedule near t = 260, the cosine one near t = 500. The cosine schedule spends its steps
# more evenly.
#
# The last value matters too. A sampler starts from pure noise; so the last step must hold next to
# no signal, or the model would start from something it never saw.

# %%
for name, s in schedules.items():
    print(f"{name}: terminal signal-to-noise ratio {s.snr()[-1]:.1e}")
assert schedule.snr()[-1] < 1e-4

# %% [markdown]
# **Exercise 2.** The formula above holds `Var(x_0)`. Write the ratio in decibels. (At variance 1 it
# falls below zero at step 259: there the noise takes over.)


# %% tags=["solution"]
def snr_db(alpha_bar, variance):
    """10 log10 of alpha_bar Var(x0) / (1 - alpha_bar), one number per step."""
    return 10 * torch.log10(alpha_bar * variance / (1 - alpha_bar))


# %% tags=["check"]
assert torch.allclose(
    snr_db(schedule.alphas_cumprod, 0.5),
    10 * torch.log10(schedule.snr(data_variance=0.5)),
    atol=0.05,  # 1 - alpha_bar near one costs float32 some digits
)
assert int((snr_db(schedule.alphas_cumprod, 1.0) < 0).nonzero()[0]) == 259

# %% [markdown]
# ## The same t is not the same noise
#
# DiffECG's released segments are not z-scored, but divided by their peak-to-peak range (the paper
# does not say). The noise of a step stays what it is, but the signal is now much smaller. We measure
# how much.

# %%
variance = {
    how: float(np.mean([scale(w, how).var() for w in windows])) for how in ("zscore", "range")
}
at_20 = snr_db(schedule.alphas_cumprod, variance["range"])[20]
same = int((snr_db(schedule.alphas_cumprod, variance["zscore"]) - at_20).abs().argmin())
print(f"variance: z-scored {variance['zscore']:.3f}, by range {variance['range']:.4f}")
print(f"t = 20 by range is {at_20:.1f} dB: as noisy as t = {same} after z-scoring")

# %% [markdown]
# So the paper's t = 20 is not a pinch of noise. In a z-scored window one would have to go to the
# step printed above for the same loss of detail. Whoever compares two papers' t must compare
# their scales first.
#
# Move t yourself. The first picture is interactive in JupyterLab, the second everywhere.

# %% tags=["live"]
explorer = NoiseExplorer(window, fs=FS, seed=SEED)
explorer

# %%
noisy = explorer.view(100, "linear")
numbers = pd.DataFrame({"seconds": np.arange(len(noisy)) / FS, "clean": window, "noisy": noisy})
keep(explorer.static(t=100), OUTPUT, "explorer", numbers=numbers, simulated=simulated)

# %% [markdown]
# Notice that at t = 100 the heart rate can still be counted by eye, and the P waves can not be seen.
#
# The next page has a slider as well, for both schedules at once (the upper trace is the cosine one).

# %%
x0 = torch.from_numpy(window)[None]
noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(SEED))
sliding = {
    name: {t: s.q_sample(x0, torch.tensor([t]), noise)[0].numpy() for t in range(0, 1000, 50)}
    for name, s in schedules.items()
}
page = slide_views(sliding, fs=FS)
numbers = pd.DataFrame({f"{n}_t{t}": x for n, v in sliding.items() for t, x in v.items()})
keep(page, OUTPUT, "noisy_views", numbers=numbers, simulated=simulated)

# %% [markdown]
# Slide to t = 400: the linear schedule has all but buried the beats, the cosine one still shows them.
#
# ## Training: guess the noise
#
# The network gets x_t and t, and says which noise was added. Training is this, over and over: draw
# a step, draw noise, mix, guess, compare. By hand it is six lines; the package's `DenoisingLoss`
# gives the same number when it draws the same t and noise.

# %%
torch.manual_seed(SEED)
network = UNet(UNetConfig(dim=16, multipliers=(1, 2, 4, 8), head_width=8))
batch = torch.from_numpy(beats[:8])[:, None]

generator = torch.Generator().manual_seed(1)
t = torch.randint(1000, (8,), generator=generator)
noise = torch.randn(batch.shape, generator=generator)
by_hand = F.mse_loss(network(schedule.q_sample(batch, t, noise), t), noise)

loss = DenoisingLoss(network, schedule)
packaged = loss(batch, torch.Generator().manual_seed(1))
assert torch.isclose(by_hand, packaged)
print(f"before training: {packaged:.3f}; predicting zero would cost 1")

# %% [markdown]
# The training loop belongs to the package, since it can do more than we need here (several devices,
# resuming). It takes a minute or two.

# %%
config = TrainConfig(
    steps=profile.beat_steps,
    batch_size=32,
    lr=4e-3,
    warmup=min(100, profile.beat_steps // 4),
    seed=SEED,
)
report = train(loss, beats[:, None], config)
numbers = pd.DataFrame({"step": np.arange(len(report.losses)), "loss": report.losses})
figure = plot_loss(report.losses, trivial=1.0)
keep(figure, OUTPUT, "training", numbers=numbers, simulated=simulated)

# %% [markdown]
# Notice the fast fall and the long tail. A loss far below one means that the network knows beats:
# noise that looks like noise is easy to name, noise that could be a P wave is not.
#
# ## Denoising: one guess against many
#
# A guess of the noise is also a guess of the beat: solve eq. (5) for x_0. From a noisy held-out
# beat the network can guess in one go, or go back step by step and guess again.

# %%
some = torch.from_numpy(held[:4])[:, None]
noise = torch.randn(some.shape, generator=torch.Generator().manual_seed(SEED))
views_at = {}
for start in (50, 200, 500):
    at = torch.full((4,), start)
    noisy = schedule.q_sample(some, at, noise)
    with torch.no_grad():
        once = predict_x0(schedule, "noise", noisy, at, network(noisy, at))
    many = ddim_sample(network, schedule, noisy, steps=min(50, start), start=start)
    parts = {"clean": some, "noisy": noisy, "one guess": once, "step by step": many}
    views_at[f"t = {start}"] = {name: part[0, 0].numpy() for name, part in parts.items()}
numbers = pd.concat({k: pd.DataFrame(v) for k, v in views_at.items()}, names=["t"])
figure = plot_views(views_at, fs=FS, ylim=(-4, 7))
keep(figure, OUTPUT, "denoising", numbers=numbers.reset_index("t"), simulated=simulated)

# %% [markdown]
# Notice the last row. Neither is the beat we started from: what the noise has hidden, the network has
# to make up. One guess is the mean of all beats that it could have been; step by step commits to one
# of them. Here the two differ little, for all beats are alike and have their R-peak at the same place.
#
# ## Sampling: beats that never were
#
# From pure noise, step by step. DDIM (Song et al. 2021) takes the guess of x_0 and of the noise, and
# mixes them again for the next, lower step. The last step keeps the guess of x_0.
#
# **Exercise 3.** Write one DDIM step: from x_t at alpha_bar_t to the next, cleaner alpha_bar_s.


# %% tags=["solution"]
def ddim_step(xt, noise, bar_t, bar_s):
    """x_s from x_t and the predicted noise; bar_s = 1 gives the predicted x_0."""
    x0 = (xt - (1 - bar_t).sqrt() * noise) / bar_t.sqrt()
    return bar_s.sqrt() * x0 + (1 - bar_s).sqrt() * noise


# %% tags=["check"]
_x0, _e = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
_bt, _bs = torch.tensor(0.3), torch.tensor(0.8)
_xt = _bt.sqrt() * _x0 + (1 - _bt).sqrt() * _e
assert torch.allclose(ddim_step(_xt, _e, _bt, _bs), _bs.sqrt() * _x0 + (1 - _bs).sqrt() * _e)
assert torch.allclose(ddim_step(_xt, _e, _bt, torch.tensor(1.0)), _x0, atol=1e-5)

# %% [markdown]
# The whole sampler is a loop around that step. We write it out, and check that the package's
# `ddim_sample` ends in the same beats.

# %%
start = torch.randn(128, 1, LENGTH, generator=torch.Generator().manual_seed(SEED))
path = torch.linspace(999, 0, 50).round().long()
bars = [*schedule.alphas_cumprod[path], torch.tensor(1.0)]
x = start.clone()
with torch.no_grad():
    for i, t in enumerate(path):
        x = ddim_step(x, network(x, t.expand(len(x))), bars[i], bars[i + 1])
drawn = ddim_sample(network, schedule, start, steps=50)
assert torch.allclose(x, drawn, atol=1e-2)
print(f"largest difference between the two loops: {(x - drawn).abs().max():.1e}")

# %% [markdown]
# DDPM (Ho et al. 2020, eq. 6 of DiffECG) takes all 1,000 steps and adds fresh noise at each. Below:
# beats of held-out hearts, and beats from both samplers.

# %%
generator = torch.Generator().manual_seed(SEED)
slow = ddpm_sample(network, schedule, start[:24], generator)
rng = np.random.default_rng(SEED)
real = held[rng.permutation(len(held))[:128]]
gallery = {"held out": real, "DDIM, 50": drawn[:, 0].numpy(), "DDPM, 1000": slow[:, 0].numpy()}
numbers = pd.concat({k: pd.DataFrame(v[:12]) for k, v in gallery.items()}, names=["from"])
figure = plot_beats(gallery, fs=FS)
keep(figure, OUTPUT, "samples", numbers=numbers.reset_index("from"), simulated=simulated)

# %% [markdown]
# Notice that a drawn beat has a QRS complex and nearly always a T wave behind it, and that no two are
# equal. Look at the P wave in front: it is often fainter than in real beats. (In the `smoke` profile
# training is far too short: what is drawn there is not yet a beat.)
#
# ## Are they right? Tests that can fail
#
# A gallery flatters. Three numbers are harder to please: the mean beat, the spread around it, and
# the distance to the nearest training beat. If the model only repeated what it saw, drawn beats
# would lie much closer to the training set than held-out beats do. Any 128 beats differ from any
# others, though, so the first two need a control: as many real beats, of the training hearts.


# %%
def nearest(some: np.ndarray) -> np.ndarray:
    """Distance of each beat to its nearest training beat."""
    return torch.cdist(torch.from_numpy(some), torch.from_numpy(beats)).min(dim=1).values.numpy()


fake = drawn[:, 0].numpy()
control = beats[rng.permutation(len(beats))[:128]]
print("largest difference from held-out beats:")
for name, some in {"drawn": fake, "control": control}.items():
    mean, deviation = (np.abs(f(some, 0) - f(real, 0)).max() for f in (np.mean, np.std))
    print(f"  {name:<8} mean beat {mean:.2f}, deviation {deviation:.2f}")
near = {"held out": np.median(nearest(real)), "drawn": np.median(nearest(fake))}
print("nearest training beat: " + ", ".join(f"{k} {v:.2f}" for k, v in near.items()))
figure = plot_mean_beats({"held out": real, "drawn": fake}, fs=FS)
numbers = pd.DataFrame({"real": real.mean(0), "drawn": fake.mean(0)})
keep(figure, OUTPUT, "mean_beats", numbers=numbers, simulated=simulated)

# %% [markdown]
# After a `laptop` training the drawn beats differ from the held-out ones about as much as other hearts'
# beats do: nothing is wrong that 128 beats could show. And they lie no nearer to the training set than
# held-out beats: they are no copies. The unit is the beat's own deviation.
#
# How many steps does DDIM need? We start from the same noise and compare with its own 250-step
# result.

# %%
reference = ddim_sample(network, schedule, start[:64], steps=250)
budget = []
for steps in (5, 10, 20, 50, 100):
    quick = ddim_sample(network, schedule, start[:64], steps=steps)
    error = float((quick - reference).square().mean().sqrt())
    budget.append({"steps": steps, "rms difference": error})
pd.DataFrame(budget).round(3)

# %% [markdown]
# Each line has about twice the steps and half the difference, or less. From 50 on it is a small part
# of a beat's deviation, which is why the rest of the course takes 50.
#
# ## What to take along
#
# - Noise at step t is one line; what it does depends on the scale of the data.
# - A diffusion model is a network that names noise. Everything else follows by arithmetic.
# - To name noise in an ECG it had to learn what beats look like. Chapter 03 takes that knowledge out
#   and puts it to work.
