"""The triplet loss against pytorch-metric-learning, slow loops and examples by hand."""

import math
from collections import Counter
from itertools import product

import pytest
import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import MeanReducer
from scipy.stats import chisquare
from torch import Tensor

from ecglab.nn.triplet import MINING, TripletLoss, embedding_distances, mine_triplets

MARGINS = [0.1, 0.5, 1.0]


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(n: int = 40, *, alone: bool = True) -> tuple[Tensor, Tensor]:
    """Embeddings of four unequal classes that overlap; with ``alone``, a class of one sample."""
    labels = torch.tensor([0, 1, 1, 2, 2, 2, 3, 3, 3, 3]).repeat(n // 10)
    x = torch.randn(n, 5, generator=seeded(0)) + 0.8 * torch.eye(5)[labels]
    if alone:
        labels[7] = 4
    return x.requires_grad_(), labels


def valid(labels: Tensor) -> list[tuple[int, int, int]]:
    """All triplets that the labels allow, by the definition."""
    y = labels.tolist()
    return [
        (a, p, n)
        for a, p, n in product(range(len(y)), repeat=3)
        if a != p and y[a] == y[p] and y[a] != y[n]
    ]


def mined(x: Tensor, labels: Tensor, mining: str, margin: float = 1.0) -> list[tuple]:
    triplets = mine_triplets(
        embedding_distances(x), labels, mining=mining, margin=margin, generator=seeded()
    )
    return list(zip(*(part.tolist() for part in triplets), strict=True))


def reference(margin: float) -> TripletMarginLoss:
    """Its default leaves triplets without cost out of the mean; ours counts all, as Hermans."""
    return TripletMarginLoss(margin=margin, reducer=MeanReducer())


def check_equal(ours: Tensor, theirs: Tensor, x: Tensor) -> None:
    torch.testing.assert_close(ours, theirs)
    mine, other = (torch.autograd.grad(loss, x)[0] for loss in (ours, theirs))
    assert other.abs().max() > 1e-3
    torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("alone", [True, False])
def test_batch_hard_equals_the_library(margin: float, alone: bool) -> None:
    x, labels = batch(alone=alone)
    result = TripletLoss(margin=margin)(x, labels)
    theirs = reference(margin)(x, labels, BatchHardMiner()(x, labels))
    check_equal(result.loss, theirs, x)
    assert result.triplets == 40 - alone  # a sample alone in its class is no anchor


@pytest.mark.parametrize("margin", MARGINS)
def test_semi_hard_equals_the_library(margin: float) -> None:
    """The library keeps every semi-hard negative; of these, the nearest of each pair is ours."""
    x, labels = batch()
    distances = embedding_distances(x)
    miner = TripletMarginMiner(margin=margin, type_of_triplets="semihard")
    nearest: dict[tuple[int, int], int] = {}
    for a, p, n in zip(*(part.tolist() for part in miner(x, labels)), strict=True):
        best = nearest.get((a, p))
        if best is None or distances[a, n] < distances[a, best]:
            nearest[a, p] = n
    expected = [(a, p, n) for (a, p), n in nearest.items()]
    assert sorted(mined(x, labels, "semi-hard", margin)) == sorted(expected)
    assert len(expected) > 20
    result = TripletLoss(margin=margin, mining="semi-hard")(x, labels)
    theirs = reference(margin)(x, labels, tuple(torch.tensor(expected).T))
    check_equal(result.loss, theirs, x)
    assert result.triplets == result.violations == len(expected)  # semi-hard always costs something


def test_random_mining_has_the_mean_of_all_triplets() -> None:
    """Its loss is an unbiased estimate of the library's loss over every triplet."""
    x, labels = batch()
    loss, generator = TripletLoss(margin=0.5, mining="random"), seeded()
    draws = torch.stack([loss(x, labels, generator).loss.detach() for _ in range(400)])
    expected = reference(0.5)(x, labels)
    assert (draws.mean() - expected).abs() < 4 * draws.std() / math.sqrt(len(draws))
    assert draws.std() / math.sqrt(len(draws)) < 0.02 * expected


def test_random_mining_is_uniform_over_all_triplets() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    distances, generator = torch.rand(6, 6), seeded()
    counts: Counter[tuple[int, ...]] = Counter()
    for _ in range(1000):
        drawn = mine_triplets(distances, labels, mining="random", margin=1.0, generator=generator)
        assert len(drawn.anchor) == 5  # as many as there are anchors; the last sample is none
        counts.update(zip(*(part.tolist() for part in drawn), strict=True))
    allowed = valid(labels)
    assert set(counts) == set(allowed)
    assert chisquare([counts[t] for t in allowed]).pvalue > 0.01


@pytest.mark.parametrize("margin", MARGINS)
def test_mining_as_slow_loops(margin: float) -> None:
    x, labels = batch(20)
    d = embedding_distances(x).tolist()
    allowed = valid(labels)
    hard, semi = {}, {}
    for a, p, n in allowed:
        if a not in hard or d[a][p] - d[a][n] > d[a][hard[a][0]] - d[a][hard[a][1]]:
            hard[a] = (p, n)
        if d[a][p] < d[a][n] < d[a][p] + margin and (
            (a, p) not in semi or d[a][n] < d[a][semi[a, p]]
        ):
            semi[a, p] = n
    assert mined(x, labels, "batch-hard") == [(a, *pn) for a, pn in sorted(hard.items())]
    assert mined(x, labels, "semi-hard", margin) == [(*ap, n) for ap, n in sorted(semi.items())]
    assert set(mined(x, labels, "random")) <= set(allowed)


def test_points_on_a_circle_by_hand() -> None:
    """Angles 0, 60 and 180 degrees, classes 0, 0 and 1: chords of 1, 2 and sqrt(3)."""
    angles = torch.tensor([0.0, math.pi / 3, math.pi])
    x = torch.stack([angles.cos(), angles.sin()], dim=1) * torch.tensor([[5.0], [0.1], [1.0]])
    labels = torch.tensor([0, 0, 1])
    torch.testing.assert_close(embedding_distances(x)[2], torch.tensor([2.0, math.sqrt(3), 0.0]))
    result = TripletLoss(margin=1.0)(x, labels)
    assert result.loss.item() == pytest.approx((0 + (2 - math.sqrt(3))) / 2, abs=1e-6)
    assert (result.triplets, result.violations) == (2, 1)
    assert mined(x, labels, "semi-hard", 0.5) == []
    assert mined(x, labels, "semi-hard", 0.8) == [(1, 0, 2)]


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("n", [4, 60])
def test_equal_embeddings_have_a_finite_gradient(mining: str, n: int) -> None:
    """All at distance 0, as an encoder gives constant features."""
    x = torch.ones(n, 3, requires_grad=True)
    labels = torch.arange(n) % 2
    loss, triplets, _ = TripletLoss(margin=0.7, mining=mining)(x, labels, seeded())
    loss.backward()
    assert x.grad.isfinite().all()
    if mining == "semi-hard":  # no negative lies farther than a positive
        assert (loss.item(), triplets) == (0, 0)
    else:
        assert loss.item() == pytest.approx(0.7, abs=1e-3)
        assert triplets == n


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize(
    "labels", [[3, 3, 3, 3], [0, 1, 2, 3], [5]], ids=["one class", "all alone", "one sample"]
)
def test_a_batch_without_a_triplet_costs_nothing_and_says_so(mining: str, labels: list) -> None:
    x = torch.randn(len(labels), 3, generator=seeded()).requires_grad_()
    result = TripletLoss(mining=mining)(x, torch.tensor(labels), seeded())
    assert (result.loss.item(), result.triplets, result.violations) == (0, 0, 0)
    result.loss.backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("mining", MINING)
def test_gradients(mining: str) -> None:
    x, labels = batch(10)
    x = x.detach().double().requires_grad_()
    loss = TripletLoss(margin=0.5, mining=mining)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels, seeded()).loss, (x,))


def test_half_precision_embeddings_are_compared_in_single_precision() -> None:
    x, labels = batch()
    x = x.detach().bfloat16()
    loss = TripletLoss(margin=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(x, labels).loss, loss(x.float(), labels).loss)


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_embeddings_without_a_direction_are_named(bad: float) -> None:
    x, labels = batch()
    x = x.detach()
    x[3] = bad
    with pytest.raises(ValueError, match=r"rows \[3\] are zero, NaN or infinite"):
        TripletLoss()(x, labels)


def test_what_the_loss_refuses() -> None:
    x, labels = batch()
    with pytest.raises(ValueError, match="labels must be 40 integers"):
        TripletLoss()(x, labels[:39])
    with pytest.raises(ValueError, match=r"labels must be 40 integers, not torch\.float32"):
        TripletLoss()(x, labels.float())
    with pytest.raises(ValueError, match=r"\(batch, width\), not \(0, 5\)"):
        TripletLoss()(x[:0], labels[:0])
    with pytest.raises(ValueError, match="needs a generator"):
        TripletLoss(mining="random")(x, labels)
    with pytest.raises(ValueError, match="mining must be one of"):
        TripletLoss(mining="hardest")
    with pytest.raises(ValueError, match="mining must be one of"):
        mine_triplets(torch.rand(40, 40), labels, mining="hardest", margin=1.0)
    for margin in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="margin must be"):
            TripletLoss(margin=margin)
