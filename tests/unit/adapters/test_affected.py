"""The rows of an incident: what a report needs of each, fetched side by side, and few at a time."""

from __future__ import annotations

import threading
from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.adapters.affected import AT_ONCE, IncidentRows, affected_of
from lifeline.domain.incident.facts import Affected, Move
from lifeline.domain.message.status import Status
from lifeline.domain.shards import WIDE
from lifeline.errors import UnavailableError

from tests.support.aws import stand_in
from tests.support.statuses import EMAILED

ID = "20260302-090000-abcdef"
PAGES = 4
FULL = {
    "id": {"S": "m"},
    "status": {"S": "EMAILED"},
    "created_at": {"N": "1.500"},
    "priority": {"S": "critical"},
    "category": {"S": "appointment"},
    "template": {"S": "reminder"},
    "campaign": {"S": "spring"},
    "person": {"S": "d1"},
    "rev": {"N": "3"},
    "resends": {"S": "2 1 1"},
    "failed_at": {"N": "1.250"},
    "tried": {"S": "push EndpointDisabled, email"},
    "trail": {"M": {"2750_EMAILED": {"S": "panic"}, "2750_CLAIMED": {"S": "c"}, "2_WHISPERED": {"S": "?"}}},
}


class Index:
    """So many pages of ten rows in each shard."""

    def __init__(self, pages: int = PAGES) -> None:
        self._pages = pages
        self.queries: list[dict[str, Any]] = []
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        self.broken = False

    def query(self, **call: Any) -> dict[str, Any]:
        if self.broken:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Query")
        key = call["ExpressionAttributeValues"][":k"]["S"]
        number = int(call.get("ExclusiveStartKey", {"n": {"N": "0"}})["n"]["N"])
        with self._lock:
            self.queries.append(call)
        items = [{"id": {"S": f"{key} {number} {n}"}, "status": {"S": "SENT"}} for n in range(10)]
        more = {"LastEvaluatedKey": {"n": {"N": str(number + 1)}}} if number + 1 < self._pages else {}
        return {"Items": items, **more}


def rows(index: Index) -> IncidentRows:
    return IncidentRows(stand_in("dynamodb", index), "messages")


def test_each_row_comes_once() -> None:
    index = Index()
    found = [row.id for row in rows(index)(ID)]
    assert len(found) == len(set(found)) == WIDE.incident * PAGES * 10
    assert len(index.queries) == WIDE.incident * PAGES
    names = index.queries[0]["ExpressionAttributeNames"]
    assert "ops" not in names.values(), "only what a report needs is asked for"


def test_no_more_pages_are_fetched_than_fit_into_memory() -> None:
    """A large incident is never in memory as a whole: so many pages are ahead of the reader, and no more."""
    index = Index(pages=50)
    reader = rows(index)(ID)
    for taken in range(1, 40):
        assert len(list(islice(reader, 10))) == 10
        assert len(index.queries) <= taken + AT_ONCE
    reader.close()  # type: ignore[attr-defined]
    assert len(index.queries) < 60, "who stops reading leaves the rest"


def test_an_item_is_read_as_a_report_needs_it() -> None:
    row = affected_of(FULL)
    assert row == Affected(
        id="m",
        status=EMAILED,
        created_at=1.5,
        priority="critical",
        category="appointment",
        template="reminder",
        campaign="spring",
        person="d1",
        writes=3,
        possible=2,
        duplicates=1,
        both=True,
        failed_at=1.25,
        tried="push EndpointDisabled, email",
        moves=[Move(2.75, EMAILED, "panic"), Move(2.75, Status.CLAIMED, "c")],
    )
    assert [move.status for move in row.trail] == [Status.CLAIMED, EMAILED]


def test_what_an_item_lacks_has_its_default() -> None:
    row = affected_of({"id": {"S": "m"}, "status": {"S": "OF_TOMORROW"}})
    assert row == Affected(id="m", status=Status.CLAIMED, created_at=0.0)


def test_no_answer_is_said() -> None:
    index = Index()
    index.broken = True
    with pytest.raises(UnavailableError, match="reading an incident's rows"):
        list(rows(index)(ID))
