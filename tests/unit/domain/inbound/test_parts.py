"""A POST that fits stays as it is; a larger one becomes parts that say the same together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.queues import BYTES_PER_CALL
from lifeline.domain.inbound.ours import WebhookRules, ours
from lifeline.domain.inbound.parts import PART, TooLargeError, parts
from lifeline.domain.inbound.webhooks import UnreadableError, parse

from tests.support.meta import PHONE_NUMBER_ID, WABA_ID, change, failed, post, status

OURS = ours(WABA_ID, PHONE_NUMBER_ID, WebhookRules())


def said(*bodies: bytes | str) -> list[str]:
    """What updates say, whatever their order."""
    return sorted(repr(update) for body in bodies for update in parse(body, OURS))


def test_what_fits_stays_as_it_is() -> None:
    raw = b'{"object":  "whatsapp_business_account", "x": "\xc3\xa4\\u00e4"}'
    assert parts(raw) == [raw.decode()]
    assert PART < BYTES_PER_CALL < 1024 * 1024


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7"])
def test_what_is_no_post_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        parts(raw)


def test_an_update_that_is_too_large_alone_is_refused() -> None:
    raw = post(change("messages", {"statuses": [status("a", "sent", note="x" * 500)]}))
    with pytest.raises(TooLargeError):
        parts(raw, 300)


TEXT = st.text(alphabet="ab\u00e4\U0001f600", max_size=6)
PEOPLE = st.sampled_from(["491", "492", "493"])
STATUS = st.builds(lambda name, word: status(name, word), TEXT, st.sampled_from(["sent", "read"]))
FAILED = st.builds(lambda name: failed(name, 131026), TEXT)
MESSAGE = st.builds(
    lambda person, wamid, kind: {"from": person, "id": wamid, "type": kind, "text": {"body": wamid}},
    PEOPLE,
    TEXT,
    st.sampled_from(["text", "unsupported"]),
)
CONTACT = st.builds(lambda person: {"wa_id": person, "profile": {"name": person}}, PEOPLE)
WISH = st.builds(lambda person: {"wa_id": person, "value": "stop", "timestamp": 1}, PEOPLE)
METADATA = {"metadata": {"phone_number_id": PHONE_NUMBER_ID}}
MESSAGES = st.builds(
    lambda **lists: change("messages", METADATA | {name: item for name, item in lists.items() if item}),
    statuses=st.lists(STATUS | FAILED, max_size=5),
    messages=st.lists(MESSAGE, max_size=5),
    contacts=st.lists(CONTACT, max_size=3),
    errors=st.lists(st.just({"code": 131051}), max_size=2),
)
WISHES = st.builds(
    lambda wishes, contacts: change(
        "user_preferences", METADATA | {"user_preferences": wishes, "contacts": contacts}
    ),
    st.lists(WISH, min_size=1, max_size=4),
    st.lists(CONTACT, max_size=3),
)
OTHER = st.just(change("account_update", {"event": "ACCOUNT_RESTRICTION"}))


@given(changes=st.lists(MESSAGES | WISHES | OTHER, max_size=4), entries=st.integers(1, 3))
def test_the_parts_say_together_what_the_whole_says(changes: list[dict[str, Any]], entries: int) -> None:
    document = json.loads(post(*changes, time=1_790_000_000))
    document["entry"] *= entries
    raw = json.dumps(document).encode()
    try:
        found = parts(raw, 700)
    except TooLargeError:
        return
    assert all(len(part.encode()) <= 700 for part in found)
    assert said(*found) == said(raw)


def test_bytes_that_are_no_text_and_characters_that_grow() -> None:
    raw = b'{"object": "whatsapp_business_account", "note": "' + b"\xff" * 400 + b'"}'
    (whole,) = parts(raw, 2000)
    assert "\ufffd" * 400 in whole
    with pytest.raises(TooLargeError):
        parts(raw, 1000)
