"""Incidents made up for tests: events, messages and counters with known numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lifeline.contract.ways import EMAIL, PUSH, WAYS
from lifeline.domain.incident.facts import Affected, Facts, Move
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import Event, Kind

from tests.support.statuses import EMAILED, PUSHED

START = 1_772_355_600.0
"""2026-03-01T09:00:00Z"""
ID = "20260301-090000-abcdef"


def event(kind: Kind, after: float, version: int, **more: Any) -> Event:
    """An event ``after`` so many seconds."""
    fields: dict[str, Any] = {
        "kind": kind,
        "scope": "whatsapp",
        "incident_id": ID,
        "version": version,
        "at": START + after,
        "actor": "SenderFunction",
        "source": "sender",
        "cause": "unreachable",
        "reason": "6 sends in a row did not reach the service",
        "evidence": {},
    }
    return Event(**{**fields, **more})


def probe(after: float, version: int, ok: bool) -> Event:
    """A probe's result."""
    found = {} if ok else {"findings": {"reachability": "connection refused"}}
    kind = Kind.PROBE_SUCCEEDED if ok else Kind.PROBE_FAILED
    return event(kind, after, version, actor="ProberFunction", source="prober", reason="", evidence=found)


def outage() -> list[Event]:
    """Entered at 0, probes each 15 s, recovered at 120, back at 150, recovered at 240, over at 840."""
    return [
        event(Kind.ENTERED, 0, 1, evidence={"rule": "streak", "consecutive_unreachable": 6}),
        *[probe(15.0 * n, 1 + n, ok=n > 5) for n in range(1, 8)],
        event(
            Kind.RECOVERING,
            120,
            9,
            actor="ProberFunction",
            source="prober",
            reason="3 probes in a row succeeded",
        ),
        event(Kind.REENTERED, 150, 10),
        *[probe(150 + 15.0 * n, 10 + n, ok=n > 3) for n in range(1, 6)],
        event(
            Kind.RECOVERING,
            240,
            16,
            actor="ProberFunction",
            source="prober",
            reason="3 probes in a row succeeded",
        ),
        event(Kind.ENDED, 840, 17, reason="no new panic within the settle time"),
    ]


def message(name: str, status: Status, *moves: tuple[float, Status, str], **more: Any) -> Affected:
    """A message whose moves came so many seconds after the beginning; made with the first of them."""
    trail = tuple(Move(START + after, to, note) for after, to, note in moves)
    return Affected(id=name, status=status, created_at=trail[0].at, moves=trail, writes=len(trail), **more)


def pushed(name: str, after: float, took: float = 0.4, **more: Any) -> Affected:
    """Reached by push."""
    return message(
        name,
        PUSHED,
        (after, Status.CLAIMED, "falling_back"),
        (after + took, PUSHED, "panic (push)"),
        **{"tried": "push", **more},
    )


def parked(name: str, after: float, sent: float | None, **more: Any) -> Affected:
    """Parked, and sent at ``sent`` (``None``: not yet)."""
    moves = [
        (after, Status.CLAIMED, "falling_back"),
        (after + 0.2, Status.PARKED, "panic"),
    ]
    if sent is None:
        return message(name, Status.PARKED, *moves, **more)
    moves += [
        (sent - 0.3, Status.CLAIMED, "clear to send"),
        (sent, Status.SENT, "Meta accepted it"),
        (sent + 1, Status.DELIVERED, "webhook: delivered"),
    ]
    return message(name, Status.DELIVERED, *moves, **more)


def facts(
    events: Iterable[Event],
    messages: Iterable[Affected],
    minutes: Mapping[int, Mapping[str, int]] | None = None,
    now: float = 1000.0,
) -> Facts:
    """Facts as they are ``now`` seconds after the beginning."""
    return Facts(list(events), list(messages), minutes or {}, START + now)


S = Status


def many() -> list[Affected]:
    """One message of every kind."""
    return [
        pushed("push", 10),
        message(
            "email",
            EMAILED,
            (11, S.CLAIMED, "falling_back"),
            (12, EMAILED, "panic (push EndpointDisabled, email)"),
            tried="push EndpointDisabled, email",
            priority="critical",
        ),
        *[
            message(
                way.name,
                S(way.status),
                (11, S.CLAIMED, ""),
                (12, S(way.status), ""),
                tried=way.name,
            )
            for way in WAYS
            if way not in (PUSH, EMAIL)
        ],
        parked("parked", 20, 260),
        message(
            "sent",
            S.READ,
            (-5, S.CLAIMED, "sending"),
            (3, S.CLAIMED, "x"),
            (4, S.SENT, "y"),
            (5, S.READ, "z"),
        ),
        parked("waiting", 30, None),
        message(
            "expired",
            S.EXPIRED,
            (31, S.CLAIMED, ""),
            (31.5, S.PARKED, ""),
            (250, S.EXPIRED, "its time"),
        ),
        message(
            "cancelled",
            S.CANCELLED,
            (31, S.CLAIMED, ""),
            (31.5, S.CANCELLED, "by an operator"),
        ),
        message(
            "suppressed",
            S.SUPPRESSED,
            (31, S.CLAIMED, ""),
            (31.5, S.SUPPRESSED, "the recipient opted out of promotional messages"),
        ),
        message("rejected", S.REJECTED, (32, S.CLAIMED, ""), (33, S.REJECTED, "bad")),
        message(
            "failed",
            S.FAILED,
            (34, S.CLAIMED, ""),
            (35, S.FAILED, "no way"),
            tried="email MessageRejected",
        ),
    ]
