"""What goes to the topic inbound is what SNS takes, whatever a person's text holds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.inbound_topic import InboundTopic

from tests.support.aws import stand_in
from tests.support.strict import StrictSns

anything = st.text(st.characters(), max_size=120)


@given(anything)
def test_whatever_people_write_sns_takes_it(words: str) -> None:
    sns = StrictSns()
    number = {"phone_number_id": None, "display_phone_number": None}
    notice = {"kind": "other", "number": number, "text": words, "message": {words: [words, 1e400]}}
    InboundTopic(stand_in("sns", sns), "arn").publish(notice)
    assert json.loads(sns.calls[0]["Message"])["kind"] == "other"
