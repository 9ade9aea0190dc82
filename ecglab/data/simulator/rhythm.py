"""When the heart beats: the simulator's rhythms, as trains of R-peak times with their truth.

A rhythm is a list of RR intervals (s) and, for each beat, where it came from. Sinus rhythm is slow
oscillation around a mean; atrial fibrillation is nearly independent draws; ectopic beats come early
and change the interval after them. Rhythms are written in MIT-BIH's codes, with ``(ST`` for sinus
tachycardia, for which it has none.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

NORMAL, ATRIAL, VENTRICULAR = 0, 1, 2  # where a beat comes from
SYMBOLS = ("N", "A", "V")
LEAD_IN, LEAD_OUT = 1.5, 1.0  # s of beats before and after the record: their tails reach into it


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How one subject's heart keeps time.

    Attributes:
        rr: mean sinus RR interval, s.
        hf: relative amplitude of respiratory sinus arrhythmia (high frequency).
        lf: relative amplitude of the 0.1-Hz oscillation of blood pressure control.
        slow: relative size of the 1/f drift below 0.05 Hz.
        breath_hz: respiratory rate, Hz.
        af_rr: mean RR interval in atrial fibrillation, s.
        af_cv: coefficient of variation of RR in atrial fibrillation.
    """

    rr: float
    hf: float
    lf: float
    slow: float
    breath_hz: float
    af_rr: float
    af_cv: float


PACING_NORMALS = 8  # standard normal numbers that make one subject's pacing


def pacing(normals: Floats) -> Pacing:
    """A subject's pacing from ``PACING_NORMALS`` standard normal numbers.

    The medians and spreads were set by comparison with classes N and A of CinC 2017.
    """
    z = np.clip(normals, -2.5, 2.5)
    return Pacing(
        rr=float(np.clip(0.83 * np.exp(0.155 * z[0]), 60 / 110, 60 / 45)),
        hf=float(0.044 * np.exp(0.8 * z[1])),
        lf=float(0.034 * np.exp(0.7 * z[2])),
        slow=float(0.012 * np.exp(0.6 * z[3])),
        breath_hz=float(np.clip(0.25 * np.exp(0.2 * z[4]), 0.13, 0.45)),
        af_rr=float(np.clip(0.69 * np.exp(0.25 * z[5]), 0.4, 1.0)),
        af_cv=float(np.clip(0.21 * np.exp(0.25 * z[6]), 0.12, 0.32)),
    )


@dataclass(frozen=True, kw_only=True)
class BeatTrain:
    """The beats of one record, from shortly before its start to shortly after its end.

    Attributes:
        rr: interval (s) that ends at each beat, shape (beats,).
        origin: ``NORMAL``, ``ATRIAL`` or ``VENTRICULAR``, shape (beats,).
        p_wave: height of the P wave relative to the subject's own, 0 where there is none, (beats,).
        runs: stretches of beats ``(first, stop, code)`` in another rhythm than ``code``.
        code: the rhythm's code outside of ``runs``.
        breath_phase: phase of respiration at time 0, rad.
        pr_extra: what is added to the subject's PR interval, s.
        block: "" or the bundle branch that does not conduct: "left", "right".
        atrial_hz: frequency of the fibrillatory or flutter waves, Hz; 0 where there are none.
    """

    rr: Floats
    origin: NDArray[np.int64]
    p_wave: Floats
    code: str
    breath_phase: float
    runs: tuple[tuple[int, int, str], ...] = ()
    pr_extra: float = 0.0
    block: str = ""
    atrial_hz: float = 0.0

    @property
    def times(self) -> Floats:
        """R-peak times, s, shape (beats,); the record starts at 0."""
        return np.cumsum(self.rr) - LEAD_IN

    def spans(self, seconds: float) -> list[tuple[float, float, str]]:
        """The rhythm spans (start s, stop s, code) that tile [0, seconds].

        A run reaches from the middle of the interval before its first beat to that after its last.
        """
        middle = self.times - self.rr / 2
        spans, at = [], 0.0
        for first, stop, code in self.runs:
            start = float(np.clip(middle[first], at, seconds))
            end = float(np.clip(middle[stop], start, seconds)) if stop < len(middle) else seconds
            spans += [(at, start, self.code), (start, end, code)]
            at = end
        spans.append((at, seconds, self.code))
        return [s for s in spans if s[1] > s[0]]


def breathing(t: ArrayLike, hz: ArrayLike, phase: ArrayLike) -> Floats:
    """Respiration in [-1, 1] at times ``t`` (s): a sine whose rate drifts a little."""
    t = np.asarray(t)
    drift = 0.8 * np.sin(2 * np.pi * 0.04 * t + 1.7 * np.asarray(phase))
    return np.sin(2 * np.pi * np.asarray(hz) * t + phase + drift)


def sinus(
    rng: np.random.Generator,
    pacing: Pacing,
    seconds: float,
    *,
    code: str = "(N",
    rr: tuple[float, float] | None = None,
    pr_extra: tuple[float, float] = (0.0, 0.0),
    block: str = "",
) -> BeatTrain:
    """Sinus rhythm: RR_k = RR (1 + hf breathing + lf sin(2 pi 0.1 t) + 1/f drift + jitter).

    Args:
        rng: the record's generator.
        pacing: the subject's mean rate and variability.
        seconds: length of the record.
        code: the rhythm's code.
        rr: range (s) of the mean interval, where it is not the subject's own.
        pr_extra: range (s) of what is added to the PR interval.
        block: the bundle branch that does not conduct.
    """
    mean = rng.uniform(*rr) if rr else pacing.rr
    n = int((seconds + LEAD_IN + LEAD_OUT) / (0.6 * mean)) + 4
    phase = rng.uniform(0, 2 * np.pi)
    change = _sinus_variation(rng, pacing, mean * np.arange(n, dtype=float) - LEAD_IN, phase)
    tame = min(1.0, mean / 0.6)  # a fast sinus node varies little
    intervals = np.maximum(mean * (1 + tame * np.clip(change, -0.38, 0.6)), 0.3)
    intervals[0] *= rng.uniform()  # the record starts anywhere in a cycle
    return BeatTrain(
        rr=intervals,
        origin=np.full(n, NORMAL),
        p_wave=np.ones(n),
        code=code,
        breath_phase=float(phase),
        pr_extra=rng.uniform(*pr_extra),
        block=block,
    )


def _sinus_variation(rng: np.random.Generator, pacing: Pacing, t: Floats, phase: float) -> Floats:
    """Relative change of RR at times ``t`` (s), with respiration in this phase (rad) at 0."""
    slow_hz = np.array([[0.01], [0.02], [0.04]])
    drift = np.sin(2 * np.pi * slow_hz * t + rng.uniform(0, 2 * np.pi, (3, 1)))
    return (
        pacing.hf * breathing(t, pacing.breath_hz, phase)
        + pacing.lf * np.sin(2 * np.pi * 0.1 * t + rng.uniform(0, 2 * np.pi))
        + pacing.slow * (drift / np.sqrt(slow_hz / slow_hz[0])).sum(axis=0)  # power goes as 1/f
        + 0.005 * rng.standard_normal(len(t))
    )


def premature(
    rng: np.random.Generator, pacing: Pacing, seconds: float, *, origin: int
) -> BeatTrain:
    """Sinus rhythm with single premature beats from the atria or the ventricles.

    A premature beat ends a shortened interval c RR. One from the atria resets the sinus node, so
    the next interval is little longer than RR (incomplete pause); one from a ventricle does not, so
    the next sinus beat comes on time: (2 - c) RR (full compensatory pause).
    """
    train = sinus(rng, pacing, seconds)
    on_stage = np.flatnonzero((train.times > 0.8) & (train.times < seconds - 0.8))
    share = rng.uniform(0.05, 0.28)
    chosen = on_stage[rng.random(len(on_stage)) < share]
    if len(chosen) == 0 and len(on_stage):
        chosen = rng.choice(on_stage, 1)
    chosen = chosen[np.diff(chosen, prepend=-9) > 1]
    return _ectopic(rng, train, chosen, origin)


def periodic_ectopy(
    rng: np.random.Generator, pacing: Pacing, seconds: float, *, period: int, code: str
) -> BeatTrain:
    """Bigeminy (period 2) or trigeminy (period 3): every period-th beat comes from a ventricle."""
    train = sinus(rng, replace(pacing, rr=max(pacing.rr, 0.65)), seconds)
    on_stage = np.flatnonzero((train.times > 0) & (train.times < seconds))
    if len(on_stage) < 2 * period:
        return _ectopic(rng, train, on_stage[period - 1 :: period], VENTRICULAR)
    first = on_stage[0] + int(rng.integers(0, len(on_stage) // 3 + 1))
    stop = min(on_stage[-1], first + int(rng.uniform(0.5, 1.2) * len(on_stage)))
    train = _ectopic(rng, train, np.arange(first + period - 1, stop, period), VENTRICULAR)
    return replace(train, runs=((first, stop, code),))


def _ectopic(
    rng: np.random.Generator, train: BeatTrain, chosen: NDArray[np.int64], origin: int
) -> BeatTrain:
    """The train with its beats ``chosen`` made premature."""
    rr, origins, p_wave = train.rr.copy(), train.origin.copy(), train.p_wave.copy()
    usual = np.median(rr[1:])
    coupling = rng.uniform(0.52, 0.8) + 0.02 * rng.standard_normal(len(chosen))
    early = np.maximum(coupling * rr[chosen], min(0.36, 0.9 * usual))
    after = rr[chosen + 1] * rng.uniform(1.0, 1.15)
    if origin == VENTRICULAR:
        after = rr[chosen] + rr[chosen + 1] - early
        p_wave[chosen] = 0.0
    rr[chosen], rr[chosen + 1], origins[chosen] = early, after, origin
    return replace(train, rr=rr, origin=origins, p_wave=p_wave)


def fibrillation(rng: np.random.Generator, pacing: Pacing, seconds: float) -> BeatTrain:
    """Atrial fibrillation: RR = floor + Gamma, independent from beat to beat; no P wave.

    The floor is the refractory period of the atrioventricular node; the gamma distribution's shape
    gives the subject's mean interval and coefficient of variation.
    """
    mean = pacing.af_rr
    floor = max(0.25, 0.55 * mean)
    shape = ((mean - floor) / (pacing.af_cv * mean)) ** 2
    n = int((seconds + LEAD_IN + LEAD_OUT) / floor) + 4
    rr = floor + rng.gamma(shape, (mean - floor) / shape, n)
    rr[0] *= rng.uniform()
    return BeatTrain(
        rr=rr,
        origin=np.full(n, NORMAL),
        p_wave=np.zeros(n),
        code="(AFIB",
        breath_phase=rng.uniform(0, 2 * np.pi),
        atrial_hz=float(np.clip(rng.normal(6.2, 0.9), 4.2, 8.8)),
    )


def paroxysm(rng: np.random.Generator, pacing: Pacing, seconds: float) -> BeatTrain:
    """Atrial fibrillation that gives way to sinus rhythm in the middle third of the record."""
    af, normal = fibrillation(rng, pacing, seconds), sinus(rng, pacing, seconds)
    at = int(np.searchsorted(af.times, rng.uniform(1 / 3, 2 / 3) * seconds)) + 1
    pause = np.maximum(normal.rr[1:2], rng.uniform(0.8, 1.4))  # the sinus node takes its time
    rr = np.concatenate([af.rr[:at], pause, normal.rr[2:]])
    p_wave = (np.arange(len(rr)) >= at).astype(float)
    origin = np.full(len(rr), NORMAL)
    return replace(af, rr=rr, origin=origin, p_wave=p_wave, code="(N", runs=((0, at, "(AFIB"),))


def flutter(rng: np.random.Generator, pacing: Pacing, seconds: float) -> BeatTrain:
    """Atrial flutter at 4.2-5.4 Hz: every second, third or fourth wave is conducted."""
    hz = rng.uniform(4.2, 5.4)
    n = int((seconds + LEAD_IN + LEAD_OUT) * hz / 2) + 4
    usual = int(rng.choice([2, 3, 4], p=[0.35, 0.2, 0.45]))
    ratio = np.full(n, usual)
    if rng.random() < 0.5:
        ratio = np.where(rng.random(n) < 0.35, rng.choice([2, 3, 4, 5], n), usual)
    rr = ratio / hz + np.diff(0.004 * rng.standard_normal(n + 1))  # jitter, locked to the waves
    rr[0] *= rng.uniform()
    return BeatTrain(
        rr=rr,
        origin=np.full(n, NORMAL),
        p_wave=np.zeros(n),
        code="(AFL",
        breath_phase=rng.uniform(0, 2 * np.pi),
        atrial_hz=hz,
    )


def supraventricular_run(rng: np.random.Generator, pacing: Pacing, seconds: float) -> BeatTrain:
    """Sinus rhythm broken by one run of supraventricular tachycardia at 140-190 a minute."""
    train = sinus(rng, pacing, seconds)
    first = int(np.searchsorted(train.times, rng.uniform(0.1, 0.5) * seconds)) + 1
    fast = rng.uniform(0.32, 0.43) * (1 + 0.01 * rng.standard_normal(int(rng.integers(6, 40))))
    stop = first + len(fast)
    rr = np.concatenate([train.rr[:first], fast, [1.25 * pacing.rr], train.rr[first + 1 :]])
    run = (np.arange(len(rr)) >= first) & (np.arange(len(rr)) < stop)
    return replace(
        train,
        rr=rr,
        origin=np.where(run, ATRIAL, NORMAL),
        p_wave=np.where(run, 0.4, 1.0),
        runs=((first, stop, "(SVTA"),),
    )
