"""rate-status, volume and test on memory: what each finds, also where Meta refuses or cannot be reached."""

from __future__ import annotations

import pytest
from lifeline.domain.account.records import UsageReading
from lifeline.domain.failure.classify import Failure

from tests.support.account import EXPIRED, REFUSED, World, usage


@pytest.fixture
def world() -> World:
    return World()


def test_the_limiter_shows_what_was_used_and_what_is_left(world: World) -> None:
    bucket = int(world.clock() // 10) * 10
    world.control.record_outcomes("whatsapp", bucket, 30, {"rate_limit": 9}, 0)
    world.control.record_outcomes("whatsapp", bucket - 100, 500, {}, 0)
    world.control.reserve("whatsapp", 12, 1 / 65, 10, world.clock())
    found = world.rate()["limiter"]
    assert (found["rate"], found["burst"], found["used_last_minute"]) == (65, 10, 39)
    assert (found["tokens"], found["booked_ahead"]) == (0, 2)
    assert found["bulk"]["tokens"] == 5
    assert found["bulk"]["rate"] == 32.5


def test_meta_limits_stand_beside_it(world: World) -> None:
    found = world.rate()
    assert found["error"] is None
    assert found["meta"]["throughput_per_second"] == 80
    assert found["meta"]["tier_people_per_day"] == 10_000
    assert found["meta"]["quality"] == "GREEN"
    assert [shown["by"] for shown in found["usage"]] == ["this question"]


def test_headers_of_sends_are_shown_with_age_and_regain(world: World) -> None:
    keeper = world.usage_seen()
    keeper()
    assert world.control.kept(UsageReading).value.usage is None, "nothing was seen"
    world.meta.last_usage = usage(100, regain=600)
    keeper()
    world.clock.advance(60)
    shown = world.rate()["usage"][0]
    assert (shown["by"], shown["age_seconds"], shown["percent"]) == ("sends", 60, 100)
    assert shown["regain_in_seconds"] == 540
    world.clock.advance(600)
    shown = world.rate()["usage"][0]
    assert (shown["regain_at"], shown["regain_in_seconds"]) == (None, 0)


@pytest.mark.parametrize(("failure", "words"), [(EXPIRED, "token-status"), (REFUSED, "Wait for Meta")])
def test_a_meta_that_refuses_hides_nothing_of_ours(world: World, failure: Failure, words: str) -> None:
    world.meta.number = failure
    found = world.rate()
    assert found["meta"] is None
    assert words in found["error"]["remedy"]
    assert found["limiter"]["tokens"] == 9


def test_volume_is_what_the_counters_say(world: World) -> None:
    minute = int(world.clock() // 60) * 60
    world.control.count(minute - 600, {"o|SENT|normal|appointment|reminder": 3, "acc": 3})
    world.control.count(minute - 60, {"o|PARKED|bulk|promotion|promo_offer": 90, "e|rate_limit|130429": 4})
    world.control.count(minute - 7200, {"o|SENT|normal|-|-": 50})
    found = world.handlers["whatsapp.volume"]({})
    assert (found["hours"], found["total"], found["accepted"]) == (1, 93, 3)
    assert found["outcomes"] == [{"name": "PARKED", "count": 90}, {"name": "SENT", "count": 3}]
    assert found["peak"]["spike"]
    assert found["peak"]["made_of"][0]["template"] == "promo_offer"
    assert sum(bar["count"] for bar in found["bars"]) == 93
    assert sum(bar["limited"] for bar in found["bars"]) == 4
    assert world.handlers["whatsapp.volume"]({"hours": 3})["total"] == 143


def test_many_templates_are_summed_up(world: World) -> None:
    minute = int(world.clock() // 60) * 60
    world.control.count(minute, {f"o|SENT|normal|-|t{n:02d}": 1 for n in range(30)})
    listed = world.handlers["whatsapp.volume"]({})["templates"]
    assert len(listed) == 21
    assert listed[-1] == {"name": "10 others", "count": 10}
