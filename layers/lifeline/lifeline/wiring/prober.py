"""The prober: the minute's tick of the flags, and the probes that it queues."""

from __future__ import annotations

from functools import cache, partial

from lifeline.domain.panic.detection import UNREAD_AFTER
from lifeline.use_cases.panic.enter_planned import EnterPlanned
from lifeline.use_cases.panic.probe import Probe
from lifeline.use_cases.panic.probe_voice import ProbeVoice
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Probe:
    """On these adapters."""
    settings, queues = adapters.settings, adapters.queues

    def waiting() -> int:
        depths = [queues.depth(url) for url in (settings.critical_queue_url, settings.whatsapp_queue_url)]
        return sum(depth.visible + depth.in_flight for depth in depths)

    def unread(now: float) -> int:
        url = settings.webhook_queue_url
        name = url.rpartition("/")[2]
        if adapters.metrics.oldest_ages([name], now).get(name, 0.0) < UNREAD_AFTER:
            return 0
        depth = queues.depth(url)
        return depth.visible + depth.in_flight

    return Probe(
        settings=settings,
        control=adapters.control,
        panic=adapters.panic,
        detect=adapters.detect("prober", "ProberFunction"),
        enter_planned=EnterPlanned(
            control=adapters.control,
            panic=adapters.panic,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        whatsapp=adapters.whatsapp,
        alarms=adapters.alarms,
        functions=adapters.functions,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
        waiting=waiting,
        probes={
            # Twice this, and the writes around it, fit into a probe; the next probe is the second attempt.
            "voice": ProbeVoice(adapters.openai(1, 12.0), settings.openai),
        },
        turned_away=partial(adapters.metrics.turned_away, settings.webhook_api_id)
        if settings.webhook_api_id
        else None,
        unread=unread,
    )


@cache
def use_case() -> Probe:
    """The worker's."""
    return build(Adapters("prober"))
