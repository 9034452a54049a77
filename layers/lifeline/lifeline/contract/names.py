"""Names that others see: priorities, queues, audiences, lanes."""

from __future__ import annotations

from typing import Final

RESERVED: Final = "lifeline:"
"""Ids that begin so are Lifeline's own (its probes and test sends); no message may have one."""

PRIORITIES: Final = ("critical", "normal", "bulk")

CRITICAL_QUEUE: Final = "whatsapp-critical-queue"
WHATSAPP_QUEUE: Final = "whatsapp-queue"
BULK_QUEUE: Final = "whatsapp-bulk-queue"
WAKE_QUEUE: Final = "wake-queue"
VOICE_QUEUE: Final = "voice-queue"
PROBE_QUEUE: Final = "probe-queue"
WEBHOOK_QUEUE: Final = "webhook-queue"
"""What Meta posts, as it came: bodies of which the front door has proved that they are Meta's."""
WHATSAPP_DLQ: Final = "whatsapp-dlq"
VOICE_DLQ: Final = "voice-dlq"
PROBE_DLQ: Final = "probe-dlq"
WEBHOOK_DLQ: Final = "webhook-dlq"
EVENTS_DLQ: Final = "events-dlq"
"""Events of functions that failed to the end: shown and discarded, never sent again."""
ENTRY_QUEUES: Final = (CRITICAL_QUEUE, WHATSAPP_QUEUE, BULK_QUEUE)
"""Where producers put messages. The body's priority decides what a message is, the queue only how soon it is
looked at."""
DEAD_LETTER_QUEUES: Final = (WHATSAPP_DLQ, VOICE_DLQ, PROBE_DLQ, WEBHOOK_DLQ, EVENTS_DLQ)
QUEUES: Final = (*ENTRY_QUEUES, WAKE_QUEUE, VOICE_QUEUE, PROBE_QUEUE, WEBHOOK_QUEUE, *DEAD_LETTER_QUEUES)

ENGINEERING: Final = "engineering"
MARKETING: Final = "marketing"
META_SUPPORT: Final = "meta-support"
"""This one and those above: audiences, by which subscriptions to ``ops`` filter."""

REASON_ATTRIBUTE: Final = "lifeline_reason"
"""SQS message attribute on dead-letter messages: why a person must look."""

REFUSED: Final = "refused"
"""The lane of messages that a person must look at."""
LANES: Final = (*PRIORITIES, REFUSED, "timer")
"""The agenda's fixed lanes as operators name them; held ones are called template:NAME and campaign:NAME."""
