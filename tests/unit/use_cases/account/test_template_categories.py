"""Which templates Meta counts as marketing, as it lists them."""

from __future__ import annotations

import pytest
from lifeline.domain.account.records import MarketingTemplates
from lifeline.domain.account.token import BY_OPERATOR, BY_PANIC, BY_SCHEDULE, DAY
from lifeline.settings import Settings
from lifeline.use_cases.account.template_categories import TemplateCategories
from lifeline.wiring import token_keeper

from tests.support.memory import StubSecrets
from tests.support.services import Services
from tests.support.tokens import APP_ID, APP_SECRET, NUMBER, MemoryStore, Meta, unreachable

TOKEN = "EAApresenttoken0000000000001"


class World(Services):
    """A good token, and two templates at Meta."""

    def __init__(self) -> None:
        super().__init__(Settings(phone_number_id=NUMBER))
        self.meta = Meta(self.clock)
        self.meta.tokens[TOKEN] = self.clock() + 50 * DAY
        self.meta.listed = [
            {"name": "promo", "category": "MARKETING"},
            {"name": "visit", "category": "UTILITY"},
        ]
        app = StubSecrets({"app_id": APP_ID, "app_secret": APP_SECRET})
        self.also(whatsapp=self.meta, token_store=MemoryStore({"access_token": TOKEN}), app_secret=app)
        self.keeper = token_keeper.build(self.adapters("token_keeper"))

    def look(self, source: str = BY_SCHEDULE, remaining: float = 100.0) -> tuple[str, ...]:
        """The names that are kept after one look."""
        self.keeper({"source": source}, lambda: remaining)
        broken, self.control.broken = self.control.broken, False
        names = self.control.kept(MarketingTemplates).value.names
        self.control.broken = broken
        return names


def test_each_hour_the_marketing_templates_are_kept_and_written_only_where_they_changed() -> None:
    world = World()
    assert world.look() == ("promo",)
    version = world.control.kept(MarketingTemplates).version
    assert world.look() == ("promo",)
    assert world.control.kept(MarketingTemplates).version == version
    world.meta.listed = []
    assert world.look() == ()


def test_meta_does_not_answer_and_the_last_known_ones_hold() -> None:
    world = World()
    world.look()
    world.meta.fails["templates"] = unreachable()
    assert world.look() == ("promo",)


def test_a_table_that_does_not_answer_costs_only_this_hours_look() -> None:
    world = World()
    world.look()
    world.meta.listed = []
    world.control.broken = True
    categories = TemplateCategories(
        whatsapp=world.adapters().whatsapp,
        control=world.adapters().control,
        clock=world.clock,
        telemetry=world.adapters().telemetry,
    )
    categories()
    world.control.broken = False
    assert world.control.kept(MarketingTemplates).value.names == ("promo",)
    categories()
    assert world.control.kept(MarketingTemplates).value.names == ()


@pytest.mark.parametrize("source", [BY_OPERATOR, BY_PANIC])
def test_who_asks_for_the_token_does_not_wait_for_templates(source: str) -> None:
    world = World()
    world.look(source)
    assert world.meta.template_reads == 0


def test_nor_does_a_look_that_has_no_time_left() -> None:
    world = World()
    world.look(remaining=10.0)
    assert world.meta.template_reads == 0
