"""Our own samples of what Meta posts: each kind of message with its notification, each field of the account.

The shapes are those of Meta's documentation (``whatsapp_business_account`` webhooks, 2024 to 2026), the
values are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.support.meta import change

WROTE: Final = "16505551234"
BSUID: Final = "US.13491208655302741918"
CONTACT: Final[dict[str, Any]] = {
    "profile": {"name": "Ana", "username": "ana.writes"},
    "wa_id": WROTE,
    "user_id": BSUID,
}
SHA: Final = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
AD: Final[dict[str, Any]] = {
    "source_url": "https://fb.me/abc",
    "source_type": "ad",
    "source_id": "120225000000000000",
    "headline": "Check-ups in May",
    "body": "Book yours",
    "media_type": "image",
    "image_url": "https://scontent.example/ad.jpg",
    "thumbnail_url": "https://scontent.example/t.jpg",
    "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ",
    "welcome_message": {"text": "Hello"},
}


@dataclass(frozen=True, slots=True)
class Said:
    """One message. ``told``: fields of its notification that differ from an empty one's."""

    part: dict[str, Any]
    told: Mapping[str, Any]
    errors: tuple[dict[str, Any], ...] = ()
    """Errors beside it, in the same value."""

    @property
    def message(self) -> dict[str, Any]:
        """As Meta posts it."""
        head = {"from": WROTE, "from_user_id": BSUID, "id": "wamid.sample", "timestamp": "1789999990"}
        return {**head, **self.part}


def _kind(kind: str, part: object, told: Mapping[str, Any], **more: Any) -> Said:
    return Said({"type": kind, kind: part, **more}, told)


def _media(**values: Any) -> dict[str, Any]:
    return {"id": "1013859600285441", "type": None, "size": None, "sha256": SHA, "filename": None, **values}


def _choice(**values: Any) -> dict[str, Any]:
    return {"id": None, "title": None, "description": None, "answers": None, **values}


def _file(mime: str, **more: Any) -> dict[str, Any]:
    return {"id": "1013859600285441", "mime_type": mime, "sha256": SHA, **more}


UNKNOWN: Final = {
    "code": 131051,
    "title": "Message type unknown",
    "message": "Message type unknown",
    "error_data": {"details": "Message type is currently not supported."},
}
_UNKNOWN_TOLD: Final = {
    "code": 131051,
    "title": "Message type unknown",
    "details": "Message type is currently not supported.",
}

MESSAGES: Final[Mapping[str, Said]] = {
    "text": _kind("text", {"body": "Can we move it?"}, {"kind": "text", "text": "Can we move it?"}),
    "reply": _kind(
        "text",
        {"body": "Yes"},
        {"kind": "text", "text": "Yes", "reply_to": "wamid.0"},
        context={"from": "15550783881", "id": "wamid.0"},
    ),
    "forwarded": _kind(
        "text",
        {"body": "look"},
        {"kind": "text", "text": "look", "forwarded": True},
        context={"forwarded": True},
    ),
    "forwarded often": _kind(
        "text",
        {"body": "look"},
        {"kind": "text", "text": "look", "forwarded": True},
        context={"frequently_forwarded": True},
    ),
    "from an advertisement": _kind(
        "text", {"body": "hi"}, {"kind": "text", "text": "hi", "referral": AD}, referral=AD
    ),
    "about a product": _kind(
        "text",
        {"body": "how much?"},
        {"kind": "text", "text": "how much?", "reply_to": "wamid.0"},
        context={"id": "wamid.0", "referred_product": {"catalog_id": "1", "product_retailer_id": "SKU-1"}},
    ),
    "to a group": _kind(
        "text",
        {"body": "hello all"},
        {"kind": "text", "text": "hello all", "group_id": "Y2FwaV9ncm91cDox"},
        group_id="Y2FwaV9ncm91cDox",
    ),
    "image": _kind(
        "image",
        _file("image/jpeg", caption="my card", url="https://lookaside.example/1"),
        {"kind": "image", "text": "my card", "media": _media(type="image/jpeg")},
    ),
    "image without words": _kind(
        "image", _file("image/png"), {"kind": "image", "media": _media(type="image/png")}
    ),
    "video": _kind(
        "video",
        _file("video/mp4", caption="see", file_size="303833"),
        {"kind": "video", "text": "see", "media": _media(type="video/mp4", size=303833)},
    ),
    "audio": _kind("audio", _file("audio/mpeg"), {"kind": "audio", "media": _media(type="audio/mpeg")}),
    "document": _kind(
        "document",
        _file("application/pdf", filename="letter.pdf", caption="from my doctor"),
        {
            "kind": "document",
            "text": "from my doctor",
            "media": _media(type="application/pdf", filename="letter.pdf"),
        },
    ),
    "sticker": _kind(
        "sticker",
        _file("image/webp", animated=False),
        {"kind": "sticker", "media": _media(type="image/webp")},
    ),
    "location": _kind(
        "location",
        {"latitude": 37.48, "longitude": -122.14, "name": "The clinic", "address": "1 Main St"},
        {"kind": "location", "text": "The clinic, 1 Main St"},
    ),
    "location without a name": _kind(
        "location", {"latitude": 37.48, "longitude": -122.14}, {"kind": "location"}
    ),
    "contacts": _kind(
        "contacts",
        [{"name": {"formatted_name": "Ben Lee", "first_name": "Ben"}}, {"name": {"first_name": "Cleo"}}],
        {"kind": "contacts", "text": "Ben Lee, Cleo"},
    ),
    "button of a template": _kind(
        "button",
        {"payload": "confirm-17", "text": "Confirm"},
        {
            "kind": "button",
            "text": "Confirm",
            "reply_to": "wamid.0",
            "choice": _choice(id="confirm-17", title="Confirm"),
        },
        context={"from": "15550783881", "id": "wamid.0"},
    ),
    "reply button": _kind(
        "interactive",
        {"type": "button_reply", "button_reply": {"id": "b1", "title": "Yes"}},
        {"kind": "button", "text": "Yes", "choice": _choice(id="b1", title="Yes")},
    ),
    "list": _kind(
        "interactive",
        {
            "type": "list_reply",
            "list_reply": {"id": "r2", "title": "Friday", "description": "from 9 to 12"},
        },
        {
            "kind": "list",
            "text": "Friday",
            "choice": _choice(id="r2", title="Friday", description="from 9 to 12"),
        },
    ),
    "flow": _kind(
        "interactive",
        {
            "type": "nfm_reply",
            "nfm_reply": {
                "name": "flow",
                "body": "Sent",
                "response_json": '{"flow_token": "t", "day": "Friday", "people": 2}',
            },
        },
        {
            "kind": "flow",
            "text": "day: Friday\npeople: 2",
            "choice": _choice(id="flow", title="Sent", answers={"day": "Friday", "people": 2}),
        },
    ),
    "flow without answers": _kind(
        "interactive",
        {
            "type": "nfm_reply",
            "nfm_reply": {"name": "address_message", "body": "1 Main St", "response_json": "x"},
        },
        {
            "kind": "flow",
            "text": "1 Main St",
            "choice": _choice(id="address_message", title="1 Main St"),
        },
    ),
    "permission to call": _kind(
        "interactive",
        {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}},
        {"kind": "other"},
    ),
    "reaction": _kind(
        "reaction",
        {"message_id": "wamid.0", "emoji": "\U0001f44d"},
        {"kind": "reaction", "text": "\U0001f44d", "reply_to": "wamid.0"},
    ),
    "reaction taken back": _kind(
        "reaction", {"message_id": "wamid.0"}, {"kind": "reaction", "reply_to": "wamid.0"}
    ),
    "order": _kind(
        "order",
        {
            "catalog_id": "5",
            "product_items": [
                {"product_retailer_id": "SKU-1", "quantity": 2, "item_price": 30, "currency": "USD"}
            ],
        },
        {"kind": "order", "text": "2 x SKU-1"},
    ),
    "order with a note": _kind(
        "order",
        {"catalog_id": "5", "text": "ring twice", "product_items": []},
        {"kind": "order", "text": "ring twice"},
    ),
    "number changed": _kind(
        "system",
        {"body": "Ana changed from 1 to 2", "type": "user_changed_number", "wa_id": "16505550000"},
        {"kind": "system"},
    ),
    "unsupported": Said(
        {"type": "unsupported", "errors": [UNKNOWN]}, {"kind": "unsupported", "errors": [_UNKNOWN_TOLD]}
    ),
    "unsupported, error beside it": Said(
        {"type": "unsupported"}, {"kind": "unsupported", "errors": [_UNKNOWN_TOLD]}, (UNKNOWN,)
    ),
    "unsupported, old and flat": Said(
        {"type": "unsupported", "errors": [{"code": 131051, "title": "Unsupported", "details": "no"}]},
        {"kind": "unsupported", "errors": [{"code": 131051, "title": "Unsupported", "details": "no"}]},
    ),
    "something went wrong": Said(
        {"type": "unsupported", "errors": [{"code": 131000, "title": "Something went wrong"}]},
        {
            "kind": "unsupported",
            "errors": [{"code": 131000, "title": "Something went wrong", "details": ""}],
        },
    ),
    "first contact": Said({"type": "request_welcome"}, {"kind": "other"}),
    "what comes next": _kind("hologram", {"id": "1"}, {"kind": "other"}),
}
"""Kinds of message but voice notes, by a name."""


@dataclass(frozen=True, slots=True)
class News:
    """One change of the account, a number or a template. ``state``: what it leads to: ``panic``, ``warning``,
    ``info`` or ``note``. ``audience``: who is told."""

    field: str
    value: dict[str, Any]
    state: str
    audience: tuple[str, ...] = ()
    template: str = ""
    words: tuple[str, ...] = ()
    """What stands in the notification."""

    @property
    def change(self) -> dict[str, Any]:
        """As Meta posts it."""
        return change(self.field, self.value)


_TEMPLATE: Final = {
    "message_template_id": 1234567,
    "message_template_name": "promo",
    "message_template_language": "en_US",
}
_BOTH: Final = ("engineering", "marketing")
_SUPPORT: Final = ("engineering", "meta-support")
_NUMBER: Final = {"display_phone_number": "15550783881"}


def _alert(severity: str, status: str = "ACTIVE") -> dict[str, Any]:
    info = {
        "alert_severity": severity,
        "alert_status": status,
        "alert_type": "INCREASED_CAPABILITIES_ELIGIBILITY_FAILED",
        "alert_description": "Your business is not eligible.",
    }
    return {"entity_type": "BUSINESS", "entity_id": "506914307656634", "alert_info": info}


ACCOUNT: Final[Mapping[str, News]] = {
    "alert": News("account_alerts", _alert("CRITICAL"), "warning", _SUPPORT, words=("not eligible",)),
    "alert, flat": News(
        "account_alerts",
        {"alert_severity": "WARNING", "alert_status": "ACTIVE", "alert_type": "PROFILE_PICTURE_LOST"},
        "warning",
        _SUPPORT,
        words=("PROFILE_PICTURE_LOST",),
    ),
    "alert that is over": News("account_alerts", _alert("CRITICAL", "NONE"), "info", _SUPPORT),
    "mild alert": News("account_alerts", _alert("INFORMATIONAL"), "info", _SUPPORT),
    "review passed": News("account_review_update", {"decision": "APPROVED"}, "info", _SUPPORT),
    "review deferred": News("account_review_update", {"decision": "DEFERRED"}, "warning", _SUPPORT),
    "review failed": News("account_review_update", {"decision": "REJECTED"}, "panic", _SUPPORT),
    "name accepted": News(
        "phone_number_name_update",
        {**_NUMBER, "decision": "APPROVED", "requested_verified_name": "Clinic", "rejection_reason": None},
        "info",
        _BOTH,
    ),
    "name refused": News(
        "phone_number_name_update",
        {
            **_NUMBER,
            "decision": "REJECTED",
            "requested_verified_name": "Clinic",
            "rejection_reason": "NAME_EMPLOYEE",
        },
        "warning",
        _BOTH,
        words=("NAME_EMPLOYEE", "Clinic", "***881"),
    ),
    "quality flagged": News(
        "phone_number_quality_update",
        {**_NUMBER, "event": "FLAGGED", "current_limit": "TIER_1K"},
        "warning",
        _BOTH,
        words=("TIER_1K",),
    ),
    "throughput up": News(
        "phone_number_quality_update", {**_NUMBER, "event": "THROUGHPUT_UPGRADE"}, "info", _BOTH
    ),
    "PIN changed": News(
        "security",
        {**_NUMBER, "event": "PIN_CHANGED", "requester": "61555822107539"},
        "warning",
        ("engineering",),
        words=("PIN_CHANGED",),
    ),
    "PIN reset asked": News(
        "security", {**_NUMBER, "event": "PIN_RESET_REQUEST"}, "warning", ("engineering",)
    ),
    "limits changed": News(
        "business_capability_update",
        {"max_daily_conversations_per_business": 2000, "max_phone_numbers_per_waba": 25},
        "warning",
        _BOTH,
        words=("max_daily_conversations_per_business 2000",),
    ),
    "restricted": News(
        "account_update",
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [
                {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": "1790086400"}
            ],
        },
        "panic",
        _SUPPORT,
    ),
    "restricted otherwise": News(
        "account_update",
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}],
        },
        "warning",
        _SUPPORT,
    ),
    "banned": News(
        "account_update",
        {
            "event": "DISABLED_UPDATE",
            "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"},
        },
        "panic",
        _SUPPORT,
    ),
    "ban announced": News(
        "account_update",
        {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}},
        "warning",
        _SUPPORT,
    ),
    "ban lifted": News(
        "account_update",
        {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
        "info",
        _SUPPORT,
    ),
    "violation": News(
        "account_update",
        {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SCAM"}},
        "warning",
        _SUPPORT,
        words=("SCAM",),
    ),
    "deleted": News("account_update", {"event": "ACCOUNT_DELETED"}, "panic", _SUPPORT),
    "offboarded": News("account_update", {"event": "ACCOUNT_OFFBOARDED"}, "panic", _SUPPORT),
    "reconnected": News("account_update", {"event": "ACCOUNT_RECONNECTED"}, "info", _SUPPORT),
    "partner removed": News("account_update", {"event": "PARTNER_REMOVED"}, "panic", _SUPPORT),
    "app uninstalled": News(
        "account_update",
        {"event": "PARTNER_APP_UNINSTALLED", "waba_info": {"waba_id": "200000000000002"}},
        "panic",
        _SUPPORT,
    ),
    "partner added": News("account_update", {"event": "PARTNER_ADDED"}, "info", _SUPPORT),
    "template refused": News(
        "message_template_status_update",
        {**_TEMPLATE, "event": "REJECTED", "reason": "ABUSIVE_CONTENT"},
        "panic",
        ("engineering",),
        template="promo",
    ),
    "template paused": News(
        "message_template_status_update",
        {
            **_TEMPLATE,
            "event": "PAUSED",
            "reason": None,
            "other_info": {"title": "FIRST_PAUSE", "description": "for 3 hours"},
        },
        "panic",
        ("engineering",),
        template="promo",
    ),
    "template flagged": News(
        "message_template_status_update",
        {**_TEMPLATE, "event": "FLAGGED", "reason": None},
        "warning",
        _BOTH,
        template="promo",
    ),
    "template in review": News(
        "message_template_status_update",
        {**_TEMPLATE, "event": "PENDING", "reason": None},
        "note",
        template="promo",
    ),
    "template quality low": News(
        "message_template_quality_update",
        {**_TEMPLATE, "previous_quality_score": "GREEN", "new_quality_score": "RED"},
        "warning",
        _BOTH,
        template="promo",
        words=("promo", "RED"),
    ),
    "template quality high": News(
        "message_template_quality_update",
        {**_TEMPLATE, "previous_quality_score": "YELLOW", "new_quality_score": "GREEN"},
        "info",
        _BOTH,
        template="promo",
    ),
    "template category": News(
        "template_category_update",
        {**_TEMPLATE, "previous_category": "UTILITY", "new_category": "MARKETING"},
        "warning",
        _BOTH,
        template="promo",
        words=("promo", "MARKETING"),
    ),
    "template edited": News(
        "message_template_components_update",
        {**_TEMPLATE, "message_template_element": "Hello {{1}}"},
        "info",
        _BOTH,
        template="promo",
    ),
}
"""Every field but messages and preferences, by a name."""


def preference(value: str, at: float = 1_790_000_000, **who: str) -> dict[str, Any]:
    """A change of field ``user_preferences``; ``who``: ``wa_id``, ``user_id``."""
    known = who or {"wa_id": WROTE, "user_id": BSUID}
    return change(
        "user_preferences",
        {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": "100000000000001"},
            "contacts": [{"profile": {"name": "Ana"}, **known}],
            "user_preferences": [
                {
                    **known,
                    "detail": f"User requested to {value} marketing messages",
                    "category": "marketing_messages",
                    "value": value,
                    "timestamp": int(at),
                }
            ],
        },
    )
