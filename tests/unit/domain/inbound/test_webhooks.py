"""Hostile webhooks: each POST with what is left of it; a good update beside bad ones always goes on."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.contract.inbound import parse_inbound
from lifeline.domain.inbound import inbound
from lifeline.domain.inbound.notification import MAX_NOTICE_TEXT, notification
from lifeline.domain.inbound.ours import Ours
from lifeline.domain.inbound.webhooks import (
    AccountError,
    AccountUpdate,
    InboundMessage,
    StatusUpdate,
    TemplateUpdate,
    UnreadableError,
    Update,
    parse,
)
from lifeline.domain.person import PersonKey

NOW = 1_790_000_000.0
OURS = Ours("1", frozenset({"2"}))
GOOD: dict[str, Any] = {"id": "wamid.good", "status": "delivered", "biz_opaque_callback_data": "m-good"}
HOLE = "%HOLE%"


def post(*values: tuple[str, dict[str, Any]]) -> str:
    """One POST with these changes and, last, a good status."""
    changes = [{"field": name, "value": value} for name, value in values]
    changes.append({"field": "messages", "value": {"statuses": [GOOD]}})
    entry = {"id": "1", "time": 1_790_000_000, "changes": changes}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def read(raw: str | bytes) -> list[Update]:
    """All updates; the good one is there, and all of them can be encoded."""
    updates = parse(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"), OURS)
    last = updates[-1]
    assert isinstance(last, StatusUpdate)
    assert (last.wamid, last.message_id, last.state) == ("wamid.good", "m-good", "delivered")
    for update in updates:
        json.dumps(asdict(update), allow_nan=False, ensure_ascii=False).encode()
        if isinstance(update, InboundMessage):
            carried(update)
    return updates


def carried(update: InboundMessage) -> dict[str, Any]:
    """What becomes of a message of a person: something that a topic or a queue takes."""
    note = inbound.voice_note(update.wamid, update.value, update.contact, update.number, NOW)
    if note is not None:
        assert inbound.VoiceNote.read(note.job()) == note
        assert PersonKey("k").person(note.sender.who)
        return asdict(note)
    notice = notification(update.wamid, update.value, update.contact, update.number, NOW, update.errors)
    size = len(json.dumps(notice, ensure_ascii=False, allow_nan=False).encode())
    assert size < 256 * 1024
    parse_inbound(json.dumps(notice))
    return notice


HOSTILE = {
    "half a character": '"cut \\ud83d"',
    "the other half": '"\\udc00 cut"',
    "NUL": '"a\\u0000b"',
    "a control character as it is": '"a\x1bb"',
    "C1": '"a\\u0085b"',
    "no character": '"\\uffff"',
    "300 KB": json.dumps("x" * 300_000),
    "300 KB of emojis": json.dumps("\U0001f600" * 75_000),
    "900 levels": "[" * 900 + "]" * 900,
    "900 objects": '{"a":' * 900 + "1" + "}" * 900,
    "20,000 levels": "[" * 20_000 + "]" * 20_000,
    "400 digits": "9" * 400,
    "400 digits in a text": '"' + "9" * 400 + '"',
    "5,000 digits": "9" * 5000,
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e300": "1e300",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "null": "null",
    "true": "true",
    "a list": "[1, [2]]",
    "an object": '{"a": {"b": 1}}',
    "nothing": '""',
}


def messages(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "messages", {"messages": [{"id": "w", **fields}]}


def statuses(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "messages", {"statuses": [{"id": "w", "status": "failed", **fields}]}


def template(**fields: Any) -> tuple[str, dict[str, Any]]:
    named = {"message_template_name": "a", "event": "REJECTED", **fields}
    return "message_template_status_update", named


BODY: dict[str, Any] = {"type": "text", "text": {"body": "x"}}
PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "text": messages(type="text", text={"body": HOLE}),
    "wamid": ("messages", {"messages": [{**BODY, "id": HOLE}]}),
    "from": messages(**BODY, **{"from": HOLE}),
    "type": messages(type=HOLE),
    "timestamp": messages(type="x", timestamp=HOLE),
    "reply": messages(**BODY, context={"id": HOLE}),
    "caption": messages(type="image", image={"caption": HOLE}),
    "key": messages(type="image", image={HOLE: "x"}),
    "name": (
        "messages",
        {"contacts": [{"profile": {"name": HOLE}}], "messages": [{"id": "w", "type": "sticker"}]},
    ),
    "user id": messages(type="sticker", from_user_id=HOLE),
    "voice note": messages(type="audio", audio={"voice": True, "id": HOLE}),
    "voice digest": messages(type="voice", voice={"id": "1", "sha256": HOLE, "mime_type": HOLE}),
    "status": ("messages", {"statuses": [{"id": "w", "status": HOLE}]}),
    "status wamid": ("messages", {"statuses": [{"id": HOLE, "status": "failed"}]}),
    "status id": statuses(biz_opaque_callback_data=HOLE),
    "status time": statuses(timestamp=HOLE),
    "error code": statuses(errors=[{"code": HOLE}]),
    "error title": statuses(errors=[{"title": HOLE}]),
    "error details": statuses(errors=[{"code": 1, "error_data": {"details": HOLE}}]),
    "account error": ("messages", {"errors": [{"code": 130429, "message": HOLE}]}),
    "template reason": template(reason=HOLE),
    "template name": template(message_template_name=HOLE),
    "template info": template(other_info={"description": HOLE}),
    "account": ("account_update", {"event": HOLE, "ban_info": {"waba_ban_state": HOLE}}),
    "restriction": (
        "account_update",
        {"event": "X", "restriction_info": [{"restriction_type": HOLE, "expiration": HOLE}] * 25},
    ),
    "quality": ("phone_number_quality_update", {"event": "FLAGGED", "current_limit": HOLE, HOLE: "x"}),
    "quality of a template": (
        "message_template_quality_update",
        {"message_template_name": "a", "new_quality_score": HOLE, HOLE: "x"},
    ),
    "category": ("template_category_update", {"message_template_name": HOLE, "new_category": HOLE}),
    "alert": ("account_alerts", {"alert_info": HOLE}),
    "alert type": ("account_alerts", {"alert_info": {"alert_type": HOLE, "alert_severity": HOLE}}),
    "decision": ("account_review_update", {"decision": HOLE}),
    "display name": ("phone_number_name_update", {"decision": "REJECTED", "rejection_reason": HOLE}),
    "security": ("security", {"event": HOLE, "requester": HOLE}),
    "capability": ("business_capability_update", {HOLE: "x"}),
    "partner": ("account_update", {"event": "PARTNER_REMOVED", "waba_info": HOLE}),
    "preference": ("user_preferences", {"user_preferences": HOLE}),
    "wish": ("user_preferences", {"user_preferences": [{"wa_id": "1", "value": HOLE}]}),
    "time of a wish": (
        "user_preferences",
        {"user_preferences": [{"wa_id": "1", "value": "stop", "timestamp": HOLE}]},
    ),
    "whose wish": ("user_preferences", {"user_preferences": [{"wa_id": HOLE, "value": "stop"}]}),
    "group": messages(**BODY, group_id=HOLE),
    "referral": messages(**BODY, referral=HOLE),
    "errors of a message": messages(type="unsupported", errors=HOLE),
    "error of a message": messages(
        type="unsupported", errors=[{"code": HOLE, "title": HOLE, "details": HOLE}]
    ),
    "beside a message": ("messages", {"messages": [{"type": "unsupported"}], "errors": [HOLE]}),
    "button": messages(type="button", button={"text": HOLE, "payload": HOLE}),
    "list": messages(type="interactive", interactive={"list_reply": {"id": HOLE, "title": HOLE}}),
    "flow": messages(type="interactive", interactive={"nfm_reply": {"response_json": HOLE, "body": HOLE}}),
    "order": messages(type="order", order={"product_items": [{"quantity": HOLE}], "text": HOLE}),
    "place": messages(type="location", location={"name": HOLE, "address": HOLE}),
    "cards": messages(type="contacts", contacts=[{"name": {"formatted_name": HOLE}}]),
    "size": messages(type="image", image={"file_size": HOLE, "mime_type": HOLE}),
    "user name": (
        "messages",
        {"contacts": [{"profile": {"username": HOLE}}], "messages": [{"id": "w", "type": "sticker"}]},
    ),
    "a new field": ("what_comes_next", {"a": HOLE}),
    "the whole value": ("messages", dict.fromkeys(("messages", "statuses", "contacts", "errors"), HOLE)),
}


def filled(place: str, value: str) -> str:
    """The POST with a value in place; a key can only be a text."""
    key = value if value.startswith('"') else json.dumps(value)
    return post(PLACES[place]).replace(f'"{HOLE}": "x"', f'{key}: "x"').replace(f'"{HOLE}"', value)


@pytest.mark.parametrize(
    ("event", "reason", "meant"),
    [
        ("UNPAUSE", "NONE", "UNPAUSED"),
        ("PAUSED", "UNPAUSE", "UNPAUSED"),
        ("APPROVED", "UNPAUSE", "APPROVED"),
        ("REJECTED", "PROMOTIONAL", "REJECTED"),
    ],
)
def test_meta_says_in_two_ways_that_a_template_is_no_longer_paused(
    event: str, reason: str, meant: str
) -> None:
    update = read(post(template(event=event, reason=reason)))[0]
    assert isinstance(update, TemplateUpdate)
    assert update.event == meant


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_meta_sends_the_good_status_beside_it_goes_on(place: str, what: str) -> None:
    assert read(filled(place, HOSTILE[what]))


def one(place: str, what: str) -> Any:
    return read(filled(place, HOSTILE[what]))[0]


def test_where_each_ends() -> None:
    text = one("text", "half a character")
    assert isinstance(text, InboundMessage)
    assert carried(text)["text"] == "cut \ufffd"
    assert one("wamid", "half a character").wamid == "cut \ufffd"
    name = one("name", "half a character")
    assert carried(name)["profile"] == "cut \ufffd"
    reason = one("template reason", "half a character")
    assert isinstance(reason, TemplateUpdate)
    assert reason.reason == "cut \ufffd"
    assert len(one("template reason", "300 KB").reason) == 300
    failed = one("error details", "half a character")
    assert "cut \ufffd" in failed.failure.details
    account = one("account error", "C1")
    assert isinstance(account, AccountError)
    quality = one("quality", "1e400")
    assert isinstance(quality, AccountUpdate)
    for what in ("400 digits", "400 digits in a text", "5,000 digits", "1e400", "NaN", "900 levels"):
        assert one("status time", what).at is None
        timestamp = one("timestamp", what)
        assert inbound.received_at(timestamp.value, NOW) == NOW


def test_a_text_of_300_kb_is_cut_so_that_the_topic_takes_it() -> None:
    for what in ("300 KB", "300 KB of emojis"):
        assert len(carried(one("text", what))["text"]) == MAX_NOTICE_TEXT
    assert carried(one("caption", "300 KB"))["message"] is None


def test_halves_as_raw_bytes_and_bytes_that_are_no_utf8_are_mended() -> None:
    raw = post(PLACES["text"]).encode().replace(HOLE.encode(), b"\xed\xa0\xbd \xff")
    update = read(raw)[0]
    assert isinstance(update, InboundMessage)
    assert set(carried(update)["text"]) == {"\ufffd", " "}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"a":' * 900], ids=len
)
def test_what_is_no_json_object_is_unreadable_and_says_so(raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse(raw, OURS)


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_post_that_was_cut_off_is_unreadable(cut: int) -> None:
    raw = post(PLACES["text"]).encode()
    with pytest.raises(UnreadableError):
        parse(raw[:-cut], OURS)


@given(st.binary(max_size=200))
def test_bytes_never_raise_anything_else(raw: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        parse(raw, OURS)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PLACES)), values)
def test_any_value_in_any_place(place: str, value: Any) -> None:
    read(filled(place, json.dumps(value)))
