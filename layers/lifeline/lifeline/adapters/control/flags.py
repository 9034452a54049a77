"""Panic flags (``flag``, by scope) and the history of their changes (``history``, by time).

A flag and its event are written together, on the condition that the flag is still as it was read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from lifeline.adapters.control.table import EXPIRES, Item, OnTable, attributes, key, plain, which
from lifeline.domain.panic.flag import Event, Flag, Kind, PanicChange, State

_FLAG: Final = "flag"
_HISTORY: Final = "history"
_EVIDENCE: Final = "evidence"
_STATE: Final = "state"
_VERSION: Final = "version"
HISTORY_DAYS: Final = 400
"""How long history is kept: incident reviews look back a year."""

_FIELDS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("cause", "reason", "actor", "source", "incident_id"), str),
    **dict.fromkeys(("version", "successes", "trips"), int),
    **dict.fromkeys(("hold", "shadow"), bool),
    **dict.fromkeys(("since", "until", "earliest_recovery", "recovering_since"), float),
    **dict.fromkeys(("left_panic_at", "settle_until", "would_enter_at"), float),
}
"""Fields of a flag that are stored as they are."""
_EVENT_TEXTS: Final = ("scope", "incident_id", "actor", "source", "reason")
"""Texts of an event that are stored as they are."""
_STATES: Final = {str(state): state for state in State}
_KINDS: Final = {str(kind): kind for kind in Kind}


class PanicFlags(OnTable):
    """Flags and history."""

    def flags(self) -> dict[str, Flag]:
        """All flags that were ever written, by scope, in one strongly consistent query."""
        items = self._table.query(_FLAG, "reading the panic flags", consistent=True)
        return {which(item): flag_from_item(item) for item in items}

    def flag(self, scope: str) -> Flag:
        """One scope's flag, strongly consistent; a scope never written is ``normal``."""
        item = self._table.get(_FLAG, scope, "reading a panic flag")
        return flag_from_item(item) if item else Flag.normal(scope)

    def write(self, change: PanicChange, read_version: int) -> None:
        """Write a flag and its event together, only if the flag is still at ``read_version``.

        Of two writers (worker, alarm, operator, prober) one wins; the other gets
        :class:`ConflictError`, reads again and decides anew. So one outage leaves one incident.
        """
        flag: dict[str, Any] = {"Item": flag_to_item(change.flag)}
        if read_version:
            flag["ConditionExpression"] = "#version = :version"
            flag["ExpressionAttributeNames"] = {"#version": _VERSION}
            flag["ExpressionAttributeValues"] = {":version": {"N": str(read_version)}}
        else:
            flag["ConditionExpression"] = "attribute_not_exists(sk)"
        puts = (flag, {"Item": event_to_item(change.event)})
        self._table.put_together(puts, change.flag.scope, "writing a panic flag")

    def append(self, event: Event) -> None:
        """Add an event to the history without changing a flag."""
        self._table.put(_HISTORY, _place(event), event_to_item(event), "writing history")

    def history(
        self, scope: str | None = None, since: float = 0.0, incident_id: str | None = None, limit: int = 100
    ) -> list[Event]:
        """Events, newest first: of one scope or all, since an instant, of one incident.

        An event of a kind that this version does not know is left out.
        """
        wanted = {"scope": scope, "incident_id": incident_id}
        wanted = {name: value for name, value in wanted.items() if value}
        items = self._table.query(
            _HISTORY,
            "reading history",
            range_condition="sk >= :since",
            values={
                ":since": {"S": _instant(since)},
                **{f":{name}": {"S": value} for name, value in wanted.items()},
            },
            keep=" AND ".join(f"#{name} = :{name}" for name in wanted),
            names={f"#{name}": name for name in wanted},
            newest_first=True,
        )
        events: list[Event] = []
        for item in items:
            event = event_from_item(item)
            if event is not None:
                events.append(event)
            if len(events) >= limit:
                break
        return events


def flag_to_item(flag: Flag) -> Item:
    """A flag as it is stored."""
    return {
        **key(_FLAG, flag.scope),
        **attributes({name: getattr(flag, name) for name in _FIELDS}),
        **attributes({_STATE: str(flag.state), _EVIDENCE: json.dumps(dict(flag.evidence))}),
    }


def flag_from_item(item: Item) -> Flag:
    """A stored flag. A state that this version does not know counts as panic: nothing is sent meanwhile."""
    held = plain(item)
    values: dict[str, Any] = {
        name: kind(value)
        for name, kind in _FIELDS.items()
        if isinstance(value := held.get(name), float if kind is int else kind)
    }
    return Flag(
        scope=which(item),
        state=_STATES.get(str(held.get(_STATE)), State.PANIC),
        evidence=_evidence(held),
        **values,
    )


def event_to_item(event: Event) -> Item:
    """An event as it is stored."""
    return {
        **key(_HISTORY, _place(event)),
        **attributes({name: getattr(event, name) for name in _EVENT_TEXTS}),
        **attributes(
            {
                "kind": str(event.kind),
                "cause": str(event.cause),
                _VERSION: event.version,
                "at": event.at,
                _EVIDENCE: json.dumps(dict(event.evidence)),
                EXPIRES: int(event.at + HISTORY_DAYS * 86_400),
            }
        ),
    }


def event_from_item(item: Item) -> Event | None:
    """A stored event; ``None`` where this version does not know its kind."""
    held = plain(item)
    kind = _KINDS.get(str(held.get("kind")))
    if kind is None:
        return None
    return Event(
        kind=kind,
        cause=str(held.get("cause", "")),
        version=int(held.get(_VERSION, 0)),
        at=float(held.get("at", 0.0)),
        evidence=_evidence(held),
        **{name: str(held.get(name, "")) for name in _EVENT_TEXTS},
    )


def _place(event: Event) -> str:
    return f"{_instant(event.at)}#{event.scope}#{event.version}#{event.kind}"


def _instant(at: float) -> str:
    """Milliseconds, so that texts sort as instants do."""
    return f"{int(at * 1000):015d}"


def _evidence(held: Mapping[str, Any]) -> Mapping[str, object]:
    try:
        evidence = json.loads(str(held.get(_EVIDENCE, "{}")))
    except ValueError:
        return {}
    return evidence if isinstance(evidence, dict) else {}
