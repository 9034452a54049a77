"""What sending says: what left, what did not, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lifeline_producer.draft import Draft

CONTRACT = "contract"
"""Code of a failure that never reached SQS: the message breaks the contract."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that did not leave.

    ``id`` is empty where the message had none that can be read. ``code``: SQS's error code, the name of the
    SDK's exception, or ``contract``. ``attempts``: how often it was tried, 0 for ``contract``.
    """

    id: str
    code: str
    reasons: tuple[str, ...]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far ``send_many`` is: messages that left, that failed for good, and entries that were tried
    again."""

    sent: int = 0
    failed: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What ``send_many`` did. Everything that was given is in ``sent`` or has its :class:`Failure`."""

    sent: int
    failures: tuple[Failure, ...]
    retried: int = 0


class Producer(Protocol):
    """What :class:`Lifeline` and :class:`FakeLifeline` both do: take this as your type."""

    def send(self, message: Draft | Mapping[str, object]) -> str: ...

    def send_many(
        self,
        messages: Iterable[Draft | Mapping[str, object]],
        progress: Callable[[Progress], None] | None = None,
    ) -> Report: ...


def broken(message: Draft | Mapping[str, object], reasons: tuple[str, ...]) -> Failure:
    """The failure of a message that breaks the contract."""
    fields = message.fields if isinstance(message, Draft) else message
    name = fields.get("id") if isinstance(fields, Mapping) else ""
    return Failure(name if isinstance(name, str) else "", CONTRACT, reasons)
