"""What is kept of the account: stand-ins for templates, usage headers, looks at the token. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Self

from lifeline.contract.instants import parse_instant
from lifeline.domain.account.health import usage_words
from lifeline.domain.account.token import TokenState
from lifeline.domain.failure.usage import Quota, Usage
from lifeline.domain.records import KeptRecord, fields_of, number, text, texts


@dataclass(frozen=True, slots=True)
class TemplateMap(KeptRecord):
    """The template that is sent instead of another, by the other's name. Operators write it."""

    NAME: ClassVar[str] = "template_map"
    of: Mapping[str, str] = field(default_factory=dict)

    def to_item(self) -> dict[str, str]:
        return dict(self.of)

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(texts(item))


@dataclass(frozen=True, slots=True)
class MarketingTemplates(KeptRecord):
    """Names of the templates that Meta counts as marketing, as its webhooks say, the last told last."""

    NAME: ClassVar[str] = "marketing_templates"
    names: tuple[str, ...] = ()

    def to_item(self) -> list[str]:
        return list(self.names)

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(tuple(str(name) for name in item)) if isinstance(item, list) else cls()

    def after(self, template: str, category: str) -> MarketingTemplates:
        """Once Meta has said that this template has this category."""
        others = tuple(name for name in self.names if name != template)
        if category != "MARKETING":
            return MarketingTemplates(others)
        return self if template in self.names else MarketingTemplates((*others, template)[-MAX_TEMPLATES:])


MAX_TEMPLATES: Final = 2000
"""Marketing templates that are remembered; an item of DynamoDB holds 400 KB."""


@dataclass(frozen=True, slots=True)
class UsageReading(KeptRecord):
    """The usage headers of a send, and when they came (epoch seconds)."""

    NAME: ClassVar[str] = "usage_seen"
    at: float = 0.0
    usage: Usage | None = None

    def to_item(self) -> dict[str, Any]:
        return {"at": self.at, "quotas": usage_words(self.usage) if self.usage else []}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        at, items = number(held.get("at")), held.get("quotas")
        if at is None or not isinstance(items, list):
            return cls()
        quotas = tuple(_quota(fields_of(one)) for one in items)
        return cls(at, Usage(quotas) if quotas else None)


def _quota(held: Mapping[str, Any]) -> Quota:
    return Quota(
        type=text(held.get("type")) or "unknown",
        call_count=number(held.get("call_count")) or 0.0,
        total_time=number(held.get("total_time")) or 0.0,
        total_cputime=number(held.get("total_cputime")) or 0.0,
        regain_seconds=number(held.get("regain_seconds")) or 0.0,
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """Of a failure people were told: the step that failed, and when (epoch seconds)."""

    step: str
    at: float


@dataclass(frozen=True, slots=True)
class TokenLook(KeptRecord):
    """What the token keeper's last look found. Instants are ISO 8601, as it answers them."""

    NAME: ClassVar[str] = "token_keeper"
    at: str | None = None
    outcome: str | None = None
    state: str | None = None
    source: str | None = None
    expires_at: str | None = None
    days_left: float | None = None
    switched: bool | None = None
    """Whether the refresh changed the secret."""
    step: str | None = None
    detail: str | None = None
    remedy: str | None = None
    renewed_at: str | None = None
    """The last refresh that succeeded, of this look or an earlier one."""
    announced: Telling | None = None
    """The failure that lasts, and of which engineering was told."""

    def lasts(self, left_panic_at: float) -> bool:
        """Whether the failure it tells of is still one. ``left_panic_at``: when WhatsApp last left panic
        (epoch seconds): the token works since. A valid token whose renewal failed is a failure all the same.
        """
        if self.outcome != "failed":
            return False
        try:
            at = parse_instant(self.at or "")
        except ValueError:  # another version's
            return True
        return self.state == TokenState.TO_RENEW or at >= left_panic_at

    def to_item(self) -> dict[str, Any]:
        item = {**asdict(self), "told": None if self.announced is None else asdict(self.announced)}
        del item["announced"]
        return {name: value for name, value in item.items() if value is not None or name not in _SOMETIMES}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        telling = fields_of(held.get("told"))
        step, at = text(telling.get("step")), number(telling.get("at"))
        switched = held.get("switched")
        return cls(
            at=text(held.get("at")),
            outcome=text(held.get("outcome")),
            state=text(held.get("state")),
            source=text(held.get("source")),
            expires_at=text(held.get("expires_at")),
            days_left=number(held.get("days_left")),
            switched=switched if isinstance(switched, bool) else None,
            step=text(held.get("step")),
            detail=text(held.get("detail")),
            remedy=text(held.get("remedy")),
            renewed_at=text(held.get("renewed_at")),
            announced=None if step is None or at is None else Telling(step, at),
        )


_SOMETIMES: Final = frozenset({"switched", "step", "detail", "remedy"})
"""Fields of a look that are there only where they say something."""


@dataclass(frozen=True, slots=True)
class TokenIncident(KeptRecord):
    """The last incident for which a refresh was tried."""

    NAME: ClassVar[str] = "token_incident"
    id: str = ""

    def to_item(self) -> str:
        return self.id

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(text(item) or "")
