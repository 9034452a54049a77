"""Wake-ups: an id on ``wake-queue`` that makes a worker look at that row. Losing one costs a minute.

Whoever writes a timer that is due soon wakes for it, to be on time; the tick wakes for every timer that falls
due before the next tick, and for all that are overdue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Final

from lifeline.adapters.queues import ENTRIES_PER_CALL, Outgoing, Queues
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.pace.pace import MAX_DELAY

NEAR: Final = 90.0
"""A worker wakes only for what is due within so many seconds; the tick comes for the rest before that."""
ROUNDS: Final = 8
"""Waits of a row after which only the tick wakes for it: Lambda stops an SQS loop after about 16 turns."""
WORKERS: Final = 8


class Wake:
    """Sends wake-ups, as well as it can."""

    def __init__(self, queues: Queues, url: str) -> None:
        self._queues = queues
        self._url = url

    def __call__(self, wakes: Sequence[tuple[str, float]]) -> int:
        """Wake for each id after its delay (seconds, rounded up). Returns how many SQS took.

        Never raises: the row is on the agenda, and the next tick wakes for it.
        """
        calls = [
            [Outgoing(name, delay=_whole(delay)) for name, delay in wakes[at : at + ENTRIES_PER_CALL]]
            for at in range(0, len(wakes), ENTRIES_PER_CALL)
        ]
        if len(calls) < 2:
            return sum(map(self._send, calls))
        with ThreadPoolExecutor(min(WORKERS, len(calls)), thread_name_prefix="wake") as pool:
            return sum(pool.map(self._send, calls))

    def _send(self, messages: Sequence[Outgoing]) -> int:
        try:
            return sum(self._queues.send(self._url, messages))
        except Exception:
            return 0


def wakes_of(rows: Iterable[Row], now: float) -> list[tuple[str, float]]:
    """The wake-ups that a worker sends for rows that it has written: timers that are due soon."""
    return [
        (row.id, row.due - now)
        for row in rows
        if row.lane == Lane.TIMER and row.due is not None and row.due - now <= NEAR and row.rounds < ROUNDS
    ]


def _whole(delay: float) -> int:
    return max(0, min(MAX_DELAY, ceil(delay)))
