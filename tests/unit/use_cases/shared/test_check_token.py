"""What a new token has to show; the steps as a whole are tested with the jobs that take them."""

from __future__ import annotations

from typing import cast

import pytest
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.account.token import App, RefreshStep, TokenFacts
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.shared.check_token import CheckToken, StepFailed, said

from tests.support.memory import Clock
from tests.support.tokens import APP_ID, APP_SECRET, NUMBER, Meta, refused, unreachable

TOKEN = "EAApresenttoken0000000000001"


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.meta = Meta(self.clock)
        self.meta.tokens[TOKEN] = None
        self.app: App | None = App(APP_ID, APP_SECRET)
        self.check = CheckToken(
            settings=Settings(phone_number_id=NUMBER),
            app=self._app,
            whatsapp=cast(WhatsApp, self.meta),
            clock=self.clock,
        )

    def _app(self) -> App:
        if self.app is None:
            raise UnavailableError("Secrets Manager", "reading the secret", "broken on purpose")
        return self.app


def test_a_token_that_works() -> None:
    world = World()
    facts = world.check.facts(RefreshStep.ASK, TOKEN)
    world.check.fits(TOKEN, facts, TokenFacts(False))


def test_one_of_another_app_or_number_does_not_fit() -> None:
    world = World()
    facts = world.check.facts(RefreshStep.ASK, TOKEN)
    world.app = App("999", APP_SECRET)
    with pytest.raises(StepFailed, match="another app"):
        world.check.fits(TOKEN, facts, TokenFacts(False))
    world.app, world.meta.number = App(APP_ID, APP_SECRET), "42"
    with pytest.raises(StepFailed, match="does not see our phone number"):
        world.check.fits(TOKEN, facts, TokenFacts(False))


def test_an_app_that_cannot_be_read_names_its_step() -> None:
    world = World()
    world.app = None
    with pytest.raises(StepFailed) as failed:
        world.check.app(RefreshStep.EXCHANGE)
    assert failed.value.step is RefreshStep.EXCHANGE


def test_a_failure_in_words() -> None:
    assert said(refused()).startswith("auth: code 190, subcode 467: ")
    assert said(unreachable()).startswith("unreachable: ")
