"""Whom promotional messages may not reach."""

from __future__ import annotations

from lifeline.domain.account.records import MarketingTemplates
from lifeline.domain.message.outcome import NotDone
from lifeline.domain.message.row import Row
from lifeline.use_cases.shared.opt_outs import CACHED, Asked, OptedOut

from tests.support.sending import answer
from tests.support.services import Services

NUMBER = "+4915112345678"
PROMO = Row("promo", category="promotion")


def world() -> tuple[Services, OptedOut]:
    services = Services()
    services.opt_outs.wish(NUMBER, at=1.0)
    made = services.adapters("sender")
    return services, OptedOut(
        opt_outs=made.opt_outs, control=made.control, clock=made.clock, telemetry=made.telemetry
    )


def test_only_promotional_messages_of_these_people() -> None:
    services, opted_out = world()
    service = Row("service", category="appointment")
    other = Row("else", campaign="c")
    asked: list[Asked] = [(PROMO, [NUMBER]), (service, [NUMBER]), (other, ["+4915112345679", None])]
    assert opted_out.among(asked) == {"promo"}
    assert len(services.opt_outs.asked) == 1, "one read for a batch"


def test_where_nothing_is_promotional_nothing_is_read() -> None:
    services, opted_out = world()
    services.control.broken = services.opt_outs.broken = True
    assert opted_out.among([(Row("service"), [NUMBER])]) == frozenset()


def test_a_user_id_is_as_good_as_a_number() -> None:
    services, opted_out = world()
    services.opt_outs.wish("US.5", at=1.0)
    assert opted_out.among([(PROMO, [None, "US.5"])]) == {"promo"}


def test_marketing_templates_are_read_once_a_minute_and_the_last_ones_hold() -> None:
    services, opted_out = world()
    row = Row("m", template="offer")
    assert not opted_out.concerns(row)
    services.control.keep(MarketingTemplates(("offer",)), actor="t", reason="t", now=1.0)
    assert not opted_out.concerns(row), "taken from memory"
    services.clock.advance(CACHED)
    assert opted_out.concerns(row)
    services.control.broken = True
    services.clock.advance(CACHED)
    assert opted_out.concerns(row)


def test_a_wish_that_cannot_be_kept_costs_nothing_more() -> None:
    services, opted_out = world()
    services.opt_outs.broken = True
    opted_out.heard(["+4915112345679"], answer(131050))
    services.opt_outs.broken = False
    opted_out.heard(["+4915112345679"], answer(131026))
    assert not opted_out.among([(PROMO, ["+4915112345679"])])


def test_right_before_the_effect_silence_means_later() -> None:
    services, opted_out = world()
    assert opted_out.meanwhile(PROMO, [NUMBER]) is NotDone.OPTED_OUT
    assert opted_out.meanwhile(PROMO, ["+4915112345679"]) is None
    services.opt_outs.broken = True
    assert opted_out.meanwhile(PROMO, ["+4915112345679"]) is NotDone.UNSURE
    assert opted_out.meanwhile(Row("service"), [NUMBER]) is None
