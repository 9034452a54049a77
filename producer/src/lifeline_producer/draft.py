"""Messages before and after they are held against Lifeline's contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lifeline_producer.contract.messages import ContractError, parse_message

Instant = str | datetime
"""ISO 8601 with a zone, or a ``datetime`` with one."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A message that keeps the contract: its id, its priority, and the body that goes on the queue (JSON)."""

    id: str
    priority: str
    body: str

    @property
    def size(self) -> int:
        """Bytes of the body, which is what SQS counts."""
        return len(self.body.encode())


@dataclass(frozen=True, slots=True)
class Draft:
    """A message of any kind as its fields, as the builders make it. ``None`` means left out.

    It is checked when it is sent, not before: so one bad row of many is a line of the report, and does not
    end the generator that makes them.
    """

    fields: Mapping[str, object]

    def check(self) -> Checked:
        """Hold it against the contract. A ``datetime`` becomes ISO 8601.

        Raises :class:`ContractError` with every reason, each with its place.
        """
        try:
            given = {name: value for name, value in dict(self.fields).items() if value is not None}
            body = json.dumps(given, ensure_ascii=False, separators=(",", ":"), default=_plain)
        except (TypeError, ValueError, RecursionError) as error:
            raise ContractError([f"message: cannot be written as JSON ({error})"]) from error
        message = parse_message(body)
        return Checked(message.id, message.priority, body)


def checked(message: Draft | Mapping[str, object]) -> Checked:
    """A draft, or the fields of one, held against the contract. Raises :class:`ContractError`."""
    return (message if isinstance(message, Draft) else Draft(message)).check()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value.isoformat()} has no time zone")
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")
