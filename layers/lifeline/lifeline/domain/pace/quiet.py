"""Quiet hours: when a person is not to be disturbed by what can wait. Pure; the offsets come from zoneinfo.

The zone is the message's own (``recipient.time_zone``), the contact's, or follows from the number's country.
A number does not say in which of its country's zones the person is, so it is quiet when it is quiet in any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lifeline.contract.hours import read_hours, written
from lifeline.contract.patterns import is_bsuid
from lifeline.domain.pace.time_zones import zones_in

_TWO_DAYS: Final = 172_800.0
CRITICAL: Final = "critical"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to ``end``, local hours of the day (21.5: half past nine at night). Equal: none."""

    start: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not 0 <= value < 24:
                raise ValueError(f"{name} must be from 0 to below 24, not {value}")

    @property
    def any(self) -> bool:
        """Whether there are quiet hours at all."""
        return self.start != self.end


@dataclass(frozen=True, slots=True)
class Rest:
    """The zones in which a person may be, and hours of their own (``None``: the deployment's)."""

    zones: tuple[str, ...]
    hours: QuietHours | None = None

    def until(self, now: float, setting: QuietHours) -> float | None:
        """When it is over (epoch seconds); ``None`` when it is not quiet. ``setting``: the deployment's."""
        return quiet_until(now, self.zones, self.hours or setting)

    def written(self) -> str | None:
        """For a row: ``Europe/Berlin``, with own hours ``Europe/Berlin 21.5-8``; ``None`` without a zone."""
        own = [written((self.hours.start, self.hours.end))] if self.hours else []
        return " ".join([*self.zones, *own]) if self.zones else None

    @classmethod
    def read(cls, text: str) -> Rest:
        """What :meth:`written` wrote; words that this version does not know are left out."""
        hours = [own for word in text.split() if (own := read_hours(word))]
        zones = tuple(word for word in text.split() if is_zone(word))
        return cls(zones, QuietHours(*hours[0]) if hours else None)


def zones_of(who: str, override: str | None = None, default: str = "") -> tuple[str, ...]:
    """The zones in which the owner of a number may be, westernmost first; empty where nothing is known.

    ``who``: the number in E.164, or a business-scoped user id, which begins with its country; for one that
    does not exist ``default`` (ISO 3166-1) stands in.

    An ``override`` that names no zone is as good as none. A number of a calling code that several countries
    share (+1) and of no known area may be in any of them.
    """
    if override and is_zone(override):
        return (override,)
    if is_bsuid(who):
        return _zones((who[:2],)) or _zones((default.upper(),))
    import phonenumbers  # large, and who only knows the hours needs none of it

    try:
        number = phonenumbers.parse(who, None)
    except phonenumbers.NumberParseException:
        return ()
    region = phonenumbers.region_code_for_number(number)
    regions = (region,) if region else phonenumbers.region_codes_for_country_code(number.country_code or 0)
    return _zones(tuple(regions))


@lru_cache(maxsize=512)
def _zones(regions: tuple[str, ...]) -> tuple[str, ...]:
    names = {name for region in regions for name in zones_in(region)}
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    return tuple(sorted(names, key=lambda name: (ZoneInfo(name).utcoffset(new_year) or timedelta(), name)))


@lru_cache(maxsize=512)
def is_zone(name: str) -> bool:
    """Whether the IANA time zone database has this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def quiet_until(now: float, zones: Sequence[str], hours: QuietHours) -> float | None:
    """When the quiet hours of all ``zones`` are over (epoch seconds); none when it is not quiet now.

    Where the zones lie so far apart that no hour of the day suits them all, the middle one decides.
    """
    if not hours.any or not zones:
        return None
    at = now
    while True:
        ends = [end for zone in zones if (end := _end(at, zone, hours)) is not None]
        if not ends:
            return at if at > now else None
        at = max(ends)
        if at - now > _TWO_DAYS and len(zones) > 1:
            return quiet_until(now, (zones[len(zones) // 2],), hours)


def _end(at: float, zone: str, hours: QuietHours) -> float | None:
    """The end of the quiet hours in one zone, none when it is not quiet there."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    hour = local.hour + local.minute / 60 + local.second / 3600 + local.microsecond / 3.6e9
    quiet = hours.start <= hour < hours.end
    if hours.start > hours.end:
        quiet = hour >= hours.start or hour < hours.end
    if not quiet:
        return None
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if hour >= hours.end:
        midnight += timedelta(days=1)
    # Wall-clock arithmetic: the end is at that hour also on a day on which the clocks change.
    end = (midnight + timedelta(hours=hours.end)).timestamp()
    return end if end > at else at + 60.0
