"""What Meta says of templates, the account and the number: panic, its end, notifications, or history only.

What each event means stands in :mod:`lifeline.domain.inbound.account_fields`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

from lifeline.adapters.control import Control
from lifeline.adapters.notices import Notices
from lifeline.contract.scopes import WHATSAPP, is_scope, template_scope
from lifeline.domain.account.records import MarketingTemplates
from lifeline.domain.failure.causes import Cause, section
from lifeline.domain.inbound.account_fields import ENDS, FIELDS, AccountField, Weight
from lifeline.domain.inbound.webhooks import AccountUpdate, TemplateUpdate
from lifeline.domain.panic.ending import resolve
from lifeline.domain.panic.flag import By, note
from lifeline.errors import LifelineError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.detect import Detect
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.webhook.tests_and_probes import ACTOR


class Accounts:
    """Takes one update at a time; False where it must come again."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        notices: Notices,
        detect: Detect,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._notices = notices
        self._detect = detect
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, update: TemplateUpdate | AccountUpdate) -> bool:
        """Raises :class:`~lifeline.errors.LifelineError` where a flag or setting cannot be written."""
        return self._template(update) if isinstance(update, TemplateUpdate) else self._account(update)

    def _template(self, update: TemplateUpdate) -> bool:
        scope = template_scope(update.name)
        if not is_scope(scope):
            self._telemetry.warning("a template with an unusual name", template=update.name[:64])
            return True
        self._categorise(update.name, update.category)
        why = f": {update.reason}" if update.reason else ""
        reason = f"Meta says {update.event} for template {update.name} ({update.language}){why}"
        evidence: dict[str, object] = {
            "event": update.event,
            "language": update.language,
            "reason": update.reason,
            "observed": update.at,
            **({"promotional": True} if update.category == "MARKETING" else {}),
        }
        field = FIELDS["message_template_status_update"]
        weight = field.weigh(update.event, evidence)
        if weight is Weight.PANIC:
            return self._detect.trip(
                scope, Cause.TEMPLATE_REJECTED, reason, evidence, observed=at_the_latest(update.at)
            )
        if update.event in ENDS:
            self._panic.change(
                scope,
                lambda flag: resolve(
                    flag,
                    By(ACTOR, "webhook", reason, self._clock()),
                    observed=update.at,
                    language=update.language,
                    rules=self._settings.panic,
                    evidence=evidence,
                ),
            )
            return True
        self._note(scope, reason, evidence, update.at)
        return self._tell(field, weight, scope, reason, evidence)

    def _account(self, update: AccountUpdate) -> bool:
        field = FIELDS[update.kind]
        scope = template_scope(update.template) if update.template else WHATSAPP
        if not is_scope(scope):
            self._telemetry.warning("a template with an unusual name", template=update.template[:64])
            return True
        self._categorise(update.template, update.category)
        weight = field.weigh(update.event, update.detail)
        evidence = {"field": update.kind, "event": update.event, **update.detail, "observed": update.at}
        about = f" for template {update.template}" if update.template else ""
        reason = f"Meta says {update.event or update.kind}{about} ({_words(update)})"
        if weight is Weight.PANIC:
            return self._detect.trip(
                WHATSAPP, Cause.ACCOUNT, reason, evidence, observed=at_the_latest(update.at)
            )
        self._note(scope, reason, evidence, update.at)
        return self._tell(field, weight, scope, reason, evidence)

    def _categorise(self, template: str, category: str) -> None:
        """Remember which templates are marketing: a person who opted out gets none of them."""
        if not category:
            return
        stored = self._control.kept(MarketingTemplates)
        after = stored.value.after(template, category)
        if after != stored.value:
            self._control.keep(
                after,
                actor=ACTOR,
                reason=f"Meta says that {template} is {category}",
                now=self._clock(),
                read_version=stored.version,
            )

    def _tell(
        self,
        field: AccountField,
        weight: Weight,
        scope: str,
        reason: str,
        evidence: Mapping[str, object],
    ) -> bool:
        if weight is Weight.NOTE:
            return True
        warns = weight is Weight.WARN
        verb = "warns" if warns else "tells"
        what = "a template" if field.of_template else "the WhatsApp account"
        event = evidence["event"] or field.name
        cause = Cause.TEMPLATE_REJECTED if field.of_template else Cause.ACCOUNT
        try:
            self._notices.tell(
                audience=field.audience,
                subject=f"Lifeline: Meta {verb} about {what} ({event})",
                text=f"{reason}. Lifeline still sends messages." + (f" {field.advice}" if warns else ""),
                scope=scope,
                cause=str(cause),
                severity="warning" if warns else "info",
                data={**evidence, "field": field.name},
                run="lifeline whatsapp templates" if field.of_template else "lifeline whatsapp test",
                section=section(scope, cause),
            )
        except LifelineError as error:
            self._telemetry.error("failed to publish a notification", detail=str(error))
            return False
        return True

    def _note(self, scope: str, reason: str, evidence: Mapping[str, object], at: float | None) -> None:
        """Into the history, under a time that a repetition of the same webhook gives again."""
        spread = zlib.crc32(reason.encode()) % 1000 / 1000
        moment = (at if at is not None else self._clock()) + spread
        self._panic.change(
            scope,
            lambda flag: note(flag, By(ACTOR, "webhook", reason, moment), evidence=evidence),
        )


def at_the_latest(at: float | None) -> float | None:
    """Meta's times are cut to whole seconds: what came in the second in which panic ended may be news."""
    return None if at is None else at + 1


def _words(update: AccountUpdate) -> str:
    return ", ".join(f"{name} {value}" for name, value in update.detail.items())[:300] or update.kind
