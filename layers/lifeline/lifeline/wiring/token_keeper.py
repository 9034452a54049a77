"""The token keeper: looks at the access token and renews it ahead of time."""

from __future__ import annotations

from functools import cache

from lifeline.domain.account.token import App
from lifeline.use_cases.account.template_categories import TemplateCategories
from lifeline.use_cases.account.token_keeper import TokenKeeper
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> TokenKeeper:
    """On these adapters."""
    return TokenKeeper(
        settings=adapters.settings,
        store=adapters.token_store,
        app=lambda: App.of(adapters.app_secret.all()),
        whatsapp=adapters.whatsapp,
        control=adapters.control,
        notices=adapters.notices,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
        each_hour=TemplateCategories(
            whatsapp=adapters.whatsapp,
            control=adapters.control,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


@cache
def use_case() -> TokenKeeper:
    """The worker's."""
    return build(Adapters("token_keeper"))
