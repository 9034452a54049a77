"""Operators by name and by right, on the deployed system with IAM enforced: the refused calls themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lifeline.contract.operator_actions import OPERATOR_ACTIONS, only_reads

from tests.support.persons import Person
from tests.support.shell import Shell
from tests.support.system import System

EVENTS = Path(__file__).parents[2] / "events" / "operator"
ENABLE = {"action": "panic.enable", "scope": "whatsapp", "reason": "looking into it", "hold": True}


def flag(lifeline: Shell) -> dict[str, Any]:
    """WhatsApp's, as anybody who may look sees it."""
    return dict(lifeline.answer("panic", "status", "whatsapp")["scopes"][0])


def code_of(call: Callable[[], object]) -> str:
    """AWS's error code; empty where the call was allowed."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.fixture
def lifeline(system: System, monkeypatch: pytest.MonkeyPatch) -> Shell:
    system.fresh()
    monkeypatch.setenv("AWS_ENDPOINT_URL", system.stack.aws_url)
    return Shell(system)


@pytest.fixture
def person(lifeline: Shell) -> Iterator[Person]:
    made = Person(lifeline.system, "on-duty")
    lifeline.keys = made.keys
    yield made
    made.leave()


def test_who_has_no_policy_is_refused_and_told_which_to_ask_for(lifeline: Shell, person: Person) -> None:
    denied = lifeline("panic", "status", code=1)
    assert "denied access" in denied.stderr
    assert "OperatorPolicyArn" in denied.stderr
    assert "OperatorReadPolicyArn" in denied.stderr


def test_the_full_policy_is_enough_and_the_history_names_the_signer(lifeline: Shell, person: Person) -> None:
    person.may("OperatorPolicyArn")
    lifeline("panic", "enable", "whatsapp", "with the policy", "--hold")
    arn = "arn:aws:iam::000000000000:user/on-duty"
    assert flag(lifeline)["actor"] == arn
    lifeline("panic", "disable", "whatsapp", "with the policy")
    events = lifeline.answer("panic", "history", "whatsapp")["events"]
    assert {event["actor"] for event in events if event["source"] == "operator"} == {arn}
    assert "on-duty" in lifeline("panic", "history").stdout


def test_the_reading_policy_reads_and_can_change_nothing(lifeline: Shell, person: Person) -> None:
    person.may("OperatorReadPolicyArn")
    for words in (("panic", "status"), ("panic", "history"), ("queue", "status"), ("incident", "list")):
        lifeline(*words)
    denied = lifeline("panic", "enable", "whatsapp", "without the policy", code=1)
    assert "denied access" in denied.stderr
    assert "OperatorPolicyArn" in denied.stderr
    with pytest.raises(ClientError) as refused:
        person.ask("OperatorFunction", person.sign(ENABLE))
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    for request in (person.sign(ENABLE), ENABLE | {"actor": "ada"}):
        assert person.ask("OperatorReadFunction", request)["error"]["code"] == "read_only"
    assert flag(lifeline)["state"] == "normal"


def test_the_reading_functions_role_reads_all_and_writes_nothing(lifeline: Shell, person: Person) -> None:
    person.may("OperatorReadPolicyArn")
    reading = {name for name in OPERATOR_ACTIONS if only_reads({"action": name, "queue": "refused"})}
    for name in sorted(reading):
        event = json.loads((EVENTS / f"{name.replace('.', '_')}.json").read_text())
        if name == "queue.peek":
            event["queue"] = "refused"
        answer = person.ask("OperatorReadFunction", event)
        assert "errorType" not in answer, answer
        text = json.dumps(answer)
        assert "AccessDenied" not in text, text
        assert answer["ok"] or answer["error"]["code"] not in ("unavailable", "read_only"), text


def test_what_the_reading_role_may_not_do_iam_refuses(lifeline: Shell, person: Person) -> None:
    out = person.system.out
    configuration = person.system.functions.get_function_configuration(
        FunctionName=out["OperatorReadFunctionName"]
    )
    role = configuration["Role"].rpartition("/")[2]
    for policy in person.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = person.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        person.iam.put_user_policy(
            UserName=person.name, PolicyName=policy, PolicyDocument=json.dumps(document)
        )
    key = {"pk": {"S": "setting"}, "sk": {"S": "drain_rate"}}
    control, messages = out["ControlTableName"], out["MessagesTableName"]
    dynamodb, sqs = person.client("dynamodb"), person.client("sqs")
    dynamodb.get_item(TableName=control, Key=key)
    sqs.get_queue_attributes(QueueUrl=out["WhatsappQueueUrl"], AttributeNames=["All"])
    refused = {
        "put": lambda: dynamodb.put_item(TableName=control, Item=key),
        "update": lambda: dynamodb.update_item(TableName=control, Key=key),
        "delete": lambda: dynamodb.delete_item(TableName=control, Key=key),
        "write a row": lambda: dynamodb.put_item(TableName=messages, Item={"id": {"S": "x"}}),
        "send": lambda: sqs.send_message(QueueUrl=out["WhatsappQueueUrl"], MessageBody="{}"),
        "wake": lambda: sqs.send_message(QueueUrl=out["WakeQueueUrl"], MessageBody="x"),
        "take": lambda: sqs.receive_message(QueueUrl=out["WhatsappDlqUrl"]),
        "run": lambda: person.client("lambda").invoke(FunctionName=out["DrainerFunctionName"]),
        "new token": lambda: person.client("secretsmanager").put_secret_value(
            SecretId=out["TokenSecretArn"], SecretString="{}"
        ),
    }
    # Not shown for a topic without a policy: ministack lets its whole account publish there, AWS nobody.
    answers = {what: code_of(call) for what, call in refused.items()}
    assert not {what: code for what, code in answers.items() if "AccessDenied" not in code}


def test_a_forged_actor_and_a_used_or_changed_request_are_refused(lifeline: Shell, person: Person) -> None:
    person.may("OperatorPolicyArn")
    forged = person.sign(ENABLE | {"actor": "arn:aws:iam::000000000000:user/ada"})
    assert person.ask("OperatorFunction", forged)["error"]["code"] == "forged_actor"
    signed = person.sign(ENABLE)
    changed = person.ask("OperatorFunction", signed | {"scope": "openai_voice"})
    assert changed["error"]["code"] == "proof_refused"
    assert "SignatureDoesNotMatch" in changed["error"]["message"]
    assert flag(lifeline)["state"] == "normal"
    assert person.ask("OperatorFunction", signed)["ok"]
    assert person.ask("OperatorFunction", signed)["error"]["code"] == "proof_used"


def test_who_invokes_by_hand_is_unverified_in_the_history(lifeline: Shell, person: Person) -> None:
    person.may("OperatorPolicyArn")
    answer = person.ask("OperatorFunction", ENABLE | {"actor": "arn:aws:iam::000000000000:user/ada"})
    assert answer["ok"], answer
    assert flag(lifeline)["actor"] == "arn:aws:iam::000000000000:user/ada (unverified)"
    assert "ada (unverified)" in lifeline("panic", "status").stdout


def test_a_session_is_named_with_its_role(lifeline: Shell, person: Person) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            }
        ],
    }
    iam, policy = person.iam, lifeline.system.out["OperatorPolicyArn"]
    iam.create_role(RoleName="OnCall", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName="OnCall", PolicyArn=policy)
    try:
        found = lifeline.system.stack.client("sts").assume_role(
            RoleArn="arn:aws:iam::000000000000:role/OnCall", RoleSessionName="grace@example.org"
        )["Credentials"]
        lifeline.keys = {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
        }
        lifeline("panic", "enable", "whatsapp", "by a session", "--hold")
        assert flag(lifeline)["actor"].endswith(":assumed-role/OnCall/grace@example.org")
        assert "grace@example.org as OnCall" in lifeline("panic", "history", COLUMNS="200").stdout
    finally:
        iam.detach_role_policy(RoleName="OnCall", PolicyArn=policy)
        iam.delete_role(RoleName="OnCall")


def test_what_is_dangerous_is_said_and_meant(lifeline: Shell, person: Person) -> None:
    person.may("OperatorPolicyArn")
    words = ("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "500/s")
    asked = lifeline(*words, code=1)
    assert "above the account's throughput" in asked.stderr
    assert "Confirmation needs a terminal" in asked.stderr
    done = lifeline(*words, "--yes")
    assert "above the account's throughput" in done.stdout
    request = {"action": "queue.redrive", "queue": "refused", "reason": "fixed"}
    assert person.ask("OperatorFunction", person.sign(request))["error"]["code"] == "unsure"
    sure = person.ask("OperatorFunction", person.sign(request | {"sure": True}))
    assert sure["result"]["warnings"] == [OPERATOR_ACTIONS["queue.redrive"].danger]
