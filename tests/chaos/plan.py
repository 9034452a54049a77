"""What one run does, from its seed alone: messages, faults at Meta, kills. Pure.

Threads and processes run as they like, so a seed repeats the plan, not the run.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

CRITICAL, NORMAL, BULK = "critical", "normal", "bulk"
QUICK_EXPIRY = 0.05
"""Share of messages that expire 5 to 30 seconds after they are put on the queue."""
SEND_AFTER = 0.03
"""Share of messages that wait 10 to 60 seconds before they may be sent."""
COPIED = 0.02
"""Share of messages that the producer puts on the queue twice; half of them side by side."""
CONFLICTING = 0.002
"""Share of messages whose id comes again with another text."""
BREAKING = 0.01
"""Share of messages that break the contract."""
UNDELIVERED, NO_WHATSAPP, AMBIGUOUS, PAIR_LIMITED = 0.01, 0.005, 0.03, 0.005
"""Shares of people: WhatsApp says later that it failed; at once that it cannot; breaks off; says: wait."""
EPISODES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"kind": "unreachable"},),
    ({"kind": "server_error", "count": 25},),
    ({"kind": "ambiguous", "count": 25},),
    ({"kind": "slow", "count": 8, "latency_ms": 12_000},),
    ({"kind": "rate_limit", "count": 30},),
    ({"kind": "ambiguous", "count": 15}, {"kind": "silent", "count": 10}),
    ({"kind": "not_json", "count": 15},),
    ({"kind": "held", "count": 10},),
    ({"kind": "ambiguous", "count": 30}, {"kind": "server_error", "count": 30}),
    ({"kind": "slow", "count": 30, "latency_ms": 3_000},),
)
"""What Meta does, one after the other, in an order that the seed gives, and then again."""
SLOT = 25.0
"""Seconds from one of them to the next, at most."""
KILLED = (("sender", 60), ("webhook", 5), ("webhook-events", 12), ("drainer", 16), ("prober", 7))
"""Whose workers are killed, and how often."""


@dataclass(frozen=True, slots=True)
class Put:
    """One message on one queue. ``at``: seconds after the start, while the producers are not held back."""

    id: str
    at: float
    lane: str
    message: Mapping[str, Any]
    expires_in: float | None = None
    """Seconds after the first time that it is put."""
    send_in: float | None = None
    """Likewise."""
    broken: str = ""
    """The body, where it breaks the contract."""
    conflicting: bool = False
    """The same id with another text."""

    def body(self, now: float) -> str:
        """What is put at ``now`` (epoch seconds)."""
        if self.broken:
            return self.broken
        message = dict(self.message)
        if self.expires_in is not None:
            message["expires_at"] = instant(now + self.expires_in)
        if self.send_in is not None:
            message["send_after"] = instant(now + self.send_in)
        if self.conflicting:
            message["text"] = f"Another text. [{self.id}]"
        return json.dumps(message)


@dataclass(frozen=True, slots=True)
class Kill:
    """The end of a worker. ``moment``: ``idle`` at once, ``before`` or ``after`` a call of AWS."""

    at: float
    function: str
    moment: str
    calls: int = 0
    """Calls that its function may still make, so that the end comes anywhere in its work."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Faults at Meta from ``at`` to ``until``, seconds after the start."""

    at: float
    until: float
    faults: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run's plan. ``people``: the faults at Meta that concern single people, on from the start.

    Puts and kills go by the producers' time, which stands still while they are held back; faults at Meta go
    by the clock, and go on as long as the run does.
    """

    puts: tuple[Put, ...]
    kills: tuple[Kill, ...]
    people: tuple[dict[str, Any], ...]
    order: tuple[tuple[tuple[dict[str, Any], ...], float], ...]
    """What Meta does, one after the other and again, and how late in its slot, from 0 to 0.5."""
    window: float
    """Seconds, if the producers were never held back."""
    wanted_kills: int

    def episode(self, number: int) -> Episode:
        """The faults at Meta of this slot, counted from 0.

        A third of the time: in between, panic has to end and messages have to leave over WhatsApp.
        """
        slot = min(SLOT, self.window / 4)
        faults, late = self.order[number % len(self.order)]
        at = (number + late) * slot
        return Episode(at, at + 0.3 * slot, faults)


def make(seed: int, messages: int, kills: int, window: float, devices: Sequence[str]) -> Plan:
    """The plan. ``devices``: push endpoints that people have."""
    puts = _puts(random.Random(f"{seed}/messages"), seed, messages, window, devices)
    meta = random.Random(f"{seed}/meta")
    return Plan(
        puts=puts,
        kills=_kills(random.Random(f"{seed}/kills"), kills, window),
        people=_people(random.Random(f"{seed}/people"), sorted({str(put.message["to"]) for put in puts})),
        order=tuple((faults, meta.uniform(0.0, 0.5)) for faults in meta.sample(EPISODES, len(EPISODES))),
        window=window,
        wanted_kills=kills,
    )


def instant(at: float) -> str:
    """ISO 8601 of epoch seconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _puts(
    chance: random.Random, seed: int, messages: int, window: float, devices: Sequence[str]
) -> tuple[Put, ...]:
    found: list[Put] = []
    # The last seconds of the window stay for what is under way.
    pause = window * 0.9 / max(1, messages)
    for number in range(messages):
        put = _put(chance, f"c-{seed}-{number:06d}", number, number * pause, devices)
        found.append(put)
        if chance.random() < COPIED:
            later = 0.0 if chance.random() < 0.5 else chance.uniform(0.5, 20.0)
            found.append(replace(put, at=min(window, put.at + later)))
        if chance.random() < CONFLICTING and not put.broken:
            later = chance.uniform(0.0, 10.0)
            found.append(replace(put, at=min(window, put.at + later), conflicting=True))
    return tuple(sorted(found, key=lambda put: put.at))


def _put(chance: random.Random, name: str, number: int, at: float, devices: Sequence[str]) -> Put:
    (lane,) = chance.choices((CRITICAL, NORMAL, BULK), (20, 60, 20))
    to = f"+4915{chance.randrange(10):d}{number:08d}"
    recipient: dict[str, str] = {}
    (ways,) = chance.choices(("push", "email", "both", ""), (35, 25, 20, 20))
    if ways in ("push", "both"):
        recipient["push_endpoint"] = chance.choice(devices)
    if ways in ("email", "both"):
        recipient["email"] = f"person-{number}@example.org"
    # The id stands in every text: that is how an observer outside knows a push or a mail.
    message: dict[str, Any] = {
        "id": name,
        "to": to,
        "type": "text",
        "text": f"Your appointment is at ten. [{name}]",
        "priority": lane,
        "category": "appointment",
        "recipient": recipient,
    }
    if chance.random() < 0.3:
        message["type"] = "template"
        message["template"] = {
            "name": "appointment_reminder",
            "language": "en_US",
            "parameters": [name, "Monday", "9:00"],
        }
    expires_in = send_in = None
    if chance.random() < QUICK_EXPIRY:
        expires_in = chance.uniform(5.0, 30.0)
    elif chance.random() < SEND_AFTER:
        send_in = chance.uniform(10.0, 60.0)
    if chance.random() < BREAKING:
        return Put(name, at, lane, message, broken=_broken(chance, message))
    return Put(name, at, lane, message, expires_in, send_in)


def _broken(chance: random.Random, message: dict[str, Any]) -> str:
    """A body that breaks the contract; its id can still be read in it by a person."""
    match chance.randrange(5):
        case 0:
            return f"{{ this is no JSON {message['id']}"
        case 1:
            return json.dumps({name: value for name, value in message.items() if name != "to"})
        case 2:
            return json.dumps(message | {"type": "fax"})
        case 3:
            # Half of an emoji: JSON can say it, UTF-8 cannot.
            return json.dumps(message | {"type": "text", "text": "\ud83d"})
    deep: Any = "down here"
    for _ in range(40):
        deep = [deep]
    return json.dumps(message | {"type": "template", "template": _deep_template(deep)})


def _deep_template(deep: Any) -> dict[str, Any]:
    return {"name": "appointment_reminder", "language": "en_US", "components": [{"type": "body", "x": deep}]}


def _people(chance: random.Random, numbers: Sequence[str]) -> tuple[dict[str, Any], ...]:
    people = list(numbers)
    chance.shuffle(people)
    found: list[dict[str, Any]] = []
    for kind, share, once in (
        ("undelivered", UNDELIVERED, False),
        ("invalid_phone", NO_WHATSAPP, False),
        ("ambiguous", AMBIGUOUS, True),
        ("pair_rate_limit", PAIR_LIMITED, True),
    ):
        count = max(1, int(len(numbers) * share))
        chosen, people = people[:count], people[count:]
        fault: dict[str, Any] = {"kind": kind, "match": {"to": chosen}}
        if once:
            fault["count"] = count
        found.append(fault)
    return tuple(found)


def _kills(chance: random.Random, kills: int, window: float) -> tuple[Kill, ...]:
    names = [name for name, _ in KILLED]
    weights = [weight for _, weight in KILLED]
    found = []
    # More than wanted: some meet nobody.
    planned = kills + (kills + 2) // 3
    for number in range(planned):
        at = window * (0.05 + 0.9 * (number + chance.random()) / planned)
        (function,) = chance.choices(names, weights)
        (moment,) = chance.choices(("idle", "before", "after"), (20, 30, 50))
        found.append(Kill(at, function, moment, chance.randrange(20)))
    return tuple(found)
