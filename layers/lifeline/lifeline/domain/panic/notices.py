"""Who is told what when panic begins or ends. Pure; :mod:`lifeline.adapters.notices` publishes it.

The runbook's contacts: engineering hears of every panic, marketing where promotional messages are affected,
and whoever deals with Meta Business Support where only Meta can help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lifeline.contract.instants import format_instant
from lifeline.contract.names import MARKETING, META_SUPPORT
from lifeline.contract.scopes import scope_of
from lifeline.domain.account.health import meta_support
from lifeline.domain.failure.causes import audience, command, remedy, section, traits_of
from lifeline.domain.notification import QUEUE_STATUS, STATUS
from lifeline.domain.panic.flag import Event, Flag, State

PROMOTION: Final = "promotion"
"""The category label of promotional messages; bulk counts as promotional as well."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``event`` is stable: subscriptions may filter on it."""

    event: str
    audience: tuple[str, ...]
    subject: str
    text: str
    severity: str
    automatic: str = ""
    """What Lifeline does by itself."""
    run: str = ""
    """The one command to run."""
    section: str = ""
    """Of the runbook."""


def notices(flag: Flag, event: Event, entered: bool, waba_id: str = "") -> list[Notice]:
    """What is told when ``flag`` has entered panic (or, ``entered`` false, left it) by ``event``."""
    notices_due = [_operators(flag, event, entered, waba_id)]
    if promotions_affected(flag, event):
        notices_due.append(_marketing(flag, entered))
    return notices_due


def promotions_affected(flag: Flag, event: Event) -> bool:
    """Whether promotional messages wait because of this panic.

    All of them do where the scope holds bulk, which has no fallback; of a template only where it is a
    promotional one.
    """
    scope = scope_of(flag.scope)
    promotional = event.evidence.get("promotional") or flag.evidence.get("promotional")
    return scope.holds_bulk or (scope.holds_messages and bool(promotional))


def _operators(flag: Flag, event: Event, entered: bool, waba_id: str) -> Notice:
    scope, who = scope_of(flag.scope), audience(flag.scope, flag.cause)
    if not entered:
        at_once = flag.state is State.NORMAL and scope.afterwards_at_once
        return Notice(
            "left",
            who,
            f"Lifeline: {flag.scope} has left panic mode ({flag.cause or event.cause or 'over'})",
            f"{flag.scope} has left panic mode: {event.reason.rstrip('.')}.",
            "info",
            automatic=at_once or scope.afterwards,
            run=QUEUE_STATUS if scope.holds_messages else STATUS,
            section="Recovery",
        )
    text = (
        f"{flag.scope} has been in panic mode since {format_instant(flag.since)}: {flag.reason.rstrip('.')}. "
        f"{remedy(flag.scope, flag.cause)}"
    ).rstrip()
    if META_SUPPORT in who:
        text += f"\n\n{meta_support(waba_id, flag.incident_id)}"
    return Notice(
        "entered",
        who,
        f"Lifeline: {flag.scope} is in panic mode ({flag.cause})",
        text,
        "high",
        automatic=f"{scope.meanwhile} {_ending(flag)}".strip(),
        run=command(flag.scope, flag.cause),
        section=section(flag.scope, flag.cause),
    )


def _ending(flag: Flag) -> str:
    """A sentence: what ends the panic."""
    clock = f"at {format_instant(flag.until)}" if flag.until else ""
    if flag.hold:
        by_hand = f'when an operator runs lifeline panic disable {flag.scope} "why"'
        return f"It ends {f'{clock}, or ' if clock else 'only '}{by_hand}."
    probes = "Probes end it when the service is OK again"
    return f"{probes}, and {clock} it ends in any case." if clock else f"{probes}."


def _marketing(flag: Flag, entered: bool) -> Notice:
    what = scope_of(flag.scope).promotions
    if not entered:
        return Notice(
            "promotions_resume",
            (MARKETING,),
            "Lifeline: promotional messages resume",
            f"{what} resume"
            + ("" if flag.state is State.NORMAL else ", slowly at first and after all other messages")
            + ". Lifeline does not send those that expired.",
            "info",
            run=QUEUE_STATUS,
            section="Recovery",
        )
    return Notice(
        "promotions_affected",
        (MARKETING,),
        "Lifeline: promotional messages are affected",
        f"{what} wait since {format_instant(flag.since)} ({flag.cause}). Nothing is lost: Lifeline sends "
        "them after recovery, unless they expire. Please start no campaign until then. "
        f"{traits_of(flag.cause).to_marketing}".rstrip(),
        "warning",
        run=QUEUE_STATUS,
        section="High-Volume Events",
    )
