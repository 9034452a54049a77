"""Meta's webhooks: ``receive.py`` proves and sorts, the other files each take one kind of update."""

from lifeline.use_cases.webhook.receive import Reply, Webhook

__all__ = [
    "Reply",
    "Webhook",
]
