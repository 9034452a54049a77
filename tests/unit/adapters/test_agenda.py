"""Reading the agenda: all pages of all shards, lazily, and what is said where DynamoDB does not answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.agenda import Agenda
from lifeline.domain.message.row import Row
from lifeline.domain.shards import LANE, WIDE
from lifeline.errors import UnavailableError

from tests.support.aws import stand_in


class Index:
    """One entry a page, an empty page before each, as a filter or a deletion may leave them."""

    def __init__(self, entries: dict[int, list[float]]) -> None:
        self.entries = entries
        self.queries: list[dict[str, Any]] = []
        self.broken = False
        self._lock = threading.Lock()

    def query(self, **arguments: Any) -> dict[str, Any]:
        with self._lock:
            self.queries.append(arguments)
        if self.broken:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "x"}}, "Query")
        shard = int(arguments["ExpressionAttributeValues"][":a"]["S"].rpartition("#")[2])
        dues = self.entries.get(shard, [])
        step = arguments.get("ExclusiveStartKey", 0)
        items = [dues[step // 2]] if step % 2 and step // 2 < len(dues) else []
        answer: dict[str, Any] = {"Count": len(items), "Items": [self._item(shard, due) for due in items]}
        if step + 1 < 2 * len(dues):
            answer["LastEvaluatedKey"] = step + 1
        return answer

    @staticmethod
    def _item(shard: int, due: float) -> dict[str, Any]:
        return {
            "id": {"S": f"m{shard}-{due}"},
            "status": {"S": "PARKED"},
            "rev": {"N": "2"},
            "agenda": {"S": f"campaign:a:b#{shard}"},
            "agenda_at": {"N": f"{due:.3f}"},
        }


ENTRIES = {0: [1.0, 4.0, 9.0], 3: [2.0], 7: [0.5, 3.0]}


def agenda(index: Index) -> Agenda:
    return Agenda(stand_in("dynamodb", index), "messages")


def ids(rows: list[Row]) -> list[float | None]:
    return [row.due for row in rows]


def test_an_empty_page_is_not_the_last() -> None:
    index = Index(ENTRIES)
    found = list(agenda(index).due("campaign:a:b", 10.0))
    assert ids(found) == [0.5, 1.0, 2.0, 3.0, 4.0, 9.0]
    assert {row.lane for row in found} == {"campaign:a:b"}
    assert agenda(index).count("campaign:a:b") == 6
    assert agenda(index).oldest("campaign:a:b") == 0.5
    assert agenda(Index({})).oldest("timer") is None


def test_every_query_begins_with_the_oldest() -> None:
    index = Index({})
    list(agenda(index).due("timer", 10.0))
    agenda(index).count("timer", 10.0)
    assert len(index.queries) == 2 * WIDE.timer
    for query in index.queries:
        assert query["KeyConditionExpression"] == "agenda = :a AND agenda_at <= :t"
        assert query["ExpressionAttributeValues"][":t"] == {"N": "10.000"}
        assert query["IndexName"] == "agenda"
        assert query.get("ScanIndexForward", True)


def test_no_page_is_read_before_it_is_needed_where_few_are_wanted() -> None:
    index = Index({0: [float(n) for n in range(100)]})
    rows = agenda(index).due("campaign:a:b", 1000.0, limit=3)
    assert index.queries == [], "nothing before the first entry is asked for"
    assert ids(list(rows)) == [0.0, 1.0, 2.0]
    assert len(index.queries) < LANE + 10
    assert {query["Limit"] for query in index.queries} == {3}


def test_what_cannot_be_read_is_said() -> None:
    index = Index(ENTRIES)
    index.broken = True
    for read in (
        lambda a: list(a.due("timer", 1.0)),
        lambda a: a.count("timer"),
        lambda a: a.oldest("timer"),
    ):
        with pytest.raises(UnavailableError, match="reading the agenda"):
            read(agenda(index))


def test_a_count_for_people_is_one_query_for_each_key_whatever_waits() -> None:
    index = Index({shard: [float(n) for n in range(1000)] for shard in range(LANE)})
    found, whole = agenda(index).at_least("campaign:a:b", 10.0)
    assert not whole
    assert found == 0, "a page may be empty"
    assert len(index.queries) == LANE
    assert {query["Select"] for query in index.queries} == {"COUNT"}
    assert agenda(Index({})).at_least("campaign:a:b") == (0, True)


def test_those_that_the_tick_released_are_counted_by_a_filter() -> None:
    index = Index({})
    agenda(index).at_least("timer", 10.0, drained=True)
    assert {query["FilterExpression"] for query in index.queries} == {"drained = :d"}
    assert index.queries[0]["ExpressionAttributeValues"][":d"] == {"BOOL": True}
