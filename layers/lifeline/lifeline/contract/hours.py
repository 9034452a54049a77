"""A person's own quiet hours, as messages and contacts give them: ``{"start": 21.5, "end": 8}``.

Hours of the day where the person is, as in the setting ``quiet``; equal ones: never quiet. Files of contacts
and campaigns, and the contacts table, write ``21.5-8``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

Hours = tuple[float, float]
"""Start and end."""

_HOUR: Final[dict[str, Any]] = {"type": "number", "minimum": 0, "maximum": 23.99}
HOURS: Final[dict[str, Any]] = {
    "type": "object",
    "title": "QuietHours",
    "additionalProperties": False,
    "required": ["start", "end"],
    "properties": {"start": dict(_HOUR), "end": dict(_HOUR)},
    "description": "Local hours in which what can wait is not sent; equal ones: none.",
}
"""JSON Schema of the field ``quiet_hours``."""
WORDS: Final = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,6})?)-([0-9]{1,2}(?:\.[0-9]{1,6})?)")


def hours_of(given: Mapping[str, Any] | None) -> Hours | None:
    """The hours of a field that fits :data:`HOURS`."""
    return (float(given["start"]), float(given["end"])) if given else None


def read_hours(text: str) -> Hours | None:
    """``21.5-8`` as hours; ``None`` where it is no such text."""
    match = WORDS.fullmatch(text.strip())
    return (float(match[1]), float(match[2])) if match else None


def written(hours: Hours) -> str:
    """As :func:`read_hours` reads it."""
    return f"{hours[0]:g}-{hours[1]:g}"


def field_of(text: str) -> dict[str, float] | str:
    """What :data:`HOURS` describes, from a field of a CSV file; the text itself where it is no hours."""
    hours = read_hours(text)
    return {"start": hours[0], "end": hours[1]} if hours else text
