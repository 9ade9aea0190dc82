"""Profiles: every field stated, every name known."""

import pytest

from ecglab.profiles import load_profile, profile_names


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_whole(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.steps > 0
    assert isinstance(profile.multipliers, tuple)


def test_profiles_inherit_what_they_do_not_state() -> None:
    smoke, laptop, paper = (load_profile(n) for n in ("smoke", "laptop", "paper"))
    assert smoke.lr == laptop.lr != paper.lr
    assert smoke.batch_size != laptop.batch_size == paper.batch_size
    assert paper.limit is None
    assert smoke.limit == smoke.records


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match="smoke, laptop, gpu, paper"):
        load_profile("cluster")
