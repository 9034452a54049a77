"""The secret's cache, its versions, and a call whose token was replaced meanwhile."""

from __future__ import annotations

from lifeline.adapters.secrets import CACHE_SECONDS

from tests.support.memory import Clock
from tests.support.secrets import NEW, OLD, Manager, secrets


def test_the_secret_is_read_once_in_a_short_time_and_at_once_after_a_drop() -> None:
    manager, clock = Manager(), Clock()
    cache = secrets(manager, clock)
    assert CACHE_SECONDS <= 60
    assert [cache.get("access_token") for _ in range(3)] == [OLD] * 3
    assert manager.reads == 1
    clock.advance(CACHE_SECONDS)
    cache.get("access_token")
    assert manager.reads == 2
    cache.drop()
    cache.get("access_token")
    assert manager.reads == 3


def test_many_refusals_at_once_read_the_secret_once_a_second() -> None:
    manager, clock = Manager(), Clock()
    cache = secrets(manager, clock)
    cache.get("access_token")
    clock.advance(5)
    assert [cache.renewed(OLD) for _ in range(32)] == [OLD] * 32
    assert manager.reads == 2
    manager.values["access_token"] = NEW
    clock.advance(1)
    assert [cache.renewed(OLD) for _ in range(32)] == [NEW] * 32
    assert manager.reads == 3
