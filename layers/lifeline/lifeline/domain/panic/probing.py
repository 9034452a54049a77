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
from enum import StrEnum
from typing import Final

from lifeline.domain.failure.causes import Cause

TEST_PREFIX: Final = "lifeline:test:"
"""``biz_opaque_callback_data`` of an operator's test sends begins so; they have no row in the ledger."""
PROBE_ID: Final = "lifeline:probe"
"""``biz_opaque_callback_data`` of the prober's test sends."""
SLOT_SECONDS: Final = 15
"""The default length of a slot; ``Rules.probe_seconds`` tunes it."""
MINUTE: Final = 60
_TEMPLATE_PREFIX: Final = "whatsapp/template/"
_VOICE: Final = "openai_voice"


class Ask(StrEnum):
    """One question of a probe."""

    REACHABILITY = "reachability"
    """GET of the phone number with its health status answers at all."""
    TOKEN = "token"  # noqa: S105 (the name of a question)
    """Meta calls the access token valid."""
    HEALTH = "health"
    """The health status of number, account and business is not BLOCKED."""
    TEMPLATE = "template"
    """The template is APPROVED."""
    TEST_SEND = "test_send"
    """A real send to the configured test number is accepted; left out where no number is configured."""
    VOICE = "voice"
    """OpenAI lists our models and speaks a word."""


_ASKS: Final[Mapping[str, tuple[Ask, ...]]] = {
    Cause.UNREACHABLE: (Ask.REACHABILITY,),
    # Only a send meets the limit on sends; the phone number's own data stays readable under it.
    Cause.RATE_LIMIT: (Ask.REACHABILITY, Ask.TEST_SEND),
    Cause.SPAM_LIMIT: (Ask.HEALTH, Ask.TEST_SEND),
    Cause.SILENT: (Ask.HEALTH, Ask.TEST_SEND),
    Cause.AUTH: (Ask.TOKEN, Ask.REACHABILITY),
    Cause.ACCOUNT: (Ask.TOKEN, Ask.HEALTH),
}
_ASK_ALL: Final = (Ask.REACHABILITY, Ask.TOKEN, Ask.HEALTH)
"""An operator or an alarm does not say what is wrong: everything that costs no message."""


def asks(cause: str, scope: str) -> tuple[Ask, ...]:
    """What a probe of ``scope`` asks for ``cause``, in this order; the probe succeeds when all are answered
    well.
    """
    if scope == _VOICE:
        return (Ask.VOICE,)
    if scope.startswith(_TEMPLATE_PREFIX):
        return (Ask.TEMPLATE,)
    return _ASKS.get(cause, _ASK_ALL)


def worth_asking(cause: str, earliest_recovery: float, now: float) -> bool:
    """Whether a probe now can tell anything.

    Under a limit not before the stated regain time: calls while throttled count and lengthen the wait (Meta,
    Graph API "Rate limits").
    """
    return cause not in (Cause.RATE_LIMIT, Cause.SPAM_LIMIT) or now >= earliest_recovery


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
