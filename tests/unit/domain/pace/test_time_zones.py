"""The zones of the countries, from the table that tzdata ships."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from lifeline.domain.pace.time_zones import table, zones_in


def test_every_country_with_numbers_has_zones_that_exist() -> None:
    assert set(table()) >= set(phonenumbers.SUPPORTED_REGIONS)
    for country in table():
        assert zones_in(country)
        assert all(ZoneInfo(name) for name in zones_in(country))


@pytest.mark.parametrize(
    ("country", "zones"),
    [
        ("DE", ("Europe/Berlin",)),
        ("NZ", ("Pacific/Auckland", "Pacific/Chatham")),
        ("ES", ("Europe/Madrid", "Atlantic/Canary")),
        ("XK", ("Europe/Belgrade",)),
        ("ZZ", ()),
    ],
)
def test_one_zone_stands_for_those_that_keep_the_same_time(country: str, zones: tuple[str, ...]) -> None:
    assert zones_in(country) == zones
    assert set(zones) <= set(table().get(country, ()))


def test_a_large_country_keeps_those_that_differ() -> None:
    found = zones_in("US")
    assert {"America/New_York", "America/Phoenix", "America/Denver", "Pacific/Honolulu"} <= set(found)
    assert "America/Detroit" not in found, "the same offsets as New York"
