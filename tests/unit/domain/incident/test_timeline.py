"""The timeline: states, probes, and the backlog."""

from __future__ import annotations

from lifeline.domain.incident.report import report
from lifeline.domain.incident.timeline import POINTS, STEPS
from lifeline.domain.panic.flag import Kind

from tests.support.incidents import event, facts, outage, parked, pushed


def test_the_timeline_shows_states_probes_and_a_backlog_that_comes_and_goes() -> None:
    messages = [parked(f"m{n}", 10 + n, 260 + n) for n in range(20)] + [pushed(f"p{n}", 30) for n in range(5)]
    found = report(facts(outage(), messages))["timeline"]
    assert [span["state"] for span in found["states"]] == ["panic", "recovering", "panic", "recovering"]
    assert len(found["probes"]) == 14
    assert sum(row["push"] for row in found["series"]) == 5
    assert sum(row["whatsapp"] for row in found["series"]) == 20
    levels = [row["backlog"] for row in found["series"]]
    assert max(levels) == 20
    assert levels[-1] == 0
    assert len(found["series"]) <= POINTS
    assert found["series"][-1]["t"] < found["seconds"]


def test_a_long_incident_takes_larger_steps() -> None:
    events = [event(Kind.ENTERED, 0, 1), event(Kind.RECOVERING, 40_000, 2)]
    found = report(facts(events, [parked("a", 5, 41_000)], now=50_000))["timeline"]
    assert len(found["series"]) <= POINTS
    assert found["step_seconds"] in STEPS
