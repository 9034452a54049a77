"""The tick, with the real ledger, agenda and queues, on the local AWS; and the limiter's one write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lifeline.domain.message.row import Change, Fate, Lane, Row, parked, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import backlog_lane
from lifeline.wiring import drainer

from tests.support.stores import AwsStores, LocalAws
from tests.support.ticking import World


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    running = LocalAws(tmp_path_factory.mktemp("tick"))
    yield running
    running.stop()


class OnAws(World):
    """The tick over the real adapters of what it reads and writes most."""

    def __init__(self, aws: AwsStores) -> None:
        super().__init__(rate=500.0)
        self.aws = aws
        self.settings = replace(self.settings, wake_queue_url=aws.url)
        services = {"ledger": aws.ledger, "agenda": aws.agenda, "queues": aws.queues}
        self.tick = drainer.build(self.adapters("drainer", **services)).tick

    def insert(self, *rows: Row) -> None:
        done = self.aws.ledger.write([Change(Row(row.id), row) for row in rows], self.clock())
        assert {item.fate for item in done} == {Fate.DONE}


def test_a_minute_on_the_local_aws(local_aws: LocalAws) -> None:
    world = OnAws(local_aws.stores())
    now = world.clock()
    rows = [
        parked(Row(f"{priority}{number}", priority=priority, body="{}"), backlog_lane(priority), now - number)
        for priority in ("critical", "normal", "bulk")
        for number in range(20)
    ]
    late = [
        parked(Row(f"late{number}", category="promo", expires_at=now - 1), Lane.NORMAL, now - 99)
        for number in range(15)
    ]
    held = parked(Row("held", template="reminder"), "template:reminder", now - 5)
    timers = [waiting(Row(f"t{number}"), now + number) for number in range(30)]
    world.insert(*rows, *late, held, *timers)
    world.template_flag("reminder")
    answer = world.run()
    assert answer["released"] == {"critical": 20, "normal": 21, "bulk": 20}
    assert (answer["woken"], answer["held"]) == (30, {"template:reminder": 1})
    found = world.aws.ledger.read(row.id for row in (*rows, *late, held, *timers))
    assert {found[row.id].status for row in late} == {Status.EXPIRED}
    assert world.control.counted("o|EXPIRED|normal|promo|-") == 15
    released = [found[row.id] for row in (*rows, held)]
    assert {(row.lane, row.status, row.drained) for row in released} == {(Lane.TIMER, Status.CLAIMED, True)}
    dues = [found[f"{priority}19"].due or 0.0 for priority in ("critical", "normal", "bulk")]
    assert dues == sorted(dues)
    assert found["normal19"].body == "{}", "what the index does not hold is as it was"
    depth = world.aws.queues.depth(world.aws.url)
    assert depth.total == 30 + 61
