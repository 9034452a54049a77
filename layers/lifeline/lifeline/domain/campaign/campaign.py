"""Campaigns: when which line is due, and what a message of a paused or cancelled one does. Pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Final

from lifeline.contract.ways import WAYS
from lifeline.domain.message.status import Status

CHUNK: Final = 100
"""Lines kept in one item of the control table."""
STEP: Final = 60.0
"""Seconds between two releases: the drainer's minute."""
CATCH_UP: Final = 2.0
"""A campaign that is behind (panic, a pause of the drainer) leaves at most so many times as fast."""


class CampaignState(StrEnum):
    """Where a campaign stands. ``loading``: its lines are being stored; nothing is sent."""

    LOADING = "loading"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign. Instants are epoch seconds, ``over`` is seconds, ``released`` counts lines that left."""

    id: str
    state: CampaignState
    template: str
    total: int
    start: float
    over: float
    released: int = 0
    paused_at: float | None = None
    created_at: float = 0.0
    actor: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def pace(self) -> float:
        """Lines per second."""
        return self.total / max(self.over, 1.0)


def due(campaign: Campaign, now: float) -> int:
    """How many lines leave with this minute's release."""
    if campaign.state is not CampaignState.RUNNING or now < campaign.start:
        return 0
    share = min(1.0, (now - campaign.start + STEP) / max(campaign.over, 1.0))
    behind = ceil(campaign.total * share) - campaign.released
    return max(0, min(behind, campaign.total - campaign.released, ceil(CATCH_UP * STEP * campaign.pace)))


def resumed_start(campaign: Campaign, now: float) -> float:
    """The start after a pause: moved by its length, so that nothing is caught up in a burst."""
    if campaign.paused_at is None or now <= campaign.start:
        return campaign.start
    return campaign.start + now - max(campaign.paused_at, campaign.start)


_OUTCOMES: Final[Mapping[Status, str]] = {
    Status.SENT: "sent",
    Status.HELD: "sent",
    # A webhook may be faster than the answer of the send.
    Status.DELIVERED: "sent",
    Status.READ: "sent",
    **{Status(way.status): "fallback" for way in WAYS},
    Status.FAILED: "failed",
    Status.REJECTED: "failed",
    Status.EXPIRED: "expired",
    Status.CANCELLED: "cancelled",
    Status.SUPPRESSED: "suppressed",
}
COUNTERS: Final = ("sent", "fallback", "failed", "expired", "cancelled", "suppressed")


def tally(status: Status, *, accepted: bool, reported: bool) -> Mapping[str, int]:
    """What one settled message adds to its campaign's counters, so that each counts once.

    ``accepted``: Meta has just taken it (a failed webhook may be in the ledger already; its fallback is
    counted when it is taken). ``reported``: Meta took it before and reported a failure afterwards, so
    what was counted as sent becomes the outcome of the fallback.
    """
    counter = "sent" if accepted else _OUTCOMES.get(status)
    if counter is None or (reported and counter == "sent"):
        return {}
    return {counter: 1, "sent": -1} if reported else {counter: 1}
