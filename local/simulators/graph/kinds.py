"""What Meta refuses of a message before it takes it, by kind. Limits: Meta, "Messages"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local.simulators.graph.media import KINDS, Media
from local.simulators.graph.refusals import invalid, refusal
from local.simulators.server import Answer

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
MAX_BODY: Final = 1024
MAX_LIST_BODY: Final = 4096
MAX_SHORT: Final = 60
"""A header's or a footer's text."""
MAX_BUTTON: Final = 20
MAX_CONTACTS: Final = 257
CAPTIONED: Final = ("image", "video", "document")
BSUID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_LINK: Final = re.compile(r"https?://[^\s/]+\S*")
_MEDIA_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "image": frozenset({"id", "link", "caption"}),
    "video": frozenset({"id", "link", "caption"}),
    "document": frozenset({"id", "link", "caption", "filename"}),
    "audio": frozenset({"id", "link", "voice"}),
    "sticker": frozenset({"id", "link"}),
}


def wrong_recipient(body: Mapping[str, Any]) -> Answer | None:
    """Neither a phone number in ``to`` nor a business-scoped user id in ``recipient``."""
    if body.get("to") is None and body.get("recipient") is not None:
        if BSUID.fullmatch(str(body["recipient"])):
            return None
        return refusal(131009, details="Invalid business-scoped user id in 'recipient'")
    to = re.sub(r"[\s()-]", "", str(body.get("to", ""))).lstrip("+")
    if not to.isdigit() or not 7 <= len(to) <= 15:
        return refusal(131009, details="Invalid phone number in 'to'")
    return None


def wrong_content(body: Mapping[str, Any], media: Media) -> Answer | None:
    """What is wrong with a message that is no template; ``None`` where Meta takes it."""
    kind = str(body.get("type", "text"))
    part = body.get(kind)
    if kind == "contacts":
        return _contacts(part)
    if kind not in (*_MEDIA_FIELDS, *_RULES):
        return refusal(131051)
    if not isinstance(part, dict):
        return refusal(131008, details=f"{kind} is missing")
    if kind in _MEDIA_FIELDS:
        return wrong_medium(kind, part, media)
    return _RULES[kind](part)


def wrong_medium(kind: str, part: Mapping[str, Any], media: Media) -> Answer | None:
    """A medium by id or by link, with what its kind allows beside it."""
    more = sorted(set(part) - _MEDIA_FIELDS[kind])
    if more:
        return invalid(f"Unexpected key {more[0]!r} on param {kind!r}")
    media_id, link = part.get("id"), part.get("link")
    if (media_id is None) == (link is None):
        return invalid(f"{kind} needs id or link, and not both")
    if link is not None and not _LINK.fullmatch(str(link)):
        return refusal(131009, details=f"{kind}.link is not a valid address")
    if media_id is not None:
        known = media.type_of(str(media_id))
        if known is None:
            return refusal(131053, details="no medium has this id")
        if known not in KINDS[kind]:
            return refusal(131053, details=f"{known} cannot be sent as {kind}")
    if len(str(part.get("caption") or "")) > MAX_CAPTION:
        return invalid(f"{kind}.caption may have at most {MAX_CAPTION} characters")
    return None


def _text(part: Mapping[str, Any]) -> Answer | None:
    text = part.get("body")
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_TEXT:
        return invalid(f"text.body must have 1 to {MAX_TEXT} characters")
    return None


def _reaction(part: Mapping[str, Any]) -> Answer | None:
    if not part.get("message_id"):
        return refusal(131008, details="reaction.message_id is missing")
    if not isinstance(part.get("emoji"), str) or len(part["emoji"]) > 12:
        return refusal(131009, details="reaction.emoji must be one emoji, or empty to take it away")
    return None


def _location(part: Mapping[str, Any]) -> Answer | None:
    for name, largest in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            value = float(part[name])
        except (KeyError, TypeError, ValueError):
            return refusal(131008, details=f"location.{name} is missing")
        if not -largest <= value <= largest:
            return refusal(131009, details=f"location.{name} must be from -{largest:g} to {largest:g}")
    return None


def _contacts(part: Any) -> Answer | None:
    if not isinstance(part, list) or not 1 <= len(part) <= MAX_CONTACTS:
        return invalid(f"contacts must be a list of 1 to {MAX_CONTACTS}")
    for contact in part:
        name = contact.get("name") if isinstance(contact, dict) else None
        names = {key for key, value in name.items() if value} if isinstance(name, dict) else set()
        if "formatted_name" not in names:
            return refusal(131008, details="contacts.name.formatted_name is missing")
        if len(names) < 2:
            return refusal(131008, details="contacts.name needs a part beside formatted_name")
    return None


# -- interactive ------------------------------------------------------------------------------------


def _interactive(part: Mapping[str, Any]) -> Answer | None:
    kind = str(part.get("type"))
    action = part.get("action")
    if kind not in _ACTIONS:
        return invalid(f"interactive.type must be one of {', '.join(_ACTIONS)}")
    if not isinstance(action, dict):
        return refusal(131008, details="interactive.action is missing")
    longest = MAX_LIST_BODY if kind == "list" else MAX_BODY
    texts = (("header", MAX_SHORT), ("body", longest), ("footer", MAX_SHORT))
    for name, most in texts:
        text = (part.get(name) or {}).get("text")
        if text is not None and not 1 <= len(str(text)) <= most:
            return invalid(f"interactive.{name}.text must have 1 to {most} characters")
    if kind != "product" and not (part.get("body") or {}).get("text"):
        return refusal(131008, details="interactive.body.text is missing")
    wanted = _ACTION_NAMES.get(kind)
    if wanted and action.get("name") != wanted:
        return invalid(f"interactive.action.name must be {wanted}")
    if kind == "product_list" and (part.get("header") or {}).get("type") != "text":
        return refusal(131008, details="a product list needs a header of type text")
    fault = _ACTIONS[kind](action)
    return invalid(f"interactive.action{fault}") if fault else None


def _titled(items: Any, most: int, longest_id: int, where: str) -> str:
    """A fault of a list of things with an id and a title of at most 20 (buttons) or 24 characters (rows)."""
    seen: set[str] = set()
    for item in items:
        title, name = str(item.get("title") or ""), str(item.get("id") or "")
        if not 1 <= len(title) <= most:
            return f"{where}.title must have 1 to {most} characters"
        if not 1 <= len(name) <= longest_id:
            return f"{where}.id must have 1 to {longest_id} characters"
        if name in seen:
            return f"{where}.id {name!r} is there twice"
        seen.add(name)
    return ""


def _buttons(action: Mapping[str, Any]) -> str:
    buttons = action.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        return ".buttons must be 1 to 3"
    if any(button.get("type") != "reply" for button in buttons):
        return ".buttons must be of type reply"
    return _titled([button.get("reply") or {} for button in buttons], MAX_BUTTON, 256, ".buttons.reply")


def _list(action: Mapping[str, Any]) -> str:
    if not 1 <= len(str(action.get("button") or "")) <= MAX_BUTTON:
        return f".button must have 1 to {MAX_BUTTON} characters"
    sections = _sections(action, "rows", 10)
    if isinstance(sections, str):
        return sections
    rows = [row for section in sections for row in section.get("rows") or []]
    if any(len(str(row.get("description") or "")) > 72 for row in rows):
        return ".sections.rows.description may have at most 72 characters"
    return _titled(rows, 24, 200, ".sections.rows")


def _sections(action: Mapping[str, Any], inner: str, most: int) -> Sequence[Mapping[str, Any]] | str:
    sections = action.get("sections")
    if not isinstance(sections, list) or not 1 <= len(sections) <= 10:
        return ".sections must be 1 to 10"
    for section in sections:
        title = str(section.get("title") or "")
        if len(title) > 24 or (len(sections) > 1 and not title):
            return ".sections.title must have 1 to 24 characters where there is more than one section"
        if not section.get(inner):
            return f".sections.{inner} is empty"
    if sum(len(section[inner]) for section in sections) > most:
        return f".sections may have {most} {inner} in all"
    return sections


def _address(action: Mapping[str, Any]) -> str:
    given = action.get("parameters") or {}
    if not 1 <= len(str(given.get("display_text") or "")) <= MAX_BUTTON:
        return f".parameters.display_text must have 1 to {MAX_BUTTON} characters"
    return "" if _LINK.fullmatch(str(given.get("url"))) else ".parameters.url is not a valid address"


def _flow(action: Mapping[str, Any]) -> str:
    given = action.get("parameters") or {}
    if not given.get("flow_message_version"):
        return ".parameters.flow_message_version is missing"
    if bool(given.get("flow_id")) == bool(given.get("flow_name")):
        return ".parameters needs flow_id or flow_name, and not both"
    if not 1 <= len(str(given.get("flow_cta") or "")) <= 30:
        return ".parameters.flow_cta must have 1 to 30 characters"
    return ""


def _product(action: Mapping[str, Any]) -> str:
    missing = [name for name in ("catalog_id", "product_retailer_id") if not action.get(name)]
    return f".{missing[0]} is missing" if missing else ""


def _product_list(action: Mapping[str, Any]) -> str:
    if not action.get("catalog_id"):
        return ".catalog_id is missing"
    found = _sections(action, "product_items", 30)
    return found if isinstance(found, str) else ""


def _carousel(action: Mapping[str, Any]) -> str:
    cards = action.get("cards")
    if not isinstance(cards, list) or not 2 <= len(cards) <= 10:
        return ".cards must be 2 to 10"
    if [card.get("card_index") for card in cards] != list(range(len(cards))):
        return ".cards.card_index must count from 0"
    if any(not card.get("action") for card in cards):
        return ".cards.action is missing"
    return ""


def _nothing_more(action: Mapping[str, Any]) -> str:
    return ""


_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], Answer | None]]] = {
    "text": _text,
    "reaction": _reaction,
    "location": _location,
    "interactive": _interactive,
}
_ACTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _address,
    "flow": _flow,
    "product": _product,
    "product_list": _product_list,
    "carousel": _carousel,
    "catalog_message": _nothing_more,
    "location_request_message": _nothing_more,
    "request_contact_info": _nothing_more,
    "call_permission_request": _nothing_more,
    "voice_call": _nothing_more,
    "address_message": _nothing_more,
    "order_details": _nothing_more,
    "order_status": _nothing_more,
}
_ACTION_NAMES: Final[Mapping[str, str]] = {
    "cta_url": "cta_url",
    "flow": "flow",
    "catalog_message": "catalog_message",
    "location_request_message": "send_location",
    "request_contact_info": "request_contact_info",
    "call_permission_request": "call_permission_request",
    "voice_call": "voice_call",
    "address_message": "address_message",
    "order_details": "review_and_pay",
    "order_status": "review_order",
}
