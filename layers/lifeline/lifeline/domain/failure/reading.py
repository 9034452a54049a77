"""Values of odd answers: each is read or ``None``, and nothing raises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping


def read_text(value: object) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def read_whole(value: object) -> int | None:
    """A whole number, also from a string or a float; anything else is ``None``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e12 else None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*-?[0-9]{1,12}\s*", value) else None
    return value if isinstance(value, int) and abs(value) < 10**12 else None


def read_share(value: object) -> float:
    """A number of the usage headers, 0 or more."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return 0.0
    return max(0.0, float(value))


def read_header(headers: Mapping[str, str], name: str) -> str | None:
    """A header by its name in lower case, however it is spelt."""
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == name:
            return value if isinstance(value, str) else None
    return None


def read_json(text: str | bytes | None) -> object:
    """What a JSON text says; ``None`` where there is none or it is broken."""
    if not text:
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed
