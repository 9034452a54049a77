"""The audit: every message accounted for, or the one command to run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.names import WAKE_QUEUE, WHATSAPP_DLQ
from lifeline.domain.message.row import Doubt, Lane, Phase, Row
from lifeline.domain.message.status import OPEN, Status
from lifeline.domain.pace.pace import LEAD, SPAN
from lifeline.domain.pace.records import DrainState
from lifeline.use_cases.operate.audit import TICK_LATE, UNACKNOWLEDGED

from tests.support.operating import World
from tests.support.services import instead


class Audited(World):
    def __init__(self) -> None:
        super().__init__()
        self.tick(20)

    def tick(self, ago: float) -> None:
        self.control.keep(DrainState(), actor="DrainerFunction", reason="planned", now=self.clock() - ago)

    def timer(self, name: str, overdue: float, **fields: Any) -> None:
        row = Row(name, phase=Phase.WAITING, lane=Lane.TIMER, due=self.clock() - overdue)
        self.ledger.put(replace(row, **fields))

    def off(self, name: str, ago: float = UNACKNOWLEDGED + 60, **fields: Any) -> None:
        self.ledger.put(replace(Row(name, phase=Phase.SENDING), updated_at=self.clock() - ago, **fields))

    def audit(self, **fields: Any) -> dict[str, Any]:
        return self.ask("audit.run", **fields)


@pytest.fixture
def world() -> Audited:
    return Audited()


def test_what_waits_for_its_time_is_accounted_for(world: Audited) -> None:
    world.timer("later", -3600)
    world.timer("in a moment", 30)
    world.ledger.put(Row("parked", Status.PARKED, lane=Lane.NORMAL, due=world.clock() - 7200))
    world.ledger.put(Row("sent", Status.SENT))
    result = world.audit()
    assert (result["verdict"], result["command"], result["findings"]) == ("accounted", None, [])
    assert (result["timers"]["waiting"], result["timers"]["overdue"]) == (2, 0)
    assert {lane["name"]: lane["count"] for lane in result["lanes"]}["normal"] == 1
    assert result["deep"] is None


def test_overdue_timers_are_counted_by_age_and_the_oldest_is_named(world: Audited) -> None:
    for name, overdue in {"a": 30, "b": 180, "c": 300, "d": 900, "e": 9000}.items():
        world.timer(name, overdue)
    result = world.audit()
    ages = {item["over_seconds"]: item["count"] for item in result["timers"]["ages"]}
    assert ages == {0: 1, 120: 2, 600: 1, 3600: 1}
    assert result["timers"]["oldest"] == {"id": "e", "seconds": 9000}
    assert (result["verdict"], result["command"]) == ("look", "lifeline message e")
    assert result["findings"][0]["count"] == 4


def test_doubts_are_counted_by_age_wherever_they_wait(world: Audited) -> None:
    def doubt(ago: float) -> tuple[Doubt, ...]:
        return (Doubt(1, "whatsapp", world.clock() - ago),)

    world.timer("fresh", -50, status=Status.IN_DOUBT, doubts=doubt(10))
    parked = Row("parked", Status.PARKED, lane=Lane.CRITICAL, due=world.clock() - 700, doubts=doubt(700))
    world.ledger.put(parked)
    world.timer("far", -86_400)
    result = world.audit()
    ages = {item["over_seconds"]: item["count"] for item in result["doubts"]["ages"]}
    assert (result["doubts"]["open"], ages) == (2, {0: 1, 120: 0, 600: 1, 3600: 0})
    assert result["command"] == "lifeline message parked"
    assert result["doubts"]["complete"] is True


def test_what_needs_a_person_is_named_with_its_command(world: Audited) -> None:
    world.ledger.put(Row("no", Status.REJECTED, lane=Lane.REFUSED, due=world.clock() - 5))
    world.queues.lay(WHATSAPP_DLQ, "{")
    result = world.audit()
    assert (result["refused"], result["dead_letters"][WHATSAPP_DLQ]) == (1, 1)
    assert [finding["command"] for finding in result["findings"]] == [
        "lifeline queue redrive --queue refused --dry-run",
        "lifeline queue redrive --queue whatsapp-dlq --dry-run",
    ]


@pytest.mark.parametrize("ago", [None, TICK_LATE + 1])
def test_a_tick_that_stopped_is_the_first_finding(world: Audited, ago: float | None) -> None:
    world.timer("e", 9000)
    if ago is None:
        world.control.values.clear()
    else:
        world.tick(ago)
    result = world.audit()
    assert "tick" in result["findings"][0]["what"]
    assert result["command"] == "aws logs tail /aws/lambda/lifeline-test-drainer --since 10m"
    assert len(result["findings"]) == 2


def test_a_stretch_that_was_planned_shows_that_the_tick_ran(world: Audited) -> None:
    world.control.values.clear()
    world.control.marks["drain"] = world.clock() + SPAN + LEAD - 30
    assert world.audit()["tick"]["age_seconds"] == 30
    assert world.audit()["verdict"] == "accounted"


def test_held_lanes_are_shown_when_they_hold_something(world: Audited) -> None:
    world.may_hold("reminder", "spring")
    world.ledger.put(Row("h", Status.PARKED, lane="template:reminder", due=world.clock() - 9))
    names = [lane["name"] for lane in world.audit()["lanes"]]
    assert "template:reminder" in names
    assert "campaign:spring" not in names


# --- deep --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(OPEN))
def test_an_open_row_off_the_agenda_is_found_once_sqs_no_longer_has_it(
    world: Audited, status: Status
) -> None:
    world.off("forgotten", status=status)
    world.off("under way", ago=60, status=status)
    assert world.audit()["verdict"] == "accounted", "only the ledger knows"
    result = world.audit(deep=True)
    assert (result["deep"]["found"], result["deep"]["ids"]) == (1, ["forgotten"])
    assert (result["verdict"], result["command"]) == ("look", "lifeline audit --deep --wake")
    assert world.queues.carriers(WAKE_QUEUE) == [], "a look changes nothing"


def test_settled_rows_and_those_of_another_version_are_not_found(world: Audited) -> None:
    world.off("sent", status=Status.SENT, phase=None)
    world.off("expired", status=Status.EXPIRED, phase=None)
    world.off("texting", phase="texting")
    world.timer("waits", -60, updated_at=1.0)
    assert world.audit(deep=True)["deep"]["found"] == 0


def test_a_row_that_moved_on_during_the_scan_is_not_found(world: Audited) -> None:
    world.off("slow")
    scan = world.ledger.open_off_agenda

    def then_it_is_done(*args: Any) -> Any:
        found = scan(*args)
        world.ledger.put(replace(world.ledger.rows["slow"], status=Status.SENT, phase=None))
        return found

    instead(world.ledger, open_off_agenda=then_it_is_done)
    assert world.audit(deep=True)["deep"]["found"] == 0


def test_wake_lets_a_worker_look_and_changes_no_row(world: Audited) -> None:
    world.off("forgotten")
    before = world.ledger.rows["forgotten"]
    assert world.audit(deep=True, wake=True)["deep"]["woken"] == 1
    (wake,) = world.queues.carriers(WAKE_QUEUE)
    assert (wake.body, wake.delay) == ("forgotten", 0)
    assert world.ledger.rows["forgotten"] == before


def test_at_most_twenty_ids_are_named_and_all_are_counted(world: Audited) -> None:
    for number in range(50):
        world.off(f"m{number:02}")
    deep = world.audit(deep=True)["deep"]
    assert (deep["found"], len(deep["ids"]), deep["next"]) == (50, 20, None)


def test_a_table_too_large_for_one_call_is_read_in_parts(world: Audited) -> None:
    for number in range(50):
        world.off(f"m{number:02}")
    first = world.ask("audit.run", remaining=5.0, deep=True)["deep"]
    assert (first["found"], first["next"]) == (0, 0)
    half = world.audit(deep=True, segment=32)["deep"]
    assert 0 < half["found"] < 50
    assert half["next"] is None
