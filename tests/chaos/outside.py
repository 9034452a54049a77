"""What people and services outside Lifeline know: sends, pushes, mails, rows, queues. It only looks."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import requests
from lifeline.contract.outcomes import parse_outcome

from local.build import LocalError
from tests.chaos.account import Event, Mail, Push, Send, id_of, row_of
from tests.chaos.proxy import Effect
from tests.support.inbox import subscribed
from tests.support.system import System

NO_MESSAGES = ("probe-queue", "wake-queue")
"""Queues of which nobody's message depends."""


@dataclass
class Seen:
    """One look at what waits."""

    statuses: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    parked: int = 0
    queued: int = 0
    webhooks: int = 0

    @property
    def quiet(self) -> bool:
        return not (self.waiting or self.queued or self.webhooks)


class Outside:
    """The records of one run. ``effects``: what the proxy saw of SNS and SES, still growing."""

    def __init__(self, system: System, seed: int, effects: Sequence[Effect]) -> None:
        self.system = system
        self.stack = system.stack
        self.prefix = f"c-{seed}-"
        self.ids = re.compile(rf"{re.escape(self.prefix)}\d{{6}}")
        self.effects = effects
        self.subscriber = f"producer-of-{self.stack.name}"

    def subscribe(self) -> None:
        """Have every outcome on a queue that is none of the stack's."""
        topic = self.system.out["OutcomesTopicArn"]
        subscribed(self.system, self.subscriber, topic, {"RawMessageDelivery": "true"})

    def events(self) -> list[Event]:
        """The outcomes of this run's messages that have come."""
        told = map(parse_outcome, self.bodies()[self.subscriber])
        return [
            Event(event.id, event.event_id, event.status, event.sequence)
            for event in told
            if event.id and self.ids.fullmatch(event.id)
        ]

    def items(self, *names: str) -> Iterator[dict[str, Any]]:
        """The ledger's rows, or some attributes of them."""
        arguments: dict[str, Any] = {
            "TableName": self.stack.outputs["MessagesTableName"],
            "ConsistentRead": True,
        }
        if names:
            arguments["ProjectionExpression"] = ", ".join(f"#{name}" for name in names)
            arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
        for page in self.system.dynamodb.get_paginator("scan").paginate(**arguments):
            yield from (item for item in page["Items"] if self.ids.fullmatch(item["id"]["S"]))

    def queues(self) -> dict[str, str]:
        """The stack's queues: address by name."""
        listed = self.system.sqs.list_queues(QueueNamePrefix=f"{self.stack.name}-").get("QueueUrls", [])
        return {url.rpartition("/")[2].removeprefix(f"{self.stack.name}-"): url for url in listed}

    def look(self) -> Seen:
        """What waits, where."""
        seen = Seen()
        for item in self.items("id", "status", "agenda", "agenda_at"):
            row = row_of(item)
            seen.statuses[row.status] += 1
            seen.waiting += row.waits
            seen.parked += row.status == "PARKED"
        for name, url in self.queues().items():
            if not name.endswith("dlq") and name not in NO_MESSAGES:
                attributes = self.system.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
                seen.queued += sum(
                    int(value)
                    for key, value in attributes["Attributes"].items()
                    if key.startswith("ApproximateNumberOfMessages")
                )
        state = self.system._control("GET", "/state")
        seen.webhooks = state["webhooks_waiting"] + state["webhooks_dropped"]
        return seen

    def sends(self) -> list[Send]:
        """Meta's record."""
        return [
            Send(id_of(entry["callback"]), entry["time"], entry["wamid"], entry["undelivered"])
            for entry in self.system.sends(self.prefix)
            if entry["accepted"]
        ]

    def pushes(self) -> list[Push]:
        """What SNS took for devices; the local AWS keeps no record, so the proxy does."""
        found = []
        for effect in self.effects:
            if effect.service != "sns":
                continue
            fields = {name: values[0] for name, values in parse_qs(effect.body.decode()).items()}
            name = self.ids.search(fields.get("Message", ""))
            if "TargetArn" in fields and name:
                found.append(Push(name[0], effect.at, fields["TargetArn"], collapse_key(fields)))
        return found

    def mails(self) -> list[Mail]:
        """The mail box, each mail with the time at which it left its function."""
        left: dict[str, list[float]] = defaultdict(list)
        for effect in self.effects:
            if effect.service == "ses" and (name := self.ids.search(effect.body.decode())):
                left[name[0]].append(effect.at)
        boxes = requests.get(f"{self.stack.aws_url}/_ministack/ses/messages", timeout=60).json()["messages"]
        found: dict[str, int] = Counter(
            name[0] for box in boxes.values() for mail in box if (name := self.ids.search(mail["BodyText"]))
        )
        if found != {name: len(times) for name, times in left.items()}:
            raise LocalError("mail box and proxy have seen different mails: calls have passed by the proxy")
        return [Mail(name, at) for name, times in left.items() for at in times]

    def bodies(self) -> dict[str, list[str]]:
        """What lies on each queue, by its name; nothing is received."""
        answer = requests.get(f"{self.stack.aws_url}/_ministack/sqs/messages", timeout=60).json()["messages"]
        found: dict[str, list[str]] = defaultdict(list)
        for regions in answer.values():
            for queues in regions.values():
                for url, messages in queues.items():
                    found[url.rpartition("/")[2]] += [message["Body"] for message in messages]
        return found


def collapse_key(fields: dict[str, str]) -> str:
    """The tag under which an Android device shows one of several pushes; empty where there is none.

    ``collapse_key`` alone is not enough: it holds only while the device is away.
    """
    try:
        payload = json.loads(json.loads(fields["Message"])["GCM"])
        return str(payload["fcmV1Message"]["message"]["android"]["notification"]["tag"])
    except (ValueError, KeyError, TypeError):
        return ""
