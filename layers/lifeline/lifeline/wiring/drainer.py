"""The drainer: the tick of each minute, voice notes that waited, and the end of an incident."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lifeline.use_cases.incident.incidents import Summarise
from lifeline.use_cases.tick import Tick
from lifeline.use_cases.voice.release_pending import ReleasePending
from lifeline.wiring.adapters import Adapters


@dataclass(frozen=True, slots=True)
class Minute:
    """What the drainer does in a minute, in this order."""

    tick: Tick
    release_pending: ReleasePending
    """Voice notes that waited for the transcription."""
    summarise: Summarise
    """Tells of an incident that is over."""


def build(adapters: Adapters) -> Minute:
    """On these adapters."""
    return Minute(
        tick=Tick(
            settings=adapters.settings,
            control=adapters.control,
            ledger=adapters.ledger,
            agenda=adapters.agenda,
            queues=adapters.queues,
            wake=adapters.wake,
            campaigns=adapters.campaigns,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        release_pending=ReleasePending(
            rules=adapters.settings.inbound,
            inbox=adapters.inbox,
            queues=adapters.queues,
            voice_queue_url=adapters.settings.voice_queue_url,
            in_panic=adapters.voice_in_panic,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        summarise=Summarise(
            settings=adapters.settings,
            control=adapters.control,
            panic=adapters.panic,
            incidents=adapters.incidents,
            notices=adapters.notices,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


@cache
def use_case() -> Minute:
    """The worker's."""
    return build(Adapters("drainer"))
