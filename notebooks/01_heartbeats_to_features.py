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
# # From heartbeats to features
#
# **You will be able to**
# - name the waves of a heartbeat, and say what a band-pass filter takes away and leaves;
# - find R-peaks with ten lines of your own, and score a detector against experts;
# - draw a Lorenz plot by hand, and recognise four rhythms in it;
# - compute a spectrogram from its definition;
# - say which numbers give atrial fibrillation away, and which do not.
#
# **Minutes**: 45 to read and do, about one to run.
#
# **Prerequisites**: chapter 00.
#
# **Paper**: DiffECG (Zhou et al., IJCAI 2025), section 2: equations 1 to 3, figure 2a (two beats)
# and figure 2b (Lorenz plots of four rhythms).

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/01_heartbeats_to_features"

# %% tags=["setup"]
from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from scipy.signal import butter, sosfiltfilt, sosfreqz, welch

from ecglab.data.catalog import open_dataset
from ecglab.data.choose import choose
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.record import Record
from ecglab.data.simulator import Simulator, simulate
from ecglab.data.windows import WindowSpec, cut
from ecglab.evaluation import auroc

# %% tags=["setup"]
from ecglab.plots import CLASS_NAMES, PALETTE, keep, use_style
from ecglab.plots.ecg import blank, plot_beats
from ecglab.plots.rhythm import (
    Beating,
    browse_rhythms,
    plot_features,
    plot_images,
    plot_lorenz,
    plot_rhythm,
    plot_spectra,
)
from ecglab.profiles import load_profile
from ecglab.signals import (
    RECORD_FEATURES,
    bandpass,
    lorenz_images,
    lorenz_points,
    peak_times,
    record_features,
    resample,
    rpeaks,
    rr_intervals,
    stft,
    stft_images,
)
from ecglab.widgets import LorenzExplorer

use_style()

# %% [markdown]
# ## The records of this chapter
#
# Two kinds of records serve here. `dataset` gives short records with one class each: CinC 2017, or
# the simulator. For single beats we want more: MIT-BIH, half-hour records in which experts have
# marked every beat and every change of rhythm. Where it is not on this machine, simulated hearts
# take its place. They know their own beats.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
if not set(dataset.classes) <= set(CLASS_NAMES):
    raise ValueError(f"this chapter needs the classes of CinC 2017, not {dataset.classes}")
try:
    mitbih = open_dataset("mitbih")
    heart = mitbih.read("103", leads=("MLII",))
except DataNotFound as missing:
    print(missing, "- so simulated hearts stand in.")
    mitbih = None
    heart = next(simulate(1, seed=SEED, leads=("II",), mix={"sinus rhythm": 1.0}, noise=None))
print(f"classes: {dataset.title}; beats: {'MIT-BIH' if mitbih else 'simulated'}")

# %% [markdown]
# ## What is in a heartbeat?
#
# A beat is an electric wave through the heart. It starts in the atria, the two upper chambers, waits
# a moment, and then runs through the ventricles, the two lower ones. What we see at the skin has five
# named waves:
#
# - **P**: the atria are excited. The small hump.
# - **Q, R, S**: the ventricles are excited, all within a tenth of a second. The tall spike is R.
# - **T**: the ventricles recover.
#
# We look for each wave in a window around the R-peak, and take the largest or smallest value there.

# %%
WINDOWS = {  # seconds from the R-peak
    "P": (-0.24, -0.08),
    "Q": (-0.08, -0.01),
    "R": (-0.04, 0.04),
    "S": (0.01, 0.10),
    "T": (0.14, 0.42),
}


def find_waves(x: np.ndarray, fs: float, peak: int) -> dict[str, int]:
    """Sample numbers of the five waves of the beat at sample ``peak``."""
    found = {}
    for wave, (start, stop) in WINDOWS.items():
        first = peak + round(start * fs)
        part = x[first : peak + round(stop * fs)]
        found[wave] = first + int(part.argmin() if wave in "QS" else part.argmax())
    return found


# %% [markdown]
# An interval runs from where one wave begins to where another ends. Where does a wave end? We walk
# away from its top, past the steepest place, until the trace is nearly level again.


# %%
def edge(x: np.ndarray, fs: float, top: int, reach: float, level: float = 0.15) -> int:
    """Where a wave ends, walking ``reach`` seconds (negative: backwards) from its top."""
    step = 1 if reach > 0 else -1
    slope = np.abs(np.gradient(x))[top : top + round(reach * fs) : step]
    steepest = int(slope.argmax())
    flat = np.flatnonzero(slope[steepest:] < level * slope.max())
    return top + step * (steepest + int(flat[0]) if len(flat) else len(slope) - 1)


# %%
fs = heart.fs
trace = bandpass(heart.signal[0], fs)
first, second = rpeaks(trace, fs)[[5, 6]]
begin = first - round(0.35 * fs)
two = trace[begin : second + round(0.55 * fs)]
one, other = (find_waves(two, fs, peak - begin) for peak in (first, second))
p, q = edge(two, fs, one["P"], -0.12), edge(two, fs, one["Q"], -0.04)
s, t = edge(two, fs, one["S"], 0.06), edge(two, fs, one["T"], 0.20)
spans = {
    "PR interval": (p, q),
    "QRS complex": (q, s),
    "ST segment": (s, edge(two, fs, one["T"], -0.20)),
    "QT interval": (q, t),
    "TP interval": (t, edge(two, fs, other["P"], -0.12)),
    "RR interval": (one["R"], other["R"]),
}

# %%
seconds = {name: (start / fs, stop / fs) for name, (start, stop) in spans.items()}
waves = {wave: (one[wave] / fs, other[wave] / fs) for wave in WINDOWS}
title = f"Two beats, {heart.dataset} {heart.id}, lead {heart.leads[0]} (DiffECG, figure 2a)"
figure = plot_beats(two, fs, waves, seconds, title=title)
numbers = pd.DataFrame({"seconds": np.arange(len(two)) / fs, "mV": two})
keep(figure, OUTPUT, "fig2a_two_beats", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice the rhythm of small, tall, middle: P, QRS, T, twice. Between T and the next P the trace is
# level. The heart rests, and doctors take this stretch as zero. Our measures beside what textbooks
# call normal:

# %%
normal = {
    "PR interval": "120 to 200 ms",
    "QRS complex": "under 120 ms",
    "QT interval": "350 to 450 ms",
    "RR interval": "600 to 1000 ms (60 to 100 beats a minute)",
}
measured = {name: f"{1000 * (stop - start):.0f} ms" for name, (start, stop) in seconds.items()}
pd.DataFrame({"normal": normal, "this beat": measured}).dropna()

# %% [markdown]
# ## What does the band-pass filter take away?
#
# Skin and breath make the baseline wander, slowly. Mains and muscles add something fast. The heart
# lies between. A *band-pass* keeps what lies between 0.5 and 40 Hz. It is two lines of SciPy. The
# filter runs forwards and then backwards, so that no wave is moved in time.

# %%
filter_ = butter(4, (0.5, 40), "bandpass", fs=fs, output="sos")
by_hand = sosfiltfilt(filter_, heart.signal[0].astype(float))
np.testing.assert_allclose(by_hand, trace, atol=1e-4)
print("two lines of SciPy and ecglab.signals.bandpass agree")

# %% [markdown]
# To see it work we spoil ten seconds of a trace ourselves, so that we know what has to go: a slow
# wander at 0.25 Hz and a hum at 60 Hz.

# %%
ten = trace[: round(10 * fs)]
time = np.arange(len(ten)) / fs
wander, hum = 0.6 * np.sin(2 * np.pi * 0.25 * time), 0.15 * np.sin(2 * np.pi * 60 * time)
spoilt = (ten + wander + hum).astype(np.float32)
mended = bandpass(spoilt, fs)
frequency, response = sosfreqz(filter_, 4096, fs=fs)

# %%
figure = blank(11, 4.4)
axes = figure.subplot_mosaic([["a", "c"], ["b", "c"]], width_ratios=(1.7, 1))
axes["a"].plot(time, spoilt, color=PALETTE["grey"], lw=0.8)
axes["a"].set(title="spoilt: wander at 0.25 Hz and hum at 60 Hz added", ylabel="mV")
axes["b"].plot(time, ten, color=PALETTE["orange"], lw=2.5, label="before")
axes["b"].plot(time, mended, color=PALETTE["ink"], lw=0.8, label="spoilt and filtered")
axes["b"].set(title="filtered, over what it was before", xlabel="time (s)", ylabel="mV")
axes["b"].set_ylim(top=1.5 * ten.max())
axes["b"].legend(loc="upper right", ncols=2)
axes["c"].semilogx(frequency[1:], 2 * 20 * np.log10(np.abs(response[1:]) + 1e-6))
axes["c"].set(title="gain of the filter", xlabel="frequency (Hz)", ylabel="dB", ylim=(-80, 3))
for place in (0.25, 0.5, 40, 60):
    axes["c"].axvline(place, color=PALETTE["grey"], lw=0.7, ls=":")
axes["c"].set(xlim=(0.1, 150), xticks=(0.25, 0.5, 2, 10, 40), xticklabels=(0.25, 0.5, 2, 10, 40))
axes["c"].minorticks_off()
numbers = pd.DataFrame({"seconds": time, "before": ten, "spoilt": spoilt, "filtered": mended})
keep(figure, OUTPUT, "bandpass", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice that the black line lies on the orange one: wander and hum are gone, the waves have kept
# shape and place. (At the two ends they differ a little: a filter cannot know what comes before and
# after.) The gain on the right tells why: at 0.25 Hz and 60 Hz nearly nothing passes.
#
# ## Where are the beats?
#
# Nearly all that follows needs the R-peaks. An R wave is the steepest thing in an ECG. So: take the
# slope, square it, smooth it over 0.12 s, and keep what is above a quarter of the usual peak. In
# each piece that is left, the largest value is the R-peak.


# %%
def naive_rpeaks(x: np.ndarray, fs: float) -> tuple[np.ndarray, np.ndarray, float]:
    """R-peaks by slope, square and threshold; also the smoothed square and the threshold."""
    energy = np.convolve(np.gradient(x) ** 2, np.ones(round(0.12 * fs)), "same")
    threshold = 0.25 * np.quantile(energy, 0.98)
    above = (energy > threshold).astype(int)
    edges = np.flatnonzero(np.diff(above, prepend=0, append=0))
    pieces = zip(edges[::2], edges[1::2], strict=True)
    peaks = np.array([a + np.argmax(np.abs(x[a:b])) for a, b in pieces], dtype=int)
    return peaks, energy, threshold


# %%
peaks, energy, threshold = naive_rpeaks(ten, fs)
figure = blank(9, 4.2)
above, below = figure.subplots(2, 1, sharex=True)
above.plot(time, ten, color=PALETTE["ink"], lw=0.9)
above.plot(time[peaks], ten[peaks], "o", color=PALETTE["red"], ms=5, label="R-peaks found")
above.set(title="A detector of ten lines", ylabel="mV", ylim=(None, 1.4 * ten.max()))
above.legend(loc="upper right")
below.plot(time, energy, color=PALETTE["blue"], lw=0.9, label="slope, squared and smoothed")
below.axhline(threshold, color=PALETTE["red"], lw=0.9, ls="--", label="threshold")
below.set(xlabel="time (s)", ylabel="mV²", ylim=(None, 1.4 * energy.max()))
below.legend(loc="upper right", ncols=2)
numbers = pd.DataFrame({"seconds": time, "mV": ten, "energy": energy})
keep(figure, OUTPUT, "naive_detector", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice that squaring the slope has flattened P and T: only the QRS complexes rise above the
# dashed line.
#
# How good is it? We compare with the experts' marks. A found beat is right if a true one is at most
# 150 ms away, and each true beat counts once. F1 joins the two ways to fail: 1 means that no beat
# was missed and none was made up.


# %%
def beat_f1(found: np.ndarray, true: np.ndarray, fs: float, tolerance: float = 0.15) -> float:
    """F1 of found beats against true ones, both ascending sample numbers."""
    if len(found) == 0:
        return 0.0
    after = np.searchsorted(true, found).clip(1, len(true) - 1)
    nearer = found - true[after - 1] < true[after] - found
    nearest = np.where(nearer, after - 1, after)
    close = np.abs(found - true[nearest]) <= tolerance * fs
    return 2 * len(np.unique(nearest[close])) / (len(found) + len(true))


# %% [markdown]
# We score our ten lines and the package's `rpeaks` on the first ten minutes of every MIT-BIH record
# (or on simulated minutes, noisy ones among them). `rpeaks` is a compiled Pan-Tompkins detector
# with four mends. Its docstring tells which.


# %%
def scores(record: Record) -> dict[str, object]:
    """F1 of both detectors on the first ten minutes of a record."""
    stop = round(600 * record.fs)
    x = bandpass(record.signal[0, :stop], record.fs)
    true = record.beats.samples[record.beats.samples < stop]
    naive, package = naive_rpeaks(x, record.fs)[0], rpeaks(x, record.fs)
    f1 = [beat_f1(found, true, record.fs) for found in (naive, package)]
    return {"record": record.id, "ten lines": f1[0], "package": f1[1]}


if mitbih:
    names = [id_ for id_ in mitbih.ids() if id_ not in ("102", "104")]  # these lack lead MLII
    judged = [mitbih.read(id_, leads=("MLII",)) for id_ in names]
else:
    judged = list(simulate(48, seed=SEED, seconds=60, leads=("II",)))
f1 = pd.DataFrame([scores(record) for record in judged]).sort_values("ten lines")

# %%
figure = blank(11, 3.6)
axis = figure.subplots()
axis.vlines(f1["record"], f1["ten lines"], f1["package"], color=PALETTE["grey"], lw=1)
axis.plot(f1["record"], f1["ten lines"], "o", color=PALETTE["orange"], label="ten lines")
axis.plot(f1["record"], f1["package"], "o", color=PALETTE["blue"], label="package")
axis.tick_params("x", rotation=90, labelsize=8)
axis.set(xlabel="record, hardest first", ylabel="F1 of the beats", title="Two R-peak detectors")
axis.margins(x=0.02)
axis.legend(loc="lower right")
keep(figure, OUTPUT, "rpeak_f1", numbers=f1, simulated=mitbih is None)

# %%
print(f"mean F1: ten lines {f1['ten lines'].mean():.4f}, package {f1['package'].mean():.4f}")
print("Pan and Tompkins (1985) report 99.3 % of MIT-BIH's beats found, on whole records")

# %% [markdown]
# Notice that ten lines are enough for most hearts. They fail where beats differ in height, or where
# the trace is disturbed: at the left. The package's detector keeps most of these, not all, and now
# and then the simple one wins.
#
# ## From beats to rhythm
#
# The time from one R-peak to the next is the *RR interval*. In seconds it is 60 divided by the
# beats a minute. By hand, and by the package:

# %%
peaks = rpeaks(ten, fs)
rr = np.diff(peaks) / fs
np.testing.assert_allclose(rr, rr_intervals(peaks, fs))
print("RR (s):", rr.round(3))
print(f"heart rate: {60 / rr.mean():.0f} beats a minute")

# %% [markdown]
# A Lorenz plot shows how the RR interval *changes*. DiffECG's equation 1 makes one point of three
# intervals in a row, that is, of four beats:
#
# ```text
# x_i = dRR_i     = RR_i     - RR_{i-1}
# y_i = dRR_{i-1} = RR_{i-1} - RR_{i-2}        (1)
# ```
#
# Take a heart at 0.8 s a beat, with one beat that comes early and a pause after it.

# %%
rr = np.array([0.8, 0.8, 0.8, 0.5, 1.1, 0.8, 0.8])
points = []
for i in range(2, len(rr)):
    x = rr[i] - rr[i - 1]
    y = rr[i - 1] - rr[i - 2]
    points.append((x, y))
np.testing.assert_allclose(points, lorenz_points(rr), atol=1e-12)
pd.DataFrame(points, columns=["x = dRR now (s)", "y = dRR before (s)"]).round(3)

# %% [markdown]
# Notice that steady beats give the origin, and that one early beat leaves four points. It comes
# early: left of the origin. A pause follows: far to the lower right. The rhythm returns: to the
# upper left. A last point, straight down, remembers it. The same disturbance always leaves the same
# points, and that is why the plot helps.
#
# ### Exercise 1: spots of a pattern
#
# In *bigeminy* every second beat is early: intervals alternate, short, long, short, long. In
# *trigeminy* every third beat is early. How many different points does the Lorenz plot of a pattern
# have, if the pattern repeats for ever? Write the function that lists them. Round to milliseconds
# (`round(value, 3)`), so that equal points are equal.


# %% tags=["solution"]
def lorenz_spots(pattern: list[float]) -> set[tuple[float, float]]:
    """The different Lorenz points (x, y), in seconds, of RR intervals that repeat for ever."""
    n = len(pattern)
    change = [pattern[i] - pattern[i - 1] for i in range(n)]
    return {(round(change[i], 3), round(change[i - 1], 3)) for i in range(n)}


# %% tags=["check"]
assert lorenz_spots([0.8]) == {(0.0, 0.0)}, "a steady heart has one spot, the origin"
assert lorenz_spots([0.6, 1.0]) == {(0.4, -0.4), (-0.4, 0.4)}, "bigeminy has two"
assert len(lorenz_spots([0.8, 0.6, 1.0])) == 3, "trigeminy has three"
for pattern in ([0.6, 1.0], [0.8, 0.6, 1.0], [0.7, 0.7, 0.5, 0.9]):
    seen = lorenz_points(np.array(pattern * 5)).round(3)
    assert lorenz_spots(pattern) == {tuple(point) for point in seen.tolist()}
print("Right: a pattern of n beats has at most n spots.")

# %% [markdown]
# ## Four rhythms, four pictures
#
# Now real rhythms. MIT-BIH marks where each rhythm starts and stops; we cut out the longest stretch
# of a rhythm, five minutes at most, with the experts' beats.

# %%
RHYTHMS = {  # code of the annotation, MIT-BIH records that hold it, name in the simulator
    "sinus rhythm": ("(N", ("103", "122", "100"), "sinus rhythm"),
    "atrial fibrillation": ("(AFIB", ("219", "202", "201"), "atrial fibrillation"),
    "premature atrial beats": ("(N", ("209", "118", "220"), "premature atrial beats"),
    "bigeminy": ("(B", ("223", "106", "200"), "ventricular bigeminy"),
    "trigeminy": ("(T", ("201", "208", "119"), "ventricular trigeminy"),
}


def stretch(record: Record, code: str, longest: float = 300) -> Beating:
    """The longest stretch of one rhythm in a record, with its annotated beats."""
    span = max((r for r in record.rhythms if r.code == code), key=lambda r: r.stop - r.start)
    stop = min(span.stop, span.start + round(longest * record.fs))
    beats = record.beats.samples
    beats = beats[(beats >= span.start) & (beats < stop)] - span.start
    trace = bandpass(record.signal[0], record.fs)[span.start : stop]
    return Beating(trace, record.fs, beats, f"{record.dataset} {record.id}")


# %%
rhythms = {}
for name, (code, names, simulator_name) in RHYTHMS.items():
    if mitbih:
        found = [mitbih.read(id_, leads=("MLII",)) for id_ in names]
    else:
        options = {"leads": ("II",), "mix": {simulator_name: 1.0}, "inverted": 0.0}
        found = simulate(3, seed=SEED, seconds=300, **options)
    rhythms[name] = [stretch(record, code) for record in found]

# %%
first = {name: rhythms[name][0] for name in RHYTHMS if name != "trigeminy"}
points = {name: lorenz_points(beating.rr) for name, beating in first.items()}
figure = plot_lorenz({f"{name}\n{first[name].name}": xy for name, xy in points.items()})
numbers = pd.concat(
    pd.DataFrame(xy, columns=["x", "y"]).assign(rhythm=name) for name, xy in points.items()
)
keep(figure, OUTPUT, "fig2b_lorenz", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# This is DiffECG's figure 2b, from beats of our own. Notice how little it takes to tell the four
# apart. Sinus rhythm is a ball at the origin. Fibrillation is a cloud. Premature beats add arms to
# the ball: the points of our example above. Bigeminy leaves the origin for two clouds.
#
# Two numbers say the same. In fibrillation each interval is nearly independent of the last. But x
# and y share one interval, `RR_{i-1}`, with opposite signs. For independent intervals that makes a
# correlation of -1/2, and so the cloud leans.

# %%
summary = {
    name: {
        "share at the origin (20 ms)": (np.abs(xy) <= 0.02).all(axis=1).mean(),
        "correlation of x and y": np.corrcoef(xy.T)[0, 1],
    }
    for name, xy in points.items()
}
pd.DataFrame(summary).T.round(2)

# %% [markdown]
# The paper gives no numbers for its figure. Ours: only sinus rhythm, with or without early beats,
# knows the origin; bigeminy's correlation is near -1. The correlation alone is no detector: an early
# beat and the pause after it swing to and fro as well, and may come to the same -1/2. It takes the
# share at the origin to tell them apart.
#
# ### Explore
#
# Choose a rhythm and a record, and move along the trace. Look for trigeminy, and count its spots.

# %% tags=["live"]
LorenzExplorer(rhythms)

# %% [markdown]
# The explorer needs a running kernel. Its static twin shows one record of trigeminy:

# %%
beating = rhythms["trigeminy"][0]
figure = plot_rhythm(beating, title=f"trigeminy: {beating.name}")
numbers = pd.DataFrame({"seconds": beating.times[1:], "rr": beating.rr})
keep(figure, OUTPUT, "trigeminy", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice how the RR intervals step through three values, again and again, and that the plot has
# the three spots of exercise 1, blurred: a living heart is no clock.
#
# All records of the explorer are also in one page that works without a kernel, with a menu:

# %%
entries = {f"{name}: {b.name}": b for name, found in rhythms.items() for b in found}
numbers = pd.concat(
    pd.DataFrame({"record": name, "seconds": b.times[1:], "rr": b.rr})
    for name, b in entries.items()
)
keep(browse_rhythms(entries), OUTPUT, "rhythms", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice what the trace adds to the plot. In atrial fibrillation the P waves are missing. In
# bigeminy the early beats have a shape of their own, for they start in a ventricle, not in the atria.
#
# ### Exercise 2: a detector of atrial fibrillation
#
# Sinus rhythm is steady, bigeminy jumps, fibrillation wanders. Write a function that sees RR
# intervals (seconds) and says whether they come from fibrillation. It must be right for four of
# five hearts in each of the three rhythms. Hint: bigeminy changes much from one beat to the next,
# and little from one beat to the *second* next.

# %% tags=["setup"]
practice = {
    rhythm: [
        np.diff(heart.beats.samples) / heart.fs
        for heart in simulate(100, seed=7, mix={rhythm: 1.0}, noise=None)
    ]
    for rhythm in ("sinus rhythm", "atrial fibrillation", "ventricular bigeminy")
}


# %% tags=["solution"]
def looks_like_fibrillation(rr: np.ndarray) -> bool:
    """Whether RR intervals (s) change much over one beat, and no less over two."""
    over_one = np.median(np.abs(rr[1:] - rr[:-1]))
    over_two = np.median(np.abs(rr[2:] - rr[:-2]))
    return bool(over_one > 0.1 * np.median(rr) and over_two > 0.5 * over_one)


# %% tags=["check"]
for rhythm, hearts in practice.items():
    truth = rhythm == "atrial fibrillation"
    right = np.mean([looks_like_fibrillation(rr) == truth for rr in hearts])
    print(f"{rhythm}: {right:.0%} right")
    assert right >= 0.8, f"too many mistakes in {rhythm}"

# %% [markdown]
# Detectors in implanted devices work on such rules, refined over decades. DiffECG compares itself
# with two of them. Learning should do better: it can also look at the P wave.
#
# ## From a trace to its frequencies
#
# Rhythm is one view, frequency another. The short-time Fourier transform asks at each moment: which
# frequencies are here? It slides a window g along the trace and transforms what the window shows.
# DiffECG's equations 2 and 3:
#
# ```text
# X(i, omega) = sum_m x(m) g(i - m) exp(-j omega m)                        (2)
# g(n) = (1 - cos(2 pi n / (M - 1))) / 2     for n = 0, ..., M - 1         (3)
# ```
#
# Literally, for one frame of ten seconds at 250 Hz, with the window of M = 128 samples and a hop of
# 32. (The window is symmetric, so it does not matter that it is written backwards.)

# %%
x = resample(ten, fs, 250.0)
M, HOP = 128, 32


def one_frame(x: np.ndarray, k: int) -> np.ndarray:
    """Spectrum of the k-th frame, centred on sample k * HOP, frequencies 0 to fs/2."""
    n = np.arange(M)
    g = 0.5 * (1 - np.cos(2 * np.pi * n / (M - 1)))  # eq. 3
    m = k * HOP - M // 2 + n
    spectrum = []
    for row in range(M // 2 + 1):
        omega = 2 * np.pi * row / M  # radians a sample
        spectrum.append(np.sum(x[m] * g * np.exp(-1j * omega * m)))  # eq. 2
    return np.array(spectrum)


# %%
transform = stft(torch.from_numpy(x), 250.0, window=M, hop=HOP)
for k in (10, 40, 65):
    by_hand, package = np.abs(one_frame(x, k)), transform.values[:, k].abs().numpy()
    np.testing.assert_allclose(by_hand, package, rtol=1e-3, atol=1e-3 * by_hand.max())
print("the sum and ecglab.signals.stft agree; shape:", tuple(transform.values.shape))

# %%
level = 20 * np.log10(transform.values.abs().numpy() + 1e-6)
figure = blank(9, 4.8)
above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
above.plot(np.arange(len(x)) / 250, x, color=PALETTE["ink"], lw=0.9)
above.set(ylabel="mV", title="A trace and its spectrogram")
limits = {"vmin": level.max() - 60, "vmax": level.max(), "cmap": "magma"}
picture = below.pcolormesh(transform.times, transform.frequencies, level, **limits)
below.set(xlabel="time (s)", ylabel="frequency (Hz)", ylim=(0, 50), xlim=(0, 10))
figure.colorbar(picture, ax=below, label="magnitude (dB)")
numbers = pd.DataFrame(level, columns=[f"{t:.3f} s" for t in transform.times.tolist()])
numbers.insert(0, "Hz", transform.frequencies.numpy())
keep(figure, OUTPUT, "stft", numbers=numbers, simulated=mitbih is None)

# %% [markdown]
# Notice the bright columns. Each QRS complex is short, and what is short in time is broad in
# frequency: it reaches from the bottom up to 30 or 40 Hz. P and T waves are slow: they glow below
# 10 Hz, between the columns. Above 40 Hz the band-pass has left little.
#
# ### Exercise 3: which row?
#
# A spectrogram is an array. Rows count frequencies from 0 up to half the sampling rate. At `fs` Hz
# and with a window of M samples, in which row does a frequency lie? (Mains hum, 50 Hz, at 250 Hz
# and M = 128?)


# %% tags=["solution"]
def row_of(frequency: float, fs: float, window: int) -> int:
    """The row of a spectrogram that is nearest to a frequency (Hz)."""
    return round(frequency * window / fs)


# %% tags=["check"]
assert row_of(0, 250, 128) == 0
assert row_of(125, 250, 128) == 64, "the last row is half the sampling rate"
for tone, rate, size in ((50, 250, 128), (10, 100, 50), (3, 300, 600)):
    wave = np.sin(2 * np.pi * tone * np.arange(5 * rate) / rate).astype(np.float32)
    rows = stft(torch.from_numpy(wave), rate, window=size, hop=size).values.abs()[:, 2]
    assert int(rows.argmax()) == row_of(tone, rate, size), f"{tone} Hz is in another row"
print("Right: rows are fs / M hertz apart, here", 250 / 128)

# %% [markdown]
# ## The pictures that the models read
#
# DiffECG gives its network three views of ten seconds: the trace, the Lorenz plot, the spectrogram.
# The two plots become pictures.
#
# | | the paper | here |
# |---|---|---|
# | trace | 1 × 2500 (10 s at 250 Hz) | 1 × 2500 |
# | Lorenz picture | 3 × 48 × 48 | 1 × 48 × 48: the three channels would hold the same points |
# | spectrogram picture | 3 × 48 × 48 | 1 × 48 × 48: 0 to 50 Hz, the upper 60 dB |
#
# The paper does not say how bright a point is, nor where the axes end. We use ±0.6 s, as its
# rule-based rivals do, and a logarithmic count. One window of each class:

# %%
spec = WindowSpec(seconds=10, fs=250)  # 0.5 to 40 Hz, divided by the range
rows = {}
for record in dataset.records(ids):
    label = record.labels[0] if record.labels else ""
    if label not in rows and record.seconds >= 20:
        pieces, _ = cut(record, spec)
        window = pieces[1, 0]
        times = peak_times([rpeaks(window, 250.0)], 250.0)
        spectrum = stft_images(torch.from_numpy(window[None]), 250.0)
        rows[label] = (window, lorenz_images(times)[0, 0].numpy(), spectrum[0, 0].numpy())
    if set(CLASS_NAMES) <= set(rows):
        break
named = {CLASS_NAMES[label]: rows[label] for label in CLASS_NAMES if label in rows}
figure = plot_images(named, 250.0)
numbers = pd.DataFrame({name: views[0] for name, views in named.items()})
keep(figure, OUTPUT, "pictures", numbers=numbers, simulated=simulated)

# %% [markdown]
# Notice how few points ten seconds give: a dozen beats make nine points. Sinus rhythm is still one
# bright spot and fibrillation still scatters, but a rare early beat may just not be there. That is
# one reason to give a network all three views.
#
# ## Which numbers give fibrillation away?
#
# Before any network: how far do hand-made numbers go? For each record we take RR features, spectral
# features, and features of the beats' shape, on the whole record. `ecglab.signals.rr`, `.spectral`
# and `.beats` say what each one is.


# %%
def measure(records: Iterable[Record]) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of each record, and its power spectrum (mV²/Hz)."""
    rows, spectra = [], []
    for record in records:
        trace = bandpass(record.signal[0], record.fs)
        features = dict(zip(RECORD_FEATURES, record_features(trace, record.fs), strict=True))
        rows.append({"record": record.id, "label": record.labels[0], **features})
        grid, power = welch(record.signal[0], record.fs, nperseg=round(4 * record.fs))
        spectra.append(np.interp(FREQUENCY, grid, power))
    return pd.DataFrame(rows), np.array(spectra)


FREQUENCY = np.arange(0.5, 45, 0.25)  # Hz
every = max(1, len(ids) // profile.simulated)  # spread over the whole set
table, spectra = measure(dataset.records(ids[::every]))
table["label"].value_counts().rename("records")

# %% [markdown]
# How well does one number separate fibrillation from the rest? The *area under the ROC curve*
# (AUROC) is the chance that a record of fibrillation has the larger value than a record without:
# 0.5 is a coin, 1 is perfect, and 0 is perfect the other way round. The noisy records are left out
# here. By hand, all pairs, and by the package:

# %%
clear = table[table["label"].isin(["N", "A", "O"])]
is_af = (clear["label"] == "A").to_numpy()
value = clear["median_change"].to_numpy()
with_af, without = value[is_af][:, None], value[~is_af][None, :]
by_hand = np.mean((with_af > without) + 0.5 * (with_af == without))
np.testing.assert_allclose(by_hand, auroc(is_af, value))

areas = pd.Series({name: auroc(is_af, clear[name].to_numpy()) for name in RECORD_FEATURES})
ranked = areas.reindex((areas - 0.5).abs().sort_values(ascending=False).index)
ranked.head(12).rename("AUROC of A against N and O").to_frame().round(3)

# %%
shown = {
    "median_change": "median |dRR| over median RR",
    "cosen": "unpredictability of RR (nats)",
    "rmssd": "RMS of dRR (s)",
    "rr_mean": "mean RR (s)",
    "p_median": "steadiness of the P wave",
    "power_4_9": "power at 4-9 Hz (log10 share)",
    "entropy": "entropy of the spectrum",
    "crossings": "zero crossings a second",
}
titles = {name: f"{text}\nAUROC {areas[name]:.2f}" for name, text in shown.items()}
figure = plot_features(table, titles)
keep(figure, OUTPUT, "features", numbers=table, simulated=simulated)

# %% [markdown]
# Boxes reach from quartile to quartile, whiskers from the 5th to the 95th percent. Notice three
# things:
#
# - Fibrillation (A) stands out where *irregularity* is measured: in the median change and in the
#   unpredictability of RR. The RMS of dRR mixes A with O, because a few early beats raise it too.
# - The P wave is steady in N and O and unsteady in A, as it should be: there is none.
# - Spectral numbers know little of A. What they know is noise (~).
#
# So irregular beats without P waves are most of it. But in every panel some boxes overlap: no
# single number tells the four classes apart. Chapter 03 gives the RR and spectral numbers to a
# linear classifier, and asks whether features that a network learned without labels do better.
#
# ## How real is the simulator?
#
# Whoever has no data at hand works on simulated hearts. Do they look like real ones? We measure as
# many simulated records as real ones, in the same way. (Without CinC 2017 on this machine the
# figures show the simulator alone.)

# %%
if simulated:
    both, powers = table.assign(set="simulator"), {"simulator": (table, spectra)}
else:
    made, made_spectra = measure(Simulator(len(table), seed=SEED).records())
    both = pd.concat([table.assign(set=dataset.name), made.assign(set="simulator")])
    powers = {dataset.name: (table, spectra), "simulator": (made, made_spectra)}
shown = {
    "rr_mean": "mean RR (s)",
    "sdnn": "spread of RR (s)",
    "rmssd": "RMS of dRR (s)",
    "median_change": "median |dRR| over median RR",
}
figure = plot_features(both[both["label"] != "~"], shown, hue="set")
numbers = both.groupby(["set", "label"])[list(shown)].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
keep(figure, OUTPUT, "simulator_rr", numbers=numbers.reset_index(), simulated=simulated)

# %% [markdown]
# Notice that rate and spread of the simulated hearts lie where the real ones lie, class by class, and
# that fibrillation is as irregular as in life. But the simulated hearts of N and O change about twice
# as much from beat to beat, in the median, and fewer of the normal ones have large jumps. A detector
# of fibrillation that was tuned on them would be off.
#
# And their frequencies? Lines are medians over the records, bands reach from quartile to quartile.

# %%
curves = {
    label: {
        name: power[(rows["label"] == label).to_numpy()] for name, (rows, power) in powers.items()
    }
    for label in CLASS_NAMES
}
figure = plot_spectra(FREQUENCY, curves)
numbers = pd.DataFrame(
    {
        f"{label} {name}": np.median(power, axis=0)
        for label, sets in curves.items()
        for name, power in sets.items()
    }
)
numbers.insert(0, "Hz", FREQUENCY)
keep(figure, OUTPUT, "simulator_spectra", numbers=numbers, simulated=simulated)

# %% [markdown]
# Notice that the spectra fall together within a few decibels: the bumps of the heartbeat up to
# 10 Hz, then the steep end where the recorder's filter cuts. Noisy records differ most, for there
# are more ways to disturb a recording than a simulator knows.
#
# A simulator shows how things work. It cannot show how well they work on people. Every number that
# this course reports as a result comes from real records.
#
# ## What we have now
#
# From a trace we have found the beats, from beats the rhythm, from the trace its spectrum, and from
# all of them pictures and numbers. All of it was designed by people who knew what to look for. The
# next chapter begins with the opposite: it destroys a heartbeat with noise, step by step, and
# trains a network to undo it. Go on with `02_diffusion_on_ecg`.
