"""What a text of a document may hold: patterns for JSON Schema, and why a text breaks one, in words."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

from lifeline.contract.names import RESERVED

_WORDS: Final[dict[str, str]] = {}


def worded(rule: str, words: str) -> str:
    """A pattern as JSON Schema writes it, registered with what people read where a text breaks it.

    Two patterns of the same form have the same words: ValueError otherwise.
    """
    if _WORDS.setdefault(rule, words) != words:
        raise ValueError(f"{rule} has other words: {_WORDS[rule]}")
    return rule


_LABEL_WORDS: Final = "must hold only letters from A to Z, digits, and the signs . _ : and -"
LABEL: Final = worded("^[A-Za-z0-9._:-]+$", _LABEL_WORDS)
MAX_ID: Final = 128
ID: Final = worded(f"^(?!{RESERVED})[A-Za-z0-9._:-]+$", _LABEL_WORDS)
BSUID: Final = worded(
    r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$",
    "must be a business-scoped user id, such as US.13491208655302741918",
)
"""A business-scoped user id of Meta's: the country's code, then letters and digits; ``ENT`` is a parent's."""
# What no text may hold: C0 (a text of several lines may have tab, line feed, carriage return), DEL and C1,
# halves of surrogate pairs, and the two that are no characters. SQS takes none of the C0 controls, the halves
# and U+FFFE, U+FFFF (SendMessage: the characters of XML 1.0), and nothing can encode a lone half.
_NEVER: Final = r"\u007f-\u009f\ud800-\udfff\ufffe\uffff"
NOT_IN_TEXT: Final = r"\u0000-\u0008\u000b\u000c\u000e-\u001f" + _NEVER
NOT_IN_LINE: Final = r"\u0000-\u001f" + _NEVER
TEXT: Final = worded(f"^[^{NOT_IN_TEXT}]*$", "must hold no control characters")
LINE: Final = worded(f"^[^{NOT_IN_LINE}]*$", "must be one line without control characters")
# Meta: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces" (132018).
VALUE: Final = worded(
    f"^(?!.* {{5}})[^{NOT_IN_LINE}]*$",
    "holds a line break, a tab or more than four spaces in a row; Meta refuses such a value",
)
TRIMMED: Final = worded(f"^(?! )(?!.* $)[^{NOT_IN_LINE}]*$", "must neither begin nor end with a space")
"""A line that neither begins nor ends with a space."""
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!-~]*)?$"
LINK: Final = worded(f"^https://{_HOST}", "must be an https address, such as https://example.com/a.jpg")
WEB_LINK: Final = worded(f"^https?://{_HOST}", "must be a web address, such as https://example.com")
"""Addresses; what is not ASCII is to be escaped in them (RFC 3986)."""
MEDIA_ID: Final = worded(
    "^[A-Za-z0-9_-]+$", "must be the id of a medium: letters from A to Z, digits, _ and -"
)
WAMID: Final = worded("^wamid\\.[A-Za-z0-9+/=_-]+$", "must be an id of Meta's, which begins with wamid.")
TOKEN: Final = worded("^[!-~]+$", "must be one word of ASCII, without spaces and line breaks")
DATE: Final = worded(
    "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$", "must be a date, such as 2030-12-31"
)
DIGITS: Final = worded("^[0-9]+$", "must hold only digits from 0 to 9")
TEMPLATE_WORD: Final = worded("^[a-z0-9_]+$", "must hold only small letters from a to z, digits and _")
"""What Meta calls a template, and a placeholder of one."""
LANGUAGE: Final = worded(
    "^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$", "must be a language as Meta writes it, such as en or pt_BR"
)
TIME_ZONE: Final = worded(
    "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", "must be a time zone's name, such as Europe/Berlin"
)
SHA256: Final = worded("^[0-9a-f]{64}$", "must be 64 digits in base 16, in small letters")
# Keycaps begin with a sign of ASCII, no other emoji has one.
EMOJI: Final = worded(f"^(?:[#*0-9]\ufe0f?\u20e3|[^ -~\u00a0{NOT_IN_LINE}]*)$", "must be one emoji")
_NOT_ENDING: Final = r"^(?![^?#]*\.(?:"
_ZEROS: Final = (
    "0660 06f0 07c0 0966 09e6 0a66 0ae6 0b66 0be6 0c66 0ce6 0d66 0de6 0e50 0ed0 0f20 1040 1090 17e0 1810 "
    "1946 19d0 1a80 1a90 1b50 1bb0 1c40 1c50 a620 a8d0 a900 a9d0 a9f0 aa50 abf0 ff10 104a0 10d30 10d40 "
    "11066 110f0 11136 111d0 112f0 11450 114d0 11650 116c0 116d0 116da 11730 118e0 11950 11bf0 11c50 11d50 "
    "11da0 11de0 11f50 16130 16a60 16ac0 16b50 16d70 1ccf0 1d7ce 1d7d8 1d7e2 1d7ec 1d7f6 1e140 1e2f0 1e4f0 "
    "1e5f1 1e950 1fbf0"
)
"""The zero of each script's ten digits, but ASCII's (Unicode 17, category Nd)."""


def _digit_class(zero: int) -> str:
    # Beyond U+FFFF, ECMA 262 and Python write escapes differently; the characters themselves mean the same.
    write = "\\u{:04x}".format if zero + 9 <= 0xFFFF else chr
    return f"{write(zero)}-{write(zero + 9)}"


NUMBER: Final = worded(
    f"^[^{NOT_IN_LINE}{''.join(_digit_class(int(zero, 16)) for zero in _ZEROS.split())}]*$",
    "holds digits other than 0 to 9",
)


def not_ending(endings: Iterable[str]) -> str:
    """A pattern of addresses whose path does not end in one of these, after a dot, in any case."""
    any_case = ("".join(f"[{sign}{sign.upper()}]" for sign in ending) for ending in endings)
    return worded(
        f"{_NOT_ENDING}{'|'.join(any_case)})(?:[?#]|$))",
        "ends in a type of file that WhatsApp does not take here",
    )


@functools.cache
def compiled(rule: str) -> re.Pattern[str]:
    """A pattern of JSON Schema as Python's ``re`` means it."""
    # JSON Schema's "$" is the very end of the string; Python's also allows one line feed before it.
    return re.compile(rule.replace("$", r"\Z"), re.ASCII)


def is_id(value: object) -> bool:
    """Whether ``value`` may be a message's id: 1 to 128 of ``A-Za-z0-9._:-``."""
    return isinstance(value, str) and len(value) <= MAX_ID and compiled(LABEL).search(value) is not None


def is_bsuid(value: object) -> bool:
    """Whether ``value`` has the form of a business-scoped user id (``US.13491208655302741918``)."""
    return isinstance(value, str) and compiled(BSUID).search(value) is not None


def why(value: str, rule: str) -> str:
    """Why ``value`` does not match ``rule``, a pattern of :func:`worded`, in words."""
    match = re.search(f"[{NOT_IN_TEXT if rule == TEXT else NOT_IN_LINE}]", value)
    if match and not (rule == VALUE and match[0] in "\t\n\r"):
        code = ord(match[0])
        kind = "half a character" if 0xD800 <= code <= 0xDFFF else "a control character"
        return f"holds {kind} (U+{code:04X}) at character {match.start() + 1}"
    if rule == ID and value.startswith(RESERVED):
        return f"begins with {RESERVED}, which is reserved for Lifeline itself"
    return _WORDS[rule]
