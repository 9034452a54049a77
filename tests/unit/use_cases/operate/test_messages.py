"""Errors by cause, one message, sending by hand, registering contacts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.contract.messages import parse_message
from lifeline.contract.names import BULK_QUEUE, CRITICAL_QUEUE, WHATSAPP_QUEUE
from lifeline.domain.failure.records import FailureSample
from lifeline.domain.message.row import Doubt, Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.errors import UnavailableError

from tests.support.operating import ACTOR, World
from tests.support.statuses import PUSHED

ENDPOINT = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


@pytest.fixture
def world() -> World:
    return World()


def minute(world: World, ago: float = 0.0) -> int:
    return int((world.clock.now - ago) // 60) * 60


# --- errors ----------------------------------------------------------------------------------------------


def test_no_errors(world: World) -> None:
    result = world.ask("errors.list")
    assert (result["failures"], result["causes"]) == (0, [])


def test_errors_by_cause_with_codes_remedy_and_a_masked_sample(world: World) -> None:
    world.control.count(
        minute(world), {"e|unreachable|-": 7, "e|auth|190": 1, "o|PUSHED|normal|-|-": 5, "acc": 40}
    )
    world.control.count(minute(world, 300), {"e|unreachable|131000": 2})
    details = "token of +491701234567: EAAabcdefghijk1234567890 expired"
    world.control.keep(
        FailureSample(190, details, id="m1"),
        "auth",
        actor="SenderFunction",
        reason="",
        now=world.clock.now - 9,
    )
    result = world.ask("errors.list")
    assert result["failures"] == 10
    unreachable, auth = result["causes"]
    assert (unreachable["cause"], unreachable["count"]) == ("unreachable", 9)
    assert [(code["code"], code["count"]) for code in unreachable["codes"]] == [(None, 7), (131000, 2)]
    assert unreachable["last_at"] == format_instant(minute(world))
    assert auth["codes"][0]["code"] == 190
    assert "token-status" in auth["remedy"]
    assert auth["sample"]["id"] == "m1"
    text = json.dumps(result)
    assert "1701234567" not in text
    assert "EAAabcdefghijk1234567890" not in text
    assert {"status": "PUSHED", "count": 5} in result["outcomes"]


def test_errors_of_other_channels_are_listed_with_their_remedies(world: World) -> None:
    failed = {"x|email|-|MessageRejected": 3, "x|openai_voice|auth|invalid_api_key": 1}
    world.control.count(minute(world), failed)
    world.control.count(minute(world, 120), {"x|email|-|MessageRejected": 2})
    mail, voice = world.ask("errors.list")["elsewhere"]
    assert (mail["channel"], mail["cause"], mail["count"]) == ("email", None, 5)
    assert mail["code"] == "MessageRejected"
    assert mail["last_at"] == format_instant(minute(world))
    assert "lifeline drill" in mail["remedy"]
    assert (voice["channel"], voice["cause"]) == ("openai_voice", "auth")
    assert "openai_api_key" in voice["remedy"]


def test_errors_look_back_as_far_as_asked(world: World) -> None:
    world.control.count(minute(world, 3600), {"e|auth|190": 1})
    assert world.ask("errors.list")["failures"] == 0
    assert world.ask("errors.list", since_seconds=7200)["failures"] == 1


def test_an_unknown_code_is_shown_as_such(world: World) -> None:
    world.control.count(minute(world), {"e|bad_request|999999": 1})
    code = world.ask("errors.list")["causes"][0]["codes"][0]
    assert (code["code"], code["known"]) == (999999, False)


@pytest.mark.parametrize("since", [0, 59, 10**9, "15m", float("nan")])
def test_a_wrong_span_is_refused(world: World, since: Any) -> None:
    assert world.refused("errors.list", since_seconds=since)["code"] == "invalid_request"


# --- one message -----------------------------------------------------------------------------------------


def test_show_tells_the_whole_trail_in_order_and_masks_the_number(world: World) -> None:
    world.ledger.put(
        Row(
            "m1",
            Status.DELIVERED,
            body=json.dumps({"to": "+491701234567", "text": "a private text"}),
            to_masked="+49*******567",
            wamid="wamid.X",
            created_at=world.clock.now,
            trail={
                "1790000002000_SENT": "accepted",
                "1790000000000_CLAIMED": "sending",
                "1790000009000_DELIVERED": "webhook",
            },
        )
    )
    result = world.ask("message.show", id="m1")
    assert [step["status"] for step in result["trail"]] == ["CLAIMED", "SENT", "DELIVERED"]
    assert result["trail"][0]["at"] == format_instant(1_790_000_000.0)
    assert (result["found"], result["final"], result["to"]) == (True, True, "+49*******567")
    assert "1701234567" not in json.dumps(result)
    assert "private" not in json.dumps(result)


def test_show_of_an_unknown_message_says_so(world: World) -> None:
    result = world.ask("message.show", id="nobody")
    assert (result["found"], result["trail"]) == (False, [])


WAITS: dict[str, tuple[dict[str, Any], str | None]] = {
    "sent": ({"status": Status.SENT}, None),
    "claimed": ({"phase": Phase.SENDING, "act": 2, "way": "whatsapp"}, "claimed act 2 (whatsapp)"),
    "later": ({"phase": Phase.WAITING, "lane": Lane.TIMER, "due": 1_790_000_000.0}, "its time, 2026-09-21T"),
    "speech": ({"phase": Phase.SPEAKING, "lane": Lane.TIMER, "due": 1.0}, "its recording"),
    "parked": ({"status": Status.PARKED, "lane": Lane.BULK, "due": 1.0}, "its turn in the bulk backlog"),
    "held": ({"status": Status.PARKED, "lane": "template:offer", "due": 1.0}, "template offer"),
    "paused": ({"status": Status.PARKED, "lane": "campaign:spring", "due": 1.0}, "campaign spring"),
    "refused": ({"status": Status.REJECTED, "lane": Lane.REFUSED, "due": 1.0}, "an operator"),
    "failed": ({"status": Status.FAILED, "lane": Lane.TIMER, "due": 1.0}, "its fallback"),
    "carrier": ({"phase": None}, "its SQS message"),
    "newer": ({"phase": "texting"}, "another version of Lifeline"),
}


@pytest.mark.parametrize(("fields", "words"), WAITS.values(), ids=WAITS)
def test_show_says_in_words_what_a_message_waits_for(
    world: World, fields: dict[str, Any], words: str | None
) -> None:
    world.ledger.put(replace(Row("m1", rev=1), **fields))
    result = world.ask("message.show", id="m1")
    if words is None:
        assert result["waits_for"] is None
    else:
        assert words in result["waits_for"]


def test_show_tells_acts_doubts_and_who_may_have_been_told_twice(world: World) -> None:
    doubts = (Doubt(1, "whatsapp", 1_790_000_000.0), Doubt(3, "email", 1_790_000_060.0))
    row = Row("m1", PUSHED, act=4, way="push", doubts=doubts, duplicates=(2,), conflicts=3)
    world.ledger.put(row)
    result = world.ask("message.show", id="m1")
    assert (result["acts"], result["way"], result["reached"]) == (4, "push", True)
    assert [(doubt["act"], doubt["way"]) for doubt in result["doubts"]] == [(1, "whatsapp"), (3, "email")]
    assert result["doubts"][0]["at"] == format_instant(1_790_000_000.0)
    assert (result["possible_duplicates"], result["duplicates"], result["conflicts"]) == (3, [2], 3)


def test_show_names_the_doubt_that_is_waited_for(world: World) -> None:
    world.ledger.put(
        Row(
            "m1",
            Status.IN_DOUBT,
            act=1,
            phase=Phase.WAITING,
            lane=Lane.TIMER,
            due=1_790_000_060.0,
            doubts=(Doubt(1, "whatsapp", 1_790_000_000.0),),
        )
    )
    assert "a report of act 1 (whatsapp)" in world.ask("message.show", id="m1")["waits_for"]


@pytest.mark.parametrize(
    ("priority", "queue"),
    [("critical", CRITICAL_QUEUE), ("normal", WHATSAPP_QUEUE), ("bulk", BULK_QUEUE)],
)
def test_send_puts_a_message_on_the_queue_of_its_priority(world: World, priority: str, queue: str) -> None:
    message = {"to": "+491701234567", "type": "text", "text": "hello", "priority": priority}
    result = world.ask("message.send", message=message, actor=ACTOR)
    (sent,) = world.queues.carriers(queue)
    assert parse_message(sent.body).id == result["id"]
    assert (result["queue"], sent.attributes) == (queue, {}), "as a producer would"
    assert (result["known"], result["to"]) == (False, "+49*******567")
    event = world.ask("panic.history")["events"][0]
    assert event["actor"] == ACTOR
    assert result["id"] in event["reason"]
    assert "hello" not in json.dumps([fields for _, _, fields in world.log.lines], default=str)


def test_send_of_a_known_id_sends_nothing(world: World) -> None:
    world.ledger.put(Row("m1", Status.SENT))
    message = {"id": "m1", "to": "+491701234567", "type": "text", "text": "hello"}
    assert world.ask("message.send", message=message, actor=ACTOR)["known"] is True
    assert world.queues.carriers("whatsapp-queue") == []


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({}, "message.to: is required"),
        ({"to": "+49170", "type": "sms"}, "must be one of"),
        ({"to": "+49170", "type": "text"}, "message.text: is required"),
        ({"to": "+49170", "type": "text", "text": "x", "extra": 1}, "not a known field"),
        ({"to": "+49170", "type": "text", "text": "x" * 5000}, "at most"),
    ],
)
def test_send_of_a_broken_message_lists_the_faults(world: World, message: dict[str, Any], words: str) -> None:
    error = world.refused("message.send", message=message, actor=ACTOR)
    assert words in error["message"]
    assert world.queues.carriers("whatsapp-queue") == []


def test_send_says_when_the_queue_did_not_take_it(world: World) -> None:
    world.queues.broken.add(world.settings.whatsapp_queue_url)
    message = {"to": "+491701234567", "type": "text", "text": "hello"}
    assert world.refused("message.send", message=message, actor=ACTOR)["code"] == "unavailable"


# --- contacts --------------------------------------------------------------------------------------------


def test_contacts_are_registered_and_bad_lines_named(world: World) -> None:
    lines = [
        {"line": 2, "user_id": "u1", "push_endpoint": ENDPOINT, "email": "u1@example.org"},
        {"line": 3, "user_id": "u2", "email": "u2@example.org", "push_endpoint": ""},
        {"line": 4, "user_id": "", "email": "u3@example.org"},
        {"line": 5, "user_id": "u4"},
        {"line": 6, "user_id": "u5", "email": "not an address"},
        {"line": 7, "user_id": "u6", "push_endpoint": "device-token"},
        {"line": 8, "user_id": "u7", "push_endpoint": ENDPOINT},
    ]
    result = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert result["saved"] == 3
    assert [item["line"] for item in result["rejected"]] == [4, 5, 6, 7]
    assert "user_id" in result["rejected"][0]["fault"]
    assert set(world.contacts.known) == {"u1", "u2", "u7"}
    assert "push" not in world.contacts.known["u2"].addresses, "an empty field keeps what is registered"


def test_several_devices_of_a_contact_are_registered_and_freed_of_their_marks(world: World) -> None:
    world.contacts.refuse("push", f"{ENDPOINT}2", "EndpointDisabled", 0.0)
    devices = [ENDPOINT, f"{ENDPOINT}2", ENDPOINT]
    lines = [
        {"line": 2, "user_id": "u1", "push_endpoint": devices},
        {"line": 3, "user_id": "u2", "push_endpoint": [f"{ENDPOINT}{n}" for n in range(11)]},
        {"line": 4, "user_id": "u3", "push_endpoint": [ENDPOINT, "device-token"]},
        {"line": 5, "user_id": "u4", "push_endpoint": []},
    ]
    result = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert [item["line"] for item in result["rejected"]] == [3, 4, 5]
    assert world.contacts.known["u1"].addresses == {"push": (ENDPOINT, f"{ENDPOINT}2")}
    assert world.contacts.marks == {}


def test_wishes_of_a_contact_are_registered_and_bad_ones_named(world: World) -> None:
    hours = {"start": 21.5, "end": 8}
    lines = [
        {"line": 2, "user_id": "u1", "time_zone": "UTC", "quiet_hours": hours, "language": "pt_BR"},
        {"line": 3, "user_id": "u2", "time_zone": "Mars/Olympus"},
        {"line": 4, "user_id": "u3", "quiet_hours": "9pm"},
        {"line": 5, "user_id": "u4", "quiet_hours": {"start": 21, "end": 24}},
        {"line": 6, "user_id": "u5", "language": "Klingon please"},
    ]
    result = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert [item["line"] for item in result["rejected"]] == [3, 4, 5, 6]
    found = world.contacts.known["u1"]
    assert (found.time_zone, found.quiet_hours, found.language) == ("UTC", (21.5, 8.0), "pt_BR")


def test_an_import_can_be_run_twice(world: World) -> None:
    lines = [{"line": 2, "user_id": "u1", "email": "u1@example.org"}]
    first = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    before = dict(world.contacts.known)
    assert world.ask("contacts.import", contacts=lines, actor=ACTOR) == first
    assert world.contacts.known == before


def test_a_line_that_could_not_be_saved_is_named_and_the_rest_goes_on(world: World) -> None:
    world.contacts.fails["u1"] = UnavailableError("DynamoDB", "saving a contact", "broken on purpose")
    lines = [{"line": 2, "user_id": "u1", "email": "a@b.c"}, {"line": 3, "user_id": "u2", "email": "a@b.c"}]
    result = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert (result["saved"], result["rejected"][0]["line"]) == (1, 2)


@pytest.mark.parametrize("contacts", [[], "u1", [{"user_id": "u1"}], [{"line": 1, "name": "x"}], [3] * 3])
def test_a_batch_that_is_none_is_refused(world: World, contacts: Any) -> None:
    assert world.refused("contacts.import", contacts=contacts, actor=ACTOR)["code"] == "invalid_request"
    assert world.contacts.known == {}


def test_a_contact_may_have_a_user_id_of_metas(world: World) -> None:
    lines = [
        {"line": 2, "user_id": "u1", "email": "u1@example.org", "bsuid": "US.1349"},
        {"line": 3, "user_id": "u2", "bsuid": "US.2"},
        {"line": 4, "user_id": "u3", "bsuid": "+16505551234"},
    ]
    result = world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert (result["saved"], [item["line"] for item in result["rejected"]]) == (2, [4])
    assert {name: one.bsuid for name, one in world.contacts.known.items()} == {"u1": "US.1349", "u2": "US.2"}
    lines = [{"line": 2, "user_id": "u1", "email": "new@example.org"}]
    world.ask("contacts.import", contacts=lines, actor=ACTOR)
    assert world.contacts.known["u1"].bsuid == "US.1349", "what is not given is kept"


def test_a_message_by_hand_may_go_to_a_user_id(world: World) -> None:
    message = {"recipient": {"bsuid": "US.13491208655302741918"}, "type": "text", "text": "hello"}
    assert world.ask("message.send", message=message, actor=ACTOR)["to"] == "US.13***************918"
