"""The command line, as an operator types it, on the deployed system with IAM enforced."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.names import ENTRY_QUEUES, LANES

from tests.support.shell import Shell
from tests.support.system import System, eventually


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def flag(lifeline: Shell, scope: str = "whatsapp") -> dict[str, Any]:
    return dict(lifeline.answer("panic", "status", scope)["scopes"][0])


def test_enable_and_disable_by_hand(lifeline: Shell) -> None:
    done = lifeline("panic", "enable", "whatsapp", "investigating failure", "--hold", "--for", "2h")
    assert "whatsapp is now PANIC: investigating failure" in done.stdout
    assert "Held: ends at" in done.stdout
    held = flag(lifeline)
    assert (held["state"], held["hold"], held["reason"]) == ("panic", True, "investigating failure")
    assert held["actor"].startswith("arn:aws:")
    assert "PANIC" in lifeline("panic", "status").stdout
    assert "recovering" in lifeline("panic", "disable", "whatsapp", "API responding").stdout
    assert "nothing to disable" in lifeline("panic", "disable", "openai_voice", "x", code=1).stderr
    events = lifeline.answer("panic", "history", "whatsapp")["events"]
    assert [event["kind"] for event in events if event["kind"] in ("entered", "recovering")] == [
        "recovering",
        "entered",
    ]
    assert {event["incident_id"] for event in events} == {held["incident_id"]}
    assert "API responding" in lifeline("panic", "history").stdout


def test_voice_has_a_panic_of_its_own_and_shadow_is_told(lifeline: Shell) -> None:
    done = lifeline("panic", "enable", "openai_voice", "Voice processing issues")
    assert "openai_voice is now PANIC: Voice processing issues" in done.stdout
    # Not held: a probe may find voice well before the next command has started.
    events = lifeline.answer("panic", "history", "openai_voice")["events"]
    assert "entered" in [event["kind"] for event in events]
    assert flag(lifeline)["state"] == "normal"
    lifeline("panic", "shadow", "whatsapp", "on", "trying thresholds")
    assert "in shadow" in lifeline("panic", "status").stdout
    lifeline("panic", "shadow", "whatsapp", "off")
    assert flag(lifeline)["shadow"] is False


def test_the_rate_is_set_for_the_whole_backlog(lifeline: Shell) -> None:
    said = lifeline("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "120/min").stdout
    assert "up to 2/s" in said
    assert "within 1 min 15 s" in said
    status = lifeline.answer("queue", "status", "--queue", "whatsapp-queue")
    assert status["drain"]["ceiling"] == 2
    assert [queue["name"] for queue in status["queues"]] == [
        *ENTRY_QUEUES,
        *LANES,
    ]
    physical = f"{lifeline.system.stack.name}-whatsapp-queue"
    lifeline("queue", "set-rate", "--queue", physical, "--rate", "10/s")
    assert lifeline.answer("queue", "status")["drain"]["ceiling"] == 10


def test_status_can_be_watched(lifeline: Shell) -> None:
    lines = lifeline("queue", "status", "--watch", "1", "--count", "2", "--json").stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["queue.status"] * 2


def test_a_message_is_sent_followed_and_looked_up(lifeline: Shell) -> None:
    done = lifeline("send", "--to", "+4915112345678", "--text", "Hello", "--id", "cli-1", "--wait", "60s")
    assert "cli-1: DELIVERED" in done.stdout
    shown = lifeline.answer("message", "cli-1")
    assert shown["status"] in ("DELIVERED", "READ")
    assert "4915112345678" not in json.dumps(shown)
    assert lifeline.answer("message", "never-seen", code=1)["code"] == "unknown_message"
    assert lifeline.answer("send", "--to", "", "--text", "x", code=2)["code"] == "usage"


def test_errors_name_cause_code_sample_and_remedy(lifeline: Shell) -> None:
    lifeline.system.fault("invalid_phone", code=131026)
    lifeline("send", "--to", "+4915112345678", "--text", "Hello", "--id", "cli-err", "--no-follow")
    causes = eventually(
        lambda: lifeline.answer("errors", "--since", "15m")["causes"], 40, "a failure in lifeline errors"
    )
    found = next(item for item in causes if item["cause"] == "undeliverable")
    assert found["codes"][0]["code"] == 131026
    assert found["remedy"]
    assert "undeliverable" in lifeline("errors").stdout


def test_dead_letters_are_shown_then_moved(lifeline: Shell) -> None:
    lifeline.system.sqs.send_message(
        QueueUrl=lifeline.system.out["WhatsappQueueUrl"], MessageBody='{"id": "broken-1"}'
    )
    seen = eventually(
        lambda: (
            peek
            if (peek := lifeline.answer("queue", "redrive", "--queue", "whatsapp-dlq", "--dry-run"))["seen"]
            else None
        ),
        40,
        "the broken message among the dead letters",
    )
    assert "message.to: is required" in seen["reasons"][0]["reason"]
    refused = lifeline("queue", "redrive", "--queue", "whatsapp-dlq", code=1)
    assert "message.to: is required" in refused.stdout
    assert "--yes" in refused.stderr
    moved = lifeline.answer("queue", "redrive", "--queue", "whatsapp-dlq", "--yes")
    assert moved["moved"] == 1
    assert lifeline.answer("queue", "redrive", "--queue", "voice-queue", code=1)["code"] == "not_dead_letters"


def test_refused_messages_are_sent_again_or_given_up(lifeline: Shell) -> None:
    system = lifeline.system
    names = [f"{system.fresh()}-{word}" for word in ("again", "never")]
    system.fault("code", code=132000, count=2)
    system.produce(*map(system.person, names))
    system.wait_for(names, "REJECTED")
    system.faults_off()
    assert "needs an operator" in lifeline("queue", "status").stdout
    system.invoke("Drainer", {"source": "lifeline.minute"})
    look = lifeline("audit", code=1)
    assert "--queue refused --dry-run" in look.stderr
    seen = lifeline.answer("queue", "redrive", "--queue", "refused", "--dry-run")
    assert {item["id"] for item in seen["sample"]} == set(names)
    assert "132000" in seen["reasons"][0]["reason"]
    one = lifeline.answer("queue", "redrive", "--queue", "refused", "--id", names[0], "--yes")
    assert (one["moved"], one["waiting"]) == (1, 1)
    system.wait_for([names[0]], "DELIVERED")
    words = ("--queue", "refused", "--reason", "the values are wrong", "--yes")
    assert lifeline.answer("queue", "discard", *words)["ids"] == [names[1]]
    assert "the values are wrong" in lifeline("message", names[1]).stdout
    assert system.accepted(names[1]) == []


def audit(lifeline: Shell, *words: str) -> dict[str, Any]:
    """An audit that finds something to look at."""
    return dict(json.loads(lifeline("audit", *words, "--json", code=1).stdout)["result"])


def test_the_audit_finds_a_row_that_nobody_looks_after(lifeline: Shell) -> None:
    """A worker and its SQS message are both gone: only the ledger knows, and a wake-up repairs it."""
    system = lifeline.system
    name = f"{system.fresh()}-forgotten"
    system.produce(system.person(name))
    system.wait_for([name], "DELIVERED")
    system.dynamodb.update_item(
        TableName=system.out["MessagesTableName"],
        Key={"id": {"S": name}},
        UpdateExpression="SET #s = :s, phase = :p, updated_at = :u, attempted_at = :u, act = :a REMOVE via",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={
            ":s": {"S": "CLAIMED"},
            ":p": {"S": "sending"},
            ":u": {"N": f"{time.time() - 900:.3f}"},
            ":a": {"N": "2"},
        },
    )
    system.invoke("Drainer", {"source": "lifeline.minute"})
    found = audit(lifeline, "--deep")
    assert name in found["deep"]["ids"]
    assert found["command"] == "lifeline audit --deep --wake"
    woken = audit(lifeline, "--deep", "--wake")
    assert woken["deep"]["woken"] >= 1
    eventually(lambda: len(system.accepted(name)) == 2, 30, "the message is sent")


def test_contacts_are_registered_line_by_line(lifeline: Shell, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    endpoint = lifeline.system.stack.new_push_endpoint()
    file.write_text(
        f"user_id,push_endpoint,email\nana,{endpoint},ana@example.org\nbo,nope,\n,,x@example.org\n"
    )
    for _ in range(2):
        # Good lines are saved, bad ones named; that some were bad is the exit code.
        done = lifeline("contacts", "import", str(file), "--json", code=1)
        result = json.loads(done.stdout)["result"]
        assert result["saved"] == 1
        assert [item["line"] for item in result["rejected"]] == [3, 4]
    item = lifeline.system.dynamodb.get_item(
        TableName=lifeline.system.out["ContactsTableName"], Key={"user_id": {"S": "ana"}}
    )["Item"]
    assert item["email"]["S"] == "ana@example.org"
    assert item["push_endpoint"]["S"] == endpoint


def history(lifeline: Shell) -> list[dict[str, Any]]:
    """WhatsApp's events, the newest first."""
    found: list[dict[str, Any]] = lifeline.answer("panic", "history", "whatsapp")["events"]
    return found


def test_two_operators_at_once_leave_one_flag_and_both_in_the_history(lifeline: Shell) -> None:
    lifeline("panic", "enable", "whatsapp", "first", "--hold")
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(
            lifeline, "panic", "enable", "whatsapp", "by the first operator", "--hold", code=None
        )
        two = pool.submit(lifeline, "panic", "disable", "whatsapp", "by the second operator", code=None)
        assert (one.result().returncode, two.result().returncode) == (0, 0)

    def settled() -> list[dict[str, Any]] | None:
        """The events that changed the flag, once the newest of them is what the flag says."""
        found = [
            event
            for event in history(lifeline)
            if event["kind"] not in ("noted", "probe_succeeded", "probe_failed")
        ]
        now, last = flag(lifeline), max(found, key=lambda event: event["version"])
        # If the second operator was first, panic is on, and each probe is one more version.
        return found if now["version"] >= last["version"] and now["reason"] == last["reason"] else None

    events = eventually(settled, 20, "history and flag say the same")
    assert events is not None
    reasons = [event["reason"] for event in events]
    assert "by the first operator" in reasons
    assert "by the second operator" in reasons
    versions = [event["version"] for event in events]
    assert len(versions) == len(set(versions))


@pytest.mark.parametrize(
    ("words", "extra", "said"),
    [
        (("--stack", "nope", "panic", "status"), {}, "no stack 'nope'"),
        (("panic", "status"), {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region"),
        (("panic", "status"), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials"),
        (("panic", "status"), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot reach"),
        (("panic", "enable", "nope", "why"), {}, "not a scope"),
        (("queue", "status", "--queue", "nope"), {}, "not a queue or lane"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    lifeline: Shell, words: tuple[str, ...], extra: dict[str, str], said: str
) -> None:
    done = lifeline(*words, code=1, **extra)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rate_that_is_none_is_wrong_usage(lifeline: Shell) -> None:
    done = lifeline("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "fast", code=2)
    assert "not a rate" in done.stderr
