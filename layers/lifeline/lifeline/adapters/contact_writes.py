"""Writes of the ``contacts`` table. They are rare: PynamoDB is loaded with the first one."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from lifeline.adapters.aws import ATTEMPTS, CONNECT_TIMEOUT, READ_TIMEOUT, code_of, unavailable
from lifeline.adapters.contacts import COMPLAINT, OWNER, Contact, bsuid_key, mark_key, refusal
from lifeline.contract.hours import written
from lifeline.contract.ways import WAYS


class ContactItem(Model):
    """PynamoDB model of the table; :class:`ContactWrites` names the table."""

    class Meta:
        table_name = "unbound"
        region = "us-east-1"
        connect_timeout_seconds = CONNECT_TIMEOUT
        read_timeout_seconds = READ_TIMEOUT
        max_retry_attempts = ATTEMPTS

    user_id = UnicodeAttribute(hash_key=True)
    for _way in WAYS:
        vars()[_way.field] = UnicodeAttribute(null=True)
        vars()[refusal(_way.name)] = UnicodeAttribute(null=True)
    bsuid = UnicodeAttribute(null=True)
    time_zone = UnicodeAttribute(null=True)
    quiet_hours = UnicodeAttribute(null=True)
    language = UnicodeAttribute(null=True)
    owner = UnicodeAttribute(null=True, attr_name=OWNER)
    updated_at = NumberAttribute(default=0)


class ContactWrites:
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, table: str, region: str) -> None:
        ContactItem.Meta.table_name = table
        ContactItem.Meta.region = region

    def save(self, contact: Contact) -> None:
        """Write one contact; a way that it does not have is kept, one that it has is replaced whole."""
        actions: list[Action] = [ContactItem.updated_at.set(contact.updated_at)]
        for way in WAYS:
            if addresses := contact.addresses.get(way.name):
                actions.append(getattr(ContactItem, way.field).set(" ".join(addresses)))
        hours = written(contact.quiet_hours) if contact.quiet_hours else None
        wishes = {"time_zone": contact.time_zone, "quiet_hours": hours, "language": contact.language}
        for name, value in {"bsuid": contact.bsuid, **wishes}.items():
            if value:
                actions.append(getattr(ContactItem, name).set(value))
        try:
            ContactItem(contact.user_id).update(actions=actions)
            if contact.bsuid:
                whose: list[Action] = [
                    ContactItem.owner.set(contact.user_id),
                    ContactItem.updated_at.set(contact.updated_at),
                ]
                ContactItem(bsuid_key(contact.bsuid)).update(actions=whose)
        except PynamoDBException as error:
            raise unavailable("DynamoDB", "saving a contact", error) from error

    def refuse(self, way: str, address: str, why: str, now: float) -> None:
        """Mark one address: the next fallback skips it. A complaint is never overwritten by less."""
        attribute = getattr(ContactItem, refusal(way))
        condition = None if why.startswith(COMPLAINT) else _no_complaint(attribute)
        self._mark(way, address, [attribute.set(why), ContactItem.updated_at.set(now)], condition)

    def forgive(self, way: str, address: str, now: float) -> None:
        """Lift the mark of one address, unless it is a complaint."""
        attribute = getattr(ContactItem, refusal(way))
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
