"""Text at the border: what is shown to people, and how deep a JSON document goes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lifeline.contract.patterns import NOT_IN_LINE

MAX_REASONS: Final = 10
"""So many faults of one document are named; the others are counted."""
MAX_REASON_CHARS: Final = 200


_HIDDEN: Final = re.compile(rf"[{NOT_IN_LINE}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    """``text`` as a person can read it and anything can encode it: what does not show, or turns the direction
    of what follows, becomes ``\\u001b``."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def limited(faults: Iterable[str]) -> tuple[str, ...]:
    """Faults as they are told: each once, :func:`escaped`, of at most :data:`MAX_REASON_CHARS` characters;
    the first :data:`MAX_REASONS`, then ``and N more``."""
    every = [*dict.fromkeys(faults)]
    shown = [_short(escaped(fault)) for fault in every[:MAX_REASONS]]
    return (*shown, f"and {len(every) - MAX_REASONS} more") if len(every) > MAX_REASONS else tuple(shown)


def _short(reason: str) -> str:
    """The beginning says where, the end says what: the middle goes."""
    if len(reason) <= MAX_REASON_CHARS:
        return reason
    return f"{reason[: MAX_REASON_CHARS - 105]} ... {reason[-100:]}"


JSON_TOKENS: Final = re.compile(r'"(?:[^"\\]+|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
"""Texts and brackets of a JSON document. A text may lack its end, so that nothing is ever read twice."""


def depth(document: str) -> int:
    """How deep objects and arrays are nested in a JSON document, without parsing it."""
    deepest = level = 0
    for token in JSON_TOKENS.finditer(document):
        match document[token.start()]:
            case "[" | "{":
                level += 1
                deepest = max(deepest, level)
            case "]" | "}":
                level -= 1
    return deepest
