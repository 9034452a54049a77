"""The token keeper: every step that may fail, who asks, who is told, and what never leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.domain.account.records import TokenIncident, TokenLook
from lifeline.domain.account.token import BY_OPERATOR, BY_PANIC, BY_SCHEDULE, DAY, NEVER_AS_DAYS
from lifeline.domain.panic.flag import Flag, State
from lifeline.domain.records import KeptRecord
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import token_keeper

from tests.support.memory import StubSecrets
from tests.support.services import Services, instead
from tests.support.tokens import APP_ID, APP_SECRET, NUMBER, MemoryStore, Meta, refused, unreachable

TOKEN = "EAApresenttoken0000000000001"
INCIDENT = "20260301-090000-abcdef"


class World(Services):
    """A token with ``days`` left (None: no end; 0: revoked)."""

    def __init__(self, days: float | None = 2.0) -> None:
        super().__init__(Settings(phone_number_id=NUMBER))
        self.meta = Meta(self.clock)
        self.meta.tokens[TOKEN] = None if days is None else self.clock() + days * DAY if days else 0
        self.store = MemoryStore({"access_token": TOKEN, "note": "vvvvvv"})
        self.app = StubSecrets({"app_id": APP_ID, "app_secret": APP_SECRET})
        self.also(whatsapp=self.meta, token_store=self.store, app_secret=self.app)
        self.keeper = token_keeper.build(self.adapters("token_keeper"))
        self.answers: list[dict[str, Any]] = []

    def ask(self, source: str = BY_SCHEDULE, remaining: float = 100.0, **more: Any) -> dict[str, Any]:
        self.answers.append(self.keeper({"source": source, **more}, lambda: remaining))
        return self.answers[-1]

    def panic(self, incident: str = INCIDENT, **more: Any) -> dict[str, Any]:
        return self.ask(BY_PANIC, incident_id=incident, **more)

    @property
    def current(self) -> str:
        return str(self.store.current().token)

    def token(self, days: float) -> str:
        """Another token that Meta knows."""
        name = f"EAAother{len(self.meta.tokens):020d}"
        self.meta.tokens[name] = self.clock() + days * DAY
        return name

    def said(self) -> str:
        """Everything that left: answers, notices, logs, history, what is kept."""
        return json.dumps(
            [
                self.answers,
                self.notices.told,
                self.log.lines,
                [str(event) for event in self.control.events.values()],
                [str(record) for record in self.control.values.values()],
            ],
            default=str,
        )

    def nothing_leaked(self) -> None:
        said = self.said()
        for secret in (*self.meta.tokens, APP_SECRET, "vvvvvv", *(self.meta.gives or "",)):
            assert len(secret) < 6 or secret not in said


def test_a_token_that_ends_soon_is_renewed_verified_and_switched() -> None:
    world = World(days=2)
    answer = world.ask()
    assert (answer["outcome"], answer["state"], answer["days_left"]) == ("renewed", "fine", 60.0)
    assert world.current != TOKEN
    assert world.store.labels == {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1"}, "the old one is kept"
    assert world.store.current().values["note"] == "vvvvvv", "what stands beside it stays"
    assert world.notices.told == []
    assert world.log.metrics["TokenDaysLeft", "whatsapp"] == 60
    assert world.log.metrics["TokenRefreshes", "renewed"] == 1
    (event,) = world.control.events.values()
    assert (event.kind, event.source, event.evidence["outcome"]) == ("noted", "token_keeper", "renewed")
    world.nothing_leaked()


@pytest.mark.parametrize(("days", "outcome"), [(None, "never_expires"), (40.0, "fine"), (10.0, "fine")])
def test_the_schedule_leaves_a_good_token_alone(days: float | None, outcome: str) -> None:
    world = World(days)
    assert world.ask()["outcome"] == outcome
    assert world.meta.exchanged == []
    assert world.control.events == {}
    assert world.log.metrics["TokenDaysLeft", "whatsapp"] == (NEVER_AS_DAYS if days is None else days)


# -- each step fails ---------------------------------------------------------------------------------------


def _expired_secret(world: World) -> None:
    world.store.versions["v1"] = {"access_token": ""}


def _no_app(world: World) -> None:
    world.app.values = {"app_id": APP_ID}


def _app_unreadable(world: World) -> None:
    world.app.broken = True


def _by_hand(world: World) -> None:
    world.store.put({**world.store.versions["v1"], "access_token": "EAAbyhand"})


STEPS: list[tuple[str, Any]] = [
    ("read", lambda w: w.store.broken.add("current")),
    ("read", _expired_secret),
    ("ask", lambda w: w.meta.fails.update(debug=unreachable())),
    ("ask", lambda w: w.meta.fails.update(debug=refused(190, message=f"Malformed access token {TOKEN}"))),
    ("exchange", lambda w: w.meta.fails.update(exchange=refused(463))),
    ("exchange", lambda w: w.meta.fails.update(exchange=unreachable())),
    ("exchange", _no_app),
    ("exchange", _app_unreadable),
    ("store", lambda w: w.store.broken.add("put_pending")),
    ("verify", lambda w: w.meta.fails.update(debug_new=unreachable())),
    ("verify", lambda w: setattr(w.meta, "gives", "EAAbadbadbad")),
    ("verify", lambda w: setattr(w.meta, "gives", w.token(1))),
    ("verify", lambda w: w.meta.fails.update(phone=refused(10, 0))),
    ("verify", lambda w: w.meta.fails.update(phone=unreachable())),
    ("verify", lambda w: setattr(w.meta, "number", "42")),
    ("verify", lambda w: setattr(w.meta, "scopes", ["public_profile"])),
    ("switch", lambda w: w.store.broken.add("promote")),
    ("switch", lambda w: setattr(w.meta, "on_exchange", lambda: _by_hand(w))),
]


@pytest.mark.parametrize("source", [BY_SCHEDULE, BY_OPERATOR, BY_PANIC, ""])
@pytest.mark.parametrize(("step", "broken"), STEPS)
def test_whichever_step_fails_the_present_token_stays_and_engineering_is_told(
    step: str, broken: Any, source: str
) -> None:
    world = World(days=2)
    broken(world)
    answer = world.ask(source, incident_id=INCIDENT)
    assert (answer["outcome"], answer["step"]) == ("failed", step)
    assert answer["remedy"]
    world.store.broken.clear()
    by_hand = step == "switch" and world.current == "EAAbyhand"
    assert by_hand or world.store.labels["AWSCURRENT"] == "v1"
    assert "AWSPENDING" not in world.store.labels, "what failed is pending no more"
    (told,) = world.notices.told
    assert told["audience"] == ("engineering",)
    assert told["data"]["step"] == step
    assert told["severity"] == "high"
    assert world.log.metrics["TokenRefreshes", "failed"] == 1
    assert [event.evidence["step"] for event in world.control.events.values()] == [step]
    world.nothing_leaked()


def test_a_failure_keeps_the_days_of_the_present_token() -> None:
    world = World(days=2)
    world.meta.fails["exchange"] = refused(463)
    assert world.ask()["days_left"] == 2.0
    assert world.log.metrics["TokenDaysLeft", "whatsapp"] == 2
    assert "2.0 days are left" in world.notices.told[0]["text"]


@pytest.mark.parametrize("source", [BY_SCHEDULE, BY_OPERATOR, BY_PANIC])
def test_who_stores_a_valid_token_meanwhile_wins_and_nobody_is_alarmed(source: str) -> None:
    world = World(days=2)
    theirs = world.token(60)
    world.meta.on_exchange = lambda: world.store.put({**world.store.versions["v1"], "access_token": theirs})
    answer = world.ask(source, incident_id=INCIDENT)
    assert (answer["outcome"], answer["state"]) == ("overtaken", "fine")
    assert world.current == theirs
    assert "AWSPENDING" not in world.store.labels
    assert world.notices.told == []
    world.nothing_leaked()


def test_a_label_that_stays_is_no_failure() -> None:
    world = World(days=2)
    world.store.broken.add("not_pending")
    assert world.ask()["outcome"] == "renewed"
    assert world.store.labels["AWSCURRENT"] == "v2"


def test_the_same_token_with_a_later_end_changes_no_secret() -> None:
    world = World(days=2)

    def longer() -> None:
        world.meta.tokens[TOKEN] = world.clock() + 60 * DAY

    world.meta.gives, world.meta.on_exchange = TOKEN, longer
    answer = world.ask()
    assert (answer["outcome"], answer["switched"]) == ("renewed", False)
    assert world.store.labels == {"AWSCURRENT": "v1"}


# -- who is told how often ---------------------------------------------------------------------------------


def test_the_schedule_tells_of_the_same_step_once_a_day() -> None:
    world = World(days=9)
    world.meta.fails["exchange"] = refused(463)
    for _ in range(25):
        world.ask()
        world.clock.advance(3600)
    assert len(world.notices.told) == 2
    world.meta.fails = {"debug_new": unreachable()}
    world.ask()
    assert [notice["data"]["step"] for notice in world.notices.told] == ["exchange", "exchange", "verify"]
    world.ask("")
    assert len(world.notices.told) == 4, "who asks by hand is always told"


def test_a_renewal_in_between_makes_it_news_again() -> None:
    world = World(days=2)
    world.meta.fails["exchange"] = unreachable()
    world.ask()
    world.meta.fails.clear()
    assert world.ask()["outcome"] == "renewed"
    world.meta.tokens[world.current] = world.clock() + DAY
    world.meta.fails["exchange"] = unreachable()
    world.ask()
    assert len(world.notices.told) == 2


def test_a_failure_that_cannot_be_told_is_tried_again() -> None:
    world = World(days=2)
    world.meta.fails["exchange"] = refused(463)
    world.notices.broken = True
    with pytest.raises(UnavailableError):
        world.ask()


def test_a_control_table_that_is_down_stops_no_renewal() -> None:
    world = World(days=2)
    world.control.broken = True
    assert world.ask()["outcome"] == "renewed"
    assert world.current != TOKEN


# -- panic -------------------------------------------------------------------------------------------------


def test_one_refresh_per_incident() -> None:
    world = World(days=20)
    assert world.panic()["outcome"] == "renewed"
    assert world.panic()["outcome"] == "skipped"
    assert len(world.meta.exchanged) == 1
    assert world.panic("20260302-090000-abcdef")["outcome"] == "renewed"
    assert len(world.meta.exchanged) == 2


def test_of_two_at_once_one_refreshes() -> None:
    world = World(days=20)
    real = world.control.keep

    def faster(record: KeptRecord, **more: Any) -> None:
        if isinstance(record, TokenIncident):
            instead(world.control, keep=real)
            real(record, **more)
        real(record, **more)

    instead(world.control, keep=faster)
    assert world.panic()["outcome"] == "skipped"
    assert world.meta.exchanged == []


def test_an_incident_that_cannot_be_claimed_is_tried_again_by_lambda() -> None:
    world = World(days=20)
    world.control.broken = True
    with pytest.raises(UnavailableError):
        world.panic()
    assert world.meta.exchanged == []


def test_in_an_auth_panic_a_valid_token_with_an_end_is_exchanged() -> None:
    world = World(days=50)
    assert world.panic()["outcome"] == "renewed"


def test_in_an_auth_panic_a_token_without_an_end_that_works_stays_and_that_is_written_down() -> None:
    world = World(days=None)
    world.control.stored["whatsapp"] = Flag("whatsapp", State.PANIC, "auth", incident_id=INCIDENT, version=1)
    assert world.panic()["outcome"] == "never_expires"
    assert world.meta.exchanged == []
    (event,) = world.control.events.values()
    assert event.incident_id == INCIDENT
    assert "nothing was refreshed" in event.reason


def test_in_an_auth_panic_a_token_without_an_end_that_is_refused_is_exchanged() -> None:
    world = World(days=None)
    world.meta.fails["phone"] = refused()
    answer = world.panic()
    assert world.meta.exchanged == [TOKEN]
    assert (answer["outcome"], answer["step"]) == ("failed", "verify")


def test_a_revoked_token_is_replaced_by_way_of_the_previous_one() -> None:
    world = World(days=0)
    before = world.token(30)
    values = dict(world.store.versions["v1"])
    world.store.versions["v0"] = {**values, "access_token": before, "note": "older1"}
    world.store.labels["AWSPREVIOUS"] = "v0"
    assert world.panic()["outcome"] == "renewed"
    assert world.meta.exchanged == [TOKEN, before]
    assert world.current not in (TOKEN, before)
    assert world.store.current().values["note"] == "vvvvvv", "only the token comes from before"
    (told,) = world.notices.told
    assert told["data"]["event"] == "token_way_back"
    world.nothing_leaked()


def test_the_previous_token_is_taken_back_where_it_cannot_be_exchanged() -> None:
    world = World(days=0)
    before = world.token(30)
    world.store.versions["v0"] = {**world.store.versions["v1"], "access_token": before}
    world.store.labels["AWSPREVIOUS"] = "v0"
    world.meta.fails["exchange"] = refused(463)
    assert world.ask()["outcome"] == "renewed"
    assert world.current == before


def test_a_revoked_token_without_a_way_back_is_told() -> None:
    world = World(days=0)
    answer = world.panic()
    assert (answer["step"], answer["state"], answer["days_left"]) == ("exchange", "invalid", 0.0)
    assert "it was revoked" in answer["detail"]
    assert "Meta rejects it now." in world.notices.told[0]["text"]
    assert "cannot fix this" in world.notices.told[0]["text"]
    assert "Make a new token" in world.notices.told[0]["text"]
    assert world.current == TOKEN


@pytest.mark.parametrize("why", ["same", "revoked", "unreadable"])
def test_a_previous_version_that_helps_nothing(why: str) -> None:
    world = World(days=0)
    world.store.versions["v0"] = {
        **world.store.versions["v1"],
        "access_token": TOKEN if why == "same" else "EAArevoked000000",
    }
    world.store.labels["AWSPREVIOUS"] = "v0"
    if why == "unreadable":
        world.store.broken.add("previous")
    assert world.ask()["outcome"] == "failed"
    assert world.store.labels["AWSCURRENT"] == "v1"


def test_no_further_attempt_is_begun_that_could_not_end() -> None:
    world = World(days=0)
    world.store.versions["v0"] = {**world.store.versions["v1"], "access_token": world.token(30)}
    world.store.labels["AWSPREVIOUS"] = "v0"
    assert world.ask(remaining=20)["outcome"] == "failed"
    assert world.meta.exchanged == [TOKEN]


# -- operators ---------------------------------------------------------------------------------------------


def test_an_operator_renews_a_token_that_is_fine() -> None:
    world = World(days=50)
    answer = world.ask(BY_OPERATOR, actor="arn:ana", reason="before the holidays")
    assert answer["outcome"] == "renewed"
    (event,) = world.control.events.values()
    assert (event.actor, event.source) == ("arn:ana", "operator")
    assert "before the holidays" in event.reason


def test_a_token_without_an_end_is_exchanged_by_force_only() -> None:
    world = World(days=None)
    assert world.ask(BY_OPERATOR)["outcome"] == "never_expires"
    assert world.current == TOKEN
    answer = world.ask(BY_OPERATOR, force=True)
    assert (answer["outcome"], answer["days_left"]) == ("renewed", 60.0)


def test_what_was_found_is_kept_for_the_status() -> None:
    world = World(days=2)
    world.ask()
    kept = world.control.kept(TokenLook).value
    assert (kept.outcome, kept.source) == ("renewed", BY_SCHEDULE)
    renewed_at = kept.renewed_at
    world.clock.advance(3600)
    world.ask()
    kept = world.control.kept(TokenLook).value
    assert (kept.outcome, kept.renewed_at) == ("fine", renewed_at)
