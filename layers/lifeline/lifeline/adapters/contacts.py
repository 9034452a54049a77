"""The ``contacts`` table: how a person can be reached when WhatsApp cannot, and which ways were refused.

A refusal is a mark on the address itself, under a key made of its digest: a bounce names an address and no
person, a message may bring an address that no contact has, and a new address is thereby free of old marks.

A contact may have a business-scoped user id of Meta's. Under a key made of its digest stands whose it is, so
that a message to nothing but this id finds the contact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.adapters.batches import items_of
from lifeline.contract.hours import Hours, read_hours
from lifeline.contract.messages import Recipient
from lifeline.contract.ways import WAYS, WAYS_BY_NAME

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lifeline.adapters.contact_writes import ContactWrites

WayAddress = tuple[str, str]
"""A way's name and an address of it."""
COMPLAINT = "complaint"
"""Begins the reason of a refusal that the person asked for: importing the address again does not lift it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One person's other ways. ``addresses`` are by the way's name. ``bsuid``: Meta's business-scoped user
    id, where it is known. Messages without their own take ``time_zone``, ``quiet_hours`` and ``language``."""

    user_id: str
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    updated_at: float = 0.0
    bsuid: str | None = None
    time_zone: str | None = None
    quiet_hours: Hours | None = None
    language: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """A stored contact; what this version does not know is left out."""
        texts = {name: value["S"] for name, value in item.items() if value.get("S")}
        return cls(
            user_id=texts["user_id"],
            # No address of any way has a blank.
            addresses={way.name: tuple(texts[way.field].split()) for way in WAYS if way.field in texts},
            updated_at=float(item.get("updated_at", {}).get("N", 0)),
            bsuid=texts.get("bsuid"),
            time_zone=texts.get("time_zone"),
            quiet_hours=read_hours(texts.get("quiet_hours", "")),
            language=texts.get("language"),
        )

    @property
    def each(self) -> Iterable[WayAddress]:
        """Every address with its way."""
        return each(self.addresses)


def each(addresses: Mapping[str, tuple[str, ...]]) -> Iterable[WayAddress]:
    """Every address with its way."""
    return [(way, address) for way, theirs in addresses.items() for address in theirs]


def refusal(way: str) -> str:
    """The attribute of an address's mark that says why an address of this way is not to be used."""
    return f"{way}_refused"


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

    def read(self, keys: Iterable[str]) -> Mapping[str, Contact]:
        """The contacts of these people, by their :func:`contact_key`; an unknown one is absent."""
        doing = "reading contacts"
        items = {item["user_id"]["S"]: item for item in self._get(keys, doing)}
        owners = {key: item[OWNER]["S"] for key, item in items.items() if OWNER in item}
        whose = {item["user_id"]["S"]: item for item in self._get(set(owners.values()) - set(items), doing)}
        contacts = {key: Contact.from_item(item) for key, item in items.items() if key not in owners}
        for key, owner in owners.items():
            item = items.get(owner) or whose.get(owner)
            contact = Contact.from_item(item) if item else None
            # An id that the contact no longer has is nobody's.
            if contact and contact.bsuid and bsuid_key(contact.bsuid) == key:
                contacts[key] = contact
        return contacts

    def refused(self, ways: Iterable[WayAddress]) -> Mapping[WayAddress, str]:
        """Those of these ways that were refused, each with why."""
        keys = {mark_key(way, address): (way, address) for way, address in ways}
        marks = [(keys[item["user_id"]["S"]], item) for item in self._get(keys, "reading refusals")]
        why = {way: item.get(refusal(way[0]), {}).get("S") for way, item in marks}
        return {way: reason for way, reason in why.items() if reason}

    def save(self, contact: Contact) -> None:
        """Write one contact; a way that it does not have is kept, one that it has is replaced whole."""
        self._writes.save(contact)

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        """Mark one address: the next fallback skips it. A complaint is never overwritten by less."""
        self._writes.refuse(way, address, why, now)

    def forgive(self, way: str, address: str, now: float) -> None:
        """Lift the mark of one address, unless it is a complaint."""
        self._writes.forgive(way, address, now)

    def forget(self, user_id: str) -> bool:
        """Delete one contact; whether there was one."""
        return self._delete(user_id)

    def forget_mark(self, way: str, address: str) -> bool:
        """Delete the mark of one address; whether there was one."""
        return self._delete(mark_key(way, address))

    def _delete(self, key: str) -> bool:
        try:
            answer = self._client.delete_item(
                TableName=self._table, Key={"user_id": {"S": key}}, ReturnValues="ALL_OLD"
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "forgetting a contact", error) from error
        return "Attributes" in answer

    def _get(self, keys: Iterable[str], doing: str) -> list[Mapping[str, Any]]:
        return items_of(self._client, self._table, "user_id", keys, doing)


OWNER: Final = "owner"
"""The attribute that says whose a business-scoped user id is."""


def bsuid_key(bsuid: str) -> str:
    """The key under which stands whose ``bsuid`` is; as long as :func:`mark_key`."""
    return "bsuid:" + hashlib.blake2b(bsuid.encode()).hexdigest()


def contact_key(recipient: Recipient) -> str:
    """Under which key the contact of a message's recipient is found: by ``user_id``, else by ``bsuid``; empty
    where there is neither."""
    return recipient.user_id or (bsuid_key(recipient.bsuid) if recipient.bsuid else "")


def contact_keys(recipients: Iterable[Recipient]) -> set[str]:
    """The keys of all contacts that these recipients name."""
    return {contact_key(recipient) for recipient in recipients} - {""}


def mark_key(way: str, address: str) -> str:
    """The key of an address's mark: longer than any ``user_id`` may be, so that no person has it."""
    plain = address.strip().lower() if WAYS_BY_NAME[way].any_case else address
    return f"refused:{way}:" + hashlib.blake2b(plain.encode("utf-8", "surrogatepass")).hexdigest()
