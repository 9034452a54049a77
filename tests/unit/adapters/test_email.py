"""What a mail holds."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.email import Email
from lifeline.domain.fallback.mail_tag import decode

from tests.support.aws import stand_in
from tests.support.couriers import Client


def mailed(title: str = "Title", body: str = "Body", name: str = "m1") -> dict[str, Any]:
    client = Client()
    email = Email(stand_in("sesv2", client, "sns"), "us@example.org", "set")
    assert email.send("ana@example.org", title, body, name, 3, 60) == "service-1"
    (call,) = client.calls
    return call


def test_a_mail_is_tagged_with_id_and_act() -> None:
    tags = {tag["Name"]: tag["Value"] for tag in mailed(name="a_b.c:d-1")["EmailTags"]}
    assert tags["lifeline_act"] == "3"
    assert decode(tags["lifeline_id"]) == "a_b.c:d-1"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x00", "\x85", "\u2028", "\x1b"])
def test_a_subject_is_one_line_without_control_characters(end: str) -> None:
    subject = mailed(title=f"  At{end}{end}ten\ud800")["Content"]["Simple"]["Subject"]["Data"]
    assert subject.isprintable()
    assert subject.replace(" ", "") == "Atten\ufffd"


def test_a_mails_text_keeps_its_lines() -> None:
    text = mailed(body="One\r\n\ttwo\x00\udc00")["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert text == "One\r\n\ttwo\ufffd"
