"""The real sender over services in memory, before a Meta that takes everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.messages import Message
from lifeline.settings import Settings
from lifeline.use_cases.deliver import Deliver
from lifeline.wiring import sender as wiring

from tests.support.memory import Clock, Recorder
from tests.support.services import Services


class Meta:
    """Takes every message. A sender that would wait for its token is noted as that much later."""

    last_usage = None

    def __init__(self, clock: Clock, sent: Callable[[str, float], None]) -> None:
        """``sent`` takes a message's id and the instant of its send (epoch seconds)."""
        self._clock, self._sent = clock, sent
        self._ahead = 0.0

    def pause(self, seconds: float) -> None:
        self._ahead = seconds

    def reaches(self, within: float) -> None:
        """Nobody asks: nothing fails."""

    def send(self, message: Message, to: str, tag: str, **_: object) -> Accepted:
        at, self._ahead = self._clock() + self._ahead, 0.0
        self._sent(message.id, at)
        return Accepted(f"wamid.{message.id}", False, None)


def sender(
    settings: Settings,
    *,
    clock: Clock,
    control: Any,
    queues: Any,
    ledger: Any,
    log: Recorder,
    sent: Callable[[str, float], None],
) -> Deliver:
    """The sender's use case; ``control``, ``queues``, ``ledger`` stand in for the adapters of that name."""
    meta = Meta(clock, sent)
    services = {"control": control, "queues": queues, "ledger": ledger, "telemetry": log}
    adapters = Services(settings, clock=clock).adapters("sender", whatsapp=meta, pause=meta.pause, **services)
    return wiring.build(adapters)
