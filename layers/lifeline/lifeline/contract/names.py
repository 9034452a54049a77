"""Names that others see: priorities, statuses, queues, scopes, lanes."""

from __future__ import annotations

import re
from typing import Final

RESERVED: Final = "lifeline:"
"""Ids that begin so are Lifeline's own (its probes and test sends); no message may have one."""

PRIORITIES: Final = ("critical", "normal", "bulk")
TYPES: Final = ("template", "text", "voice")
STATUSES: Final = (
    "CLAIMED",
    "SENT",
    "HELD",
    "DELIVERED",
    "READ",
    "FAILED",
    "PUSHED",
    "EMAILED",
    "PARKED",
    "EXPIRED",
    "REJECTED",
    "IN_DOUBT",
    "CANCELLED",
)

CRITICAL_QUEUE: Final = "whatsapp-critical-queue"
WHATSAPP_QUEUE: Final = "whatsapp-queue"
BULK_QUEUE: Final = "whatsapp-bulk-queue"
WAKE_QUEUE: Final = "wake-queue"
VOICE_QUEUE: Final = "voice-queue"
PROBE_QUEUE: Final = "probe-queue"
WHATSAPP_DLQ: Final = "whatsapp-dlq"
VOICE_DLQ: Final = "voice-dlq"
PROBE_DLQ: Final = "probe-dlq"
ENTRY_QUEUES: Final = (CRITICAL_QUEUE, WHATSAPP_QUEUE, BULK_QUEUE)
"""Where producers put messages. The body's priority decides what a message is, the queue only how soon it is
looked at."""
DEAD_LETTER_QUEUES: Final = (WHATSAPP_DLQ, VOICE_DLQ, PROBE_DLQ)
QUEUES: Final = (*ENTRY_QUEUES, WAKE_QUEUE, VOICE_QUEUE, PROBE_QUEUE, *DEAD_LETTER_QUEUES)

WHATSAPP: Final = "whatsapp"
OPENAI_VOICE: Final = "openai_voice"
TEMPLATE_PREFIX: Final = "whatsapp/template/"

REASON_ATTRIBUTE: Final = "lifeline_reason"
"""SQS message attribute on dead-letter messages: why a person must look."""

REFUSED: Final = "refused"
"""The lane of messages that a person must look at."""
LANES: Final = (*PRIORITIES, REFUSED, "timer")
"""The agenda's fixed lanes as operators name them; held ones are called template:NAME and campaign:NAME."""


def template_scope(name: str) -> str:
    """The panic scope of one template."""
    return TEMPLATE_PREFIX + name


def is_scope(scope: str) -> bool:
    """Whether ``scope`` names something that can be in panic."""
    if scope in (WHATSAPP, OPENAI_VOICE):
        return True
    name = scope.removeprefix(TEMPLATE_PREFIX)
    return name != scope and re.fullmatch("[a-z0-9_]{1,512}", name) is not None
