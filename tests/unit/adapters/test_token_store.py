"""The secret's versions: a new value is pending, then current."""

from __future__ import annotations

import json

import pytest
from botocore.stub import Stubber
from lifeline.adapters.token_store import SecretVersion, TokenStore
from lifeline.errors import ConflictError, UnavailableError

from tests.support.aws import client

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:lifeline-AbCdEf"


OLD, NEW = "EAAoldtoken000000001", "EAAnewtoken000000002"


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


def test_what_is_to_be_replaced_may_be_anything() -> None:
    manager = client("secretsmanager")
    store = TokenStore(manager, ARN)
    with Stubber(manager) as aws:
        aws.add_client_error("get_secret_value", "ResourceNotFoundException")
        assert store.present() is None
        for text in (OLD, "[1]", "{"):
            aws.add_response("get_secret_value", {"VersionId": "a" * 32, "SecretString": text})
            assert store.present() == SecretVersion("a" * 32, {})
        aws.add_response("get_secret_value", {"VersionId": "a" * 32, "SecretString": '{"access_token": "x"}'})
        assert store.present() == SecretVersion("a" * 32, {"access_token": "x"})
        aws.add_client_error("get_secret_value", "AccessDeniedException")
        with pytest.raises(UnavailableError):
            store.present()


def test_the_first_value_is_current_at_once() -> None:
    manager = client("secretsmanager")
    store = TokenStore(manager, ARN)
    with Stubber(manager) as aws:
        aws.add_response(
            "put_secret_value",
            {"VersionId": "a" * 32},
            {
                "SecretId": ARN,
                "SecretString": json.dumps({"access_token": NEW}),
                "VersionStages": ["AWSCURRENT"],
            },
        )
        store.put_first({"access_token": NEW})
        aws.add_client_error("put_secret_value", "AccessDeniedException")
        with pytest.raises(UnavailableError) as refused:
            store.put_first({"access_token": NEW})
        assert NEW not in str(refused.value)
