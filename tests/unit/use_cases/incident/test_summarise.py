"""Incidents from what the sender, the prober and the drainer really leave behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.incident.records import IncidentTold
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.ending import probe, tick
from lifeline.use_cases.incident.summarise import OPEN_SECONDS, Summarise, audience
from lifeline.wiring import drainer

from tests.support.operating import World
from tests.support.services import instead
from tests.support.statuses import PUSHED

ID = "20260301-090000-abcdef"


class Outage(World):
    """A panic that began just now, and the drainer's second job."""

    def __init__(self) -> None:
        super().__init__()
        adapters = self.adapters("drainer")
        self.panic, self.incidents = adapters.panic, adapters.incidents
        self.drainer = self.new_drainer()
        self.trip()

    def new_drainer(self) -> Summarise:
        return drainer.build(self.adapters("drainer", panic=self.panic)).summarise

    def tell(self, quiet: bool = True) -> list[str]:
        self.clock.advance(2)  # flags are read again
        return self.drainer(lambda: 60.0, quiet)

    def recover(self) -> None:
        for _ in range(3):
            self.clock.advance(15)
            flag = self.control.flag(WHATSAPP)
            change = probe(flag, incident_id=ID, ok=True, now=self.clock())
            assert change
            self.control.write(change, flag.version)

    def settle(self) -> None:
        self.clock.advance(601)
        flag = self.control.flag(WHATSAPP)
        change = tick(flag, now=self.clock())
        assert change
        self.control.write(change, flag.version)

    def row(self, name: str, *statuses: Status, **values: Any) -> None:
        """A row of this incident that goes through ``statuses``, a second each."""
        row = Row(name, phase="falling_back", incident_id=ID, **values)
        self.ledger.write([Change(Row(name), row, "panic")], self.clock())
        for status in statuses:
            self.move(name, status)

    def move(self, name: str, status: Status) -> None:
        self.clock.advance(1)
        row = self.ledger.rows[name]
        (written,) = self.ledger.write([Change(row, replace(row, status=status), "moved")], self.clock())
        assert written.fate is Fate.DONE

    def summaries(self) -> list[dict[str, Any]]:
        return [notice for notice in self.notices.told if notice["data"]["event"] == "summary"]


def test_an_incident_is_listed_and_reported() -> None:
    world = Outage()
    world.row("a", PUSHED, tried="push")
    listed = world.ask("incident.list")["incidents"]
    assert [line["incident_id"] for line in listed] == [ID]
    assert listed[0]["state"] == "panic"
    found = world.ask("incident.report", incident_id=ID)
    assert found["messages"]["push"] == 1
    assert (found["complete"], found["kept"]) == (True, False)
    assert world.ask("incident.report", incident_id="last")["incident_id"] == ID


def test_only_the_scope_that_was_asked_for() -> None:
    world = Outage()
    assert world.ask("incident.list", scope="openai_voice")["incidents"] == []
    assert len(world.ask("incident.list", scope="whatsapp", limit=1)["incidents"]) == 1


def test_an_unknown_incident_is_refused_with_those_that_there_are() -> None:
    world = Outage()
    error = world.refused("incident.report", incident_id="20260301-090000-ffffff")
    assert error["code"] == "unknown_incident"
    assert error["valid"] == [ID]
    assert (
        world.refused("incident.report", incident_id="20269999-090000-ffffff")["code"] == "unknown_incident"
    )


def test_without_any_incident_the_last_one_is_refused() -> None:
    assert World().refused("incident.report", incident_id="last")["code"] == "no_incident"


def test_rows_that_do_not_fit_into_the_time_are_left_out_and_it_is_said() -> None:
    world = Outage()
    for number in range(250):
        world.row(f"m{number}", PUSHED)
    left = iter([60.0, 60.0, 5.0])
    found = world.incidents.report(ID, lambda: next(left))
    assert not found["complete"]
    assert found["messages"]["total"] == 200


def test_the_summary_waits_for_the_last_message_and_is_told_once() -> None:
    world = Outage()
    world.row("a", Status.PARKED)
    assert world.tell() == [], "panic lasts"
    world.recover()
    assert world.tell() == [], "a message still waits"
    world.move("a", Status.SENT)
    assert world.tell(quiet=False) == [], "messages were released in this minute"
    assert world.tell() == [ID]
    assert world.tell() == []
    world.settle()
    assert world.tell() == []
    world.drainer = world.new_drainer()
    assert world.tell() == [], "another worker knows it from the control table"
    told = world.summaries()
    assert len(told) == 1
    assert told[0]["severity"] == "info"
    assert told[0]["audience"] == ("engineering",)
    assert told[0]["data"]["messages"]["parked_then_sent"] == 1
    assert "No post-mortem is needed" in told[0]["text"]


def test_a_fallback_that_failed_asks_for_a_post_mortem() -> None:
    world = Outage()
    world.row("a", Status.FAILED, tried="email MessageRejected", priority="critical")
    world.recover()
    assert world.tell() == [ID]
    told = world.summaries()[0]
    assert told["severity"] == "warning"
    assert "post-mortem is needed" in told["subject"]
    assert told["data"]["post_mortem"]["needed"]


def test_a_summary_does_not_wait_for_ever() -> None:
    world = Outage()
    world.row("a", Status.PARKED)
    world.recover()
    world.clock.advance(OPEN_SECONDS + 1)
    assert world.tell(quiet=False) == [ID]
    assert "1 still waiting" in world.summaries()[0]["text"]


def test_an_incident_that_is_long_over_is_not_told_any_more() -> None:
    world = Outage()
    world.recover()
    world.clock.advance(2 * 86_400)
    assert world.tell() == []


def test_a_notice_that_fails_is_told_with_the_next_minute() -> None:
    world = Outage()
    world.recover()
    world.notices.broken = True
    assert world.tell() == []
    world.notices.broken = False
    assert world.tell() == [ID]


def test_the_drain_is_not_disturbed_by_what_is_broken() -> None:
    world = Outage()
    world.recover()
    world.panic.flags()
    world.control.broken = True
    assert world.tell() == []


def test_of_two_drainers_one_tells() -> None:
    world = Outage()
    world.recover()
    other = world.new_drainer()
    taken = world.control.kept(IncidentTold, WHATSAPP)
    tell = world.notices.tell

    def while_telling(**notice: Any) -> None:
        instead(world.notices, tell=tell)
        assert other(lambda: 60.0) == []
        tell(**notice)

    instead(world.notices, tell=while_telling)
    assert not taken.is_there
    assert world.tell() == [ID]
    assert len(world.summaries()) == 1


def test_a_return_to_panic_is_told_again_with_its_new_end() -> None:
    world = Outage()
    world.recover()
    assert world.tell() == [ID]
    world.trip()
    world.clock.advance(60)  # the flap's earliest recovery
    world.recover()
    assert world.tell() == [ID]
    assert [told["data"]["flaps"] for told in world.summaries()] == [0, 1]


def test_the_told_report_is_kept_for_when_the_rows_are_gone() -> None:
    world = Outage()
    world.clock.now = 1_772_355_600.0  # the instant in the id
    world.control.stored.clear()
    world.control.events.clear()
    world.trip()
    world.row("a", PUSHED)
    world.recover()
    assert world.tell() == [ID]
    world.ledger.rows.clear()
    world.clock.advance(40 * 86_400)
    found = world.ask("incident.report", incident_id=ID)
    assert found["kept"]
    assert found["messages"]["push"] == 1


@pytest.mark.parametrize(
    ("cause", "values", "who"),
    [
        ("unreachable", {}, ("engineering",)),
        ("account", {}, ("engineering", "meta-support")),
        ("unreachable", {"priority": "bulk"}, ("engineering", "marketing")),
        ("unreachable", {"campaign": "spring"}, ("engineering", "marketing")),
        ("spam_limit", {"category": "promotion"}, ("engineering", "meta-support", "marketing")),
    ],
)
def test_those_whom_it_concerns_are_told(cause: str, values: dict[str, str], who: tuple[str, ...]) -> None:
    world = Outage()
    key, first = next(iter(world.control.events.items()))
    world.control.events[key] = replace(first, cause=cause)
    world.row("a", PUSHED, **values)
    assert audience(world.incidents.report(ID, lambda: 60.0)) == who


def test_the_end_of_openais_trouble_is_nothing_for_meta() -> None:
    world = Outage()
    found = world.incidents.report(ID, lambda: 60.0) | {"scope": "openai_voice", "cause": "account"}
    assert audience(found) == ("engineering",)
