"""The access token on the deployed system: renewed ahead of time, refused, bad, revoked, and never shown."""

from __future__ import annotations

import itertools
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack import SECRETS
from tests.support.persons import Person
from tests.support.shell import START, Shell
from tests.support.system import System, eventually
from tests.support.traffic import works_again

DAY = 86_400


class Token:
    """The token as Meta and as Secrets Manager see it, and what engineering was told."""

    def __init__(self, system: System, inbox: str, prefix: str) -> None:
        self.system = system
        self.inbox = inbox
        self.prefix = prefix
        self.manager = system.stack.client("secretsmanager")
        self.seen: set[str] = set()
        self.notices: list[dict[str, Any]] = []
        self.said: list[str] = []

    def stored(self, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """The values of one version; empty where there is none."""
        try:
            answer = self.manager.get_secret_value(
                SecretId=self.system.out["TokenSecretArn"], VersionStage=stage
            )
        except self.manager.exceptions.ResourceNotFoundException:
            return {}
        values: dict[str, Any] = json.loads(answer["SecretString"])
        self.seen.add(values["access_token"])
        return values

    @property
    def current(self) -> str:
        return str(self.stored()["access_token"])

    def at_meta(self, token: str = "", **values: Any) -> None:
        """Change a token at Meta; the one that is current unless another is named."""
        self.system._control("POST", "/tokens", json={"token": token or self.current, **values})

    def new(self, expires_in: float | None = None) -> str:
        """One that a person makes at Meta."""
        token = str(self.system._control("POST", "/tokens", json={"issue": True})["token"])
        if expires_in is not None:
            self.at_meta(token, expires_in=expires_in)
        self.seen.add(token)
        return token

    def keep(self, source: str = "by hand") -> dict[str, Any]:
        """Let the token keeper look."""
        answer: dict[str, Any] = self.system.invoke("TokenKeeper", {"source": source})
        self.said.append(json.dumps(answer))
        return answer

    def told(self, event: str, within: float = 30.0) -> dict[str, Any]:
        """Wait for a notice to engineering."""

        def look() -> dict[str, Any] | None:
            answer = self.system.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                notice = json.loads(json.loads(message["Body"])["Message"])
                self.notices.append(notice)
                self.system.sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
            return next((found for found in self.notices if found.get("event") == event), None)

        return eventually(look, within, f"engineering told of {event}")

    def operator(self, *words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Type a command, and remember all that it prints."""
        done = Shell(self.system)("whatsapp", *words, code=code, stdin=stdin)
        self.said.append(done.stdout + done.stderr)
        return done

    def operator_at(self, *words: str) -> str:
        """What another group's command prints."""
        done = Shell(self.system)(*words)
        self.said.append(done.stdout)
        return done.stdout

    def everything_said(self) -> str:
        """Logs, ledger, control table (history, flags, settings), notices, and what commands printed."""
        logs = self.system.stack.client("logs")
        found = [*self.said, json.dumps(self.notices)]
        prefix = f"/aws/lambda/{self.system.stack.name}-"
        groups = logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
        assert any(group["logGroupName"].endswith("token_keeper") for group in groups)
        for group in groups:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            found += [event["message"] for page in pages for event in page["events"]]
        for table in ("ControlTableName", "MessagesTableName"):
            pages = self.system.dynamodb.get_paginator("scan").paginate(TableName=self.system.out[table])
            found += [json.dumps(item, default=str) for page in pages for item in page["Items"]]
        return "\n".join(found)

    def nothing_leaked(self) -> None:
        """No token and no secret that was ever in use stands in anything that the system says."""
        for stage in ("AWSCURRENT", "AWSPREVIOUS"):
            self.stored(stage)
        said = self.everything_said()
        assert '"service":"lifeline-token_keeper"' in said, "the logs were read"
        stored = {name: value for values in SECRETS.values() for name, value in values.items()}
        del stored["app_id"]
        secrets = {*self.seen, *stored.values(), "EAAbad"}
        assert [secret for secret in secrets if secret in said] == []


@pytest.fixture
def token(system: System) -> Iterator[Token]:
    """A token that is current and valid without an end, and an inbox of engineering."""
    prefix = system.fresh()
    name = f"{system.stack.name}-engineering-{int(time.time() * 1000)}"
    inbox = system.sqs.create_queue(QueueName=name)["QueueUrl"]
    found = system.sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])
    arn = found["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": system.out["OpsTopicArn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    system.sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": policy})
    subscription = system.sns.subscribe(
        TopicArn=system.out["OpsTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"audience": ["engineering"]})},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    yield Token(system, inbox, prefix)
    system.sns.unsubscribe(SubscriptionArn=subscription)
    system.sqs.delete_queue(QueueUrl=inbox)


def test_a_token_that_ends_in_two_days_is_renewed_by_itself_with_no_failed_send(token: Token) -> None:
    system = token.system
    prefix = token.prefix
    before = token.stored()
    assert token.keep("lifeline.schedule")["outcome"] == "never_expires"
    token.at_meta(expires_in=2 * DAY)
    assert "due for renewal" in token.operator("token-status").stdout
    ids = [f"{prefix}-{number}" for number in range(20)]
    people = [system.person(name, to=f"+49151123{45000 + index}") for index, name in enumerate(ids)]
    system.produce(*people[:10])
    answer = token.keep("lifeline.schedule")
    system.produce(*people[10:])
    assert (answer["outcome"], answer["state"]) == ("renewed", "fine")
    assert answer["days_left"] == pytest.approx(60, abs=1)
    after = token.stored()
    assert after == {**before, "access_token": after["access_token"]}, "only the token has changed"
    assert after["access_token"] != before["access_token"]
    assert token.stored("AWSPREVIOUS") == before
    assert token.stored("AWSPENDING") == {}
    asked = [entry["path"].rpartition("/")[2] for entry in system.questions()]
    exchanged = asked.index("access_token")
    number = system.stack._local_parameters()["PhoneNumberId"]
    assert number in asked[exchanged + 1 :], f"verified by a real call: {asked}"
    system.wait_for(ids, "DELIVERED", within=60)
    assert all(entry["accepted"] for entry in system.sends(prefix)), "no send failed"
    assert system.flag()["state"] == "normal"
    status = json.loads(token.operator("token-status", "--json").stdout)["result"]
    assert (status["state"], status["keeper"]["outcome"]) == ("fine", "renewed")
    token.nothing_leaked()


@pytest.mark.parametrize(("exchange", "step"), [("refused", "exchange"), ("bad_token", "verify")])
def test_a_failed_refresh_leaves_the_token_current_and_engineering_is_told(
    token: Token, exchange: str, step: str
) -> None:
    system = token.system
    prefix = token.prefix
    before = token.stored()
    token.at_meta(expires_in=2 * DAY)
    system.control_settings(token_exchange=exchange)
    answer = token.keep("lifeline.schedule" if exchange == "refused" else "by hand")
    assert (answer["outcome"], answer["step"]) == ("failed", step)
    told = token.told("token_refresh_failed")
    assert told["step"] == step
    assert "The current token stays" in told["text"]
    assert token.stored() == before
    assert token.stored("AWSPENDING") == {}
    failed = token.operator("refresh-token", "--reason", "once more", code=1)
    assert step in failed.stderr
    document = json.loads(token.operator("refresh-token", "--json", code=1).stdout)
    assert document["error"]["code"] == "refresh_failed"
    assert token.stored() == before
    history = [event for event in system.history() if event["kind"] == "noted"]
    assert [event["source"] for event in history] == ["token_keeper", "operator", "operator"]
    works_again(system, prefix)
    token.nothing_leaked()


def test_a_revoked_token_panics_at_once_is_refreshed_by_itself_and_recovery_follows(token: Token) -> None:
    system = token.system
    prefix = token.prefix
    token.at_meta(expires_in=30 * DAY)
    renewed = json.loads(token.operator("refresh-token", "--json").stdout)["result"]
    assert renewed["refreshed"] is renewed["previous_kept"] is True
    revoked, before = token.current, token.stored("AWSPREVIOUS")["access_token"]
    # A warm worker keeps the old one for a minute, unless it is refused.
    token.at_meta(before, revoked=True)
    works_again(system, f"{prefix}-before")
    token.at_meta(before, revoked=False)
    assert system.flag()["state"] == "normal"
    token.at_meta(revoked=True)
    numbers = itertools.count()

    def refused() -> bool:
        """A worker that still has the old one, which is valid again, sends: so one message after another."""
        system.produce(system.person(f"{prefix}-{next(numbers)}"))
        return system.flag().get("state") == "panic"

    eventually(refused, 15, "a worker is refused")
    incident = system.panics("auth")["incident_id"]
    eventually(lambda: token.current != revoked, 30, "another token is current")
    told = token.told("token_way_back")
    assert told["run"] == "lifeline whatsapp token-status"
    system.recovers()
    works_again(system, f"{prefix}-after")
    assert system.flag()["state"] != "panic", "no worker holds on to the revoked token"
    notes = [event for event in system.history() if event["kind"] == "noted"]
    found = [(event["incident_id"], event["source"]) for event in notes]
    assert found == [("", "operator"), (incident, "token_keeper")]
    entered = [event for event in system.history() if event["kind"] in ("entered", "reentered")]
    assert len(entered) == 1
    again = system.invoke("TokenKeeper", {"source": "lifeline.panic", "incident_id": incident})
    assert again["outcome"] == "skipped", "once per incident"
    assert "valid" in token.operator("token-status").stdout
    token.nothing_leaked()


def test_a_token_put_there_by_hand_is_taken_up_without_a_panic(token: Token) -> None:
    """A warm worker is refused with the old one, reads the secret anew, and makes the same call again."""
    system = token.system
    prefix = token.prefix
    works_again(system, f"{prefix}-before")
    old = token.stored()
    new = token.new()
    token.manager.put_secret_value(
        SecretId=system.out["TokenSecretArn"], SecretString=json.dumps({**old, "access_token": new})
    )
    token.at_meta(old["access_token"], revoked=True)
    works_again(system, f"{prefix}-after")
    assert system.flag()["state"] == "normal"
    assert system.history() == []
    token.nothing_leaked()


def test_a_fresh_stack_whose_first_token_is_bad_heals_by_set_token(token: Token) -> None:
    """No earlier version, and a token that Meta never gave: status, notification and refusal name the way."""
    system, prefix = token.system, token.prefix
    good = token.stored()
    for label in ("AWSCURRENT", "AWSPREVIOUS"):
        token.manager.put_secret_value(
            SecretId=system.out["TokenSecretArn"],
            SecretString=json.dumps({**good, "access_token": f"EAAnevergiven{len(label):016d}"}),
        )
        token.stored()
    token.at_meta(good["access_token"], revoked=True)
    assert token.keep()["outcome"] == "failed"
    told = token.told("token_refresh_failed")
    assert told["run"] == "lifeline whatsapp set-token"
    assert "lifeline whatsapp set-token" in told["text"]
    failed = token.operator("refresh-token", code=1)
    assert "lifeline whatsapp set-token" in failed.stderr
    assert "Next: lifeline whatsapp set-token" in token.operator("token-status").stdout
    numbers = itertools.count()

    def refused() -> bool:
        system.produce(system.person(f"{prefix}-{next(numbers)}"))
        return system.flag().get("state") == "panic"

    eventually(refused, 15, "a worker is refused")
    line = "run        lifeline whatsapp set-token"
    eventually(lambda: line in token.operator_at("status").splitlines(), 15, "the command is on the screen")
    new = token.new()
    done = token.operator("set-token", "--yes", "--reason", "the first one was bad", stdin=f"{new}\n")
    assert "was verified at Meta and is current" in done.stdout
    assert token.stored() == {**good, "access_token": new}
    assert token.stored("AWSPENDING") == {}
    system.recovers()
    works_again(system, f"{prefix}-after")
    status = json.loads(token.operator("token-status", "--json").stdout)["result"]
    assert (status["state"], status["keeper"]["outcome"]) == ("never_expires", "set")
    (event,) = [event for event in system.history() if "is current" in event["reason"]]
    assert (event["source"], event["actor"]) == ("operator", "arn:aws:iam::000000000000:root")
    token.nothing_leaked()


@pytest.mark.parametrize("case", ["revoked", "never given", "expired"])
def test_a_new_token_that_meta_refuses_is_refused_with_its_reason_and_nothing_changes(
    token: Token, case: str
) -> None:
    before, previous = token.stored(), token.stored("AWSPREVIOUS")
    bad = token.new()
    facts: dict[str, dict[str, Any]] = {"revoked": {"revoked": True}, "expired": {"expires_in": -60}}
    token.at_meta(bad, **facts.get(case, {}))
    if case == "never given":
        bad = "EAAnevergivenbymeta0000001"
        token.seen.add(bad)
    refused = token.operator("set-token", "--yes", stdin=bad, code=1)
    assert "Meta calls the new token invalid" in refused.stderr
    assert "The current token stays" in refused.stderr
    document = json.loads(token.operator("set-token", "--yes", "--json", stdin=bad, code=1).stdout)
    assert document["error"]["code"] == "token_refused"
    assert (token.stored(), token.stored("AWSPREVIOUS")) == (before, previous)
    assert token.stored("AWSPENDING") == {}
    notes = [event for event in token.system.history() if event["kind"] == "noted"]
    assert [event["source"] for event in notes] == ["operator", "operator"]
    assert all("was rejected" in event["reason"] for event in notes)
    works_again(token.system, token.prefix)
    token.nothing_leaked()


def test_a_new_token_is_typed_at_a_prompt_that_does_not_show_it(token: Token) -> None:
    before, new = token.stored(), token.new()
    shell = Shell(token.system)
    process, terminal = pty.fork()
    if process == 0:  # the child: its terminal is the test's
        command = [sys.executable, "-c", START, "whatsapp", "set-token"]
        os.execve(sys.executable, command, shell.environment() | {"TERM": "dumb"})
    shown = ""

    def until(words: str) -> None:
        nonlocal shown
        deadline = time.monotonic() + 60
        while words not in shown and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 4096).decode(errors="replace")
        assert words in shown

    try:
        until("[y/N]")
        os.write(terminal, b"y\n")
        until("(it is not shown)")
        os.write(terminal, f"{new}\n".encode())
        until("is current")
    finally:
        os.waitpid(process, 0)
        os.close(terminal)
    assert new not in shown
    assert token.stored() == {**before, "access_token": new}
    assert token.stored("AWSPREVIOUS") == before
    token.said.append(shown)
    token.nothing_leaked()


def test_who_may_only_look_cannot_set_a_token(token: Token) -> None:
    """IAM refuses the function; the one that reads refuses the action, and its role could not write."""
    system, before = token.system, token.stored()
    reader = Person(system, "only-looks")
    reader.may("OperatorReadPolicyArn")
    shell = Shell(system)
    shell.keys = reader.keys
    try:
        denied = shell("whatsapp", "set-token", "--yes", stdin=token.new(), code=1)
        assert "AWS denied access" in denied.stderr
        request = {"action": "whatsapp.set_token", "token": token.new(), "reason": "r", "sure": True}
        answer = reader.ask("OperatorReadFunction", request | {"actor": "ada"})
        assert answer["error"]["code"] == "read_only"
        secret = {"SecretId": system.out["TokenSecretArn"], "SecretString": "{}"}
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.client("secretsmanager").put_secret_value(**secret)
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.ask("TokenKeeperFunction", {"source": "lifeline.operator", "token": token.new()})
        reader.may("OperatorPolicyArn")
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.client("secretsmanager").put_secret_value(**secret)
    finally:
        reader.leave()
    assert token.stored() == before
    token.said.append(denied.stderr)
    token.nothing_leaked()
