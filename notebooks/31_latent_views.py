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
# # Views in a latent space: a VAE, noise, and triplets
#
# **You will be able to**
# - read a variational autoencoder's two losses, and see when its latent space has died;
# - compute how much a diffused view still tells, before a network has looked at it;
# - say what "early", "middle" and "late" steps are, in numbers;
# - mine triplets by hand, and recognise a contrastive training that has collapsed.
#
# **Minutes**: 45 to read and do, about 2 to run.
#
# **Prerequisites**: chapters 02 (the forward process) and 30 (the features). AUROC.
#
# **Paper**: DACL (Zewail 2025, arXiv 2509.20048): the VAE, the noisy views and the triplet loss. The
# paper gives none of their sizes; what we chose is said where it is chosen.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/31_latent_views"

# %% tags=["setup"]
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from ecglab.data.choose import choose, some_of_each
from ecglab.data.windows import windows
from ecglab.diffusion import NoiseSchedule
from ecglab.diffusion.timesteps import SAMPLERS, THIRDS, step_probabilities, step_range
from ecglab.evaluation import auroc
from ecglab.evaluation.contrastive_systems import QUESTIONS, Features, folds_of
from ecglab.methods.latent_learner import LatentLearner, LatentLearnerConfig
from ecglab.methods.scattering_features import DACL_WINDOWS
from ecglab.nn.triplet import embedding_distances, mine_triplets
from ecglab.plots import CLASS_NAMES, keep, use_style
from ecglab.plots.latent import (
    Mined,
    plot_collapse,
    plot_latent_use,
    plot_plane,
    plot_readable,
    plot_step_probabilities,
)
from ecglab.profiles import load_profile
from ecglab.widgets.triplets import TripletExplorer

use_style()

# %% [markdown]
# Chapter 30 made 162 numbers of a ten-second window, without learning anything. DACL squeezes them
# into a smaller space, adds noise there, and teaches an encoder to see through it. This chapter
# takes the space, the noise and the lesson apart, one at a time. Chapter 32 puts them together and
# asks what they are worth.
#
# We take as many normal records as records in fibrillation, and hold out every fifth.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
most = 200 if PROFILE != "smoke" else 15  # records of each rhythm
some = some_of_each(dataset, ids, ["N", "A"], most)
data = Features.of(windows(dataset, DACL_WINDOWS, ids=some))
fold = folds_of(data, seed=SEED)
train, test = data.take(fold != 0), data.take(fold == 0)
question = QUESTIONS["af-vs-normal"]
y, y_test = (question.answer(part.labels)[part.record_of] for part in (train, test))
print(f"{dataset.title}: {len(train.labels)} records to learn from, {len(test.labels)} held out")
print(f"{len(train.x)} and {len(test.x)} windows of {train.x.shape[1]} features")

# %% [markdown]
# ## Two losses that pull at one space
#
# An autoencoder squeezes x into a few numbers z and asks for x back. A *variational* one gives, for
# each x, not a point but a cloud: a mean mu and a deviation sigma for every latent unit. The decoder
# sees a point drawn from the cloud. Two losses pull at it:
#
# - **reconstruction**, the squared error of x: it wants small clouds, far apart from each other;
# - **KL**, the Kullback-Leibler divergence of the cloud from a standard normal one: it wants every
#   cloud to be the same, at 0 and one unit wide. In nats: `(mu^2 + sigma^2 - log sigma^2 - 1) / 2`,
#   summed over the units.
#
# The sum is weighted: `reconstruction + beta * KL`. The mean KL bounds the information, in nats, that z
# carries about x; beta is its price.
#
# (How can one train through a random draw? By writing it as z = mu + sigma * noise: the noise is drawn,
# and mu and sigma, which the network gave, can be differentiated.)
#
# **Exercise 1.** Write both losses of a batch: the squared error as a mean over samples and features,
# the KL as a sum over units and a mean over samples. (`logvar` is log sigma^2.)


# %% tags=["solution"]
def two_losses(x, xhat, mean, logvar):
    """x and xhat (batch, features), mean and logvar (batch, latent); two scalars."""
    kl = 0.5 * (mean**2 + logvar.exp() - logvar - 1)
    return ((x - xhat) ** 2).mean(), kl.sum(dim=1).mean()


# %% tags=["check"]
_g = torch.Generator().manual_seed(0)
_x, _xhat = torch.randn(5, 7, generator=_g), torch.randn(5, 7, generator=_g)
_mean, _logvar = torch.randn(5, 3, generator=_g), torch.randn(5, 3, generator=_g)
_error, _kl = two_losses(_x, _xhat, _mean, _logvar)
_cloud = torch.distributions.Normal(_mean, (0.5 * _logvar).exp())
_standard = torch.distributions.Normal(torch.zeros(5, 3), torch.ones(5, 3))
_by_torch = torch.distributions.kl_divergence(_cloud, _standard).sum(dim=1).mean()
assert torch.isclose(_kl, _by_torch), "the KL is summed over units, averaged over samples"
assert torch.isclose(_error, torch.nn.functional.mse_loss(_xhat, _x))
assert two_losses(_x, _x, torch.zeros(5, 3), torch.zeros(5, 3)) == (0, 0)

# %% [markdown]
# Now train one VAE for each of five prices, on the standardised features, and measure both losses on
# the windows held out. A unit is called *active* if its mean moves from window to window: if the
# variance of mu over the data exceeds 0.01 (Burda et al. 2016).

# %%
vaes, rows, units = {}, [], {}
for beta in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
    steps = min(400, profile.dacl_vae_steps)
    learner = LatentLearner(config=LatentLearnerConfig(beta=beta, vae_steps=steps))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        learner.fit_latent(train.x, seed=SEED)
    print(f"beta {beta:g}: {learner.use}")
    x = (torch.from_numpy(test.x) - learner.scale["x_mean"]) / learner.scale["x_std"]
    with torch.no_grad():
        loss = learner.vae.loss(x, torch.Generator().manual_seed(SEED))
    rows.append((beta, float(loss.reconstruction), float(loss.kl), int(learner.use.active.sum())))
    units[f"{beta:g}"], vaes[beta] = learner.use.kl, learner
table = pd.DataFrame(rows, columns=["beta", "reconstruction", "kl", "active"])
keep(plot_latent_use(table, units), OUTPUT, "latent_use", numbers=table, simulated=simulated)

# %% [markdown]
# On the left, the bargain. Cheap information (small beta) buys a small error; dear information ends
# about the dotted line, the error of a decoder that answers the mean of all windows, whatever it is
# asked. On the right, who pays: with a higher price the units give up, the weakest first. (To be
# active is a low bar. At beta = 0.01 nearly all units pass it, and some ten do the work.)
#
# The last VAE has *collapsed*. Its weighted loss went down all the same, nothing crashed, and its
# latent space says nothing about any heart. Only the two losses apart show it, or the units: the
# package counts the active ones after every training, and warns when none is left.
#
# (The numbers of beta look small because our error is a mean over 162 features and the KL a sum over
# 64 units. In a probabilistic VAE, with a decoder of unit variance, beta = 1 would be 2 / 162 = 0.012
# here.)
#
# From here on beta is 0.001. What has the latent space to say about rhythm? We draw the means in the
# two directions in which they vary most.

# %%
base = vaes[1e-3]
z, z_test = base.latent(train.x), base.latent(test.x)
_, size, axes = torch.linalg.svd(z - z.mean(dim=0), full_matrices=False)  # axes: the directions
share = (size**2 / (size**2).sum()).numpy()
plane = axes[:2].T
points = (z_test @ plane).numpy()
names = [CLASS_NAMES["N"], CLASS_NAMES["A"]]
print(f"the two directions hold {100 * share[:2].sum():.0f} % of the variance")
print(f"half of it lies in {np.searchsorted(share.cumsum(), 0.5) + 1} directions, of {len(share)}")
numbers = pd.DataFrame(points, columns=["first", "second"]).assign(positive=y_test)
figure = plot_plane({"held-out windows": points}, y_test, names)
keep(figure, OUTPUT, "plane", numbers=numbers, simulated=simulated)

# %% [markdown]
# The classes overlap, and their middles differ. That is what a VAE gives: it was asked to describe
# windows, not to sort them. Note the second line above the figure. All units are active, and yet a
# few directions hold half of the variance: the units repeat each other. It will matter, because noise
# comes in all directions alike.
#
# ## What a view still tells
#
# The forward process of chapter 02, now on latents:
#
# `z_t = sqrt(alpha_bar_t) z + sqrt(1 - alpha_bar_t) noise`
#
# The latents were standardised first, since the formula keeps the variance only where it is 1. As t
# grows, windows lose their places.

# %%
schedule = NoiseSchedule.linear(1000)
noise = torch.randn(z_test.shape, generator=torch.Generator().manual_seed(SEED))


def view(t: int) -> torch.Tensor:
    """The held-out latents at step t."""
    return schedule.q_sample(z_test, torch.full((len(z_test),), t), noise)


planes = {f"t = {t}": (view(t) @ plane).numpy() for t in (0, 100, 300, 600)}
numbers = pd.concat(
    [
        pd.DataFrame(p, columns=["first", "second"]).assign(view=title, positive=y_test)
        for title, p in planes.items()
    ]
)
keep(plot_plane(planes, y_test, names), OUTPUT, "drowning", numbers=numbers, simulated=simulated)

# %% [markdown]
# (The cloud shrinks because these two directions carry more than unit variance each, and pure noise
# has exactly that. Directions that carry less are the first to drown.)
#
# How much is left can be computed. Take a *fixed reader*: a weight vector w, found once on clean
# latents, which scores a view by `w . z_t`. Let the scores of the clean classes have means that lie d
# apart and a variance v within each class. The forward process does two things to the scores. It
# shrinks them by sqrt(alpha_bar_t), and adds noise of variance (1 - alpha_bar_t) |w|^2. If the scores
# are about normal, the AUROC is the probability that one normal number is larger than another:
#
# `AUROC(t) = Phi( sqrt(alpha_bar_t) d / sqrt(2 (alpha_bar_t v + (1 - alpha_bar_t) |w|^2)) )`
#
# with Phi the normal distribution function.
#
# **Exercise 2.** Write it. (`norm.cdf` is Phi.)


# %% tags=["solution"]
def expected_auroc(alpha_bar, d, v, w):
    """alpha_bar: number or array; d, v: of the clean scores; w: (latent,)."""
    spread = alpha_bar * v + (1 - alpha_bar) * np.sum(w**2)
    return norm.cdf(np.sqrt(alpha_bar) * d / np.sqrt(2 * spread))


# %% tags=["check"]
_rng = np.random.default_rng(0)
_w = np.array([1.0, -2.0, 0.5])
_yes, _size = np.arange(40_000) % 2 == 1, np.array([3.0, 1.0, 1.0])  # deviations within a class
_clean = _size * _rng.normal(size=(40_000, 3)) + np.outer(_yes, [2.0, -1.6, 0.3])
_d, _v = _w @ [2.0, -1.6, 0.3], np.sum((_w * _size) ** 2)
for _share in (1.0, 0.6, 0.1):
    _noisy = np.sqrt(_share) * _clean + np.sqrt(1 - _share) * _rng.normal(size=_clean.shape)
    assert abs(expected_auroc(_share, _d, _v, _w) - auroc(_yes, _noisy @ _w)) < 0.02
assert expected_auroc(0.0, _d, _v, _w) == 0.5, "pure noise tells nothing"
assert np.shape(expected_auroc(np.array([1.0, 0.5]), _d, _v, _w)) == (2,)

# %% [markdown]
# Against the records: the reader is a logistic regression on the clean training latents. Each point
# is its AUROC on the held-out windows at one step, averaged over five draws of the noise.

# %%
reader = LogisticRegression(C=0.1, max_iter=1000).fit(z.numpy(), y)
w = reader.coef_[0]
clean = z_test.numpy() @ w
d = clean[y_test].mean() - clean[~y_test].mean()
v = (clean[y_test].var() + clean[~y_test].var()) / 2
rng, rows = np.random.default_rng(SEED), []
for t in range(0, 1000, 25):
    share = float(schedule.alphas_cumprod[t])
    away = rng.normal(scale=np.linalg.norm(w), size=(5, len(clean)))  # w . noise
    measured = [auroc(y_test, np.sqrt(share) * clean + np.sqrt(1 - share) * n) for n in away]
    rows.append((t, np.mean(measured), expected_auroc(share, d, v, w)))
table = pd.DataFrame(rows, columns=["t", "measured", "expected"])
thirds = {name: (step_range(1000, name)[0], step_range(1000, name)[-1]) for name in THIRDS}
figure = plot_readable(table, thirds, schedule=schedule)
keep(figure, OUTPUT, "readable", numbers=table, simulated=simulated)

# %% [markdown]
# The line was computed from three numbers, the points were measured, and they agree, mostly to within 0.02. So
# what this reader gets from a view is known before any training:
#
# - **early**: most of what it knew;
# - **middle**: something at first, little at the end;
# - **late**: next to nothing. The lower panel says why: about 1 % of the variance is left, and less.
#
# Is that the reader's fault? In part. It was made for clean latents, and listens to directions that
# drown early. One that listens only to the direction of largest variance knows less at first, and
# keeps it longer:

# %%
loud = axes[0].numpy()
clean = z_test.numpy() @ loud
for t in (0, 333, 666, 900):
    share = float(schedule.alphas_cumprod[t])
    noisy = np.sqrt(share) * clean + np.sqrt(1 - share) * rng.normal(size=(20, len(clean)))
    found = np.mean([auroc(y_test, p) for p in noisy])
    print(f"t = {t}, {100 * share:.1f} % left: AUROC {max(found, 1 - found):.2f} by one direction")

# %% [markdown]
# A network that knows t can change its reading with t, as we just did by hand. But that has an end:
# a view at t = 900 with the label "fibrillation" is noise with a label.
#
# The paper's first versions say that *late* steps make the best views, its third says *early* ones.
# It does not say where a part begins, and with another schedule, or another scale of the latents,
# "late" could be where our "middle" is. Chapter 32 trains with all of them.
#
# ## Which steps to draw
#
# "Adaptive timestep sampling" is the paper's future work. A way of sampling is nothing but a
# probability for each step, so it can be drawn:

# %%
numbers = pd.DataFrame({s: step_probabilities(schedule, s, progress=0.5) for s in SAMPLERS})
figure = plot_step_probabilities(schedule, SAMPLERS)
keep(figure, OUTPUT, "samplers", numbers=numbers, simulated=False)

# %% [markdown]
# `snr` follows the signal-to-noise ratio, with a cap, so that not only the very first steps are seen.
# `widening` and `moving` are *curricula*: they begin with easy views and go on to hard ones. All of
# them can be given to the package's `DiffusionViews`; which one trains best is an experiment, and the
# figure above already says what to expect of those that spend their time on the right.
#
# ## Triplets
#
# Views need a lesson. The *triplet loss* takes three embeddings: an anchor a, a positive p of its
# class, a negative n of the other, and asks that p be nearer than n by a margin m:
#
# `max(0, d(a, p) - d(a, n) + m)`
#
# A batch of 384 views allows millions of triplets, and the longer a training goes on, the more of them
# are satisfied and teach nothing. So one *mines*:
#
# - **batch-hard**: for every anchor the farthest positive and the nearest negative;
# - **semi-hard**: every pair (a, p) with the nearest negative that is farther than p, if it is farther
#   by less than m;
# - **random**: any.
#
# **Exercise 3.** Mine batch-hard by hand, with loops if you like. Every anchor here has at least one
# positive and one negative.


# %% tags=["solution"]
def batch_hard(distances, labels):
    """distances (n, n), labels (n,); for every anchor (positive, negative), both places."""
    found = []
    for a in range(len(labels)):
        same = [i for i in range(len(labels)) if labels[i] == labels[a] and i != a]
        other = [i for i in range(len(labels)) if labels[i] != labels[a]]
        farthest = max(same, key=lambda i: distances[a, i])
        nearest = min(other, key=lambda i: distances[a, i])
        found.append((farthest, nearest))
    return found


# %% tags=["check"]
_line = np.array([0.0, 1.0, 3.0, 4.0, 9.0])
_apart = np.abs(_line[:, None] - _line)
_found = [tuple(map(int, pair)) for pair in batch_hard(_apart, np.array([0, 0, 1, 1, 0]))]
assert _found == [(4, 2), (4, 2), (3, 1), (2, 1), (0, 3)]
_rng = np.random.default_rng(0)
_where, _labels = _rng.normal(size=(30, 4)), _rng.integers(2, size=30)
_apart = np.linalg.norm(_where[:, None] - _where, axis=2)
_mined = mine_triplets(
    torch.from_numpy(_apart), torch.from_numpy(_labels), mining="batch-hard", margin=1.0
)
_found = [tuple(map(int, pair)) for pair in batch_hard(_apart, _labels)]
assert _found == list(zip(_mined.positive.tolist(), _mined.negative.tolist(), strict=True))

# %% [markdown]
# Now move things by hand: windows of both classes in the plane from above. Let t grow, and the classes
# drift into each other. Choose an anchor and a way of mining. On the right every mined triplet is a
# point: below the solid line it costs, above it costs nothing. Semi-hard triplets lie *between* the
# lines, always. Batch-hard ones lie far below the dotted line, before any noise: in classes that
# overlap, everybody has a stranger near and a relative far away.

# %% tags=["live"]
rng = np.random.default_rng(SEED)
few = np.concatenate([rng.permutation(np.flatnonzero(y_test == c))[:30] for c in (False, True)])
explorer = TripletExplorer(points[few], y_test[few], names=names, schedule=schedule, seed=SEED)
explorer

# %%
middle = int(np.linalg.norm(points[few], axis=1).argmin())  # an anchor in the crowd
figure = explorer.static(100, 3.0, "batch-hard", anchor=middle)
keep(figure, OUTPUT, "triplets_batch_hard", simulated=simulated)

# %% [markdown]
# Batch-hard at t = 100: one triplet for each anchor, all below the dotted line. An outlier is the
# farthest positive of everybody, and teaches everybody. The same points, semi-hard:

# %%
figure = explorer.static(100, 3.0, "semi-hard", anchor=middle)
keep(figure, OUTPUT, "triplets_semi_hard", simulated=simulated)

# %% [markdown]
# Many more triplets, all in the band between the lines: in the right order, but by less than the
# margin. Lower the margin, and the band gets thin.
#
# ## Collapse
#
# What does a training make of it? We train DACL's encoder for 300 steps of each way, from the same
# start. It is a U-Net without convolutions, since a latent has no neighbours: linear layers of 32, 64
# and 128 units and back again, with skip connections, and in every block the step t scales and shifts
# what passes (`ecglab/nn/latent_unet.py`). Its embeddings lie on a sphere, so distances end at 2.

# %%
runs = {}
for mining, margin in (
    ("batch-hard", 1.0),
    ("batch-hard", 0.3),
    ("semi-hard", 0.3),
    ("random", 0.3),
):
    steps = min(300, profile.dacl_steps)
    config = LatentLearnerConfig(steps=steps, mining=mining, margin=margin)
    learner = replace(base, config=config, reports={}, encoder=None)
    learner.fit_encoder(train.x, y.astype(int), seed=SEED)
    apart = embedding_distances(torch.from_numpy(learner.embed(test.x))).numpy()
    same = y_test[:, None] == y_test
    np.fill_diagonal(apart, np.nan)
    losses = learner.reports["encoder"].losses
    pairs = [part[np.isfinite(part)] for part in (apart[same], apart[~same])]
    runs[f"{mining}, margin {margin:g}"] = Mined(losses, margin, *pairs)
numbers = pd.DataFrame({name: pd.Series(run.losses) for name, run in runs.items()})
keep(plot_collapse(runs), OUTPUT, "collapse", numbers=numbers, simulated=simulated)

# %% [markdown]
# First, batch-hard with margin 1, which many papers use, and with 0.3. The loss falls at once, from well
# above the margin to the margin, and rests there. Below: all distances are zero. Every window, of
# whatever class, has the same embedding. Each triplet then costs `0 - 0 + m`, and where everything lies
# in one point the gradient has no direction left.
#
# Why there? When the farthest positive is farther than the nearest negative, for nearly every anchor,
# the loss is `m + (something positive)`. The quickest way to make that something smaller is to shrink
# *all* distances. The labels of CinC 2017 and the noise of the views make sure that this is the usual
# case. Semi-hard triplets never ask for it: their negative is farther than their positive, and
# shrinking everything would make `d(a, p) - d(a, n)` larger.
#
# A loss that comes down to its margin and rests there is the sign to look for. (A semi-hard loss stays
# a little *below* its margin by nature: of all negatives beyond the positive it takes the nearest.
# So look at the distances too.) The other two have trained: pairs of the same class lie nearer than
# pairs of two classes. How much that is worth on records is chapter 32's question, where views of two kinds of
# noise are compared. (An encoder without any views is not among them.)
#
# ## What to take along
#
# - Report a VAE's two losses apart, and count its active units: a collapse lowers the loss.
# - What a fixed linear reader can know of a diffused view is a formula with three numbers in it.
# - "Late" is a word. The share of signal that is left is a number: print it beside the word.
# - Mining decides what a triplet loss asks for. If the loss comes down to the margin and rests there,
#   everything has become one point.
