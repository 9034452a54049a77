"""Whose a webhook is: Meta posts those of every account and number that the app is subscribed to. Pure.

One app may serve several WhatsApp Business Accounts (WABA), and a WABA several phone numbers. What concerns
another one than ours must change nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.text import e164, scalar

_ID: Final = re.compile("[0-9]{5,20}")
"""As the template's parameters ``PhoneNumberId`` and ``WabaId``."""


@dataclass(frozen=True, slots=True)
class BusinessNumber:
    """A phone number of ours that somebody wrote to."""

    id: str = ""
    """Meta's ``phone_number_id``; empty where Meta said none."""
    display: str = ""
    """The number itself in E.164; empty where Meta said none."""

    @classmethod
    def read(cls, metadata: object) -> BusinessNumber:
        """The number of a webhook's ``metadata``, whatever that is."""
        if not isinstance(metadata, Mapping):
            return cls()
        return cls(scalar(metadata.get("phone_number_id")), e164(metadata.get("display_phone_number")))

    def notice(self) -> dict[str, str | None]:
        """As notices hold it: what Meta does not say is null."""
        return {"phone_number_id": self.id or None, "display_phone_number": self.display or None}


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """Settings of group ``webhook``."""

    numbers: tuple[str, ...] = ()
    """Ids of more phone numbers of the same WABA whose webhooks count as ours (at most 100)."""

    def __post_init__(self) -> None:
        if len(self.numbers) > 100:
            raise ValueError(f"numbers may have 100 ids, not {len(self.numbers)}")
        for number in self.numbers:
            if not _ID.fullmatch(number):
                raise ValueError(f"numbers: {number!r} is not a phone number ID (5 to 20 digits)")

    @classmethod
    def parse(cls, document: object) -> WebhookRules:
        """The settings of a document. Raises :class:`ValueError` that says which value is wrong."""
        if not isinstance(document, Mapping):
            raise ValueError("must be an object")
        for name in document:
            if name != "numbers":
                raise ValueError(f"{name}: unknown; known is numbers")
        numbers: Any = document.get("numbers", [])
        if not isinstance(numbers, list) or not all(isinstance(item, str) for item in numbers):
            raise ValueError("numbers must be a list of texts")
        return cls(tuple(numbers))


@dataclass(frozen=True, slots=True)
class Ours:
    """Our account and its numbers. An empty id of ours matches nothing: better deaf than led by others."""

    waba_id: str
    numbers: frozenset[str]

    def account(self, waba_id: str) -> bool:
        """Whether a webhook about an account or its templates is about ours; one that names none is not."""
        return bool(self.waba_id) and waba_id == self.waba_id

    def number(self, waba_id: str, phone_number_id: str) -> bool:
        """Whether a webhook about messages is about a number of ours.

        Each id that it names must be ours. One that names no number is taken by its account: Meta always
        names both, and a field that a new Graph version leaves out must not make us deaf.
        """
        if not phone_number_id:
            return self.account(waba_id)
        return phone_number_id in self.numbers - {""} and (not waba_id or self.account(waba_id))


def ours(waba_id: str, phone_number_id: str, rules: WebhookRules) -> Ours:
    """``phone_number_id``: the number that we send from."""
    return Ours(waba_id, frozenset({phone_number_id, *rules.numbers}))
