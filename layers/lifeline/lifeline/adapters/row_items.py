"""Rows of the ledger as DynamoDB items, and the PartiQL statements that write them.

A default is not stored: most of a row's fields never leave theirs, and a row is billed by the kilobyte.
Attributes that this version does not know are never touched, since two versions write the same rows while a
deployment goes on or is taken back.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, Final

from lifeline.domain.message.row import Change, Doubt, Mark, Row, Watch, changed
from lifeline.domain.message.status import OPEN, Status
from lifeline.domain.shards import NARROW, Spread, of_lane, shard_of

OPS_KEPT: Final = 3
"""Marks of the last writes that a row keeps. With one, a write that succeeded and was overtaken would look as
if it had never happened."""
UNKNOWN_STATUS: Final = "unknown:"
"""Before the status text in the ``phase`` of a row that a later version moved to a status of its own."""

TOLD_AGAIN: Final = "resends"

_COUNTS: Final = frozenset(
    {
        *("rev", "act", "attempt", "via", "otherwise", "escalate_after", "escalated"),
        *("rounds", "faults", "code", "conflicts"),
    }
)
_INSTANTS: Final = frozenset(
    {"attempted_at", "slot", "created_at", "updated_at", "send_after", "expires_at", "failed_at"}
)
_FLAGS: Final = frozenset({"later", "paid", "drained", "bare"})
_DERIVED: Final = frozenset(
    {"id", "rev", "ops", "lane", "due", "created_at", "updated_at", "trail", "outcomes"}
)
"""Written by every change, or under another name."""

CHANGEABLE: Final = tuple(item.name for item in fields(Row) if item.name not in _DERIVED)
"""Fields that a change writes where they differ, each into the attribute of its name."""
_values: Final = attrgetter(*CHANGEABLE)
_ALWAYS: Final = object()
_DEFAULTS: Final = {
    item.name: _ALWAYS if item.name == "status" else (None if item.default is MISSING else item.default)
    for item in fields(Row)
}


def is_default(name: str, value: Any) -> bool:
    """Whether a field at ``value`` has no attribute."""
    return bool(value == _DEFAULTS[name])


_MARK: Final = re.compile("told_([0-9]+)")
"""The attribute of an outcome's mark. Each has its own, so that one is added without knowing the others: a
row from the index shows none."""


# --- Values ----------------------------------------------------------------------------------------------


def _encode(name: str, value: Any) -> dict[str, Any]:
    if name in _COUNTS:
        return {"N": str(value)}
    if name in _INSTANTS:
        return _instant(value)
    if name in _FLAGS:
        return {"BOOL": value}
    if name == "doubts":
        return {"S": " ".join(f"{doubt.act}/{doubt.way}/{doubt.at:.3f}" for doubt in value)}
    if name in ("duplicates", "aside"):
        return {"S": " ".join(map(str, value))}
    return {"S": str(value)}


def _instant(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}"}


def _doubts(text: str) -> tuple[Doubt, ...]:
    return tuple(
        Doubt(int(act), way, float(at)) for act, way, at in (item.split("/") for item in text.split())
    )


def _marks(row: Row) -> dict[str, dict[str, str]]:
    return {
        f"told_{mark.rev}": {
            "S": f"{mark.status} {mark.at:.3f} {mark.watch} {mark.cause or '-'} "
            f"{'-' if mark.code is None else mark.code}"
        }
        for mark in row.outcomes
    }


def _mark(rev: str, text: str) -> Mark:
    status, at, watch, cause, code = text.split(" ")
    return Mark(
        int(rev),
        status,
        float(at),
        Watch(watch),
        None if cause == "-" else cause,
        None if code == "-" else int(code),
    )


_TEXT_DECODERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "ops": lambda text: tuple(text.split()),
    "doubts": _doubts,
    "duplicates": lambda text: tuple(map(int, text.split())),
    "aside": lambda text: tuple(map(int, text.split())),
}


def encode(row: Row, spread: Spread = NARROW) -> dict[str, Any]:
    """The item of a row, but for its time to live. ``spread``: into how many keys of the indexes."""
    item: dict[str, Any] = {
        "id": {"S": row.id},
        "rev": {"N": str(row.rev)},
        "ops": {"S": " ".join(row.ops)},
        "created_at": _instant(row.created_at),
        "updated_at": _instant(row.updated_at),
        "trail": {"M": {key: {"S": note} for key, note in row.trail.items()}},
    }
    for name, value in zip(CHANGEABLE, _values(row), strict=True):
        if not is_default(name, value):
            item[name] = _encode(name, value)
    item.update(_agenda_of(row, spread))
    item.update(_marks(row))
    item.update(_told_again(row))
    if row.incident_id:
        item["incident_key"] = incident_of(row, spread)
    return item


def decode(item: Mapping[str, Any]) -> Row:
    """The row of an item, or as much of it as an index holds; what is missing has its default.

    A status that this version does not know comes as phase ``unknown:STATUS``, which the domain leaves alone.
    """
    values: dict[str, Any] = {"id": item["id"]["S"]}
    marks: list[Mark] = []
    for name, value in item.items():
        if name in _COUNTS:
            values[name] = int(float(value["N"]))
        elif name in _INSTANTS:
            values[name] = float(value["N"])
        elif name in _FLAGS:
            values[name] = value["BOOL"]
        elif name == "trail":
            values[name] = {at: str(next(iter(note.values()))) for at, note in value["M"].items()}
        elif name in _TEXT_DECODERS:
            values[name] = _TEXT_DECODERS[name](value["S"])
        elif name in _DEFAULTS:
            values[name] = value["S"]
        elif mark := _MARK.fullmatch(name):
            marks.append(_mark(mark[1], value["S"]))
    if marks:
        values["outcomes"] = tuple(sorted(marks, key=lambda mark: mark.rev))
    if "agenda" in item:
        values["lane"] = item["agenda"]["S"].rpartition("#")[0]
        values["due"] = float(item["agenda_at"]["N"])
    status = values.get("status", "")
    if status in Status.__members__:
        values["status"] = Status(status)
    else:
        values["status"], values["phase"] = Status.CLAIMED, f"{UNKNOWN_STATUS}{status}"
    return Row(**values)


# --- Keys ------------------------------------------------------------------------------------------------


def agenda_key(lane: str, shard: int) -> dict[str, str]:
    """The agenda's hash key."""
    return {"S": f"{lane}#{shard}"}


def incident_key(incident_id: str, shard: int) -> dict[str, str]:
    """The hash key of the incidents' index."""
    return {"S": f"{incident_id}#{shard}"}


def incident_of(row: Row, spread: Spread) -> dict[str, str]:
    """The key of a row that an incident touched."""
    return incident_key(row.incident_id or "", shard_of(row.id, spread.incident))


def _agenda_of(row: Row, spread: Spread) -> dict[str, dict[str, str]]:
    if row.lane is None:
        return {}
    if row.due is None:
        raise ValueError(f"{row.id}: in lane {row.lane} without a time")
    return {
        "agenda": agenda_key(row.lane, shard_of(row.id, of_lane(row.lane, spread))),
        "agenda_at": _instant(row.due),
    }


def _ends(row: Row) -> bool:
    """Whether its time to live runs: nothing is owed, and nobody needs to look at it."""
    return row.lane is None and row.status not in OPEN


def _told_again(row: Row) -> dict[str, dict[str, str]]:
    """Possible and proven duplicates, and if an escalation told by both (0 or 1): ``POSSIBLE PROVEN BOTH``.
    Nothing where there is none of it.

    The incidents' index cannot project the attributes that they follow from: it was made by version 1, and an
    index keeps its projection for life. It does project ``resends``, as version 1 called its own number.
    A row from the agenda's index is thinner still, but what is written from one changes neither number.
    """
    possible, proven = row.possible_duplicates, len(row.duplicates)
    both = int(row.beside is not None)
    return {TOLD_AGAIN: {"S": f"{possible} {proven} {both}"}} if possible or proven or both else {}


def told_again(item: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Possible and proven duplicates of an item of the incidents' index; whether an escalation told by both.

    A row that version 1 wrote last has a number: how often it sent again, without proof.
    """
    value = item.get(TOLD_AGAIN, {"N": "0"})
    if "N" in value:
        return int(float(value["N"])), 0, False
    possible, proven, *both = map(int, value["S"].split())
    return possible, proven, any(both)


# --- Writes ----------------------------------------------------------------------------------------------


def written(change: Change, op: str, now: float) -> Row:
    """The row as it stands once ``change`` was carried out. Its trail is as complete as ``before``'s was."""
    before, after = change.before, change.after
    trail = dict(before.trail)
    if _traced(change):
        trail[_trail_key(now, after.status)] = change.note
    return changed(
        after,
        rev=before.rev + 1,
        ops=(*before.ops, op)[-OPS_KEPT:],
        created_at=before.created_at if before.rev else now,
        updated_at=now,
        due=None if after.lane is None else after.due,
        trail=trail,
    )


def _traced(change: Change) -> bool:
    return not change.before.rev or change.after.status is not change.before.status or bool(change.note)


def _trail_key(now: float, status: Status) -> str:
    return f"{int(now * 1000)}_{status}"


def insert(table: str, row: Row, now: float, retention: float, spread: Spread = NARROW) -> dict[str, Any]:
    """The statement of a fresh row as it shall stand. Refused with ``DuplicateItem`` if the id is known."""
    item = encode(row, spread)
    if _ends(row):
        item["expires_ttl"] = _ttl(now, retention)
    return {"Statement": _insert_text(table, tuple(item)), "Parameters": list(item.values())}


def update(
    table: str, change: Change, op: str, now: float, retention: float, spread: Spread = NARROW
) -> dict[str, Any]:
    """The statement of a change: only what differs, and only while ``rev`` is the one that was read."""
    before, after = change.before, change.after
    sets: dict[str, Any] = {
        "rev": {"N": str(before.rev + 1)},
        "ops": {"S": " ".join((*before.ops, op)[-OPS_KEPT:])},
        "updated_at": _instant(now),
    }
    removes: list[str] = []
    for name, old, new in zip(CHANGEABLE, _values(before), _values(after), strict=True):
        if old is new or old == new:
            continue
        if is_default(name, new):
            removes.append(name)
        else:
            sets[name] = _encode(name, new)
    was, becomes = _agenda_of(before, spread), _agenda_of(after, spread)
    sets.update((name, value) for name, value in becomes.items() if was.get(name) != value)
    removes += [name for name in was if name not in becomes]
    if after.outcomes != before.outcomes:
        marks, becomes_marks = _marks(before), _marks(after)
        sets.update((name, mark) for name, mark in becomes_marks.items() if marks.get(name) != mark)
        removes += [name for name in marks if name not in becomes_marks]
    again, becomes_again = _told_again(before), _told_again(after)
    if becomes_again != again:
        sets.update(becomes_again)
        removes += [name for name in again if name not in becomes_again]
    if after.incident_id != before.incident_id:
        if after.incident_id:
            sets["incident_key"] = incident_of(after, spread)
        else:
            removes.append("incident_key")
    if _ends(after) and not _ends(before):
        sets["expires_ttl"] = _ttl(now, retention)
    elif _ends(before) and not _ends(after):
        removes.append("expires_ttl")
    traced = _traced(change)
    head, tail = _update_text(table, tuple(sets), tuple(removes), traced)
    parameters = [*sets.values(), {"S": before.id}, {"N": str(before.rev)}]
    if traced:
        head += _trail_key(now, after.status)
        parameters.insert(0, {"S": change.note})
    return {
        "Statement": head + tail,
        "Parameters": parameters,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _ttl(now: float, retention: float) -> dict[str, str]:
    return {"N": str(int(now + retention))}


@functools.lru_cache(maxsize=512)
def _insert_text(table: str, names: tuple[str, ...]) -> str:
    item = ", ".join(f"'{name}':?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{item}}}'


@functools.lru_cache(maxsize=512)
def _update_text(
    table: str, sets: tuple[str, ...], removes: tuple[str, ...], traced: bool
) -> tuple[str, str]:
    """The text before and after the trail's key, which is another in every millisecond."""
    words = [*(f'SET "{name}"=?' for name in sets), *(f'REMOVE "{name}"' for name in removes)]
    rest = f'{" ".join(words)} WHERE "id"=? AND "rev"=?'
    start = f'UPDATE "{table}"'
    if traced:
        return f'{start} SET "trail"."', f'"=? {rest}'
    return f"{start} {rest}", ""
