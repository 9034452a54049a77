"""The webhook's handler: an HTTP request in, the raw bytes to the use case, an HTTP answer out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.use_cases.webhook.front import Reply
from lifeline.wiring import webhook

from functions.webhook import app
from tests.support.meta import sign

EVENTS = Path(__file__).parents[3] / "events" / "webhook"
SECRET = "events-app-secret"


class Spy:
    def __init__(self) -> None:
        self.posts: list[tuple[bytes, str]] = []
        self.queries: list[dict[str, str]] = []

    def handshake(self, query: dict[str, str]) -> Reply:
        self.queries.append(query)
        return Reply(200, query["hub.challenge"])

    def receive(self, raw: bytes, signature: str) -> Reply:
        self.posts.append((raw, signature))
        return Reply(200)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    found = Spy()
    monkeypatch.setattr(webhook, "use_case", lambda: found)
    return found


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def handle(found: dict[str, Any]) -> dict[str, Any]:
    return app.handler(found, LambdaContext())


def test_the_challenge_comes_back_as_plain_text(spy: Spy) -> None:
    answer = handle(event("handshake"))
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"].startswith("text/plain")
    assert spy.queries[0]["hub.verify_token"] == "events-verify-token"


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_is_signed_over_the_bytes_that_the_use_case_gets(spy: Spy, path: Path) -> None:
    handle(json.loads(path.read_text()))
    for raw, signature in spy.posts:
        assert (signature == sign(raw, SECRET)) == (path.stem != "wrong_signature")
        assert json.loads(raw)["object"] == "whatsapp_business_account"
    assert spy.posts or spy.queries


def test_bytes_that_are_no_text_arrive_unchanged(spy: Spy) -> None:
    raw = b"\xff\x00\xfe{"
    found = event("base64_body") | {"body": base64.b64encode(raw).decode()}
    handle(found)
    assert spy.posts[0][0] == raw


def test_header_names_in_any_case(spy: Spy) -> None:
    found = event("status_delivered")
    headers = found["headers"]
    headers["X-Hub-Signature-256"] = headers.pop("x-hub-signature-256")
    handle(found)
    assert spy.posts[0][1].startswith("sha256=")


def test_requests_without_body_header_or_query(spy: Spy) -> None:
    found = event("status_delivered")
    del found["body"]
    del found["headers"]
    handle(found)
    assert spy.posts == [(b"", "")]


def test_broken_base64_and_other_methods_are_refused(spy: Spy) -> None:
    assert handle(event("base64_body") | {"body": "%%%"})["statusCode"] == 400
    found = event("status_delivered")
    found["requestContext"]["http"]["method"] = "DELETE"
    assert handle(found)["statusCode"] == 405
    assert not spy.posts
