"""Wavelet scattering: how strong each frequency is, and how it swells and fades.

No parameter is learned. A wavelet picks a band, the modulus keeps how strong it is at each moment,
a low-pass averages; a second wavelet keeps what the average would lose. kymatio does the work.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from kymatio.numpy import Scattering1D
from numpy.typing import NDArray

from ecglab.signals.filters import Signal

EPS = 0.01  # between typical coefficients of orders 1 and 2 of a z-scored ECG: both are bent
FMAX = 60.0  # Hz; after a band-pass to 40 Hz the filters above hold nothing and cost half the time
_BATCH = 16  # traces at a time: their spectra stay in the processor's cache


@dataclass(frozen=True, kw_only=True, eq=False)
class ScatteringBank:
    """The filters of a scattering transform and the axes of its result.

    Attributes:
        times: s, middle of each frame, (frames,).
        orders: 0, 1 or 2 for each coefficient, (coefficients,).
        first: Hz, centre of a coefficient's first wavelet; NaN for order 0.
        second: Hz, centre of its second wavelet; NaN for orders 0 and 1.
        frequencies: Hz, axis of the responses, (bins,).
        low_pass: response of the average, (bins,).
        wavelets: responses of the first order's wavelets, from high to low, (filters, bins).
        modulation: responses of the second order's wavelets, from high to low, (filters, bins).
    """

    times: NDArray[np.float64]
    orders: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    low_pass: NDArray[np.float64]
    wavelets: NDArray[np.float64]
    modulation: NDArray[np.float64]


def scattering(
    x: Signal,
    fs: float,
    *,
    J: int = 6,
    Q: int = 8,
    order: int = 2,
    fmax: float | None = FMAX,
    log: bool = True,
) -> NDArray[np.float32]:
    """Scattering coefficients of a batch of traces, one row of them per frame.

    S0 = x * φ,   S1(λ) = | x * ψ_λ | * φ,   S2(λ, μ) = | | x * ψ_λ | * ψ_μ | * φ

    with Morlet wavelets ψ_λ, Q per octave in the first order and one per octave in the second, μ
    below λ only, and a Gaussian low-pass φ. With ``log`` each S becomes log(1 + 100 |S|). Orders
    1 and 2 are not negative; of order 0 the size is kept, so that a lead worn the wrong way round
    changes nothing. Frames are 2^J samples apart, but φ is wider than that: its weight
    halves 1.9 · 2^J samples from the middle. At 300 Hz and J = 6 a frame every 0.21 s averages
    about 0.8 s, a whole beat. Traces are mirrored at their ends; a beat that is cut there makes a
    corner, and the first and last frames show it.

    Args:
        x: shape (batch, samples); z-scored, as the logarithm asks for one scale.
        fs: sampling rate, Hz.
        J: log2 of the averaging scale in samples; the slowest wavelet lies near 0.25 fs / 2^J Hz.
        Q: wavelets per octave of the first order.
        order: the highest order, 1 or 2; all orders up to it are returned, the zeroth too.
        fmax: leave out first-order wavelets centred above it, Hz; None for none.
        log: compress; False for S itself.

    Returns:
        float32, shape (batch, frames, coefficients); ``scattering_bank`` says what each one is.
        At 3,000 samples and 300 Hz: 47 frames of 81 coefficients (126 with all wavelets).

    Raises:
        ValueError: not two-dimensional; fewer samples than 2^J; NaN or infinite samples; J, Q or
            order out of range; an fmax below every wavelet.

    Source: Zewail, arXiv 2509.18424, Eqs. 1 and 2; Andén & Mallat 2014. The DACL paper gives
    neither J, Q nor a compression: J = 6, Q = 8 and the logarithm are ours; its constant was
    chosen by the coefficients' sizes, with a look at a probe of 473 records (0.1 to 0.001).
    """
    if x.ndim != 2:
        raise ValueError(f"signals must have shape (batch, samples), not {tuple(x.shape)}")
    bad = x.size - np.count_nonzero(np.isfinite(x))
    if bad:
        raise ValueError(f"signals have {bad} NaN or infinite samples of {x.size}")
    transform = _transform(x.shape[1], fs, J, Q, order, fmax)
    out = np.empty((len(x), _frames(transform), int(_kept(transform, fs, fmax).sum())), np.float32)
    for start in range(0, len(x), _BATCH):
        part = np.ascontiguousarray(x[start : start + _BATCH], np.float32)
        out[start : start + _BATCH] = transform(part).transpose(0, 2, 1)  # S0, S1, S2: eqs. 1, 2
    return np.log1p(np.abs(out) / np.float32(EPS)) if log else out  # log(1 + 100 |S|)


def scattering_bank(
    samples: int,
    fs: float,
    *,
    J: int = 6,
    Q: int = 8,
    order: int = 2,
    fmax: float | None = FMAX,
) -> ScatteringBank:
    """The filters and axes of ``scattering`` for traces of one length; arguments as there.

    A wavelet's response is real, about 1 at its centre, and 0 at negative frequencies.
    """
    transform = _transform(samples, fs, J, Q, order, fmax)
    meta, kept = transform.meta(), _kept(transform, fs, fmax)
    centres = np.full((len(kept), 2), np.nan)
    centres[:, :order] = meta["xi"] * fs
    padded = len(transform.phi_f["levels"][0])
    half = padded // 2 + 1
    hop = 2**J
    begin = transform.ind_start[J] * hop - transform.pad_left
    return ScatteringBank(
        times=(begin + hop * np.arange(_frames(transform))) / fs,
        orders=meta["order"][kept],
        first=centres[kept, 0],
        second=centres[kept, 1],
        frequencies=np.arange(half, dtype=np.float64) * (fs / padded),
        low_pass=_response(transform.phi_f, half),
        wavelets=np.stack([_response(psi, half) for psi in transform.psi1_f]),
        modulation=np.stack([_response(psi, half) for psi in transform.psi2_f]),
    )


@lru_cache(maxsize=8)
def _transform(
    samples: int, fs: float, J: int, Q: int, order: int, fmax: float | None
) -> Scattering1D:
    """kymatio's transform, its filters right at every level and in single precision (faster).

    kymatio 0.3 takes a mean where a sum belongs when it shortens a filter for a signal at every
    2^k-th sample, so that coefficients come out 2^k times too small and jump from octave to octave
    (its issue 984). Here every level has the height of the first.
    """
    if J < 1 or Q < 1 or order not in (1, 2):
        raise ValueError(f"J and Q must be at least 1 and order 1 or 2, not {J}, {Q} and {order}")
    if not fs > 0:
        raise ValueError(f"sampling rate must be positive, not {fs}")
    if samples < 2**J:
        raise ValueError(f"signal of {samples} samples is too short: J = {J} needs {2**J}")
    transform = Scattering1D(J=J, shape=samples, Q=Q, max_order=order)
    slowest = transform.psi1_f[-1]["xi"] * fs
    if fmax is not None:
        transform.psi1_f = [psi for psi in transform.psi1_f if psi["xi"] * fs <= fmax]
    if not transform.psi1_f:
        raise ValueError(f"no wavelet is left: the slowest is at {slowest:.2f} Hz, fmax is {fmax}")
    for filters in (transform.phi_f, *transform.psi1_f, *transform.psi2_f):
        height = filters["levels"][0].max()
        filters["levels"] = [
            (level * (height / level.max())).astype(np.float32) for level in filters["levels"]
        ]
    return transform


def _kept(transform: Scattering1D, fs: float, fmax: float | None) -> NDArray[np.bool_]:
    """Which of the full bank's coefficients are left: order 0, and those of slow first wavelets."""
    meta = transform.meta()
    top = np.inf if fmax is None else fmax
    kept: NDArray[np.bool_] = (meta["order"] == 0) | (meta["xi"][:, 0] * fs <= top)
    return kept


def _frames(transform: Scattering1D) -> int:
    return int(transform.ind_end[transform.J] - transform.ind_start[transform.J])


def _response(filters: dict[str, Any], half: int) -> NDArray[np.float64]:
    """A filter's response at non-negative frequencies."""
    response: NDArray[np.float64] = filters["levels"][0][:half].astype(np.float64)
    return response
