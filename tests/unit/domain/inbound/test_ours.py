"""Whose a webhook is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.domain.inbound.ours import BusinessNumber, Ours, WebhookRules, ours
from lifeline.domain.inbound.webhooks import (
    AccountError,
    Foreign,
    InboundMessage,
    StatusUpdate,
    Update,
    parse,
)

OURS = ours("20", "10", WebhookRules(("100011",)))


def updates(field: str, value: dict[str, Any], waba: Any = "20", who: Ours = OURS) -> list[Update]:
    entry = {"id": waba, "changes": [{"field": field, "value": value}]}
    return parse(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode(), who)


def messages(number: Any, **value: Any) -> dict[str, Any]:
    return {"metadata": {"phone_number_id": number, "display_phone_number": "+1 555-078-3881"}, **value}


STATUS = {"statuses": [{"id": "w", "status": "read", "biz_opaque_callback_data": "m#1"}]}
WROTE = {"messages": [{"id": "w", "from": "491700000001", "type": "text", "text": {"body": "hi"}}]}
ERRORS = {"errors": [{"code": 130429}]}


@pytest.mark.parametrize(
    ("content", "kind"), [(STATUS, StatusUpdate), (WROTE, InboundMessage), (ERRORS, AccountError)]
)
@pytest.mark.parametrize("number", ["10", "100011", 10])
def test_our_number_and_the_listed_ones_are_ours(
    content: dict[str, Any], kind: type[Update], number: Any
) -> None:
    (found,) = updates("messages", messages(number, **content))
    assert isinstance(found, kind)


@pytest.mark.parametrize("content", [STATUS, WROTE, ERRORS, {}])
@pytest.mark.parametrize(
    ("waba", "number"),
    [
        ("20", "11"),
        ("20", "1"),
        ("20", " 10"),
        ("21", "10"),
        ("21", "11"),
        ("21", ""),
        ("", ""),
        ("", "11"),
        (None, None),
    ],
)
def test_each_id_that_is_named_must_be_ours_and_one_must_be(
    content: dict[str, Any], waba: Any, number: Any
) -> None:
    (found,) = updates("messages", messages(number, **content), waba)
    assert found == Foreign("messages", waba or "", str(number or ""))


def test_a_field_that_meta_leaves_out_does_not_make_us_deaf() -> None:
    assert isinstance(updates("messages", dict(STATUS))[0], StatusUpdate)
    assert isinstance(updates("messages", messages("10", **STATUS), "")[0], StatusUpdate)


@pytest.mark.parametrize(
    "field",
    [
        "account_update",
        "message_template_status_update",
        "phone_number_quality_update",
        "message_template_quality_update",
        "template_category_update",
    ],
)
def test_what_is_said_of_an_account_is_ours_by_its_id_alone(field: str) -> None:
    value = {"event": "PAUSED", "message_template_name": "a", "metadata": {"phone_number_id": "10"}}
    assert not isinstance(updates(field, value)[0], Foreign)
    for waba in ("21", "", None, "2", "20 ", ["20"]):
        assert isinstance(updates(field, value, waba)[0], Foreign)


def test_an_id_of_ours_that_is_not_known_matches_nothing() -> None:
    nobody = ours("", "", WebhookRules())
    for waba in ("", "20", None):
        assert isinstance(updates("account_update", {"event": "X"}, waba, nobody)[0], Foreign)
        assert isinstance(updates("messages", messages("", **STATUS), waba, nobody)[0], Foreign)


def test_other_entries_of_the_same_post_are_ours_all_the_same() -> None:
    change = {"field": "messages", "value": messages("10", **STATUS)}
    entries = [{"id": name, "changes": [change]} for name in ("21", "20")]
    found = parse(json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode(), OURS)
    assert [type(update) for update in found] == [Foreign, StatusUpdate]


@pytest.mark.parametrize(
    ("metadata", "number"),
    [
        (
            {"phone_number_id": "10", "display_phone_number": "15550783881"},
            BusinessNumber("10", "+15550783881"),
        ),
        (
            {"phone_number_id": "10", "display_phone_number": "+1 555-078-3881"},
            BusinessNumber("10", "+15550783881"),
        ),
        ({"phone_number_id": "10", "display_phone_number": "١٢٣"}, BusinessNumber("10", "")),
        ({"phone_number_id": "10", "display_phone_number": "9" * 400}, BusinessNumber("10", "")),
        ({"phone_number_id": {}, "display_phone_number": []}, BusinessNumber()),
        (None, BusinessNumber()),
        (["10"], BusinessNumber()),
    ],
)
def test_a_number_is_read_leniently(metadata: Any, number: BusinessNumber) -> None:
    assert BusinessNumber.read(metadata) == number


def test_what_is_not_said_is_null() -> None:
    assert BusinessNumber().notice() == {"phone_number_id": None, "display_phone_number": None}


def test_settings() -> None:
    assert WebhookRules.parse({}) == WebhookRules()
    assert WebhookRules.parse({"numbers": ["100000000000009"]}).numbers == ("100000000000009",)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"number": []},
        {"numbers": "1"},
        {"numbers": [12345]},
        {"numbers": [""]},
        {"numbers": ["12345\n"]},
        {"numbers": ["١٢٣٤٥"]},
        {"numbers": ["12345"] * 101},
    ],
)
def test_wrong_settings_are_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"number|object"):
        WebhookRules.parse(document)
