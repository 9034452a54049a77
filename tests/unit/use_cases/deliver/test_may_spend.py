"""The ceiling of an hour: the next step is taken above it, and people are told once."""

from __future__ import annotations

import pytest
from lifeline.adapters.outcomes import NotTaken, UnknownOutcome
from lifeline.contract.ways import SMS
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.fallback.prices import Prices
from lifeline.domain.message.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.deliver.may_spend import MaySpend

from tests.support.memory import Clock, MemoryControl, MemoryNotices, Recorder
from tests.support.sending import MAIL, World

NUMBER = "+4915112345678"
POLICY = Policy.parse({"steps": {"critical": ["push", "sms", "email", "park"]}})


class Hour:
    """Workers that share a table, in one hour; ``price`` 0.10, ceiling 1.00."""

    def __init__(self) -> None:
        self.control, self.notices, self.clock, self.log = (
            MemoryControl(),
            MemoryNotices(),
            Clock(),
            Recorder(),
        )

    def worker(self) -> MaySpend:
        return MaySpend(
            way=SMS,
            prices=Prices(price=0.1, ceiling=1.0),
            control=self.control,  # type: ignore[arg-type]
            notices=self.notices,  # type: ignore[arg-type]
            clock=self.clock,
            telemetry=self.log,  # type: ignore[arg-type]
        )


def test_ten_parts_fit_and_the_eleventh_is_refused_and_told_of_once() -> None:
    hour = Hour()
    first, second = hour.worker(), hour.worker()
    assert [first(3), second(3), first(3), second(1)] == [True] * 4
    assert [first(1), second(1), first(2)] == [False] * 3
    (notice,) = hour.notices.told
    assert (notice["audience"], notice["cause"]) == (("engineering",), "spending_ceiling")
    assert "SMS" in notice["subject"]


def test_the_next_hour_begins_anew() -> None:
    hour = Hour()
    may_spend = hour.worker()
    may_spend(10)
    assert not may_spend(1)
    hour.clock.advance(3600.0)
    assert may_spend(10)
    assert not may_spend(1)
    assert len(hour.notices.told) == 2


def test_a_notice_that_could_not_be_told_is_told_with_the_next_one() -> None:
    hour = Hour()
    may_spend = hour.worker()
    may_spend(10)
    hour.notices.broken = True
    assert not may_spend(1)
    hour.notices.broken = False
    assert not may_spend(1)
    assert len(hour.notices.told) == 1


def test_without_the_table_nothing_is_spent() -> None:
    hour = Hour()
    hour.control.broken = True
    assert not hour.worker()(1)
    assert hour.notices.told == []


# --- SMS as a way of the fallback ----------------------------------------------------------------------


def in_panic(policy: Policy = POLICY) -> World:
    world = World(Settings(fallback=policy))
    world.trip()
    return world


def test_a_person_is_reached_by_sms_where_the_policy_says_so() -> None:
    world = in_panic()
    world.put("m", priority="critical", recipient={"sms_number": NUMBER, "email": MAIL})
    assert (world.status("m"), world.told("m")) == (Status("TEXTED"), ["sms"])
    (sent,) = world.channels["sms"].sent
    assert sent.where == NUMBER
    assert world.log.metrics["Fallbacks", "sms"] == 1


def test_above_the_ceiling_the_next_step_is_taken() -> None:
    world = in_panic()
    world.channels["sms"].refuses[NUMBER] = NotTaken("SpendingCeiling", retryable=True)
    world.put("m", priority="critical", recipient={"sms_number": NUMBER, "email": MAIL})
    assert (world.status("m"), world.row("m").tried) == (Status("EMAILED"), "sms SpendingCeiling, email")


def test_who_has_opted_out_is_not_asked_again() -> None:
    world = in_panic()
    world.channels["sms"].refuses[NUMBER] = NotTaken("OptedOut", gone=True)
    recipient = {"sms_number": NUMBER, "email": MAIL}
    world.put("m", priority="critical", recipient=recipient)
    world.put("n", priority="critical", recipient=recipient)
    assert (world.row("m").tried, world.row("n").tried) == ("sms OptedOut, email", "email")


def test_without_a_policy_nobody_gets_one() -> None:
    world = in_panic(Policy.parse({}))
    world.put("m", priority="critical", recipient={"sms_number": NUMBER})
    assert (world.status("m"), world.told("m")) == (Status.PARKED, [])


@pytest.mark.parametrize("reported", [True, False])
def test_a_lost_answer_waits_for_its_event(reported: bool) -> None:
    world = in_panic()
    world.channels["sms"].script = [UnknownOutcome("ReadTimeoutError")]
    world.put("m", priority="critical", recipient={"sms_number": NUMBER})
    assert world.status("m") is Status.IN_DOUBT
    if reported:
        from lifeline.domain.fallback.feedback import MailReport
        from lifeline.use_cases.feedback.settle_mails import SettleMails

        adapters = world.adapters("feedback")
        SettleMails(adapters.fold_reports(adapters.control.count), adapters.clock)(
            [MailReport("m", 1, "sent", world.clock(), "sms")]
        )
    world.serve()
    assert world.status("m") is Status("TEXTED")
    assert world.row("m").possible_duplicates == (0 if reported else 1)
    assert len(world.channels["sms"].sent) == (0 if reported else 1)
