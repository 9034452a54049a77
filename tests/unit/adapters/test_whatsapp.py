"""A call whose token was replaced meanwhile, and what an exchange gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from lifeline.adapters.http import Http, HttpReply
from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.classify import Failure

from tests.support.memory import Clock
from tests.support.secrets import NEW, OLD, Manager, secrets


class Graph(Http):
    """Meta: takes the tokens in ``valid``, and repeats those that it does not take."""

    def __init__(self, *valid: str) -> None:
        super().__init__(connections=1, connect_timeout=1, read_timeout=1)
        self.valid = set(valid)
        self.asked: list[tuple[str, str, str]] = []

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        limit: int,
        within: float | None = None,
        wait: float | None = None,
    ) -> HttpReply:
        token = headers["Authorization"].removeprefix("Bearer ")
        parts = urlsplit(url)
        params = dict(parse_qsl(parts.query))
        self.asked.append((method, parts.path.rpartition("/")[2], token))
        if parts.path.endswith("/debug_token"):
            return reply(200, {"data": {"is_valid": params["input_token"] in self.valid}})
        if parts.path.endswith("/oauth/access_token") and params["fb_exchange_token"] in self.valid:
            return reply(200, {"access_token": NEW, "expires_in": 5183944})
        if token in self.valid:
            return reply(200, {"id": "1", "messages": [{"id": "wamid.1"}]})
        said = f"Malformed access token {token} of {params.get('client_secret')}"
        return reply(401, {"error": {"code": 190, "message": said, "error_subcode": 467}})


def reply(status: int, body: dict[str, object]) -> HttpReply:
    return HttpReply(status, {}, json.dumps(body).encode())


def whatsapp(manager: Manager, clock: Clock, graph: Graph) -> WhatsApp:
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
    vars(made)["_http"] = graph
    return made


def test_a_call_whose_token_was_replaced_is_made_again_with_the_new_one() -> None:
    manager, clock, graph = Manager(), Clock(), Graph(NEW)
    meta = whatsapp(manager, clock, graph)
    assert isinstance(meta.phone_number(), Failure)
    manager.values["access_token"] = NEW
    clock.advance(2)
    assert isinstance(meta.phone_number(), Answer)
    assert [token for _, _, token in graph.asked] == [OLD, OLD, NEW]


def test_a_refused_token_that_nobody_replaced_is_asked_once() -> None:
    graph = Graph()
    outcome = whatsapp(Manager(), Clock(), graph).phone_number()
    assert isinstance(outcome, Failure)
    assert outcome.cause is Cause.AUTH
    assert OLD not in outcome.details
    assert len(graph.asked) == 1


def test_a_probe_sees_a_new_token_at_once_although_an_invalid_one_comes_with_http_200() -> None:
    manager, clock, graph = Manager(), Clock(), Graph(NEW)
    meta = whatsapp(manager, clock, graph)
    first = meta.debug_token()
    assert isinstance(first, Answer)
    assert first.body["data"]["is_valid"] is False
    manager.values["access_token"] = NEW
    clock.advance(2)
    second = meta.debug_token()
    assert isinstance(second, Answer)
    assert second.body["data"]["is_valid"] is True


def test_another_token_than_ours_is_never_replaced() -> None:
    graph = Graph(OLD)
    outcome = whatsapp(Manager(), Clock(), graph).phone_number(token="EAAanother0000000001")
    assert isinstance(outcome, Failure)
    assert [token for _, _, token in graph.asked] == ["EAAanother0000000001"]


def test_an_exchange_gives_a_token_or_a_failure_without_secrets() -> None:
    graph = Graph(OLD)
    meta = whatsapp(Manager(), Clock(), graph)
    assert meta.exchange(OLD, "12", "app-secret") == NEW
    refused = meta.exchange("EAArevoked0000000001", "12", "app-secret")
    assert isinstance(refused, Failure)
    assert refused.code == 190
    for secret in ("EAArevoked0000000001", "app-secret"):
        assert secret not in refused.details


def test_a_token_that_cannot_be_sent_is_no_token_and_is_not_named() -> None:
    for token in ("", "EAA\nother", "EAA schlüssel"):
        manager = Manager()
        manager.values["access_token"] = token
        graph = Graph(token)
        outcome = whatsapp(manager, Clock(), graph).phone_number()
        assert isinstance(outcome, Failure)
        assert (outcome.cause, outcome.may_have_left, graph.asked) == (Cause.AUTH, False, [])
        assert not token or token not in repr(outcome)
