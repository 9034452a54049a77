"""What ``docs/inbound.md`` tells a subscriber to do."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.template import ROOT


def inbound_policy(queue_arn: str, topic_arn: str) -> dict[str, Any]:
    """The document's policy of a queue that subscribes to the topic."""
    text = (ROOT / "docs" / "inbound.md").read_text()
    (policy,) = re.findall(r"```json policy\n(.*?)```", text, re.DOTALL)
    read: dict[str, Any] = json.loads(policy.replace("QUEUE_ARN", queue_arn).replace("TOPIC_ARN", topic_arn))
    return read
