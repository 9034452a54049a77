"""A phone that is off, on the deployed system: a push after the set time, and both are counted apart."""

from __future__ import annotations

from typing import Any

from tests.support.system import System, eventually

AFTER = 12


def shown_of(system: System, name: str) -> dict[str, Any]:
    """What an operator sees of a message."""
    answer = system.invoke("OperatorRead", {"action": "message.show", "id": name})
    result: dict[str, Any] = answer["result"]
    return result


def test_a_phone_that_is_off_is_answered_by_push_and_a_late_delivery_is_counted_as_both(
    system: System,
) -> None:
    prefix = system.fresh()
    off, late, on = f"{prefix}-off", f"{prefix}-late", f"{prefix}-on"
    numbers = {off: "+4915110000001", late: "+4915110000002"}
    system.fault("phone_off", match={"to": numbers[off].lstrip("+")})
    system.fault("phone_off", match={"to": numbers[late].lstrip("+")}, delivered_after=45)
    fallback = {"body": "At ten.", "after": AFTER}
    system.produce(
        *[system.person(name, to=number, fallback=fallback) for name, number in numbers.items()],
        system.person(on, fallback=fallback),
    )
    system.wait_for([on], "DELIVERED")
    system.wait_for([off, late], "PUSHED", within=90)
    assert sorted(system.accepted(prefix)) == sorted([off, late, on])
    eventually(lambda: system.row(late).get("beside"), 60, "the late delivery")
    shown = {name: shown_of(system, name) for name in (off, late, on)}
    assert [shown[name]["escalated"] for name in (off, late, on)] == [True, True, False]
    assert [shown[name]["also"] for name in (off, late, on)] == [None, "DELIVERED", None]
    assert [shown[name]["status"] for name in (off, late, on)] == ["PUSHED", "PUSHED", "DELIVERED"]
    assert all(item["possible_duplicates"] == 0 for item in shown.values())
    assert shown[on]["tried"] is None
    counted = eventually(lambda: system.counters() if system.counters().get("esc_both") else None, 20, "both")
    assert (counted["esc"], counted["esc_both"]) == (2, 1)
    assert not counted.get("possible")
