"""Times as text, at the border only: inside, instants are epoch seconds in UTC and spans are seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from lifeline.contract.patterns import worded

INSTANT: Final = worded(
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$",
    "must be an instant with a time zone, such as 2030-03-01T09:00:00Z",
)
"""Pattern (JSON Schema) of an instant; :func:`parse_instant` says whether there is such a one."""


def parse_instant(text: str) -> float:
    """ISO 8601 with a zone (``2026-03-01T09:00:00Z``) to epoch seconds. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write for example 2026-03-01T09:00:00Z")
    try:
        # Also beyond the years 1 to 9999 only once in UTC: format_instant must be able to write it.
        return moment.astimezone(UTC).timestamp()
    except OverflowError as error:
        raise ValueError(f"{text!r} is not in the years 1 to 9999") from error


def format_instant(epoch: float) -> str:
    """Epoch seconds to ISO 8601 in UTC with milliseconds and ``Z``."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_or_none(epoch: float | None) -> str | None:
    """As :func:`format_instant`; none for none, and for 0, which stands for it in many records."""
    return format_instant(epoch) if epoch else None


def duration(seconds: float | None) -> str:
    """``75`` to ``1 min 15 s``; ``-`` for none."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    for size, unit, small, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {name}" if rest else "")
    return f"{whole} s"


def exact_duration(seconds: float | None) -> str:
    """As :func:`duration`, with tenths below 10 s and hundredths below 1 s."""
    if seconds is None or seconds >= 10:
        return duration(seconds)
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
