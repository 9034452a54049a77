"""The tick's job for people's data: bodies and numbers leave rows a set time after their end.

The ledger is read whole, once in a while, a bounded part of it each minute. An index by time would be written
three times for each message; reading a row costs a fortieth of one write (``docs/decisions/0005``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lifeline.adapters.control import Control
from lifeline.adapters.ledger import SCAN_SEGMENTS, Ledger
from lifeline.domain.message.content import DAY, bare, kept_days
from lifeline.domain.message.records import ContentSweep
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.message.status import OPEN, Status
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry

PASSES: Final = 7
"""Passes within ``body_days``, so that a content leaves at most a seventh of it late."""
SHORTEST: Final = 60.0
LONGEST: Final = DAY
"""Seconds from the begin of one pass to that of the next."""
MARGIN: Final = 15.0
"""Seconds of the invocation that are left alone: messages go first."""
PAGES: Final = 100
"""Pages that one minute reads at most: 100 MB, 144 GB a day."""


class RemoveContents:
    """One instance per worker. Two at once do the same work twice, and change nothing twice."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        ledger: Ledger,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._sending = settings.sending
        self._control = control
        self._ledger = ledger
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, remaining: Callable[[], float]) -> int:
        """Go on with the pass, or begin one that is due; rows whose content has left. Raises
        :class:`~lifeline.errors.UnavailableError`: the next minute goes on where this one stood."""
        now = self._clock()
        sweep = self._control.kept(ContentSweep).value
        if sweep.done:
            pause = min(LONGEST, max(SHORTEST, self._sending.body_days * DAY / PASSES))
            if now - sweep.began < pause or self._sending.body_days >= self._sending.retention_days:
                return 0
            sweep = ContentSweep(began=now, done=False)
        removed, pages = 0, 0
        while not sweep.done and pages < PAGES and remaining() > MARGIN:
            rows, after = self._ledger.with_content(sweep.part, sweep.after, self._ended_before(now))
            removed += self._remove(rows)
            pages += 1
            part = sweep.part if after else sweep.part + 1
            sweep = ContentSweep(part, after, sweep.began, part == SCAN_SEGMENTS)
        if pages:
            self._control.keep(sweep, actor="DrainerFunction", reason="contents leave", now=now)
        if removed:
            self._telemetry.info("contents have left", rows=removed)
        return removed

    def _ended_before(self, now: float) -> dict[bool, float]:
        days = self._sending.body_days
        return {
            True: now - kept_days(Status.SENT, days) * DAY,
            False: now - kept_days(Status.READ, days) * DAY,
        }

    def _remove(self, rows: list[Row]) -> int:
        """A row that moved on meanwhile is left to the next pass."""
        changes = [
            Change(row, bare(row))
            for row in rows
            if row.lane is None and row.status not in OPEN and not row.bare
        ]
        written = self._ledger.write(changes, self._clock()) if changes else []
        return sum(result.fate is Fate.DONE for result in written)
