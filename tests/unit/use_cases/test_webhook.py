"""The webhook's use case: who may speak, what moves, who is reached, what is kept for later."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.ledger import Row
from lifeline.contract import WHATSAPP, template_scope
from lifeline.domain.panic import Kind, State, enable, note, trip
from lifeline.domain.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.panic_mode import PanicMode
from lifeline.use_cases.webhook import (
    PHONE_QUALITY,
    PROBE_SEEN,
    SEEN,
    TEST_STATUS,
    TESTS_KEPT,
    Webhook,
)

from tests.support.memory import (
    Clock,
    MemoryControl,
    MemoryLedger,
    MemoryNotices,
    MemoryQueues,
    Recorder,
    StubSecrets,
)
from tests.support.meta import (
    APP_SECRET,
    change,
    failed,
    post,
    sign,
    status,
    statuses,
    template_update,
)

LIVE = "queue/live"


class World:
    """A webhook and all that it touches."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger = MemoryLedger()
        self.control = MemoryControl()
        self.queues = MemoryQueues()
        self.notices = MemoryNotices()
        self.secrets = StubSecrets({"app_secret": APP_SECRET, "verify_token": "verify-me"})
        self.log = Recorder()
        settings = Settings(whatsapp_queue_url=LIVE)
        self.panic = PanicMode(
            control=self.control,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            notices=self.notices,  # type: ignore[arg-type]
            probe_queue_url="queue/probe",
            clock=self.clock,
            new_id=lambda: "abcdef0123",
            telemetry=self.log,  # type: ignore[arg-type]
        )
        self.webhook = Webhook(
            settings=settings,
            secrets=self.secrets,  # type: ignore[arg-type]
            ledger=self.ledger,  # type: ignore[arg-type]
            control=self.control,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            panic=self.panic,
            notices=self.notices,  # type: ignore[arg-type]
            clock=self.clock,
            telemetry=self.log,  # type: ignore[arg-type]
        )

    def sent(self, name: str, status: Status = Status.SENT, **values: Any) -> Row:
        row = Row(
            id=name,
            status=status,
            claim=f"claim-{name}",
            rev=2,
            attempt=1,
            attempted_at=self.clock.now - 1,
            body=json.dumps({"id": name, "to": "+491700000001", "type": "text", "text": "hello"}),
            wamid=f"wamid.{name}",
        )
        return self.ledger.put(replace(row, **values))

    def post(self, *changes: dict[str, Any], time: float | None = None) -> int:
        raw = post(*changes, time=time)
        return self.webhook.receive(raw, sign(raw)).status

    def statuses(self, *entries: dict[str, Any]) -> int:
        return self.post(statuses(entries))

    def status_of(self, name: str) -> Status:
        return self.ledger.rows[name].status

    @property
    def carriers(self) -> list[Any]:
        return self.queues.sent[LIVE]


@pytest.fixture
def world() -> World:
    return World()


# --- Who may speak -------------------------------------------------------------------------------------


def test_handshake_answers_the_right_token_only(world: World) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "verify-me"}
    reply = world.webhook.handshake(query)
    assert (reply.status, reply.body) == (200, "1158201444")
    for wrong in ({"hub.verify_token": "no"}, {"hub.mode": "x"}, {"hub.verify_token": ""}):
        reply = world.webhook.handshake({**query, **wrong})
        assert reply.status == 403
        assert "1158201444" not in reply.body
    assert world.log.metrics[("WebhookRejected", "handshake")] == 3


def test_an_empty_verify_token_matches_nothing(world: World) -> None:
    world.secrets.values["verify_token"] = ""
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}
    assert world.webhook.handshake(query).status == 403


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=00", "sha1=abc", "\u00e9", "sha256=" + "0" * 64]
)
def test_a_wrong_signature_does_nothing(world: World, signature: str) -> None:
    world.sent("a")
    reply = world.webhook.receive(post(statuses([status("a", "delivered")])), signature)
    assert reply.status == 401
    assert world.status_of("a") is Status.SENT
    assert world.log.metrics[("WebhookRejected", "signature")] == 1


def test_a_signature_of_other_bytes_is_wrong(world: World) -> None:
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw + b" ", sign(raw)).status == 401


def test_two_secrets_during_a_rotation(world: World) -> None:
    world.secrets.values = {"app_secret": "new", "app_secret_previous": APP_SECRET}
    world.sent("a")
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_without_an_app_secret_everything_is_refused(world: World) -> None:
    world.secrets.values = {"app_secret": "", "app_secret_previous": ""}
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw, sign(raw, "")).status == 401


def test_a_rotated_secret_is_read_again_and_strangers_cannot_drive_reads(world: World) -> None:
    world.secrets.values["app_secret"] = "old"
    world.secrets.next = {"app_secret": APP_SECRET}
    raw = post(statuses([status("a", "sent")]))
    assert world.webhook.receive(raw, sign(raw)).status == 200
    for _ in range(10):
        assert world.webhook.receive(raw, "sha256=bad").status == 401
    assert world.secrets.drops == 1


def test_no_secret_no_verdict(world: World) -> None:
    world.secrets.broken = True
    raw = post(statuses([]))
    assert world.webhook.receive(raw, sign(raw)).status == 503
    assert world.webhook.handshake({"hub.mode": "subscribe", "hub.verify_token": "x"}).status == 503


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", post(statuses([status("a", "sent")]))[:-7], b"[" * 100_000],
)
def test_what_cannot_be_read_is_refused_and_counted(world: World, raw: bytes) -> None:
    assert world.webhook.receive(raw, sign(raw)).status == 400
    assert world.log.metrics[("WebhookRejected", "unreadable")] == 1


# --- Statuses ------------------------------------------------------------------------------------------


def test_statuses_move_rows_and_repetitions_change_nothing(world: World) -> None:
    world.sent("a")
    assert world.statuses(status("a", "sent"), status("a", "delivered"), status("a", "read")) == 200
    assert world.status_of("a") is Status.READ
    rev = world.ledger.rows["a"].rev
    assert world.statuses(status("a", "delivered"), status("a", "sent"), status("a", "played")) == 200
    assert world.ledger.rows["a"].rev == rev
    assert not world.carriers


def test_a_status_before_our_own_write_settles_the_row(world: World) -> None:
    world.sent("a", Status.CLAIMED, phase="sending", wamid=None)
    assert world.statuses(status("a", "sent", wamid="wamid.X")) == 200
    row = world.ledger.rows["a"]
    assert (row.status, row.wamid, row.phase) == (Status.SENT, "wamid.X", None)


@pytest.mark.parametrize("state", ["sent", "delivered", "read"])
def test_any_status_settles_a_doubt(world: World, state: str) -> None:
    world.sent("a", Status.IN_DOUBT, phase="waiting", turn=1, wamid=None)
    assert world.statuses(status("a", state)) == 200
    assert world.status_of("a") is Status(state.upper())
    assert not world.carriers


def test_unknown_messages_and_unknown_states_are_counted(world: World) -> None:
    world.sent("a")
    entries = [
        status("nobody", "sent"),
        status(None, "read"),
        status("a", "deleted"),
        status("a", "new_word"),
    ]
    assert world.statuses(*entries) == 200
    assert world.log.metrics[("StatusUpdates", "unknown_message")] == 2
    assert world.log.metrics[("StatusUpdates", "other")] == 2
    assert world.status_of("a") is Status.SENT


def test_a_failure_becomes_one_carrier_with_what_the_sender_needs(world: World) -> None:
    row = world.sent("a", turn=3)
    assert world.statuses(failed("a", 131026)) == 200
    after = world.ledger.rows["a"]
    assert (after.status, after.phase, after.turn, after.cause, after.code) == (
        Status.FAILED,
        "waiting",
        4,
        "undeliverable",
        131026,
    )
    (carrier,) = world.carriers
    assert carrier.body == row.body
    assert carrier.note == {
        "claim": "claim-a",
        "turn": 4,
        "rounds": 0,
        "job": "fallback",
        "cause": "undeliverable",
    }
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_a_failure_without_a_reason_still_reaches_the_person(world: World) -> None:
    world.sent("a")
    assert world.statuses(status("a", "failed")) == 200
    assert world.status_of("a") is Status.FAILED
    assert len(world.carriers) == 1


def test_held_message_whose_template_is_refused_takes_its_fallback(world: World) -> None:
    world.sent("a", Status.HELD, template="promo", type="template")
    assert world.statuses(failed("a", 132015)) == 200
    assert world.status_of("a") is Status.FAILED
    assert len(world.carriers) == 1
    assert world.control.flag(template_scope("promo")).state is State.PANIC
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize(
    "done", [Status.PUSHED, Status.EMAILED, Status.REJECTED, Status.EXPIRED, Status.PARKED]
)
def test_a_failure_after_the_fallback_changes_nothing(world: World, done: Status) -> None:
    world.sent("a", done)
    assert world.statuses(failed("a", 131026)) == 200
    assert world.status_of("a") is done
    assert not world.carriers


def test_a_failed_row_whose_fallback_found_no_way_stays(world: World) -> None:
    world.sent("a", Status.FAILED, phase=None)
    assert world.statuses(failed("a", 131026)) == 200
    assert not world.carriers


def test_a_delivery_wins_over_a_failure_unless_the_fallback_was_taken(world: World) -> None:
    world.sent("a")
    world.sent("b", Status.PUSHED)
    assert world.statuses(failed("a", 131026)) == 200
    assert world.statuses(status("a", "delivered"), status("b", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED
    assert world.status_of("b") is Status.PUSHED


def test_a_failure_of_a_replaced_attempt_changes_nothing(world: World) -> None:
    world.sent("a", wamid="wamid.second", resends=1)
    assert world.statuses(failed("a", 131000, wamid="wamid.first")) == 200
    assert world.status_of("a") is Status.SENT
    assert not world.carriers


def test_a_fallback_under_way_is_waited_for(world: World) -> None:
    world.sent("a", Status.CLAIMED, phase="falling_back")
    world.sent("b")
    assert world.statuses(failed("a", 131026)) == 200
    assert world.statuses(status("a", "delivered"), status("b", "delivered")) == 503
    assert world.status_of("a") is Status.CLAIMED
    assert world.status_of("b") is Status.DELIVERED, "the others of the POST are done"


# --- Kept for later ------------------------------------------------------------------------------------


def test_a_ledger_that_does_not_answer_keeps_everything_at_meta(world: World) -> None:
    world.sent("a")
    world.ledger.broken = True
    assert world.statuses(status("a", "delivered")) == 503
    world.ledger.broken = False
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_a_carrier_that_sqs_refused_is_sent_by_the_repetition(world: World) -> None:
    world.sent("a")
    world.queues.broken.add(LIVE)
    assert world.statuses(failed("a", 131026)) == 503
    assert world.status_of("a") is Status.FAILED
    world.queues.broken.clear()
    assert world.statuses(failed("a", 131026)) == 200
    (carrier,) = world.carriers
    assert carrier.note["turn"] == world.ledger.rows["a"].turn == 1
    assert carrier.note["cause"] == "undeliverable"


def test_a_lost_race_is_decided_anew(world: World) -> None:
    row = world.sent("a", Status.CLAIMED, phase="sending", wamid=None)
    world.ledger.before_apply.append(
        lambda: world.ledger.put(
            replace(row, status=Status.SENT, rev=row.rev + 1, phase=None, wamid="wamid.a")
        )
    )
    assert world.statuses(failed("a", 131026)) == 200
    assert world.status_of("a") is Status.FAILED
    assert len(world.carriers) == 1


def test_a_row_that_never_rests_comes_again(world: World) -> None:
    world.sent("a")

    def stir() -> None:
        world.ledger.put(replace(world.ledger.rows["a"], rev=world.ledger.rows["a"].rev + 1))

    world.ledger.before_apply = [stir] * 20
    assert world.statuses(status("a", "delivered")) == 503
    world.ledger.before_apply = []
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_counters_that_cannot_be_written_do_not_repeat_the_post(world: World) -> None:
    world.sent("a")
    world.webhook._seen_at = world.clock.now
    world.control.broken = True
    assert world.statuses(status("a", "delivered")) == 200
    assert world.status_of("a") is Status.DELIVERED


# --- Any order, any repetition -------------------------------------------------------------------------

WORDS = ["sent", "delivered", "read", "played", "failed", "deleted", "novel"]


@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
    cuts=st.lists(st.booleans(), min_size=8, max_size=8),
    seed=st.randoms(use_true_random=False),
    start=st.sampled_from([Status.SENT, Status.IN_DOUBT, Status.HELD, Status.CLAIMED]),
)
def test_any_order_with_duplicates_ends_the_same(
    words: list[str], cuts: list[bool], seed: random.Random, start: Status
) -> None:
    ends = []
    for arrangement in range(3):
        world = World()
        world.sent("a", start, phase="sending" if start is Status.CLAIMED else None)
        order = [word for word in words for _ in range(1 + arrangement)]
        if arrangement:
            seed.shuffle(order)
        parcels: list[list[str]] = [[]]
        for word, cut in zip(order, itertools.cycle(cuts)):
            parcels[-1].append(word)
            if cut:
                parcels.append([])
        for parcel in parcels:
            entries = [failed("a", 131026) if word == "failed" else status("a", word) for word in parcel]
            assert world.statuses(*entries) == 200
        ends.append(world.status_of("a"))
        if world.status_of("a") is Status.FAILED:
            assert world.carriers, "a failure with no carrier reaches nobody"
            assert {carrier.note["turn"] for carrier in world.carriers} == {world.ledger.rows["a"].turn}
            assert world.ledger.rows["a"].turn == 1, "the turn rises once, so only one carrier can win"
    assert len(set(ends)) == 1
    goals = {
        "read": Status.READ,
        "played": Status.READ,
        "delivered": Status.DELIVERED,
        "failed": Status.FAILED,
    }
    best = [goals[word] for word in ("read", "played", "delivered", "failed") if word in words]
    assert ends[0] is (best[0] if best else Status.SENT if "sent" in words else start)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "messages",
    "account_update",
    "message_template_status_update",
    "phone_number_quality_update",
    "security",
    "new_field",
]


@given(
    name=st.sampled_from(FIELDS) | JSON,
    keys=st.dictionaries(
        st.sampled_from(
            [
                "statuses",
                "messages",
                "errors",
                "event",
                "ban_info",
                "restriction_info",
                "message_template_name",
            ]
        ),
        JSON,
        max_size=4,
    ),
    status_value=JSON,
)
def test_missing_new_and_garbled_fields_never_stop_the_rest(name: Any, keys: Any, status_value: Any) -> None:
    world = World()
    world.sent("good")
    garbled = {"field": name, "value": keys}
    odd = {"field": "messages", "value": {"statuses": [{"status": status_value, "errors": status_value}, 7]}}
    body = {
        "object": "whatsapp_business_account",
        "entry": [5, {"changes": "x"}, {"changes": [None, garbled, odd, statuses([status("good", "read")])]}],
    }
    raw = json.dumps(body).encode()
    assert world.webhook.receive(raw, sign(raw)).status == 200
    assert world.status_of("good") is Status.READ


def test_a_thousand_updates_in_three_megabytes(world: World) -> None:
    padding = "\u00e4" * 480
    for index in range(1000):
        world.sent(f"m{index}")
    entries = [
        failed(f"m{index}", 131026) if index % 10 == 0 else status(f"m{index}", "delivered", note=padding)
        for index in range(1000)
    ]
    random.Random(7).shuffle(entries)
    raw = post(statuses(entries))
    assert 2_500_000 < len(raw) < 3_145_728
    for _ in range(2):
        assert world.webhook.receive(raw, sign(raw)).status == 200
    found = [world.status_of(f"m{index}") for index in range(1000)]
    assert found.count(Status.FAILED) == 100
    assert found.count(Status.DELIVERED) == 900
    assert {carrier.note["claim"] for carrier in world.carriers} == {
        f"claim-m{i}" for i in range(0, 1000, 10)
    }


# --- What failures do to scopes ------------------------------------------------------------------------


def test_an_account_failure_panics_at_once_and_a_persons_does_not(world: World) -> None:
    world.sent("a")
    assert world.statuses(failed("a", 131026)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    world.sent("b")
    assert world.statuses(failed("b", 131042)) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause, flag.source, flag.actor) == (
        State.PANIC,
        "account",
        "webhook",
        "WebhookFunction",
    )
    assert world.control.counted("e|account|131042") == 1


def test_an_old_account_failure_does_not_bring_back_a_panic_that_is_over(world: World) -> None:
    world.control.stored[WHATSAPP] = replace(
        world.control.flag(WHATSAPP), left_panic_at=world.clock.now - 10, version=5, incident_id="i"
    )
    world.sent("a")
    assert world.statuses(failed("a", 131042, at=world.clock.now - 60)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert len(world.carriers) == 1, "the person is reached all the same"


def test_rate_limit_reports_panic_when_they_persist(world: World) -> None:
    for index in range(30):
        world.sent(f"m{index}")
    assert world.statuses(failed("m0", 130429)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL, "one bad send never trips"
    assert world.statuses(*(failed(f"m{index}", 130429) for index in range(30))) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause) == (State.PANIC, "rate_limit")


def test_a_repeated_failure_counts_once(world: World) -> None:
    world.sent("a")
    for _ in range(40):
        assert world.statuses(failed("a", 130429)) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.control.counted("e|rate_limit|130429") == 1


def test_errors_with_no_message_are_classified_and_counted(world: World) -> None:
    errors = [{"code": 130429, "title": "Rate limit hit"}, {"code": 131051}]
    assert world.post(change("messages", {"errors": errors})) == 200
    assert world.control.counted("e|rate_limit|130429") == 1
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.post(change("messages", {"errors": [{"code": 0, "title": "AuthException"}]})) == 200
    assert world.control.flag(WHATSAPP).cause == "auth"


# --- Templates -----------------------------------------------------------------------------------------

PROMO = template_scope("promo")


@pytest.mark.parametrize("event", ["PAUSED", "DISABLED", "REJECTED", "PENDING_DELETION"])
def test_a_template_that_meta_stops_panics_alone(world: World, event: str) -> None:
    assert (
        world.post(template_update("promo", event, "en-US", "ABUSIVE_CONTENT"), time=world.clock.now) == 200
    )
    flag = world.control.flag(PROMO)
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "template_rejected", "webhook")
    assert "ABUSIVE_CONTENT" in flag.reason
    assert flag.evidence["language"] == "en_US"
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize("event", ["APPROVED", "REINSTATED"])
def test_a_template_approved_again_leaves_panic(world: World, event: str) -> None:
    assert world.post(template_update("promo", "PAUSED"), time=world.clock.now) == 200
    world.clock.advance(300)
    assert world.post(template_update("promo", event), time=world.clock.now) == 200
    assert world.control.flag(PROMO).state is State.RECOVERING


def test_unpaused_is_an_approval_in_other_words(world: World) -> None:
    world.post(template_update("promo", "PAUSED"), time=world.clock.now)
    world.clock.advance(300)
    world.post(template_update("promo", "UNPAUSED", other_info={"title": "UNPAUSE"}), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.RECOVERING


def test_late_early_and_foreign_approvals_end_nothing(world: World) -> None:
    world.post(template_update("promo", "PAUSED"), time=world.clock.now)
    world.post(template_update("promo", "APPROVED"), time=world.clock.now - 60)
    world.post(template_update("promo", "APPROVED", "de"), time=world.clock.now + 60)
    assert world.control.flag(PROMO).state is State.PANIC
    world.clock.advance(60)
    world.post(template_update("promo", "APPROVED"), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.RECOVERING
    world.post(template_update("promo", "PAUSED"), time=world.clock.now - 60)
    assert world.control.flag(PROMO).state is State.RECOVERING, "the pause came late"


def test_an_approval_does_not_end_an_operators_panic(world: World) -> None:
    world.panic.change(
        PROMO, lambda flag: enable(flag, reason="why", actor="me", now=world.clock.now, new_incident_id="i")
    )
    world.post(template_update("promo", "APPROVED"), time=world.clock.now + 1)
    assert world.control.flag(PROMO).state is State.PANIC


def test_other_template_events_are_history_only(world: World) -> None:
    world.post(template_update("promo", "FLAGGED"), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.NORMAL
    assert world.control.kinds(PROMO) == [Kind.NOTED]


# --- Account -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {
            "event": "DISABLED_UPDATE",
            "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"},
        },
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1}],
        },
        {"event": "ACCOUNT_RESTRICTION"},
        {"event": "ACCOUNT_DELETED"},
    ],
)
def test_an_account_that_may_not_send_panics(world: World, value: dict[str, Any]) -> None:
    assert world.post(change("account_update", value), time=world.clock.now) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause) == (State.PANIC, "account")
    assert world.notices.told[0]["audience"] == ("engineering", "meta-support")


@pytest.mark.parametrize(
    ("value", "warned"),
    [
        ({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}}, True),
        ({"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SCAM"}}, True),
        (
            {
                "event": "ACCOUNT_RESTRICTION",
                "restriction_info": [{"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}],
            },
            True,
        ),
        ({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}, False),
        ({"event": "PARTNER_ADDED"}, False),
    ],
)
def test_lesser_account_news_is_noted_once_and_people_are_warned(
    world: World, value: dict[str, Any], warned: bool
) -> None:
    for _ in range(2):
        assert world.post(change("account_update", value), time=world.clock.now) == 200
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.control.kinds(WHATSAPP) == [Kind.NOTED]
    assert bool(world.notices.told) is warned


def test_quality_is_kept_for_the_operator(world: World) -> None:
    value = {"display_phone_number": "15550783881", "event": "FLAGGED", "current_limit": "TIER_1K"}
    assert world.post(change("phone_number_quality_update", value), time=world.clock.now) == 200
    kept = world.control.setting(PHONE_QUALITY).value
    assert kept["event"] == "FLAGGED"
    assert kept["current_limit"] == "TIER_1K"
    assert "15550783881" not in json.dumps(kept)


def test_a_flag_that_cannot_be_written_keeps_the_news_at_meta(world: World) -> None:
    world.control.broken = True
    assert world.post(change("account_update", {"event": "ACCOUNT_DELETED"})) == 503
    world.control.broken = False
    assert world.post(change("account_update", {"event": "ACCOUNT_DELETED"})) == 200
    assert world.control.flag(WHATSAPP).state is State.PANIC


def test_a_note_changes_no_flag(world: World) -> None:
    world.panic.change(
        WHATSAPP,
        lambda flag: trip(
            flag,
            cause="auth",
            reason="r",
            source="sender",
            actor="a",
            evidence={},
            now=world.clock.now,
            new_incident_id="i",
        ),
    )
    before = world.control.flag(WHATSAPP)
    change_ = note(before, reason="n", actor="a", source="webhook", at=1.0, evidence={})
    assert change_.flag == before
    assert change_.event.incident_id == before.incident_id


# --- Seen ----------------------------------------------------------------------------------------------


def test_webhooks_seen_are_remembered_and_statuses_counted_by_the_minute_of_the_send(world: World) -> None:
    first = world.clock.now
    world.sent("a", attempted_at=first - 120)
    world.statuses(status("a", "sent"))
    world.clock.advance(400)
    world.statuses(status("a", "delivered"))
    world.statuses(status("a", "read"))
    assert world.control.setting(SEEN).value == {"first": first, "at": first + 400}
    minute = int((first - 120) // 60) * 60
    assert world.control.minutes[minute] == {"sts": 1, "std": 1}


def test_statuses_of_test_sends_are_kept_for_the_prober(world: World) -> None:
    world.statuses(status("lifeline:probe", "failed", errors=[{"code": 131000}]))
    assert world.control.setting(PROBE_SEEN).value is None
    world.statuses(status("lifeline:probe", "sent"))
    assert world.control.setting(PROBE_SEEN).value == {"at": world.clock.now}
    assert ("StatusUpdates", "unknown_message") not in world.log.metrics


# --- an operator's test sends -----------------------------------------------------------------------------


def test_statuses_of_test_sends_are_kept_for_who_waits(world: World) -> None:
    assert world.statuses(status("lifeline:test:1", "delivered"), status("lifeline:test:1", "sent")) == 200
    assert world.statuses(status("lifeline:test:1", "delivered")) == 200
    assert world.statuses(failed("lifeline:test:2", 131026)) == 200
    known = world.control.setting(TEST_STATUS).value
    assert known["lifeline:test:1"]["states"] == ["delivered", "sent"]
    assert (known["lifeline:test:2"]["states"], known["lifeline:test:2"]["code"]) == (["failed"], 131026)
    assert world.carriers == [], "nobody's fallback"
    assert world.control.setting(SEEN).value["at"] == world.clock(), "it proves the webhook like any status"
    for n in range(30):
        world.statuses(status(f"lifeline:test:{n + 3}", "sent"))
    assert len(world.control.setting(TEST_STATUS).value) == TESTS_KEPT


def test_a_producers_message_with_such_an_id_is_settled(world: World) -> None:
    world.sent("lifeline:test:mine")
    world.statuses(status("lifeline:test:mine", "delivered"))
    assert world.status_of("lifeline:test:mine") is Status.DELIVERED


# --- templates: what failed of them, and whom it concerns -------------------------------------------------


def test_a_reported_failure_counts_for_its_template(world: World) -> None:
    world.sent("a", template="promo_offer", priority="bulk")
    world.sent("b", template="promo_offer")
    world.statuses(failed("a", 131026), failed("b", 131048))
    assert world.control.counted("tf|promo_offer") == 1, "a limit of the channel is not the template's fault"


@pytest.mark.parametrize(("category", "concerned"), [("MARKETING", True), ("UTILITY", False)])
def test_marketing_is_told_when_a_promotional_template_is_refused(
    world: World, category: str, concerned: bool
) -> None:
    update = template_update("promo_offer", "REJECTED", message_template_category=category)
    assert world.post(update) == 200
    told = [notice["audience"] for notice in world.notices.told]
    assert (("marketing",) in told) is concerned
