"""The alarm function: CloudWatch's alarms enter panic."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.panic.raise_alarm import RaiseAlarm
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> RaiseAlarm:
    """On these adapters."""
    return RaiseAlarm(
        settings=adapters.settings,
        panic=adapters.panic,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


@cache
def use_case() -> RaiseAlarm:
    """The worker's."""
    return build(Adapters("alarm"))
