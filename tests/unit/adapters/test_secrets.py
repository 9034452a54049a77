"""The secret's cache, its versions, and a call whose token was replaced meanwhile."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.functions import Functions
from lifeline.adapters.secrets import CACHE_SECONDS, Secrets
from lifeline.adapters.token_store import SecretVersion, TokenStore
from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.classify import Failure
from lifeline.errors import ConflictError, UnavailableError

from tests.support.memory import Clock

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:lifeline-AbCdEf"
OLD, NEW = "EAAoldtoken000000001", "EAAnewtoken000000002"


def client(name: str) -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    return boto3.client(name, **keys)  # type: ignore[call-overload]


class Manager:
    """Secrets Manager with one value."""

    def __init__(self, token: str = OLD) -> None:
        self.values = {"access_token": token, "app_id": "12", "app_secret": "app-secret"}
        self.reads = 0

    def get_secret_value(self, **_: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": json.dumps(self.values)}


def secrets(manager: Manager, clock: Clock) -> Secrets:
    return Secrets(manager, ARN, clock)  # type: ignore[arg-type]


def test_the_secret_is_read_once_in_a_short_time_and_at_once_after_a_drop() -> None:
    manager, clock = Manager(), Clock()
    cache = secrets(manager, clock)
    assert CACHE_SECONDS <= 60
    assert [cache.get("access_token") for _ in range(3)] == [OLD] * 3
    assert manager.reads == 1
    clock.advance(CACHE_SECONDS)
    cache.get("access_token")
    assert manager.reads == 2
    cache.drop()
    cache.get("access_token")
    assert manager.reads == 3


def test_many_refusals_at_once_read_the_secret_once_a_second() -> None:
    manager, clock = Manager(), Clock()
    cache = secrets(manager, clock)
    cache.get("access_token")
    clock.advance(5)
    assert [cache.renewed(OLD) for _ in range(32)] == [OLD] * 32
    assert manager.reads == 2
    manager.values["access_token"] = NEW
    clock.advance(1)
    assert [cache.renewed(OLD) for _ in range(32)] == [NEW] * 32
    assert manager.reads == 3


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
        base_url="https://graph.test",
        version="v23.0",
        phone_number_id="1",
        waba_id="2",
        connections=1,
        connect_timeout=1,
        read_timeout=1,
    )
    made._session = session  # type: ignore[assignment]
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


# -- versions ----------------------------------------------------------------------------------------------


def test_a_version_does_not_show_its_values() -> None:
    version = SecretVersion("v1", {"access_token": OLD})
    assert version.token == OLD
    assert OLD not in repr(version)


def test_a_new_value_is_pending_then_current_then_pending_no_more() -> None:
    manager = client("secretsmanager")
    store = TokenStore(manager, ARN)
    first, second = "a" * 32, "b" * 32
    with Stubber(manager) as aws:
        aws.add_response(
            "get_secret_value",
            {"VersionId": first, "SecretString": json.dumps({"access_token": OLD})},
            {"SecretId": ARN, "VersionStage": "AWSCURRENT"},
        )
        current = store.current()
        aws.add_response("put_secret_value", {"VersionId": second})
        assert store.put_pending({"access_token": NEW}) == second
        stage = {"SecretId": ARN, "VersionStage": "AWSCURRENT"}
        aws.add_response(
            "update_secret_version_stage",
            {},
            {**stage, "MoveToVersionId": second, "RemoveFromVersionId": first},
        )
        store.promote(second, current.id)
        aws.add_response(
            "update_secret_version_stage",
            {},
            {"SecretId": ARN, "VersionStage": "AWSPENDING", "RemoveFromVersionId": second},
        )
        store.not_pending(second)
        aws.assert_no_pending_responses()


def test_somebody_elses_value_stays() -> None:
    manager = client("secretsmanager")
    with Stubber(manager) as aws:
        aws.add_client_error("update_secret_version_stage", "InvalidParameterException")
        with pytest.raises(ConflictError):
            TokenStore(manager, ARN).promote("b" * 32, "a" * 32)


def test_a_secret_without_a_value_a_broken_one_and_no_previous_one() -> None:
    manager = client("secretsmanager")
    store = TokenStore(manager, ARN)
    with Stubber(manager) as aws:
        aws.add_client_error("get_secret_value", "ResourceNotFoundException")
        assert store.previous() is None
        aws.add_client_error("get_secret_value", "ResourceNotFoundException")
        with pytest.raises(UnavailableError):
            store.current()
        aws.add_response("get_secret_value", {"VersionId": "a" * 32, "SecretString": f"[{OLD}"})
        with pytest.raises(UnavailableError) as broken:
            store.current()
        assert OLD not in str(broken.value)
        for method, call in (
            ("put_secret_value", lambda: store.put_pending({"access_token": NEW})),
            ("update_secret_version_stage", lambda: store.promote("b" * 32, "a" * 32)),
            ("update_secret_version_stage", lambda: store.not_pending("b" * 32)),
        ):
            aws.add_client_error(method, "AccessDeniedException")
            with pytest.raises(UnavailableError) as refused:
                call()
            assert NEW not in str(refused.value)


# -- another function ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "more"),
    [(b'{"errorMessage": "x"}', {"FunctionError": "Unhandled"}), (b"[]", {}), (b"<html>", {})],
)
def test_a_function_that_fails_is_not_an_answer(answer: bytes, more: dict[str, str]) -> None:
    lambda_ = client("lambda")
    waits: list[float] = []

    def patient(seconds: float) -> Any:
        waits.append(seconds)
        return lambda_

    functions = Functions(client("lambda"), patient)
    with Stubber(lambda_) as aws:
        aws.add_response("invoke", {"Payload": io.BytesIO(b'{"outcome": "fine"}')})  # type: ignore[dict-item]
        assert functions.call("keeper", {}, within=40) == {"outcome": "fine"}
        aws.add_response("invoke", {"Payload": io.BytesIO(answer), **more})  # type: ignore[dict-item]
        with pytest.raises(UnavailableError):
            functions.call("keeper", {}, within=-3)
    assert waits == [40, 1]
