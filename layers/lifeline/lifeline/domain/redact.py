"""What no log, no history and no answer may hold: secrets and whole phone numbers. Pure."""

from __future__ import annotations

import re
from typing import Final

# An incident's id begins with a date, which is no phone number; Meta's support asks for a message's wamid.
_KEPT: Final = r"""
    (?P<kept>
      (?<![\w-])20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-(?:[01]\d|2[0-3])[0-5]\d[0-5]\d-[0-9a-f]{6}\b
    | \bwamid\.[\w+/=-]{8,}
    )
"""
_SECRETS: Final = re.compile(
    _KEPT
    + r"""
    | (?i:bearer\s+)[^\s"',;]+
    | (?i:access_token|input_token|exchange_token|revoke_token|verify_token|client_secret|appsecret_proof)
      (?:=|["']?\s*:\s*["']?)[^&\s"']+
    | \b(?i:EAA)[A-Za-z0-9]{8,}
    | \bEA[A-Za-z0-9]{16,}
    | \b(?i:sk)-[\w-]{8,}
    | \b\d{6,}\|[\w-]{8,}
    | \b[0-9a-fA-F]{32,}\b
    | (?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{32,}
    """,
    re.VERBOSE | re.ASCII,
)
_NUMBERS: Final = re.compile(_KEPT + r"| \+\d(?:[\s().-]{0,2}\d){6,} | \d{7,}", re.VERBOSE)


def redact(text: str) -> str:
    """``text`` with ``***`` for each secret, and ``***`` and the last three digits for each number of seven
    or more. An incident's id and a wamid stay whole."""
    return _NUMBERS.sub(_number, _SECRETS.sub(lambda found: found["kept"] or "***", text))


def _number(found: re.Match[str]) -> str:
    return found["kept"] or "***" + re.sub(r"\D", "", found[0])[-3:]
