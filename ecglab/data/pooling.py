"""From windows back to the records they were cut from."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pool_records(
    window_features: ArrayLike, record_index: ArrayLike, *, std: bool = False
) -> NDArray[np.float32]:
    """One row per record: the mean over its windows and, if asked, their standard deviation.

    Args:
        window_features: (windows, d); embeddings or class probabilities.
        record_index: each window's record, (windows,), in 0 ... n - 1, in any order.
        std: append the (population) standard deviation; 0 for a record of one window.

    Returns:
        (n, d) float32, or (n, 2 d) with ``std``; sums are taken in float64.

    Raises:
        ValueError: for shapes that do not agree, features that are not finite, or a record in
            0 ... n - 1 without a window.
    """
    x, index = np.asarray(window_features, dtype=np.float64), np.asarray(record_index)
    if x.ndim != 2 or index.shape != x.shape[:1] or len(x) == 0:
        raise ValueError(f"features of shape {x.shape} and record_index of shape {index.shape}")
    if not np.issubdtype(index.dtype, np.integer) or index.min() < 0:
        raise ValueError("record_index must hold integers from 0 on")
    if not np.isfinite(x).all():
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        where = f"{len(bad)} of {len(x)} windows, first window {bad[0]}"
        raise ValueError(f"features are not finite in {where}")
    counts = np.bincount(index)
    if (counts == 0).any():
        raise ValueError(f"record {counts.argmin()} has no window")
    order = np.argsort(index, kind="stable")
    starts = np.cumsum(counts) - counts

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(values[order], starts) / counts[:, None]

    pooled = mean(x)
    if std:
        spread = np.sqrt(mean((x - pooled[index]) ** 2))
        return np.hstack([pooled, spread]).astype(np.float32)
    return pooled.astype(np.float32)
