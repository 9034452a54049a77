"""One POST of Meta's as bodies for a queue: whole where it fits, else in parts that say the same together.

Pure. A part is a POST of the same form, with fewer updates in it, so that whoever reads it needs to know
nothing of parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lifeline.domain.inbound.webhooks import about, contact_of, read_post

PART: Final = 900_000
"""Bytes of a part at most: under SQS's 1 MiB for a message and for a whole call (SQS quotas, since August
2025), with room for what SQS counts besides."""
_LISTS: Final = ("statuses", "messages", "user_preferences")
"""Lists of updates in a change's value, each of which stands for itself."""

_Json = Mapping[str, Any]


class TooLargeError(ValueError):
    """One update alone is larger than a part."""


def parts(raw: bytes, most: int = PART) -> list[str]:
    """The bodies of one POST, each of at most ``most`` bytes.

    Raises :class:`~lifeline.domain.inbound.webhooks.UnreadableError` where it is no JSON object, and
    :class:`TooLargeError`.
    """
    document = read_post(raw)
    text = raw.decode("utf-8", "replace")
    if len(raw) <= most and len(text.encode()) <= most:
        return [text]
    return [json.dumps(part) for part in _fitting(document, most)]


def _fitting(document: _Json, most: int) -> Iterator[_Json]:
    # ASCII only, so characters are bytes.
    if len(json.dumps(document)) <= most:
        yield document
        return
    halves = _halves(document)
    if not halves:
        raise TooLargeError(f"one update of more than {most} bytes")
    for half in halves:
        yield from _fitting(half, most)


def _halves(document: _Json) -> list[_Json]:
    """The POST as two with about half of its updates each; none where it has one."""
    entries = _list(document, "entry")
    if len(entries) > 1:
        return [{**document, "entry": half} for half in _cut(entries)]
    for entry in entries:
        if isinstance(entry, Mapping):
            changes = _list(entry, "changes")
            if len(changes) > 1:
                return [{**document, "entry": [{**entry, "changes": half}]} for half in _cut(changes)]
            for change in changes:
                if isinstance(change, Mapping) and isinstance(change.get("value"), Mapping):
                    return [
                        {**document, "entry": [{**entry, "changes": [{**change, "value": value}]}]}
                        for value in _values(change["value"])
                    ]
    return []


def _values(value: _Json) -> list[_Json]:
    """A change's value as two. Contacts and errors stay with the messages that they are about."""
    held = [name for name in _LISTS if _list(value, name)]
    if len(held) > 1:
        first = held[0]
        rest = {name: item for name, item in value.items() if name != first}
        alone = {name: item for name, item in value.items() if name not in (*_LISTS, "contacts", "errors")}
        return [{**alone, first: value[first]}, rest]
    if not held or len(value[held[0]]) < 2:
        return []
    head, tail = _cut(value[held[0]])
    return [_with(value, held[0], head, first=True), _with(value, held[0], tail, first=False)]


def _with(value: _Json, name: str, half: Sequence[Any], *, first: bool) -> _Json:
    part = {**value, name: half}
    mine = [item for item in half if isinstance(item, Mapping)]
    contacts = [one for one in _list(value, "contacts") if isinstance(one, Mapping)]
    people = [_person(item) for item in mine]
    # Who is not named has the only contact, or none: then all of them stay, so that it is neither more nor
    # less.
    if contacts and all(any(person.values()) for person in people):
        theirs = [contact_of(person, contacts) for person in people]
        part["contacts"] = [one for one in contacts if any(one is other for other in theirs)]
    if not _has_errors(value, name, mine, first=first):
        part.pop("errors", None)
    return part


def _has_errors(value: _Json, name: str, mine: Sequence[_Json], *, first: bool) -> bool:
    """Whether the errors beside the updates belong to this half; those about no message are told once."""
    if name != "messages":
        return first
    messages = [item for item in value[name] if isinstance(item, Mapping)]
    concerned = about(messages, [one for one in _list(value, "errors") if isinstance(one, Mapping)])
    return any(id(item) in concerned for item in mine)


def _person(item: _Json) -> dict[str, Any]:
    """As a message names its sender."""
    return {
        "from": item.get("from") or item.get("wa_id"),
        "from_user_id": item.get("from_user_id") or item.get("user_id"),
    }


def _cut(items: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _list(holder: _Json, name: str) -> Sequence[Any]:
    items = holder.get(name)
    return items if isinstance(items, list) else ()
