"""Meta's webhooks: ``receive.py`` proves and sorts, the other files each take one kind of update."""

from lifeline.use_cases.webhook.receive import Reply, Webhook
from lifeline.use_cases.webhook.tests_and_probes import TESTS_KEPT

__all__ = [
    "TESTS_KEPT",
    "Reply",
    "Webhook",
]
