"""The vectorised bootstrap against a loop over resamples that really draws the records."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import f1_score, roc_auc_score

from ecglab.evaluation import bootstrap
from ecglab.evaluation.bootstrap import (
    Interval,
    bootstrap_ci,
    paired_difference,
    resample_weights,
)
from ecglab.evaluation.metrics import (
    CINC2017_CLASSES,
    accuracy,
    auroc,
    cinc2017_score,
    class_f1,
    macro_f1,
)

four_class_f1 = partial(macro_f1, classes=CINC2017_CLASSES)


def draw(seed: int, n: int = 150, right: float = 0.5) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    rng = np.random.default_rng(seed)
    names = np.array(CINC2017_CLASSES)
    y = np.concatenate([np.arange(4), rng.choice(4, size=n - 4, p=[0.5, 0.2, 0.2, 0.1])])
    p = np.where(rng.random(n) < right, y, rng.integers(4, size=n))
    return names[y], names[p]


def copies(
    n: int, resamples: int, seed: int, **groups: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The same resamples as lists of record numbers, repeats and all."""
    weights = np.concatenate(list(resample_weights(n, resamples, seed=seed, **groups)))
    return [np.repeat(np.arange(n), w.astype(int)) for w in weights]


def test_equal_to_a_loop_over_copied_records() -> None:
    y, p = draw(0)
    kept = copies(150, 200, seed=5)
    loop = [
        f1_score(y[i], p[i], labels=list(CINC2017_CLASSES), average="macro", zero_division=0)
        for i in kept
    ]
    found = bootstrap_ci(y, p, four_class_f1, n=200, seed=5)
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(loop, [0.025, 0.975]), atol=1e-12
    )
    assert found.value == four_class_f1(y, p)


def test_auroc_equal_to_a_loop_over_copied_records_with_ties() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(120) < 0.3
    score = np.round(rng.normal(size=120) + y, 1)
    loop = [roc_auc_score(y[i], score[i]) for i in copies(120, 200, seed=2)]
    found = bootstrap_ci(y, score, auroc, n=200, seed=2, level=0.8)
    np.testing.assert_allclose([found.low, found.high], np.quantile(loop, [0.1, 0.9]), atol=1e-12)


def test_weights_are_multinomial_counts() -> None:
    weights = np.concatenate(list(resample_weights(50, 4000, seed=0)))
    assert weights.shape == (4000, 50)
    assert (weights.sum(axis=1) == 50).all()
    # each count is binomial(50, 1/50): mean 1, variance 0.98; two counts correlate by -1/49
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    assert weights.var() == pytest.approx(0.98, abs=0.02)
    correlation = np.corrcoef(weights.T)[np.triu_indices(50, 1)]
    assert correlation.mean() == pytest.approx(-1 / 49, abs=0.002)


def test_blocks_do_not_change_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(resample_weights(31, 50, seed=3))
    monkeypatch.setattr(bootstrap, "BLOCK", 31 * 7)
    blocks = list(resample_weights(31, 50, seed=3))
    assert [len(b) for b in blocks] == [7] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate(blocks), whole[0])


def test_accuracy_interval_is_the_binomial_one() -> None:
    y = np.zeros(2000, int)
    p = (np.arange(2000) < 600).astype(int)  # accuracy 0.7
    found = bootstrap_ci(y, p, accuracy, n=4000, seed=0)
    half = norm.ppf(0.975) * np.sqrt(0.7 * 0.3 / 2000)
    assert found.low == pytest.approx(0.7 - half, abs=0.1 * half)
    assert found.high == pytest.approx(0.7 + half, abs=0.1 * half)


def test_cluster_bootstrap_is_not_fooled_by_repeated_windows() -> None:
    y, p = draw(1, n=80)
    subject = np.arange(80)
    once = bootstrap_ci(y, p, four_class_f1, n=300, seed=4)
    y, p, subject = np.repeat(y, 9), np.repeat(p, 9), np.repeat(subject, 9)
    clustered = bootstrap_ci(y, p, four_class_f1, n=300, seed=4, groups=subject)
    assert (clustered.low, clustered.high) == pytest.approx((once.low, once.high), abs=1e-12)
    naive = bootstrap_ci(y, p, four_class_f1, n=300, seed=4)
    assert naive.high - naive.low < 0.5 * (once.high - once.low)


def test_clusters_of_unequal_size_come_along_whole() -> None:
    groups = np.array([7, 7, 7, 3, 3, 9])
    for i in copies(6, 40, seed=0, groups=groups):
        for g in np.unique(groups):
            counts = np.bincount(i, minlength=6)[groups == g]
            assert (counts == counts[0]).all()


def test_paired_difference_equals_the_loop() -> None:
    y, p_a = draw(2, n=200, right=0.6)
    p_b = np.where(np.random.default_rng(0).random(200) < 0.7, p_a, "N")
    found = paired_difference(y, p_a, p_b, cinc2017_score, n=300, seed=8)
    labels = list(CINC2017_CLASSES[:3])
    d = np.array(
        [
            f1_score(y[i], p_a[i], labels=labels, average="macro", zero_division=0)
            - f1_score(y[i], p_b[i], labels=labels, average="macro", zero_division=0)
            for i in copies(200, 300, seed=8)
        ]
    )
    np.testing.assert_allclose([found.low, found.high], np.quantile(d, [0.025, 0.975]), atol=1e-12)
    assert found.value == cinc2017_score(y, p_a) - cinc2017_score(y, p_b)
    assert found.p_value == pytest.approx(2 * (1 + min((d <= 0).sum(), (d >= 0).sum())) / 301)
    swapped = paired_difference(y, p_b, p_a, cinc2017_score, n=300, seed=8)
    assert swapped.value == -found.value
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert swapped.p_value == found.p_value


def test_paired_p_value_at_both_ends() -> None:
    y, p = draw(3, n=300)
    same = paired_difference(y, p, p, four_class_f1, n=99, seed=0)
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    perfect = paired_difference(y, y, p, four_class_f1, n=99, seed=0)
    assert perfect.p_value == 2 / 100
    assert str(perfect).endswith("], p = 0.020")


def test_coverage_and_false_alarms() -> None:
    """Of 300 data sets, 95 % of intervals hold the truth and 5 % of p-values are below 0.05."""
    rng = np.random.default_rng(0)
    held = alarms = 0
    for seed in range(300):
        y = rng.random(200) < 0.5
        p_a, p_b = (np.where(rng.random(200) < 0.8, y, ~y) for _ in range(2))
        interval = bootstrap_ci(y, p_a, accuracy, n=400, seed=seed)
        held += interval.low <= 0.8 <= interval.high
        alarms += paired_difference(y, p_a, p_b, accuracy, n=400, seed=seed).p_value < 0.05
    assert held / 300 == pytest.approx(0.95, abs=0.045)  # 3.5 standard errors
    assert alarms / 300 == pytest.approx(0.05, abs=0.045)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 1.0))
def test_interval_holds_the_value_and_widens_with_the_level(seed: int, right: float) -> None:
    y, p = draw(seed, n=200, right=right)
    wide = bootstrap_ci(y, p, accuracy, n=200, seed=seed, level=0.99)
    narrow = bootstrap_ci(y, p, accuracy, n=200, seed=seed, level=0.5)
    assert 0 <= wide.low <= narrow.low <= narrow.high <= wide.high <= 1
    assert wide.low <= wide.value <= wide.high
    assert bootstrap_ci(y, p, accuracy, n=200, seed=seed, level=0.5) == narrow


def test_perfect_predictions_have_no_width() -> None:
    y, _ = draw(0, n=400)
    assert bootstrap_ci(y, y, four_class_f1, n=100, seed=0) == Interval(1.0, 1.0, 1.0)


def test_prints_as_a_table_would() -> None:
    assert str(Interval(0.7634, 0.7498, 0.7771)) == "0.763 [0.750, 0.777]"


def test_unclear_input_is_refused() -> None:
    y, p = draw(0)
    with pytest.raises(ValueError, match="at least two records, not 1"):
        bootstrap_ci(["N"], ["N"], accuracy, seed=0)
    with pytest.raises(ValueError, match="at least two groups, not 1"):
        bootstrap_ci(y, p, accuracy, seed=0, groups=np.zeros(150))
    with pytest.raises(ValueError, match="150 records, but 3 groups"):
        bootstrap_ci(y, p, accuracy, seed=0, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="level"):
        bootstrap_ci(y, p, accuracy, seed=0, level=95)
    with pytest.raises(ValueError, match="number of resamples"):
        bootstrap_ci(y, p, accuracy, seed=0, n=0)
    with pytest.raises(ValueError, match="150 labels, but 149 predictions"):
        paired_difference(y, p, p[1:], accuracy, seed=0)
    one_positive = np.arange(150) == 3
    with pytest.raises(ValueError, match=r"undefined in \d+ of 200 resamples"):
        bootstrap_ci(one_positive, np.arange(150.0), auroc, n=200, seed=0)
    assert (
        bootstrap_ci(one_positive, one_positive, partial(class_f1, positive=True), seed=0).low == 0
    )
