"""Counters are gathered, and written once for each minute."""

from __future__ import annotations

from typing import Any, cast

from lifeline.domain.account.counters import CounterName
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.counting import Counting

from tests.support.memory import Recorder

A, B = cast(CounterName, "a"), cast(CounterName, "b")


def test_one_write_for_each_minute() -> None:
    written: list[tuple[int, dict[CounterName, int]]] = []
    counting = Counting(
        lambda minute, counts: written.append((minute, dict(counts))), cast(Telemetry, Recorder())
    )
    counting.add(60, {A: 1})
    counting.add(120, {A: 5})
    counting.add(60, {A: 2, B: 1})
    counting.write()
    assert written == [(60, {"a": 3, "b": 1}), (120, {"a": 5})]
    counting.write()
    assert len(written) == 2, "nothing is counted twice"


def test_what_cannot_be_written_is_let_go_and_told() -> None:
    log = Recorder()
    written: list[int] = []
    errors: list[Exception | None] = [UnavailableError("DynamoDB", "x", "y"), TypeError("a bug"), None]

    def count(minute: int, counts: Any) -> None:
        if error := errors.pop(0):
            raise error
        written.append(minute)

    counting = Counting(count, cast(Telemetry, log))
    for minute in (60, 120, 180):
        counting.add(minute, {A: 1})
    counting.write()
    counting.write()
    assert written == [180]
    assert [level for level, _, _ in log.lines] == ["warning", "exception"]
