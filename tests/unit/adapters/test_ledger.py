"""The ledger's calls: what it repeats, what it recognises as its own, and how it fails. On a fake client.

What DynamoDB makes of the statements is shown by ``tests/integration/test_conformance.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from lifeline.adapters import row_items
from lifeline.adapters.ledger import SILENT_TRIES, STATEMENTS_PER_CALL, TRIES, Ledger
from lifeline.domain.incident.facts import Move
from lifeline.domain.message.row import Change, Fate, Mark, Phase, Row, Watch, off_agenda, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.shards import NARROW, WIDE, Spread
from lifeline.errors import UnavailableError

from tests.support.aws import stand_in
from tests.support.statuses import EMAILED

ID = "20260301-090000-abcdef"
NOW = 1_790_000_000.0
OLD = Row("a", rev=4, ops=("x", "y", "z"))
Answer = Exception | dict[str, Any] | Callable[[list[Any]], dict[str, Any]]


def error(code: str, status: int = 400) -> ClientError:
    """What botocore raises where DynamoDB refuses a call."""
    answer: Any = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "BatchExecuteStatement")


def failed(code: str, **item: dict[str, Any]) -> dict[str, Any]:
    """The answer of one statement."""
    return {"Error": {"Code": code, "Message": "x", **({"Item": item} if item else {})}}


LOST_ANSWER = ReadTimeoutError(endpoint_url="https://dynamodb")


class Table:
    """DynamoDB as far as this needs it. ``answers``: of the next calls; then everything succeeds."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.answers: list[Answer] = []
        self.items: dict[str, dict[str, Any]] = {}
        self.reads: list[list[str]] = []
        self.queries: list[dict[str, Any]] = []
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.broken = False

    def batch_execute_statement(self, Statements: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(Statements)
        answer = self.answers.pop(0) if self.answers else {"Responses": [{} for _ in Statements]}
        if isinstance(answer, Exception):
            raise answer
        return answer(Statements) if callable(answer) else answer

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        if self.broken:
            raise error("ThrottlingException")
        wanted = RequestItems["messages"]
        assert wanted["ConsistentRead"]
        names = [key["id"]["S"] for key in wanted["Keys"]]
        if not all(0 < len(name.encode()) <= 2048 for name in names):
            raise error("ValidationException")
        self.reads.append(names)
        return {"Responses": {"messages": [self.items[name] for name in names if name in self.items]}}

    def query(self, **arguments: Any) -> dict[str, Any]:
        if self.broken:
            raise error("ThrottlingException")
        self.queries.append(arguments)
        items = self.pages.get(arguments["ExpressionAttributeValues"][":k"]["S"], [])
        start = int(arguments.get("ExclusiveStartKey", {"at": {"N": "0"}})["at"]["N"])
        answer: dict[str, Any] = {"Items": items[start : start + 2]}
        if start + 2 < len(items):
            answer["LastEvaluatedKey"] = {"at": {"N": str(start + 2)}}
        return answer

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [statement for call in self.calls for statement in call]


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def ledger(table: Table) -> Ledger:
    return ledger_of(table)


def ledger_of(table: Table, spread: Spread = NARROW) -> Ledger:
    numbers = itertools.count(1)
    return Ledger(
        stand_in("dynamodb", table),
        "messages",
        60.0,
        pause=lambda seconds: None,
        jitter=lambda: 0.0,
        new_op=lambda: f"op{next(numbers)}",
        spread=spread,
    )


def sent(before: Row = OLD) -> Change:
    return Change(before, off_agenda(before, Status.SENT), "Meta accepted it")


def item(ops: str, rev: int = 5, **more: dict[str, Any]) -> dict[str, Any]:
    """A row as the table holds it."""
    return {"id": {"S": "a"}, "status": {"S": "SENT"}, "rev": {"N": str(rev)}, "ops": {"S": ops}, **more}


# -- own writes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ops", "fate"),
    [
        ("y z op1", Fate.DONE),
        ("op1 b c", Fate.DONE),
        ("x y z", Fate.LOST),
        ("y z op11", Fate.LOST),
        ("b c d", Fate.LOST),
    ],
)
def test_a_refused_update_is_ours_where_the_row_bears_our_mark(
    table: Table, ledger: Ledger, ops: str, fate: Fate
) -> None:
    table.answers = [{"Responses": [failed("ConditionalCheckFailed", **item(ops, rev=7))]}]
    (found,) = ledger.write([sent()], NOW)
    assert found.fate is fate
    assert found.row is not None
    assert (found.row.rev, found.row.ops) == (7, tuple(ops.split()))
    assert table.statements[0]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


@pytest.mark.parametrize(("ops", "fate"), [("op1", Fate.DONE), ("other", Fate.LOST), ("op2", Fate.LOST)])
def test_a_known_id_is_ours_where_the_row_bears_our_mark(
    table: Table, ledger: Ledger, ops: str, fate: Fate
) -> None:
    table.items["a"] = item(ops, rev=1)
    table.answers = [{"Responses": [failed("DuplicateItem"), {}]}]
    found, other = ledger.write([Change(Row("a"), Row("a")), Change(Row("b"), Row("b"))], NOW)
    assert found.fate is fate
    assert found.row is not None
    assert found.row.ops == (ops,)
    assert other.fate is Fate.DONE
    assert table.reads == [["a"]]


def test_a_known_id_that_cannot_be_read_is_unknown(table: Table, ledger: Ledger) -> None:
    table.answers, table.broken = [{"Responses": [failed("DuplicateItem"), {}]}], True
    fates = [one.fate for one in ledger.write([Change(Row("a"), Row("a")), Change(Row("b"), Row("b"))], NOW)]
    assert fates == [Fate.UNKNOWN, Fate.DONE]


def test_a_row_that_is_gone(table: Table, ledger: Ledger) -> None:
    table.answers = [{"Responses": [failed("ConditionalCheckFailed"), failed("DuplicateItem")]}]
    found = ledger.write([sent(), Change(Row("b"), Row("b"))], NOW)
    assert [(one.fate, one.row) for one in found] == [(Fate.LOST, None)] * 2


# -- repeating --------------------------------------------------------------------------------------------


def test_without_an_answer_the_very_same_is_written_again(table: Table, ledger: Ledger) -> None:
    table.answers = [LOST_ANSWER]
    assert [one.fate for one in ledger.write([sent(), Change(Row("b"), Row("b"))], NOW)] == [Fate.DONE] * 2
    assert len(table.calls) == 2
    assert table.calls[0] == table.calls[1]


def test_after_some_silence_the_outcome_is_unknown(table: Table, ledger: Ledger) -> None:
    table.answers = [LOST_ANSWER, error("InternalServerError", 500), {"Responses": [{}]}]
    (found,) = ledger.write([sent()], NOW)
    assert (found.fate, found.row) == (Fate.UNKNOWN, None)
    assert len(table.calls) == SILENT_TRIES == 2


def test_throttled_statements_are_repeated_alone_and_with_the_same_mark(table: Table, ledger: Ledger) -> None:
    table.answers = [{"Responses": [{}, failed("ThrottlingError"), {}]}]
    changes = [Change(Row(name), Row(name)) for name in "abc"]
    assert [one.fate for one in ledger.write(changes, NOW)] == [Fate.DONE] * 3
    assert table.calls[1] == [table.calls[0][1]]


def test_what_stays_throttled_is_unknown_and_the_rest_is_not(table: Table, ledger: Ledger) -> None:
    throttled = failed("ProvisionedThroughputExceeded")
    table.answers = [{"Responses": [{}, throttled]}, *[{"Responses": [throttled]}] * 9]
    fates = [one.fate for one in ledger.write([Change(Row(name), Row(name)) for name in "ab"], NOW)]
    assert fates == [Fate.DONE, Fate.UNKNOWN]
    assert len(table.calls) == TRIES


def test_a_statement_that_dynamodb_refuses_takes_no_other_along(table: Table, ledger: Ledger) -> None:
    def but_b(statements: list[Any]) -> dict[str, Any]:
        if any({"S": "b"} in one["Parameters"] for one in statements):
            raise error("SerializationException")
        return {"Responses": [{} for _ in statements]}

    table.answers = [but_b] * 5
    fates = [one.fate for one in ledger.write([Change(Row(name), Row(name)) for name in "abc"], NOW)]
    assert fates == [Fate.DONE, Fate.UNKNOWN, Fate.DONE]
    table.answers = [{"Responses": [{}, failed("ValidationError"), {}]}]
    fates = [one.fate for one in ledger.write([Change(Row(name), Row(name)) for name in "abc"], NOW)]
    assert fates == [Fate.DONE, Fate.UNKNOWN, Fate.DONE]


def test_no_answer_concerns_one_call_of_several(table: Table, ledger: Ledger) -> None:
    def but_m30(statements: list[Any]) -> dict[str, Any]:
        if any({"S": "m30"} in one["Parameters"] for one in statements):
            raise LOST_ANSWER
        return {"Responses": [{} for _ in statements]}

    table.answers = [but_m30] * 9
    found = ledger.write([Change(Row(f"m{n}"), Row(f"m{n}")) for n in range(60)], NOW)
    assert [one.fate for one in found] == [Fate.DONE] * 25 + [Fate.UNKNOWN] * 25 + [Fate.DONE] * 10
    assert max(map(len, table.calls)) == STATEMENTS_PER_CALL
    assert [one.row.id for one in found if one.row] == [f"m{n}" for n in range(60) if not 25 <= n < 50]


def test_an_id_stands_once_in_a_call(table: Table, ledger: Ledger) -> None:
    ledger.write([sent(), Change(Row("b"), Row("b")), sent()], NOW)
    assert [len(call) for call in table.calls] == [2, 1]


def test_nothing_to_write_is_no_call(table: Table, ledger: Ledger) -> None:
    assert ledger.write([], NOW) == []
    assert table.calls == []


# -- statements -------------------------------------------------------------------------------------------


def test_a_row_gets_a_fresh_mark_each_time_and_three_are_kept(table: Table, ledger: Ledger) -> None:
    first, second, again = ledger.write([sent(), sent(Row("b", rev=1)), sent()], NOW)
    assert first.row is not None
    assert second.row is not None
    assert again.row is not None
    assert (first.row.ops, second.row.ops) == (("y", "z", "op1"), ("op1",))
    assert again.row.ops == ("y", "z", "op2")
    assert {"S": "y z op1"} in table.statements[0]["Parameters"]


def test_an_update_says_only_what_differs(table: Table, ledger: Ledger) -> None:
    before = waiting(replace(OLD, cause="auth", rounds=1), NOW)
    ledger.write([Change(before, replace(before, cause=None, act=1, phase=Phase.SENDING), "why")], NOW)
    (one,) = table.statements
    assert one["Statement"] == (
        f'UPDATE "messages" SET "trail"."{int(NOW * 1000)}_CLAIMED"=? SET "rev"=? SET "ops"=? '
        'SET "updated_at"=? SET "phase"=? SET "act"=? REMOVE "cause" WHERE "id"=? AND "rev"=?'
    )
    assert one["Parameters"] == [
        {"S": "why"},
        {"N": "5"},
        {"S": "y z op1"},
        {"N": f"{NOW:.3f}"},
        {"S": "sending"},
        {"N": "1"},
        {"S": "a"},
        {"N": "4"},
    ]


def test_a_lane_without_a_time_is_an_error_of_ours(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="a: in lane timer without a time"):
        ledger.write([Change(OLD, replace(OLD, lane="timer"))], NOW)


# -- incidents --------------------------------------------------------------------------------------------


def keys(table: Table) -> list[str]:
    """The incident index's keys that the statements write."""
    values = [value.get("S", "") for one in table.statements for value in one["Parameters"]]
    return [value for value in values if value.startswith(f"{ID}#")]


def test_a_row_of_an_incident_gets_a_key_and_others_get_none(table: Table, ledger: Ledger) -> None:
    ledger.write([Change(Row("a"), Row("a")), Change(Row("b"), Row("b", incident_id=ID))], NOW)
    assert len(keys(table)) == 1
    assert "incident_key" not in table.statements[0]["Statement"]
    assert "'incident_key':?" in table.statements[1]["Statement"]


def test_a_row_that_an_incident_touches_later_gets_the_same_key(table: Table, ledger: Ledger) -> None:
    ledger.write([Change(Row("b"), Row("b", incident_id=ID))], NOW)
    ledger.write([Change(Row("b", rev=1), Row("b", rev=1, incident_id=ID))], NOW)
    assert len(set(keys(table))) == 1
    update = table.statements[1]
    assert 'SET "incident_key"=?' in update["Statement"]
    assert update["Statement"].count("?") == len(update["Parameters"])


@pytest.mark.parametrize("spread", [NARROW, WIDE])
def test_rows_are_spread_over_all_keys_of_the_indexes(table: Table, spread: Spread) -> None:
    rows = [Row(f"m{n}", incident_id=ID, lane="timer", due=NOW) for n in range(600)]
    ledger_of(table, spread).write([Change(row, row) for row in rows], NOW)
    assert set(keys(table)) == {f"{ID}#{shard}" for shard in range(spread.incident)}
    values = [value.get("S", "") for one in table.statements for value in one["Parameters"]]
    timers = {value for value in values if value.startswith("timer#")}
    assert timers == {f"timer#{shard}" for shard in range(spread.timer)}


def test_a_row_stays_under_the_key_of_a_smaller_spread_while_it_stays_in_its_lane(table: Table) -> None:
    """Readers ask all keys, so it is found there; a write of its time alone does not move it."""
    row = Row("m1", rev=1, lane="timer", due=NOW)
    ledger_of(table, WIDE).write([Change(row, replace(row, due=NOW + 5))], NOW)
    (statement,) = table.statements
    assert '"agenda_at"' in statement["Statement"]
    assert '"agenda"=' not in statement["Statement"]


@pytest.mark.parametrize(
    ("resends", "found"),
    [({}, (0, 0)), ({"resends": {"S": "3 2"}}, (3, 2)), ({"resends": {"N": "2"}}, (2, 0))],
    ids=["none", "of this version", "of version 1"],
)
def test_duplicates_come_in_the_attribute_that_the_index_projects(
    table: Table, ledger: Ledger, resends: dict[str, Any], found: tuple[int, int]
) -> None:
    table.pages[f"{ID}#0"] = [item("x", **resends)]
    (row,) = ledger.affected(ID)
    assert (row.possible, row.duplicates) == found


def test_all_pages_of_all_keys_are_read_and_nothing_else(table: Table, ledger: Ledger) -> None:
    for shard in range(WIDE.incident):
        table.pages[f"{ID}#{shard}"] = [
            {
                "id": {"S": f"m{shard}-{n}"},
                "status": {"S": "EMAILED"},
                "created_at": {"N": "1.500"},
                "rev": {"N": "3"},
                "failed_at": {"N": "1.250"},
                "resends": {"S": "1 0"},
                "tried": {"S": "push EndpointDisabled, email"},
                "trail": {
                    "M": {
                        "1500_CLAIMED": {"S": "panic"},
                        "2750_EMAILED": {"S": "panic"},
                        "2800_WHISPERED": {"S": "of a later version"},
                    }
                },
            }
            for n in range(5)
        ]
    found = list(ledger.affected(ID))
    assert len({row.id for row in found}) == 5 * WIDE.incident
    assert len(table.queries) == 3 * WIDE.incident
    assert {query["IndexName"] for query in table.queries} == {"incident"}
    row = found[0]
    assert (row.status, row.created_at, row.writes, row.failed_at) == (EMAILED, 1.5, 3, 1.25)
    assert (row.possible, row.duplicates, row.priority) == (1, 0, "normal")
    assert row.trail == [Move(1.5, Status.CLAIMED, "panic"), Move(2.75, EMAILED, "panic")]


def test_a_table_that_does_not_answer_is_said(table: Table, ledger: Ledger) -> None:
    table.broken = True
    with pytest.raises(UnavailableError, match="an incident's rows"):
        list(ledger.affected(ID))
    with pytest.raises(UnavailableError, match="reading the ledger"):
        ledger.read(["a"])


@pytest.mark.parametrize("name", ["", "\ud83d", "x" * 2049, "\U0001f600" * 513], ids=ascii)
def test_an_id_that_no_key_can_hold_is_unknown_and_the_others_are_read(
    table: Table, ledger: Ledger, name: str
) -> None:
    table.items = {"a": {"id": {"S": "a"}, "status": {"S": "SENT"}, "rev": {"N": "1"}}}
    assert set(ledger.read(["a", name, "b"])) == {"a"}
    assert table.reads == [["a", "b"]]


# -- outcomes to tell -------------------------------------------------------------------------------------


def test_an_outcome_and_its_mark_are_one_write(table: Table) -> None:
    telling = Ledger(
        stand_in("dynamodb", table),
        "messages",
        60.0,
        pause=lambda seconds: None,
        jitter=lambda: 0.0,
        new_op=lambda: "op1",
        outcomes=True,
    )
    change = Change(OLD, off_agenda(OLD, Status.SENT), "", Watch.QUEUE)
    (found,) = telling.write([change], NOW)
    (statement,) = table.statements
    name = f"told_{OLD.rev + 1}"
    assert f'SET "{name}"=?' in statement["Statement"]
    assert {"S": f"SENT {NOW:.3f} q - -"} in statement["Parameters"]
    assert found.row is not None
    assert found.row.outcomes == (Mark(OLD.rev + 1, "SENT", NOW, Watch.QUEUE),)
    assert row_items.decode(row_items.encode(found.row)).outcomes == found.row.outcomes
    done = replace(found.row, outcomes=())
    telling.write([Change(found.row, done)], NOW)
    assert f'REMOVE "{name}"' in table.statements[1]["Statement"]


def test_without_a_topic_rows_bear_no_marks(table: Table, ledger: Ledger) -> None:
    ledger.write([sent()], NOW)
    assert "told_" not in table.statements[0]["Statement"]
