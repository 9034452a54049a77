"""What the dashboard and the alarms show."""

from __future__ import annotations

import json
from typing import Any

from tests.support.template import resources


def body() -> dict[str, Any]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    found: dict[str, Any] = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    return found


def shown() -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each metric on the dashboard."""
    found = []
    for widget in body()["widgets"]:
        for entry in widget["properties"].get("metrics", []):
            words = [word for word in entry if isinstance(word, str)]
            if words:
                found.append((words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))))
    return found
