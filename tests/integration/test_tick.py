"""The tick, with the real ledger, agenda and queues, on the local AWS; and the limiter's one write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lifeline.adapters.control import Control
from lifeline.domain.message.row import Change, Fate, Lane, Row, parked, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import backlog_lane
from lifeline.use_cases.tick import Tick
from lifeline.use_cases.wake import Wake

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
        self.tick = Tick(
            settings=self.settings,
            control=self.control,  # type: ignore[arg-type]
            ledger=aws.ledger,
            agenda=aws.agenda,
            queues=aws.queues,
            wake=Wake(aws.queues, aws.url),
            campaigns=self.campaigns,  # type: ignore[arg-type]
            clock=self.clock,
            telemetry=self.log,  # type: ignore[arg-type]
        )

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


def test_the_limiter_refuses_on_the_local_aws(local_aws: LocalAws) -> None:
    client = local_aws.client("dynamodb")
    client.create_table(
        TableName="limiter",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    control, now = Control(client, "limiter", "eu-west-1"), 1_790_000_000.0
    assert control.reserve("bulk", 100, 0.1, 1, now, 5.0) == pytest.approx(now + 9.9)
    assert control.reserve("bulk", 1, 0.1, 1, now, 5.0) is None
    assert control.limiter("bulk") == pytest.approx(now + 9.9)
    assert control.reserve("bulk", 1, 0.1, 1, now + 6, 5.0) == pytest.approx(now + 10.0)
