"""What no log, no history and no answer may hold: secrets, mail addresses and whole phone numbers. Pure."""

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
# Starts only where a run of its characters starts: else a long text is read once from each of them.
_MAILS: Final = re.compile(r"(?<![\w.+-])[\w.+-]+(?:'[\w.+-]+){0,3}(?:@|%40)[\w-]+(?:\.[\w-]+)+")
# What people put between digits: blanks of any width, brackets, slashes, full stops, hyphens and dashes.
_BETWEEN: Final = r"[\s()/.\-\u2010-\u2015\u2212]{0,3}"
_NUMBERS: Final = re.compile(
    _KEPT
    # +49 151 ..., then 0049 151 ... and 0151 ...: a zero in front, as no time of day or fraction has it.
    + rf"""
    | \b(?P<bsuid>[A-Z]{{2}}\.(?:ENT\.)?(?=[A-Za-z]*\d)[A-Za-z0-9]{{6,}})\b
    | \+\s?\(?\d(?:{_BETWEEN}\d){{6,}}
    | (?<![\w.:-])0\d(?:{_BETWEEN}\d){{6,}}
    | \d{{7,}}
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """``text`` with ``***`` for each secret and mail address, and ``***`` and the last three digits for each
    number of seven digits or more, in one run or, with ``+`` or a zero in front, as people write them, and
    for each business-scoped user id (``US.1349...``).
    An incident's id and a wamid stay whole."""
    hidden = _SECRETS.sub(lambda match: match["kept"] or "***", _MAILS.sub("***", text))
    return _NUMBERS.sub(_number, hidden)


def _number(match: re.Match[str]) -> str:
    if match["bsuid"]:
        return "***" + match[0][-3:]
    return match["kept"] or "***" + re.sub(r"\D", "", match[0])[-3:]
