"""Each hour: which templates Meta counts as marketing. Webhooks tell of changes; this tells of the rest."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.control import Control
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.account.records import MAX_TEMPLATES, MarketingTemplates
from lifeline.domain.failure.classify import Failure
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.all_templates import all_templates

ACTOR = "TokenKeeperFunction"


class TemplateCategories:
    """Keeps them as well as it goes: where Meta or the table does not answer, the last known ones hold."""

    def __init__(
        self, *, whatsapp: WhatsApp, control: Control, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._whatsapp = whatsapp
        self._control = control
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self) -> None:
        """Read them at Meta and keep them where they changed."""
        try:
            stored = self._control.kept(MarketingTemplates)
            templates = all_templates(self._whatsapp)
            if isinstance(templates, Failure):
                self._telemetry.warning("templates cannot be read", detail=templates.words)
                return
            names = {str(item.get("name")) for item in templates if item.get("category") == "MARKETING"}
            if names != set(stored.value.names):
                self._control.keep(
                    MarketingTemplates(tuple(sorted(names))[:MAX_TEMPLATES]),
                    actor=ACTOR,
                    reason="as Meta lists them",
                    now=self._clock(),
                    read_version=stored.version,
                )
        except (UnavailableError, ConflictError) as error:
            self._telemetry.warning("template categories were not kept", detail=str(error))
