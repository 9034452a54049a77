"""What expired in a lane is counted when it is settled there, once; leftovers of settled ones are not."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from lifeline.adapters.ledger import Row
from lifeline.adapters.queues import Incoming
from lifeline.contract import BACKLOG_QUEUE, format_instant
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError

from tests.support.operating import url
from tests.unit.use_cases.test_drain_after_panic import Backlog

LATE = ("parked", "unknown", "delivered", "expired", "pushed")


class Late(Backlog):
    """A lane of messages whose time has passed, some of which were settled before they came here."""

    def __init__(self) -> None:
        super().__init__(parked=0)
        told = {"parked": Status.PARKED, "delivered": Status.DELIVERED, "expired": Status.EXPIRED,
                "pushed": Status.PUSHED}  # fmt: skip
        for name in LATE:
            body = json.dumps(
                {"id": name, "to": "+4915112345678", "type": "text", "text": "x",
                 "expires_at": format_instant(self.clock() - 1)}
            )  # fmt: skip
            self.queues.put(url(BACKLOG_QUEUE), Incoming(name, body, name, None))
            if name in told:
                self.ledger.put(Row(name, told[name], name, rev=1, body=body))

    @property
    def counted(self) -> int:
        return self.control.counted(f"o|{Status.EXPIRED}|normal|-|-")


def test_only_what_expires_here_is_counted() -> None:
    world = Late()
    world.released()
    assert world.counted == 2
    assert world.log.metrics["Outcomes", str(Status.EXPIRED)] == 2
    assert world.ledger.rows["unknown"].status is Status.EXPIRED
    assert world.ledger.rows["delivered"].status is Status.DELIVERED
    assert world.queues.depth(url(BACKLOG_QUEUE)).visible == 0
    assert not world.queues.hidden[url(BACKLOG_QUEUE)], "all have left the lane"


def test_a_counter_that_cannot_be_written_holds_no_lane_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Late()

    def broken(minute: int, counts: Mapping[str, int]) -> None:
        raise UnavailableError("DynamoDB", "counting outcomes", "broken on purpose")

    monkeypatch.setattr(world.control, "count", broken)
    world.released()
    assert world.ledger.rows["parked"].status is Status.EXPIRED
    assert not world.queues.hidden[url(BACKLOG_QUEUE)]
    assert any("counters" in event for _, event, _ in world.log.lines)
