"""What people write, in every form that subscribers get."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from lifeline_producer import ContractError, notification, notifications

BODY: Final[dict[str, Any]] = {
    **dict.fromkeys(("text", "bsuid", "username", "profile", "group_id", "reply_to", "choice", "media")),
    **dict.fromkeys(("voice", "referral", "preference", "message")),
    "kind": "text",
    "from": "+16505551234",
    "number": {"phone_number_id": "1", "display_phone_number": None},
    "wamid": "wamid.1",
    "received_at": "2030-03-04T12:00:00.000Z",
    "forwarded": False,
    "errors": [],
}
TEXT: Final = json.dumps({**BODY, "text": "hello"})
WRAPPED: Final = json.dumps({"Type": "Notification", "Message": TEXT})


@pytest.mark.parametrize(
    "form",
    [
        TEXT,
        WRAPPED,
        json.loads(TEXT),
        {"body": TEXT},
        {"Body": WRAPPED},
        {"Records": [{"body": WRAPPED}]},
        {"Records": [{"Sns": {"Message": TEXT}}]},
        {"Messages": [{"Body": TEXT}]},
    ],
)
def test_it_reads_the_same_however_it_came(form: Any) -> None:
    found = notification(form)
    assert (found.kind, found.text, found.sender, found.group_id) == ("text", "hello", "+16505551234", None)


def test_several() -> None:
    event = {"Records": [{"body": TEXT}, {"body": WRAPPED}]}
    assert [found.wamid for found in notifications(event)] == ["wamid.1"] * 2
    with pytest.raises(ContractError, match=r"use notifications\(\)"):
        notification(event)


@pytest.mark.parametrize("wrong", ["", "{}", {"Body": 5}, {"Type": "Notification"}, {"Records": []}])
def test_what_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ContractError):
        notification(wrong)
