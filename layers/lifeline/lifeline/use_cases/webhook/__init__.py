"""Meta's webhooks: ``receive.py`` proves and sorts, the other files each take one kind of update."""

from lifeline.use_cases.webhook.accounts import PHONE_QUALITY
from lifeline.use_cases.webhook.receive import Reply, Webhook
from lifeline.use_cases.webhook.tests_and_probes import (
    PROBE_ID,
    PROBE_SEEN,
    SEEN,
    TEST_PREFIX,
    TEST_STATUS,
    TESTS_KEPT,
)

__all__ = [
    "PHONE_QUALITY",
    "PROBE_ID",
    "PROBE_SEEN",
    "SEEN",
    "TESTS_KEPT",
    "TEST_PREFIX",
    "TEST_STATUS",
    "Reply",
    "Webhook",
]
