"""What is told on the topic ops is what SNS takes, whatever a template's reason holds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.notices import Notices

from tests.support.aws import stand_in
from tests.support.strict import StrictSns

anything = st.text(st.characters(), max_size=120)


def tell(subject: str, text: str, scope: str = "whatsapp", cause: str = "", **data: Any) -> dict[str, Any]:
    sns = StrictSns()
    Notices(stand_in("sns", sns), "arn").tell(
        audience=("engineering",),
        subject=subject,
        text=text,
        scope=scope,
        cause=cause,
        severity="",
        data=data,
    )
    return sns.calls[0]


def test_a_subject_of_many_lines_and_scripts() -> None:
    sent = tell("Lifeline: größer\nals\x85 \ud83d", "why \ud83d", event="entered")
    assert sent["Subject"] == "Lifeline: gro?er als ?"
    assert sent["MessageStructure"] == "json"
    assert json.loads(json.loads(sent["Message"])["default"])["text"] == "why \ufffd"
    assert sent["MessageAttributes"]["severity"]["StringValue"] == "none"


def test_mail_is_plain_text_and_everything_else_gets_json() -> None:
    sns = StrictSns()
    Notices(stand_in("sns", sns), "arn", "https://wiki.example.org/runbook").tell(
        audience=("engineering",),
        subject="Lifeline: whatsapp is in panic mode (auth)",
        text="Meta refuses the token.",
        scope="whatsapp",
        cause="auth",
        severity="high",
        data={"event": "entered", "incident_id": "i1"},
        automatic="People are reached by push.",
        run="lifeline panic status",
        section="Token Expired (401/403)",
    )
    message = json.loads(sns.calls[0]["Message"])
    assert set(message) == {"default", "email"}
    link = "https://wiki.example.org/runbook#token-expired-401403"
    assert message["email"] == (
        "Meta refuses the token.\n\n"
        "What Lifeline does by itself: People are reached by push.\n\n"
        "Run:\n    lifeline panic status\n\n"
        f"Runbook: {link}"
    )
    assert json.loads(message["default"]) == {
        "subject": "Lifeline: whatsapp is in panic mode (auth)",
        "text": "Meta refuses the token.",
        "automatic": "People are reached by push.",
        "run": "lifeline panic status",
        "runbook": link,
        "severity": "high",
        "scope": "whatsapp",
        "cause": "auth",
        "event": "entered",
        "incident_id": "i1",
    }


@given(anything, anything, anything)
def test_whatever_is_told_sns_takes_it(one: str, two: str, three: str) -> None:
    tell(one, two, three, one, event=two, evidence={three: [one, float("inf")]})
