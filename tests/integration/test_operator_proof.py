"""Proofs against a real STS endpoint: the local AWS, which checks signatures of users and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from lifeline.adapters.sts import Sts
from lifeline.adapters.used_proofs import UsedProofs
from lifeline.contract.operator_proof import digest
from lifeline.domain.caller import check_caller, check_proof
from lifeline.errors import RefusedError, UnavailableError
from lifeline_cli.proof import Signer

from local.stack import REGION, LocalStack, free_port
from tests.support.proofs import made_at

ACCOUNT = "000000000000"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/lifeline-test/0a1b"
ENABLE = {"action": "panic.enable", "scope": "whatsapp", "reason": "looking into it"}
ROLE = "OnCall"


class Place:
    """The local AWS alone, with a user and a role."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        iam = stack.client("iam")
        iam.create_user(UserName="ada")
        self.key = iam.create_access_key(UserName="ada")["AccessKey"]
        trust = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
            f'"Principal": {{"AWS": "arn:aws:iam::{ACCOUNT}:root"}}}}]}}'
        )
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
        self.sts = Sts(stack.client("sts"), STACK)

    def session(self, secret: str = "") -> Any:
        return boto3.Session(
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=secret or self.key["SecretAccessKey"],
            region_name=REGION,
        )

    def assumed(self) -> Any:
        found = self.stack.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="grace@example.org"
        )["Credentials"]
        return boto3.Session(
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
            region_name=REGION,
        )

    def signed(self, session: Any, stack_id: str = STACK) -> dict[str, Any]:
        return {**ENABLE, "proof": Signer(session, REGION, stack_id).prove(ENABLE)}

    def arn(self, request: dict[str, Any]) -> str:
        proof = request["proof"]
        check_proof(proof, self.sts.host, made_at(request) + 1)
        caller = self.sts.caller(proof, digest(request, proof["nonce"]))
        check_caller(caller, ACCOUNT, None)
        return caller.arn


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    stack = LocalStack(tmp_path_factory.mktemp("sts"), quiet=True)
    try:
        stack.start_aws()
        yield Place(stack)
    finally:
        stack.stop()


@pytest.fixture(autouse=True)
def endpoint(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", place.stack.aws_url)


def test_sts_names_a_user_and_a_session(place: Place) -> None:
    assert place.arn(place.signed(place.session())) == f"arn:aws:iam::{ACCOUNT}:user/ada"
    expected = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/grace@example.org"
    assert place.arn(place.signed(place.assumed())) == expected


def test_a_proof_of_another_name_of_this_machine_is_good(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", place.stack.aws_url.replace("127.0.0.1", "localhost"))
    assert place.arn(place.signed(place.session())).endswith("user/ada")


@pytest.mark.parametrize("forgery", ["secret", "stack", "reason", "nonce", "key", "token"])
def test_sts_refuses_what_was_forged(place: Place, forgery: str) -> None:
    signed = place.signed(place.session("guessed") if forgery == "secret" else place.session())
    match forgery:
        case "stack":
            signed = place.signed(place.session(), STACK.replace("test", "prod"))
        case "reason":
            signed["reason"] = "another"
        case "nonce":
            signed["proof"]["nonce"] = "0" * 32
        case "key":
            signed["proof"]["key"] = "AKIDNOBODYKNOWS00000"
        case "token":
            signed["proof"]["token"] = "of-somebody-else"
    with pytest.raises(RefusedError, match="AWS does not accept the proof of who asks"):
        place.arn(signed)


def test_an_endpoint_that_is_not_there_refuses_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = place.signed(place.session())
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    gone = Sts(boto3.client("sts", region_name=REGION), STACK)
    with pytest.raises(UnavailableError, match="STS is not available"):
        gone.caller(signed["proof"], "0" * 64)


def test_a_proof_is_used_once(place: Place) -> None:
    dynamodb = place.stack.client("dynamodb")
    dynamodb.create_table(
        TableName="control",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    ops = iter("abc")
    used = UsedProofs(dynamodb, "control", lambda: next(ops))
    assert [used.use("s1", 100.0), used.use("s1", 100.0), used.use("s2", 100.0)] == [True, False, True]
