"""A call whose token was replaced meanwhile, and what an exchange gives."""

from __future__ import annotations

import json
import logging
from typing import Any

from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.classify import Failure

from tests.support.memory import Clock
from tests.support.secrets import NEW, OLD, Manager, secrets


class Response:
    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status_code, self._body = status, body
        self.headers: dict[str, str] = {}
        self.content = json.dumps(body).encode()

    def json(self) -> dict[str, Any]:
        return self._body


class Session:
    """Meta: takes the tokens in ``valid``, and repeats those that it does not take."""

    def __init__(self, *valid: str) -> None:
        self.valid = set(valid)
        self.asked: list[tuple[str, str, str]] = []

    def request(self, method: str, url: str, **more: Any) -> Response:
        token = more["headers"]["Authorization"].removeprefix("Bearer ")
        params = more["params"] or {}
        self.asked.append((method, url.rpartition("/")[2], token))
        if url.endswith("/debug_token"):
            return Response(200, {"data": {"is_valid": params["input_token"] in self.valid}})
        if url.endswith("/oauth/access_token") and params["fb_exchange_token"] in self.valid:
            return Response(200, {"access_token": NEW, "expires_in": 5183944})
        if token in self.valid:
            return Response(200, {"id": "1", "messages": [{"id": "wamid.1"}]})
        said = f"Malformed access token {token} of {params.get('client_secret')}"
        return Response(401, {"error": {"code": 190, "message": said, "error_subcode": 467}})


def whatsapp(manager: Manager, clock: Clock, session: Session) -> WhatsApp:
    made = WhatsApp(
        secrets(manager, clock),
        app_token=lambda: "12|app-secret",
        base_url="https://graph.test",
        version="v23.0",
        phone_number_id="1",
        waba_id="2",
        connections=1,
        connect_timeout=1,
        read_timeout=1,
    )
    vars(made)["_session"] = session
    return made


def test_a_call_whose_token_was_replaced_is_made_again_with_the_new_one() -> None:
    manager, clock, session = Manager(), Clock(), Session(NEW)
    meta = whatsapp(manager, clock, session)
    assert isinstance(meta.phone_number(), Failure)
    manager.values["access_token"] = NEW
    clock.advance(2)
    assert isinstance(meta.phone_number(), Answer)
    assert [token for _, _, token in session.asked] == [OLD, OLD, NEW]


def test_a_refused_token_that_nobody_replaced_is_asked_once() -> None:
    session = Session()
    outcome = whatsapp(Manager(), Clock(), session).phone_number()
    assert isinstance(outcome, Failure)
    assert outcome.cause is Cause.AUTH
    assert OLD not in outcome.details
    assert len(session.asked) == 1


def test_a_probe_sees_a_new_token_at_once_although_an_invalid_one_comes_with_http_200() -> None:
    manager, clock, session = Manager(), Clock(), Session(NEW)
    meta = whatsapp(manager, clock, session)
    first = meta.debug_token()
    assert isinstance(first, Answer)
    assert first.body["data"]["is_valid"] is False
    manager.values["access_token"] = NEW
    clock.advance(2)
    second = meta.debug_token()
    assert isinstance(second, Answer)
    assert second.body["data"]["is_valid"] is True


def test_another_token_than_ours_is_never_replaced() -> None:
    session = Session(OLD)
    outcome = whatsapp(Manager(), Clock(), session).phone_number(token="EAAanother0000000001")
    assert isinstance(outcome, Failure)
    assert [token for _, _, token in session.asked] == ["EAAanother0000000001"]


def test_an_exchange_gives_a_token_or_a_failure_without_secrets() -> None:
    session = Session(OLD)
    meta = whatsapp(Manager(), Clock(), session)
    assert meta.exchange(OLD, "12", "app-secret") == NEW
    refused = meta.exchange("EAArevoked0000000001", "12", "app-secret")
    assert isinstance(refused, Failure)
    assert refused.code == 190
    for secret in ("EAArevoked0000000001", "app-secret"):
        assert secret not in refused.details


def test_urllib3_names_no_address_of_ours() -> None:
    whatsapp(Manager(), Clock(), Session())
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.ERROR)
