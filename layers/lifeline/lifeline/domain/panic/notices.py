"""Who is told what when panic begins or ends. Pure; :mod:`lifeline.adapters.notices` publishes it.

The runbook's contacts: engineering hears of every panic, marketing where promotional messages are affected,
and whoever deals with Meta Business Support where only Meta can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.contract.instants import format_instant
from lifeline.contract.names import OPENAI_VOICE, TEMPLATE_PREFIX, WHATSAPP
from lifeline.domain.account.health import meta_support
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.flag import Event, Flag

PROMOTION: Final = "promotion"
"""The category label of promotional messages; bulk counts as promotional as well."""

ENGINEERING: Final = "engineering"
MARKETING: Final = "marketing"
META_SUPPORT: Final = "meta-support"

AUDIENCES: Final[Mapping[str, tuple[str, ...]]] = {
    Cause.ACCOUNT: (ENGINEERING, META_SUPPORT),
    Cause.SPAM_LIMIT: (ENGINEERING, META_SUPPORT),
}
"""Who is told of a panic, by its cause; engineering alone where it does not stand here."""


_MEANWHILE: Final = "People are reached by push and email; the rest waits."
_VOICE_MEANWHILE: Final = "Voice messages go out as text, and people who speak to us are asked to type."


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``event`` is stable: subscriptions may filter on it."""

    event: str
    audience: tuple[str, ...]
    subject: str
    text: str
    severity: str


def notices(flag: Flag, event: Event, entered: bool, waba_id: str = "") -> list[Notice]:
    """What is told when ``flag`` has entered panic (or, ``entered`` false, left it) by ``event``."""
    told = [_operators(flag, event, entered, waba_id)]
    if promotions_affected(flag, event):
        told.append(_marketing(flag, entered))
    return told


def promotions_affected(flag: Flag, event: Event) -> bool:
    """Whether promotional messages wait because of this panic.

    All of them do while WhatsApp panics, since bulk has no fallback; of a template only where it is a
    promotional one.
    """
    if flag.scope == WHATSAPP:
        return True
    return flag.scope.startswith(TEMPLATE_PREFIX) and bool(
        event.evidence.get("promotional") or flag.evidence.get("promotional")
    )


def _operators(flag: Flag, event: Event, entered: bool, waba_id: str) -> Notice:
    voice = flag.scope == OPENAI_VOICE
    audience = (ENGINEERING,) if voice else AUDIENCES.get(str(flag.cause), (ENGINEERING,))
    if not entered:
        return Notice(
            "left",
            audience,
            f"Lifeline: {flag.scope} has left panic mode",
            f"{flag.scope}: {event.reason}. The backlog leaves slowly; type: lifeline queue status",
            "info",
        )
    text = (
        f"{flag.scope} is in panic mode since {format_instant(flag.since)}: {flag.reason}. "
        f"{_VOICE_MEANWHILE if voice else _MEANWHILE} See docs/runbook.md, or type: lifeline panic status"
    )
    if META_SUPPORT in audience:
        text += f". {meta_support(waba_id, flag.incident_id)}"
    subject = f"Lifeline: {flag.scope} is in panic mode ({flag.cause})"
    return Notice("entered", audience, subject, text, "high")


def _marketing(flag: Flag, entered: bool) -> Notice:
    what = (
        "Promotional messages on WhatsApp"
        if flag.scope == WHATSAPP
        else f"Promotional messages with template {flag.scope.removeprefix(TEMPLATE_PREFIX)}"
    )
    if not entered:
        return Notice(
            "promotions_resume",
            (MARKETING,),
            "Lifeline: promotional messages go out again",
            f"{what} go out again, slowly at first and behind everything else. Those whose time has passed "
            "are not sent; lifeline queue status says when the others will be out.",
            "info",
        )
    why = (
        " People have blocked or reported us: please stop promotions until the number's quality is better."
        if flag.cause == Cause.SPAM_LIMIT
        else ""
    )
    return Notice(
        "promotions_affected",
        (MARKETING,),
        "Lifeline: promotional messages are affected",
        f"{what} wait since {format_instant(flag.since)} ({flag.cause}). Nothing is lost: they leave after "
        f"recovery, unless their time has passed. Please start no campaign until then.{why}",
        "warning",
    )
