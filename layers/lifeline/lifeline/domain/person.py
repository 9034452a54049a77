"""Who a message is about: a keyed digest that names nobody, and what tells one person's data. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.contract.ways import WAYS, WAYS_BY_NAME, several
from lifeline.domain.text import load_json

DIGITS: Final = 32
"""Hexadecimal digits of a digest: 128 bits, so that no two people share one."""
BETWEEN: Final = r"[\s()/.\-\u2010-\u2015\u2212]{0,3}"
"""What people put between the digits of a number."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Digests of people and of contents, by HMAC-SHA-256.

    Numbers are few: a bare digest of one is found by trying them all. Whoever has ``key`` can do so too.
    """

    key: str = field(repr=False)

    def person(self, who: str) -> str:
        """The digest of a number in E.164, or of a user id."""
        return self._digest("person", who)

    def erased(self, person: str) -> str:
        """What stands for a person after an erase: equal for equal people, as reports count them."""
        return self._digest("erased", person)

    def content(self, body: str) -> str:
        """The digest of a content, after that of the key; without ``send_after``, which may be moved.

        ``body`` is JSON.
        """
        document = json.loads(body)
        if isinstance(document, dict):
            document.pop("send_after", None)
        plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return f"{self._name}:{self._digest('content', plain)}"

    def other_content(self, kept: str, body: str) -> bool:
        """Whether ``body`` says something else than the content of the digest ``kept``.

        False where another key made it: then nobody can say.
        """
        return kept.startswith(f"{self._name}:") and kept != self.content(body)

    @property
    def _name(self) -> str:
        return self._digest("key", "")[:8]

    def _digest(self, of: str, text: str) -> str:
        plain = f"{of}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key.encode(), plain, hashlib.sha256).hexdigest()[:DIGITS]


@dataclass(slots=True)
class PersonTraces:
    """By what one person's data are known. ``numbers``: E.164; ``addresses``: way and address; ``ids``: of
    their messages; ``texts``: what those said."""

    numbers: set[str] = field(default_factory=set)
    user_ids: set[str] = field(default_factory=set)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def learn(self, body: str) -> None:
        """Take what a message of theirs says about them."""
        document = _document(body)
        recipient = document.get("recipient")
        for name, value in (recipient if isinstance(recipient, dict) else {}).items():
            if name in _ADDRESSES:
                self.addresses |= {(_ADDRESSES[name], address) for address in several(value)}
            elif name in USER_IDS and isinstance(value, str) and value:
                self.user_ids.add(value)
        text = document.get("text")
        if isinstance(text, str) and text:
            self.texts.add(text.strip())

    def gets(self, body: str, e164: Callable[[str], str | None]) -> bool:
        """Whether ``body`` is a message to them. ``e164``: a number as it is written, normalised."""
        document = _document(body)
        recipient = document.get("recipient")
        named = [recipient.get(name) for name in USER_IDS] if isinstance(recipient, dict) else []
        if any(name in self.user_ids for name in named if isinstance(name, str)):
            return True
        to = document.get("to")
        return isinstance(to, str) and (
            to in self.user_ids or (bool(self.numbers) and e164(to) in self.numbers)
        )

    def stands_in(self, text: str) -> bool:
        """Whether a text, such as a dead letter, holds their number (however written), user id or address."""
        return any(pattern.search(part) for part in _texts(text) for pattern in self._patterns())

    def owns(self, job: str) -> bool:
        """Whether a job or letter is about a message of theirs, or holds what one of those said."""
        return any(part in self.ids or part.strip() in self.texts for part in _texts(job))

    def _patterns(self) -> Iterator[re.Pattern[str]]:
        for number in sorted(self.numbers):
            yield _number_pattern(number)
        for name in sorted(self.user_ids):
            yield re.compile(rf"(?<![\w.:-]){re.escape(name)}(?![\w:-])")
        for way, address in sorted(self.addresses):
            flags = re.IGNORECASE if WAYS_BY_NAME[way].any_case else 0
            yield re.compile(re.escape(address), flags)


USER_IDS: Final = ("user_id", "bsuid")
"""Fields of a recipient that name a person."""
_ADDRESSES: Final[Mapping[str, str]] = {way.field: way.name for way in WAYS}


def _number_pattern(e164: str) -> re.Pattern[str]:
    import phonenumbers  # large; who only makes digests does not need it

    number = phonenumbers.parse(e164)
    code, national = str(number.country_code), str(number.national_number)
    # 49..., 0049..., +49 (0)..., 0151...; Mexico's mobiles with the 1 that they had until 2019.
    heads = [f"(?:00)?{_spread(code)}{BETWEEN}[01]?{BETWEEN}", f"0{BETWEEN}", ""]
    return re.compile(rf"(?<!\d)(?:{'|'.join(heads)}){_spread(national)}(?!\d)")


def _spread(digits: str) -> str:
    return BETWEEN.join(digits)


def _document(body: str) -> dict[str, Any]:
    try:
        document = load_json(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _texts(text: str) -> Iterator[str]:
    """The text itself, and each text inside of it where it is JSON: there characters may be escaped."""
    yield text
    try:
        waiting: list[Any] = [load_json(text)]
    except ValueError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
