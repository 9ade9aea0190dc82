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
# # The Linear Recurrent Unit: from a for-loop to a scan
#
# **You will be able to**
# - read a complex eigenvalue as a frequency and a memory, and tune one to a heart;
# - compute the same recurrence as a loop, as a convolution and as a scan, and say what each costs;
# - explain why the LRU cannot blow up, and what its gamma is for;
# - train one layer on a task that needs rhythm, and see what its eigenvalues had to do with it.
#
# **Minutes**: 45 to read and do, about 2 to run.
#
# **Prerequisites**: chapters 01 and 03 (intervals by the bootstrap). Complex numbers: modulus and phase; training a small network.
#
# **Paper**: semantic diffusion autoencoder (Marcinkowski et al. 2025), section "Semantic Encoder:
# Linear Recurrent Unit (LRU)", and the LRU block of its Figure 1. The layer itself is from Orvieto
# et al., "Resurrecting Recurrent Neural Networks for Long Sequences" (2023), section 3.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/20_linear_recurrent_unit"

# %% tags=["setup"]
import time

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.signal import lfilter
from torch import nn

from ecglab.data.choose import choose
from ecglab.evaluation import auroc, bootstrap_ci
from ecglab.nn import LRU, LRUBlock, parameter_groups
from ecglab.nn.recurrence import recurrence
from ecglab.nn.semantic import ConvBlock
from ecglab.plots import keep, use_style
from ecglab.plots.modalities import plot_scores
from ecglab.plots.recurrence import (
    eigenvalue,
    hertz_and_seconds,
    plot_amplitudes,
    plot_curves,
    plot_moves,
    plot_ring,
    plot_timings,
    plot_trains,
    plot_variances,
)
from ecglab.profiles import load_profile
from ecglab.signals import bandpass, resample, rpeaks, scale
from ecglab.widgets.recurrence import OscillatorExplorer

use_style()
torch.set_num_threads(1)  # the layers are so small that a second thread makes the first one wait
FS = 100.0  # Hz, of every trace below

# %% [markdown]
# The second system of this course is an autoencoder. Its encoder reads an ECG with *linear
# recurrent units*, because they "capture oscillatory patterns", as the paper says. This chapter
# takes that claim apart: what is one such unit, how is it computed fast, and what does it hear in a
# heart?
#
# We need some records with a normal rhythm (N) and some with atrial fibrillation (A), and their
# beats.

# %%
profile = load_profile(PROFILE)
dataset, ids = choose(DATASET, profile, seed=SEED)
simulated = dataset.name == "simulator"
most = 60 if PROFILE != "smoke" else 12  # records of each rhythm
hearts = {"N": [], "A": []}  # records and when their hearts beat, s
for record in dataset.records(ids):
    found = hearts.get("|".join(record.labels), [])
    if len(found) < most and record.seconds >= 20:
        times = rpeaks(record.signal[0], record.fs) / record.fs
        if len(times) >= 10:
            found.append((record, times))
    if all(len(found) == most for found in hearts.values()):
        break
print(f"{dataset.title}: {len(hearts['N'])} normal records, {len(hearts['A'])} in fibrillation")

# %% [markdown]
# One of each rhythm will be our example: among the third with the cleanest traces, the steadiest
# normal record and the least steady one in fibrillation. So they are clearer than most.


# %%
def trace_of(record) -> np.ndarray:
    """The first twenty seconds, 0.5 to 40 Hz, at FS, z-scored."""
    trace = resample(bandpass(record.signal[0], record.fs), record.fs, FS)[: round(20 * FS)]
    return scale(trace.astype(np.float64), "zscore")


def jump(times: np.ndarray) -> float:
    """Median change from one RR interval to the next, in units of the median RR interval."""
    rr = np.diff(times)
    return float(np.median(np.abs(np.diff(rr))) / np.median(rr))


def example(kind: str) -> tuple[np.ndarray, float]:
    """The example's trace and its beats per second."""
    traces = [trace_of(record) for record, _ in hearts[kind]]
    # largest deflection over the usual one of a second: near 1 in a clean trace
    tops = [np.abs(trace.reshape(20, -1)).max(axis=1) for trace in traces]
    clean = np.argsort([top.max() / np.median(top) for top in tops])[: max(1, len(tops) // 3)]
    jumps = [jump(hearts[kind][i][1]) for i in clean]
    i = clean[np.argmin(jumps) if kind == "N" else np.argmax(jumps)]
    times = hearts[kind][i][1]
    return traces[i], 1 / np.diff(times[times < 20]).mean()


examples = {"normal rhythm": example("N"), "atrial fibrillation": example("A")}
traces = {name: trace for name, (trace, _) in examples.items()}
rates = {name: rate for name, (_, rate) in examples.items()}

# %% [markdown]
# ## One complex number that rings
#
# The paper's equation is `x_k = Lambda x_{k-1} + B u_k`. We write h for the state, since x is the
# input everywhere else in this course. Lambda is diagonal, so the states do not mix, and we can
# look at one alone:
#
# `h_k = lambda h_{k-1} + u_k`
#
# h and lambda are complex numbers. Multiplying by lambda turns h by lambda's phase and shrinks it
# by lambda's modulus. After one impulse the state goes round and round and dies away: a damped
# oscillator, like a bell. With FS steps a second,
#
# - the **phase** is a frequency: `f = phase * FS / (2 pi)`, in Hz;
# - the **modulus** is a memory: the state falls by a factor e in `tau = -1 / (FS log|lambda|)`, in
#   seconds.
#
# **Exercise 1.** Write lambda for a given frequency and time constant.


# %% tags=["solution"]
def lambda_of(hertz: float, seconds: float, fs: float) -> complex:
    """The eigenvalue that rings at ``hertz`` and falls by a factor e in ``seconds``."""
    return np.exp(-1 / (fs * seconds)) * np.exp(2j * np.pi * hertz / fs)


# %% tags=["check"]
assert np.isclose(lambda_of(25.0, 1e9, 100.0), 1j)  # a quarter turn a step, no damping
assert np.isclose(abs(lambda_of(3.0, 0.5, 100.0)) ** 50, np.exp(-1))  # 50 steps are 0.5 s
assert np.isclose(lambda_of(3.0, 0.5, 100.0), eigenvalue(3.0, 0.5, fs=100.0))

# %% [markdown]
# Now strike the bell with an ECG. In the explorer, move the eigenvalue by its frequency and its
# time constant. On the left is the unit disc with lambda on it: frequencies are written round the
# rim, and the dotted circles have the memory written on them. Below it is the ringing after one
# impulse. On the right is an ECG, and the state that it drives.
#
# Try the heart's own rate with a memory of seconds: the beats add up. 10 Hz with 0.05 s: a burst at
# each QRS complex. 0 Hz: the slow baseline. And a memory of 10 s at a frequency just off the
# heart's: the amplitude swells and fades, since state and heart drift apart. (On the disc, all
# memories above 0.1 s lie close to the rim; read them off the numbers above it.)

# %% tags=["live"]
explorer = OscillatorExplorer(
    traces, fs=FS, hertz=rates["normal rhythm"], seconds=2.0, unit="z-scored"
)
explorer

# %%
setting = rates["normal rhythm"], 2.0
figure = explorer.static("normal rhythm", *setting)
u, h = traces["normal rhythm"], explorer.states("normal rhythm", *setting)
impulse = eigenvalue(*setting, fs=FS) ** np.arange(len(u))
numbers = pd.DataFrame({"time_s": np.arange(len(u)) / FS, "trace": u})
for name, z in (("h", h), ("impulse", impulse)):
    numbers = numbers.assign(**{f"{name}_re": z.real, f"{name}_im": z.imag, f"{name}_abs": abs(z)})
keep(figure, OUTPUT, "oscillator", numbers=numbers, simulated=simulated)

# %% [markdown]
# This state is tuned to the heart. Every beat comes just when the state has gone round once, like a
# push on a swing at the right moment, so the pushes add up. The band is the amplitude |h|: it grows
# over some two or three time constants, and stays as long as the rhythm does.
#
# A state hears whatever has its frequency, though, and a wandering baseline pushes a slow state
# too. A second state helps. The next figure has, in orange, a state at 10 Hz that forgets in 0.05 s:
# QRS complexes contain such frequencies, so its amplitude marks the beats. In blue is a state at
# the record's own mean heart rate that forgets in 2 s, driven not by the trace but by the
# orange amplitude.

# %%
columns, marked = {}, {name: np.abs(explorer.states(name, 10.0, 0.05)) for name in traces}
second = OscillatorExplorer(marked, fs=FS)
for name, trace in traces.items():
    found = {"QRS, |h|": marked[name], "rate, |h|": np.abs(second.states(name, rates[name], 2.0))}
    columns[f"{name}, {60 * rates[name]:.0f} beats a minute"] = trace, found
figure = plot_amplitudes(columns, fs=FS, unit="z-scored")
numbers = pd.concat(
    [
        pd.DataFrame({"record": n, "time_s": np.arange(len(trace)) / FS, "trace": trace, **found})
        for n, (trace, found) in columns.items()
    ]
)
keep(figure, OUTPUT, "two_states", numbers=numbers, simulated=simulated)

# %% [markdown]
# Follow the blue area. A steady rhythm keeps pushing in time, and the amplitude settles to the same
# teeth, one a beat. In fibrillation the beats come now early, now late, some pushes work against
# the swing, and the amplitude wavers. So two numbers that ring, with an absolute value between
# them, already tell one rhythm from the other. They look seconds back, and there is no window of
# seconds anywhere in the code. An encoder of LRU blocks stacks just this: states, a nonlinearity,
# states.
#
# ## First way: a for-loop
#
# **Exercise 2.** Write the recurrence as it is defined, for one state, from `h_{-1} = 0`.


# %% tags=["solution"]
def loop(lambda_: complex, u: np.ndarray) -> np.ndarray:
    """All states of h_k = lambda h_{k-1} + u_k, complex (steps,)."""
    h, states = 0j, []
    for now in u:
        h = lambda_ * h + now
        states.append(h)
    return np.array(states)


# %% tags=["check"]
assert np.allclose(loop(0.5, np.array([1.0, 0.0, 4.0])), [1.0, 0.5, 4.25])
assert np.allclose(loop(1j, np.array([1.0, 0.0, 0.0, 0.0])), [1, 1j, -1, -1j])

# %% [markdown]
# A step is two operations, but it has to wait for the step before. A processor that could do a
# million products at once does one after the other. An LSTM has no choice: a nonlinearity sits
# between its steps. Here nothing sits there, and that is what *linear* buys.
#
# ## Second way: a convolution
#
# Write the recurrence out: `h_2 = u_2 + lambda u_1 + lambda^2 u_0`. Every state is a weighted sum
# of the inputs so far, and the weights are the same everywhere: a convolution with one long kernel.
#
# **Exercise 3.** Write the kernel.


# %% tags=["solution"]
def kernel(lambda_: complex, length: int) -> np.ndarray:
    """What an impulse leaves behind after 0, 1, ... steps, complex (length,)."""
    return lambda_ ** np.arange(length)


# %% tags=["check"]
assert np.allclose(kernel(0.5, 4), [1, 0.5, 0.25, 0.125])
_u, _lambda = np.random.default_rng(0).normal(size=50), 0.9 * np.exp(0.3j)
_filtered = lfilter([1], [1, -_lambda], _u)  # SciPy's own recursive filter
assert np.allclose(np.convolve(_u, kernel(_lambda, 50))[:50], _filtered)

# %% [markdown]
# A convolution of T steps with a kernel of T weights costs T^2 products, worse than the loop. The
# fast Fourier transform makes it T log T: transform both, multiply, transform back. Both are padded
# with zeros to twice the length first, or the end would run round into the beginning.

# %%
u = traces["normal rhythm"]
lambda_ = lambda_of(rates["normal rhythm"], 2.0, FS)
T = len(u)
by_loop = loop(lambda_, u)
by_fft = np.fft.ifft(np.fft.fft(u, 2 * T) * np.fft.fft(kernel(lambda_, T), 2 * T))[:T]
assert np.allclose(by_loop, by_fft)
print(f"loop and convolution agree to {np.abs(by_loop - by_fft).max():.1e}")

# %% [markdown]
# ## Third way: a scan
#
# A step of the recurrence is a small machine, the function `h -> a h + b`, in which a is lambda and
# b is u_k. Two machines in a row are again such a machine. That is the whole trick.
#
# **Exercise 4.** Join two steps, the left one first: which (a, b) does what both do in a row?


# %% tags=["solution"]
def join(left: tuple, right: tuple) -> tuple:
    """The step (a, b), h -> a h + b, that does ``left`` and then ``right``."""
    return right[0] * left[0], right[0] * left[1] + right[1]


# %% tags=["check"]
assert join((2.0, 1.0), (3.0, 4.0)) == (6.0, 7.0)  # from 5 to 11, from 11 to 37 = 6 * 5 + 7
_draw = np.random.default_rng(0)
_x, _y, _z = (tuple(_draw.normal(size=2) + 1j * _draw.normal(size=2)) for _ in range(3))
assert np.allclose(join(join(_x, _y), _z), join(_x, join(_y, _z)))  # associative
assert not np.allclose(join(_x, _y), join(_y, _x))  # but the order counts

# %% [markdown]
# That the step is associative is the point: *which* neighbours are joined first does not matter.
# Addition has the same property. So we may join all pairs of neighbours at once, (0, 1), (2, 3),
# ..., which leaves half as many steps; then pairs of pairs, and so on. The short sequence gives
# every second state, and one more step gives the states between. This is called an associative
# scan.


# %%
def scan(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All states of h_k = a_k h_{k-1} + b_k, by joining neighbours in pairs."""
    if len(b) == 1:
        return b
    odd = scan(*join((a[:-1:2], b[:-1:2]), (a[1::2], b[1::2])))  # h_1, h_3, h_5, ...
    h = np.empty_like(b)
    h[0], h[1::2] = b[0], odd
    h[2::2] = a[2::2] * odd[: len(h[2::2])] + b[2::2]
    return h


by_scan = scan(np.full(T, lambda_), u.astype(complex))
assert np.allclose(by_loop, by_scan)
levels = int(np.ceil(np.log2(T)))
print(f"loop and scan agree to {np.abs(by_loop - by_scan).max():.1e}")
print(f"{T} steps: the loop waits {T} times, the scan goes down {levels} levels and up again")

# %% [markdown]
# The scan does about twice the loop's work, but in long rows: a few dozen operations on whole
# arrays in the place of a thousand small ones. It would also work with another `a` at each step,
# which the Fourier transform could not.
#
# The package has these three and a fourth, `chunked`: cut the sequence into about sqrt(T) pieces,
# run the loop over all pieces at once, and carry the ends over. All give the same states.

# %%
batch = torch.from_numpy(u.astype(np.complex128))[None, :, None]
for form in ("loop", "fft", "chunked", "scan"):
    h = recurrence(torch.tensor([lambda_]), batch, form=form)[0, :, 0].numpy()
    assert np.allclose(h, by_loop)
    print(f"{form:<8} differs from the exercise's loop by {np.abs(h - by_loop).max():.1e}")

# %% [markdown]
# ### How long does each take?
#
# We time what a training step needs: forward and backward, for one sequence and 32 states. (The
# backward pass of a recurrence is a recurrence from the last step to the first, so all forms have
# one.) This runs now, on your machine, and another machine gives other times.

# %%
lengths = [2**i for i in range(6, 13 if PROFILE != "smoke" else 10)]
turn = torch.Generator().manual_seed(SEED)
phases = 6.28 * torch.rand(32, generator=turn)
many = torch.polar(torch.full((32,), 0.99), phases).requires_grad_()


def seconds_of(form: str, steps: int) -> float:
    """The quickest of some forward and backward passes, s."""
    u = torch.randn(1, steps, 32, dtype=torch.complex64, generator=turn).requires_grad_()
    best = np.inf
    for _ in range(5 if form == "loop" else 20):
        start = time.perf_counter()
        h = recurrence(many, u, form=form)
        torch.autograd.grad(h, (many, u), torch.ones_like(h))
        best = min(best, time.perf_counter() - start)
    return best


forms = ("loop", "fft", "chunked", "scan")
timings = pd.DataFrame(
    [{"steps": n, "form": form, "seconds": seconds_of(form, n)} for n in lengths for form in forms]
)
keep(plot_timings(timings), OUTPUT, "timings", numbers=timings, simulated=False)

# %%
longest = timings[timings["steps"] == lengths[-1]].set_index("form")["seconds"]
ratios = ", ".join(f"{form} 1/{longest['loop'] / longest[form]:.0f}" for form in forms[1:])
print(f"{lengths[-1]} steps, here and now, in units of the loop's time: {ratios}")

# %% [markdown]
# Look at the slopes. The loop's line runs beside the dotted one: twice the steps, twice the time.
# The others start flatter, since at first they pay for the number of calls rather than for numbers,
# and they bend upwards once the arrays are large. (Other work on the machine makes the lines
# jagged.) Which of the three is lowest depends on the processor, the length, the number of states
# and the batch; with many sequences at once the loop's steps are long rows themselves, and its
# disadvantage shrinks; `bench/bench_lru.py` measures that. On a GPU, where a call is dear and
# numbers are cheap, few calls count for more.
#
# ## A layer: many bells between two linear maps
#
# The LRU has dozens of states. A matrix B mixes the input's channels into each, and a matrix C
# mixes the states into each output channel; D lets the input through directly:
#
# `h_k = lambda * h_{k-1} + gamma * (B x_k)`, `y_k = Re(C h_k) + D * x_k`
#
# The paper prints only the first half, without gamma, and does not say whether its layers read in
# both directions. The package follows Orvieto et al., and offers both. By hand, with the exercise's
# loop for each state, and from the package:

# %%
torch.manual_seed(SEED)
layer = LRU(4, 8)
x = torch.randn(1, 200, 4, generator=torch.Generator().manual_seed(SEED))
with torch.no_grad():
    B = (layer.B[0, :, 0] + 1j * layer.B[0, :, 1]).numpy()  # (state, width)
    C = (layer.C[0, :, :, 0] + 1j * layer.C[0, :, :, 1]).numpy()  # (width, state)
    gamma, D = layer.gamma_log[0].exp().numpy(), layer.D.numpy()
    lambdas, packaged = layer.eigenvalues()[0].numpy(), layer(x)[0].numpy()
drive = gamma * (x[0].numpy() @ B.T)
h = np.stack([loop(lambdas[n], drive[:, n]) for n in range(8)], axis=1)
by_hand = (h @ C.T).real + D * x[0].numpy()
assert np.allclose(by_hand, packaged, atol=1e-4)
print(f"by hand and packaged differ by {np.abs(by_hand - packaged).max():.1e}")

# %% [markdown]
# ### Why it cannot blow up
#
# Were |lambda| above 1, the state would grow with every step. Slightly above is enough:

# %%
for modulus in (0.999, 1.0, 1.001, 1.01):
    print(f"|lambda| = {modulus:<5}: after the 3000 steps of half a minute {modulus**3000:.3g}")

# %% [markdown]
# Gradient descent knows nothing of this border, and a long memory lies just inside it. The LRU
# therefore learns not lambda but nu and theta:
#
# `lambda = exp(-exp(nu) + i exp(theta))`, so `|lambda| = exp(-exp(nu))`
#
# exp(nu) is positive for every real nu, so |lambda| lies below 1, whatever is learned. There is
# more to it: the time constant is `tau = exp(-nu) / FS`, so **nu is minus the logarithm of the
# memory**, and theta is the logarithm of the frequency. Equal steps of nu change the memory by
# equal factors. We compare a step of 0.1 in nu with a step of 0.002 in |lambda| itself.

# %%
rows = []
for seconds in (0.1, 1.0, 10.0):
    modulus, nu = np.exp(-1 / (FS * seconds)), -np.log(FS * seconds)
    direct = modulus + 0.002
    rows.append(
        {
            "tau (s)": seconds,
            "|lambda|": modulus,
            "nu": nu,
            "tau after nu - 0.1": np.exp(-(nu - 0.1)) / FS,
            "tau after |lambda| + 0.002": -1 / (FS * np.log(direct)) if direct < 1 else "blows up",
        }
    )
pd.DataFrame(rows).round(4)

# %% [markdown]
# The step in nu makes every memory longer by a tenth. The step in |lambda| hardly changes a short
# memory, stretches one of a second, and throws a long one out of the disc. (In floating point
# exp(-exp(nu)) can round to 1, which is a memory without end, but no growth.)
#
# ### What gamma is for
#
# A bell that rings long adds up more pushes. For white noise of variance one the pushes are
# independent, and their variances add:
#
# `E|h|^2 = 1 + |lambda|^2 + |lambda|^4 + ... = 1 / (1 - |lambda|^2)`
#
# At |lambda| = 0.999 that is 500. States of long memory would drown the others, so the LRU starts
# with `gamma = sqrt(1 - |lambda|^2)` and learns it from there. We measure: on the left white noise
# drives states of many time constants. On the right z-scored ECGs drive states of many frequencies,
# each with one second's memory and with gamma.


# %%
def mean_power(states: np.ndarray, u: torch.Tensor, skip: int) -> np.ndarray:
    """Mean |h|^2 of each state for inputs u (batch, steps) after the first steps, (states,)."""
    drive = u[..., None].to(torch.complex64).expand(-1, -1, len(states))
    h = recurrence(torch.from_numpy(states.astype(np.complex64)), drive)
    return h[:, skip:].abs().square().mean(dim=(0, 1)).numpy()


# %%
rng = np.random.default_rng(SEED)
memories = np.geomspace(0.02, 10, 16)
states = np.array([eigenvalue(rng.uniform(1, 50), s, fs=FS) for s in memories])
plain = mean_power(states, torch.randn(4, 16_000, generator=turn), skip=4000)
theory = 1 / (1 - np.abs(states) ** 2)
white = pd.DataFrame({"seconds": memories, "theory": theory, "plain": plain})
white["normalised"] = plain / theory

some = np.stack([trace_of(record) for record, _ in hearts["N"][:12]])
hertz = np.geomspace(0.5, 49, 48)
states = np.array([eigenvalue(f, 1.0, fs=FS) for f in hertz])
power = mean_power(states, torch.from_numpy(some), skip=200) * (1 - np.abs(states) ** 2)
heard = pd.DataFrame({"hertz": hertz, "normalised": power})
numbers = pd.concat([white.assign(input="white noise"), heard.assign(input="ECG")])
keep(plot_variances(white, heard), OUTPUT, "gamma", numbers=numbers, simulated=simulated)

# %% [markdown]
# On the left, red dots lie on the formula and blue ones on 1. (The last ones wobble: in so long a
# memory little is independent, even here.) On the right the picture is another one, because an ECG
# is no white noise: states about the heart's own rate are the loudest, those at thirty hertz and
# more are nearly silent
# (above 40 Hz our filter has taken what there was). What you see is the spectrum of an ECG. A layer
# of many states is a filter bank, a spectrogram that is updated at every sample; gamma takes away
# what memory adds, not what the signal prefers.
#
# ### Where the eigenvalues start
#
# At the start lambda is drawn from a ring, uniformly by area: in the package |lambda| between 0.9
# and 0.999, and any phase. Here are 128 of them. (The lower half of the disc turns the other way,
# which sounds alike: with real inputs lambda and its conjugate ring at one frequency.) On the right
# the same states lie by frequency and time constant. Grey is the box a *rhythm* would need: a
# heart's rate, 0.7 to 3 Hz, remembered for a second or more.

# %%
torch.manual_seed(SEED)
ring = LRU(1, 128).eigenvalues().detach().numpy()
f, tau = hertz_and_seconds(ring.ravel(), fs=FS)
disc = {"re": ring.real.ravel(), "im": ring.imag.ravel(), "modulus": np.abs(ring.ravel())}
numbers = pd.DataFrame({**disc, "hertz": f, "seconds": tau})
keep(plot_ring(ring, fs=FS), OUTPUT, "ring", numbers=numbers, simulated=False)

# %% [markdown]
# "Uniformly by area" crowds the states at the bottom of the right panel: most of them forget within
# a third of a second. And the phases spread over all frequencies up to FS / 2, while hearts use the
# left edge. How many states of a large layer fall into the box?


# %%
def share_in_box(fs: float, **ring: float) -> float:
    """Which part of a large layer starts with a heart's rate and a memory of a second or more."""
    f, tau = hertz_and_seconds(LRU(1, 20_000, **ring).eigenvalues().detach().numpy(), fs=fs)
    return float(((f >= 0.7) & (f <= 3.0) & (tau >= 1)).mean())


print(f"100 steps a second:                 {share_in_box(100):.1%}")
print(f"100, phases up to 4 Hz only:        {share_in_box(100, max_phase=2 * np.pi * 4 / 100):.1%}")
print(f"12.5 steps a second:                {share_in_box(12.5):.1%}")

# %% [markdown]
# This is one reason why the package's semantic encoder does not run LRUs on raw samples; the paper
# does not say at which rate its own run. Strided convolutions come first: with strides 2 and 4, 100
# Hz become 12.5 steps a second. The same ring then means other seconds and other hertz, and many
# more states hear a rhythm. The alternative is to draw the phases from a narrower range,
# `max_phase`. Whoever takes over an LRU's default ring should do this sum for their own sampling
# rate first.
#
# ## A task that needs rhythm
#
# Can such a layer learn? We ask for the plainest form of a question that matters: is a train of
# pulses regular? The RR intervals of regular trains vary by 1 to 6 %, those of irregular ones by 12
# to 25 %. Both have the same mean rates, 50 to 100 a minute, so counting pulses hardly helps. No
# two pulses are closer than 0.36 s. Every train lasts ten seconds, at 25 steps a second.

# %%
RATE, STEPS = 25, 250


def trains(n: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pulse trains (n, STEPS, 1) and which of them are irregular (n,)."""
    irregular = rng.random(n) < 0.5
    spread = np.where(irregular, rng.uniform(0.12, 0.25, n), rng.uniform(0.01, 0.06, n))
    relative = 1 + spread[:, None] * rng.normal(size=(n, 40))
    rr = np.maximum(rng.uniform(0.6, 1.2, (n, 1)) * relative, 0.36)  # s
    times = np.cumsum(rr, axis=1) - rr[:, :1] * rng.random((n, 1))
    x = np.zeros((n, STEPS + 1), np.float32)  # the last column catches what comes too late
    np.put_along_axis(x, np.minimum(np.round(times * RATE).astype(int), STEPS), 1, axis=1)
    return torch.from_numpy(x[:, :STEPS, None]), torch.from_numpy(irregular.astype(np.float32))


x, irregular = trains(12, np.random.default_rng(SEED))
shown = {
    name: x[irregular == value][:4, :, 0].numpy()
    for value, name in ((0, "regular"), (1, "irregular"))
}
numbers = pd.DataFrame(
    [
        (name, line, step / RATE)
        for name, group in shown.items()
        for line, step in np.argwhere(group == 1)
    ],
    columns=["kind", "train", "time_s"],
)
keep(plot_trains(shown, rate=RATE), OUTPUT, "trains", numbers=numbers, simulated=True)

# %% [markdown]
# Each line is a train. To tell one kind from the other, one must compare intervals, so one must
# still know the last pulse when the next one comes, half a second to more than a second later.
#
# The network: a linear map of the pulse to 16 channels, *one* block, the mean over time, and a
# linear map to a logit. The blocks:
#
# - **LRU**: `x + GLU(GELU(LRU(LayerNorm(x))))`, the package's block, with 16 states forwards and 16
#   backwards. Phases start below 4 Hz.
# - **LRU, recurrence frozen**: the same, but lambda, gamma and B stay as they were drawn.
# - **convolution, 9 taps**: the same block with a convolution in the LRU's place, of a few more
#   weights. It sees 0.16 s to either side.
# - **convolution, 65 taps**: it sees 1.28 s to either side, and has six times as many weights.


# %%
class Detector(nn.Module):
    """Pulses (batch, time, 1) to a logit (batch,) through one block."""

    def __init__(self, block: nn.Module, width: int = 16) -> None:
        super().__init__()
        self.lift = nn.Linear(1, width, bias=False)
        self.block, self.out = block, nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.block(self.lift(x)).mean(dim=1))[:, 0]


def fit(model: Detector, steps: int, *, frozen: bool = False) -> list[float]:
    """Train on fresh trains; return the losses."""
    rng, losses = np.random.default_rng(SEED), []
    groups = parameter_groups(model, lr=1e-2)  # lambda, gamma and B at half the rate
    adam = torch.optim.AdamW(groups[:1] if frozen else groups, weight_decay=0.0)
    for _ in range(steps):
        x, irregular = trains(32, rng)
        loss = F.binary_cross_entropy_with_logits(model(x), irregular)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        losses.append(loss.item())
    return losses


# %%
def conv_block(taps: int) -> ConvBlock:
    """The LRU's block, with a convolution in its place."""
    block = ConvBlock(16, dilation=1, dropout=0.0)
    block.conv = nn.Conv1d(16, 16, taps, padding=taps // 2)
    return block


LRU_OPTIONS = {"bidirectional": True, "max_phase": 2 * np.pi * 4 / RATE, "dropout": 0.0}
blocks = {
    "LRU": lambda: LRUBlock(16, 16, **LRU_OPTIONS),
    "LRU, recurrence frozen": lambda: LRUBlock(16, 16, **LRU_OPTIONS),
    "convolution, 9 taps": lambda: conv_block(9),
    "convolution, 65 taps": lambda: conv_block(65),
}

# %%
steps = 300 if PROFILE != "smoke" else 10
models, losses = {}, {}
for name, block in blocks.items():
    torch.manual_seed(SEED)
    models[name] = Detector(block())
    if name == "LRU":
        start = models[name].block.lru.eigenvalues().detach().numpy()
    began = time.perf_counter()
    losses[name] = np.array(fit(models[name], steps, frozen="frozen" in name))
    weights = sum(p.numel() for p in models[name].parameters())
    print(f"{name:<24} {weights:>5} weights, {time.perf_counter() - began:.0f} s")
numbers = pd.DataFrame(losses)
figure = plot_curves(losses, chance=float(np.log(2)))
keep(figure, OUTPUT, "learning", numbers=numbers, simulated=True)

# %% [markdown]
# The dotted line is a guess. The short convolution stays on it, and must: no two pulses are ever in
# its view together, so all it can do is to count. In the `laptop` profile the others leave it
# within some hundred steps, a few seconds of training. So the task needs *reach*, and not a
# recurrence: a convolution that is wide enough learns it too. But a single one has to buy each step
# of reach with a tap (several, with gaps between their taps, reach further), and one must know
# beforehand how far is enough. The LRU's reach costs no further weights, since how far a state looks
# back is one number. (Try a wide convolution with few weights as well: give the `nn.Conv1d` in
# `conv_block` the argument `groups=16`.)
#
# New trains, and then the real question. The networks have seen nothing but made-up pulses. We hand
# them the beats of the records from the beginning of the chapter, as pulses, in windows of ten
# seconds. The score of a record is the mean of its logits, and AUROC the chance that a record in
# fibrillation scores higher than a normal one. Three baselines need no network: the mean rate, the
# RR intervals' deviation over their mean, and their median jump, from the beginning of the chapter.


# %%
def as_pulses(times: np.ndarray, seconds: float) -> torch.Tensor:
    """Beats of one record as trains of ten seconds, (n, STEPS, 1); the last may overlap."""
    starts = [*np.arange(0, seconds - 10, 10.0), seconds - 10]
    x = np.zeros((len(starts), STEPS, 1), np.float32)
    for i, start in enumerate(starts):
        place = np.round((times - start) * RATE).astype(int)
        x[i, place[(place >= 0) & (place < STEPS)]] = 1
    return torch.from_numpy(x)


# %%
both = [*hearts["N"], *hearts["A"]]
truth = np.repeat([False, True], [len(hearts["N"]), len(hearts["A"])])
pulses = [as_pulses(times, record.seconds) for record, times in both]
rr = [np.diff(times) for _, times in both]
scores = {"mean rate": np.array([1 / r.mean() for r in rr])}
scores["RR: deviation over mean"] = np.array([r.std() / r.mean() for r in rr])
scores["RR: median jump"] = np.array([jump(times) for _, times in both])
fresh, answer = trains(1000, np.random.default_rng(SEED + 1))
on_trains = {}
with torch.no_grad():
    for name, model in models.items():
        on_trains[name] = auroc(answer.numpy() == 1, model(fresh).numpy())
        scores[name] = np.array([float(model(x).mean()) for x in pulses])

# %%
options = {"n": profile.resamples, "seed": SEED}
found = {name: bootstrap_ci(truth, s, auroc, **options) for name, s in scores.items()}
table = pd.DataFrame(
    [{"name": n, **vars(s), "on made-up trains": on_trains.get(n)} for n, s in found.items()]
)
figure = plot_scores(table, score="AUROC, A against N")
figure.axes[0].axvline(0.5, color="grey", lw=0.8, ls=":")
keep(figure, OUTPUT, "on_hearts", numbers=table, simulated=simulated)

# %%
table[["name", "on made-up trains", "value", "low", "high"]].round(3)

# %% [markdown]
# Read the table from left to right: what a network has learned on made-up trains, and how far that
# carries on hearts. In the `laptop` profile all but the short convolution tell nearly all new
# trains apart, and most of the hearts as well, of which they never saw one. The network that can
# only count may come out on either side of a half: hearts in fibrillation beat faster, but its
# lessons never said what a rate means.
#
# Before you are impressed, look at the two lines of RR: either is one line of code, and the better
# of them is about as good as the networks. (On real records that is the jump, which forgives a
# missed beat or an early one; on simulated records the deviation.) The layers had to find something
# like it by themselves, from pulses, with no RR interval ever computed, and that is all that is
# claimed here.
#
# The paper claims more: that LRUs have "a better inductive bias for cardiological signals compared
# to CNNs". Our toy task says that a short convolution is lost where a wide one is not; whether
# depth makes up for width in a real encoder is a question for real training. The package's encoder
# can be built with convolutions in the LRUs' place (`body="cnn"`), and chapter 23 holds the two
# against each other. And some dozens of records and one seed are few: the intervals say how few.
#
# ## What did the eigenvalues do?
#
# Each state of the trained LRU, both directions, from where it started to where it came. The grey
# box is the same as above, a heart's rate and a memory of a second or more.

# %%
after = models["LRU"].block.lru.eigenvalues().detach().numpy()
(f0, tau0), (f1, tau1) = (hertz_and_seconds(z, fs=RATE) for z in (start, after))
columns = {"hertz_before": f0, "hertz_after": f1, "seconds_before": tau0, "seconds_after": tau1}
numbers = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
keep(plot_moves(start, after, fs=RATE), OUTPUT, "moves", numbers=numbers, simulated=True)

# %%
for name, ratio in (("frequencies", f1 / f0), ("time constants", tau1 / tau0)):
    factor = np.exp(np.abs(np.log(ratio)))
    median, most = np.quantile(factor, (0.5, 1.0))
    print(f"{name:<15} changed by a factor of {median:.2f} in the median state, {most:.2f} at most")

# %% [markdown]
# They moved, but they did not travel: a state that starts as a slow bell stays one. Together with
# the frozen layer's result this says where the knowledge sits. The ring gives a set of bells, and
# the task is solved mostly by choosing among them, through C and the gate. So the *start* of lambda
# is a design decision, not a detail; see the shares above. (We drew phases below 4 Hz because we
# knew the task.)
#
# ## One sample at a time
#
# What has a scan in training has a loop in use: a device that gets a sample every 10 ms needs only
# the last state to go on. No window, no buffer, and the same numbers.

# %%
torch.manual_seed(SEED)
layer = LRU(1, 64)
trace = torch.from_numpy(traces["atrial fibrillation"].astype(np.float32))
with torch.no_grad():
    whole = layer(trace[None, :, None])[0, :, 0]
    state, streamed = None, []
    began = time.perf_counter()
    for sample in trace:
        y, state = layer.step(sample[None, None], state)
        streamed.append(y[0, 0])
    took = (time.perf_counter() - began) / len(trace)
streamed = torch.stack(streamed)
assert torch.allclose(whole, streamed, atol=1e-4)
print(f"step by step and at once differ by {float((whole - streamed).abs().max()):.1e}")
print(f"kept from one sample to the next: {state.numel()} complex numbers, however long it runs")
print(f"a step took {1e3 * took:.2f} ms; the next sample comes after {1e3 / FS:.0f} ms")

# %% [markdown]
# A convolution of the same memory would have to keep seconds of signal. But note what cannot
# stream: a *bidirectional* layer, as in the detector above and in the semantic encoder, also runs
# from the last sample to the first. It needs the whole window before it can say anything.

# %%
try:
    LRU(1, 64, bidirectional=True).step(torch.zeros(1, 1))
except ValueError as error:
    print(f"ValueError: {error}")

# %% [markdown]
# ## What to take along
#
# - A complex eigenvalue is a bell: its phase a frequency, its modulus a memory. At another sampling
#   rate the same number is another bell.
# - Linear in time means associative, and associative means parallel. Loop, convolution and scan
#   give the same states; they differ in what waits for what.
# - nu and theta are logarithms of memory and frequency. That keeps lambda in the disc and makes
#   every step of learning a step by a factor. gamma keeps long memories from drowning short ones.
# - Bells are chosen more than they are tuned. Do the sum for your sampling rate.
# - The layer gives one vector for every time step. Here we took the mean over time. Chapter 21 asks
#   for better: the Attention Reducer learns *when* to look.
