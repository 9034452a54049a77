"""What Meta says of the account, its numbers and templates: one row per webhook field.

Pure. To add a field: its row in :data:`FIELDS`, its line in ``docs/operations.md``, a sample in
``tests/support/webhook_samples.py``. Which events mean that sending will fail, which are warnings and which
are good news stands in the row; whom a panic tells is the cause's affair (``domain/panic/notices.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lifeline.contract.names import ENGINEERING, MARKETING, META_SUPPORT
from lifeline.domain.redact import redact
from lifeline.domain.text import objects, scalar

_Json = Mapping[str, Any]
Detail = Mapping[str, object]


class Weight(StrEnum):
    """What an event calls for."""

    PANIC = "panic"
    """Sending will fail: of the channel, or of one template."""
    WARN = "warn"
    """People should know and act."""
    TELL = "tell"
    """People should know."""
    NOTE = "note"
    """For the history."""


@dataclass(frozen=True, slots=True)
class AccountField:
    """One webhook field. ``event``: where its value names the event, the first that is there counts."""

    name: str
    event: tuple[str, ...]
    audience: tuple[str, ...]
    """Who is told where it does not mean panic."""
    advice: str
    """What people do about a warning."""
    weigh: Callable[[str, Detail], Weight]
    detail: Callable[[_Json], dict[str, object]]
    of_template: bool = False
    """It is about one template, which the value names."""


# -- details: what is kept of a value, for people to read --------------------------------------------------


def _words(value: object) -> str:
    return redact(scalar(value))[:200]


def plain(value: _Json) -> dict[str, object]:
    """The scalar fields, without secrets and whole numbers of phones, be they texts or numbers of JSON."""
    return {
        redact(str(key))[:64]: _masked(item)
        for key, item in list(value.items())[:20]
        if isinstance(item, str | bool | int | float)
    }


def _masked(item: str | bool | int | float) -> str | bool | int | float:
    words = redact(str(item))
    return item if not isinstance(item, str) and words == str(item) else _words(item)


def _alert(value: _Json) -> dict[str, object]:
    inner = value.get("alert_info")
    return plain({**value, **inner}) if isinstance(inner, Mapping) else plain(value)


def _account(value: _Json) -> dict[str, object]:
    detail: dict[str, object] = {}
    ban = value.get("ban_info")
    if isinstance(ban, Mapping):
        detail["ban_state"] = _words(ban.get("waba_ban_state")).upper()
        detail["ban_date"] = _words(ban.get("waba_ban_date"))
    restrictions = list(objects(value.get("restriction_info")))[:20]
    if restrictions:
        detail["restrictions"] = [_words(item.get("restriction_type")).upper() for item in restrictions]
        detail["expirations"] = [_words(item.get("expiration")) for item in restrictions]
    violation = value.get("violation_info")
    if isinstance(violation, Mapping):
        detail["violation"] = _words(violation.get("violation_type")).upper()
    return detail


# -- weights -----------------------------------------------------------------------------------------------


def _by_event(
    panic: frozenset[str] = frozenset(),
    warn: frozenset[str] = frozenset(),
    good: frozenset[str] = frozenset(),
    otherwise: Weight = Weight.WARN,
) -> Callable[[str, Detail], Weight]:
    def weigh(event: str, _: Detail) -> Weight:
        if event in panic:
            return Weight.PANIC
        if event in warn:
            return Weight.WARN
        return Weight.TELL if event in good else otherwise

    return weigh


_NO_SENDING: Final = "RESTRICTED_BIZ_INITIATED_MESSAGING"
_CLOSED: Final = frozenset(
    {"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED", "PARTNER_REMOVED", "PARTNER_APP_UNINSTALLED"}
)
"""The account, or our access to it, is gone. A partner may be another one than we: the probe asks Meta
whether token and account still send, and ends the panic where they do."""
_ACCOUNT_WARNINGS: Final = frozenset({"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION", "DISABLED_UPDATE"})


def _weigh_account(event: str, detail: Detail) -> Weight:
    """A ban or a restriction of sending is panic; one announced for later, one of something else, and a
    violation are warnings; all else is told.

    A restriction with no list of what is restricted counts as one of sending: the probe reads the health
    status and ends the panic if it was not.
    """
    if event in _CLOSED:
        return Weight.PANIC
    if detail.get("ban_state"):
        states = {"DISABLE": Weight.PANIC, "SCHEDULE_FOR_DISABLE": Weight.WARN}
        return states.get(str(detail["ban_state"]), Weight.TELL)
    if event == "ACCOUNT_RESTRICTION":
        restrictions = detail.get("restrictions")
        if not isinstance(restrictions, list) or not restrictions or _NO_SENDING in restrictions:
            return Weight.PANIC
    return Weight.WARN if event in _ACCOUNT_WARNINGS else Weight.TELL


def _weigh_alert(_: str, detail: Detail) -> Weight:
    over = str(detail.get("alert_status", "")).upper() == "NONE"
    mild = str(detail.get("alert_severity", "")).upper() in ("INFORMATIONAL", "INFO")
    return Weight.TELL if over or mild else Weight.WARN


BLOCKS: Final = frozenset(
    {
        "REJECTED",
        "PAUSED",
        "DISABLED",
        "LOCKED",
        "LIMIT_EXCEEDED",
        "PENDING_DELETION",
        "DELETED",
        "ARCHIVED",
    }
)
"""Template events after which Meta refuses to send it (Meta, "Template status"; only APPROVED is sendable).
``FLAGGED``, ``IN_APPEAL`` and ``PENDING`` announce or follow such an event and change nothing by themselves.
"""
ENDS: Final = frozenset({"APPROVED", "REINSTATED", "UNPAUSED"})
"""Template events after which Meta sends it again."""

_SUPPORT: Final = (ENGINEERING, META_SUPPORT)
_BOTH: Final = (ENGINEERING, MARKETING)
_OPEN_SUPPORT: Final = "Contact Meta Business Support before Meta stops sends."

_ROWS: Final = (
    AccountField(
        "message_template_status_update",
        ("event",),
        _BOTH,
        "Improve the template before Meta pauses it, or map a replacement: lifeline whatsapp templates "
        "--map OLD=NEW.",
        _by_event(panic=BLOCKS, warn=frozenset({"FLAGGED"}), otherwise=Weight.NOTE),
        plain,
        of_template=True,
    ),
    AccountField(
        "message_template_quality_update",
        ("new_quality_score",),
        _BOTH,
        "People block or report it: improve the template before Meta pauses it.",
        _by_event(warn=frozenset({"RED", "YELLOW"}), good=frozenset({"GREEN"}), otherwise=Weight.NOTE),
        plain,
        of_template=True,
    ),
    AccountField(
        "template_category_update",
        ("new_category", "correct_category"),
        _BOTH,
        "Its price changes, and as MARKETING it does not reach people who opted out: appeal in WhatsApp "
        "Manager, or replace it.",
        _by_event(),
        plain,
        of_template=True,
    ),
    AccountField(
        "message_template_components_update",
        ("event",),
        _BOTH,
        "Check that the values that you send still fit.",
        _by_event(otherwise=Weight.TELL),
        plain,
        of_template=True,
    ),
    AccountField("account_update", ("event",), _SUPPORT, _OPEN_SUPPORT, _weigh_account, _account),
    AccountField(
        "account_alerts",
        ("alert_type", "alert_info.alert_type"),
        _SUPPORT,
        _OPEN_SUPPORT,
        _weigh_alert,
        _alert,
    ),
    AccountField(
        "account_review_update",
        ("decision",),
        _SUPPORT,
        _OPEN_SUPPORT,
        _by_event(panic=frozenset({"REJECTED"}), good=frozenset({"APPROVED", "PENDING"})),
        plain,
    ),
    AccountField(
        "business_capability_update",
        ("event",),
        _BOTH,
        "Check that the limits still fit your planned traffic.",
        _by_event(),
        plain,
    ),
    AccountField(
        "phone_number_name_update",
        ("decision",),
        _BOTH,
        "Ask for another display name in WhatsApp Manager.",
        _by_event(good=frozenset({"APPROVED", "PENDING"})),
        plain,
    ),
    AccountField(
        "phone_number_quality_update",
        ("event",),
        _BOTH,
        "Send fewer promotions, and none to people who did not ask for them.",
        _by_event(warn=frozenset({"FLAGGED", "DOWNGRADE"}), otherwise=Weight.TELL),
        plain,
    ),
    AccountField(
        "security",
        ("event",),
        (ENGINEERING,),
        "If none of you did this, secure the business account at Meta now.",
        _by_event(),
        plain,
    ),
)
FIELDS: Final[Mapping[str, AccountField]] = {row.name: row for row in _ROWS}
"""By the webhook's field."""


def event_of(field: AccountField, value: _Json) -> str:
    """The event that a value names, in capitals; empty where it names none."""
    for place in field.event:
        at: object = value
        for name in place.split("."):
            at = at.get(name) if isinstance(at, Mapping) else None
        if word := _words(at).upper():
            return word
    return ""


def account_of(value: _Json, entry_id: str) -> str:
    """The id of the account that a value is about: news of partners come in an entry of the partner's own."""
    info = value.get("waba_info")
    named = scalar(info.get("waba_id")) if isinstance(info, Mapping) else ""
    return named or entry_id
