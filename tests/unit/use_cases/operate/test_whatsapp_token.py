"""Operators and the token: its status, a refresh, and that panic mode asks for one by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from lifeline.adapters.whatsapp import Answer
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP
from lifeline.domain.account.records import Telling, TokenLook
from lifeline.domain.account.token import BY_PANIC, DAY, NEEDED_SCOPES
from lifeline.domain.failure.classify import Failure
from lifeline.domain.panic.entering import enable, trip
from lifeline.domain.panic.flag import By
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import operator

from tests.support.memory import StubSecrets
from tests.support.operating import itself
from tests.support.services import Services, instead
from tests.support.tokens import unreachable

ACTOR = "arn:aws:iam::000000000000:user/ada"


class Keeper:
    """TokenKeeperFunction as the tests want it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], float]] = []
        self.answer: dict[str, Any] = {}
        self.broken = False

    def call(self, name: str, event: Mapping[str, Any], within: float) -> Mapping[str, Any]:
        self.asked.append((name, dict(event), within))
        if self.broken:
            raise UnavailableError("Lambda", f"waiting for {name}", "it is still at work")
        return self.answer


class World(Services):
    def __init__(self) -> None:
        super().__init__(Settings(token_keeper_function="test-token_keeper"))
        self.keeper = Keeper()
        self.data: dict[str, Any] = {}
        self.failure: Failure | None = None
        self.fresh = False
        secrets = StubSecrets({})
        instead(secrets, drop=self.forget)
        self.also(whatsapp=self, functions=self.keeper, token_secret=secrets)
        self.operate = operator.build(self.adapters("operator"), itself)

    def forget(self) -> None:
        self.fresh = True

    def debug_token(self) -> Answer | Failure:
        assert self.fresh, "a status is of the token that is current now"
        self.fresh = False
        return self.failure or Answer({"data": self.data}, None)

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        return self.operate({"action": f"whatsapp.{action}", **fields}, lambda: 50.0)

    def status(self) -> dict[str, Any]:
        answer = self.ask("token_status")
        assert answer["ok"], answer
        return dict(answer["result"])

    def refresh(self, **fields: Any) -> dict[str, Any]:
        return self.ask("refresh_token", actor=ACTOR, reason="it ends soon", **fields)


def test_status_says_when_it_ends_and_when_it_is_renewed() -> None:
    world = World()
    end = world.clock() + 30 * DAY
    world.data = {"is_valid": True, "expires_at": end, "app_id": "12", "scopes": [NEEDED_SCOPES[0]]}
    found = world.status()
    assert (found["state"], found["valid"], found["days_left"]) == ("fine", True, 30.0)
    assert found["renews_at"] < found["expires_at"]
    assert found["missing_scopes"] == [NEEDED_SCOPES[1]]
    assert found["keeper"] is None


def test_status_of_a_token_without_an_end_and_of_one_that_is_not_valid() -> None:
    world = World()
    world.data = {"is_valid": True, "expires_at": 0}
    found = world.status()
    assert (found["state"], found["expires_at"], found["days_left"]) == ("never_expires", None, None)
    assert found["renews_at"] is None
    world.data = {"is_valid": False, "error": {"code": 190, "subcode": 463, "message": "expired"}}
    found = world.status()
    assert (found["valid"], found["days_left"], found["subcode"]) == (False, 0.0, 463)
    assert found["why_invalid"] == "it has expired (subcode 463)"


def test_status_tells_of_the_last_look() -> None:
    world = World()
    world.data = {"is_valid": True, "expires_at": 0}
    look = TokenLook("2026-03-01T09:00:00.000Z", "failed", step="verify", announced=Telling("verify", 1.0))
    world.control.keep(look, actor="k", reason="r", now=1.0)
    keeper = world.status()["keeper"]
    assert "the token is valid since" in keeper["outcome"]
    assert (keeper["step"], keeper["remedy"]) == (None, None), "Meta's answer of now says otherwise"
    for data in ({"is_valid": False}, {"is_valid": True, "expires_at": world.clock() + DAY}):
        world.data = data
        keeper = world.status()["keeper"]
        assert (keeper["outcome"], keeper["step"], keeper["renewed_at"]) == ("failed", "verify", None)
        assert "told" not in keeper


def test_status_where_meta_does_not_answer_is_a_refusal() -> None:
    world = World()
    world.failure = unreachable()
    error = world.ask("token_status")["error"]
    assert error["code"] == "unavailable"
    assert "None" not in error["message"], "there is no code where there is no answer"


@pytest.mark.parametrize("force", [False, True])
def test_a_refresh_is_carried_out_by_the_token_keeper(force: bool) -> None:
    world = World()
    world.keeper.answer = {
        "at": "2026-03-01T09:00:00.000Z",
        "outcome": "renewed",
        "state": "fine",
        "expires_at": "2026-04-30T09:00:00.000Z",
        "days_left": 60.0,
        "switched": True,
    }
    answer = world.refresh(**({"force": True} if force else {}))
    assert answer["ok"]
    assert answer["result"]["refreshed"] is answer["result"]["previous_kept"] is True
    ((name, event, within),) = world.keeper.asked
    assert name == "test-token_keeper"
    assert (event["actor"], event["reason"], event["force"]) == (ACTOR, "it ends soon", force)
    assert within == 45


def test_a_token_without_an_end_is_named() -> None:
    world = World()
    world.keeper.answer = {"outcome": "never_expires", "state": "never_expires"}
    result = world.refresh()["result"]
    assert result["refreshed"] is False
    assert "60 days" in result["notes"][0]


def test_a_failed_refresh_names_step_and_remedy() -> None:
    world = World()
    world.keeper.answer = {
        "outcome": "failed",
        "step": "exchange",
        "detail": "auth: code 190",
        "remedy": "Check Meta Business Manager.",
    }
    error = world.refresh()["error"]
    assert error["code"] == "refresh_failed"
    for words in ("exchange", "code 190", "Check Meta Business Manager", "current token stays"):
        assert words in error["message"]


def test_a_token_keeper_that_takes_too_long_is_said() -> None:
    world = World()
    world.keeper.broken = True
    error = world.refresh()["error"]
    assert (error["code"], "still at work" in error["message"]) == ("unavailable", True)


NEW = "EAAbroughttoken0000000000002"


def test_a_new_token_is_set_by_the_token_keeper_and_not_logged() -> None:
    world = World()
    world.keeper.answer = {
        "at": "2026-03-01T09:00:00.000Z",
        "outcome": "set",
        "state": "to_renew",
        "switched": True,
    }
    fields = {"actor": ACTOR, "reason": "the old one was revoked", "token": NEW}
    unsure = world.ask("set_token", **fields)
    assert (unsure["error"]["code"], world.keeper.asked) == ("unsure", [])
    answer = world.ask("set_token", **fields, sure=True)
    assert answer["ok"], answer
    assert (answer["result"]["outcome"], answer["result"]["previous_kept"]) == ("set", True)
    assert "exchanges it within the hour" in answer["result"]["notes"][0]
    ((name, event, within),) = world.keeper.asked
    assert (name, within) == ("test-token_keeper", 45)
    assert (event["actor"], event["token"]) == (ACTOR, NEW)
    assert NEW not in str(world.log.lines)
    assert NEW not in str(answer)


@pytest.mark.parametrize(("step", "code"), [("verify", "token_refused"), ("switch", "token_not_set")])
def test_a_new_token_that_is_not_taken_is_refused_with_its_reason(step: str, code: str) -> None:
    world = World()
    world.keeper.answer = {
        "outcome": "failed",
        "step": step,
        "detail": "it has expired",
        "remedy": "Make one.",
    }
    answer = world.ask("set_token", actor=ACTOR, reason="r", token=NEW, sure=True)
    assert answer["error"]["code"] == code
    for words in ("it has expired", "current token stays", "Make one."):
        assert words in answer["error"]["message"]


def test_a_token_that_is_none_is_refused_in_words_and_not_repeated() -> None:
    world = World()
    answer = world.ask("set_token", actor=ACTOR, reason="r", token="EAA with a space in it", sure=True)
    assert (
        answer["error"]["message"]
        == "request.token: must be one word of ASCII, without spaces and line breaks"
    )
    assert "with a space" not in str(world.log.lines)


# -- panic mode asks by itself -----------------------------------------------------------------------------


class Panics(Services):
    def __init__(self, broken: bool = False) -> None:
        super().__init__(Settings(token_keeper_function="keeper"))
        self.asked: list[str] = []
        self.broken = broken
        self.also(functions=self)
        self.panic = self.adapters("sender").panic

    def start(self, name: str, event: Mapping[str, Any]) -> None:
        assert (name, event["source"]) == ("keeper", BY_PANIC)
        self.ask(event["incident_id"])

    def ask(self, incident_id: str) -> None:
        if self.broken:
            raise UnavailableError("Lambda", "starting", "broken on purpose")
        self.asked.append(incident_id)

    def trip(self, cause: str, scope: str = WHATSAPP) -> None:
        self.panic.change(
            scope,
            lambda flag: trip(
                flag, By("a", "sender", "r", self.clock()), cause=cause, evidence={}, new_incident_id="i-1"
            ),
        )


def test_an_auth_panic_asks_for_one_refresh() -> None:
    world = Panics()
    world.trip("auth")
    world.trip("auth")
    assert world.asked == ["i-1"]


def test_a_panic_whose_cause_becomes_auth_asks_as_well() -> None:
    world = Panics()
    world.panic.change(
        WHATSAPP,
        lambda flag: enable(flag, By("a", "operator", "r", world.clock()), new_incident_id="i-1"),
    )
    assert world.asked == []
    world.trip("auth")
    assert world.asked == ["i-1"]


@pytest.mark.parametrize(("cause", "scope"), [("unreachable", WHATSAPP), ("auth", OPENAI_VOICE)])
def test_other_panics_do_not(cause: str, scope: str) -> None:
    world = Panics()
    world.trip(cause, scope)
    assert world.asked == []


def test_panic_is_entered_although_nobody_can_be_asked() -> None:
    world = Panics(broken=True)
    world.trip("auth")
    assert world.control.flag(WHATSAPP).blocks_sending
    assert any("failed to request a token refresh" in event for _, event, _ in world.log.lines)
