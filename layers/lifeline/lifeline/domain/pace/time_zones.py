"""Time zones of the countries, by ISO 3166-1 code: the table that the package ``tzdata`` ships. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

_NOT_LISTED: Final[Mapping[str, tuple[str, ...]]] = {
    "AC": ("Atlantic/St_Helena",),
    "TA": ("Atlantic/St_Helena",),
    "XK": ("Europe/Belgrade",),
}
"""Ascension, Tristan da Cunha and Kosovo have numbers and no line in the table; they keep these zones."""
_MONTHS: Final = tuple(
    datetime(int(tzdata.IANA_VERSION[:4]) + later, month, 1, tzinfo=UTC)
    for later in (0, 1)
    for month in range(1, 13)
)
"""The months of the table's year (its version is ``2026f``) and of the next."""


@cache
def table() -> Mapping[str, tuple[str, ...]]:
    """Every country with all its zones, in the order of the table: ``zone.tab``, one zone a line."""
    from importlib.resources import files  # takes its time, and most functions ask for no zone

    zones: dict[str, tuple[str, ...]] = dict(_NOT_LISTED)
    for line in (files(tzdata) / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            zones[country] = (*zones.get(country, ()), name)
    return zones


@cache
def zones_in(country: str) -> tuple[str, ...]:
    """The zones of a country; empty for an unknown one. Of zones that keep the same offsets in all months
    of :data:`_MONTHS`, the first one stands for all."""
    offsets: dict[tuple[timedelta | None, ...], str] = {}
    for name in table().get(country, ()):
        zone = ZoneInfo(name)
        offsets.setdefault(tuple(month.astimezone(zone).utcoffset() for month in _MONTHS), name)
    return tuple(offsets.values())
