"""Wake-ups: an id and a whole number of seconds; sent as well as can be, and never a reason to fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from lifeline.adapters.queues import Outgoing
from lifeline.domain.message.row import Lane, Row, parked, waiting
from lifeline.settings import Settings
from lifeline.use_cases.shared.wake import NEAR, ROUNDS, Wake, wakes_of

from tests.support.memory import MemoryQueues
from tests.support.services import Services

URL = "queue/wake"


def wake(queues: object) -> Wake:
    services = Services(Settings(wake_queue_url=URL))
    return services.adapters("sender", queues=queues).wake


def test_a_wake_up_is_an_id_and_nothing_else() -> None:
    queues = MemoryQueues()
    assert wake(queues)([("a", 0.0), ("b", 12.2), ("c", -5.0), ("d", 5000.0)]) == 4
    assert queues.sent[URL] == [
        Outgoing("a", delay=0), Outgoing("b", delay=13), Outgoing("c", delay=0), Outgoing("d", delay=900),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 10, 11, 60_000])
def test_any_number_is_sent(count: int) -> None:
    queues = MemoryQueues()
    assert wake(queues)([(f"m{number}", 1.0) for number in range(count)]) == count
    assert len({item.body for item in queues.sent[URL]}) == count


class Fails:
    """Refuses every second call, and breaks down at every third."""

    calls = 0

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        self.calls += 1
        if self.calls % 3 == 0:
            raise RuntimeError("broken on purpose")
        return [self.calls % 3 == 1] * len(messages)


def test_a_queue_that_fails_costs_wake_ups_and_nothing_else() -> None:
    assert wake(Fails())([(f"m{number}", 1.0) for number in range(60)]) == 20
    queues = MemoryQueues()
    queues.broken.add(URL)
    assert wake(queues)([("a", 1.0)]) == 0


def test_a_worker_wakes_for_timers_that_are_near_and_not_for_ever() -> None:
    now = 1000.0
    rows = [
        waiting(Row("near"), now + NEAR),
        waiting(Row("overdue"), now - 3),
        waiting(Row("far"), now + NEAR + 1),
        waiting(Row("turning", rounds=ROUNDS), now + 1),
        parked(Row("parked"), Lane.NORMAL, now),
        Row("done"),
    ]
    assert wakes_of(rows, now) == [("near", NEAR), ("overdue", -3.0)]
