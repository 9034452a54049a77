"""Messages whose life ends on the agenda: expired in a backlog, or taken back with their campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import outcome
from lifeline.domain.campaign.campaign import tally
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.message.ways import expired_waiting
from lifeline.domain.pace.pace import MINUTE
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry


class Endings:
    """Writes endings, and counts each one once: only what this writer itself ended."""

    def __init__(
        self,
        *,
        control: Control,
        ledger: Ledger,
        campaigns: Campaigns,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._campaigns = campaigns
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, ids: Iterable[str], end: Callable[[Row], Row | None], note: str) -> int:
        """End messages; returns how many. ``end`` decides on the whole row as it stands now.

        The index knows no category, and an ending drops fields of which it knows nothing.
        Raises :class:`UnavailableError` when the rows cannot be read.
        """
        rows = self._ledger.read(ids).values()
        changes = [Change(row, after, note) for row in rows if (after := end(row)) is not None]
        if not changes:
            return 0
        written = self._ledger.write(changes, self._clock())
        done = [
            change.after for change, result in zip(changes, written, strict=True) if result.fate is Fate.DONE
        ]
        self.count(done)
        return len(done)

    def count(self, rows: Sequence[Row]) -> None:
        """Count endings that were written, by an operator as well. A failure costs the count, never the
        message."""
        for status, count in Counter(str(row.status) for row in rows).items():
            self._telemetry.count("Outcomes", count, status=status)
        if late := sum(map(expired_waiting, rows)):
            self._telemetry.count("ExpiredWaiting", late, scope=WHATSAPP)
        try:
            if rows:
                minute = int(self._clock() // MINUTE * MINUTE)
                self._control.count(
                    minute,
                    Counter(outcome(row.status, row.priority, row.category, row.template) for row in rows),
                )
        except UnavailableError as error:
            self._telemetry.warning("counters could not be written", detail=str(error))
        by_campaign: dict[str, Counter[str]] = {}
        for row in rows:
            if row.campaign:
                # Meta took it once and reported a failure later: what was counted as sent becomes this.
                added = tally(row.status, accepted=False, reported=row.wamid is not None)
                by_campaign.setdefault(row.campaign, Counter()).update(added)
        for name, counts in by_campaign.items():
            try:
                if self._campaigns.state(name):
                    self._campaigns.count(name, counts)
            except (UnavailableError, ConflictError) as error:
                self._telemetry.warning("a campaign's counters could not be written", detail=str(error))
