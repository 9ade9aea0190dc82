"""The profiles of ``profiles.toml``: one word scales every run."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The budgets of one profile; ``profiles.toml`` says what each field means."""

    name: str
    about: str
    records: int
    simulated: int
    fs: float
    band: tuple[float, float]
    order: int
    scaling: Literal["range", "zscore", "none"]
    dim: int
    multipliers: tuple[int, ...]
    head_width: int
    spectrogram_dim: int
    lorenz_dim: int
    semantic_fs: float
    semantic_hop: float
    semantic_blocks: int
    semantic_state: int
    semantic_strides: tuple[int, ...]
    semantic_dim: int
    semantic_multipliers: tuple[int, ...]
    semantic_objective: Literal["noise", "x0", "v"]
    semantic_steps: int
    semantic_lr: float
    dacl_steps: int
    dacl_vae_steps: int
    steps: int
    image_steps: int
    beat_steps: int
    batch_size: int
    lr: float
    warmup: int
    ema: float
    precision: str
    seeds: int
    resamples: int
    t_sweep: tuple[int, ...]
    weights: Literal["shipped", "train"]

    @property
    def limit(self) -> int | None:
        """How many records to use; None for all."""
        return self.records or None


def profile_names() -> list[str]:
    """Every profile, smallest first.

    >>> profile_names()
    ['smoke', 'laptop', 'gpu', 'paper']
    """
    return list(reversed(_tables()))


def load_profile(name: str) -> Profile:
    """The profile called ``name``.

    Raises:
        ValueError: for an unknown name.
    """
    tables = _tables()
    if name not in tables:
        raise ValueError(f"unknown profile {name!r}; there are {', '.join(profile_names())}")
    fields: dict[str, Any] = {}
    link: str | None = name
    while link is not None:
        fields = {**tables[link], **fields}
        link = tables[link].get("like")
    fields.pop("like", None)
    lists_to_tuples: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return Profile(name=name, **lists_to_tuples)


def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("ecglab").joinpath("profiles.toml").read_text(encoding="utf-8"))
