"""The service that the deployment chose sends, and none where SMS is off."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.outcomes import NotTaken
from lifeline.settings import Settings
from lifeline.wiring import texts
from lifeline.wiring.adapters import Adapters

from tests.support.memory import Clock, MemoryControl, MemoryNotices, Recorder


class Made:
    """Makes clients that answer; ``asked``: for which services, and the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.calls: list[dict[str, Any]] = []

    def __call__(self, service: str, pool: int, attempts: int) -> Any:
        self.asked.append((service, attempts))
        return self

    def publish(self, **call: Any) -> dict[str, str]:
        self.calls.append(call)
        return {"MessageId": "1"}

    send_text_message = publish


def send(made: Made, **settings: str) -> str:
    adapters = Adapters(
        "sender",
        {
            "settings": Settings(**settings),  # type: ignore[arg-type]
            "control": MemoryControl(),
            "notices": MemoryNotices(),
            "clock": Clock(),
            "telemetry": Recorder(),
        },
    )
    return texts.build(adapters, made).send("+4915112345678", "T", "At ten.", "m", 1, None)


@pytest.mark.parametrize(
    ("service", "client"), [("sns", "sns"), ("end-user-messaging", "pinpoint-sms-voice-v2")]
)
def test_the_chosen_service_is_asked_and_never_twice_by_the_sdk(service: str, client: str) -> None:
    made = Made()
    assert send(made, sms_service=service, sms_origination="o", sms_configuration_set="c") == "1"
    assert made.asked == [(client, 1)]
    assert len(made.calls) == 1


def test_without_a_service_no_client_is_made() -> None:
    made = Made()
    with pytest.raises(NotTaken, match="SmsIsOff"):
        send(made)
    assert made.asked == []
