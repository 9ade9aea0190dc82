"""The classifier for everybody: whom it learns from, and whose windows it is tested on."""

import numpy as np
import pytest

from ecglab.data.simulator import Simulator
from ecglab.data.windows import windows
from ecglab.evaluation.personal import split_subject
from ecglab.evaluation.population import before_personalising, fibrillation_windows
from ecglab.evaluation.tasks import CannotGeneralise
from ecglab.methods import RRSpectral

MIX = {"N": 0.3, "A": 0.3, "O": 0.2, "~": 0.2}


@pytest.fixture(scope="module")
def source() -> Simulator:
    """Forty records of two windows each."""
    return Simulator(40, seed=0, mix=MIX, seconds=20, leads=("I",))


def test_all_records_but_the_noisy_ones_say_whether_they_are_in_fibrillation(
    source: Simulator,
) -> None:
    truth = {id: source.read(id).labels[0] for id in source.ids()}
    assert set(truth.values()) == set(MIX)
    found = fibrillation_windows(source, source.ids(), RRSpectral())
    expected = [
        (id, "AF" if label == "A" else "non-AF")
        for id, label in truth.items()
        for _ in range(2)
        if label != "~"
    ]
    assert [*zip(found.table["record"], found.labels, strict=True)] == expected
    whole = windows(source, RRSpectral().spec)
    kept = whole.table["record"].map(truth) != "~"
    assert np.array_equal(found.signals, whole.signals[kept.to_numpy()])


def test_half_of_the_records_drawn_are_in_fibrillation(source: Simulator) -> None:
    draws = [
        fibrillation_windows(source, source.ids(), RRSpectral(), records=8, seed=seed).table
        for seed in (0, 0, 1)
    ]
    for table in draws:
        assert table.groupby("label")["record"].nunique().to_dict() == {"AF": 4, "non-AF": 4}
        assert (table["record"].value_counts() == 2).all(), "a record comes with all its windows"
    assert draws[0].equals(draws[1])
    assert set(draws[0]["record"]) != set(draws[2]["record"])
    of_one = [id for id in source.ids() if source.read(id).labels == ("A",)]
    with pytest.raises(CannotGeneralise, match="only class 'A'"):
        fibrillation_windows(source, of_one, RRSpectral())


def test_a_subjects_test_windows_are_seen_by_a_classifier_of_the_source_alone(
    source: Simulator,
) -> None:
    method, alone = RRSpectral(), RRSpectral()
    labelled = fibrillation_windows(source, source.ids(), method, records=16)
    mine = windows(source, method.spec).take(np.arange(40))
    mine.table["label"] = np.where(np.arange(40) % 2, "AF", "non-AF")
    split = split_subject(mine.labels)
    (found,) = before_personalising(method, labelled, [("a", mine, split)])
    alone.finetune(labelled, labelled.labels)
    likely = alone.predict(mine.take(split.test))[:, 0] > 0.5
    assert found.predictions.tolist() == np.where(likely, "AF", "non-AF").tolist()
    assert 0 < likely.mean() < 1
    assert found.labels.tolist() == mine.labels[split.test].tolist()
    assert (found.subject, found.strategy, found.t) == ("a", "population", {})
