"""Count: minutes, campaigns, templates, metrics: each message once, one write a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.outcomes import NotTaken
from lifeline.contract.instants import format_instant
from lifeline.domain.campaign.campaign import COUNTERS, Campaign, CampaignState, tally
from lifeline.domain.failure.records import FailureSample
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import release, unhold

from tests.support.meta import failed, status
from tests.support.sending import DEVICE, UNDELIVERABLE, World, answer
from tests.support.statuses import PUSHED

PUSH = {"push_endpoint": DEVICE}
PROMO: Mapping[str, Any] = {
    "type": "template",
    "template": {"name": "promo_offer", "language": "en_US", "parameters": ["10 %"]},
    "priority": "bulk",
    "category": "promotion",
}


def released(world: World, name: str) -> None:
    """The tick lets a parked message go."""
    row = world.row(name)
    row = unhold(row, world.clock()) or row
    after = release(row, world.clock())
    assert after is not None
    world.ledger.put(replace(after, rev=row.rev + 1))
    world.wake(name)


# --- minutes ---------------------------------------------------------------------------------------------


def test_sends_and_failures_count_for_the_template_they_used() -> None:
    world = World()
    world.meta.of = {"b": answer(UNDELIVERABLE), "c": answer(500, 500)}
    world.put("a", "b", "c", **PROMO)
    assert world.control.counted("ta|promo_offer") == 3
    assert world.control.counted("tf|promo_offer") == 1, "an outage is not the template's fault"
    assert world.control.counted("o|SENT|bulk|promotion|promo_offer") == 1
    assert world.control.counted("e|undeliverable|131026") == 1
    assert world.log.metrics[("Failures", "whatsapp", "undeliverable")] == 1
    assert world.log.metrics[("Sends", "whatsapp")] == 1


def test_a_template_whose_sends_are_refused_can_be_told_from_one_whose_people_are_gone() -> None:
    world = World()
    world.meta.of = {"a": answer(UNDELIVERABLE), "b": answer(132000), "c": answer(132000)}
    world.put("a", "b", "c", "d", **PROMO)
    assert [world.control.counted(f"{name}|promo_offer") for name in ("ta", "tf", "tr")] == [4, 3, 2]


def test_a_batch_is_counted_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.clock.now = 1_790_000_010.0
    writes: list[Mapping[str, int]] = []
    monkeypatch.setattr(world.control, "count", lambda minute, counts: writes.append(dict(counts)))
    world.put("a", "b", **PROMO)
    (counts,) = writes
    assert counts["acc"] == counts["ta|promo_offer"] == 2


def test_accepted_sends_count_in_the_minute_of_their_claim() -> None:
    world = World()
    minute = 1_790_000_040
    world.clock.now = minute + 59.0
    world.meta.after = lambda name: world.clock.advance(5)
    world.put("m")
    assert world.control.minutes[minute]["acc"] == 1
    assert world.control.minutes[minute + 60]["acc"] == 0
    assert world.control.minutes[minute + 60]["o|SENT|normal|-|-"] == 1


def test_what_a_report_ended_before_our_own_record_is_counted_once() -> None:
    world = World()
    world.meta.after = lambda name: world.statuses(status("m#1", "delivered", wamid="wamid.m.1"))
    world.put("m")
    assert world.row("m").status is Status.DELIVERED
    outcomes = Counter[str]()
    for found in world.control.minutes.values():
        outcomes.update({name: count for name, count in found.items() if name.startswith("o|")})
    assert outcomes == {"o|DELIVERED|normal|-|-": 1}
    assert world.control.counted("acc") == 1


def test_a_parked_message_counts_when_it_parks_and_when_it_leaves() -> None:
    world = World()
    world.trip()
    world.put("m")
    assert world.control.counted("o|PARKED|normal|-|-") == 1
    world.wake("m")
    world.again()
    assert world.control.counted("o|PARKED|normal|-|-") == 1
    world.clear()
    released(world, "m")
    assert (world.control.counted("o|SENT|normal|-|-"), world.control.counted("drained")) == (1, 1)


def test_a_repeated_message_counts_once() -> None:
    world = World()
    world.put("m")
    for _ in range(3):
        world.put("m")
    world.wake("m")
    assert world.control.counted("o|SENT|normal|-|-") == world.control.counted("acc") == 1
    assert world.log.metrics[("Outcomes", "SENT")] == 1


@pytest.mark.parametrize("code", [131000, UNDELIVERABLE, 132000])
def test_a_failed_send_leaves_a_sample_for_operators(code: int) -> None:
    world = World()
    world.meta.script = [answer(code)]
    world.put("m")
    (sample,) = world.control.all_kept(FailureSample).values()
    assert (sample.value.id, sample.value.code) == ("m", code)


def test_counters_that_cannot_be_written_cost_the_count_and_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    def count(*_: object) -> None:
        world.control.broken = True
        try:
            world.control._check()
        finally:
            world.control.broken = False

    monkeypatch.setattr(world.control, "count", count)
    assert world.put("m") == []
    assert world.status("m") is Status.SENT


# --- campaigns -------------------------------------------------------------------------------------------


class Spring:
    """A campaign's messages at the sender."""

    def __init__(self, has_push: bool = True, state: CampaignState = CampaignState.RUNNING) -> None:
        self.world = World()
        self.has_push = has_push
        self.world.campaigns.create(Campaign("spring", state, "promo", 100, 0.0, 60.0))

    def set(self, state: CampaignState) -> None:
        self.world.campaigns.set("spring", state)

    def line(self, number: int, **more: Any) -> str:
        name = f"spring:{number}"
        ways = PUSH if self.has_push else {}
        given = {"campaign": "spring", "recipient": ways, **more}
        assert self.world.put(name, **given) == []
        return name

    def resume(self) -> None:
        """The tick lets go what was held, once the campaign runs again or is cancelled."""
        for row in list(self.world.ledger.rows.values()):
            if row.lane == "campaign:spring":
                released(self.world, row.id)

    @property
    def counts(self) -> dict[str, int]:
        found = self.world.campaigns.items["spring"].counts
        return {name: found[name] for name in COUNTERS if found.get(name)}


def test_a_message_of_a_running_campaign_is_sent_and_counted() -> None:
    spring = Spring()
    spring.line(1)
    assert spring.counts == {"sent": 1}


def test_a_webhook_that_is_faster_than_the_answer_changes_no_count() -> None:
    spring = Spring()
    world = spring.world
    world.meta.after = lambda name: world.statuses(status("spring:1#1", "delivered", wamid="w"))
    spring.line(1)
    assert world.status("spring:1") is Status.DELIVERED
    assert spring.counts == {"sent": 1}


def test_a_failure_that_meta_reports_late_becomes_the_fallback_that_was_taken() -> None:
    spring = Spring()
    spring.line(1)
    spring.world.statuses(failed("spring:1#1", UNDELIVERABLE, wamid="wamid.spring:1.1"))
    spring.world.serve(copies=2)
    assert spring.world.status("spring:1") is PUSHED
    assert spring.counts == {"fallback": 1}


def test_a_paused_campaign_counts_nothing_until_it_goes_on() -> None:
    spring = Spring(state=CampaignState.PAUSED)
    name = spring.line(1)
    assert (spring.world.row(name).lane, spring.counts) == ("campaign:spring", {})
    spring.set(CampaignState.RUNNING)
    spring.resume()
    assert (spring.world.meta.asked, spring.counts) == ([name], {"sent": 1})


@pytest.mark.parametrize("before", [None, CampaignState.PAUSED])
def test_a_cancelled_campaign_counts_what_it_took_back(before: CampaignState | None) -> None:
    spring = Spring(state=before or CampaignState.CANCELLED)
    spring.line(1)
    spring.set(CampaignState.CANCELLED)
    spring.resume()
    assert spring.world.status("spring:1") is Status.CANCELLED
    assert spring.counts == {"cancelled": 1}


def test_a_label_that_is_no_campaign_of_ours_counts_nowhere() -> None:
    spring = Spring()
    spring.line(1, campaign="another-label")
    assert list(spring.world.campaigns.items) == ["spring"]
    assert spring.counts == {}


def test_a_campaign_that_cannot_be_counted_costs_no_message() -> None:
    spring = Spring()
    world = spring.world
    world.meta.after = lambda name: setattr(world.campaigns, "broken", True)
    spring.line(1)
    assert world.status("spring:1") is Status.SENT


STEPS = st.lists(
    st.sampled_from(["line", "pause", "resume", "cancel", "refuse", "late", "serve"]), max_size=25
)


@given(STEPS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_each_message_counts_once_and_nobody_is_asked_twice(
    steps: list[str], has_push: bool
) -> None:
    spring = Spring(has_push)
    world = spring.world
    produced: list[str] = []
    state = CampaignState.RUNNING
    for step in [*steps, "serve"]:
        if step == "line":
            produced.append(spring.line(len(produced)))
        elif step == "refuse" and state is CampaignState.RUNNING:
            world.meta.script = [answer(UNDELIVERABLE)]
            produced.append(spring.line(len(produced)))
        elif step == "late":
            for name in produced:
                row = world.row(name)
                if row.status is Status.SENT:
                    world.statuses(failed(f"{name}#{row.via}", UNDELIVERABLE, wamid=row.wamid or ""))
        elif step == "serve":
            world.serve()
            if state is not CampaignState.PAUSED:
                spring.resume()
        elif state is not CampaignState.CANCELLED and step in ("pause", "resume", "cancel"):
            state = {
                "pause": CampaignState.PAUSED,
                "resume": CampaignState.RUNNING,
                "cancel": CampaignState.CANCELLED,
            }[step]
            spring.set(state)
    assert max(Counter(world.meta.asked).values(), default=0) <= 1
    rows = world.ledger.rows
    waiting = [name for name in produced if rows[name].status is Status.PARKED]
    assert all(number >= 0 for number in spring.counts.values())
    assert sum(spring.counts.values()) == len(produced) - len(waiting)
    ended = Counter(rows[name].status for name in produced)
    assert spring.counts.get("fallback", 0) == ended[PUSHED]
    assert spring.counts.get("sent", 0) == ended[Status.SENT]


@given(st.sampled_from(Status), st.booleans(), st.booleans())
def test_a_message_adds_one_or_moves_one(found: Status, accepted: bool, reported: bool) -> None:
    added = tally(found, accepted=accepted, reported=reported)
    assert set(added) <= set(COUNTERS)
    assert sum(added.values()) in ((0,) if reported else (0, 1))


def test_refused_messages_are_in_their_lane_and_counted() -> None:
    world = World()
    world.meta.script = [answer(132000)]
    world.put("m")
    assert world.row("m").lane == Lane.REFUSED
    assert world.control.counted("o|REJECTED|normal|-|-") == 1


def test_a_message_that_came_too_late_is_not_one_that_expired_with_us() -> None:
    world = World()
    world.put("late", expires_at="2026-01-01T00:00:00Z")
    assert world.row("late").status is Status.EXPIRED
    assert ("ExpiredWaiting", "whatsapp") not in world.log.metrics
    world.trip()
    world.put("waited", expires_at=format_instant(world.clock() + 60))
    world.clear()
    world.clock.advance(61)
    released(world, "waited")
    assert world.row("waited").status is Status.EXPIRED
    assert world.log.metrics[("ExpiredWaiting", "whatsapp")] == 1


def test_a_way_that_fails_is_counted_with_its_code() -> None:
    world = World()
    world.trip()
    world.push.script = [NotTaken("EndpointDisabled")]
    world.put("m", recipient=PUSH)
    assert world.control.counted("x|push|-|EndpointDisabled") == 1
