"""Which rhythms the simulator offers, in which class, and how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ecglab.data.simulator.rhythm import (
    ATRIAL,
    VENTRICULAR,
    BeatTrain,
    Pacing,
    fibrillation,
    flutter,
    paroxysm,
    periodic_ectopy,
    premature,
    sinus,
    supraventricular_run,
)

CLASSES = ("N", "A", "O", "~")
MIX: Mapping[str, float] = {"N": 0.60, "A": 0.09, "O": 0.28, "~": 0.03}  # about CinC 2017's


@dataclass(frozen=True, kw_only=True)
class RhythmKind:
    """A rhythm on offer: its class, its share of the class, and the function that plays it."""

    label: str
    share: float
    play: Callable[[np.random.Generator, Pacing, float], BeatTrain]


_BRADY = partial(sinus, code="(SBR", rr=(1.12, 1.5))
_TACHY = partial(sinus, code="(ST", rr=(0.42, 0.58))
_BLOCK = partial(sinus, pr_extra=(0.06, 0.14))

RHYTHMS: Mapping[str, RhythmKind] = {
    "sinus rhythm": RhythmKind(label="N", share=1.0, play=sinus),
    "atrial fibrillation": RhythmKind(label="A", share=0.92, play=fibrillation),
    "paroxysmal atrial fibrillation": RhythmKind(label="A", share=0.08, play=paroxysm),
    "premature atrial beats": RhythmKind(
        label="O", share=0.26, play=partial(premature, origin=ATRIAL)
    ),
    "premature ventricular beats": RhythmKind(
        label="O", share=0.24, play=partial(premature, origin=VENTRICULAR)
    ),
    "ventricular bigeminy": RhythmKind(
        label="O", share=0.04, play=partial(periodic_ectopy, period=2, code="(B")
    ),
    "ventricular trigeminy": RhythmKind(
        label="O", share=0.04, play=partial(periodic_ectopy, period=3, code="(T")
    ),
    "sinus bradycardia": RhythmKind(label="O", share=0.12, play=_BRADY),
    "sinus tachycardia": RhythmKind(label="O", share=0.10, play=_TACHY),
    "supraventricular tachycardia": RhythmKind(label="O", share=0.04, play=supraventricular_run),
    "atrial flutter": RhythmKind(label="O", share=0.05, play=flutter),
    "first-degree AV block": RhythmKind(label="O", share=0.05, play=_BLOCK),
    "left bundle branch block": RhythmKind(
        label="O", share=0.03, play=partial(sinus, block="left")
    ),
    "right bundle branch block": RhythmKind(
        label="O", share=0.03, play=partial(sinus, block="right")
    ),
}
CODE_CLASS: Mapping[str, str] = {"(N": "N", "(AFIB": "A"} | dict.fromkeys(
    ("(AFL", "(B", "(T", "(SBR", "(ST", "(SVTA"), "O"
)
UNDER_NOISE: Mapping[str, float] = {"N": 0.6, "A": 0.1, "O": 0.3}  # what noisy records hide
