"""What failures that Meta reports do to scopes and counters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.panic.flag import State
from lifeline.use_cases.webhook.inbound import Passed

from tests.support.meta import PHONE_NUMBER_ID, change, failed
from tests.support.webhooks import World


@pytest.fixture
def world() -> World:
    return World()


# --- What failures do to scopes ------------------------------------------------------------------------


def test_an_account_failure_panics_at_once_and_a_persons_does_not(world: World) -> None:
    world.sent("a")
    assert world.statuses(failed("a", 131026)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    world.sent("b")
    assert world.statuses(failed("b", 131042)) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause, flag.source, flag.actor) == (
        State.PANIC,
        "account",
        "webhook",
        "WebhookEventsFunction",
    )
    assert world.control.counted("e|account|131042") == 1


def test_an_old_account_failure_does_not_bring_back_a_panic_that_is_over(world: World) -> None:
    world.control.stored[WHATSAPP] = replace(
        world.control.flag(WHATSAPP), left_panic_at=world.clock.now - 10, version=5, incident_id="i"
    )
    world.sent("a")
    assert world.statuses(failed("a", 131042, at=world.clock.now - 60)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.woken, "the person is reached all the same"


def test_rate_limit_reports_panic_when_they_persist(world: World) -> None:
    for index in range(30):
        world.sent(f"m{index}")
    assert world.statuses(failed("m0", 130429)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL, "one bad send never trips"
    assert world.statuses(*(failed(f"m{index}", 130429) for index in range(30))) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause) == (State.PANIC, "rate_limit")


def test_a_repeated_failure_counts_once(world: World) -> None:
    world.sent("a")
    for _ in range(40):
        assert world.statuses(failed("a", 130429)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.control.counted("e|rate_limit|130429") == 1


def test_errors_with_no_message_are_classified_and_counted(world: World) -> None:
    errors = [{"code": 130429, "title": "Rate limit hit"}, {"code": 131051}]
    assert world.post(change("messages", {"errors": errors})) == 200
    assert world.control.counted("e|rate_limit|130429") == 1
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.post(change("messages", {"errors": [{"code": 0, "title": "AuthException"}]})) == 200
    assert world.control.flag(WHATSAPP).cause == "auth"


@pytest.mark.parametrize("code", [131051, 131000])
def test_errors_beside_what_people_wrote_say_nothing_of_our_sends(code: int) -> None:
    world = World(inbound=lambda messages: [Passed.DONE] * len(messages))
    for number in range(20):
        error = {"code": code, "title": "x", "error_data": {"details": "y"}}
        value = {
            "metadata": {"phone_number_id": PHONE_NUMBER_ID},
            "messages": [{"from": "4917000", "id": f"w{number}", "type": "unsupported", "errors": [error]}],
            "errors": [error],
        }
        assert world.post(change("messages", value)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert not [name for counts in world.control.minutes.values() for name in counts if name.startswith("e|")]


def test_a_bare_zero_is_logged_and_no_panic(world: World) -> None:
    assert world.post(change("messages", {"errors": [{"code": 0}]})) == 200
    world.sent("a")
    assert world.statuses({**failed("a", 0), "errors": [{"code": 0, "title": ""}]}) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert ("warning", "Meta reports an error") in [(level, text) for level, text, _ in world.log.lines]


def test_a_reported_failure_counts_for_its_template(world: World) -> None:
    world.sent("a", template="promo_offer", priority="bulk")
    world.sent("b", template="promo_offer")
    world.statuses(failed("a", 131026), failed("b", 131048))
    assert world.control.counted("tf|promo_offer") == 1, "a limit of the channel is not the template's fault"
    assert world.control.counted("tr|promo_offer") == 0, "nor is a person who cannot be reached"
