"""A campaign's messages at the sender and in the drain: held, stopped, parked, and each counted once."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.campaigns import CACHE_SECONDS, Campaigns
from lifeline.adapters.queues import Incoming
from lifeline.contract import BULK_QUEUE, format_instant
from lifeline.domain.campaign import CANCELLED, COUNTERS, PAUSED, ROUNDS, Campaign, State, tally
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError
from lifeline.use_cases.drain import Drain
from lifeline_cli.campaign import NAMED, _check, batches, read_lines

from tests.support.meta import failed, status
from tests.support.operating import url
from tests.unit.use_cases.test_campaigns import MemoryCampaigns
from tests.unit.use_cases.test_drain_after_panic import Backlog
from tests.unit.use_cases.test_failure_twice import UNDELIVERABLE, Clinic, answer

BULK = "queue/bulk"
LINES = 30_000
"""Kept, their faults alone would take 12 MB."""
BYTES_PER_LINE = 110
"""What is kept of a line: its number's hash, in a set."""


class States(MemoryCampaigns):
    """Campaigns whose state may be unreadable."""

    broken = False

    def state(self, name: str) -> str:
        if self.broken:
            raise UnavailableError("DynamoDB", "reading a campaign", "broken on purpose")
        return super().state(name)


class Sending(Clinic):
    def __init__(self, has_push: bool = True) -> None:
        super().__init__(has_push)
        self.campaigns = States()
        self.campaigns.create(Campaign("spring", State.RUNNING, "promo", 100, 0.0, 60.0))
        self.sender._campaigns = self.campaigns  # type: ignore[assignment]
        self.sender._settings = replace(self.sender._settings, bulk_queue_url=BULK)

    def set(self, state: State) -> None:
        self.campaigns.items["spring"] = replace(self.campaigns.items["spring"], state=state)

    def line(self, number: int, campaign: str = "spring") -> str:
        name = f"spring:{number}"
        body = {
            "id": name, "to": "+4915112345678", "type": "text", "text": "x",
            "priority": "bulk", "campaign": campaign,
        }  # fmt: skip
        self.deliver(json.dumps(body), None, f"sqs-{name}")
        return name

    @property
    def counts(self) -> dict[str, int]:
        found = self.campaigns.items["spring"].counts
        return {name: found[name] for name in COUNTERS if found.get(name)}


def test_a_message_of_a_running_campaign_is_sent_and_counted() -> None:
    world = Sending()
    world.line(1)
    assert world.counts == {"sent": 1}


def test_a_webhook_that_is_faster_than_the_answer_changes_no_count() -> None:
    world = Sending()
    world.meta.before_answer = lambda: world.statuses(status("spring:1", "delivered"))  # type: ignore[assignment]
    world.line(1)
    assert world.status_of("spring:1") is Status.DELIVERED
    assert world.counts == {"sent": 1}


def test_a_failure_that_meta_reports_late_becomes_the_fallback_that_was_taken() -> None:
    world = Sending()
    world.line(1)
    world.statuses(failed("spring:1", UNDELIVERABLE))
    world.serve(copies=2)
    assert world.status_of("spring:1") is Status.PUSHED
    assert world.counts == {"fallback": 1}


def test_a_paused_campaign_goes_round_is_parked_and_takes_nobodys_fallback() -> None:
    world = Sending(has_push=True)
    world.set(State.PAUSED)
    name = world.line(1)
    world.serve()
    assert world.status_of(name) is Status.PARKED
    parked = world.queues.sent[BULK]
    assert len(parked) == 1
    assert world.ledger.rows[name].turn == ROUNDS + 1
    assert (world.meta.asked, world.ways.taken, world.counts) == ([], [], {})
    world.set(State.RUNNING)
    world.deliver(parked[0].body, parked[0].note, "released")
    assert (world.meta.asked, world.counts) == ([name], {"sent": 1})


def test_a_resumed_campaign_sends_what_was_put_back() -> None:
    world = Sending()
    world.set(State.PAUSED)
    name = world.line(1)
    assert world.ledger.rows[name].trail
    world.set(State.RUNNING)
    world.serve()
    assert (world.meta.asked, world.counts) == ([name], {"sent": 1})


@pytest.mark.parametrize("before", [None, State.PAUSED])
def test_a_cancelled_campaign_sends_nothing_and_says_so(before: State | None) -> None:
    world = Sending()
    if before:
        world.set(before)
        world.line(1)
    world.set(State.CANCELLED)
    if not before:
        world.line(1)
    world.serve()
    assert world.status_of("spring:1") is Status.EXPIRED
    assert (world.meta.asked, world.ways.taken, world.counts) == ([], [], {"cancelled": 1})
    assert any(CANCELLED in note for note in world.ledger.rows["spring:1"].trail.values())


def test_a_label_that_is_no_campaign_of_ours_is_only_a_label() -> None:
    world = Sending()
    world.line(1, campaign="another-label")
    assert world.meta.asked == ["spring:1"]
    assert list(world.campaigns.items) == ["spring"]


def test_an_unreadable_state_holds_the_campaign_and_nothing_else() -> None:
    world = Sending()
    world.campaigns.broken = True
    name = world.line(1)
    world.produce("live")
    assert world.meta.asked == ["live"]
    world.campaigns.broken = False
    world.serve()
    assert world.meta.asked == ["live", name]
    assert world.counts == {"sent": 1}


STEPS = st.lists(
    st.sampled_from(["line", "pause", "resume", "cancel", "refuse", "late", "serve"]), max_size=25
)


@given(STEPS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_each_message_counts_once_and_nobody_is_asked_twice(
    steps: list[str], has_push: bool
) -> None:
    world = Sending(has_push)
    produced: list[str] = []
    state = State.RUNNING
    for step in [*steps, "serve"]:
        if step == "line":
            produced.append(world.line(len(produced)))
        elif step == "refuse" and state is State.RUNNING:
            world.meta.script = [answer(UNDELIVERABLE)]
            produced.append(world.line(len(produced)))
        elif step == "late":
            for name in produced:
                if world.status_of(name) is Status.SENT:
                    world.statuses(failed(name, UNDELIVERABLE))
        elif step == "serve":
            world.serve()
        elif state is not State.CANCELLED and step in ("pause", "resume", "cancel"):
            state = {"pause": State.PAUSED, "resume": State.RUNNING, "cancel": State.CANCELLED}[step]
            world.set(state)
    assert max(Counter(world.meta.asked).values(), default=0) <= 1
    rows = world.ledger.rows
    waiting = [name for name in produced if rows[name].status is Status.PARKED]
    assert all(number >= 0 for number in world.counts.values())
    assert sum(world.counts.values()) == len(produced) - len(waiting)
    assert len(world.queues.sent[BULK]) == len(waiting)
    ended = Counter(rows[name].status for name in produced)
    assert world.counts.get("fallback", 0) == ended[Status.PUSHED]
    assert world.counts.get("sent", 0) == ended[Status.SENT]


@given(st.sampled_from(Status), st.sampled_from(["", PAUSED, CANCELLED]), st.booleans(), st.booleans())
def test_a_message_adds_one_or_moves_one(found: Status, why: str, accepted: bool, reported: bool) -> None:
    added = tally(found, why, accepted=accepted, reported=reported)
    assert set(added) <= set(COUNTERS)
    assert sum(added.values()) in ((0,) if reported else (0, 1))


def test_what_expires_in_its_lane_shows_in_its_campaign_once() -> None:
    world = Backlog()
    campaigns = MemoryCampaigns()
    campaigns.create(Campaign("spring", State.RUNNING, "promo", 100, 0.0, 60.0))
    world.drain = Drain(
        settings=world.settings,
        control=world.control,  # type: ignore[arg-type]
        ledger=world.ledger,  # type: ignore[arg-type]
        queues=world.queues,  # type: ignore[arg-type]
        clock=world.clock,
        telemetry=world.log,  # type: ignore[arg-type]
        campaigns=campaigns,  # type: ignore[arg-type]
    )
    past = format_instant(world.clock() - 5)
    for copy in range(2):
        for number, campaign in enumerate(["spring", "spring", "another-label"]):
            body = {
                "id": f"c{number}", "to": "+4915112345678", "type": "text", "text": "x",
                "priority": "bulk", "campaign": campaign, "expires_at": past,
            }  # fmt: skip
            receipt = f"c{number}-{copy}"
            world.queues.put(url(BULK_QUEUE), Incoming(receipt, json.dumps(body), receipt, None))
    for _ in range(10):
        world.drain(lambda: 60.0)
        world.clock.advance(60)
    assert campaigns.items["spring"].counts == {"expired": 2}
    assert "another-label" not in campaigns.items
    assert [world.ledger.rows[f"c{number}"].status for number in range(3)] == [Status.EXPIRED] * 3


class Table:
    """Answers one campaign's state; ``broken``: does not answer."""

    def __init__(self) -> None:
        self.reads = 0
        self.broken = False

    def get_item(self, **_: Any) -> dict[str, Any]:
        self.reads += 1
        if self.broken:
            from botocore.exceptions import EndpointConnectionError

            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        item = {name: {"N": "1"} for name in ("total", "start", "over", "released", "created_at")}
        words = {"sk": "spring", "state": "paused", "template": "promo", "actor": "ada"}
        return {"Item": {**item, **{name: {"S": word} for name, word in words.items()}}}


def test_a_state_is_read_every_few_seconds_and_the_last_known_one_holds() -> None:
    table, now = Table(), [0.0]
    campaigns = Campaigns(table, "control", lambda: now[0])  # type: ignore[arg-type]
    assert [campaigns.state("spring") for _ in range(50)] == ["paused"] * 50
    assert table.reads == 1
    now[0] += CACHE_SECONDS
    table.broken = True
    assert campaigns.state("spring") == "paused"
    with pytest.raises(UnavailableError):
        campaigns.state("never-seen")


class Asked:
    """A command line whose operator function finds what the test says."""

    as_json = True

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.largest = 0
        self.client = self

    def call(self, action: str, lines: list[dict[str, Any]]) -> Mapping[str, Any]:
        assert action == "campaign.check"
        assert lines
        assert all(set(item) == {"line", "message"} for item in lines)
        self.largest = max(self.largest, len(lines))
        faults = [{"line": item["line"], "fault": self.fault} for item in lines] if self.fault else []
        return {"reachable": 0 if self.fault else len(lines), "faults": faults}


COMMON = {"campaign": "spring", "type": "template", "priority": "bulk"}


def test_lines_that_are_too_short_too_long_or_empty_are_named(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_text(
        "to,parameter_1,parameter_2\n+4915112345678,a,b\n+4915112345678,a\n+4915112345678,a,\n+4915112345678,a,b,c\n"
    )
    found = list(batches(read_lines(file, "promo", "en_US", COMMON)))
    checked = _check(Asked(), found)  # type: ignore[arg-type]
    assert (checked.total, checked.reachable, checked.bad, checked.values) == (4, 1, 3, 2)
    assert [(item["line"], item["fault"]) for item in checked.named] == [
        (3, "has fewer fields than the header"),
        (4, "parameter_2 is empty"),
        (5, "has more fields than the header"),
    ]


def test_numbers_that_come_again_are_named_and_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_text("to\n+4915112345678\n+4915112345679\n+49 151 12345678\n+4915112345678\n")
    checked = _check(Asked(), batches(read_lines(file, "promo", "en_US", COMMON)))  # type: ignore[arg-type]
    assert (checked.bad, checked.repeats, checked.repeating) == (0, 2, [4, 5])
    assert checked.warnings() == ["lines with a number that an earlier line has: 2 (4, 5); each is sent"]


def test_bad_lines_are_counted_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    with file.open("w") as out:
        out.write("to,parameter_1\n")
        for number in range(LINES):
            out.write(f"+4915{number:09d},10 %\n")
    asked = Asked("no such number: " + "x" * 200)
    lines = batches(read_lines(file, "promo", "en_US", COMMON))
    tracemalloc.start()
    try:
        checked = _check(asked, lines)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = (checked.total, checked.bad, len(checked.named), asked.largest)
    assert found == (LINES, LINES, NAMED, 100)
    assert peak < 1_000_000 + LINES * BYTES_PER_LINE, f"{peak} bytes at most at once"
