"""The limiter's write: refused where it is booked too far ahead; as in memory, so on DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.control import Control

from tests.support.aws import stand_in
from tests.support.memory import MemoryControl

NOW = 1_790_000_000.0
HELD: dict[str, Callable[[float | None, dict[str, float]], bool]] = {
    "#t >= :f": lambda tat, at: tat is not None and tat >= at[":f"],
    "#t >= :f AND #t <= :a": lambda tat, at: tat is not None and at[":f"] <= tat <= at[":a"],
    "attribute_not_exists(#t) OR #t < :f": lambda tat, at: tat is None or tat < at[":f"],
}


class Table:
    """One item; ``calls``: updates, refused ones too."""

    def __init__(self) -> None:
        self.tat: float | None = None
        self.calls = 0

    def update_item(self, **call: Any) -> dict[str, Any]:
        self.calls += 1
        at = {name: float(value["N"]) for name, value in call["ExpressionAttributeValues"].items()}
        if not HELD[call["ConditionExpression"]](self.tat, at):
            assert call["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
            answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
            if self.tat is not None:
                answer["Item"] = {"tat": {"N": f"{self.tat:.6f}"}}
            raise ClientError(answer, "UpdateItem")
        self.tat = at[":n"] if ":n" in at else (self.tat or 0.0) + at[":s"]
        return {"Attributes": {"tat": {"N": f"{self.tat:.6f}"}}}


def limiter() -> tuple[Control, Table]:
    table = Table()
    return Control(stand_in("dynamodb", table), "control"), table


def test_it_refuses_with_one_write_where_it_is_booked_ahead() -> None:
    control, table = limiter()
    assert control.reserve("bulk", 100, 0.1, 1, NOW, 5.0) == pytest.approx(NOW - 0.1 + 10.0)
    calls = table.calls
    assert control.reserve("bulk", 1, 0.1, 1, NOW, 5.0) is None
    assert table.calls == calls + 1
    assert control.reserve("bulk", 1, 0.1, 1, NOW) == pytest.approx(NOW + 10.0), "without a bound it books"
    assert control.reserve("bulk", 1, 0.1, 1, NOW + 6, 5.0) == pytest.approx(NOW + 10.1)


def test_a_reservation_is_one_write_whether_the_limiter_is_idle_or_busy() -> None:
    control, table = limiter()
    for number, now in enumerate([NOW, NOW + 0.05, NOW + 60, NOW + 60.05, NOW + 300], 1):
        control.reserve("whatsapp", 1, 0.1, 5, now)
        assert table.calls == number


def test_what_others_booked_meanwhile_costs_one_more_write() -> None:
    control, table = limiter()
    control.reserve("whatsapp", 1, 0.1, 1, NOW)
    table.tat = NOW + 70.0
    assert control.reserve("whatsapp", 1, 0.1, 1, NOW + 60) == pytest.approx(NOW + 70.1)
    assert table.calls == 3
    table.tat = NOW + 500.0
    assert control.reserve("whatsapp", 1, 0.1, 1, NOW + 200, 5.0) is None
    assert table.calls == 4


STEPS = st.lists(
    st.tuples(st.floats(0, 5), st.integers(1, 50), st.one_of(st.none(), st.integers(0, 10))), max_size=30
)


@given(STEPS, st.integers(1, 20))
def test_memory_and_dynamodb_answer_alike(steps: list[tuple[float, int, int | None]], burst: int) -> None:
    control, _ = limiter()
    memory = MemoryControl()
    now = NOW
    for pause, tokens, ahead in steps:
        now += round(pause, 3)
        if ahead is None:
            real: float | None = control.reserve("bulk", tokens, 0.125, burst, now)
            assert real == pytest.approx(memory.reserve("bulk", tokens, 0.125, burst, now), abs=1e-4)
            continue
        # A bound between two instants that the limiter can stand at: no rounding decides.
        bound = ahead + 0.0617
        real = control.reserve("bulk", tokens, 0.125, burst, now, bound)
        other = memory.reserve("bulk", tokens, 0.125, burst, now, bound)
        assert (real is None) == (other is None)
        if real is not None:
            assert real == pytest.approx(other, abs=1e-4)
