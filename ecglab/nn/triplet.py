"""The supervised triplet loss, and three ways to choose its triplets from a batch.

An anchor a should lie closer to a positive p (another sample of its class) than to a negative n (a
sample of another class), by a margin m: ``max(0, d(a, p) - d(a, n) + m)``, with d the Euclidean
distance of L2-normalised embeddings, between 0 and 2 (Schroff et al. 2015, FaceNet, eq. 2, which
squares d; not squared: Hermans et al. 2017). DACL (Zewail 2025) trains its encoder with it and
gives neither margin nor mining. The defaults here are the usual ones, margin 1 and batch-hard; on
its latents they collapse, and ``LatentLearnerConfig`` takes others.

- ``batch-hard``: each anchor with its farthest positive and its nearest negative (Hermans et al.
  2017, eq. 5).
- ``semi-hard``: each pair (a, p) with the nearest of the negatives that lie farther than p but
  within the margin, ``d(a, p) < d(a, n) < d(a, p) + m`` (Schroff et al. 2015, section 3.2).
- ``random``: uniform draws, with replacement, from all triplets that the labels allow; as many as
  there are anchors with a positive and a negative.

A sample without a positive (alone in its class) or without a negative (a batch of one class) is no
anchor and is left out.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

MINING = ("batch-hard", "semi-hard", "random")


class Triplets(NamedTuple):
    """Places in the batch of n anchors, their positives and their negatives, each (n,)."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


class TripletLossResult(NamedTuple):
    """The mean loss over the triplets, how many those were, and how many of them cost something."""

    loss: Tensor
    triplets: int
    violations: int


def embedding_distances(embeddings: Tensor) -> Tensor:
    """``|| x_i / |x_i| - x_j / |x_j| ||`` for all pairs: (batch, width) to (batch, batch).

    The gradient of a pair at distance 0 is 0.

    Raises:
        ValueError: for another shape, and for rows that are zero, NaN or infinite: they have no
            direction.
    """
    if embeddings.ndim != 2 or embeddings.shape[0] == 0:
        raise ValueError(f"embeddings must be (batch, width), not {tuple(embeddings.shape)}")
    norms = embeddings.detach().norm(dim=1)
    bad = (~(norms.isfinite() & (norms > 0))).nonzero().flatten().tolist()
    if bad:
        raise ValueError(f"embeddings in rows {bad[:10]} are zero, NaN or infinite")
    # Half-precision embeddings are compared in single precision.
    unit = F.normalize(embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)))
    return torch.cdist(unit, unit)


def mine_triplets(
    distances: Tensor,
    labels: Tensor,
    *,
    mining: str,
    margin: float,
    generator: Generator | None = None,
) -> Triplets:
    """Choose triplets of a batch; see the module for the three ways.

    Args:
        distances: between all pairs, (batch, batch).
        labels: integer classes, (batch,).
        mining: ``batch-hard``, ``semi-hard`` or ``random``.
        margin: m; only ``semi-hard`` looks at it.
        generator: only ``random`` draws.

    Returns:
        The triplets; none where the labels, or the margin, allow none.

    Raises:
        ValueError: for labels of another shape or dtype, an unknown mining, or random mining
            without a generator.
    """
    if labels.shape != distances.shape[:1] or labels.is_floating_point():
        raise ValueError(
            f"labels must be {len(distances)} integers, not {labels.dtype} {tuple(labels.shape)}"
        )
    same = labels[:, None] == labels
    different = ~same
    same = same.fill_diagonal_(False)  # nobody is their own positive
    if mining == "batch-hard":
        return _batch_hard(distances.detach(), same, different)
    if mining == "semi-hard":
        return _semi_hard(distances.detach(), same, different, margin)
    if mining == "random":
        return _random(same, different, generator)
    raise ValueError(f"mining must be one of {MINING}, not {mining!r}")


def _batch_hard(distances: Tensor, same: Tensor, different: Tensor) -> Triplets:
    anchor = (same.any(dim=1) & different.any(dim=1)).nonzero().flatten()
    positive = distances.masked_fill(~same, -torch.inf).argmax(dim=1)  # Hermans et al., eq. 5
    negative = distances.masked_fill(~different, torch.inf).argmin(dim=1)
    return Triplets(anchor, positive[anchor], negative[anchor])


def _semi_hard(distances: Tensor, same: Tensor, different: Tensor, margin: float) -> Triplets:
    # Row by row: the first of the sorted negatives that lies farther than each positive.
    ranked, order = distances.masked_fill(~different, torch.inf).sort(dim=1)
    first = torch.searchsorted(ranked, distances.contiguous(), right=True)
    within = ranked.gather(1, first) < distances + margin  # an infinity stands at each row's end
    anchor, positive = (same & within).nonzero(as_tuple=True)
    return Triplets(anchor, positive, order[anchor, first[anchor, positive]])


def _random(same: Tensor, different: Tensor, generator: Generator | None) -> Triplets:
    if generator is None:
        raise ValueError("random mining needs a generator")
    pool = (same.sum(dim=1) * different.sum(dim=1)).to(generator.device)  # triplets of each anchor
    n = int((pool > 0).sum())
    if n == 0:
        empty = torch.empty(0, dtype=torch.long, device=same.device)
        return Triplets(empty, empty, empty)
    anchor = torch.multinomial(pool.double(), n, replacement=True, generator=generator)
    anchor = anchor.to(same.device)
    positive, negative = (
        torch.multinomial(allowed[anchor].double().to(generator.device), 1, generator=generator)
        for allowed in (same, different)
    )
    return Triplets(anchor, positive[:, 0].to(anchor), negative[:, 0].to(anchor))


class TripletLoss(nn.Module):
    """``mean over triplets of max(0, d(a, p) - d(a, n) + m)``.

    The mean is over all mined triplets, those that cost nothing included. A batch without a triplet
    gives a loss of 0 with gradient 0, and says so by ``triplets = 0``.

    Args:
        margin: m, above 0; distances reach from 0 to 2.
        mining: ``batch-hard``, ``semi-hard`` or ``random``.

    Shapes: embeddings (batch, width), normalised here, and integer labels (batch,).

    Raises:
        ValueError: for embeddings or labels that cannot be used; see ``embedding_distances`` and
            ``mine_triplets``.

    >>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> loss = TripletLoss(margin=1.0)(embeddings, torch.tensor([0, 0, 1]))
    >>> loss.triplets, loss.violations
    (2, 2)
    """

    def __init__(self, *, margin: float = 1.0, mining: str = "batch-hard") -> None:
        super().__init__()
        if not 0 < margin < float("inf"):
            raise ValueError(f"the margin must be a finite number above 0, not {margin}")
        if mining not in MINING:
            raise ValueError(f"mining must be one of {MINING}, not {mining!r}")
        self.margin = margin
        self.mining = mining

    def forward(
        self, embeddings: Tensor, labels: Tensor, generator: Generator | None = None
    ) -> TripletLossResult:
        distances = embedding_distances(embeddings)
        a, p, n = mine_triplets(
            distances, labels, mining=self.mining, margin=self.margin, generator=generator
        )
        if len(a) == 0:
            return TripletLossResult(0 * embeddings.sum(), 0, 0)
        losses = F.relu(distances[a, p] - distances[a, n] + self.margin)  # FaceNet eq. 2, unsquared
        return TripletLossResult(losses.mean(), len(a), int((losses > 0).sum()))
