"""What can be checked on this machine is checked before AWS is asked anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.refusals import SYNTAX

TO = "+4915112345678"
SEND = ("send", "--to", TO)
CAMPAIGN = ("--template", "offer", "--over", "1h")


class Asked(Exception):  # noqa: N818 (a sign, no error)
    """AWS was asked."""


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that has no AWS: any use of a session is seen."""

    class Alone(Client):
        @property
        def _session(self) -> Any:
            raise Asked

    monkeypatch.setattr(main, "Client", Alone)
    monkeypatch.setenv("LIFELINE_STACK", "none")


def test_what_is_right_does_ask() -> None:
    for words in (
        ("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "10/s"),
        ("queue", "set-rate", "--queue", "lifeline-prod-whatsapp-queue", "--rate", "0"),
        ("limiter", "set", "30/s", "--reason", "r"),
        (*SEND, "--text", "hello"),
        ("panic", "enable", "whatsapp", "why"),
    ):
        with pytest.raises(Asked):
            run(words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "fast"), "'fast' is not a rate"),
        (("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "10"), "has no unit; write 10/s"),
        (("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "1001/s"), "0.2/s to 1000/s"),
        (("queue", "set-rate", "--queue", "voice-queue", "--rate", "1/s"), "no rate of its own"),
        (("queue", "set-rate", "--queue", "x", "--rate", "1/s"), "Valid: whatsapp-queue"),
        (
            ("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "1/s", "--reason", "a\nb"),
            "reason: holds a control character (U+000A)",
        ),
        (("limiter", "set", "fast", "--reason", "r"), "'fast' is not a rate"),
        (("limiter", "set", "1/s", "--reason", "r" * 501), "reason: has 501 characters, at most 500"),
        ((*SEND, "--template", "Bad Name"), "template.name: must hold only small letters"),
        ((*SEND, "--text", "x" * 5000), "message.text: has 5000 characters, at most 4096"),
        ((*SEND, "--text", "a", "--id", "a b"), "message.id: must hold only letters from A to Z"),
        ((*SEND, "--text", "a", "--id", "lifeline:1"), "begins with lifeline:, which is reserved"),
        ((*SEND, "--text", "a", "--reply-to", "1"), "must be an id of Meta's, which begins with wamid."),
        (("send", "--bsuid", "x", "--text", "a"), "bsuid: must be a business-scoped user id"),
        (
            (*SEND, "--text", "a", "--expires", "2030-01-01T09:00:00Z", "--at", "2030-01-02T09:00:00Z"),
            "is not before expires_at",
        ),
        (("panic", "enable", "whatsapp", ""), "reason: must not be empty"),
    ],
)
def test_what_is_wrong_is_refused_without_a_request(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    err = capsys.readouterr().err
    assert says in err
    assert not SYNTAX.search(err), err


@pytest.mark.parametrize(
    ("lines", "options", "code", "says"),
    [
        (f"to,parameter_1\n{TO},Ana\n{TO},\n", (), 1, "line 3: message.template.parameters"),
        (f"to,email\n{TO},nobody\n", (), 1, "line 2: message.recipient.email: must be a mail address"),
        (f"to\n{TO},x\n", (), 1, "line 2: has more fields than the header"),
        ("to\n", (), 1, "has a header but no lines"),
        (f"to\n{TO}\n", ("--name", "a b"), 1, "must hold only letters from A to Z"),
        (f"to\n{TO}\n", ("--template", "Bad Name"), 1, "must hold only small letters"),
        (f"to\n{TO}\n", ("--over", "900d"), 2, "over_seconds: must be at most"),
        (f"to\n{TO}\n", ("--category", "a b"), 1, "message.category: must hold only letters"),
    ],
)
def test_a_campaign_is_read_before_anything_is_asked(
    lines: str,
    options: tuple[str, ...],
    code: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(lines)
    assert run(["campaign", "send", str(file), *CAMPAIGN, *options]) == code
    err = capsys.readouterr().err
    assert says in err
    assert not SYNTAX.search(err), err


def test_a_campaign_that_is_right_does_ask(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"to\n{TO}\n")
    with pytest.raises(Asked):
        run(["campaign", "send", str(file), *CAMPAIGN])
