"""A clinic's appointments: books them, tells patients through Lifeline, keeps what became of each message.

    python appointments.py lifeline-prod --count 50 --database appointments.db

Against the local system (``make local``), ``--outage`` lets WhatsApp fail in the middle.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import urllib3
from lifeline_producer import ContractError, Draft, Lifeline, OutcomeEvent, outcome, text

SETTLED = ("DELIVERED", "READ", "PUSHED", "EMAILED", "EXPIRED", "REJECTED", "FAILED", "CANCELLED")
"""After these, nothing better is to come."""


class Appointments:
    """The clinic's own table."""

    def __init__(self, path: str) -> None:
        self._table = sqlite3.connect(path, isolation_level=None)
        self._table.execute(
            "CREATE TABLE IF NOT EXISTS appointments (id TEXT PRIMARY KEY, number INTEGER, status TEXT, "
            "via TEXT, cause TEXT, sequence INTEGER DEFAULT 0, changed_at TEXT)"
        )

    def add(self, name: str, number: int) -> None:
        """A new appointment; one that is there already stays as it is."""
        self._table.execute("INSERT OR IGNORE INTO appointments (id, number) VALUES (?, ?)", (name, number))

    def told(self, event: OutcomeEvent) -> None:
        """Keep what became of a message. Events come in any order and more than once: the highest counts."""
        if event.sequence is None:
            print(f"look into it: {event.id or event.message_id} {event.status} {event.reasons}")
            return
        changed_at = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="seconds")
        self._table.execute(
            "UPDATE appointments SET status = ?, via = ?, cause = ?, sequence = ?, changed_at = ? "
            "WHERE id = ? AND sequence < ?",
            (event.status, event.via, event.cause, event.sequence, changed_at, event.id, event.sequence),
        )

    def rows(self) -> list[tuple[int, str | None, str | None, str | None]]:
        """Number, status, way and cause of each appointment."""
        query = "SELECT number, status, via, cause FROM appointments ORDER BY number"
        return self._table.execute(query).fetchall()

    def statuses(self) -> list[str | None]:
        """The status of each appointment; ``None`` where nothing was told yet."""
        return [status for _, status, _, _ in self.rows()]


class Outcomes:
    """A queue of the clinic's own that subscribes to Lifeline's outcomes."""

    def __init__(self, stack: str, clinic: str) -> None:
        self._sqs: Any = boto3.client("sqs")
        listed = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        topic = next(item["OutputValue"] for item in listed if item["OutputKey"] == "OutcomesTopicArn")
        self.url: str = self._sqs.create_queue(QueueName=f"{clinic}-outcomes")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        statement = {
            "Sid": "LifelineMayTell",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        boto3.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"category": [clinic]})},
        )

    def take(self, keep: Callable[[OutcomeEvent], None], seconds: int = 2) -> None:
        """Hand what comes within so many seconds to ``keep``; what is not kept comes again."""
        answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        for message in answer.get("Messages", []):
            try:
                keep(outcome(message))
            except ContractError as error:
                print(f"no outcome: {error}")
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def booking(clinic: str, number: int) -> Draft:
    """What the patient reads. Every fifth appointment is today, so its message may not wait."""
    today = number % 5 == 0
    return text(
        id=f"{clinic}:appointment:{number}:booked",
        to=f"+49151{number:08d}",
        text=f"Your appointment {number} is booked.",
        priority="critical" if today else "normal",
        category=clinic,
        recipient={"email": f"patient-{number}@example.com"},
        expires_at=datetime.now(UTC) + timedelta(hours=4 if today else 48),
        metadata={"appointment": number},
    )


def book(lifeline: Lifeline, table: Appointments, clinic: str, numbers: range) -> None:
    """Book appointments; to book one again is harmless, since its id says what it is about."""
    for number in numbers:
        table.add(f"{clinic}:appointment:{number}:booked", number)
    report = lifeline.send_many(booking(clinic, number) for number in numbers)
    for failure in report.failures:
        print(f"not sent: {failure.id} {failure.code} {failure.reasons}")


def listen(table: Appointments, outcomes: Outcomes, enough: Callable[[], bool], within: float) -> bool:
    """Keep outcomes until there are enough; whether that was so within so many seconds."""
    deadline = time.monotonic() + within
    while not enough():
        if time.monotonic() > deadline:
            return False
        outcomes.take(table.told)
    return True


def whatsapp(works: bool) -> None:
    """Switch the local system's WhatsApp on or off."""
    control = f"{os.environ['LIFELINE_GRAPH_CONTROL']}/_control/faults"
    if works:
        urllib3.request("DELETE", control)
    else:
        urllib3.request("POST", control, json={"kind": "unreachable"})


def main() -> int:
    """Book, listen, and print the clinic's table. Exit code 1 where a message is not settled in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--clinic", default="clinic7")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--database", default="appointments.db")
    parser.add_argument("--outage", action="store_true", help="local only: WhatsApp fails in the middle")
    parser.add_argument("--within", type=float, default=600, help="seconds to wait for outcomes")
    given = parser.parse_args()
    table, outcomes = Appointments(given.database), Outcomes(given.stack, given.clinic)
    lifeline = Lifeline.of_stack(given.stack)
    half = given.count // 2
    book(lifeline, table, given.clinic, range(half))
    if given.outage:
        listen(table, outcomes, lambda: None not in table.statuses(), given.within)
        whatsapp(works=False)
    try:
        book(lifeline, table, given.clinic, range(half, given.count))
        if given.outage:
            listen(table, outcomes, lambda: None not in table.statuses(), given.within)
    finally:
        if given.outage:
            whatsapp(works=True)
    done = listen(table, outcomes, lambda: set(table.statuses()) <= set(SETTLED), given.within)
    print(f"{'number':>6}  {'status':10}  {'via':9}  cause")
    for number, status, via, cause in table.rows():
        print(f"{number:>6}  {status or '?':10}  {via or '-':9}  {cause or '-'}")
    return 0 if done else 1


if __name__ == "__main__":
    raise SystemExit(main())
