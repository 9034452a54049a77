"""Times and spans as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lifeline.contract.instants import format_instant, parse_instant

from lifeline_cli.errors import usage

_SPAN: Final = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,3})?[smhd])+")
_PART: Final = re.compile(r"([0-9.]+)([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(words: str, option: str) -> float:
    """``90s``, ``30m``, ``2h``, ``1d``, ``1h30m`` to seconds. Raises a usage error for anything else."""
    given = words.strip().lower().replace(" ", "")
    if not _SPAN.fullmatch(given):
        raise usage(
            f"{option} {words[:40]!r} is not a span of time", "Write for example 90s, 30m, 2h, 1d or 1h30m."
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(given))
    if seconds < 1:
        raise usage(f"{option} {words[:40]!r} is too short", "One second is the shortest span.")
    return seconds


def instant_of(words: str, now: datetime | None = None) -> str:
    """ISO 8601 with a zone, or a time of day in UTC (the next such one), to an instant in UTC."""
    given = words.strip()
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", given):
        now = now or datetime.now(UTC)
        parts = [int(part) for part in given.split(":")]
        try:
            moment = now.replace(
                hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0, microsecond=0
            )
        except ValueError as error:
            raise usage(f"{given} is not a time of day ({error})") from error
        return format_instant((moment if moment > now else moment + timedelta(days=1)).timestamp())
    try:
        return format_instant(parse_instant(given))
    except (ValueError, OverflowError) as error:
        raise usage(
            f"{given[:40]!r} is not an instant",
            "Write for example 2026-03-01T09:00:00Z, or 18:30 for UTC today.",
        ) from error
