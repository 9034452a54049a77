"""The course of an incident: opened, flaps, over."""

from __future__ import annotations

import pytest
from lifeline.domain.incident.course import course
from lifeline.domain.incident.report import report
from lifeline.domain.panic.flag import Kind

from tests.support.incidents import ID, START, event, facts, outage, parked


def test_the_course_of_an_incident_with_a_flap() -> None:
    found = report(facts(outage(), []))
    assert found["incident_id"] == ID
    assert found["state"] == "over"
    assert found["opened_by"] == "SenderFunction"
    assert found["opened"]["evidence"] == {"rule": "streak", "consecutive_unreachable": 6}
    assert found["closed_by"] == "ProberFunction"
    assert found["closed"]["reason"] == "3 probes in a row succeeded"
    assert found["duration_seconds"] == 240
    assert found["panic_seconds"] == 120 + 90
    assert found["flaps"] == 1
    # The probes that ended panic stand in the history as recovering.
    assert found["probes"] == {
        "total": 14,
        "succeeded": 6,
        "failed": 8,
        "last_finding": "reachability: connection refused",
    }


def test_an_incident_that_lasts_has_no_end_yet() -> None:
    found = report(facts([event(Kind.ENTERED, 0, 1)], [parked("a", 5, None)], now=60))
    assert (found["state"], found["closed"], found["left_panic_at"]) == ("panic", None, None)
    assert found["duration_seconds"] == 60
    assert found["messages"]["waiting"] == 1
    assert found["drain"] == {"parked": 1, "waiting": 1, "done_at": None, "seconds": None}


def test_recovering_is_a_state_of_its_own() -> None:
    assert report(facts(outage()[:-1], [], now=300))["state"] == "recovering"


def test_an_operator_may_end_it_at_once() -> None:
    events = [
        event(Kind.ENTERED, 0, 1, source="operator", actor="ada", cause="operator", reason="planned"),
        event(Kind.ENDED, 30, 2, source="operator", actor="ada", reason="done"),
    ]
    found = report(facts(events, []))
    assert (found["state"], found["closed"]["actor"], found["duration_seconds"]) == ("over", "ada", 30)
    assert found["probes"]["total"] == 0


def test_what_comes_under_the_same_id_after_its_end_is_no_part_of_it() -> None:
    later = event(Kind.NOTED, 900, 18, reason="quality is green again")
    found = course([*outage(), later])
    assert found is not None
    assert later not in found.events
    assert found.over == START + 840


def test_events_without_a_beginning_are_no_incident() -> None:
    assert course(outage()[1:]) is None
    with pytest.raises(ValueError, match="no beginning"):
        report(facts(outage()[1:], []))
