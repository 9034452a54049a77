"""What is kept of Meta's status webhooks: that they come at all, and those of test sends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Self

from lifeline.domain.inbound.webhooks import StatusUpdate
from lifeline.domain.records import KeptRecord, fields_of, number, text

TESTS_KEPT: Final = 10
"""Test sends whose statuses are kept: an operator waits for one."""


@dataclass(frozen=True, slots=True)
class WebhookSeen(KeptRecord):
    """When the first and the last status webhook was seen (epoch seconds)."""

    NAME: ClassVar[str] = "webhook_seen"
    first: float | None = None
    at: float | None = None

    def to_item(self) -> dict[str, float | None]:
        return {"first": self.first, "at": self.at}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        return cls(number(held.get("first")), number(held.get("at")))

    def again(self, now: float) -> WebhookSeen:
        """One more was seen."""
        return WebhookSeen(now if self.first is None else self.first, now)


@dataclass(frozen=True, slots=True)
class ForeignTold(KeptRecord):
    """The last webhook of another account or number of which people were told, and when (epoch seconds)."""

    NAME: ClassVar[str] = "foreign_webhooks"
    at: float | None = None
    field: str = ""
    waba_id: str = ""
    phone_number_id: str = ""

    def to_item(self) -> dict[str, float | str | None]:
        return {
            "at": self.at,
            "field": self.field,
            "waba_id": self.waba_id,
            "phone_number_id": self.phone_number_id,
        }

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        names = ("field", "waba_id", "phone_number_id")
        return cls(number(held.get("at")), *(text(held.get(name)) or "" for name in names))


@dataclass(frozen=True, slots=True)
class ProbeReported(KeptRecord):
    """When a status of a test send of the prober last came in (epoch seconds)."""

    NAME: ClassVar[str] = "probe_status"
    at: float | None = None

    def to_item(self) -> dict[str, float | None]:
        return {"at": self.at}

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(number(fields_of(item).get("at")))


@dataclass(frozen=True, slots=True)
class ReportOfTest:
    """What Meta reported of one test send: its states in order, when last, and why it failed."""

    states: tuple[str, ...] = ()
    at: float | None = None
    code: int | None = None
    details: str = ""

    def after(self, update: StatusUpdate, now: float) -> ReportOfTest:
        """With one more status: "delivered" may overtake "sent"; what was learnt stays."""
        states = tuple(dict.fromkeys([*self.states, update.state]))
        after = replace(self, states=states, at=now)
        failure = update.failure
        return replace(after, code=failure.code, details=failure.details[:200]) if failure else after


@dataclass(frozen=True, slots=True)
class ReportsOfTests(KeptRecord):
    """The last statuses of operators' test sends, by id, oldest first."""

    NAME: ClassVar[str] = "test_status"
    of: Mapping[str, ReportOfTest] = field(default_factory=dict)

    def to_item(self) -> dict[str, Any]:
        return {
            name: {"states": list(one.states), "at": one.at, "code": one.code, "details": one.details}
            for name, one in self.of.items()
        }

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls({name: _report(fields_of(held)) for name, held in fields_of(item).items()})

    def after(self, update: StatusUpdate, now: float) -> ReportsOfTests:
        """With one more status; the send it is of is the newest then."""
        others = {name: one for name, one in self.of.items() if name != update.message_id}
        mine = self.of.get(update.message_id, ReportOfTest()).after(update, now)
        return ReportsOfTests(dict([*others.items(), (update.message_id, mine)][-TESTS_KEPT:]))


def _report(held: Mapping[str, Any]) -> ReportOfTest:
    states = held.get("states")
    code = held.get("code")
    return ReportOfTest(
        states=tuple(str(state) for state in states) if isinstance(states, list) else (),
        at=number(held.get("at")),
        code=code if isinstance(code, int) else None,
        details=text(held.get("details")) or "",
    )
