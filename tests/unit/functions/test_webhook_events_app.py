"""The handler of the webhook's queue: records in, those that must come again out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.use_cases.webhook.bodies import Body
from lifeline.wiring import webhook_events

from functions.webhook_events import app

EVENTS = Path(__file__).parents[3] / "events" / "webhook_events"


class Context:
    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 19_500


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_bodies_go_in_and_what_must_come_again_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Body] = []

    def take(bodies: Sequence[Body], remaining: Callable[[], float]) -> list[str]:
        assert remaining() == 19.5
        seen.extend(bodies)
        return [bodies[-1].id]

    monkeypatch.setattr(webhook_events, "use_case", lambda: take)
    event: dict[str, Any] = json.loads(path.read_text())
    answer = app.handler(event, cast(LambdaContext, Context()))
    last = event["Records"][-1]["messageId"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": last}]}
    assert [body.text for body in seen] == [record["body"] for record in event["Records"]]
