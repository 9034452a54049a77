"""A message's id as an SES tag and back. SES sends the tag along with each of its events about the mail."""

from __future__ import annotations

import re
from typing import Final

ID_TAG: Final = "lifeline_id"
"""The tag that holds the message's id, encoded."""
ACT_TAG: Final = "lifeline_act"
"""The tag that holds which act of the message the mail is, as a whole number."""
# SES takes A-Za-z0-9_- in a tag's value, 256 characters at most: 128 of an id, each of two characters.
_CODES: Final = {"_": "__", ".": "_d", ":": "_c"}
_BACK: Final = {code: char for char, code in _CODES.items()}
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TAG: Final = re.compile(r"(?:[A-Za-z0-9-]|__|_d|_c){1,128}")
_ACT: Final = re.compile(r"[0-9]{1,9}")


def encode(message_id: str) -> str:
    """The tag's value of an id (1 to 128 of ``A-Za-z0-9._:-``). Raises ``ValueError`` for any other text."""
    if not _ID.fullmatch(message_id):
        raise ValueError(f"not a message id: {message_id[:140]!a}")
    return re.sub(r"[_.:]", lambda match: _CODES[match.group()], message_id)


def decode(value: object) -> str | None:
    """The id behind a tag's value; ``None`` for a value that :func:`encode` never makes."""
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        return None
    return re.sub(r"_[_dc]", lambda match: _BACK[match.group()], value)


def decode_act(value: object) -> int | None:
    """The number of the act behind a tag's value; ``None`` for anything but 1 to 9 digits."""
    return int(value) if isinstance(value, str) and _ACT.fullmatch(value) else None
