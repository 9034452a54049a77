"""SES's events settle mails in doubt; they come in any order, more than once."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from lifeline.domain.fallback.feedback import MailKind, MailReport
from lifeline.domain.message.row import WHATSAPP, Doubt, Lane, Phase, Row, off_agenda, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.ways import taken_so_far
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.feedback.settle_mails import SettleMails

from tests.support.services import Services
from tests.support.statuses import EMAILED

WAKE = "queue/wake"


class World(Services):
    def __init__(self) -> None:
        super().__init__(Settings(wake_queue_url=WAKE))
        adapters = self.adapters("feedback")
        self.settle = SettleMails(adapters.fold_reports(adapters.control.count), adapters.clock)

    def doubted(self, name: str = "a", *others: Doubt, **values: Any) -> Row:
        """A row whose mail, act 2, is in doubt."""
        now = self.clock.now
        row = Row(name, rev=3, act=2, way="email", attempt=1, attempted_at=now - 20, tried="push Disabled")
        row = replace(row, doubts=(*others, Doubt(2, "email", now - 20)))
        return self.ledger.put(replace(waiting(row, now + 40), **values))

    def tell(self, *kinds: MailKind, name: str = "a", act: int = 2) -> None:
        self.settle([MailReport(name, act, kind, self.clock.now) for kind in kinds])


@pytest.mark.parametrize("kinds", list(permutations(("sent", "delivered", "bounced"))))
def test_a_mail_that_ses_took_is_settled(kinds: tuple[MailKind, ...]) -> None:
    world = World()
    world.doubted()
    for kind in kinds:
        world.tell(kind, kind)
    row = world.ledger.rows["a"]
    assert (row.status, row.via, row.doubts, row.lane) == (EMAILED, 2, (), None)
    assert row.rev == 4, "what is known already writes nothing"
    assert not world.queues.sent[WAKE]
    assert world.control.counted("o|EMAILED|normal|-|-") == 1, "counted once"


def test_an_event_before_our_own_record() -> None:
    world = World()
    row = world.doubted()
    world.ledger.put(replace(row, status=Status.CLAIMED, phase=Phase.FALLING_BACK, doubts=()))
    world.tell("sent")
    assert world.ledger.rows["a"].status is EMAILED


def test_a_mail_that_was_not_sent_makes_the_next_way_due_now() -> None:
    world = World()
    world.doubted()
    world.tell("rejected", "rejected")
    row = world.ledger.rows["a"]
    assert (row.status, row.lane, row.due, row.doubts) == (Status.CLAIMED, Lane.TIMER, world.clock.now, ())
    assert [str(way) for way in taken_so_far(row)[1]] == ["push", "email"]
    assert [message.body for message in world.queues.sent[WAKE]] == ["a"]


def test_a_mail_beside_another_way_is_a_duplicate() -> None:
    world = World()
    row = world.doubted()
    world.ledger.put(off_agenda(replace(row, via=1), Status.DELIVERED))
    world.tell("sent", "delivered")
    assert (world.ledger.rows["a"].status, world.ledger.rows["a"].duplicates) == (Status.DELIVERED, (2,))
    assert world.control.counted("duplicate") == 1


def test_a_mail_that_leaves_another_act_in_doubt_is_a_possible_duplicate() -> None:
    world = World()
    world.doubted("a", Doubt(1, WHATSAPP, world.clock.now - 60))
    world.tell("sent")
    assert [doubt.act for doubt in world.ledger.rows["a"].doubts] == [1]
    assert world.control.counted("possible") == 1


def test_mails_of_others_and_acts_never_claimed_do_nothing() -> None:
    world = World()
    row = world.doubted()
    world.tell("delivered", name="nobody")
    world.tell("delivered", "rejected", act=3)
    assert world.ledger.rows["a"] == row


def test_trouble_with_the_ledger_is_told_and_the_repetition_settles() -> None:
    world = World()
    world.doubted()
    for trouble in ("read", "write"):
        if trouble == "read":
            world.ledger.broken = True
        else:
            world.ledger.before_write.append(lambda: setattr(world.ledger, "broken", True))
        with pytest.raises(UnavailableError):
            world.tell("sent")
        world.ledger.broken = False
    world.tell("sent")
    assert world.ledger.rows["a"].status is EMAILED
