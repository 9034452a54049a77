"""Eight outages of the deployed system: how long until the cause and the one command are on the screen.

The real template on the local AWS with the default settings, three messages a second, one fault at a time.
For each: the first notification that names cause and command, the first screen of ``lifeline status`` that
does, and the first alarm, in seconds from the fault. Writes ``out/outages.json`` and ``out/outages.md``.

    python -m benchmarks.outages [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from local.build import ROOT
from local.stack import LocalStack, running
from tests.support.shell import Shell
from tests.support.system import System

EVERY: Final = 1 / 3
"""Seconds between two messages."""
CALM: Final = 75.0
"""Seconds of traffic before the fault: workers are awake, statuses came, earlier alarms are OK again."""
REMINDER: Final = {
    "type": "template",
    "template": {"name": "appointment_reminder", "language": "en_US", "parameters": ["Ana", "ten", "Monday"]},
}
VOICE: Final = {"type": "voice"}
MAIL: Final = {"priority": "critical", "recipient": {"email": "ana@example.com"}}


@dataclass(frozen=True)
class Outage:
    """One outage. ``on`` and ``off`` switch its fault; ``cause`` and ``run`` are what people must read."""

    name: str
    cause: str
    run: str
    on: Callable[[System], object]
    off: Callable[[System], object] = System.faults_off
    message: dict[str, Any] = field(default_factory=dict)
    alarm: str = "whatsapp_panic_mode_active"
    only_an_alarm: bool = False
    """It enters no panic, so that nobody is notified but by the alarm."""
    within: float = 420.0
    """Seconds after which it is given up."""


@dataclass
class Seen:
    """What was seen of one outage, in seconds from the fault; ``None``: nothing in time."""

    name: str
    notification: float | None = None
    subject: str = ""
    run: str = ""
    screen: float | None = None
    status: str = ""
    alarm: float | None = None
    alarms: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return None not in (self.notification, self.screen, self.alarm)


def _expire(system: System) -> None:
    secret = system.stack.client("secretsmanager").get_secret_value(SecretId=system.out["TokenSecretArn"])
    token = json.loads(secret["SecretString"])["access_token"]
    system._control("POST", "/tokens", json={"token": token, "expires_in": -60})


def _renew(system: System) -> None:
    new = system._control("POST", "/tokens", json={"issue": True})["token"]
    Shell(system)("whatsapp", "set-token", "--yes", "--reason", "the old one has expired", stdin=new)


def _ses(system: System) -> None:
    assert system.stack.mail_events is not None
    system.stack.mail_events.add_fault({"kind": "paused"})
    system.fault("unreachable")


def _ses_off(system: System) -> None:
    assert system.stack.mail_events is not None
    system.stack.mail_events.reset()
    system.faults_off()


OUTAGES: Final = (
    Outage("expired token", "auth", "lifeline whatsapp set-token", _expire, _renew),
    Outage("rate limit", "rate_limit", "lifeline limiter set", lambda system: system.fault("rate_limit")),
    Outage(
        "template",
        "template_rejected",
        "lifeline whatsapp templates --map appointment_reminder=",
        lambda system: system.fault("template_rejected", match={"template": "appointment_reminder"}),
        message=REMINDER,
        alarm="template_panic_mode_active",
    ),
    Outage(
        "unreachable",
        "unreachable",
        "lifeline panic status whatsapp",
        lambda system: system.fault("unreachable"),
    ),
    Outage("account", "account", "lifeline panic history whatsapp", lambda system: system.fault("account")),
    Outage(
        "OpenAI",
        "account",
        "lifeline panic history openai_voice",
        lambda system: system.openai("POST", "/faults", {"kind": "quota"}),
        lambda system: system.openai("DELETE", "/faults"),
        message=VOICE,
        alarm="openai_voice_panic_mode_active",
    ),
    Outage("silent", "silent", "lifeline whatsapp test", lambda system: system.fault("silent")),
    Outage(
        "SES",
        "email",
        "lifeline errors",
        _ses,
        _ses_off,
        message=MAIL,
        alarm="whatsapp_fallback_failing",
        only_an_alarm=True,
    ),
)


class Inbox:
    """What the two topics tell people."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.url = system.sqs.create_queue(QueueName=f"{system.stack.name}-outages")["QueueUrl"]
        got = system.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        arn = got["Attributes"]["QueueArn"]
        topics = [system.out["OpsTopicArn"], system.out["AlarmsTopicArn"]]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topics}},
                }
            ],
        }
        system.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})
        for topic in topics:
            system.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        found = []
        while messages := self._system.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                envelope = json.loads(message["Body"])
                told = json.loads(envelope["Message"])
                found.append({"subject": envelope.get("Subject") or told.get("AlarmName", ""), **told})
                self._system.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


class Traffic:
    """Messages at a steady pace, in a thread of their own."""

    def __init__(self, system: System, prefix: str, message: dict[str, Any]) -> None:
        self._ended = threading.Event()
        endpoint = system.push_endpoint()

        def run() -> None:
            number = 0
            while not self._ended.wait(EVERY):
                # Each text is another one: a recording is made once.
                text = f"Your appointment, number {number}, is at ten."
                more = {"text": text, "recipient": {"push_endpoint": endpoint}, **message}
                queue = "Critical" if more.get("priority") == "critical" else "Whatsapp"
                to = f"+49151{20_000_000 + number}"
                system.produce(system.person(f"{prefix}-{number}", to=to, **more), queue=queue)
                number += 1

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=30)


def _names(told: dict[str, Any], outage: Outage) -> bool:
    """Whether a notification names cause and command. Where nothing panics, an alarm is the notification."""
    if outage.only_an_alarm:
        alarm = str(told.get("AlarmName", "")).endswith(outage.alarm)
        return alarm and told.get("NewStateValue") == "ALARM"
    words = f"{told.get('run')} {told.get('text')}"
    return told.get("cause") == outage.cause and outage.run in words


def watch(system: System, inbox: Inbox, outage: Outage) -> Seen:
    """Switch the fault on, and look until everything was seen."""
    prefix = system.fresh()
    inbox.read()
    traffic = Traffic(system, prefix, outage.message)
    shell, seen = Shell(system), Seen(outage.name)
    try:
        time.sleep(CALM)
        outage.on(system)
        began = time.monotonic()
        while not seen.whole and time.monotonic() - began < outage.within:
            for told in inbox.read():
                # What the local AWS shows as state is its own; the stand-in's judgement is published.
                if told.get("NewStateValue") == "ALARM":
                    name = str(told["AlarmName"]).removeprefix(f"{system.stack.name}-")
                    seen.alarms.append(name)
                    if name == outage.alarm and seen.alarm is None:
                        seen.alarm = round(time.monotonic() - began, 1)
                if seen.notification is None and _names(told, outage):
                    seen.notification = round(time.monotonic() - began, 1)
                    seen.subject = str(told["subject"])
                    seen.run = str(told.get("run") or told.get("AlarmDescription", ""))
            if seen.screen is None:
                screen = shell("status", code=None).stdout
                if outage.cause in screen and outage.run in screen:
                    seen.screen, seen.status = round(time.monotonic() - began, 1), screen
            time.sleep(0.5)
        if not seen.status:
            seen.status = shell("status", code=None).stdout
    finally:
        traffic.stop()
        outage.off(system)
    return seen


def table(all_seen: list[Seen]) -> str:
    """As Markdown."""
    lines = [
        "| outage | notification | says | command | screen of `lifeline status` | alarm |",
        "|---|---|---|---|---|---|",
    ]

    def span(value: float | None) -> str:
        return "not seen" if value is None else f"{value:.0f} s"

    for seen in all_seen:
        run = re.sub(r"\s+", " ", seen.run)[:120]
        alarm = f"{span(seen.alarm)}: {', '.join(seen.alarms)}"
        cells = (seen.name, span(seen.notification), seen.subject, f"`{run}`", span(seen.screen), alarm)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(names: list[str]) -> None:
    """Run the outages of these names, all unless some are given."""
    folder = Path(tempfile.mkdtemp(prefix="lifeline-outages-"))
    all_seen: list[Seen] = []
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    try:
        with running(folder, name="lifeline-outages", quiet=True) as stack:
            assert isinstance(stack, LocalStack)
            system = System(stack)
            inbox = Inbox(system)
            for outage in OUTAGES:
                if names and outage.name not in names:
                    continue
                all_seen.append(watch(system, inbox, outage))
                print(f"{outage.name}: {asdict(all_seen[-1])}", flush=True)  # a script's progress
                (out / "outages.json").write_text(json.dumps([asdict(seen) for seen in all_seen], indent=2))
                (out / "outages.md").write_text(table(all_seen))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(outage.name for outage in OUTAGES))
    main(parser.parse_args().names)
