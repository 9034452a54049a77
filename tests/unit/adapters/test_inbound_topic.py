"""What goes to the topic inbound is what SNS takes, whatever a person's text holds."""

from __future__ import annotations

import json

import pytest
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
    notice = {
        "kind": "other",
        "number": number,
        "group_id": None,
        "text": words,
        "message": {words: [words, 1e400]},
    }
    InboundTopic(stand_in("sns", sns), "arn").publish(notice)
    assert json.loads(sns.calls[0]["Message"])["kind"] == "other"


@pytest.mark.parametrize("group", [None, "g1"])
def test_subscriptions_can_leave_out_groups(group: str | None) -> None:
    sns = StrictSns()
    number = {"phone_number_id": "5", "display_phone_number": None}
    InboundTopic(stand_in("sns", sns), "arn").publish({"kind": "text", "number": number, "group_id": group})
    attributes = sns.calls[0]["MessageAttributes"]
    assert attributes.keys() == {"kind", "phone_number_id", *({"group_id"} if group else ())}
