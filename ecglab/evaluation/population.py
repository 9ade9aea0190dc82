"""Before personalisation: one classifier for everybody, against which a personal one is held.

Figure 1b of DiffECG shows how the score of each patient changes by fine-tuning on the patient's own
windows, but does not say from what. Here it changes from a classifier of the labelled source
records, atrial fibrillation against the rest, which has never seen the patient.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecglab.data.readers.base import Dataset
from ecglab.data.windows import WindowSet
from ecglab.evaluation.personal import Personalised, Split
from ecglab.evaluation.tasks import target
from ecglab.methods import Method

FIBRILLATION = ("A", "AF", "AFIB")
"""What the data sets call it."""

POPULATION = "population"
"""Name of the strategy that personalises nothing."""


def fibrillation_windows(
    source: Dataset, ids: Sequence[str], method: Method, *, records: int = 1000, seed: int = 0
) -> WindowSet:
    """Windows of labelled source records, ``AF`` or ``non-AF``; those labelled noisy are left out.

    Half of the records are in fibrillation, where there are as many: the patients, too, are so for
    about half of the time, and a classifier that has hardly seen fibrillation does not call it.

    Args:
        source: a labelled data set.
        ids: its records.
        method: reads the windows.
        records: how many to draw; fewer where one class has fewer than half as many.
        seed: of the draw.

    Raises:
        CannotGeneralise: for a source of one class.
    """
    data = target(source, ids, method.spec).data
    rows, record_of = data.records()
    ill = rows["label"].isin(FIBRILLATION).to_numpy()
    rng, drawn = np.random.default_rng(seed), np.zeros(len(rows), bool)
    for group in (ill, ~ill & (rows["label"] != "~").to_numpy()):
        drawn[rng.permutation(np.flatnonzero(group))[: records // 2]] = True
    kept = np.flatnonzero(drawn[record_of])
    table = data.table.iloc[kept].reset_index(drop=True)
    table["label"] = np.where(ill[record_of[kept]], "AF", "non-AF")
    return replace(data.take(kept), table=table)


def before_personalising(
    method: Method,
    source: WindowSet,
    subjects: Sequence[tuple[str, WindowSet, Split]],
    *,
    seed: int = 0,
) -> list[Personalised]:
    """Each subject's test windows as the classifier for everybody sees them.

    Args:
        method: pre-trained; it is fine-tuned on the source.
        source: as ``fibrillation_windows`` gives them.
        subjects: each with all windows and their split.
        seed: of the classifier and the noise.
    """
    method.finetune(source, source.labels, seed=seed)
    classes, found = np.unique(source.labels), []
    for subject, data, split in subjects:
        began = time.perf_counter()
        test = data.take(split.test)
        best = method.predict(test, seed=seed).argmax(axis=1)
        found.append(
            Personalised(
                subject=subject,
                strategy=POPULATION,
                t={},
                labels=test.labels,
                predictions=classes[best],
                seconds=time.perf_counter() - began,
            )
        )
    return found
