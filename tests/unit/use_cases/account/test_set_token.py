"""An operator's token: verified first, stored only then, and never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.domain.account.records import Telling, TokenLook
from lifeline.domain.account.token import BY_OPERATOR, DAY
from lifeline.settings import Settings
from lifeline.wiring import token_keeper

from tests.support.memory import StubSecrets
from tests.support.services import Services, instead
from tests.support.tokens import APP_ID, APP_SECRET, NUMBER, MemoryStore, Meta, refused, unreachable

OLD = "EAApresenttoken0000000000001"
NEW = "EAAbroughttoken0000000000002"
ADA = "arn:aws:iam::000000000000:user/ada"


class World(Services):
    """A token that Meta refuses, and a new one without an end."""

    def __init__(self) -> None:
        super().__init__(Settings(phone_number_id=NUMBER))
        self.meta = Meta(self.clock)
        self.meta.tokens |= {OLD: 0, NEW: None}
        self.store = MemoryStore({"access_token": OLD, "note": "vvvvvv"})
        app = StubSecrets({"app_id": APP_ID, "app_secret": APP_SECRET})
        self.also(whatsapp=self.meta, token_store=self.store, app_secret=app)
        self.use_case = token_keeper.build_set_token(self.adapters("token_keeper"))
        self.answers: list[dict[str, Any]] = []

    def set(self, token: str = NEW) -> dict[str, Any]:
        event = {"source": BY_OPERATOR, "actor": ADA, "reason": "it was revoked", "token": token}
        self.answers.append(self.use_case(event))
        return self.answers[-1]

    @property
    def history(self) -> list[tuple[str, str, str]]:
        return [(event.actor, event.source, event.reason) for event in self.control.events.values()]

    def nothing_leaked(self) -> None:
        everything = [
            self.answers,
            self.notices.told,
            self.log.lines,
            [str(event) for event in self.control.events.values()],
            [str(record) for record in self.control.values.values()],
        ]
        said = json.dumps(everything, default=str)
        assert not [secret for secret in (OLD, NEW, APP_SECRET, "vvvvvv") if secret in said]


def test_a_good_token_becomes_current_and_the_one_before_is_kept() -> None:
    world = World()
    answer = world.set()
    assert (answer["outcome"], answer["state"], answer["switched"]) == ("set", "never_expires", True)
    assert world.store.current().values == {"access_token": NEW, "note": "vvvvvv"}
    assert world.store.labels == {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1"}
    ((actor, source, reason),) = world.history
    assert (actor, source) == (ADA, "operator")
    assert reason.endswith("is current; never expires (it was revoked)")
    assert world.log.metrics["TokenDaysLeft", "whatsapp"] > 1000
    world.nothing_leaked()


def test_an_earlier_failure_is_forgotten() -> None:
    world = World()
    failed = TokenLook(
        "2026-03-01T09:00:00.000Z", "failed", step="exchange", announced=Telling("exchange", 1.0)
    )
    world.control.keep(failed, actor="k", reason="r", now=1.0)
    world.set()
    look = world.control.kept(TokenLook).value
    assert (look.outcome, look.step, look.announced, look.renewed_at) == ("set", None, None, look.at)


def _another_app(world: World) -> None:
    world.meta.scopes = ["public_profile"]


BROKEN: list[tuple[str, Any]] = [
    ("read", lambda w: w.store.broken.add("present")),
    ("ask", lambda w: w.meta.fails.update(debug_new=unreachable())),
    ("verify", lambda w: w.meta.tokens.update({NEW: 0})),
    ("verify", lambda w: w.meta.fails.update(phone=refused(10, 0))),
    ("verify", lambda w: setattr(w.meta, "number", "42")),
    ("verify", _another_app),
    ("store", lambda w: w.store.broken.add("put_pending")),
    ("switch", lambda w: w.store.broken.add("promote")),
]


@pytest.mark.parametrize(("step", "broken"), BROKEN)
def test_whichever_step_fails_the_present_token_stays(step: str, broken: Any) -> None:
    world = World()
    broken(world)
    answer = world.set()
    assert (answer["outcome"], answer["step"]) == ("failed", step)
    assert answer["remedy"]
    world.store.broken.clear()
    assert world.store.current().token == OLD
    assert "AWSPENDING" not in world.store.labels
    assert not world.control.kept(TokenLook).is_there, "what was refused says nothing of the present token"
    ((actor, _, reason),) = world.history
    assert actor == ADA
    assert f"was rejected: {step}" in reason
    world.nothing_leaked()


def test_a_token_that_meta_refuses_is_never_stored() -> None:
    world = World()
    world.meta.tokens[NEW] = 0
    world.set()
    assert list(world.store.versions) == ["v1"]


def test_somebody_elses_value_stays() -> None:
    world = World()
    switch = world.store.promote

    def late(version: str, instead_of: str) -> None:
        world.store.labels["AWSCURRENT"] = "v0"
        switch(version, instead_of)

    instead(world.store, promote=late)
    assert world.set()["step"] == "switch"


def test_a_secret_without_a_value_gets_its_first() -> None:
    world = World()
    world.store.labels.clear()
    answer = world.set()
    assert (answer["outcome"], answer["switched"]) == ("set", False)
    assert world.store.current().values == {"access_token": NEW}


def test_the_token_that_is_current_already_is_verified_and_not_stored_again() -> None:
    world = World()
    world.meta.tokens[OLD] = world.clock() + 2 * DAY
    answer = world.set(OLD)
    assert (answer["outcome"], answer["switched"], answer["state"]) == ("unchanged", False, "to_renew")
    assert list(world.store.versions) == ["v1"]


def test_one_that_ends_before_the_present_one_is_taken_as_a_person_meant_it() -> None:
    world = World()
    world.meta.tokens |= {OLD: world.clock() + 60 * DAY, NEW: world.clock() + 30 * DAY}
    assert world.set()["outcome"] == "set"


def test_it_is_set_although_nothing_can_be_written_down() -> None:
    world = World()
    world.control.broken = True
    assert world.set()["outcome"] == "set"
    assert world.store.current().token == NEW
