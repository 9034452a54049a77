"""What a way costs in an hour: the sum never passes the ceiling, whoever adds to it; one is first to tell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.control import Control

from tests.support.aws import stand_in
from tests.support.memory import MemoryControl

HOUR = 1_789_999_200


class Table:
    """Keeps the calls, and answers each as if its condition held."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []

    def update_item(self, **call: object) -> dict[str, object]:
        self.calls.append(call)
        return {"Attributes": {}}


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(0, 200))
def test_in_memory_it_never_passes_the_ceiling(costs: list[int], ceiling: int) -> None:
    control = MemoryControl()
    booked = sum(cost for cost in costs if control.spend("sms", HOUR, cost, ceiling))
    assert booked == control.spent["sms", HOUR] <= ceiling


def test_what_is_dearer_than_the_ceiling_is_not_even_asked_for() -> None:
    table = Table()
    assert not Control(stand_in("dynamodb", table), "control").spend("sms", HOUR, 11, 10)
    assert table.calls == []


def test_the_write_holds_the_room_that_there_is() -> None:
    table = Table()
    assert Control(stand_in("dynamodb", table), "control").spend("sms", HOUR, 3, 10)
    (call,) = table.calls
    assert call["ConditionExpression"] == "attribute_not_exists(#s) OR #s <= :room"
    values = call["ExpressionAttributeValues"]
    assert isinstance(values, dict)
    assert (values[":c"], values[":room"]) == ({"N": "3"}, {"N": "7"})
