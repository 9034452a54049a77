"""The real sender over services in memory, before a Meta that takes everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifeline.adapters.whatsapp import Accepted
from lifeline.contract import Message
from lifeline.settings import Settings
from lifeline.use_cases.deliver import Deliver
from lifeline.use_cases.panic_mode import PanicMode
from lifeline.use_cases.wake import Wake

from tests.support.campaigns import MemoryCampaigns
from tests.support.executor import Inline
from tests.support.memory import Clock, MemoryNotices, Recorder


class Meta:
    """Takes every message. A sender that would wait for its token is noted as that much later."""

    def __init__(self, clock: Clock, sent: Callable[[str, float], None]) -> None:
        """``sent`` takes a message's id and the instant of its send (epoch seconds)."""
        self._clock, self._sent = clock, sent
        self._ahead = 0.0

    def pause(self, seconds: float) -> None:
        self._ahead = seconds

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
    panic = PanicMode(
        control=control,
        queues=queues,
        notices=MemoryNotices(),  # type: ignore[arg-type]
        probe_queue_url="queue/probe",
        clock=clock,
        new_id=lambda: "abcdef",
        telemetry=log,  # type: ignore[arg-type]
    )
    return Deliver(
        settings=settings,
        ledger=ledger,
        control=control,
        panic=panic,
        queues=queues,
        wake=Wake(queues, settings.wake_queue_url),
        whatsapp=meta,  # type: ignore[arg-type]
        fall_back=None,  # type: ignore[arg-type]
        campaigns=MemoryCampaigns(),  # type: ignore[arg-type]
        clock=clock,
        pause=meta.pause,
        chance=lambda: 0.5,
        telemetry=log,  # type: ignore[arg-type]
        pool=Inline(),
    )
