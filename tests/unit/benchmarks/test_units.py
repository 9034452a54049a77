"""What DynamoDB bills, by its published rules."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.units import Index, indexes, item_size, read_units, stored_bytes, write_units

AGENDA = Index(("agenda", "agenda_at"), frozenset({"id", "status"}))
ROW: dict[str, Any] = {"id": {"S": "m1"}, "body": {"S": "x" * 900}, "status": {"S": "PARKED"}}
WAITING = {**ROW, "agenda": {"S": "normal/1"}, "agenda_at": {"N": "1790000000"}}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"id": {"S": "abc"}}, 5),
        ({"n": {"N": "1790000000"}}, 1 + 3),
        ({"n": {"N": "123.45"}}, 1 + 4),
        ({"b": {"BOOL": True}}, 2),
        ({"ü": {"S": "ü"}}, 4),
        ({"m": {"M": {"k": {"S": "v"}}}}, 1 + 3 + 1 + 2),
        ({"l": {"L": [{"S": "v"}]}}, 1 + 3 + 2),
        ({"s": {"SS": ["a", "bc"]}}, 4),
    ],
)
def test_an_items_size(item: dict[str, Any], size: int) -> None:
    assert item_size(item) == size


def test_units_are_whole_kilobytes_and_one_at_least() -> None:
    assert [write_units(size) for size in (0, 1, 1024, 1025)] == [1, 1, 1, 2]
    assert write_units(100, 2000) == 2
    assert read_units(4097, consistent=True) == 2
    assert read_units(0, consistent=False) == 0.5


def test_an_index_is_written_only_where_its_entry_changes() -> None:
    assert AGENDA.units({}, ROW) == 0
    assert AGENDA.units({}, WAITING) == 1
    assert AGENDA.units(WAITING, {**WAITING, "body": {"S": "y"}}) == 0
    assert AGENDA.units(WAITING, {**WAITING, "status": {"S": "SENT"}}) == 1
    assert AGENDA.units(WAITING, {**WAITING, "agenda_at": {"N": "1790000060"}}) == 2
    assert AGENDA.units(WAITING, ROW) == 1


def test_indexes_are_read_from_a_tables_description() -> None:
    keys = [
        {"AttributeName": "agenda", "KeyType": "HASH"},
        {"AttributeName": "agenda_at", "KeyType": "RANGE"},
    ]
    described = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {"KeySchema": keys, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}},
            {"KeySchema": keys, "Projection": {"ProjectionType": "ALL"}},
        ],
    }
    assert indexes(described) == [AGENDA, Index(AGENDA.keys, None)]


def test_what_is_stored_has_its_index_entries_and_overheads() -> None:
    entry = item_size({name: WAITING[name] for name in ("id", "status", "agenda", "agenda_at")})
    assert stored_bytes([WAITING], [AGENDA]) == item_size(WAITING) + 100 + entry + 100
    assert stored_bytes([ROW], [AGENDA]) == item_size(ROW) + 100
