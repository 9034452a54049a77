"""Who wants no promotional messages any more: what says so, and under which keys it is remembered. Pure.

Which messages are promotional is :mod:`lifeline.domain.message.promotion`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lifeline.contract.patterns import LINE, compiled


class Wish(StrEnum):
    """What a person wants of promotional messages, in Meta's words."""

    STOP = "stop"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Statement:
    """A wish and when it was stated (Meta's time, epoch seconds). The newest counts."""

    wish: Wish
    at: float


STOPPED: Final = 131050
"""Meta's code for a marketing message to a person who has stopped them: as good as a statement."""
MAX_WORDS: Final = 50
MAX_WORD_CHARS: Final = 64
_AROUND: Final = " \t\r\n.,;:!?\"'*_-"

_SAME: Final = (
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+549(\d{10})"), r"+54\1"),
    (re.compile(r"\+55(\d{2})9(\d{8})"), r"+55\1\2"),
)
"""Numbers that Meta writes in two ways: Mexico (a 1 after +52), Argentina (a 9 after +54),
Brazil (the ninth digit of mobile numbers). ``wa_id`` may differ in that from what a producer writes."""


def keys_of(*names: str | None) -> tuple[str, ...]:
    """The keys of a person's wish: one for each name (number in E.164, business-scoped user id) we know.

    A digest: the table tells nobody the number. Longer than any contact's ``user_id`` may be.
    """
    known = dict.fromkeys(_one(name) for name in names if name)
    return tuple("opted_out:" + hashlib.blake2b(name.encode()).hexdigest() for name in known)


def _one(name: str) -> str:
    for pattern, short in _SAME:
        if match := pattern.fullmatch(name):
            return match.expand(short)
    return name


def opted_out(statements: Iterable[Statement]) -> bool:
    """Whether the newest of one person's statements says stop."""
    newest = max(statements, key=lambda one: (one.at, one.wish is Wish.STOP), default=None)
    return newest is not None and newest.wish is Wish.STOP


def wish_of(text: str | None, stop: Sequence[str], resume: Sequence[str]) -> Wish | None:
    """What a text asks for that is nothing but one of these words (as :func:`word_of` writes them)."""
    word = word_of(text or "")
    if word in stop:
        return Wish.STOP
    return Wish.RESUME if word in resume else None


def word_of(text: str) -> str:
    """A text as words are compared: no capitals, no marks or blanks around, single blanks between."""
    return " ".join(text.casefold().split()).strip(_AROUND)


def words_of(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A setting's list of words. Raises :class:`ValueError` that says what is wrong."""
    given = document.get(name, [])
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ValueError(f"{name} must be a list of texts")
    if len(given) > MAX_WORDS:
        raise ValueError(f"{name} may have {MAX_WORDS} words, not {len(given)}")
    for item in given:
        if not word_of(item) or len(item) > MAX_WORD_CHARS or not compiled(LINE).search(item):
            raise ValueError(f"{name}: {item[:80]!r} is not a word of 1 to {MAX_WORD_CHARS} characters")
    return tuple(dict.fromkeys(word_of(item) for item in given))
