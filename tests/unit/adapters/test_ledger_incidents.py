"""Rows of an incident: the key that puts them into the index, and how they are read from it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.ledger import INCIDENT_SHARDS, Change, Ledger, Row
from lifeline.domain.incident import Move
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError

ID = "20260301-090000-abcdef"


class Table:
    """DynamoDB as far as this needs it: keeps statements, answers queries page by page."""

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = []
        self.queries: list[dict[str, Any]] = []
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.broken = False

    def batch_execute_statement(self, Statements: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.statements += Statements
        return {"Responses": [{} for _ in Statements]}

    def query(self, **arguments: Any) -> dict[str, Any]:
        if self.broken:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "x"}}, "Query")
        self.queries.append(arguments)
        items = self.items.get(arguments["ExpressionAttributeValues"][":k"]["S"], [])
        start = int(arguments.get("ExclusiveStartKey", {"at": {"N": "0"}})["at"]["N"])
        answer: dict[str, Any] = {"Items": items[start : start + 2]}
        if start + 2 < len(items):
            answer["LastEvaluatedKey"] = {"at": {"N": str(start + 2)}}
        return answer


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def ledger(table: Table) -> Ledger:
    return Ledger(table, "messages", 60.0, pause=lambda s: None, jitter=lambda: 0.0)  # type: ignore[arg-type]


def keys(table: Table) -> list[str]:
    """The index keys that the statements write."""
    values = [value.get("S", "") for item in table.statements for value in item["Parameters"]]
    return [value for value in values if value.startswith(f"{ID}#")]


def test_a_row_of_an_incident_gets_a_key_and_others_get_none(table: Table, ledger: Ledger) -> None:
    ledger.insert([Row("a", Status.CLAIMED, "c"), Row("b", Status.CLAIMED, "c", incident_id=ID)], 1.0)
    assert len(keys(table)) == 1
    assert "incident_key" not in table.statements[0]["Statement"]
    assert "'incident_key':?" in table.statements[1]["Statement"]


def test_a_row_that_an_incident_touches_later_gets_the_same_key(table: Table, ledger: Ledger) -> None:
    ledger.insert([Row("b", Status.CLAIMED, "c", incident_id=ID)], 1.0)
    ledger.apply([Change(Row("b", Status.CLAIMED, "c"), Status.PARKED, {"incident_id": ID}, "panic")], 2.0)
    assert len(set(keys(table))) == 1
    update = table.statements[1]
    assert 'SET "incident_key"=?' in update["Statement"]
    assert update["Statement"].count("?") == len(update["Parameters"])


def test_an_incidents_rows_are_spread_over_all_its_keys(table: Table, ledger: Ledger) -> None:
    ledger.insert([Row(f"m{n}", Status.CLAIMED, "c", incident_id=ID) for n in range(200)], 1.0)
    assert set(keys(table)) == {f"{ID}#{shard}" for shard in range(INCIDENT_SHARDS)}


def test_all_pages_of_all_keys_are_read_and_nothing_else(table: Table, ledger: Ledger) -> None:
    for shard in range(INCIDENT_SHARDS):
        table.items[f"{ID}#{shard}"] = [
            {
                "id": {"S": f"m{shard}-{n}"},
                "status": {"S": "EMAILED"},
                "created_at": {"N": "1.500"},
                "rev": {"N": "3"},
                "failed_at": {"N": "1.250"},
                "tried": {"S": "push EndpointDisabled, email"},
                "trail": {"M": {"1500_CLAIMED": {"S": "falling_back"}, "2750_EMAILED": {"S": "panic"}}},
            }
            for n in range(5)
        ]
    found = list(ledger.affected(ID))
    assert len({row.id for row in found}) == 5 * INCIDENT_SHARDS
    assert len(table.queries) == 3 * INCIDENT_SHARDS
    assert {query["IndexName"] for query in table.queries} == {"incident"}
    row = found[0]
    assert (row.status, row.created_at, row.writes, row.failed_at) == (Status.EMAILED, 1.5, 3, 1.25)
    assert row.priority == "normal"
    assert row.trail == [Move(1.5, Status.CLAIMED, "falling_back"), Move(2.75, Status.EMAILED, "panic")]


def test_a_table_that_does_not_answer_is_said(table: Table, ledger: Ledger) -> None:
    table.broken = True
    with pytest.raises(UnavailableError, match="an incident's rows"):
        list(ledger.affected(ID))
