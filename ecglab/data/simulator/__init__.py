"""An ECG simulator, for wherever no real data is at hand.

``simulate`` gives records, ``simulate_batch`` arrays, ``Simulator`` a data set. From the bottom up:
``rhythm`` says when the heart beats, ``kinds`` lists the rhythms on offer, ``beat`` says what a
beat looks like from twelve leads, ``synthesis`` draws the beats, ``noise`` adds what recordings
suffer from.
"""

from ecglab.data.simulator.batch import Batch, simulate_batch
from ecglab.data.simulator.beat import LEADS
from ecglab.data.simulator.dataset import Simulator, simulate
from ecglab.data.simulator.kinds import CLASSES, MIX, RHYTHMS
from ecglab.data.simulator.noise import Noise
from ecglab.data.simulator.plan import Plan

__all__ = [
    "CLASSES",
    "LEADS",
    "MIX",
    "RHYTHMS",
    "Batch",
    "Noise",
    "Plan",
    "Simulator",
    "simulate",
    "simulate_batch",
]
