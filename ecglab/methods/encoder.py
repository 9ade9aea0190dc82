"""A pre-trained encoder in one line, for arrays: ``load_pretrained(name).embed(signal, fs)``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ecglab.data.pooling import pool_records
from ecglab.data.record import Record
from ecglab.data.windows import WindowSet, WindowSpec, cut
from ecglab.methods.base import METHODS, Method
from ecglab.methods.pretrained import SHIPPED, load_weights, shipped

Traces = NDArray[Any] | Sequence[ArrayLike] | pd.DataFrame
"""Several single-lead traces: the rows of an array or a table, or a list of any lengths."""

SHORTEST = 2.0
"""Seconds; a shorter trace may not hold two beats."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A frozen, pre-trained method as a function of single-lead traces.

    Attributes:
        method: what it is made of.
    """

    method: Method

    def embed(
        self, signal: ArrayLike | Sequence[ArrayLike], fs: float, *, seed: int = 0
    ) -> NDArray[np.float32]:
        """One vector per trace: filtered, resampled and cut as the method reads it, then averaged.

        Args:
            signal: mV or any other unit: one trace (samples,), several of one length (n, samples),
                or a list of n traces of any lengths. A trace shorter than a window is centred
                between zeros. (A method that does not scale its windows needs mV.)
            fs: sampling rate, Hz.
            seed: of the noise that a diffusion encoder adds, drawn for each trace by itself.

        Returns:
            (d,) for one trace, (n, d) for several.

        Raises:
            ValueError: for another shape, no traces, a rate at which the method's band cannot be
                read, or a trace that is shorter than ``SHORTEST``, flat, or holds NaN.
        """
        elements: list[Any] = list(signal) if np.iterable(signal) else [signal]
        one = bool(elements) and np.ndim(elements[0]) == 0  # numbers, not traces
        traces = [signal] if one else elements
        if not traces:
            raise ValueError("there are no traces to embed")
        pieces, rows = [], []
        for i, trace in enumerate(traces):
            spec = self.method.spec
            found, places = cut(_record(np.asarray(trace), fs, f"trace {i}", spec), spec)
            pieces.append(found)
            rows += places
        data = WindowSet(
            signals=np.concatenate(pieces),
            table=pd.DataFrame(rows),
            spec=self.method.spec,
            source="arrays",
        )
        _, trace_of = data.records()
        # Noise is drawn anew for each trace: its vector does not depend on those it comes with.
        each = [np.flatnonzero(trace_of == i) for i in range(len(traces))]
        parts = [data.take(rows) for rows in each] if self.method.draws else [data]
        found = np.concatenate([self.method.embed(part, seed=seed) for part in parts])
        vectors = pool_records(found, trace_of)
        return vectors[0] if one else vectors


class EcgEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A pre-trained encoder as the first step of a scikit-learn ``Pipeline``.

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(EcgEmbedding(fs=300.0), LogisticRegression())

    Args:
        name: a method with shipped weights.
        fs: sampling rate of the traces, Hz.
    """

    def __init__(self, name: str = "diffecg-signal", fs: float = 300.0) -> None:
        self.name = name
        self.fs = fs

    def fit(self, X: Traces, y: ArrayLike | None = None) -> Self:
        """Load the encoder; of ``X`` one trace tells how long a vector is, nothing is learned."""
        self.encoder_ = load_pretrained(self.name)
        self._n_features_out = self._embed(X[:1]).shape[1]
        return self

    def transform(self, X: Traces) -> NDArray[np.float32]:
        """Vectors (n, d) of n traces.

        Raises:
            ValueError: for one trace by itself, and as ``Encoder.embed``.
            NotFittedError: before ``fit``.
        """
        check_is_fitted(self)
        return self._embed(X)

    def _embed(self, X: Traces) -> NDArray[np.float32]:
        """Apart from ``transform``, whose result scikit-learn may make a table of."""
        vectors = self.encoder_.embed(X.to_numpy() if isinstance(X, pd.DataFrame) else X, self.fs)
        if vectors.ndim == 1:
            raise ValueError("a pipeline takes several traces, (n, samples): give [trace]")
        return vectors


def load_pretrained(name: str) -> Encoder:
    """The encoder of a method whose weights, or whose parts' weights, come with the package.

    >>> encoder = load_pretrained("diffecg-signal")
    >>> encoder.embed(np.sin(np.arange(3000) / 40), fs=300).shape
    (768,)

    Args:
        name: of a folder of weights, which is that of its method (and ``-gpu`` for larger ones), or
            of a method that is made of such.

    Raises:
        ValueError: where none of that name are shipped; the message says which are.
    """
    parts = METHODS[name].made_of if name in METHODS else ()
    if not set(parts or [name]) <= set(shipped()):
        raise ValueError(f"no weights of {name!r} are shipped; there are: {', '.join(shipped())}")
    loaded = [load_weights(SHIPPED / part) for part in parts or [name]]
    return Encoder(method=METHODS[name](*loaded) if parts else loaded[0])


def _record(trace: NDArray[np.generic], fs: float, name: str, spec: WindowSpec) -> Record:
    """One trace, checked; brought to a span of 1, unless the method reads millivolts."""
    if trace.ndim != 1 or trace.dtype.kind not in "iuf":
        raise ValueError(f"{name}: a trace is (samples,) numbers, not {trace.shape} {trace.dtype}")
    if not fs > 0:
        raise ValueError(f"a sampling rate is positive, not {fs}")
    if len(trace) < SHORTEST * fs:
        raise ValueError(f"{name}: {len(trace) / fs:.2f} s, shorter than {SHORTEST:g} s")
    x = trace.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: {(~np.isfinite(x)).sum()} samples are NaN or infinite")
    if np.ptp(x) == 0:
        raise ValueError(f"{name}: the trace is flat")
    if spec.scaling != "none":  # else a trace in volts would pass for a flat one
        x = (x - x.mean()) / np.ptp(x)
    signal = x[None].astype(np.float32)
    return Record(id=name, dataset="arrays", subject=name, fs=fs, leads=("1",), signal=signal)
