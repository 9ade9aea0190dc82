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
# # DACL: noise as the augmentation
#
# **You will be able to**
# - put the whole system together, from a trace to the probability of atrial fibrillation;
# - say what each part is worth, by changing as few parts as possible at a time, with the same budget;
# - test a claim about noise with noise that the system has never seen;
# - read two versions of one paper that say opposite things, and say which one your data support.
#
# **Minutes**: 50 to read and do, about 5 to run.
#
# **Prerequisites**: chapters 30 and 31. AUROC and bootstrap intervals (chapter 03).
#
# **Paper**: DACL (Zewail 2025, arXiv 2509.20048), "Key results" and the ablation of its time steps.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/32_dacl"

# %% tags=["setup"]
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from ecglab.data.choose import choose
from ecglab.data.corrupted import Corrupted
from ecglab.data.pooling import pool_records
from ecglab.data.windows import windows
from ecglab.diffusion import NoiseSchedule
from ecglab.diffusion.views import DiffusionViews
from ecglab.evaluation import auroc, bootstrap_ci, paired_difference, stored_results
from ecglab.evaluation.contrastive_systems import (
    QUESTIONS,
    SYSTEMS,
    Features,
    fit_system,
    folds_of,
    latent_of,
    record_scores,
)
from ecglab.evaluation.contrastive_tables import (
    comparison_intervals,
    comparison_table,
    few_table,
    gains_table,
    noise_table,
    steps_intervals,
    steps_table,
)
from ecglab.methods import METHODS
from ecglab.methods.scattering_features import DACL_WINDOWS
from ecglab.nn.triplet import TripletLoss
from ecglab.plots import CLASS_NAMES, keep, use_style
from ecglab.plots.contrastive import (
    plot_intervals,
    plot_loss_curves,
    plot_noise_curves,
    plot_noisy_trace,
)
from ecglab.profiles import load_profile
from ecglab.signals.artefacts import KINDS

use_style()

# %% [markdown]
# A contrastive method learns what should *not* matter. It sees two versions of one sample, and is
# told that they are the same. Which versions? For pictures one crops, turns and recolours. For an
# ECG it is less clear what may be changed: stretch it, and the rate is wrong; flip it, and the axis is.
#
# DACL's answer is to change nothing by hand. The forward process of a diffusion model takes a latent
# vector towards noise, a little or a lot, and the version at step t is the view. This chapter trains
# that, beside the systems that the paper compares it with, and asks what the idea is worth.
#
# ## The records
#
# As many normal records as records in fibrillation, in windows of ten seconds that overlap by half,
# and of each window the Scattering Transformer's features of chapter 30. A fifth of the records is
# held out: neither VAE, nor encoder, nor classifier sees them.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
labels = {record.id: "|".join(record.labels) for record in dataset.records(ids[:2500])}
rng = np.random.default_rng(SEED)
some = []
for label in ("N", "A"):
    mine = [id_ for id_, name in labels.items() if name == label]
    some += [mine[i] for i in rng.permutation(len(mine))[:200]]
data = Features.of(windows(dataset, DACL_WINDOWS, ids=sorted(some)))
fold = folds_of(data, seed=SEED)
train, test = data.take(fold != 0), data.take(fold == 0)
question = QUESTIONS["af-vs-normal"]
for name, part in (("to learn from", train), ("held out", test)):
    counts = ", ".join(f"{(part.labels == c).sum()} {CLASS_NAMES[c]}" for c in "NA")
    print(f"{name}: {len(part.labels)} records ({counts}), {len(part.x)} windows")

# %% [markdown]
# ## Views, and a loss over all of them
#
# A batch holds windows of both classes. Each window's latent comes three times: clean, and at two
# steps drawn at random. All versions of all windows of a class should lie together, and apart from
# those of the other class. So every view gets its window's label, and the triplet loss of chapter 31
# does not need to know that there were views at all.
#
# **Exercise 1.** Write this loss: views (K + 1, batch, latent), their steps, the windows' labels.


# %% tags=["solution"]
def loss_of_views(network, views, steps, labels, triplet):
    """The triplet loss over the embeddings of all views; a scalar."""
    embeddings = network(views.flatten(0, 1), steps.flatten())
    return triplet(embeddings, labels.repeat(len(views))).loss


# %% tags=["check"]
_z = torch.tensor([[2.0, 0.0], [1.6, 1.0], [1.0, 1.8]])
_views, _steps = DiffusionViews(NoiseSchedule.linear(1000), views=2, sampler="early")(
    _z, torch.Generator().manual_seed(0)
)
_triplet = TripletLoss(margin=0.3)


def _network(zt, t):
    return zt + torch.stack([t, -t], dim=1) / 100  # each view must come with its own step


_mine = loss_of_views(_network, _views, _steps, torch.tensor([0, 1, 0]), _triplet)
_nine = _network(torch.cat([*_views]), torch.cat([*_steps]))
_by_hand = _triplet(_nine, torch.tensor([0, 1, 0, 0, 1, 0, 0, 1, 0])).loss
assert _by_hand > 0.1
assert torch.allclose(_mine, _by_hand), "a view has its own step and the label of its window"

# %% [markdown]
# ## Training
#
# First the VAE, without labels. Then three encoders of one size, with as many steps and batches:
#
# - **DACL**: views from the forward process, triplet loss;
# - **Contrastive + Gaussian augmentation**: the latent plus white noise of one size, the same loss;
# - **Denoising autoencoder**: noise of that size, but the loss asks for the clean latent, and no
#   label is looked at.
#
# Beside them two systems without an encoder: the scattering features, and the VAE's latent. On top of
# each the same logistic regression. And one that the paper lacks: a **small network** on the features,
# trained by plain cross-entropy. An encoder trained by triplets has seen labels, and is not linear;
# logistic regression cannot say what either alone is worth. The network is the control.

# %%
base = latent_of(train, profile, seed=SEED)
print(base.use)
models = {name: fit_system(name, profile, train, question, base, seed=SEED) for name in SYSTEMS}
titles = {name: METHODS[name].info.title for name in SYSTEMS}
losses = {"VAE": base.reports["vae"].losses}
losses |= {titles[name]: models[name].reports["encoder"].losses for name in SYSTEMS[3:]}
figure = plot_loss_curves(losses)
numbers = pd.DataFrame({name: pd.Series(values) for name, values in losses.items()})
keep(figure, OUTPUT, "training", numbers=numbers, simulated=simulated)

# %% [markdown]
# Do not compare the heights: each panel has a loss of its own. Look at the shapes. A triplet loss has
# a strange one: with semi-hard mining it stays near the margin, since every step looks for triplets
# that are still wrong, and there are always some. It is no measure of how good the encoder is.
#
# (With the usual choice, the hardest triplets and a margin of 1, all embeddings collapsed to one
# point on these data, and the loss came down to the margin and rested there: chapter 31 shows it.)
#
# ## From windows to a record
#
# A classifier gives each window a probability. The question is about the record. We take the mean
# over its windows. The paper calls its numbers "patient-level"; CinC 2017 names no patients, so a
# record is the most that can be held out here.
#
# **Exercise 2.** From windows' probabilities to the AUROC over records.


# %% tags=["solution"]
def record_auroc(p, record_of, positive):
    """p and record_of (windows,), positive (records,) of booleans; a number."""
    sums = np.bincount(record_of, weights=p)
    return float(auroc(positive, sums / np.bincount(record_of)))


# %% tags=["check"]
_p = np.array([0.9, 0.4, 0.1, 0.7, 0.4])
_of = np.array([0, 1, 0, 2, 1])
assert record_auroc(_p, _of, np.array([False, False, True])) == 1.0
assert record_auroc(_p, _of, np.array([True, False, False])) == 0.5
_rng = np.random.default_rng(0)
_of, _p = np.tile(np.arange(40), 3), _rng.random(120)
_yes = _rng.random(40) < 0.5
_pooled = pool_records(_p[:, None], _of)[:, 0]
assert np.isclose(record_auroc(_p, _of, _yes), float(auroc(_yes, _pooled)))

# %% [markdown]
# ## The comparison, small
#
# All six on the records held out here. The intervals come from resampling records.

# %%
positive = question.answer(test.labels)
scores = {name: record_scores(model, test) for name, model in models.items()}
rows = []
for name, p in scores.items():
    found = bootstrap_ci(positive, p, auroc, n=profile.resamples, seed=SEED)
    rows.append(("AF against normal", titles[name], found.value, found.low, found.high))
table = pd.DataFrame(rows, columns=["panel", "name", "value", "low", "high"])
keep(plot_intervals(table), OUTPUT, "comparison_small", numbers=table, simulated=simulated)

# %% [markdown]
# The intervals overlap, and that says less than one thinks. All systems were asked about the same
# records, and what is hard for one is hard for all. The fair question is about the *difference*, on
# the same resampled records each time.
#
# **Exercise 3.** The interval of the difference between two systems' AUROC.


# %% tags=["solution"]
def auroc_difference(positive, p_a, p_b, n=500, seed=0):
    """The 2.5 and 97.5 % points of AUROC(a) - AUROC(b) over resampled records."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < n:
        i = rng.integers(len(positive), size=len(positive))
        if positive[i].any() and not positive[i].all():
            found.append(auroc(positive[i], p_a[i]) - auroc(positive[i], p_b[i]))
    return tuple(np.quantile(found, [0.025, 0.975]))


# %% tags=["check"]
_rng = np.random.default_rng(1)
_yes = _rng.random(300) < 0.5
_hard = _rng.normal(size=300)  # what is hard is hard for both
_a, _b = 2.0 * _yes + _hard, 1.7 * _yes + _hard + 0.1 * _rng.normal(size=300)
_low, _high = auroc_difference(_yes, _a, _b, n=2000)
_packaged = paired_difference(_yes, _a, _b, auroc, n=2000, seed=0)
assert _low > 0, "the better one is better beyond doubt"
assert abs(_low - _packaged.low) < 0.001
assert abs(_high - _packaged.high) < 0.001
assert np.allclose(auroc_difference(_yes, _a, _a), 0)

# %%
rows = []
for name in SYSTEMS[:-1]:
    d = paired_difference(positive, scores["dacl"], scores[name], auroc, n=1000, seed=SEED)
    rows.append({"DACL less": titles[name], "AUROC": f"{d.value:.3f} [{d.low:.3f}, {d.high:.3f}]"})
pd.DataFrame(rows)

# %% [markdown]
# An interval that holds zero is no proof that two systems are alike. It says that so few records
# cannot tell them apart.
#
# ## A rival that learns nothing
#
# All six systems read the same features: means and deviations over the frames of a window. Both
# forget the *order* of the frames; the faint positions of chapter 30 leave no more than a trace of it.
# But order is what fibrillation takes from a heart.
#
# So put it in by hand. Take shorter frames, one every 53 ms, so that single beats can be seen, and ask
# of each coefficient whether it comes back after a fixed time: the highest and the lowest
# autocorrelation at lags that a heart can have (chapter 03 did the same to an encoder's channels). That
# is 34 numbers more, and no encoder: logistic regression.

# %%
rhythmic = Features.of(windows(dataset, DACL_WINDOWS, ids=sorted(some)), rhythm=True)
print(f"{data.x.shape[1]} features, {rhythmic.x.shape[1]} with rhythm")
alone = replace(rhythmic, x=rhythmic.x[:, data.x.shape[1] :])
rivals = {titles["dacl"]: scores["dacl"]}
for name, part in (("rhythm alone", alone), ("features and rhythm", rhythmic)):
    learn, ask = part.take(fold != 0), part.take(fold == 0)
    linear = fit_system("scattering-transformer", profile, learn, question, base, seed=SEED)
    rivals[name] = record_scores(linear, ask)
for name, p in rivals.items():
    print(f"{name:20} {bootstrap_ci(positive, p, auroc, n=profile.resamples, seed=SEED)}")

# %% [markdown]
# This is not in the paper, and it is the cheapest part of the chapter. Before asking what an encoder
# can make of features, ask what the features leave out.
#
# ## The comparison, whole
#
# The same code on all records at hand, five folds, three questions (`ecglab dacl compare`, and the same
# with `--rhythm`). The paper's first versions do not say which classes they tell apart; its third says
# atrial fibrillation.

# %%
stored = stored_results()
Markdown(comparison_table(stored))

# %% [markdown]
# The upper half as a picture, with the paper's numbers as dotted lines: for Gaussian augmentation (G),
# for the denoising autoencoder (D), for DACL in the first versions (v1) and in the third (v3). They
# stand in every panel, since the first versions name no classes; v3 belongs into the first one.

# %%
table = comparison_intervals(stored)
marks = {"G": 0.6716, "D": 0.7532, "v1": 0.7815, "v3": 0.9741}
if len(table):
    figure = plot_intervals(table, marks=marks)
    keep(figure, OUTPUT, "comparison_published", numbers=table, simulated=False)

# %% [markdown]
# On no question are our systems as low as the paper's first versions. What differs, the classes, the
# split, the features or the training, the paper does not let us say. And what DACL adds to each, as
# paired differences:

# %%
Markdown(gains_table(stored))

# %% [markdown]
# Read the first column of differences before the others. It compares DACL with a logistic regression
# on the features that went into it: that is what everything after the features is worth. Then go back
# to the first table, to the small network. It has the same features and the same labels, and neither
# latent nor views nor triplets, and it is ahead of DACL on every question. So what the first column
# shows is that labels and a curved boundary help, not that triplets or noise do. (It takes examples: in
# the small comparison above, with some hundred records to learn from, no network need be ahead.)
#
# ## Early or late?
#
# The first versions of the paper find that *late* steps help most: views that are nearly noise make
# the task hard, and a hard task teaches. The third finds the opposite, *early* steps. We trained with
# the steps of one third of the schedule only, or of all of it, all else the same. (What is called DACL
# above uses the early third.)

# %%
Markdown(steps_table(stored))

# %% [markdown]
# The same as a picture:

# %%
table = steps_intervals(stored)
if len(table):
    keep(plot_intervals(table), OUTPUT, "steps", numbers=table, simulated=False)

# %% [markdown]
# Here is a reason to be careful with both. With a linear schedule of 1,000 steps the last third keeps
# about 1 % of the latent's variance, and less (chapter 31). A late view is nearly noise with a label.
# What an encoder can learn from it is to put noise somewhere harmless; the clean view in the same batch
# does the teaching.
#
# ## Noise at test time
#
# "Noise-robust" is in the paper's title. A fair test takes noise of another kind than the one trained
# with: not Gaussian noise on a latent, but what happens to recordings. Three kinds, added to the raw
# trace before any filter: the baseline *wanders*, *muscles* work, the electrode is *moved*.

# %%


def unrest(id_: str) -> float:
    """The largest deflection of a record over the usual one of a second: near 1 if it is clean."""
    x = dataset.read(id_).signal[0]
    seconds = np.abs(x[: len(x) // 300 * 300]).reshape(-1, 300).max(axis=1)
    return float(seconds.max() / np.median(seconds))


example = min(test.names[test.labels == "A"].tolist(), key=unrest)
record = dataset.read(example)
noisy = {kind: Corrupted(dataset, kind, 6.0, seed=SEED).read(example).signal[0] for kind in KINDS}
figure = plot_noisy_trace(record.signal[0], noisy, record.fs, seconds=10)
numbers = pd.DataFrame({"clean": record.signal[0], **noisy})
keep(figure, OUTPUT, "noise", numbers=numbers, simulated=simulated)

# %% [markdown]
# All three have the same power, a quarter of the trace's own. They are not equally bad. The wander is
# slow, and the filter at 0.5 Hz takes most of it away. The moved electrode makes bumps that no filter
# takes away, but they are blunter than a QRS complex. Muscle noise is as fast as the complex itself.
#
# The systems from above, trained on clean records, on the held-out records with each noise:

# %%
rows = []
for kind in KINDS:
    for snr in (18, 6, 0) if PROFILE != "smoke" else (6,):
        source = Corrupted(dataset, kind, snr, seed=SEED)
        heard = Features.of(windows(source, DACL_WINDOWS, ids=list(test.names)))
        for name, model in models.items():
            found = bootstrap_ci(
                question.answer(heard.labels), record_scores(model, heard), auroc, n=200, seed=SEED
            )
            rows.append((kind, snr, titles[name], found.value, found.low, found.high))
table = pd.DataFrame(rows, columns=["kind", "snr", "name", "value", "low", "high"])
keep(plot_noise_curves(table), OUTPUT, "noise_curves", numbers=table, simulated=simulated)

# %% [markdown]
# Lines that fall together say that the noise has spoilt the features, before any encoder could help.
# A robust encoder would be a line that falls later than that of the scattering features themselves. If
# an encoder's line falls earlier, it leans on what the noise takes away. (Few records teach here, and the
# encoders' lines fall earlier than those of the table below, where ten times as many do.)
# The whole fold, with more ratios (`ecglab dacl noise`):

# %%
Markdown(noise_table(stored))

# %% [markdown]
# ## Few labels
#
# The VAE needs no labels, so it can learn from all training records while a few lend theirs
# (`ecglab dacl few`).

# %%
Markdown(few_table(stored))

# %% [markdown]
# ## What to take along
#
# - Views, encoder, loss, classifier: DACL is four choices, and a comparison changes one of them.
# - The first baseline of a learned system is a linear model on the features that went into it; the
#   second is a plain network with the same labels.
# - A margin and a way of mining decide whether a triplet loss learns at all.
# - Noise in training and noise in the world are two things. Test with the second.
# - Where two versions of a paper disagree, the question may be ill-posed: ask what a "late" view is.
