"""Text that anything can carry: what comes from others is fixed here before it goes on. Pure.

Producers are refused such text (:mod:`lifeline.contract.messages`); Meta, OpenAI and the past cannot be, so
theirs is fixed: a character that queues and topics refuse becomes U+FFFD, and everything around it stays.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lifeline.contract.text import JSON_TOKENS

ELLIPSIS: Final = "…"
MAX_LEVELS: Final = 64
"""What is nested deeper becomes ``null``. Meta's webhooks have fewer than 20 levels."""
MAX_SUBJECT: Final = 100
"""Characters of an SNS subject (SNS, "Publish")."""
MAX_SCALAR: Final = 512
"""Characters that :func:`scalar` keeps."""

_MAX_DIGITS: Final = 38
"""Digits of a whole number: as many as DynamoDB keeps."""
# SQS: the characters of XML 1.0 and no others (SendMessage, "Request parameters"). Halves of surrogate pairs,
# which nothing can encode, are not among them.
_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The same in JSON: as they are, or as escapes.
_UNCLEAN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
    r"|\\(?:[bf]|u(?:00[01]|[dD][89a-fA-F]|[fF]{3}[eEfF]))"
)
# C0 and C1 controls without tab, line feed and carriage return, which are white space.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """``text`` with U+FFFD for each character that SQS and SNS refuse."""
    return _REFUSED.sub("\ufffd", text)


def plain(text: str) -> str:
    """``text`` as :func:`clean` gives it, without control characters but tab and line ends."""
    return clean(_CONTROLS.sub("", text))


def one_line(text: str) -> str:
    """``text`` as :func:`plain` gives it, with every run of white space (line ends too) made one space."""
    return " ".join(plain(" ".join(text.split())).split())


def clean_json(value: Any, levels: int = MAX_LEVELS) -> Any:
    """A JSON value with each text and key :func:`clean`. A number that JSON cannot write or that has more
    than 38 digits, and what lies deeper than ``levels``, become ``None``. Never raises for a JSON value."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < 10**_MAX_DIGITS else None
    if isinstance(value, Mapping):
        if levels <= 0:
            return None
        return {
            clean(name) if isinstance(name, str) else name: clean_json(item, levels - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return None if levels <= 0 else [clean_json(item, levels - 1) for item in value]
    return value


def load_json(raw: bytes | str) -> Any:
    """Read JSON of others, as :func:`clean_json` gives it. Bytes that are no UTF-8 become U+FFFD.

    Raises :class:`ValueError` where it is no JSON, whatever its depth and its numbers.
    """
    document = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    value = _DECODER.decode(_shallow(document.removeprefix("\ufeff")))
    # To look at the whole is a fraction of looking at each text in it, and nearly always nothing needs a fix.
    if document.isprintable() and "\\" not in document:
        return value
    return clean_json(value) if _UNCLEAN.search(document) else value


def _whole(digits: str) -> int | None:
    value = int(digits) if len(digits) <= _MAX_DIGITS + 1 else None
    return value if value is not None and abs(value) < 10**_MAX_DIGITS else None


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


_DECODER: Final = json.JSONDecoder(
    parse_int=_whole,
    parse_float=_finite,
    parse_constant=lambda name: None,
    # A control character as it is, in a text: not JSON, yet no reason to lose what stands beside it.
    strict=False,
)


def _shallow(document: str) -> str:
    """The document with ``null`` for what lies deeper than :data:`MAX_LEVELS`, so that it can be parsed."""
    if document.count("[") + document.count("{") <= MAX_LEVELS:
        return document
    parts: list[str] = []
    level = kept = 0
    for token in JSON_TOKENS.finditer(document):
        match document[token.start()]:
            case "[" | "{":
                level += 1
                if level == MAX_LEVELS + 1:
                    parts += [document[kept : token.start()], "null"]
            case "]" | "}":
                if level == MAX_LEVELS + 1:
                    kept = token.end()
                level -= 1
    # Without an end the deep part swallows the rest: what is left is no JSON, as it was.
    return "".join(parts) + (document[kept:] if level <= MAX_LEVELS else "")


def nested_deeper(value: Any, levels: int) -> bool:
    """Whether objects and arrays in ``value`` are nested deeper than ``levels``."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for item in layer
            if isinstance(item, Mapping | list | tuple)
            for inner in (item.values() if isinstance(item, Mapping) else item)
        ]
        if not layer:
            return False
    return any(isinstance(item, Mapping | list | tuple) for item in layer)


def scalar(value: object) -> str:
    """A text or number as clean text of at most :data:`MAX_SCALAR` characters; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return clean(str(value)[:MAX_SCALAR])
    except ValueError:  # more digits than Python writes (sys.set_int_max_str_digits)
        return ""


def word(value: object) -> str:
    """A text or whole number as :func:`scalar` gives it: a fraction is no id, number or time of Meta's."""
    return "" if isinstance(value, float) else scalar(value)


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; a lone object counts as a list of one, anything else as none."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield item


def e164(value: object) -> str:
    """A phone number as Meta writes it (``16505551234``, ``+1 650-555-1234``) in E.164: a plus and at most 15
    digits. Empty where it is none: digits of other scripts make none, since nobody could dial it, nor what
    holds letters, such as a business-scoped user id (``US.1349``)."""
    text = scalar(value)
    digits = [] if any(sign.isalpha() for sign in text) else [sign for sign in text if sign.isdigit()]
    return f"+{''.join(digits)}" if 0 < len(digits) <= 15 and "".join(digits).isascii() else ""


def subject(text: str) -> str:
    """A subject that SNS takes: ASCII in one line, 1 to :data:`MAX_SUBJECT` characters, no blank in front.

    Letters lose their accents; what has no counterpart becomes ``?``.
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", plain).split())
    return re.sub(r"[^ -~]", "?", line)[:MAX_SUBJECT].rstrip() or "Lifeline"
