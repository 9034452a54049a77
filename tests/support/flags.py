"""Flags as examples: tripped, probed, recovering."""

from __future__ import annotations

from typing import Any

from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.ending import disable, probe
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag, PanicChange

T0 = 1_800_000_000.0
SCOPE = "whatsapp"


def tripped(flag: Flag | None = None, now: float = T0, **changes: Any) -> PanicChange:
    """A trip of the sender."""
    values: dict[str, Any] = {
        "cause": Cause.UNREACHABLE,
        "evidence": {"consecutive_unreachable": 5},
        "new_incident_id": "inc-1",
    }
    by = By("SenderFunction", "sender", "5 sends in a row did not reach the service", now)
    change = trip(flag or Flag.normal(SCOPE), by, **{**values, **changes})
    assert change is not None
    return change


def probed(flag: Flag, at: float, ok: bool = True, **more: Any) -> Flag:
    """The flag after one probe."""
    change = probe(flag, incident_id=flag.incident_id, ok=ok, now=at, **more)
    assert change is not None
    return change.flag


def recovering(at: float = T0 + 45) -> Flag:
    """A flag whose panic an operator ended."""
    return disable(tripped().flag, By("op", "operator", "seen to work", at)).flag
