"""The ``contacts`` table: how a person can be reached when WhatsApp cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from lifeline.errors import UnavailableError


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
            raise UnavailableError("DynamoDB", "reading contacts", error.cause_response_code or "") from error
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
            raise UnavailableError("DynamoDB", "saving a contact", error.cause_response_code or "") from error


def _contact(item: ContactItem) -> Contact:
    return Contact(
        user_id=item.user_id,
        push_endpoint=item.push_endpoint,
        email=item.email,
        push_refused=item.push_refused,
        email_refused=item.email_refused,
        updated_at=float(item.updated_at or 0),
    )
