"""The deployed system as a test sees it: queues, ledger, flags, faults, Meta's record."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import requests
from lifeline.domain.shards import WIDE

from local.stack import APP, LocalStack

T = TypeVar("T")

KEPT = "setting"
"""Items of the control table that stay between tests: what warm workers have written once and remember."""
FORGOTTEN = ("drain_rate", "drain_state", "panic_plans", "template_map")
"""Settings that go all the same: what an operator of one test set, or a drain that was under way."""


PATIENCE = 4.0
"""Deadlines only end what has failed: a busy machine gets this many times the usual span."""


def eventually(look: Callable[[], T | None], within: float, what: str) -> T:
    """Poll ``look`` until it gives something true, and return that.

    ``within``: seconds that an idle machine needs at most; :data:`PATIENCE` times that, it fails.
    """
    within *= PATIENCE
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"within {within:.0f} seconds not seen: {what}; last seen: {found!r}")
        time.sleep(0.1)


class System:
    """A running :class:`LocalStack` with the clients that tests need."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.out = stack.outputs
        self.sqs = stack.client("sqs")
        self.dynamodb = stack.client("dynamodb")
        self.functions = stack.client("lambda")
        self.sns = stack.client("sns")
        self.cloudwatch = stack.client("cloudwatch")
        self.began = 0.0

    # -- between tests ---------------------------------------------------------------------------------

    def fresh(self) -> str:
        """Forget faults, flags, windows and waiting messages; returns a prefix for the ids of one test."""
        self.faults_off()
        assert self._control("GET", "/state")["schema_faults"] == [], "the simulator fits Meta's own file"
        self._control("POST", "/reset")
        self.openai("POST", "/reset")
        self.control_settings(webhook_duplicates=0.0, webhook_shuffle=False, webhook_read=False)
        for name in (
            "Critical",
            "Whatsapp",
            "Bulk",
            "Wake",
            "Voice",
            "Probe",
            "Webhook",
            "WhatsappDlq",
            "WebhookDlq",
        ):
            url = self.out.get(f"{name}QueueUrl") or self.out[f"{name}Url"]
            with contextlib.suppress(self.sqs.exceptions.PurgeQueueInProgress):
                self.sqs.purge_queue(QueueUrl=url)
        self._forget_agenda()
        self.stack.forget_metrics()
        table = self.out["ControlTableName"]
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                if item["pk"]["S"] != KEPT or item["sk"]["S"] in FORGOTTEN:
                    self.dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
        self.flags_are_read()
        self.began = time.time()
        return uuid.uuid4().hex[:8]

    def _forget_agenda(self) -> None:
        """Delete the rows that wait: the next tick would go on with what an earlier test left."""
        table = self.out["MessagesTableName"]
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=table, FilterExpression="attribute_exists(agenda)", ProjectionExpression="id"
        )
        for item in [item for page in pages for item in page["Items"]]:
            self.dynamodb.delete_item(TableName=table, Key={"id": item["id"]})

    # -- the simulator ------------------------------------------------------------------------------------

    def _control(self, method: str, path: str, **arguments: Any) -> Any:
        url = f"{self.stack.endpoints['graph_control']}/_control{path}"
        answer = requests.request(method, url, timeout=10, **arguments)
        answer.raise_for_status()
        return answer.json()

    def openai(self, method: str, path: str, body: object = None) -> Any:
        """Ask the control surface of the OpenAI simulator."""
        url = f"{self.stack.endpoints['openai_control']}/_control{path}"
        answer = requests.request(method, url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, **more: Any) -> None:
        """Switch a fault on."""
        self._control("POST", "/faults", json={"kind": kind, **more})

    def faults_off(self) -> None:
        """End all faults."""
        self._control("DELETE", "/faults")

    def control_settings(self, **values: Any) -> None:
        """Settings of the simulator."""
        self._control("POST", "/settings", json=values)

    def template(self, name: str, **values: Any) -> None:
        """Change a template at Meta; a change of its status is told by webhook."""
        self._control("POST", "/templates", json={"name": name, **values})

    def sends(self, prefix: str = "") -> list[dict[str, Any]]:
        """What Meta was asked to send, of messages whose id starts with ``prefix``.

        Each entry's ``message_id`` is the message's own; Meta gets it together with the act's number.
        """
        listed = self._control("GET", "/requests", params={"path": "/messages", "method": "POST"})["requests"]
        return [
            entry | {"message_id": str(entry["body"].get("biz_opaque_callback_data", "")).partition("#")[0]}
            for entry in listed
            if isinstance(entry["body"], dict)
            and str(entry["body"].get("biz_opaque_callback_data", "")).startswith(prefix)
        ]

    def questions(self) -> list[dict[str, Any]]:
        """What Meta was asked besides sends, since :meth:`fresh`."""
        listed: list[dict[str, Any]] = self._control("GET", "/requests", params={"method": "GET"})["requests"]
        return listed

    def accepted(self, prefix: str = "") -> list[str]:
        """The ids of the messages that Meta took, once for each time that it took one."""
        return [entry["message_id"] for entry in self.sends(prefix) if entry["accepted"]]

    # -- producers and people -----------------------------------------------------------------------------

    def produce(self, *messages: Mapping[str, Any], queue: str = "Whatsapp") -> None:
        """Put messages on an entry queue: ``Whatsapp``, ``Critical`` or ``Bulk``."""
        for start in range(0, len(messages), 10):
            self.sqs.send_message_batch(
                QueueUrl=self.out[f"{queue}QueueUrl"],
                Entries=[
                    {"Id": str(index), "MessageBody": json.dumps(message)}
                    for index, message in enumerate(messages[start : start + 10])
                ],
            )

    def person(self, message_id: str, to: str = "+4915112345678", **more: Any) -> dict[str, Any]:
        """A message to somebody with the app."""
        message = {"id": message_id, "to": to, "type": "text", "text": "Your appointment is at ten.", **more}
        if "recipient" not in more:
            message["recipient"] = {"push_endpoint": self.push_endpoint()}
        return message

    def push_endpoint(self) -> str:
        """A device of somebody."""
        return self.stack.new_push_endpoint()

    # -- what became of it ----------------------------------------------------------------------------------

    def row(self, message_id: str) -> dict[str, Any]:
        """One row of the ledger; empty where there is none."""
        answer = self.dynamodb.get_item(
            TableName=self.out["MessagesTableName"], Key={"id": {"S": message_id}}, ConsistentRead=True
        )
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}

    def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """Status by id."""
        return {name: self.row(name).get("status", "") for name in ids}

    def wait_for(self, ids: Sequence[str], status: str, within: float = 30.0) -> None:
        """Wait until all rows have reached ``status``."""
        waiting = list(ids)
        within *= PATIENCE
        deadline = time.monotonic() + within
        while True:
            found = self.statuses(waiting)
            waiting = [name for name in waiting if found[name] != status]
            if not waiting:
                return
            left = {name: found[name] for name in waiting[:10]}
            assert time.monotonic() < deadline, (
                f"{len(waiting)} of {len(ids)} not {status} within {within:.0f} s: {left}; flag {self.flag()}"
            )
            time.sleep(0.2)

    def flag(self, scope: str = "whatsapp") -> dict[str, Any]:
        """One scope's flag; normal where none is stored."""
        answer = self.dynamodb.get_item(
            TableName=self.out["ControlTableName"],
            Key={"pk": {"S": "flag"}, "sk": {"S": scope}},
            ConsistentRead=True,
        )
        found = {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}
        return {"state": "normal", "cause": "", **found}

    def history(self, scope: str = "whatsapp") -> list[dict[str, Any]]:
        """The events of a scope since :meth:`fresh`, oldest first."""
        answer = self.dynamodb.query(
            TableName=self.out["ControlTableName"],
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "history"}},
            ConsistentRead=True,
        )
        found = [
            {name: next(iter(value.values())) for name, value in item.items()} for item in answer["Items"]
        ]
        return [event for event in found if event["scope"] == scope]

    def panics(self, cause: str, scope: str = "whatsapp", within: float = 15.0) -> dict[str, Any]:
        """Wait until the scope is in panic for ``cause``."""
        return eventually(
            lambda: (
                ((flag := self.flag(scope))["state"] == "panic" and flag["cause"] == cause and flag) or None
            ),
            within,
            f"{scope} in panic for {cause}, but {self.flag(scope)}",
        )

    def recovers(self, scope: str = "whatsapp", within: float = 75.0) -> dict[str, Any]:
        """Wait until the scope has left panic by itself."""
        found = eventually(
            lambda: ((flag := self.flag(scope))["state"] in ("recovering", "normal") and flag) or None,
            within,
            f"recovery of {scope}",
        )
        self.flags_are_read()
        return found

    @staticmethod
    def flags_are_read() -> None:
        """Wait out what a warm worker remembers: it uses flags that it has read for at most a second."""
        time.sleep(1.1)

    def counters(self) -> dict[str, int]:
        """All counters of the minutes since :meth:`fresh`, summed up."""
        total: dict[str, int] = {}
        for key in ("stats", *(f"stats#{shard}" for shard in range(1, WIDE.minute))):
            answer = self.dynamodb.query(
                TableName=self.out["ControlTableName"],
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": key}},
            )
            for item in answer["Items"]:
                for name, value in item.items():
                    if "N" in value and name != "expires_ttl":
                        total[name] = total.get(name, 0) + int(float(value["N"]))
        return total

    # -- functions and webhooks ----------------------------------------------------------------------

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function with an event; its error is a failure."""
        answer = self.functions.invoke(
            FunctionName=self.out[f"{function}FunctionName"], Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, payload
        return payload

    def minute(self) -> Any:
        """The prober's minute, now."""
        return self.invoke("Prober", {"source": "lifeline.minute"})

    def webhook(self, raw: bytes, signature: str | None = None, **more: Any) -> requests.Response:
        """POST to the webhook's address as Meta does."""
        headers = {
            "Host": self.stack.endpoints["webhook_host"],
            "Content-Type": "application/json",
            "X-Hub-Signature-256": self.sign(raw) if signature is None else signature,
        }
        return requests.post(self.stack.endpoints["webhook"], data=raw, headers=headers, timeout=30, **more)

    def webhooks_are_taken(self) -> None:
        """Wait until every webhook that was posted is worked on, and none became a dead letter."""

        def waits(output: str) -> int:
            attributes = self.sqs.get_queue_attributes(QueueUrl=self.out[output], AttributeNames=["All"])
            counts = attributes["Attributes"].items()
            return sum(int(value) for name, value in counts if name.startswith("ApproximateNumberOf"))

        eventually(lambda: not waits("WebhookQueueUrl"), 60, "an empty webhook-queue")
        assert not waits("WebhookDlqUrl")

    def handshake(self, query: Mapping[str, str]) -> requests.Response:
        """GET the webhook's address as Meta does."""
        headers = {"Host": self.stack.endpoints["webhook_host"]}
        return requests.get(self.stack.endpoints["webhook"], params=query, headers=headers, timeout=30)

    @staticmethod
    def sign(raw: bytes) -> str:
        """The signature that the deployed secret makes."""
        return "sha256=" + hmac.new(APP["app_secret"].encode(), raw, hashlib.sha256).hexdigest()
