"""The operator's use case on memory, with every group of actions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lifeline.adapters.queues import Depth, Outgoing
from lifeline.contract.names import BULK_QUEUE, CRITICAL_QUEUE, QUEUES
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import operator

from tests.support.memory import Clock, MemoryQueues
from tests.support.services import Services

ACTOR = "arn:aws:iam::000000000000:user/ada"
LANED = (CRITICAL_QUEUE, BULK_QUEUE)
"""Queues whose setting is named without ``whatsapp``."""


def url(name: str) -> str:
    """Of a queue, by its bare name."""
    return f"https://sqs.test/000000000000/lifeline-test-{name}"


def queue_urls() -> dict[str, Any]:
    """The settings that say where each queue is."""
    return {
        f"{(name.removeprefix('whatsapp-') if name in LANED else name).replace('-', '_')}_url": url(name)
        for name in QUEUES
    }


def settings() -> Settings:
    """With the address of every queue."""
    return Settings(drainer_function="lifeline-test-drainer", **queue_urls())


def body(name: str = "m1", **fields: Any) -> str:
    """A producer's message as it lies on a queue."""
    return json.dumps({"id": name, "to": "+491701234567", "type": "text", "text": "hello", **fields})


class Queues(MemoryQueues):
    """With depths as a test wants them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.depths: dict[str, Depth] = {}

    def depth(self, url: str) -> Depth:
        return self.depths.get(url) or super().depth(url)

    def lay(self, name: str, body: str, reason: str | None = None) -> None:
        """A message that has lain on a queue, named by its bare name, for a while."""
        self.send(url(name), [Outgoing(body, reason=reason)])
        self.sent[url(name)].clear()

    def carriers(self, name: str) -> list[Outgoing]:
        """What was put on a queue, by its bare name."""
        return self.sent[url(name)]


class Alarms:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.broken = False

    def firing(self, scope: str) -> list[str]:
        if self.broken:
            raise UnavailableError("CloudWatch", "reading alarms", "broken on purpose")
        return self.names


class Functions:
    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    def start(self, name: str, event: dict[str, Any]) -> None:
        if self.broken:
            raise UnavailableError("Lambda", f"starting {name}", "broken on purpose")
        self.started.append((name, event))


class Metrics:
    def __init__(self) -> None:
        self.ages: dict[str, float] = {}
        self.broken = False

    def oldest_ages(self, queues: list[str], now: float) -> dict[str, float]:
        if self.broken:
            raise UnavailableError("CloudWatch", "reading the age of queues", "broken on purpose")
        return {name: self.ages[name] for name in queues if name in self.ages}


def itself(request: Mapping[str, Any]) -> str:
    """The actor as the request declares it, and for any proof the test's: who asks is proven elsewhere."""
    if "proof" in request:
        return ACTOR
    if "actor" not in request:
        raise RefusedError("invalid_request", "request.actor: is required")
    return str(request["actor"])


class World(Services):
    """The operator's use case with everything around it; what Meta, OpenAI and devices say is absent."""

    queues: Queues

    def __init__(self) -> None:
        super().__init__(settings())
        self.queues = Queues(self.clock)
        self.alarms = Alarms()
        self.functions = Functions()
        self.metrics = Metrics()
        self.also(
            alarms=self.alarms,
            functions=self.functions,
            metrics=self.metrics,
            short_id=lambda: "0123456789ab",
        )
        self.operate = operator.build(self.adapters("operator"), itself)

    def may_hold(self, template: str, campaign: str) -> None:
        """The lanes of a template that was in panic once and of a paused campaign."""
        self.control.stored[template_scope(template)] = Flag.normal(template_scope(template))
        self.campaigns.create(Campaign(campaign, CampaignState.PAUSED, template, 100, 1e12, 60.0))

    def ask(self, action: str, remaining: float = 60.0, **fields: Any) -> dict[str, Any]:
        """The answer's result; the action must succeed. What is dangerous is meant."""
        sure = {"sure": True} if OPERATOR_ACTIONS[action].danger else {}
        answer = self.operate({"action": action, **sure, **fields}, lambda: remaining)
        assert answer["ok"], answer
        assert answer["action"] == action
        return dict(answer["result"])

    def refused(self, action: str, **fields: Any) -> dict[str, Any]:
        """The error of a refusal."""
        sure = {"sure": True} if OPERATOR_ACTIONS[action].danger else {}
        answer = self.operate({"action": action, **sure, **fields}, lambda: 60.0)
        assert not answer["ok"], answer
        assert set(answer["error"]) == {"code", "message", "valid"}
        return dict(answer["error"])

    def enable(self, scope: str = WHATSAPP, **fields: Any) -> dict[str, Any]:
        return self.ask("panic.enable", scope=scope, reason="looking into it", actor=ACTOR, **fields)

    def disable(self, scope: str = WHATSAPP, **fields: Any) -> dict[str, Any]:
        return self.ask("panic.disable", scope=scope, reason="it answers again", actor=ACTOR, **fields)

    def trip(self, scope: str = WHATSAPP, cause: str = "unreachable", **evidence: str) -> None:
        change = trip(
            self.control.flag(scope),
            By("SenderFunction", "sender", "six refused in a row", self.clock()),
            cause=cause,
            evidence=evidence,
            new_incident_id="20260301-090000-abcdef",
        )
        assert change is not None
        self.control.write(change, self.control.flag(scope).version)

    def status(self, scope: str = WHATSAPP) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("panic.status", scope=scope)["scopes"][0]
        return found
