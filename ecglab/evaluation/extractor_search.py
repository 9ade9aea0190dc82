"""DiffECG's architecture search (section 3.2): which part of a trained U-Net to read.

The candidates share the weights of one denoiser, so none has to be trained: a candidate is run
(``ecglab.diffusion.extractor``), its output is pooled, and a linear probe says what it knows.

- Score: macro-F1 of out-of-fold predictions. Every development subject is once a validation
  subject, of a probe that was trained on others. Test subjects take no part in the search.
- Features: mean and deviation over positions of the last map, for that is what an extractor hands
  on, and of signals its periodicity, without which rhythm is forgotten (``methods/pooling.py``).
  With all levels' maps, ``reads="all"``, a probe could go round what the search removes.
- The probe's penalty is C = 3 / d for d features: under it, the logits of wide and of narrow maps
  are expected to vary alike. One C for all would favour some width.
- Cost: multiply-accumulate operations.

Two searches. ``exhaust`` scores every extractor that stops somewhere: exact, and cheap, because
most of them begin alike. ``eliminate`` also leaves out single levels' blocks and attention, which
are too many choices to try all. It is our reading of the paper's "several optimization cycles", in
which "the search algorithm removes redundant components"; the paper gives no more than that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ecglab.data.pooling import pool_records
from ecglab.data.splits import kfold
from ecglab.data.windows import WindowSet
from ecglab.diffusion import UNetConfig
from ecglab.diffusion.extractor import Extractor, count_parameters, extract, macs_by_part
from ecglab.evaluation.bootstrap import (
    Difference,
    Interval,
    Metric,
    bootstrap_ci,
    paired_difference,
)
from ecglab.evaluation.metrics import macro_f1
from ecglab.evaluation.probe import fit_probe, linear_probe
from ecglab.methods.diffecg import DiffECGModality
from ecglab.methods.pooling import mean_and_deviation, periodicity
from ecglab.progress import progress

Reads = Literal["last", "all"]
PENALTY = 0.02
"""What the whole U-Net's operations cost, in macro-F1; fixed before the first search was run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """An extractor, what it knows and what it costs.

    Attributes:
        extractor: which parts run.
        predictions: each record's out-of-fold class, (n,).
        macro_f1: of these, with an interval over subjects.
        macs: multiply-accumulate operations of one window.
        parameters: of the parts that run.
        width: number of features.
    """

    extractor: Extractor
    predictions: NDArray[np.str_]
    macro_f1: Interval
    macs: int
    parameters: int
    width: int


def grid(config: UNetConfig) -> list[Extractor]:
    """Every extractor without holes: how deep, how much bottleneck, how much decoder.

    With attention at all levels or at none. Of L levels, 2 (L + 5 + 6 (L + 1)) extractors.
    """
    levels, found = len(config.multipliers), []
    for attends in (True, False):
        for depth in range(1, levels + 1):
            every = (True,) * depth
            bare = Extractor(
                blocks=every, attention=(attends,) * depth, middle_blocks=0, middle_attention=False
            )
            found.append(bare)
        found += [
            replace(bare, middle_blocks=blocks, middle_attention=middle, up=up)
            for blocks in (0, 1, 2)
            for middle in (False, True)
            for up in range(levels + 2)
            if blocks or middle or up
        ]
    return found


def removals(extractor: Extractor) -> list[Extractor]:
    """The extractors that lack one more part: what one cycle of ``eliminate`` tries.

    The decoder's end may be cut off at any stage: those extractors lie on the way to the last one.
    """
    found: list[Extractor] = []
    found += [replace(extractor, up=stages) for stages in range(extractor.up)]
    if extractor.middle_blocks:
        found.append(replace(extractor, middle_blocks=extractor.middle_blocks - 1))
    if extractor.middle_attention:
        found.append(replace(extractor, middle_attention=False))
    for i in range(len(extractor.blocks)):
        if extractor.blocks[i]:
            found.append(replace(extractor, blocks=_without(extractor.blocks, i)))
        if extractor.attention[i]:
            found.append(replace(extractor, attention=_without(extractor.attention, i)))
    if len(extractor.blocks) > 1 and not (extractor.bottleneck or extractor.up):
        blocks, attention = extractor.blocks[:-1], extractor.attention[:-1]
        found.append(replace(extractor, blocks=blocks, attention=attention))
    return found


def _without(kept: tuple[bool, ...], i: int) -> tuple[bool, ...]:
    return (*kept[:i], False, *kept[i + 1 :])


class ExtractorSearch:
    """A search over the sub-networks of one encoder's U-Net.

    Every score is kept, so an extractor that comes up twice is run once.

    Attributes:
        scored: what has been scored so far, by extractor.
        rows: the records, in the order of all predictions.
        classes: of the records.
        metric: macro-F1 over these classes.
    """

    def __init__(
        self,
        encoder: DiffECGModality,
        data: WindowSet,
        *,
        t: int | None = None,
        reads: Reads = "last",
        folds: int = 4,
        resamples: int = 1000,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        """Set out the development records.

        Args:
            encoder: the trained denoiser.
            data: windows of development records; a record's features are the mean over its windows.
            t: the noise step; None: as the encoder is configured.
            reads: the ``last`` map, or ``all`` that an extractor passes by.
            folds: of the cross-validation, by subject.
            resamples: of the bootstraps.
            seed: of folds, noise and resamples; all extractors see the same.
            verbose: show the progress of every round of scores.
        """
        self.encoder, self.t, self.reads = encoder, t, reads
        self.resamples, self.seed, self.verbose = resamples, seed, verbose
        self.config = encoder.options.unet
        self.rows, self._record_of = data.records()
        self._labels = self.rows["label"].to_numpy(dtype=str)
        self._folds = kfold(self._labels, self.rows["subject"], k=folds, seed=seed)
        self.classes = tuple(np.unique(self._labels).tolist())
        self.metric: Metric = partial(macro_f1, classes=self.classes)
        self._view = encoder.view(data)
        self._bootstrap: dict[str, Any] = {
            "n": resamples,
            "seed": seed,
            "groups": self.rows["subject"].to_numpy(),
        }
        self._macs = macs_by_part(encoder.network, self._view.shape[1:])
        self.scored: dict[Extractor, Scored] = {}

    def score(self, extractors: Iterable[Extractor]) -> list[Scored]:
        """Score extractors, those seen before from memory; in their order."""
        wanted = list(extractors)
        new = [e for e in dict.fromkeys(wanted) if e not in self.scored]
        for extractor, windows in self.features(self._view, new).items():
            x = pool_records(windows, self._record_of)
            predictions = linear_probe(
                x, self._labels, self._folds, C=3 / x.shape[1], seed=self.seed
            ).predictions
            self.scored[extractor] = Scored(
                extractor=extractor,
                predictions=predictions,
                macro_f1=bootstrap_ci(self._labels, predictions, self.metric, **self._bootstrap),
                macs=sum(self._macs[part] for part in extractor.parts(self.config)),
                parameters=count_parameters(self.encoder.network, extractor),
                width=x.shape[1],
            )
        return [self.scored[e] for e in wanted]

    @torch.no_grad()
    def features(
        self, view: torch.Tensor, extractors: Sequence[Extractor], *, batch_size: int = 64
    ) -> dict[Extractor, NDArray[np.float32]]:
        """Pooled maps of noisy windows by extractor, (n, d); the noise is the same for all."""
        schedule, network = self.encoder.schedule, self.encoder.network
        step = schedule.check(torch.tensor([self.encoder.options.t if self.t is None else self.t]))
        generator = torch.Generator().manual_seed(self.seed)
        pooled: dict[Extractor, list[torch.Tensor]] = {e: [] for e in extractors}
        batches = view.split(batch_size) if pooled else ()
        for x0 in progress(
            batches, f"{len(pooled)} extractors", enabled=self.verbose and len(pooled) > 0
        ):
            steps = step.expand(len(x0))
            xt = schedule.q_sample(x0, steps, torch.randn(x0.shape, generator=generator))
            for extractor, maps in extract(network, extractors, xt, steps):
                pooled[extractor].append(self._pool(maps, x0.shape[-1]))
        return {e: torch.cat(vectors).numpy() for e, vectors in pooled.items()}

    def _pool(self, maps: list[torch.Tensor], samples: int) -> torch.Tensor:
        """One vector per window from an extractor's maps; of windows that many samples long."""
        levels = mean_and_deviation(maps if self.reads == "all" else maps[-1:])
        if self.config.ndim != 1:
            return levels
        rate = self.encoder.spec.fs * maps[-1].shape[-1] / samples
        return torch.cat([levels, periodicity(maps[-1], rate)], dim=1)

    def exhaust(self) -> list[Scored]:
        """Score every extractor of ``grid``."""
        return self.score(grid(self.config))

    def eliminate(
        self, start: Extractor | None = None, *, penalty: float = PENALTY
    ) -> list[Scored]:
        """Greedy backward elimination: cycle by cycle, remove the part that is missed least.

        A cycle tries every single removal and takes the best by ``gain``. The search ends when no
        removal raises it any more.

        Args:
            start: where to begin; None: the whole U-Net.
            penalty: the compute's price, see ``gain``.

        Returns:
            The extractor of each cycle, ``start`` first.
        """
        path = self.score([start or Extractor.whole(self.config)])
        while True:
            cycle = self.score(removals(path[-1].extractor))
            best = max(cycle, key=lambda s: self.gain(s, penalty=penalty), default=path[-1])
            if self.gain(best, penalty=penalty) <= self.gain(path[-1], penalty=penalty):
                return path
            path.append(best)

    def gain(self, scored: Scored, *, penalty: float = PENALTY) -> float:
        """``macro-F1 - penalty * MACs / MACs of the whole U-Net``: what the searches maximise."""
        return scored.macro_f1.value - penalty * scored.macs / sum(self._macs.values())

    def choice(self, *, penalty: float = PENALTY) -> Scored:
        """The best of all that have been scored; of equals, the first."""
        return max(self.scored.values(), key=lambda s: self.gain(s, penalty=penalty))

    def difference(self, a: Extractor, b: Extractor) -> Difference:
        """macro-F1 of a less that of b, on the development records, resampled in pairs.

        Of two extractors that the search picked for their scores, this flatters the one it picked.
        ``confirm`` does not.
        """
        first, second = (s.predictions for s in self.score([a, b]))
        return paired_difference(self._labels, first, second, self.metric, **self._bootstrap)

    def confirm(
        self, extractors: Sequence[Extractor], test: WindowSet
    ) -> tuple[pd.DataFrame, dict[Extractor, NDArray[np.str_]]]:
        """Predictions for subjects that had no part in the search.

        Returns:
            The test records (``record``, ``subject``, ``label``), and each extractor's predictions
            for them, by a probe that was trained on all development records.

        Raises:
            ValueError: where a subject is among the development subjects.
        """
        rows, record_of = test.records()
        if common := set(rows["subject"]) & set(self.rows["subject"]):
            raise ValueError(f"subject {min(common)} is both searched on and tested on")
        known = self.features(self._view, extractors)
        unknown = self.features(self.encoder.view(test), extractors)
        predictions = {}
        for e in extractors:
            x = pool_records(known[e], self._record_of)
            probe = fit_probe(x, self._labels, C=3 / x.shape[1], seed=self.seed)
            predictions[e] = probe.predict(pool_records(unknown[e], record_of)).astype(str)
        return rows, predictions

    def table(self) -> pd.DataFrame:
        """All that have been scored, cheapest first; ``front`` marks the Pareto front."""
        rows = [
            {
                "name": s.extractor.name,
                "macro_f1": s.macro_f1.value,
                "low": s.macro_f1.low,
                "high": s.macro_f1.high,
                "macs": s.macs,
                "parameters": s.parameters,
                "width": s.width,
                "gain": self.gain(s),
            }
            for s in self.scored.values()
        ]
        found = pd.DataFrame(rows).sort_values(["macs", "macro_f1"], ascending=[True, False])
        best_so_far = found["macro_f1"].cummax().shift(fill_value=-np.inf)
        return found.assign(front=found["macro_f1"] > best_so_far).reset_index(drop=True)
