"""Writes of contacts: an attribute per way; of refusals one condition decides which of two stays."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.contact_writes import ContactItem, ContactWrites
from lifeline.adapters.contacts import Contact, bsuid_key, mark_key
from lifeline.contract.actions.messages import OF_CONTACT
from lifeline.contract.ways import EMAIL, PUSH, WAYS
from pynamodb.exceptions import UpdateError


class Marks:
    """Catches what would be written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> None:
        self.written: list[tuple[str, str, str]] = []

        def update(item: ContactItem, actions: list[Any], condition: Any = None) -> None:
            self.written.append((item.user_id, str(actions[0]), str(condition)))
            if fails:
                refused: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "conflict"}}
                raise UpdateError("conflict", ClientError(refused, "UpdateItem"))

        monkeypatch.setattr(ContactItem, "update", update)


def test_a_bounce_gives_way_to_a_complaint_and_a_complaint_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks = Marks(monkeypatch)
    contacts = ContactWrites("contacts", "eu-west-1")
    contacts.refuse("email", "Ana@example.org", "bounce General", 1.0)
    contacts.refuse("email", "ana@example.org", "complaint abuse", 2.0)
    contacts.forgive("email", "ana@example.org", 3.0)
    assert {key for key, _, _ in marks.written} == {mark_key("email", "ana@example.org")}
    bounce, complaint, forgiven = marks.written
    assert "complaint" in bounce[2]
    assert complaint[2] == "None"
    assert "complaint" in forgiven[2]


def test_a_lost_condition_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    Marks(monkeypatch, fails=True)
    ContactWrites("contacts", "eu-west-1").refuse("email", "ana@example.org", "bounce General", 1.0)


def test_the_attributes_of_the_table_are_those_of_the_ways() -> None:
    ways = {name for way in WAYS for name in (way.field, f"{way.name}_refused")}
    assert set(ContactItem.get_attributes()) == {"user_id", "updated_at", "owner", *OF_CONTACT, *ways}
    assert {"push_endpoint", "email", "push_refused", "email_refused"} <= ways


def test_whose_a_user_id_is_stands_under_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks(monkeypatch)
    ContactWrites("contacts", "eu-west-1").save(Contact("ana", updated_at=1.0, bsuid="US.1349"))
    assert [key for key, _, _ in marks.written] == ["ana", bsuid_key("US.1349")]
    assert "ana" in marks.written[1][1]


def written(call: Any) -> dict[str, str]:
    """What an update sets (its value) and removes (empty)."""
    found = {}
    for action in call.kwargs["actions"]:
        path, *value = action.values
        found[str(path)] = value[0].value["S"] if value and "S" in value[0].value else ""
    return found


def test_a_way_is_written_whole_and_other_ways_are_left_alone() -> None:
    contacts = ContactWrites("contacts", "eu-west-1")
    with mock.patch.object(ContactItem, "update") as update:
        contacts.save(Contact("ana", {EMAIL.name: ("ana@example.org",)}, updated_at=1.0))
        assert written(update.call_args) == {"email": "ana@example.org", "updated_at": ""}
        contacts.save(Contact("ana", {PUSH.name: ("arn:1", "arn:2")}, updated_at=2.0))
        assert written(update.call_args) == {"push_endpoint": "arn:1 arn:2", "updated_at": ""}
