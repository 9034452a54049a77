"""Wake for every timer that falls due before the next tick, and for all that are overdue.

It asks for everything up to its horizon, from the beginning of time: the index lags, so a window since the
last tick would lose for good what came into it late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.pace.pace import LEAD, SPAN
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.wake import Wake

MARGIN: Final = 5.0
"""Seconds of the invocation that are left over."""
GRACE: Final = 120.0
"""Seconds after which a timer that nobody acted on is overdue: a lease and a tick are shorter."""
AT_ONCE: Final = 1_000


class Timers:
    """The tick's first job."""

    def __init__(
        self, *, agenda: Agenda, wake: Wake, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._agenda = agenda
        self._wake = wake
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, remaining: Callable[[], float]) -> tuple[int, int]:
        """Wake-ups that SQS took, and timers that are overdue."""
        now = self._clock()
        rows = self._agenda.due(Lane.TIMER, now + SPAN + LEAD)
        woken = overdue = 0
        for some in _by(AT_ONCE, rows):
            overdue += sum(1 for row in some if _due(row) < now - GRACE)
            woken += self._wake([(row.id, _due(row) - self._clock()) for row in some])
            if remaining() < MARGIN:
                self._telemetry.error("timers are left for the next minute", woken=woken)
                break
        self._tell(overdue)
        return woken, overdue

    def only_count(self) -> int:
        """Timers that are overdue; wakes for none of them."""
        overdue = self._agenda.count(Lane.TIMER, self._clock() - GRACE)
        self._tell(overdue)
        return overdue

    def _tell(self, overdue: int) -> None:
        self._telemetry.count("Overdue", overdue, scope=WHATSAPP)
        if overdue:
            self._telemetry.warning("timers are overdue", overdue=overdue)


def _due(row: Row) -> float:
    return row.due or 0.0


def _by(size: int, rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while some := list(islice(rows, size)):
        yield some
