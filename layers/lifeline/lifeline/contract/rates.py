"""Rates as text: what operators write and read, messages per second inside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MIN_RATE: Final = 0.2
"""Slowest rate above 0, messages per second: 12 a minute, one in five seconds."""
MAX_RATE: Final = 1000.0
"""Fastest rate that an operator may set, messages per second: Meta's level HIGH."""
_EPSILON: Final = 1e-9
_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:/\s*(s|sec|second|min|minute|h|hour))?")
_UNIT: Final[Mapping[str, int]] = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}


def parse_rate(text: str) -> float:
    """``10/s``, ``600/min``, ``0.5/s`` or ``0`` (hold) to messages per second.

    Raises ``ValueError`` that says what a rate looks like, for text that is none and for rates that are not 0
    or 0.2/s to 1000/s.
    """
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a rate; write for example 10/s, 600/min, 0.5/s, or 0 to hold")
    number, unit = float(match[1]), match[2]
    if unit is None and number:
        raise ValueError(f"{text[:40]!r} has no unit; write {match[1]}/s or {match[1]}/min")
    rate = number / _UNIT[unit or "s"]
    if rate and not MIN_RATE - _EPSILON <= rate <= MAX_RATE + _EPSILON:
        raise ValueError(
            f"{text[:40]!r} is {rate:g}/s; a rate is 0 (hold) or from {MIN_RATE:g}/s to {MAX_RATE:g}/s"
        )
    return rate


def format_rate(rate: float) -> str:
    """Messages per second as ``parse_rate`` reads it."""
    return f"{rate:.9f}".rstrip("0").rstrip(".") + "/s" if rate else "0"
