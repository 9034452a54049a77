"""Quiet hours: by the number's country, in all of its zones, and by the message's own zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.pace.quiet import QuietHours, Rest, quiet_until, zones_of
from lifeline.domain.pace.time_zones import table, zones_in

NIGHT = QuietHours(21, 8)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


def test_the_country_code_gives_the_zones() -> None:
    assert zones_of("+4915112345678") == ("Europe/Berlin",)
    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones_of("+12125550100"))
    assert len(zones_of("+79161234567")) == 11
    assert zones_of("+18765550123") == ("America/Jamaica",), "one area code of +1"
    assert zones_of("nothing") == ()


def test_the_message_knows_better() -> None:
    assert zones_of("+12125550100", "America/Denver") == ("America/Denver",)
    assert zones_of("+4915112345678", "Nowhere/Land") == ("Europe/Berlin",)


def test_hours_of_a_person_go_before_the_setting_and_survive_their_row() -> None:
    noon = utc(2026, 1, 10, 12)
    rest = Rest(("Europe/Berlin",), QuietHours(11, 14.5))
    assert rest.written() == "Europe/Berlin 11-14.5"
    assert Rest.read("Europe/Berlin 11-14.5 Mars/Olympus") == rest
    assert rest.until(noon, NIGHT) == utc(2026, 1, 10, 13, 30)
    assert Rest(("Europe/Berlin",), QuietHours()).until(utc(2026, 1, 10, 20), NIGHT) is None
    assert Rest.read("Europe/Berlin").until(utc(2026, 1, 10, 20), NIGHT) == utc(2026, 1, 11, 7)
    assert Rest((), QuietHours(11, 14)).written() is None


def test_night_ends_in_the_morning_there() -> None:
    zones = ("Europe/Berlin",)
    assert quiet_until(utc(2026, 1, 10, 12), zones, NIGHT) is None
    assert quiet_until(utc(2026, 1, 10, 20), zones, NIGHT) == utc(2026, 1, 11, 7)
    assert quiet_until(utc(2026, 1, 11, 3), zones, NIGHT) == utc(2026, 1, 11, 7)
    assert quiet_until(utc(2026, 1, 11, 7), zones, NIGHT) is None


def test_a_country_of_many_zones_is_quiet_where_any_is() -> None:
    zones = zones_of("+12125550100")
    assert quiet_until(utc(2026, 1, 10, 15), zones, NIGHT) == utc(2026, 1, 10, 18), "Adak wakes at 18:00 UTC"
    assert quiet_until(utc(2026, 1, 10, 20), zones, NIGHT) is None
    assert quiet_until(utc(2026, 1, 11, 2, 30), zones, NIGHT) == utc(2026, 1, 11, 18), "late in New York"


def test_where_no_hour_suits_all_the_middle_zone_decides() -> None:
    zones = ("Pacific/Honolulu", "Europe/Berlin", "Asia/Tokyo")
    assert quiet_until(utc(2026, 1, 10, 12), zones, NIGHT) is None
    assert quiet_until(utc(2026, 1, 10, 23), zones, NIGHT) == utc(2026, 1, 11, 7)


def test_the_clock_change_moves_no_morning() -> None:
    assert quiet_until(utc(2026, 3, 28, 22), ("Europe/Berlin",), NIGHT) == utc(2026, 3, 29, 6)


def test_none_are_kept_by_default() -> None:
    assert quiet_until(utc(2026, 1, 10, 1), ("Europe/Berlin",), QuietHours()) is None
    with pytest.raises(ValueError, match="start"):
        QuietHours(24, 8)


@given(
    st.floats(1.7e9, 1.9e9),
    st.sampled_from(sorted(table())),
    st.integers(0, 23),
    st.integers(0, 23),
)
def test_when_it_is_over_it_is_over(now: float, country: str, start: int, end: int) -> None:
    zones = zones_in(country)
    hours = QuietHours(start, end)
    until = quiet_until(now, zones, hours)
    if until is not None:
        assert now < until < now + 4 * 86_400
        assert quiet_until(until, zones, hours) is None


def test_zones_of_a_user_id_are_those_of_its_country_or_of_the_default_region() -> None:
    assert zones_of("DE.1349") == zones_of("+4915112345678")
    assert "America/New_York" in zones_of("US.1349")
    assert zones_of("ZZ.1349") == ()
    assert zones_of("ZZ.1349", default="de") == zones_of("DE.1349")
    assert zones_of("DE.1349", "Asia/Tokyo", "US") == ("Asia/Tokyo",)
