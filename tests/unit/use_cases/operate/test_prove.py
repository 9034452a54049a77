"""Who asks: proven by a signature that STS checks, bound to one request and one stack, used once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.prove import REMEMBERED, ProveActor

from tests.support.memory import Clock
from tests.support.operating import World
from tests.support.proofs import ACCOUNT, ADA, STACK, MemoryProofs, Person, Witness, made_at

ENABLE = {"action": "panic.enable", "scope": "whatsapp", "reason": "looking into it"}
ADD = {"action": "campaign.add", "campaign": "spring", "chunk": 0, "messages": [{"id": "a"}]}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/grace@example.org"


class Door:
    """The check with everybody it knows."""

    def __init__(self) -> None:
        self.ada = Person()
        self.grace = Person(SESSION, "ASIDGRACE", "secret-of-grace", "token/of+grace==")
        self.sts = Witness(self.ada, self.grace)
        self.used = MemoryProofs()
        self.clock = Clock()
        self.prove = ProveActor(
            sts=lambda: self.sts,  # type: ignore[arg-type, return-value]
            used=self.used,  # type: ignore[arg-type]
            account=ACCOUNT,
            clock=self.clock,
        )

    def __call__(self, request: Mapping[str, Any], after: float = 1.0) -> str:
        if "proof" in request:
            self.clock.now = made_at(request) + after
        return self.prove(request)

    def refused(self, request: dict[str, Any], after: float = 1.0) -> str:
        with pytest.raises(RefusedError) as raised:
            self(request, after)
        assert self.used.until == {} or raised.value.code == "proof_used"
        return raised.value.code


@pytest.fixture
def door() -> Door:
    return Door()


def test_the_signer_is_the_actor(door: Door) -> None:
    assert door(door.ada.sign(ENABLE)) == ADA
    assert door(door.grace.sign(ENABLE)) == SESSION


def test_who_cannot_sign_is_marked_as_unverified(door: Door) -> None:
    assert door(ENABLE | {"actor": ADA}) == f"{ADA} (unverified)"
    assert door(ENABLE | {"actor": "ada (unverified)"}) == "ada (unverified)"
    assert door.sts.asked == 0
    assert door.refused(dict(ENABLE)) == "invalid_request"


@pytest.mark.parametrize("declared", [ADA, "ada"])
def test_a_declared_actor_may_be_the_signer(door: Door, declared: str) -> None:
    assert door(door.ada.sign(ENABLE | {"actor": declared})) == ADA


@pytest.mark.parametrize("declared", [SESSION, "grace@example.org", f"{ADA} (unverified)"])
def test_a_forged_actor_is_refused(door: Door, declared: str) -> None:
    assert door.refused(door.ada.sign(ENABLE | {"actor": declared})) == "forged_actor"


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "openai_voice"},
        {"reason": "another"},
        {"hold": True},
        {"actor": SESSION},
        {"action": "panic.disable"},
    ],
    ids=str,
)
def test_a_proof_says_nothing_for_another_request(door: Door, change: dict[str, Any]) -> None:
    assert door.refused(door.ada.sign(ENABLE) | change) == "proof_refused"


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "0" * 64},
        {"nonce": "0" * 32},
        {"key": "ASIDGRACE"},
        {"key": "AKIDNOBODY"},
        {"token": "token/of+grace=="},
    ],
    ids=str,
)
def test_a_proof_that_was_changed_is_refused(door: Door, change: dict[str, str]) -> None:
    signed = door.ada.sign(ENABLE)
    assert door.refused(signed | {"proof": signed["proof"] | change}) == "proof_refused"


def test_a_signature_with_another_secret_is_refused(door: Door) -> None:
    assert door.refused(Person(secret="guessed").sign(ENABLE)) == "proof_refused"


def test_a_proof_for_another_stack_or_region_is_refused(door: Door) -> None:
    assert door.refused(door.ada.sign(ENABLE, stack_id=STACK.replace("test", "prod"))) == "proof_refused"
    assert door.refused(door.ada.sign(ENABLE, region="us-east-1")) == "proof_elsewhere"
    assert door.sts.asked == 1, "STS is not asked about what was signed for another endpoint"


def test_an_identity_of_another_account_is_refused(door: Door) -> None:
    mallory = Person("arn:aws:iam::999999999999:user/ada", "AKIDMALLORY", "own-secret")
    door.sts.people[mallory.key] = mallory
    assert door.refused(mallory.sign(ENABLE)) == "other_account"


@pytest.mark.parametrize("after", [-31.0, 60.0, 600.0])
def test_an_old_proof_and_one_of_the_future_are_refused_without_asking(door: Door, after: float) -> None:
    assert door.refused(door.ada.sign(ENABLE), after) == "proof_expired"
    assert door.sts.asked == 0


def test_a_proof_serves_once_on_any_worker(door: Door) -> None:
    signed = door.ada.sign(ENABLE)
    assert door(signed) == ADA
    assert door.refused(signed) == "proof_used"
    other = Door()
    other.used = door.used
    other.prove = ProveActor(
        sts=lambda: door.sts,  # type: ignore[arg-type, return-value]
        used=door.used,  # type: ignore[arg-type]
        account=ACCOUNT,
        clock=other.clock,
    )
    assert other.refused(signed) == "proof_used"


def test_the_same_command_twice_is_signed_twice(door: Door) -> None:
    first, second = door.ada.sign(ENABLE), door.ada.sign(ENABLE)
    assert (door(first), door(second)) == (ADA, ADA)


def test_what_sts_does_not_accept_uses_nothing(door: Door) -> None:
    signed = door.ada.sign(ENABLE)
    door.refused(signed | {"reason": "another"})
    assert door(signed) == ADA


def test_sts_out_of_reach_is_told_and_the_proof_stays_good(door: Door) -> None:
    signed = door.ada.sign(ENABLE)
    door.sts.broken = True
    with pytest.raises(UnavailableError):
        door(signed)
    door.sts.broken = False
    assert door(signed) == ADA


# --- what STS said is remembered ---------------------------------------------------------------------------


def test_a_bulk_load_asks_sts_once_until_the_proof_ends(door: Door) -> None:
    proof = door.ada.sign(ADD)["proof"]
    for chunk in range(5):
        assert door({**ADD, "chunk": chunk, "messages": [], "proof": proof}) == ADA
    assert door.sts.asked == 1
    assert door.refused({**ADD, "proof": proof}, after=60.0) == "proof_expired"


@pytest.mark.parametrize(
    "change",
    [{"campaign": "autumn"}, {"proof": {"nonce": "0" * 32}}, {"proof": {"key": "ASIDGRACE"}}],
    ids=str,
)
def test_what_is_remembered_is_of_the_very_proof_and_request(door: Door, change: dict[str, Any]) -> None:
    signed = door.ada.sign(ADD)
    assert door(signed) == ADA
    proof = signed["proof"] | change.get("proof", {})
    assert door.refused(signed | change | {"proof": proof}) == "proof_refused"


def test_a_proof_of_bulk_says_nothing_for_other_actions(door: Door) -> None:
    proof = door.ada.sign(ADD)["proof"]
    assert door({**ADD, "proof": proof}) == ADA
    assert door.refused({"action": "campaign.start", "campaign": "spring", "proof": proof}) == "proof_refused"


def test_the_memory_is_bounded(door: Door) -> None:
    signed = [door.ada.sign(ADD | {"campaign": f"c{number}"}) for number in range(REMEMBERED + 5)]
    door.clock.now = max(map(made_at, signed)) + 1
    for one in signed:
        door.prove(one)
    assert len(door.prove._known) == REMEMBERED
    assert door.prove(signed[-1]) == ADA
    assert door.sts.asked == REMEMBERED + 5
    assert door.prove(signed[0]) == ADA
    assert door.sts.asked == REMEMBERED + 6


# --- through the use case ----------------------------------------------------------------------------------


def test_history_and_log_name_the_signer_and_hold_no_proof(door: Door) -> None:
    world = World()
    world.operate._prove = door
    signed = door.ada.sign(ENABLE)
    answer = world.operate(signed, lambda: 60.0)
    assert answer["ok"], answer
    assert answer["result"]["flag"]["actor"] == ADA
    assert [event.actor for event in world.control.events.values()] == [ADA]
    assert world.notices.told[0]["data"]["actor"] == ADA
    assert signed["proof"]["signature"] not in str(world.log.lines)
    again = world.operate(signed, lambda: 60.0)
    assert again["error"]["code"] == "proof_used"


def test_a_console_event_is_in_the_history_as_unverified(door: Door) -> None:
    world = World()
    world.operate._prove = door
    world.enable()
    assert world.status()["actor"].endswith(" (unverified)")


def test_a_refused_proof_changes_nothing(door: Door) -> None:
    world = World()
    world.operate._prove = door
    answer = world.operate(door.ada.sign(ENABLE) | {"reason": "another"}, lambda: 60.0)
    assert answer["error"]["code"] == "proof_refused"
    assert world.control.events == {}


def test_reading_needs_no_proof(door: Door) -> None:
    world = World()
    world.operate._prove = door
    assert world.ask("panic.status")["panic"] is False
    assert door.sts.asked == 0
