"""SNS and SES as the ways of the fallback ask them."""

from __future__ import annotations

from typing import Any

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


class Client:
    """Both services. ``fails``: what every call raises; ``answers``: what it returns."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fails: Exception | None = None
        self.answers: Any = {"MessageId": "service-1"}

    def publish(self, **asked: Any) -> Any:
        self.calls.append(asked)
        if self.fails:
            raise self.fails
        return self.answers

    send_email = publish
