# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here: the machine, the data, the heart on paper
#
# **You will be able to**
# - tell whether this machine is ready for the course, and what to do where it is not;
# - name the data sets of the course, and say which of them are here;
# - read an ECG on paper: times, voltages, the heart rate, the twelve leads;
# - tell the four classes of the CinC 2017 challenge apart by eye.
#
# **Minutes**: 20 to read and do, less than one to run.
#
# **Prerequisites**: Python and NumPy. You need to know nothing about the heart.
#
# **Paper**: the data sets of DiffECG (section 4.1), of the semantic diffusion autoencoder and of
# DACL. The figures of the papers begin in chapter 01.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/00_start_here"

# %% [markdown]
# ## How a chapter works
#
# The cell above holds the chapter's four parameters. `PROFILE` scales the work: `smoke` for tests,
# `laptop`, `gpu`, or `paper` for the papers' own budgets. `DATASET = "auto"` takes real records
# where they are on this machine, and simulated ones where they are not. `SEED` fixes all
# randomness. `OUTPUT` is the folder to which every figure is written, with the numbers behind it.
#
# In JupyterLab, run the cells from top to bottom with Shift+Enter. We begin with imports.

# %% tags=["setup"]
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pandas.io.formats.style import Styler

# %% tags=["setup"]
import ecglab
from ecglab.course import describe_source
from ecglab.course.sources import read_source
from ecglab.data.catalog import describe, open_dataset
from ecglab.data.choose import choose
from ecglab.data.locations import data_home, physionet_base
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.simulator import LEADS, simulate
from ecglab.plots import CLASS_NAMES, keep, use_style
from ecglab.plots.ecg import plot_strips, plot_twelve_leads
from ecglab.profiles import load_profile
from ecglab.signals import bandpass, rpeaks

use_style()
practice = next(simulate(1, seed=0, seconds=10, leads=LEADS, mix={"sinus rhythm": 1.0}))

# %% [markdown]
# ## Is this machine ready?
#
# First, the packages. The project states which versions it works with; we ask this Python which
# ones it has.

# %%
needed = [Requirement(text) for text in requires("ecglab") or []]
needed = [need for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]


def fault(need: Requirement) -> str:
    """What is wrong with one required package; empty if nothing is."""
    try:
        have = version(need.name)
    except PackageNotFoundError:
        return f"{need.name} is missing"
    return "" if have in need.specifier else f"{need.name} {have} is here, {need} is needed"


faults = [fault(need) for need in needed if fault(need)]
python_fits = platform.python_version() in SpecifierSet(metadata("ecglab")["Requires-Python"])
print(f"{len(needed)} packages are needed, {len(faults)} do not fit")

# %% [markdown]
# Next, the machine and the data. The course needs no GPU and no download: what is yellow below is
# slower or simulated, but works.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
if not set(dataset.classes) <= set(CLASS_NAMES):
    raise ValueError(f"this chapter needs the classes of CinC 2017, not {dataset.classes}")
source = "simulated" if simulated else dataset.title
has_gpu = torch.cuda.is_available()
device = torch.cuda.get_device_name() if has_gpu else f"no GPU, {os.cpu_count()} processor cores"
home = next(path for path in (data_home(), *data_home().parents) if path.exists())

# %%
checks = [
    ("Python", platform.python_version(), "ok" if python_fits else "fix"),
    ("packages", "; ".join(faults) or f"all {len(needed)} fit", "fix" if faults else "ok"),
    ("ecglab", ecglab.__version__, "ok"),
    ("device", device, "ok" if has_gpu else "works"),
    ("profile", f"{PROFILE}: {profile.about}", "ok"),
    ("data folder (ECGLAB_DATA)", str(data_home()), "ok" if os.access(home, os.W_OK) else "fix"),
    ("PhysioNet (ECGLAB_PHYSIONET)", physionet_base(), "ok"),
    ("this chapter's records", f"{len(ids)} of: {dataset.title}", "works" if simulated else "ok"),
]
table = pd.DataFrame(checks, columns=["what", "found", "state"])

# %%
COLOURS = {"ok": "#cdebd5", "works": "#fbeec6", "fix": "#f6c9c3"}


def coloured(table: pd.DataFrame) -> Styler:
    """A table whose rows have the colour of their ``state``."""
    left = {"selector": "th", "props": "text-align: left"}
    style = "background-color: {}; color: black; text-align: left"
    styles = [[style.format(COLOURS[state])] * table.shape[1] for state in table["state"]]
    styles = pd.DataFrame(styles, index=table.index, columns=table.columns)
    return (
        table.style.apply(lambda _: styles, axis=None).hide(axis="index").set_table_styles([left])
    )


coloured(table)

# %% [markdown]
# Green is fine, yellow works, red needs a hand:
#
# - a package is missing or does not fit: `make env` sets up everything anew;
# - the data folder cannot be written: set the environment variable `ECGLAB_DATA` to one that can;
# - you want real records: `make data` fetches CinC 2017 and MIT-BIH from PhysioNet (about 170 MB),
#   and `ecglab data fetch ptbxl --limit 100` a hundred records of PTB-XL.

# %% [markdown]
# ## Which data sets does the course know?
#
# All of them are free to use. They live on PhysioNet, a public archive of recordings of the body.
# The column *here* counts the records found on this machine.

# %%
catalog = pd.DataFrame(describe())
catalog["here"] = catalog["present"]
catalog["fs (Hz)"] = [", ".join(map(str, rates)) for rates in catalog["fs"]]
catalog["classes"] = [", ".join(names) for names in catalog["classes"]]
catalog["marked"] = [
    " and ".join(part for part, there in (("beats", b), ("rhythms", r)) if there) or "records"
    for b, r in zip(catalog["beats"], catalog["rhythms"], strict=True)
]
catalog["state"] = np.where(catalog["present"] > 0, "ok", "works")
columns = ["name", "title", "records", "here", "fs (Hz)", "classes", "marked", "licence", "state"]
coloured(catalog[columns]).hide("state", axis="columns")

# %% [markdown]
# Notice that the sets label different things. MIT-BIH and LTAF mark each beat and each stretch of
# rhythm. CinC 2017 gives one class to a whole record. In PTB-XL a record may have several labels.
#
# ### The paper's number beside ours
#
# DiffECG (section 4.1) describes its five data sets in words. We hold its words against the files:
# how long are the records? The third column is what the whole sets hold, the fourth is measured on
# the records that are here.

# %%
stated = {
    "cpsc2018": ("6 to 60 s", "6 to 144 s"),
    "chapman": ("10 s", "10 s"),
    "ptb": ("549 records of 1 to 5 s", "549 records of 32 to 120 s"),
    "georgia": ("10 s", "5 to 10 s"),
    "ltaf": ("84 records of 24 or 48 h", "84 records of 6 to 26 h"),
}


def lengths(name: str) -> str:
    """Shortest and longest of the first records at hand."""
    try:
        found = [r.seconds for r in open_dataset(name).records(limit=3 if name == "ltaf" else 20)]
    except DataNotFound:
        return "not on this machine"
    unit, size = ("h", 3600) if max(found) > 3600 else ("s", 1)
    span = " to ".join(dict.fromkeys(f"{t / size:.0f}" for t in (min(found), max(found))))
    return f"{span} {unit} (in {len(found)} records)"


rows = [(name, *words, lengths(name)) for name, words in stated.items()]
pd.DataFrame(rows, columns=["data set", "DiffECG says", "the whole set", "measured here"])

# %% [markdown]
# Notice that only Chapman is as described. (The paper may have cut or chosen records first; it does
# not say.) Such gaps are in every paper. So this course measures what it states, and wherever a
# paper is silent it says what was chosen instead.
#
# ## One heart, twelve leads
#
# Each heartbeat is an electric wave that runs through the heart muscle. Electrodes on the skin pick
# it up as a voltage of about a thousandth of a volt. A *lead* is the voltage between two places on
# the body, and so one direction from which we look at the same wave. A hospital records twelve:
#
# - **I, II, III, aVR, aVL, aVF** come from electrodes on arms and legs. They look at the heart from
#   the front: from the left (I), from below (aVF), from the right shoulder (aVR).
# - **V1 to V6** come from six electrodes on the chest. They look at it in a horizontal plane, from
#   the right side (V1) round to the left (V6).
#
# ECG paper runs at 25 mm a second, and 10 mm up are 1 mV. So a small square is 0.04 s wide and
# 0.1 mV high, and a large one is 0.2 s by 0.5 mV. The figure that is written to `OUTPUT` has true
# size: print it and use a ruler.

# %%
try:
    ptbxl = open_dataset("ptbxl")
    twelve = ptbxl.read(ptbxl.ids()[0])
except DataNotFound as missing:
    print(missing, "- so this heart is a simulated one.")
    twelve = practice
clean = bandpass(twelve.signal, twelve.fs)
title = f"{twelve.dataset} {twelve.id}: ten seconds, twelve leads"
figure = plot_twelve_leads(clean, twelve.fs, twelve.leads, title=title)
numbers = pd.DataFrame(clean.T, columns=list(twelve.leads))
keep(figure, OUTPUT, "twelve_leads", numbers=numbers, simulated=twelve is practice)

# %% [markdown]
# Time runs on from column to column, so beats stand under each other. The bottom line shows lead II
# all the way; the boxes at the left are 1 mV high.
#
# Notice three things. Every beat has a small hump, a sharp spike and a broader hump: the atria (the
# two upper chambers), then the ventricles (the two lower ones), then recovery. The spike points down in aVR, which looks from
# the other side. And from V1 to V6 the spike turns from mostly down to mostly up, as the view
# moves around the heart.
#
# ### Exercise 1: read the heart rate with a ruler
#
# Find two neighbouring spikes in the bottom line and count the large squares between them. Doctors
# know a rule of thumb that turns this count into beats a minute. Find it, and write it down as a
# function. One large square is 0.2 s.


# %% tags=["solution"]
def beats_per_minute(large_squares: float) -> float:
    """Heart rate from the number of large squares between two spikes (R-peaks)."""
    seconds = 0.2 * large_squares
    return 60 / seconds


# %% tags=["check"]
assert np.isclose(beats_per_minute(5), 60)
assert np.isclose(beats_per_minute(3), 100)
rr = np.diff(practice.beats.samples) / practice.fs  # s, of the simulated heart
assert np.isclose(beats_per_minute(rr.mean() * 25 / 5), 60 / rr.mean())
print("Right: the rule of thumb is 300 divided by the number of large squares.")

# %% [markdown]
# ### Exercise 2: six leads from two
#
# Right arm (RA), left arm (LA) and left leg (LL) carry three electrodes. The six limb leads are
# differences between them:
#
# ```text
# I   = LA - RA                II  = LL - RA                III = LL - LA
# aVR = RA - (LA + LL) / 2     aVL = LA - (RA + LL) / 2     aVF = LL - (RA + LA) / 2
# ```
#
# Three electrodes have only two independent differences. So I and II already hold all six leads.
# Write the other four as sums of I and II.


# %% tags=["solution"]
def limb_leads(one: np.ndarray, two: np.ndarray) -> dict[str, np.ndarray]:
    """Leads III, aVR, aVL and aVF from leads I and II (mV, equal shapes)."""
    return {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }


# %% tags=["check"]
derived = limb_leads(practice.lead("I"), practice.lead("II"))
assert set(derived) == {"III", "aVR", "aVL", "aVF"}
for name, trace in derived.items():
    assert np.allclose(trace, practice.lead(name), atol=1e-4), f"lead {name} is not right yet"
print("Right: of the twelve leads only eight are independent.")

# %% [markdown]
# This matters later. A model that reads all twelve leads reads four of them twice, and most models
# of this course read a single one.
#
# ## Four classes of rhythm
#
# The course's main data set, CinC 2017, was recorded by people at home, with a small device that is
# held in both hands: one lead, 9 to 61 seconds. Experts put each record into one of four classes.
#
# | class | name | what the heart does | what to look for |
# |---|---|---|---|
# | N | normal rhythm | keeps a steady pace | even distances, a hump before each spike |
# | A | atrial fibrillation (AF) | trembles, beats at random | uneven distances, no hump |
# | O | other rhythm | extra beats, too fast, too slow, blocked, ... | a bag of many things |
# | ~ | noisy | nobody can tell | movement, loose contact, trembling muscles |
#
# How many are there of each? The second column is what the challenge published.

# %%
records = {record.id: record for record in dataset.records(ids[: profile.simulated])}
labels = pd.Series({id_: r.labels[0] for id_, r in records.items() if r.labels})
published = pd.Series({"N": 5076, "A": 758, "O": 2415, "~": 279}, name="CinC 2017, published")
found = labels.value_counts().reindex(published.index, fill_value=0)
counts = pd.DataFrame({published.name: published, f"{dataset.name}, read here": found})
counts["share published"] = (published / published.sum()).map("{:.1%}".format)
counts["share here"] = (found / max(found.sum(), 1)).map("{:.1%}".format)
counts

# %% [markdown]
# Notice that AF, the class that matters most to a patient, is about a tenth. A program that always
# answers "normal" is right in 60 % of the cases and useless. Chapter 03 uses another score,
# macro-F1, that such a program cannot win.
#
# Now one record of each class, the clearest of the first twenty: with the tallest spikes over the
# quietest baseline. (Of the noisy ones it is the other way round.)


# %%
def clearness(id_: str) -> float:
    """Height of the R-peaks over the usual size of the trace; below 0 where it is upside down."""
    record = records[id_]
    trace = bandpass(record.signal[0], record.fs)
    peaks = rpeaks(trace, record.fs)
    return float(np.median(trace[peaks]) / np.median(np.abs(trace))) if len(peaks) else 0.0


# %%
strips, facts = {}, []
for label in [name for name in CLASS_NAMES if (labels == name).any()]:
    first = [id_ for id_ in labels.index[labels == label] if records[id_].seconds >= 14][:20]
    clear = pd.Series({id_: clearness(id_) for id_ in first})
    pick = clear.abs().idxmin() if label == "~" else clear.idxmax()
    trace = bandpass(records[pick].signal[0], records[pick].fs)
    strips[f"{label}: {CLASS_NAMES[label]} ({pick})"] = trace
    facts.append({"class": label, "record": pick, "seconds": records[pick].seconds})
figure = plot_strips(strips, records[pick].fs, start=4, title=f"One record of each class, {source}")
keep(figure, OUTPUT, "classes", numbers=pd.DataFrame(facts), simulated=simulated)

# %% [markdown]
# Notice the distances between the spikes. In N they are nearly equal, in A no two are alike. O may
# look quite normal for ten seconds: what made the experts choose it can be a single early beat
# elsewhere in the record. In the noisy record one may still count spikes, but the waves are lost.
#
# Distances between beats tell so much that the next chapter begins with them.
#
# ## A map of the course
#
# Each chapter names what it rebuilds in its first cell, and we read it from there.

# %%
chapters = []
for script in sorted(Path().glob("[0-9]*.py")):
    facts = describe_source(script)
    paper = re.search(
        r"\*\*Paper\*\*:?\s*(.+?)(\n\n|\Z)", read_source(script).cells[0].source, re.S
    )
    rebuilt = " ".join(paper[1].split()) if paper else ""
    chapters.append((script.stem, facts.title, facts.minutes, facts.exercises, rebuilt))
columns = ["chapter", "title", "minutes", "exercises", "rebuilds"]
table = pd.DataFrame(chapters, columns=columns).style.hide(axis="index")
table.set_properties(**{"text-align": "left", "white-space": "normal", "vertical-align": "top"})

# %% [markdown]
# The three papers, and the question that each of them asks:
#
# - **DiffECG** (Zhou et al., IJCAI 2025): can the denoising network of a diffusion model, frozen,
#   recognise arrhythmias in people it has never seen?
# - **Semantic diffusion autoencoder** (Marcinkowski et al., 2025): can 128 numbers hold what
#   matters in ten seconds of ECG?
# - **DACL** (Zewail, arXiv 2509.20048): are noisy views made by diffusion good partners for
#   contrastive learning?
#
# All three build on the same ground: a trace and its beats (chapter 01), the diffusion of a trace
# into noise and back (chapter 02), and a network that learns to denoise and so to see (chapter 03).
#
# Go on with `01_heartbeats_to_features`.
