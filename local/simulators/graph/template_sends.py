"""What Meta refuses of a template's send: its state, and parameters that do not fit what was approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from local.simulators.graph.kinds import wrong_medium
from local.simulators.graph.media import Media
from local.simulators.graph.refusals import invalid, refusal
from local.simulators.graph.templates import Row, Templates, component, placeholders
from local.simulators.server import Answer

COMPONENTS: Final = (
    *("header", "body", "button", "carousel", "limited_time_offer", "order_status"),
    "tap_target_configuration",
)
MEDIA_HEADERS: Final = ("IMAGE", "VIDEO", "DOCUMENT")


def wrong_template(
    chosen: Mapping[str, Any], templates: Templates, media: Media, *, by_phone: bool = True
) -> Answer | None:
    """``None`` where Meta takes it. ``by_phone``: false for a business-scoped user id."""
    language = chosen.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    found = templates.named(chosen.get("name"), code)
    if found is None or found["status"] in ("REJECTED", "PENDING", "DELETED", "ARCHIVED"):
        return refusal(132001, details=f"template {chosen.get('name')} ({code})")
    if found["status"] == "PAUSED":
        return refusal(132015)
    if found["status"] != "APPROVED":
        return refusal(132016)
    if found["category"] == "AUTHENTICATION" and not by_phone:
        return refusal(131062)
    return _wrong_parts(found["components"], found, chosen.get("components") or [], media)


def in_small_letters(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The template of a send, its components' types in small letters; Meta takes them in any case."""
    result = dict(chosen)
    parts = chosen.get("components")
    if isinstance(parts, list):
        result["components"] = [_small(part) if isinstance(part, dict) else part for part in parts]
    return result


def _small(part: Mapping[str, Any]) -> dict[str, Any]:
    result = {
        name: value.lower() if name in ("type", "sub_type") and isinstance(value, str) else value
        for name, value in part.items()
    }
    for name in ("parameters", "components", "cards"):
        inner = part.get(name)
        if isinstance(inner, list):
            result[name] = [_small(one) if isinstance(one, dict) else one for one in inner]
    return result


def _wrong_parts(
    approved: Sequence[Mapping[str, Any]], row: Row, parts: Sequence[Mapping[str, Any]], media: Media
) -> Answer | None:
    """Hold the components of a send (or of a card) against those that were approved."""
    for part in parts:
        if not isinstance(part, dict) or part.get("type") not in COMPONENTS:
            allowed = ", ".join(COMPONENTS).upper()
            return invalid(f"template.components.type must be one of {{{allowed}}}")
    return (
        _wrong_header(component(approved, "HEADER"), _parameters(parts, "header"), row, media)
        or _wrong_text("body", component(approved, "BODY"), _parameters(parts, "body"), row)
        or _wrong_buttons(component(approved, "BUTTONS"), parts)
        or _wrong_offer(component(approved, "LIMITED_TIME_OFFER"), parts)
        or _wrong_cards(component(approved, "CAROUSEL"), row, parts, media)
    )


def _parameters(parts: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    found = next((part for part in parts if part["type"] == kind), {})
    return list(found.get("parameters") or [])


def _wrong_text(
    where: str, approved: Mapping[str, Any] | None, given: Sequence[Mapping[str, Any]], row: Row
) -> Answer | None:
    wanted = placeholders(str((approved or {}).get("text") or ""))
    if where == "body" and row["category"] == "AUTHENTICATION":
        wanted = wanted or ("1",)  # Meta's own text: "*{{1}}* is your verification code."
    if len(given) != len(wanted):
        counts = f"number of localizable_params ({len(given)}) does not match the expected number of params"
        return refusal(132000, details=f"{where}: {counts} ({len(wanted)})")
    for one in given:
        if one.get("type") == "text" and not one.get("text"):
            return refusal(131008, details=f"{where}: a parameter has no text")
    if row.get("parameter_format") == "NAMED":
        names = [one.get("parameter_name") for one in given]
        if sorted(map(str, names)) != sorted(wanted):
            return invalid(f"{where}: parameter_name must be one each of {', '.join(wanted)}")
    return None


def _wrong_header(
    approved: Mapping[str, Any] | None, given: Sequence[Mapping[str, Any]], row: Row, media: Media
) -> Answer | None:
    form = str((approved or {}).get("format") or "TEXT").upper()
    if form == "TEXT":
        return _wrong_text("header", approved, given, row)
    kind = str(given[0].get("type")) if given else "unknown"
    if kind.upper() != form:
        return refusal(132012, details=f"header: Format mismatch, expected {form}, received {kind.upper()}")
    part = given[0].get(kind)
    if form in MEDIA_HEADERS:
        return wrong_medium(kind, part if isinstance(part, dict) else {}, media)
    return None if isinstance(part, dict) else refusal(131008, details=f"header: {kind} is missing")


def _wrong_buttons(approved: Mapping[str, Any] | None, parts: Sequence[Mapping[str, Any]]) -> Answer | None:
    buttons = list((approved or {}).get("buttons") or [])
    given = {str(part.get("index")): part for part in parts if part["type"] == "button"}
    for place in given:
        if not place.isdigit() or int(place) >= len(buttons):
            return refusal(132018, details=f"buttons: the template has no button at index {place}")
    for index, button in enumerate(buttons):
        kind = str(button.get("type", "")).upper()
        needed = kind in ("COPY_CODE", "OTP") or (kind == "URL" and "{{" in str(button.get("url")))
        part = given.get(str(index))
        if needed and not (part or {}).get("parameters"):
            title = kind.title().replace("_", "")
            return refusal(
                131008, details=f"buttons: Button at index {index} of type {title} requires a parameter"
            )
        # A one-time password's button is sent as the address that it is.
        named = "URL" if kind == "OTP" else kind
        if part and str(part.get("sub_type", "")).upper() != named:
            return refusal(132018, details=f"buttons: Button at index {index} is of type {named}")
    return None


def _wrong_offer(approved: Mapping[str, Any] | None, parts: Sequence[Mapping[str, Any]]) -> Answer | None:
    if not ((approved or {}).get("limited_time_offer") or {}).get("has_expiration"):
        return None
    given = _parameters(parts, "limited_time_offer")
    if given and (given[0].get("limited_time_offer") or {}).get("expiration_time_ms"):
        return None
    return refusal(131008, details="limited_time_offer: expiration_time_ms is missing")


def _wrong_cards(
    approved: Mapping[str, Any] | None, row: Row, parts: Sequence[Mapping[str, Any]], media: Media
) -> Answer | None:
    cards = list((approved or {}).get("cards") or [])
    found = next((part for part in parts if part["type"] == "carousel"), {})
    given = list(found.get("cards") or [])
    if len(given) != len(cards):
        return refusal(132012, details=f"carousel: {len(cards)} cards are expected, not {len(given)}")
    for index, (card, one) in enumerate(zip(cards, given, strict=True)):
        if one.get("card_index") != index:
            return refusal(132012, details=f"carousel: card_index must be {index}")
        wrong = _wrong_parts(card.get("components") or [], row, one.get("components") or [], media)
        if wrong:
            return wrong
    return None
