"""What goes to the topic inbound is what SNS takes, whatever a person's text holds."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.inbound_topic import InboundTopic

from tests.support.aws import stand_in

REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


anything = st.text(st.characters(), max_size=120)


class Sns:
    """Refuses what SNS refuses (Publish: Subject, Message, MessageAttributes)."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> None:
        subject = arguments.get("Subject")
        if subject is not None:
            assert re.fullmatch(r"[!-~][ -~]{0,99}", subject), subject
        texts = [arguments["Message"], *(v["StringValue"] for v in arguments["MessageAttributes"].values())]
        for text in texts:
            assert text
            assert not REFUSED.search(text)
            assert len(text.encode()) < 262_144
        self.sent.append(arguments)


@given(anything)
def test_whatever_people_write_sns_takes_it(words: str) -> None:
    sns = Sns()
    number = {"phone_number_id": None, "display_phone_number": None}
    notice = {"kind": "other", "number": number, "text": words, "message": {words: [words, 1e400]}}
    InboundTopic(stand_in("sns", sns), "arn").publish(notice)
    assert json.loads(sns.sent[0]["Message"])["kind"] == "other"
