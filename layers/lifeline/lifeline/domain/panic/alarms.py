"""CloudWatch alarms: what an event says, and which scope an alarm's name means. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lifeline.contract.instants import parse_instant
from lifeline.contract.scopes import is_scope
from lifeline.domain.redact import redact


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One change of an alarm's state."""

    name: str
    state: str
    """``ALARM``, ``OK`` or ``INSUFFICIENT_DATA``."""
    reason: str = ""
    at: float | None = None
    """When it changed, epoch seconds; ``None`` where the event does not say."""


def scope_of(name: str, prefix: str) -> str | None:
    """The scope that an alarm named ``<prefix>trip-<scope>-<what>`` puts in panic; ``None`` for any other.

    No scope holds a hyphen, so the first one after it ends it.
    """
    start = f"{prefix}trip-"
    if not prefix or not name.startswith(start):
        return None
    scope, _, what = name.removeprefix(start).partition("-")
    return scope if what and is_scope(scope) else None


def changes_of(event: Mapping[str, Any]) -> Iterator[AlarmChange]:
    """The changes that an event tells of: a direct alarm action, SNS notifications, or EventBridge.

    Metric alarms and composite alarms look alike in what matters here. Anything else yields nothing.
    """
    records = event.get("Records")
    if isinstance(records, list):
        for record in records:
            message = _dict(_dict(record).get("Sns")).get("Message")
            try:
                document = json.loads(message) if isinstance(message, str) else {}
            except ValueError:
                continue
            yield from _notification(_dict(document))
        return
    # CloudWatch -> Lambda: alarmData. CloudWatch -> EventBridge: detail.
    data = _dict(event.get("alarmData") or event.get("detail"))
    state = _dict(data.get("state"))
    yield from _change(
        data.get("alarmName"),
        state.get("value"),
        state.get("reason"),
        state.get("timestamp") or event.get("time"),
    )


def _notification(document: Mapping[str, Any]) -> Iterator[AlarmChange]:
    yield from _change(
        document.get("AlarmName"),
        document.get("NewStateValue"),
        document.get("NewStateReason"),
        document.get("StateChangeTime"),
    )


def _change(name: object, state: object, reason: object, at: object) -> Iterator[AlarmChange]:
    if isinstance(name, str) and name and isinstance(state, str):
        yield AlarmChange(name, state, redact(str(reason or ""))[:300], _instant(at))


def _instant(text: object) -> float | None:
    """``2026-03-01T09:00:00.000+0000``, as CloudWatch writes it, in epoch seconds."""
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
