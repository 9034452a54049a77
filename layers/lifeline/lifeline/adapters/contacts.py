"""The ``contacts`` table: how a person can be reached when WhatsApp cannot, and which ways were refused.

A refusal is a mark on the address itself, under a key made of its digest: a bounce names an address and no
person, a message may bring an address that no contact has, and a new address is thereby free of old marks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.contract.ways import WAYS, WAYS_BY_NAME
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lifeline.adapters.contact_writes import ContactWrites

WayAddress = tuple[str, str]
"""A way's name and an address of it."""
COMPLAINT = "complaint"
"""Begins the reason of a refusal that the person asked for: importing the address again does not lift it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One person's other ways. ``addresses`` and ``refused`` (why an address is not to be used) are by the
    way's name."""

    user_id: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    updated_at: float = 0.0

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """A stored contact; what this version does not know is left out."""
        texts = {name: value["S"] for name, value in item.items() if value.get("S")}
        return cls(
            user_id=texts["user_id"],
            addresses={way.name: texts[way.field] for way in WAYS if way.field in texts},
            refused={way.name: texts[refusal(way.name)] for way in WAYS if refusal(way.name) in texts},
            updated_at=float(item.get("updated_at", {}).get("N", 0)),
        )


def refusal(way: str) -> str:
    """The attribute that says why an address of this way is not to be used."""
    return f"{way}_refused"


KEYS_PER_CALL: Final = 100
"""Of BatchGetItem (DynamoDB API)."""
READS: Final = 10
"""Calls until DynamoDB has given all keys of one part: it may leave some for the next."""


class Contacts:
    """Reads and changes contacts. Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str, region: str) -> None:
        self._client = client
        self._table = table
        self._region = region

    @cached_property
    def _writes(self) -> ContactWrites:
        from lifeline.adapters.contact_writes import ContactWrites

        return ContactWrites(self._table, self._region)

    def read(self, user_ids: Iterable[str]) -> Mapping[str, Contact]:
        """The contacts of these people; an unknown one is absent."""
        return {contact.user_id: contact for contact in self._get(set(user_ids), "reading contacts")}

    def refused(self, ways: Iterable[WayAddress]) -> Mapping[WayAddress, str]:
        """Those of these ways that were refused, each with why."""
        keys = {mark_key(way, address): (way, address) for way, address in ways}
        refusals = self._get(set(keys), "reading refusals")
        marks = [(keys[mark.user_id], mark) for mark in refusals]
        return {way: mark.refused[way[0]] for way, mark in marks if way[0] in mark.refused}

    def save(self, contact: Contact) -> None:
        """Write one contact; a way that it does not have is kept as it is."""
        self._writes.save(contact)

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        """Mark one address: the next fallback skips it. A complaint is never overwritten by less."""
        self._writes.refuse(way, address, why, now)

    def forgive(self, way: str, address: str, now: float) -> None:
        """Lift the mark of one address, unless it is a complaint."""
        self._writes.forgive(way, address, now)

    def _get(self, keys: set[str], doing: str) -> list[Contact]:
        contacts: list[Contact] = []
        wanted = sorted(keys)
        for start in range(0, len(wanted), KEYS_PER_CALL):
            left: Any = {
                self._table: {
                    "Keys": [{"user_id": {"S": name}} for name in wanted[start : start + KEYS_PER_CALL]]
                }
            }
            for _ in range(READS):
                try:
                    answer = self._client.batch_get_item(RequestItems=left)
                except (ClientError, BotoCoreError) as error:
                    raise unavailable("DynamoDB", doing, error) from error
                contacts += [Contact.from_item(item) for item in answer["Responses"].get(self._table, ())]
                left = answer.get("UnprocessedKeys")
                if not left:
                    break
            else:
                raise UnavailableError("DynamoDB", doing, f"some keys were not read in {READS} calls")
        return contacts


def mark_key(way: str, address: str) -> str:
    """The key of an address's mark: longer than any ``user_id`` may be, so that no person has it."""
    plain = address.strip().lower() if WAYS_BY_NAME[way].any_case else address
    return f"refused:{way}:" + hashlib.blake2b(plain.encode("utf-8", "surrogatepass")).hexdigest()
