"""The scopes that can be in panic: one row each, for all who have to know them.

A channel has a row in :data:`SCOPES`; a template's scope, ``whatsapp/template/NAME``, follows from it.
To add a channel: its row here, its probe (handed over by ``wiring/prober.py``), what it sends, its alarms in
the template, its section in the runbook. Panic, probes, notifications, reports, status, rehearsal and the
command line read the rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from lifeline.contract.names import META_SUPPORT
from lifeline.contract.ways import WAYS, joined

WHATSAPP: Final = "whatsapp"
OPENAI_VOICE: Final = "openai_voice"
TEMPLATE_PREFIX: Final = "whatsapp/template/"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of a scope. The defaults are those of a scope that this version does not know."""

    name: str
    service: str = "the service"
    """Whose failures put it into panic."""
    support: str = "the service's support"
    support_audience: str = ""
    """The audience of notifications that deals with that support; empty: engineering does."""
    status_page: str = "its status page"
    credential: str = "credential"
    """What the service calls that by which it knows us."""
    remedies: Mapping[str, str] = field(default_factory=dict)
    """By cause, where the advice of this scope is another than the cause's own."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """By cause: the one command to run, where it is another than the cause's own."""
    asks: tuple[str, ...] = ()
    """What its probe asks, whatever the cause; empty: what the cause demands."""
    renews_token: bool = False
    """Whether a refused credential is renewed by itself."""
    holds_messages: bool = False
    """Messages wait while it is in panic, and are released after recovery."""
    holds_bulk: bool = False
    """All bulk messages wait with them."""
    promotions: str = "Promotional messages"
    """Those of its messages that promote, as the beginning of a sentence."""
    meanwhile: str = ""
    """A sentence: what people get while it is in panic."""
    afterwards: str = ""
    """A sentence: what happens once panic has ended."""
    afterwards_at_once: str = ""
    """The same where it ended without a ramp, if that is different."""
    section: str = ""
    """The runbook's section on all its causes; empty: each cause has one of its own."""
    alarms: tuple[str, ...] = ()
    """CloudWatch alarms, by their names without the stack's, that put it into panic."""

    @property
    def panic_alarm(self) -> str:
        """The alarm that fires while it is in panic, by its name without the stack's."""
        return f"{self.name}_panic_mode_active"

    def fill(self, text: str) -> str:
        """A text of all scopes in the words of this one."""
        return text.format(
            service=self.service,
            support=self.support,
            status_page=self.status_page,
            credential=self.credential,
        )


SCOPES: Final[Mapping[str, Scope]] = {
    row.name: row
    for row in (
        Scope(
            WHATSAPP,
            service="Meta",
            support="Meta Business Support",
            support_audience=META_SUPPORT,
            status_page="metastatus.com/whatsapp-business-api",
            credential="token",
            remedies={
                "auth": "Lifeline tries one refresh by itself. To see its result and the next step, "
                "run: lifeline whatsapp token-status.",
                "account": "Read the account's health status and contact Meta Business Support; retries "
                "do not help.",
            },
            commands={
                "rate_limit": 'lifeline limiter set RATE --for 1h --reason "Meta limits us"',
                "spam_limit": "lifeline whatsapp rate-status",
                "auth": "lifeline whatsapp token-status",
                "silent": "lifeline whatsapp test --to NUMBER",
            },
            renews_token=True,
            holds_messages=True,
            holds_bulk=True,
            promotions="Promotional messages on WhatsApp",
            meanwhile=f"Lifeline sends fallbacks by {joined([way.label for way in WAYS], 'and')}; the "
            "rest waits.",
            afterwards="The backlog drains slowly at first, after live messages.",
            afterwards_at_once="The backlog drains at the full rate at once.",
            alarms=("trip-whatsapp-failures", "trip-whatsapp-no-success", "trip-whatsapp-queue-age"),
        ),
        Scope(
            OPENAI_VOICE,
            service="OpenAI",
            support="OpenAI's support (help.openai.com)",
            status_page="status.openai.com",
            credential="API key",
            remedies={
                "rate_limit": "No action at first: it passes. If it lasts, raise the project's limits at "
                "platform.openai.com, Settings, Limits.",
                "auth": "Store a valid openai_api_key in the secret, with access to audio and models; "
                "workers take it within a minute.",
                "account": "Check credit, monthly limit and models at platform.openai.com, Settings; "
                "retries do not help.",
            },
            asks=("voice",),
            meanwhile="Lifeline sends voice messages as text, and asks people who send voice notes to write.",
            afterwards="Speech and transcription work again.",
            section="Voice AI (WhatsApp Voice Messages)",
        ),
    )
}
"""Every channel, in the order in which people see them."""


def scope_of(name: str) -> Scope:
    """The row of a scope. One that this version does not know has neutral words, and nothing waits for it."""
    if name.startswith(TEMPLATE_PREFIX):
        template = name.removeprefix(TEMPLATE_PREFIX)
        return replace(
            SCOPES[WHATSAPP],
            name=name,
            commands={"template_rejected": f"lifeline whatsapp templates --map {template}=OTHER"},
            asks=("template",),
            holds_bulk=False,
            promotions=f"Promotional messages with template {template}",
            alarms=(),
        )
    return SCOPES.get(name) or Scope(name)


def template_scope(name: str) -> str:
    """The panic scope of one template."""
    return TEMPLATE_PREFIX + name


def is_scope(scope: str) -> bool:
    """Whether ``scope`` names something that can be in panic."""
    if scope in SCOPES:
        return True
    name = scope.removeprefix(TEMPLATE_PREFIX)
    return name != scope and re.fullmatch("[a-z0-9_]{1,512}", name) is not None


SCOPE_FORMS: Final = (*SCOPES, template_scope("NAME"))
"""How scopes are written, for people who have to name one."""
SCOPE_WORDS: Final = f"{', '.join(SCOPE_FORMS[:-1])} or {SCOPE_FORMS[-1]}"
