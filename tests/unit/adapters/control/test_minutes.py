"""Counters of the minute: spread over items by those who write often, added up by those who read."""

from __future__ import annotations

from lifeline.adapters.control.minutes import SELDOM, Minutes
from lifeline.domain.account.counters import ACCEPTED, DRAINED
from lifeline.domain.shards import NARROW, WIDE, Spread

from tests.support.aws import stand_in
from tests.support.control_table import ControlClient, busiest
from tests.support.memory import Clock

AT = 1_790_000_040


def minutes(table: ControlClient, clock: Clock, spread: Spread = WIDE) -> Minutes:
    return Minutes(stand_in("dynamodb", table), "control", spread, clock)


def test_a_quiet_system_has_one_item_a_minute() -> None:
    clock, table = Clock(), ControlClient()
    worker = minutes(table, clock)
    for _ in range(60):
        worker.count(AT, {ACCEPTED: 1})
        clock.advance(SELDOM)
    assert list(table.items) == [("stats", f"{AT:012d}")], "as it was before there were several"
    assert worker.counts(AT, AT) == {AT: {ACCEPTED: 60}}


def test_a_busy_worker_goes_round_and_readers_add_up() -> None:
    clock, table = Clock(), ControlClient()
    worker = minutes(table, clock)
    for _ in range(800):
        worker.count(AT, {ACCEPTED: 2, DRAINED: 1})
        clock.advance(0.01)
    assert len(table.items) == WIDE.minute
    most = busiest(table)
    assert max(most.values()) == 800 / WIDE.minute, "no item has more than its part"
    assert minutes(table, clock).counts(AT, AT + 59) == {AT: {ACCEPTED: 1600, DRAINED: 800}}


def test_a_deployment_that_is_not_wide_writes_one() -> None:
    clock, table = Clock(), ControlClient()
    worker = minutes(table, clock, NARROW)
    for _ in range(10):
        worker.count(AT, {ACCEPTED: 1})
    assert list(table.items) == [("stats", f"{AT:012d}")]


def test_minutes_come_in_their_order_and_from_the_span_alone() -> None:
    clock, table = Clock(), ControlClient()
    worker = minutes(table, clock)
    for minute in (AT + 60, AT, AT + 120, AT - 60):
        worker.count(minute, {ACCEPTED: 1})
    assert list(worker.counts(AT, AT + 60)) == [AT, AT + 60]


def test_an_item_of_the_earlier_layout_is_read() -> None:
    table = ControlClient()
    table.items["stats", f"{AT:012d}"] = {
        "pk": {"S": "stats"},
        "sk": {"S": f"{AT:012d}"},
        "acc": {"N": "7"},
        "expires_ttl": {"N": "1"},
    }
    table.items["stats#3", f"{AT:012d}"] = {
        "pk": {"S": "stats#3"},
        "sk": {"S": f"{AT:012d}"},
        "acc": {"N": "2"},
        "expires_ttl": {"N": "1"},
    }
    assert minutes(table, Clock()).counts(AT, AT) == {AT: {ACCEPTED: 9}}
