"""The drainer: the tick of each minute, voice notes that waited, and the end of an incident."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lifeline.use_cases.incident.summarise import Summarise
from lifeline.use_cases.tick import Tick
from lifeline.use_cases.tick.campaigns import ReleaseCampaigns
from lifeline.use_cases.tick.contents import RemoveContents
from lifeline.use_cases.tick.gauges import Gauges
from lifeline.use_cases.tick.lanes import Lanes
from lifeline.use_cases.tick.ramp import Ramp
from lifeline.use_cases.tick.timers import Timers
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


def tick(adapters: Adapters) -> Tick:
    """What is due, and what the backlog gives, on these adapters."""
    held = adapters.held
    return Tick(
        settings=adapters.settings,
        queues=adapters.queues,
        telemetry=adapters.telemetry,
        timers=Timers(
            agenda=adapters.agenda, wake=adapters.wake, clock=adapters.clock, telemetry=adapters.telemetry
        ),
        campaigns=ReleaseCampaigns(
            settings=adapters.settings,
            campaigns=adapters.campaigns,
            control=adapters.control,
            queues=adapters.queues,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        held=held,
        gauges=Gauges(
            agenda=adapters.agenda,
            control=adapters.control,
            held=held.blocked,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        lanes=Lanes(
            settings=adapters.settings,
            control=adapters.control,
            ledger=adapters.ledger,
            agenda=adapters.agenda,
            wake=adapters.wake,
            ramp=Ramp(
                settings=adapters.settings,
                control=adapters.control,
                clock=adapters.clock,
                telemetry=adapters.telemetry,
            ),
            endings=adapters.endings,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        contents=RemoveContents(
            settings=adapters.settings,
            control=adapters.control,
            ledger=adapters.ledger,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


def build(adapters: Adapters) -> Minute:
    """On these adapters."""
    return Minute(
        tick=tick(adapters),
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
