"""The token keeper: looks at the access token and renews it ahead of time."""

from __future__ import annotations

from functools import cache

from lifeline.domain.account.token import App
from lifeline.use_cases.account.set_token import SetToken
from lifeline.use_cases.account.template_categories import TemplateCategories
from lifeline.use_cases.account.token_keeper import TokenKeeper
from lifeline.use_cases.shared.check_token import CheckToken
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> TokenKeeper:
    """On these adapters."""
    return TokenKeeper(
        settings=adapters.settings,
        store=adapters.token_store,
        check=_check(adapters),
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


def _check(adapters: Adapters) -> CheckToken:
    return CheckToken(
        settings=adapters.settings,
        app=lambda: App.of(adapters.app_secret.all()),
        whatsapp=adapters.whatsapp,
        clock=adapters.clock,
    )


def build_set_token(adapters: Adapters) -> SetToken:
    """What takes an operator's token, on these adapters."""
    return SetToken(
        settings=adapters.settings,
        store=adapters.token_store,
        check=_check(adapters),
        control=adapters.control,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


@cache
def _adapters() -> Adapters:
    return Adapters("token_keeper")


@cache
def use_case() -> TokenKeeper:
    """The worker's."""
    return build(_adapters())


@cache
def set_token() -> SetToken:
    """The worker's, for a token that an operator brings."""
    return build_set_token(_adapters())
