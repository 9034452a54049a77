"""A sample of the ledger: small, and in time."""

from __future__ import annotations

from typing import Any

from lifeline.adapters.ledger import SAMPLE_PAGES, Ledger


class Table:
    """``pages`` pages per segment of ``rows`` rows each."""

    def __init__(self, pages: int, rows: int) -> None:
        self.pages, self.rows = pages, rows
        self.asked: list[dict[str, Any]] = []

    def scan(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        page = arguments.get("ExclusiveStartKey", 0)
        items = [
            {"id": {"S": f"{arguments['Segment']}-{page}-{n}"}, "status": {"S": "SENT"}, "rev": {"N": "2"}}
            for n in range(self.rows)
        ]
        return {"Items": items, **({"LastEvaluatedKey": page + 1} if page + 1 < self.pages else {})}


def ledger(table: Table) -> Ledger:
    client_: Any = table
    return Ledger(client_, "messages", 60.0, pause=lambda _: None, jitter=lambda: 0.0, new_op=lambda: "op")


def test_a_sample_ends_with_what_is_wanted_and_reads_only_what_it_must() -> None:
    table = Table(pages=5, rows=10)
    assert len(ledger(table).sample(0.0, 25, range(16))) == 25
    assert len(table.asked) == 3


def test_a_sample_of_a_huge_quiet_table_gives_up_in_time() -> None:
    table = Table(pages=10**6, rows=0)
    assert ledger(table).sample(0.0, 25, range(16)) == []
    assert len(table.asked) == SAMPLE_PAGES


def test_a_small_table_is_read_whole() -> None:
    assert len(ledger(Table(pages=1, rows=1)).sample(0.0, 300, range(16))) == 16


def test_a_sample_of_one_priority_asks_for_no_other() -> None:
    table = Table(pages=1, rows=1)
    ledger(table).sample(5.0, 300, range(1), "critical")
    assert table.asked[0]["FilterExpression"] == "created_at >= :s AND priority = :p"
    assert table.asked[0]["ExpressionAttributeValues"] == {":s": {"N": "5.000"}, ":p": {"S": "critical"}}
