"""Marks of people who opted out, against a table that behaves as DynamoDB does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.batches import READS
from lifeline.adapters.opt_outs import OptOuts
from lifeline.domain.inbound.opting_out import Statement, Wish, opted_out
from lifeline.errors import UnavailableError

from tests.support.aws import stand_in


class Table:
    """Items by key; one write at a time, on the condition of the adapter."""

    def __init__(self, gives: int = 100) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.gives = gives
        self.reads = 0
        self.broken = False

    def update_item(self, **given: Any) -> dict[str, Any]:
        if self.broken:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")
        key, values = given["Key"]["user_id"]["S"], given["ExpressionAttributeValues"]
        item = self.items.setdefault(key, {"user_id": {"S": key}})
        if float(item.get("stated_at", {}).get("N", "-1")) > float(values[":a"]["N"]):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
        item |= {"wish": values[":w"], "stated_at": values[":a"], "stated_by": values[":s"]}
        if ":o" in values:
            known = item.get("same_person", {}).get("SS", [])
            item["same_person"] = {"SS": sorted({*known, *values[":o"]["SS"]})}
        return {"Attributes": item}

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        self.reads += 1
        ((name, wanted),) = RequestItems.items()
        assert wanted["ConsistentRead"] is True
        given, left = wanted["Keys"][: self.gives], wanted["Keys"][self.gives :]
        found = [self.items[key["user_id"]["S"]] for key in given if key["user_id"]["S"] in self.items]
        rest = {name: {"Keys": left, "ConsistentRead": True}} if left else {}
        return {"Responses": {name: found}, "UnprocessedKeys": rest}


def on(table: Table) -> OptOuts:
    return OptOuts(stand_in("dynamodb", table), "contacts")


def test_the_newest_wish_stays() -> None:
    opt_outs = on(Table())
    opt_outs.state(["n"], Statement(Wish.STOP, 20.0), "user_preferences")
    opt_outs.state(["n"], Statement(Wish.RESUME, 10.0), "user_preferences")
    assert opt_outs.of(["n", "other"]) == {"n": Statement(Wish.STOP, 20.0)}
    opt_outs.state(["n"], Statement(Wish.RESUME, 20.0), "word")
    assert opt_outs.of(["n"]) == {"n": Statement(Wish.RESUME, 20.0)}


def test_who_stops_by_number_and_resumes_by_user_id_is_one_person() -> None:
    table = Table()
    opt_outs = on(table)
    opt_outs.state(["number", "user"], Statement(Wish.STOP, 1.0), "user_preferences")
    opt_outs.state(["user"], Statement(Wish.RESUME, 2.0), "user_preferences")
    assert not opted_out(opt_outs.of(["number"]).values())
    assert table.items["number"]["stated_by"] == {"S": "user_preferences"}


def test_a_wish_that_nobody_knows_is_a_stop() -> None:
    table = Table()
    table.items["n"] = {"user_id": {"S": "n"}, "wish": {"S": "pause"}}
    assert opted_out(on(table).of(["n"]).values())


def test_what_was_left_is_asked_for_again_and_not_for_ever() -> None:
    table = Table(gives=60)
    opt_outs = on(table)
    names = [f"n{number}" for number in range(150)]
    for name in names:
        opt_outs.state([name], Statement(Wish.STOP, 1.0), "word")
    assert len(opt_outs.of(names)) == 150
    assert table.reads == 3
    table.gives = table.reads = 0
    with pytest.raises(UnavailableError, match="reading opt-outs"):
        opt_outs.of(["n1"])
    assert table.reads == READS


def test_a_table_that_does_not_answer_is_unavailable() -> None:
    table = Table()
    table.broken = True
    with pytest.raises(UnavailableError):
        on(table).state(["n"], Statement(Wish.STOP, 1.0), "word")
