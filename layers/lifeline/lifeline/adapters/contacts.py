"""The ``contacts`` table: how a person can be reached when WhatsApp cannot, and which ways were refused.

A refusal is a mark on the address itself, under a key made of its digest: a bounce names an address and no
person, a message may bring an address that no contact has, and a new address is thereby free of old marks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from lifeline.adapters.aws import code_of, unavailable

Way = tuple[str, str]
"""``("push", endpoint's ARN)`` or ``("email", address)``."""
COMPLAINT = "complaint"
"""Begins the reason of a refusal that the person asked for: importing the address again does not lift it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One person's other ways. ``push_refused`` / ``email_refused`` say why a way is not to be used."""

    user_id: str
    push_endpoint: str | None = None
    email: str | None = None
    push_refused: str | None = None
    email_refused: str | None = None
    updated_at: float = 0.0


class ContactItem(Model):
    """PynamoDB model of the table; :func:`bind` names the table before first use."""

    class Meta:
        table_name = "unbound"
        region = "us-east-1"
        connect_timeout_seconds = 2.0
        read_timeout_seconds = 5.0
        max_retry_attempts = 3

    user_id = UnicodeAttribute(hash_key=True)
    push_endpoint = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    push_refused = UnicodeAttribute(null=True)
    email_refused = UnicodeAttribute(null=True)
    updated_at = NumberAttribute(default=0)


class Contacts:
    """Reads and changes contacts. Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, table: str, region: str) -> None:
        ContactItem.Meta.table_name = table
        ContactItem.Meta.region = region

    def read(self, user_ids: Iterable[str]) -> Mapping[str, Contact]:
        """The contacts of these people; an unknown one is absent."""
        try:
            items = list(ContactItem.batch_get(sorted(set(user_ids))))
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading contacts", error) from error
        return {item.user_id: _contact(item) for item in items}

    def save(self, contact: Contact) -> None:
        """Write one contact; a way that is ``None`` is kept as it is."""
        actions: list[Action] = [ContactItem.updated_at.set(contact.updated_at)]
        for name in ("push_endpoint", "email", "push_refused", "email_refused"):
            value = getattr(contact, name)
            if value is not None:
                actions.append(getattr(ContactItem, name).set(value))
        # A new address makes an old refusal void.
        if contact.push_endpoint and contact.push_refused is None:
            actions.append(ContactItem.push_refused.remove())
        if contact.email and contact.email_refused is None:
            actions.append(ContactItem.email_refused.remove())
        try:
            ContactItem(contact.user_id).update(actions=actions)
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "saving a contact", error) from error

    def refused(self, ways: Iterable[Way]) -> Mapping[Way, str]:
        """Those of these ways that were refused, each with why."""
        keys = {mark_key(way, address): (way, address) for way, address in ways}
        if not keys:
            return {}
        try:
            items = list(ContactItem.batch_get(sorted(keys)))
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "reading refusals", error) from error
        found = {keys[item.user_id]: item.push_refused or item.email_refused for item in items}
        return {way: str(why) for way, why in found.items() if why}

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        """Mark one address: the next fallback skips it. A complaint is never overwritten by less."""
        attribute = getattr(ContactItem, f"{way}_refused")
        condition = None if why.startswith(COMPLAINT) else _no_complaint(attribute)
        self._mark(way, address, [attribute.set(why), ContactItem.updated_at.set(now)], condition)

    def forgive(self, way: str, address: str, now: float) -> None:
        """Lift the mark of one address, unless it is a complaint."""
        attribute = getattr(ContactItem, f"{way}_refused")
        condition = attribute.exists() & ~attribute.startswith(COMPLAINT)
        self._mark(way, address, [attribute.remove(), ContactItem.updated_at.set(now)], condition)

    @staticmethod
    def _mark(way: str, address: str, actions: list[Action], condition: Condition | None) -> None:
        try:
            ContactItem(mark_key(way, address)).update(actions=actions, condition=condition)
        except PynamoDBException as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return
            raise unavailable("DynamoDB", "marking an address", error) from error


def _no_complaint(attribute: UnicodeAttribute) -> Condition:
    condition: Condition = attribute.does_not_exist() | ~attribute.startswith(COMPLAINT)
    return condition


def mark_key(way: str, address: str) -> str:
    """The key of an address's mark: longer than any ``user_id`` may be, so that no person has it.

    Case does not count in mail domains, and no provider in use tells mailboxes apart by it.
    """
    plain = address.strip().lower() if way == "email" else address
    return f"refused:{way}:" + hashlib.blake2b(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _contact(item: ContactItem) -> Contact:
    return Contact(
        user_id=item.user_id,
        push_endpoint=item.push_endpoint,
        email=item.email,
        push_refused=item.push_refused,
        email_refused=item.email_refused,
        updated_at=float(item.updated_at or 0),
    )
