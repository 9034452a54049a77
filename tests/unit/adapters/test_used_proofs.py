"""A proof is used once, and our own repeat of the write is no second use."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.used_proofs import UsedProofs
from lifeline.errors import UnavailableError


class Table:
    """DynamoDB's conditional put. ``repeats``: the SDK's own repeats after lost answers."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.repeats = 0
        self.code = ""

    def put_item(self, **asked: Any) -> None:
        assert asked["ConditionExpression"] == "attribute_not_exists(pk)"
        if self.code:
            raise ClientError({"Error": {"Code": self.code}}, "PutItem")
        for _ in range(1 + self.repeats):
            key = asked["Item"]["sk"]["S"]
            if key in self.items:
                answer = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": self.items[key]}
                raise ClientError(answer, "PutItem")  # type: ignore[arg-type]
            self.items[key] = asked["Item"]


def proofs(table: Table) -> UsedProofs:
    ops = iter("abcdef")
    return UsedProofs(table, "control", lambda: next(ops))  # type: ignore[arg-type]


def test_the_second_use_is_none() -> None:
    table = Table()
    used = proofs(table)
    assert used.use("s1", 100.5) is True
    assert used.use("s1", 100.5) is False
    assert used.use("s2", 100.5) is True
    assert table.items["s1"]["expires_ttl"] == {"N": "101"}


def test_a_repeat_by_the_sdk_is_the_same_use() -> None:
    table = Table()
    table.repeats = 1
    assert proofs(table).use("s1", 100.0) is True


def test_no_answer_is_no_use() -> None:
    table = Table()
    table.code = "ProvisionedThroughputExceededException"
    with pytest.raises(UnavailableError):
        proofs(table).use("s1", 100.0)
