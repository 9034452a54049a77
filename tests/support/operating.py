"""The operator's use case on memory, with every group of actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lifeline.adapters.contacts import Contact
from lifeline.adapters.control import Setting
from lifeline.adapters.queues import Depth, Outgoing
from lifeline.contract.names import BULK_QUEUE, CRITICAL_QUEUE, QUEUES, WHATSAPP
from lifeline.domain.message.row import Row
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import Event
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.incident.incidents import Incidents
from lifeline.use_cases.operate.audit import OperateAudit
from lifeline.use_cases.operate.dead_letters import OperateDeadLetters
from lifeline.use_cases.operate.incident import OperateIncident
from lifeline.use_cases.operate.lanes import Lanes
from lifeline.use_cases.operate.message import OperateMessage
from lifeline.use_cases.operate.operate import Operate
from lifeline.use_cases.operate.panic import OperatePanic
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.schedule import OperateSchedule
from lifeline.use_cases.panic.panic_mode import PanicMode
from lifeline.use_cases.wake import Wake

from tests.support.memory import (
    Clock,
    MemoryAgenda,
    MemoryControl,
    MemoryLedger,
    MemoryNotices,
    MemoryQueues,
    Recorder,
)

LANED = (CRITICAL_QUEUE, BULK_QUEUE)
"""Queues whose setting is named without ``whatsapp``."""
ACTOR = "arn:aws:iam::000000000000:user/ada"


class Control(MemoryControl):
    """With what operators read besides. ``marks``: until when planners have planned."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, float] = {}

    def mark(self, name: str) -> float | None:
        self._check()
        return self.marks.get(name)

    def history(
        self, scope: str | None = None, since: float = 0.0, incident_id: str | None = None, limit: int = 100
    ) -> list[Event]:
        self._check()
        found = [event for _, event in sorted(self.events.items(), reverse=True)]
        return [
            event
            for event in found
            if event.at >= since
            and (scope is None or event.scope == scope)
            and (incident_id is None or event.incident_id == incident_id)
        ][:limit]

    def settings(self, prefix: str = "") -> dict[str, Setting]:
        self._check()
        return {name: value for name, value in self.values.items() if name.startswith(prefix)}


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


class Contacts:
    def __init__(self) -> None:
        self.saved: dict[str, Contact] = {}
        self.forgiven: list[tuple[str, str]] = []
        self.broken: set[str] = set()

    def save(self, contact: Contact) -> None:
        if contact.user_id in self.broken:
            raise UnavailableError("DynamoDB", "saving a contact", "broken on purpose")
        self.saved[contact.user_id] = contact

    def forgive(self, way: str, address: str, now: float) -> None:
        self.forgiven.append((way, address))

    def read(self, user_ids: Iterable[str]) -> dict[str, Contact]:
        return {name: self.saved[name] for name in user_ids if name in self.saved}


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


def url(name: str) -> str:
    return f"https://sqs.test/000000000000/lifeline-test-{name}"


class World:
    """The operator's use case with everything around it. ``held``: lanes that may hold something."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.control = Control()
        self.queues = Queues(self.clock)
        self.notices = MemoryNotices()
        self.alarms = Alarms()
        self.functions = Functions()
        self.metrics = Metrics()
        self.ledger = MemoryLedger()
        self.agenda = MemoryAgenda(self.ledger)
        self.held: list[str] = []
        self.counted: list[Row] = []
        self.contacts = Contacts()
        self.log = Recorder()
        self.settings = Settings(
            **{f"{name.removeprefix('whatsapp-').replace('-', '_')}_url": url(name) for name in LANED},
            **{f"{name.replace('-', '_')}_url": url(name) for name in QUEUES if name not in LANED},
            drainer_function="lifeline-test-drainer",
        )
        panic = PanicMode(
            control=self.control,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            notices=self.notices,  # type: ignore[arg-type]
            probe_queue_url=self.settings.probe_queue_url,
            clock=self.clock,
            new_id=lambda: "abcdef0123",
            telemetry=self.log,  # type: ignore[arg-type]
        )
        self.wake = Wake(self.queues, self.settings.wake_queue_url)  # type: ignore[arg-type]
        lanes = Lanes(self.agenda, lambda: self.held)  # type: ignore[arg-type]
        names = OperateQueue(
            settings=self.settings,
            control=self.control,  # type: ignore[arg-type]
            panic=panic,
            queues=self.queues,  # type: ignore[arg-type]
            agenda=self.agenda,  # type: ignore[arg-type]
            lanes=lanes,
            metrics=self.metrics,  # type: ignore[arg-type]
            clock=self.clock,
        )
        self.operate = Operate(
            [
                OperatePanic(
                    settings=self.settings,
                    control=self.control,  # type: ignore[arg-type]
                    panic=panic,
                    alarms=self.alarms,  # type: ignore[arg-type]
                    functions=self.functions,  # type: ignore[arg-type]
                    clock=self.clock,
                ),
                names,
                OperateDeadLetters(
                    names=names,
                    panic=panic,
                    queues=self.queues,  # type: ignore[arg-type]
                    ledger=self.ledger,  # type: ignore[arg-type]
                    agenda=self.agenda,  # type: ignore[arg-type]
                    wake=self.wake,
                    count=self.counted.extend,
                    clock=self.clock,
                ),
                OperateMessage(
                    names=names,
                    control=self.control,  # type: ignore[arg-type]
                    panic=panic,
                    queues=self.queues,  # type: ignore[arg-type]
                    ledger=self.ledger,  # type: ignore[arg-type]
                    contacts=self.contacts,  # type: ignore[arg-type]
                    clock=self.clock,
                    new_id=lambda: "0123456789ab",
                ),
                OperateSchedule(
                    ledger=self.ledger,  # type: ignore[arg-type]
                    wake=self.wake,
                    count=self.counted.extend,
                    clock=self.clock,
                ),
                OperateAudit(
                    settings=self.settings,
                    control=self.control,  # type: ignore[arg-type]
                    ledger=self.ledger,  # type: ignore[arg-type]
                    agenda=self.agenda,  # type: ignore[arg-type]
                    lanes=lanes,
                    names=names,
                    queues=self.queues,  # type: ignore[arg-type]
                    wake=self.wake,
                    clock=self.clock,
                ),
                OperateIncident(
                    incidents=Incidents(
                        control=self.control,  # type: ignore[arg-type]
                        ledger=self.ledger,  # type: ignore[arg-type]
                        clock=self.clock,
                    ),
                    clock=self.clock,
                ),
            ],
            self.log,  # type: ignore[arg-type]
        )

    def ask(self, action: str, remaining: float = 60.0, **fields: Any) -> dict[str, Any]:
        """The answer's result; the action must succeed."""
        answer = self.operate({"action": action, **fields}, lambda: remaining)
        assert answer["ok"], answer
        assert answer["action"] == action
        return dict(answer["result"])

    def refused(self, action: str, **fields: Any) -> dict[str, Any]:
        """The error of a refusal."""
        answer = self.operate({"action": action, **fields}, lambda: 60.0)
        assert not answer["ok"], answer
        assert set(answer["error"]) == {"code", "message", "valid"}
        return dict(answer["error"])

    def enable(self, scope: str = WHATSAPP, **fields: Any) -> dict[str, Any]:
        return self.ask("panic.enable", scope=scope, reason="looking into it", actor=ACTOR, **fields)

    def disable(self, scope: str = WHATSAPP, **fields: Any) -> dict[str, Any]:
        return self.ask("panic.disable", scope=scope, reason="it answers again", actor=ACTOR, **fields)

    def trip(self, scope: str = WHATSAPP, cause: str = "unreachable") -> None:
        change = trip(
            self.control.flag(scope),
            cause=cause,
            reason="six refused in a row",
            source="sender",
            actor="SenderFunction",
            evidence={},
            now=self.clock(),
            new_incident_id="20260301-090000-abcdef",
        )
        assert change is not None
        self.control.write(change, self.control.flag(scope).version)

    def status(self, scope: str = WHATSAPP) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("panic.status", scope=scope)["scopes"][0]
        return found
