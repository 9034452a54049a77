"""Reads of contacts in parts: what DynamoDB leaves for the next call is asked for again."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.batches import READS
from lifeline.adapters.contacts import Contact, Contacts, bsuid_key, contact_key, mark_key
from lifeline.contract.messages import Recipient
from lifeline.contract.ways import EMAIL, PUSH
from lifeline.errors import UnavailableError

from tests.support.aws import stand_in

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


class Table:
    """Gives at most ``gives`` items per call."""

    def __init__(self, gives: int) -> None:
        self.gives = gives
        self.calls: list[int] = []

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        ((name, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        self.calls.append(len(keys))
        given, left = keys[: self.gives], keys[self.gives :]
        items = [{**key, "email": {"S": "a@example.org"}, "of_tomorrow": {"N": "1"}} for key in given]
        return {"Responses": {name: items}, "UnprocessedKeys": {name: {"Keys": left}} if left else {}}


def test_what_was_left_is_asked_for_again() -> None:
    table = Table(60)
    contacts = Contacts(stand_in("dynamodb", table), "contacts", "eu-west-1")
    found = contacts.read([f"p{n}" for n in range(150)])
    assert len(found) == 150
    assert found["p7"] == Contact("p7", {"email": ("a@example.org",)})
    assert table.calls == [100, 40, 50]


def test_a_table_that_gives_nothing_is_not_asked_for_ever() -> None:
    table = Table(0)
    with pytest.raises(UnavailableError, match="reading contacts"):
        Contacts(stand_in("dynamodb", table), "contacts", "eu-west-1").read(["p"])
    assert len(table.calls) == READS


class Stored(Table):
    """Gives what is stored."""

    def __init__(self, *items: dict[str, Any]) -> None:
        super().__init__(100)
        self.items = items

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        return {"Responses": {"contacts": [*self.items]}}


def test_a_contact_is_read_by_way() -> None:
    item = {
        "user_id": {"S": "ana"},
        "push_endpoint": {"S": f"{DEVICE} {DEVICE}2"},
        "email": {"NULL": True},
    }
    contacts = Contacts(stand_in("dynamodb", Stored(item)), "contacts", "eu-west-1")
    expected = Contact("ana", {PUSH.name: (DEVICE, DEVICE + "2")})
    assert contacts.read(["ana"]) == {"ana": expected}


def test_marks_are_read_for_their_own_way() -> None:
    device, mail = (PUSH.name, DEVICE), (EMAIL.name, "a@b.c")
    stored = Stored(
        {"user_id": {"S": mark_key(*device)}},
        {"user_id": {"S": mark_key(*mail)}, "email_refused": {"S": "bounce"}},
    )
    contacts = Contacts(stand_in("dynamodb", stored), "contacts", "eu-west-1")
    assert contacts.refused([device, mail]) == {mail: "bounce"}


def test_case_counts_where_addresses_have_it() -> None:
    assert mark_key(EMAIL.name, "Ana@Example.org") == mark_key(EMAIL.name, "ana@example.org")
    assert mark_key(PUSH.name, DEVICE) != mark_key(PUSH.name, DEVICE.upper())


BSUID = "US.13491208655302741918"


class Keyed(Table):
    """Gives what is asked for, where it is stored."""

    def __init__(self, *items: dict[str, Any]) -> None:
        super().__init__(100)
        self.items = {item["user_id"]["S"]: item for item in items}

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        keys = [key["user_id"]["S"] for key in RequestItems["contacts"]["Keys"]]
        self.calls.append(len(keys))
        return {"Responses": {"contacts": [self.items[key] for key in keys if key in self.items]}}


def of_ana(bsuid: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {"user_id": {"S": "ana"}, "bsuid": {"S": bsuid}, "email": {"S": "a@b.c"}},
        {"user_id": {"S": bsuid_key(BSUID)}, "owner": {"S": "ana"}},
    )


def test_a_contact_is_found_by_its_user_id_at_meta() -> None:
    contacts = Contacts(stand_in("dynamodb", Keyed(*of_ana(BSUID))), "contacts", "eu-west-1")
    ana = Contact("ana", {"email": ("a@b.c",)}, bsuid=BSUID)
    by_bsuid, by_user = contact_key(Recipient(bsuid=BSUID)), contact_key(Recipient("ana", bsuid=BSUID))
    assert contacts.read([by_bsuid]) == {by_bsuid: ana}
    assert contacts.read([by_bsuid, by_user, "bob"]) == {by_bsuid: ana, "ana": ana}


def test_an_id_that_its_contact_no_longer_has_is_nobodys() -> None:
    table = Keyed(*of_ana("US.2"))
    assert Contacts(stand_in("dynamodb", table), "contacts", "eu-west-1").read([bsuid_key(BSUID)]) == {}
    assert table.calls == [1, 1]


def test_who_is_nobody_has_no_key() -> None:
    assert contact_key(Recipient()) == ""
    assert len(bsuid_key("US.1")) > 128, "longer than any user_id"
