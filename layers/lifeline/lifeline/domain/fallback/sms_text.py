"""An SMS as it is counted and paid: encoding and parts (3GPP TS 23.038 and 23.040). Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 7-bit default alphabet: one septet each (its escape to the next table is no character)."""
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""The extension table: an escape before each, so two septets, which no part may divide."""
CUT: Final = "..."
"""What stands for the rest: an ellipsis as one character would make the whole message UCS-2."""

Encoding = Literal["GSM-7", "UCS-2"]
_ALONE: Final[dict[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
"""Units in an SMS of one part: septets, or 16-bit code units."""
_IN_PART: Final[dict[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}
"""Units in each of several parts: six octets of each are the header that joins them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How an SMS is sent. ``parts``: each is paid for, at least one."""

    encoding: Encoding
    parts: int


def measured(text: str) -> Measured:
    """Encoding and parts of a text."""
    encoding: Encoding = "GSM-7" if all(char in BASIC or char in EXTENSION for char in text) else "UCS-2"
    units = [_units(char, encoding) for char in text]
    if sum(units) <= _ALONE[encoding]:
        return Measured(encoding, 1)
    parts, room = 1, _IN_PART[encoding]
    for unit in units:
        if unit > room:  # an escape and a surrogate pair stay whole
            parts, room = parts + 1, _IN_PART[encoding]
        room -= unit
    return Measured(encoding, parts)


def fitted(text: str, parts: int) -> str:
    """The text within so many parts (1 or more), cut where the whole takes more."""
    if measured(text).parts <= parts:
        return text

    def needed(kept: int) -> int:
        return measured(text[:kept] + CUT).parts

    # A longer beginning never takes fewer parts.
    kept = bisect_right(range(len(text)), parts, key=needed)
    return text[: max(0, kept - 1)].rstrip() + CUT


def _units(char: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 1 + (char in EXTENSION)
    return 1 + (ord(char) > 0xFFFF)
