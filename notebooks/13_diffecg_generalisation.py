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
# # DiffECG: to another hospital
#
# **You will be able to**
# - state the protocol of Table 1, and run it from one data set to another;
# - split by subject, stratified by the classes, and measure what a split by window gives away;
# - say what each data set calls a class, before comparing numbers from two of them;
# - compare methods in pairs, with intervals over subjects;
# - tell an encoder that fails from a classifier that fails on a good encoder.
#
# **Minutes**: 45 to read and do, about 3 to run.
#
# **Prerequisites**: chapters 10 and 12. Logistic regression; what a bootstrap is.
#
# **Paper**: DiffECG, sections 4.1 and 4.2 (generalization performance), Table 1, Figure 1a.

# %% tags=["parameters"]
PROFILE = "laptop"
DATASET = "auto"
SEED = 0
OUTPUT = "build/figures/13_diffecg_generalisation"

# %% tags=["setup"]
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ecglab.data.catalog import DATASETS, open_dataset
from ecglab.data.choose import choose
from ecglab.data.readers.physionet import DataNotFound
from ecglab.data.simulator import Simulator
from ecglab.data.splits import holdout
from ecglab.evaluation import auroc, macro_f1, stored_results
from ecglab.evaluation.generalisation import evaluate, guess_majority, run_generalisation, split
from ecglab.evaluation.table1 import table1_scores
from ecglab.evaluation.tasks import TASKS, CannotGeneralise, Task, align, take_units, target
from ecglab.evaluation.tested import compare, macro_f1_of_present, score
from ecglab.methods import DiffECGSignal, RRSpectral, pretrained
from ecglab.plots import keep, use_style
from ecglab.plots.generalisation import plot_decisions, plot_draws, plot_generalisation
from ecglab.profiles import load_profile

use_style()
pd.set_option("display.max_colwidth", None)  # messages and tables are shown whole

# %% [markdown]
# ## The protocol of Table 1
#
# A model that was made in one hospital is brought to another. The second hospital has its own
# recorders, its own patients, and only a few labels. The paper plays this with pairs of data sets:
#
# 1. Pre-train on the whole of a **source** set, without its labels.
# 2. Of a **target** set, take 20 % of the *subjects*. Fine-tune a classifier on them; the encoders
#    stay frozen, t = 20, 20 epochs.
# 3. Predict the other 80 %, who are all new. Score by macro-F1.
#
# Its sources are CPSC 2018 and Chapman: hospital recordings, thousands of each. Here the source is
# CinC 2017, half a minute of one lead between two hands, on which the encoders that come with the
# package were pre-trained. The target is the MIT-BIH Arrhythmia Database: tapes of the 1970s, worn
# on the chest, half an hour of each. If it is not on this machine, we simulate a cohort that the
# source has nothing to do with.

# %%
profile = load_profile(PROFILE)
source, ids = choose(DATASET, profile, seed=SEED)
goal = None
if source.name != "simulator":
    with suppress(DataNotFound):
        goal = open_dataset("mitbih")
simulated = goal is None
if simulated:
    mix = {"N": 0.75, "A": 0.25}
    goal = Simulator(60, seed=SEED + 1, seconds=60.0, mix=mix, leads=("II",), inverted=0.0)
    goal.name, goal.title = "elsewhere", "a simulated cohort, one minute of 60 people"
assert source.name != goal.name, "source and target share their records"
positive = "A" if simulated else "AF"
print(f"source: {source.title}\ntarget: {goal.title}")

# %% [markdown]
# ## What a hospital calls a class
#
# Before a number moves from one set to another, ask what was counted. These are the questions that
# the package puts to each set. A `record` is judged by the mean of its windows' probabilities; where
# rhythms are annotated second by second, every window in a `rhythm` is judged by itself.

# %%
questions = pd.DataFrame(
    [
        {"data set": name, "classes": ", ".join(task.classes), "judged": task.unit}
        for name, task in TASKS.items()
        if name in DATASETS
    ]
)
questions

# %% [markdown]
# Chapman and Georgia come with dozens of codes. The paper says that it follows the data sets' own
# suggestion of four groups, and prints no list. We use the grouping of Chapman's authors: AFIB
# (fibrillation and flutter), SR (sinus rhythm and its irregularity), SB (sinus bradycardia) and GSVT
# (all that is fast and comes from above the ventricles).

# %%
groups = pd.Series(DATASETS["chapman"].label_map).dropna()
groups.groupby(groups).agg(lambda codes: ", ".join(codes.index)).to_frame("codes (SNOMED CT)")

# %% [markdown]
# "AF or not" sounds like one question, and is not. Where does atrial flutter go? It has its own code
# in each set, and its own fate.

# %%
snomed = ("164889003", "164890007")
codes = dict.fromkeys(("cpsc2018", "chapman", "georgia"), snomed)
codes |= {"ptb": ("atrial fibrillation", "atrial flutter"), "mitbih": ("(AFIB", "(AFL")}
rows = []
for name, (fibrillation, flutter) in codes.items():
    label = DATASETS[name].label_map.get
    fates = {"fibrillation": label(fibrillation), "flutter": label(flutter) or "no label"}
    rows.append({"data set": name, **fates})
pd.DataFrame(rows)

# %% [markdown]
# So flutter is atrial fibrillation in one hospital, its opposite in another, and in a third it is not
# there. A classifier that carries its notion of AF along is right in one and wrong in the other.
# Fine-tuning on the target's own labels is what lets it learn the local custom. Another choice: 476
# records of CPSC 2018 carry several of its nine classes. We leave such records out; `ecglab
# generalise --rarest` gives them their rarest class instead.
#
# ## The windows of the target
#
# The encoders read 100 Hz, the RR baseline 250 Hz; `align` keeps the windows that both have. To
# stay within minutes, we take at most 24 windows of each person and class, spread over the
# recording.


# %%
def each_window(one):
    """Judge every window by itself, as the rhythms of MIT-BIH are anyway."""
    units = one.data.table[["record", "subject", "start", "label"]]
    task = Task(name=one.task.name, unit="rhythm")
    return replace(one, units=units, unit_of=np.arange(len(units)), task=task)


fusion, baseline = pretrained("diffecg", source, ids, profile, seed=SEED), RRSpectral()
cut = [each_window(target(goal, goal.ids(), m.spec)) for m in (fusion, baseline)]
at_encoder, at_baseline = align(cut)
most = 24 if PROFILE != "smoke" else 4
rows = [
    mine[np.unique(np.linspace(0, len(mine) - 1, most).astype(int))]
    for mine in at_encoder.units.groupby(["subject", "label"]).indices.values()
]
rows = np.sort(np.concatenate(rows))
at_encoder, at_baseline = (take_units(view, rows) for view in (at_encoder, at_baseline))
truth, subjects, classes = at_encoder.labels, at_encoder.subjects, at_encoder.classes
strata = at_encoder.units.groupby("subject")["label"].agg(lambda x: "|".join(sorted(set(x))))
people = strata.value_counts().rename_axis("classes of a person").rename("people").to_frame()
people.assign(windows=strata.loc[subjects].value_counts())

# %% [markdown]
# Read the column of people, not that of windows. Hundreds of windows in fibrillation come from a
# handful of persons: that handful is the true size of this data set.
#
# ## A fifth of the subjects
#
# Which fifth? Drawn at random, it could miss the few people with fibrillation. So we draw within
# strata: the groups of people who have the same classes.
#
# **Exercise 1.** Draw a fraction of the subjects of each stratum, rounded, at random.


# %% tags=["solution"]
def draw_subjects(strata: pd.Series, fraction: float, rng: np.random.Generator) -> set[str]:
    """Names of the subjects that train; ``strata`` maps a subject (its index) to its classes."""
    chosen: set[str] = set()
    for _, members in strata.groupby(strata):
        names = rng.permutation(members.index.to_numpy())
        chosen |= set(names[: round(fraction * len(names))].tolist())
    return chosen


# %% tags=["check"]
_strata = pd.Series(["AF"] * 10 + ["N"] * 30, index=[f"p{i}" for i in range(40)])
_drawn = [draw_subjects(_strata, 0.2, np.random.default_rng(i)) for i in range(40)]
assert all(sorted(_strata[list(d)].value_counts()) == [2, 6] for d in _drawn), "by stratum"
assert set.union(*_drawn) == set(_strata.index), "nobody is always left out"

# %% [markdown]
# The package's `split` leaves the drawing to scikit-learn's `StratifiedGroupKFold`: five folds, one of
# which trains. It draws other people, from the same strata. Below: how many of each stratum train.

# %%
train = split(at_encoder, seed=SEED)
by_hand = draw_subjects(strata, 0.2, np.random.default_rng(SEED))
assert not set(subjects[train]) & set(subjects[~train]), "nobody is on both sides"
drawn = {"all": strata.index, "by hand": list(by_hand), "package": np.unique(subjects[train])}
table = pd.DataFrame({name: strata[who].value_counts() for name, who in drawn.items()})
table.fillna(0).astype(int).rename_axis("classes of a person")

# %% [markdown]
# ## The floor: a majority guess
#
# Somebody who always names the commonest class is often right, and his macro-F1 is not zero either.
#
# **Exercise 2.** Let the commonest class have the share s. Its precision is s and its recall 1, so its
# F1 is `2 s / (1 + s)`; the other classes have none. Write the macro-F1 of a majority guess.


# %% tags=["solution"]
def majority_macro_f1(labels: np.ndarray) -> float:
    """Macro-F1, over the classes in ``labels``, of naming the commonest of them every time."""
    counts = np.unique(labels, return_counts=True)[1]
    share = counts.max() / counts.sum()
    return float(2 * share / (1 + share) / len(counts))


# %% tags=["check"]
assert np.isclose(majority_macro_f1(np.array(["a"] * 5 + ["b"] * 5)), 1 / 3)
_y = np.array(["a"] * 7 + ["b"] * 2 + ["c"])
assert np.isclose(majority_macro_f1(_y), macro_f1(_y, ["a"] * 10, ("a", "b", "c")))

# %%
guess = guess_majority(at_baseline, seed=SEED)
floor = macro_f1(guess.labels, guess.predictions, classes)
assert np.isclose(floor, majority_macro_f1(truth[~train]))
print(f"{floor:.3f}: the least that a method should reach")

# %% [markdown]
# With two classes the floor is close to one half where one of them is rare. It is the first row of
# every table here, and a row that the paper's table lacks.
#
# ## Why not split by window?
#
# It is easy to shuffle all windows and take a fifth. Then every test window has a twin among those
# that trained: same heart, same electrodes, seconds away. A classifier may learn to recognise the
# person, and read the class off the person.
#
# We measure it. One frozen embedding, that of the signal encoder, one linear classifier, as many
# training windows; only the split differs. Each draw is done in both ways.

# %%
assert list(at_encoder.data.labels) == list(truth), "window i is unit i"
embedding = fusion.parts["signal"].embed(at_encoder.data, seed=SEED)


def after(learn: np.ndarray) -> float:
    """Macro-F1 on all other windows of a linear classifier that learns from these."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(embedding[learn], truth[learn])
    return macro_f1(truth[~learn], model.predict(embedding[~learn]), classes)


draws = range(20 if PROFILE != "smoke" else 5)
each = np.arange(len(truth))
ways = {
    "by subject": lambda draw: split(at_encoder, seed=draw),
    "by window": lambda draw: holdout(truth, each, fraction=0.2, seed=draw),
}
leak = pd.DataFrame(
    [{"split": w, "draw": d, "value": after(cut(d))} for w, cut in ways.items() for d in draws]
)
keep(plot_draws(leak, floor=floor), OUTPUT, "leak", numbers=leak, simulated=simulated)

# %% [markdown]
# Each dot is one draw, red strokes are the means. Look at two things.
#
# - **The step from left to right.** It is what the wrong split adds. Part of it is that the classifier
#   has now seen everybody, part that it has seen each window's neighbours. Neither will be so in the
#   next hospital: nobody new would be diagnosed any better.
# - **The spread on the left.** With so few people in fibrillation it matters a lot who is drawn. A
#   table made of one draw shows one such dot. Windows drawn one by one hide that too.

# %%
wide = leak.pivot(index="draw", columns="split", values="value")
gap = wide["by window"] - wide["by subject"]
print(f"by subject {wide['by subject'].mean():.3f} (deviation {wide['by subject'].std():.3f})")
print(f"by window  {wide['by window'].mean():.3f} (deviation {wide['by window'].std():.3f})")
print(f"the window-wise split adds {gap.mean():+.3f} on average, {gap.max():+.3f} at most")

# %% [markdown]
# ## All methods on the same subjects
#
# Now the protocol with one draw. Every method gets the same fifth, and is asked about the same
# windows. `evaluate` trains DiffECG's own classifier as published; with `linear=True` it puts
# logistic regression on the pooled features of the same frozen encoder instead. One more row is a
# control: an encoder with the weights that it was born with, never trained.

# %%
tested = {"majority guess": guess}
tested[baseline.info.title] = evaluate(baseline, at_baseline, seed=SEED)
for method in (*fusion.parts.values(), fusion):
    tested[method.info.title] = evaluate(method, at_encoder, seed=SEED)
signal = fusion.parts["signal"]
untrained = DiffECGSignal(signal.options, seed=SEED)
probed = {
    fusion.info.title: fusion,
    signal.info.title: signal,
    "untrained signal encoder": untrained,
}
for title, method in probed.items():
    one = evaluate(method, at_encoder, seed=SEED, linear=True)
    tested[f"{title}, linear probe"] = one

# %%
found = []
for title, one in tested.items():
    scored = score(one, source=source.name, profile=profile).metrics["macro_f1"]
    line = {"source": source.name, "target": goal.name, "title": title, "paper": np.nan}
    found.append({**line, "ours": scored.value, "low": scored.low, "high": scored.high})
live = pd.DataFrame(found)
figure = plot_generalisation(live, floor="majority guess")
keep(figure, OUTPUT, "methods", numbers=live, simulated=simulated)

# %% [markdown]
# How to read it. A bar that ends at the dotted line answers no better than a constant. (Whether it has
# learned nothing is another question, which a ranking answers, below.) The dark stroke is the 95 % interval: whole *subjects* were drawn anew, with all their windows,
# because the next hospital brings new people, not new windows of these. Where it is wide, the test
# has few people of one class. Two bars whose strokes overlap may still differ, since the same people
# were asked about both; that takes a paired comparison.
#
# ## Who is better? Ask in pairs
#
# Draw subjects with replacement. Score both methods on the very same draw. Keep the difference.
#
# **Exercise 3.** Write the paired bootstrap over subjects.


# %% tags=["solution"]
def paired_bootstrap(y, a, b, subjects, metric, *, n: int, rng) -> np.ndarray:
    """metric(y, a) - metric(y, b) in n draws of as many subjects as there are, (n,)."""
    windows_of = [np.flatnonzero(subjects == s) for s in np.unique(subjects)]
    differences = []
    for _ in range(n):
        who = rng.integers(len(windows_of), size=len(windows_of))
        rows = np.concatenate([windows_of[i] for i in who])
        differences.append(metric(y[rows], a[rows]) - metric(y[rows], b[rows]))
    return np.array(differences)


# %% tags=["check"]
_y, _who = np.ones(20), np.repeat(["p", "q"], 10)
_a, _b = np.where(_who == "p", 1, 0), np.zeros(20)
_d = paired_bootstrap(
    _y, _a, _b, _who, lambda y, p: np.mean(y == p), n=200, rng=np.random.default_rng(0)
)
assert set(_d) == {0.0, 0.5, 1.0}, "p and q come whole: nobody, once, or twice"

# %%
one, other = tested[f"{signal.info.title}, linear probe"], tested[baseline.info.title]


def macro(y: np.ndarray, p: np.ndarray) -> float:
    """Macro-F1; a class that a draw has lost counts 0."""
    return macro_f1_of_present(y, p, classes, classes)


differences = paired_bootstrap(
    one.labels, one.predictions, other.predictions, one.units["subject"].to_numpy(), macro,
    n=profile.resamples, rng=np.random.default_rng(SEED),
)  # fmt: skip
print("by hand: 95 % in [{:.3f}, {:.3f}]".format(*np.quantile(differences, [0.025, 0.975])))
print(f"package: {compare(one, other, resamples=profile.resamples)}")

# %% [markdown]
# The two differ by the draws, if at all. The package weights the windows instead of copying them, which
# is faster. Now the questions that matter:

# %%
own, single = fusion.info.title, signal.info.title
asked = {
    "the published system against a constant answer": (own, "majority guess"),
    "against counting RR intervals": (own, baseline.info.title),
    "fusion against the signal alone": (own, single),
    "signal: linear probe against the published head": (f"{single}, linear probe", single),
    "fusion: linear probe against the published head": (f"{own}, linear probe", own),
    "linear probe on the signal against RR": (f"{single}, linear probe", baseline.info.title),
    "and against an untrained encoder": (
        f"{single}, linear probe",
        "untrained signal encoder, linear probe",
    ),
}
pd.DataFrame(
    [
        {"question": words, "macro-F1, difference": str(compare(tested[a], tested[b]))}
        for words, (a, b) in asked.items()
    ]
)

# %% [markdown]
# An interval that holds zero is no finding, in either direction. Three are worth a second look:
#
# - **Against RR.** A diffusion model that does not beat a few statistics of RR intervals has not
#   earned its cost on this target, whatever it does to other networks.
# - **Linear probe against head.** Both read the same frozen encoder. Where the probe is ahead, the
#   features were there and the head did not get to them. The head has one to two million weights, and
#   SGD takes one step for every 64 windows: on a small target, 20 epochs are few steps.
# - **Against the untrained encoder.** The probe reads means, deviations and periodicities of what
#   the filters say. Random filters say something too. Only what lies above them was learned from
#   the source.

# %%
n = int(train.sum())
print(f"here: {n} windows in batches of 64, 20 epochs: {20 * -(-n // 64)} steps")
for name in ("chapman", "cpsc2018"):
    n = DATASETS[name].total_records // 5
    print(f"a fifth of {name}, a window each: {20 * -(-n // 64)} steps")

# %% [markdown]
# ## A bad answer from a good ranking
#
# F1 sees answers only. The answer turns at a probability of one half, and a head that has hardly
# moved from the classes' shares never says more than that for a rare class. Yet it may well give
# higher probabilities to the right windows. AUROC asks for that: it is the chance that a window of
# the class gets a higher probability than a window of the others.
#
# **Exercise 4.** Write AUROC as the share of such pairs, ties counting one half.


# %% tags=["solution"]
def auroc_by_pairs(positive: np.ndarray, probability: np.ndarray) -> float:
    """P(a positive's probability > a negative's) + P(they are equal) / 2."""
    high, low = probability[positive][:, None], probability[~positive][None, :]
    return float(((high > low) + 0.5 * (high == low)).mean())


# %% tags=["check"]
_is, _p = np.array([True, True, False, False]), np.array([0.9, 0.2, 0.2, 0.1])
assert auroc_by_pairs(_is, _p) == 3.5 / 4
assert auroc_by_pairs(_is, np.full(4, 0.1)) == 0.5, "a constant ranks nothing"
assert np.isclose(auroc_by_pairs(_is, _p / 10), auroc(_is, _p / 10)), "and its scale is no matter"

# %%
column, ranking = classes.index(positive), []
for title, one in tested.items():
    probability, answers = one.probabilities[:, column], one.predictions
    ranked = auroc_by_pairs(one.labels == positive, probability)
    assert np.isclose(ranked, auroc(one.labels, probability, positive=positive))
    line = {"method": title, "macro-F1": macro(one.labels, answers), "AUROC": ranked}
    ranking.append({**line, f"called {positive}": np.mean(answers == positive)})
pd.DataFrame(ranking).set_index("method").round(3)

# %%
shown = [single, own, f"{single}, linear probe"]
decided = pd.concat(
    [
        pd.DataFrame(
            {
                "method": t,
                "label": tested[t].labels,
                "probability": tested[t].probabilities[:, column],
            }
        )
        for t in shown
    ]
)
figure = plot_decisions(decided, positive=positive, methods=shown)
keep(figure, OUTPUT, "decisions", numbers=decided, simulated=simulated)

# %% [markdown]
# Each dot is a test window; right, in red, those of the class that we look for. What lies above the
# dotted line is answered with that class. Three cases to tell apart:
#
# - both clouds below the line, the red one higher: a good ranking, and not one answer. The
#   encoder is fine, the head was stopped early, or the line stands in the wrong place;
# - both clouds at one height: nothing was learned;
# - clouds on their own sides of the line: a classifier.
#
# One may move the line, but on the fine-tuning subjects, never on those that test.
#
# ## What a target must have
#
# The same code runs on the paper's own sets. On a machine that has only a few of their records,
# it says what is missing instead of printing a number. We try them all, at most 400 records of
# each, with the RR baseline. (A simulated run tries cohorts of several sizes.)


# %%
def attempt(theirs, some) -> str:
    """What the protocol makes of these records."""
    try:
        runs = list(run_generalisation([], (source, ids), (theirs, some), profile))
    except CannotGeneralise as error:
        return str(error)
    each = [str(r.metrics["macro_f1"]) for r in runs if r.method == baseline.info.name]
    return f"{runs[0].params['test_subjects']} people tested: {'; '.join(each)}"


tried = []
for name in ("cpsc2018", "chapman", "georgia", "ptb", "ptbxl") if not simulated else (4, 8, 60):
    try:
        theirs = open_dataset(name) if not simulated else Simulator(name, seed=SEED + 2, mix=mix)
    except DataNotFound:
        tried.append({"target": name, "records": 0, "outcome": "not on this machine"})
        continue
    if simulated:
        theirs.name = f"ward-of-{name}"
    some = np.random.default_rng(SEED).permutation(theirs.ids())[:400].tolist()
    line = {"target": theirs.name, "records": len(some)}
    tried.append({**line, "outcome": attempt(theirs, sorted(some))})
pd.DataFrame(tried)

# %% [markdown]
# Numbers are macro-F1 of the RR baseline with its 95 % interval, for each seed. On a few people the
# seeds disagree, and may even be tested on different classes. Some intervals span most of the scale;
# others are narrow, which is worse: a bootstrap of nine people cannot draw those who are missing.
#
# A refusal is a finding too. The protocol needs at least two classes, five subjects of the commonest
# stratum, and in either part people of two classes. To *say* something it needs more: some dozens
# of people per class, or the intervals will be worth as little as above. Ask this of any data set, your own
# too, before you train on it.
#
# ## Figure 1a and Table 1
#
# The numbers of larger runs are kept in the project's folder `results`, one file per run: all
# windows of a target, several seeds. We draw them beside those that the paper printed. This is the
# paper's Figure 1a, with every method of its Table 1 in place of three. Where a run has not been
# made, a dash stands for it. (`ptbxl-100hz` are records of PTB-XL that were filtered and scaled
# beforehand.)

# %%
stored = stored_results()
if not stored:
    print("no folder `results` beside the notebooks: only the paper's numbers are shown")
scores = table1_scores(stored)
figure = plot_generalisation(scores, floor="majority guess")
keep(figure, OUTPUT, "figure_1a", numbers=scores)

# %% [markdown]
# One panel is one pair, source → target; one row is one method.
#
# - **Read down a panel**: who is best on this target, and is it better than the dotted line? Than
#   the RR rows? The paper's panels have no such rows; only a run on the same data adds them.
# - **Do not read across panels.** Nine classes are harder than two, and an F1 over two classes
#   begins near one half where one is rare. A longer bar in another panel is not a better model.
# - **Open against filled** only within one panel: other people, other windows, and maps of classes
#   that the paper does not print.
# - **A dash** is neither good nor bad. It is a run that nobody has made yet.
#
# The same as a table, `paper · ours`:

# %%
number = scores[["paper", "ours"]].map(lambda x: "—" if np.isnan(x) else f"{x:.3f}")
both = scores.assign(cell=number["paper"] + " · " + number["ours"])
both["pair"] = both["source"] + " → " + both["target"]
order = {name: list(dict.fromkeys(both[name])) for name in ("title", "pair")}
both.pivot(index="title", columns="pair", values="cell").loc[order["title"], order["pair"]]

# %% [markdown]
# Two things that one sees once the floor is in mind. First, the paper's introduction says of Figure 1a
# that the three contrastive methods stay below 50 % on all targets.

# %%
contrastive = scores[scores["method"].isin(["clocs", "simclr", "moco"])].dropna(subset="paper")
below = int((contrastive["paper"] < 0.5).sum())
print(f"{below} of their {len(contrastive)} numbers in Table 1 are below 0.5")

# %% [markdown]
# Figure 1a may come from other runs. Second, on PTB one number, 0.468, stands three times: for
# EfficientECG once and for MoCo twice. Turn exercise 2 around: for two classes, a constant answer scores
# `s / (1 + s)`, which is 0.468 at s = 0.88. But of PTB's 549 records 16 are in fibrillation or flutter:
# s = 0.97, and a constant answer by record scores 0.49. So the three are constant answers only if the
# paper counted otherwise (windows, or a part of the records). It does not say; a row with the majority
# guess would.
#
# To fill in dashes, run a pair yourself, with the data at hand:
#
# `ecglab generalise --source cpsc2018 --target chapman --profile gpu`, and `--linear` for the probe.
#
# ## What to take along
#
# - Split by person, stratify by what the person has, and count people, not windows.
# - Print the majority guess and a plain baseline beside every method, on the same subjects.
# - The same word may name another class in the next hospital: look at the map.
# - When a frozen encoder scores at the floor, look at its ranking and try a linear probe before you
#   blame the encoder.
# - Chapter 14 goes the other way: from many patients to one.
