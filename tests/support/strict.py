"""What SQS and SNS refuse."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from botocore.exceptions import ClientError

REFUSED: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no body, attribute, message or subject may hold (SQS, SNS)."""
LARGEST: Final = {"SQS": 1_048_576, "SNS": 262_144}
"""Bytes of one message with its attributes."""


def fault(code: str) -> ClientError:
    """What botocore raises for a refused call."""
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Call")


class StrictSns:
    """SNS's checks of Publish. ``calls``: what it took."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> None:
        subject = arguments.get("Subject")
        if subject is not None and not re.fullmatch(r"[!-~][ -~]{0,99}", subject):
            raise fault("InvalidParameter")
        attributes = {name: item["StringValue"] for name, item in arguments["MessageAttributes"].items()}
        texts = [arguments["Message"], *attributes.values()]
        if not all(texts) or any(REFUSED.search(text) for text in texts):
            raise fault("InvalidParameter")
        if sum(len(text.encode()) for text in texts) > LARGEST["SNS"]:
            raise fault("InvalidParameter")
        self.calls.append(arguments)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The messages, as their receivers read them."""
        return [
            json.loads(message["default"] if call.get("MessageStructure") == "json" else call["Message"])
            for call in self.calls
            for message in [json.loads(call["Message"])]
        ]
