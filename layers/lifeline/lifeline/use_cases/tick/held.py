"""Messages held for their template or their campaign: into the backlog again, or taken back.

Nothing else reads those lanes, so a million messages of a paused campaign cost nothing while it is paused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lifeline.adapters.agenda import Agenda
from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.contract.scopes import TEMPLATE_PREFIX, template_scope
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.campaign.campaign import CampaignState
from lifeline.domain.message.row import CAMPAIGN_LANE, TEMPLATE_LANE, Change, Fate, Row
from lifeline.domain.message.steering import cancel, unhold
from lifeline.use_cases.tick.endings import Endings

MARGIN: Final = 15.0
"""Seconds of the invocation that are left for the release."""
AT_MOST: Final = 20_000
"""Messages that are moved in one tick."""
AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class HeldLanes:
    """The lanes in which messages may be held, by what becomes of them."""

    blocked: tuple[str, ...]
    free: tuple[str, ...]
    cancelled: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.blocked, *self.free, *self.cancelled)


class Held:
    """The tick's job for the lanes ``template:NAME`` and ``campaign:NAME``."""

    def __init__(
        self,
        *,
        control: Control,
        ledger: Ledger,
        agenda: Agenda,
        campaigns: Campaigns,
        endings: Endings,
        clock: Callable[[], float],
    ) -> None:
        self._control = control
        self._ledger = ledger
        self._agenda = agenda
        self._campaigns = campaigns
        self._endings = endings
        self._clock = clock

    def lanes(self) -> HeldLanes:
        """Every lane in which messages may be held."""
        flags = self._control.flags()
        blocked_scopes = {scope for scope, flag in flags.items() if flag.blocks_sending}
        mapped = self._control.kept(TemplateMap).value.of if blocked_scopes else {}
        blocked: list[str] = []
        free: list[str] = []
        cancelled: list[str] = []
        for scope in flags:
            if not scope.startswith(TEMPLATE_PREFIX):
                continue
            name = scope.removeprefix(TEMPLATE_PREFIX)
            other = mapped.get(name)
            replaced = other is not None and template_scope(other) not in blocked_scopes
            (blocked if scope in blocked_scopes and not replaced else free).append(TEMPLATE_LANE + name)
        for campaign in self._campaigns.all():
            lane = CAMPAIGN_LANE + campaign.id
            match campaign.state:
                case CampaignState.RUNNING:
                    free.append(lane)
                case CampaignState.CANCELLED:
                    cancelled.append(lane)
                case _:
                    blocked.append(lane)
        return HeldLanes(tuple(blocked), tuple(free), tuple(cancelled))

    def blocked(self) -> tuple[str, ...]:
        """The lanes that stay held."""
        return self.lanes().blocked

    def __call__(self, remaining: Callable[[], float]) -> dict[str, int]:
        """How many messages left each lane, the oldest first."""
        lanes = self.lanes()
        moved: dict[str, int] = {}
        left = AT_MOST
        for lane in (*lanes.free, *lanes.cancelled):
            step = self._cancel if lane in lanes.cancelled else self._free
            rows = iter(self._agenda.due(lane, self._clock()))
            count = 0
            # Rows that cannot be moved do not hide those behind them.
            while left > count and remaining() > MARGIN:
                some = list(islice(rows, min(AT_ONCE, left - count)))
                if not some:
                    break
                count += step(lane, some)
            left -= count
            if count:
                moved[lane] = count
        return moved

    def _free(self, lane: str, rows: Iterable[Row]) -> int:
        now = self._clock()
        changes = [
            Change(row, after, f"no longer held in {lane}")
            for row in rows
            if (after := unhold(row, now)) is not None
        ]
        # Whoever was faster, or gave no answer: the next tick looks again.
        return sum(1 for result in self._ledger.write(changes, now) if result.fate is Fate.DONE)

    def _cancel(self, lane: str, rows: Iterable[Row]) -> int:
        return self._endings(
            [row.id for row in rows],
            lambda row: cancel(row) if row.lane == lane else None,
            "campaign cancelled",
        )
