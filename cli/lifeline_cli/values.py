"""Times, spans, rates and messages as people write them: what can be checked here is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lifeline.contract.hours import field_of
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.contract.messages import ContractError, parse_message
from lifeline.contract.rates import parse_rate
from lifeline.contract.ways import WAYS

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
        raise usage(f"{option} {words[:40]!r} is too short", "The shortest span is one second.")
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
            f"{given[:40]!r} is not a time",
            "Write for example 2026-03-01T09:00:00Z, or 18:30 for UTC today.",
        ) from error


def person_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of a file says of a person, as messages and contacts say it: blanks stand between several
    devices, ``21-8`` are quiet hours. What is neither stays, and is refused with its line."""
    person = dict(fields)
    person |= {way.field: way.read(person[way.field]) for way in WAYS if way.field in person}
    return person | {name: field_of(person[name]) for name in ("quiet_hours",) if name in person}


def rate_of(words: str, option: str) -> str:
    """A rate as it is asked for (``10/s``, ``600/min``). Raises a usage error for what is none."""
    try:
        parse_rate(words)
    except ValueError as error:
        raise usage(f"{option}: {error}") from error
    return words


def sound(message: dict[str, Any]) -> dict[str, Any]:
    """A message that keeps the contract. Raises a usage error that names every fault."""
    body = json.dumps({"id": "by-hand", **message}, ensure_ascii=False)
    try:
        parse_message(body)
    except ContractError as error:
        raise usage("; ".join(error.reasons), "Nothing was sent.") from error
    return message
