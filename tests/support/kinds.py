"""One message of each kind and form that a producer can send, with what its fallback says.

The texts say of which kind they are, so that a mail or a request found anywhere is told from the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import requests
from lifeline.contract.messages import Message, parse_message

HOST = "https://media.example.org"
MEDIA_ID = "1234"
"""Of no medium anywhere; see :func:`sent_with`."""
WAMID = "wamid.HBgLMTY1MDU1NTEyMzQ="
OFFER_ENDS = "2030-12-31T18:00:00Z"
OFFER_ENDS_MS = 1924970400000


@dataclass(frozen=True)
class Sample:
    """``fields``: of the message, besides id and number. ``said``: the fallback's body, ``None`` for none."""

    fields: dict[str, Any]
    said: str | None
    template: dict[str, Any] | None = None
    """The template at Meta that its values fit: components as Meta lists them, ``parameter_format``."""

    @property
    def type(self) -> str:
        """The kind."""
        return str(self.fields["type"])

    def message(self, name: str = "m-1", **more: Any) -> Message:
        """The parsed message."""
        return parse_message(json.dumps({"id": name, "to": "+4915112345678", **self.fields, **more}))


def _of(kind: str, content: Any, said: str | None, **more: Any) -> Sample:
    return Sample({"type": kind, kind: content, **more}, said)


def _interactive(kind: str, action: dict[str, Any], said: str, **parts: Any) -> Sample:
    return _of("interactive", {"type": kind, **parts, "action": action}, said)


def _template(
    name: str, components: list[dict[str, Any]], said: str, form: str = "POSITIONAL", /, **values: Any
) -> Sample:
    content = {"name": name, "language": "en_US", **values}
    approved = {"name": name, "status": "APPROVED", "parameter_format": form, "components": components}
    return Sample({"type": "template", "template": content}, said, approved)


def header(form: str, **more: Any) -> dict[str, Any]:
    """A header as Meta lists it."""
    return {"type": "HEADER", "format": form, **more}


def body(text: str) -> dict[str, Any]:
    """A body as Meta lists it."""
    return {"type": "BODY", "text": text}


def buttons(*listed: dict[str, Any]) -> dict[str, Any]:
    """Buttons as Meta lists them."""
    return {"type": "BUTTONS", "buttons": list(listed)}


URL = {"type": "URL", "text": "Open", "url": "https://shop.example.org/{{1}}"}
QUICK = {"type": "QUICK_REPLY", "text": "Yes"}
OFFER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Now", "has_expiration": True}}
CARD = {"components": [header("IMAGE"), body("Only {{1}}"), buttons(QUICK, URL)]}
YES = {"type": "reply", "reply": {"id": "yes", "title": "Yes, gladly"}}
NO = {"type": "reply", "reply": {"id": "no", "title": "No"}}
PLACE = {
    "latitude": 52.520008,
    "longitude": 13.404954,
    "name": "Practice",
    "address": "Main Street 1, Berlin",
}
MAP = "https://www.google.com/maps/search/?api=1&query=52.520008%2C13.404954"
FLOW = {"flow_message_version": "3", "flow_id": "123", "flow_cta": "Fill in", "flow_token": "t1"}
CONTACT = {
    "name": {"formatted_name": "Dr. Ana Diaz", "first_name": "Ana"},
    "phones": [{"phone": "+49 30 123456", "type": "WORK", "wa_id": "4930123456"}],
    "emails": [{"email": "ana@practice.example.org", "type": "WORK"}],
    "urls": [{"url": "https://practice.example.org", "type": "WORK"}],
    "addresses": [{"street": "Main Street 1", "city": "Berlin", "country_code": "de", "type": "WORK"}],
    "org": {"company": "Practice", "title": "Doctor"},
    "birthday": "1980-02-29",
}

SAMPLES: dict[str, Sample] = {
    "text": Sample({"type": "text", "text": "A plain text."}, "A plain text."),
    "text-preview": Sample(
        {"type": "text", "text": "See https://example.org", "preview_url": True}, "See https://example.org"
    ),
    "text-reply": Sample({"type": "text", "text": "An answer.", "reply_to": WAMID}, "An answer."),
    "voice": Sample({"type": "voice", "text": "A voice message."}, "A voice message."),
    "image": _of("image", {"link": f"{HOST}/a.jpg", "caption": "A picture."}, f"A picture.\n{HOST}/a.jpg"),
    "image-text": _of(
        "image", {"id": MEDIA_ID, "caption": "Not this."}, "A picture in words.", text="A picture in words."
    ),
    "document": _of(
        "document",
        {"link": f"{HOST}/f?n=1", "caption": "A document.", "filename": "invoice.pdf"},
        f"A document.\ninvoice.pdf\n{HOST}/f?n=1",
    ),
    "video": _of("video", {"link": f"{HOST}/a.mp4", "caption": "A film."}, f"A film.\n{HOST}/a.mp4"),
    "audio": _of("audio", {"link": f"{HOST}/a.mp3"}, f"{HOST}/a.mp3"),
    "sticker": _of("sticker", {"link": f"{HOST}/a.webp"}, None),
    "location": _of("location", PLACE, f"Practice\nMain Street 1, Berlin\n{MAP}"),
    "contacts": _of(
        "contacts",
        [CONTACT, {"name": {"formatted_name": "Bo", "last_name": "Bo"}}],
        "Dr. Ana Diaz, +49 30 123456, ana@practice.example.org\nBo",
    ),
    "buttons": _interactive(
        "button",
        {"buttons": [YES, NO]},
        "Header\nWill you come?\nFooter\n- Yes, gladly\n- No",
        header={"type": "text", "text": "Header"},
        body={"text": "Will you come?"},
        footer={"text": "Footer"},
    ),
    "buttons-image": _interactive(
        "button",
        {"buttons": [YES]},
        "With a picture\n- Yes, gladly",
        header={"type": "image", "image": {"link": f"{HOST}/h.png"}},
        body={"text": "With a picture"},
    ),
    "list": _interactive(
        "list",
        {
            "button": "Choose",
            "sections": [
                {"title": "Morning", "rows": [{"id": "1", "title": "Nine", "description": "with Ana"}]},
                {"title": "Evening", "rows": [{"id": "2", "title": "Six"}]},
            ],
        },
        "When?\n- Nine: with Ana\n- Six",
        body={"text": "When?"},
    ),
    "link": _interactive(
        "cta_url",
        {"name": "cta_url", "parameters": {"display_text": "Book", "url": "https://example.org/book?a=1"}},
        "Book online.\nBook: https://example.org/book?a=1",
        body={"text": "Book online."},
    ),
    "flow": _interactive(
        "flow",
        {
            "name": "flow",
            "parameters": {
                **FLOW,
                "flow_action": "navigate",
                "flow_action_payload": {"screen": "FIRST", "data": {"day": "Monday"}},
            },
        },
        "A form.",
        body={"text": "A form."},
    ),
    "location-request": _interactive(
        "location_request_message",
        {"name": "send_location"},
        "Where are you?",
        body={"text": "Where are you?"},
    ),
    "product": _interactive(
        "product",
        {"catalog_id": "1", "product_retailer_id": "sku-1"},
        "A product.",
        body={"text": "A product."},
    ),
    "product-list": _interactive(
        "product_list",
        {
            "catalog_id": "1",
            "sections": [
                {"title": "New", "product_items": [{"product_retailer_id": "sku-1"}]},
                {"title": "Old", "product_items": [{"product_retailer_id": "sku-2"}]},
            ],
        },
        "Offers\nOur products.",
        header={"type": "text", "text": "Offers"},
        body={"text": "Our products."},
    ),
    "reaction": _of("reaction", {"message_id": WAMID, "emoji": "\U0001f44d"}, None),
    "template": _template(
        "kinds_positional", [body("{{1}} at {{2}}")], "Ana, 10:30", parameters=["Ana", "10:30"]
    ),
    "template-named": _template(
        "kinds_named",
        [header("TEXT", text="Hello {{name}}"), body("{{day}} at {{time}}")],
        "Ana, Monday, 10:30",
        "NAMED",
        header={"type": "text", "text": "Ana", "parameter_name": "name"},
        parameters={"day": "Monday", "time": "10:30"},
    ),
    "template-header-text": _template(
        "kinds_header_text",
        [header("TEXT", text="Order {{1}}"), body("It is on its way.")],
        "991",
        header={"type": "text", "text": "991"},
    ),
    **{
        f"template-header-{kind}": _template(
            f"kinds_header_{kind}",
            [header(kind.upper()), body("For {{1}}")],
            f"Ana {kind}",
            header={"type": kind, kind: content},
            parameters=[f"Ana {kind}"],
        )
        for kind, content in {
            "image": {"link": f"{HOST}/h.jpg"},
            "document": {"link": f"{HOST}/h", "filename": "h.pdf"},
            "video": {"link": f"{HOST}/h.mp4"},
            "location": PLACE,
        }.items()
    },
    "template-buttons": _template(
        "kinds_buttons",
        [body("An offer"), buttons(URL, QUICK, {"type": "COPY_CODE", "example": "CODE"})],
        "SAVE20",
        buttons=[
            {"type": "url", "text": "summer"},
            {"type": "quick_reply", "payload": "more"},
            {"type": "copy_code", "coupon_code": "SAVE20"},
        ],
    ),
    "template-flow": _template(
        "kinds_flow",
        [body("A form"), buttons({"type": "FLOW", "text": "Open"})],
        "Kinds flow",
        buttons=[{"type": "flow", "flow_token": "t", "flow_action_data": {"a": 1}}],
    ),
    "template-offer": _template(
        "kinds_offer",
        [
            OFFER,
            body("For {{1}}"),
            buttons({"type": "COPY_CODE", "example": "CODE"}, URL),
        ],
        "Ana, SAVE30",
        parameters=["Ana"],
        limited_time_offer={"expires_at": OFFER_ENDS},
        buttons=[
            {"type": "url", "index": 1, "text": "offer"},
            {"type": "copy_code", "index": 0, "coupon_code": "SAVE30"},
        ],
    ),
    "template-carousel": _template(
        "kinds_carousel",
        [body("For {{1}}"), {"type": "CAROUSEL", "cards": [CARD, CARD]}],
        "Ana with cards",
        parameters=["Ana with cards"],
        carousel=[
            {
                "header": {"type": "image", "image": {"link": f"{HOST}/c{n}.jpg"}},
                "parameters": [f"{n} euros"],
                "buttons": [{"type": "quick_reply", "payload": f"p{n}"}, {"type": "url", "text": f"u{n}"}],
            }
            for n in range(2)
        ],
    ),
    "template-components": _template(
        "kinds_components",
        [header("IMAGE"), body("{{1}} for {{2}}"), buttons(QUICK)],
        "Native Ana, $5.00",
        components=[
            {"type": "header", "parameters": [{"type": "image", "image": {"link": f"{HOST}/n.jpg"}}]},
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Native Ana"},
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "$5.00", "code": "USD", "amount_1000": 5000},
                    },
                ],
            },
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "x"}],
            },
        ],
    ),
}
"""By a name of its own; each type of the contract is among them."""


def uploaded(number_url: str, token: str, mime_type: str = "image/png") -> str:
    """The id of a small medium that is now at the Graph API; ``number_url``: of the phone number's node."""
    answer = requests.post(
        f"{number_url}/media",
        headers={"Authorization": f"Bearer {token}"},
        data={"messaging_product": "whatsapp", "type": mime_type},
        files={"file": ("a", b"content", mime_type)},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def sent_with(sample: Sample, media_id: str) -> Sample:
    """The sample with an id that is at the Graph API instead of :data:`MEDIA_ID`."""
    fields = json.loads(json.dumps(sample.fields).replace(f'"{MEDIA_ID}"', json.dumps(media_id)))
    return replace(sample, fields=fields)
