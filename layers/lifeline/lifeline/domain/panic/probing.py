"""Probing: when a scope in panic is probed, and what a probe asks.

Time is cut into absolute slots of 15 seconds, each named by the epoch second of its start (so that names
still rise when a deployment changes the length). The minute tick and the entry into panic both put probes
for slots on ``probe-queue``; a probe claims its slot with a conditional write, so whatever asks for it twice
does nothing. EventBridge Scheduler cannot run more often than once a
minute, and SQS delays a message by whole seconds: hence slots with delays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.contract.scopes import scope_of
from lifeline.domain.failure.causes import LIMITS, traits_of

TEST_PREFIX: Final = "lifeline:test:"
"""``biz_opaque_callback_data`` of an operator's test sends begins so; they have no row in the ledger."""
PROBE_ID: Final = "lifeline:probe"
"""``biz_opaque_callback_data`` of the prober's test sends."""
SLOT_SECONDS: Final = 15
"""The default length of a slot; ``Rules.probe_seconds`` tunes it."""
MINUTE: Final = 60


def asks(cause: str, scope: str) -> tuple[str, ...]:
    """What a probe of ``scope`` asks for ``cause``, in this order; the probe succeeds when all are answered
    well.
    """
    return scope_of(scope).asks or traits_of(cause).asks


def worth_asking(cause: str, earliest_recovery: float, now: float) -> bool:
    """Whether a probe now can tell anything.

    Under a limit not before the stated regain time: calls while throttled count and lengthen the wait (Meta,
    Graph API "Rate limits").
    """
    return cause not in LIMITS or now >= earliest_recovery


def slot_of(now: float, every: int = SLOT_SECONDS) -> int:
    """The slot of ``every`` seconds that ``now`` falls into, named by the epoch second of its start."""
    return int(now // every) * every


def slots(now: float, every: int = SLOT_SECONDS) -> tuple[tuple[int, int], ...]:
    """The probes to queue for the coming minute as (slot, delay in whole seconds).

    The present slot comes first, with no delay; each later probe is due at its slot's start, up to a second
    late and never early.
    """
    first = slot_of(now, every)
    count = MINUTE // every
    return tuple((slot, max(0, math.ceil(slot - now))) for slot in range(first, first + count * every, every))


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """The body of a message on ``probe-queue``."""

    scope: str
    incident_id: str
    """The incident that the result counts for; a result of an earlier one ends nothing."""
    slot: int
    """The epoch second at which the slot begins."""

    def to_dict(self) -> dict[str, object]:
        """As a JSON object."""
        return {"scope": self.scope, "incident_id": self.incident_id, "slot": self.slot}

    @classmethod
    def from_dict(cls, document: object) -> ProbeRequest:
        """From a JSON object. Raises ``ValueError`` that names the field that is wrong."""
        if not isinstance(document, Mapping):
            raise ValueError("a probe request must be a JSON object")
        scope, incident_id, slot = (document.get(name) for name in ("scope", "incident_id", "slot"))
        if not isinstance(scope, str) or not scope:
            raise ValueError("a probe request needs a scope")
        if not isinstance(incident_id, str) or not incident_id:
            raise ValueError("a probe request needs an incident_id")
        if not isinstance(slot, int) or isinstance(slot, bool) or slot < 0:
            raise ValueError("a probe request needs a slot, a whole number")
        return cls(scope, incident_id, slot)

    def is_stale(self, now: float, every: int = SLOT_SECONDS) -> bool:
        """The slot is over by more than one further slot: newer probes have taken its place, so it is
        dropped.
        """
        return now - self.slot >= 2 * every
