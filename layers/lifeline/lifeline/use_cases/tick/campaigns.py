"""Release what campaigns owe this minute to ``whatsapp-bulk-queue``; the sender takes it from there.

Lines are put on the queue first and noted as released afterwards: a crash in between releases them twice,
with the same ids, and the ledger sends each id once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.campaign.campaign import CHUNK, Campaign, due
from lifeline.domain.panic.flag import State
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry

MARGIN: Final = 20.0
"""Seconds of the invocation that are left for the release from the backlog."""


class ReleaseCampaigns:
    """The tick's job for campaigns. In panic and while recovering, they wait their turn."""

    def __init__(
        self,
        *,
        settings: Settings,
        campaigns: Campaigns,
        control: Control,
        queues: Queues,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._campaigns = campaigns
        self._control = control
        self._queues = queues
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, remaining: Callable[[], float]) -> dict[str, int]:
        """Lines released, by campaign. A failure is logged; the next minute goes on from there."""
        released: dict[str, int] = {}
        try:
            if self._control.flag(WHATSAPP).state is not State.NORMAL:
                return released
            for campaign in self._campaigns.all():
                count = due(campaign, self._clock())
                if count and remaining() > MARGIN:
                    released[campaign.id] = self._release(campaign, count, remaining)
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("campaigns wait for the next minute", detail=str(error))
        return released

    def _release(self, campaign: Campaign, count: int, remaining: Callable[[], float]) -> int:
        at, end = campaign.released, campaign.released + count
        while at < end and remaining() > MARGIN:
            lines = self._campaigns.chunk(campaign.id, at // CHUNK)[at % CHUNK :][: end - at]
            taken = self._send(lines)
            at += taken
            if not lines or taken < len(lines):
                self._telemetry.error("a campaign's lines could not be released", campaign=campaign.id)
                break
        if at > campaign.released:
            self._campaigns.advance(campaign, at)
        return at - campaign.released

    def _send(self, lines: Sequence[str]) -> int:
        """How many lines were taken, up to the first that SQS refused: what follows it is released once more,
        and sent once. A line whose person was erased is blank, and nothing leaves for it."""
        sent = iter(
            self._queues.send(self._settings.bulk_queue_url, [Outgoing(body) for body in lines if body])
        )
        taken = 0
        for body in lines:
            if body and not next(sent):
                break
            taken += 1
        return taken
