"""Message templates: what values they take, and whether one may stand in for another. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")

REASONS: Final[Mapping[str, str]] = {
    "ABUSIVE_CONTENT": "its content may offend or threaten people",
    "INCORRECT_CATEGORY": "it does not belong to its category",
    "INVALID_FORMAT": "a placeholder, a link or the layout is not allowed as it is",
    "PROMOTIONAL": "it promotes something under a category that is not MARKETING",
    "SCAM": "it looks like fraud",
    "TAG_CONTENT_MISMATCH": "its language or category does not fit its content",
}
"""What Meta's reasons for a rejection mean (Meta, "Message templates", rejected_reason)."""


MetaTemplate = Mapping[str, Any]
"""One template as Meta lists it: name, language, status, components."""


@dataclass(frozen=True, slots=True)
class _Takes:
    """What one part of a template takes: how many values, and of which form."""

    count: int
    form: str


def parameters(template: MetaTemplate) -> dict[str, int]:
    """How many values each part takes: ``body``, ``header``, ``button 0``, ...; parts without are left out.

    A header with a picture, a film, a document or a place takes one value, and so do a code to copy and the
    end of an offer. A placeholder that stands twice counts once (Meta, "Template components").
    """
    return {part: takes.count for part, takes in _parts(template).items() if takes.count}


def _parts(template: MetaTemplate) -> dict[str, _Takes]:
    """What each part takes; of a carousel ``card 0 body`` and so on. A quick reply may be given a payload."""
    takes: dict[str, _Takes] = {}
    for component in _objects(template.get("components")):
        kind = str(component.get("type", "")).lower()
        form = str(component.get("format", "TEXT")).lower()
        if kind == "buttons":
            for index, button in enumerate(_objects(component.get("buttons"))):
                takes |= _button(f"button {index}", button)
        elif kind == "carousel":
            for index, card in enumerate(_objects(component.get("cards"))):
                takes |= {f"card {index} {part}": item for part, item in _parts(card).items()}
        elif kind == "header" and form != "text":
            takes["header"] = _Takes(1, form)
        elif kind == "limited_time_offer":
            offer = component.get("limited_time_offer")
            if isinstance(offer, dict) and offer.get("has_expiration"):
                takes["limited-time offer"] = _Takes(1, "an end")
        else:
            takes |= _text(kind, component.get("text"))
    return takes


def _button(part: str, button: Mapping[str, Any]) -> dict[str, _Takes]:
    kind = str(button.get("type", "URL")).lower()
    if kind == "url":
        return _text(part, button.get("url"))
    needed = {"copy_code": 1, "otp": 1, "flow": 0, "quick_reply": 0}
    return {part: _Takes(needed[kind], kind)} if kind in needed else {}


def _text(part: str, text: object) -> dict[str, _Takes]:
    names = set(_PLACEHOLDER.findall(text)) if isinstance(text, str) else set()
    words = sorted(name for name in names if not name.isdigit())
    form = f"{len(names)} by name ({', '.join(words)})" if words else str(len(names))
    return {part: _Takes(len(names), form)} if names else {}


def why_not(old: str, new: str, olds: Sequence[MetaTemplate], news: Sequence[MetaTemplate]) -> str:
    """Why ``new`` cannot stand in for ``old``; empty where it can.

    ``olds`` and ``news``: all that Meta lists under the two names. Each language of the old one must exist
    in the new one, be APPROVED there, and take the same values in each part, of the same form and by the same
    names: the messages' own values are sent with it.
    """
    if old == new:
        return f"{old} cannot replace itself"
    if not news:
        return f"template {new} does not exist"
    by_language = {_language(template): template for template in news}
    if not olds:
        bad = [template for template in news if template.get("status") != "APPROVED"]
        return f"template {new} is {bad[0].get('status')}" if bad else ""
    for template in olds:
        language = _language(template)
        stand_in = by_language.get(language)
        if stand_in is None:
            return f"template {new} does not exist in {language}, which {old} has"
        if stand_in.get("status") != "APPROVED":
            return f"template {new} ({language}) is {stand_in.get('status')}, not APPROVED"
        takes, gets = _forms(stand_in), _forms(template)
        if takes != gets:
            return f"template {new} ({language}) takes {_words(takes)}, and {old} gives {_words(gets)}"
    return ""


def unfit(name: str, language: str, values: int | None, templates: Sequence[MetaTemplate]) -> str:
    """Why a campaign cannot use a template; empty where it can.

    ``values``: how many texts each message gives its body; ``None`` where that is not known.
    ``templates``: all that Meta lists under ``name``. Meta refuses a wrong count (132000), a language that is
    missing (132001) and a template that is not APPROVED (132015, 132016); a file gives values to the body
    only, by number.
    """
    if not templates:
        return f"template {name} does not exist"
    by_language = {_language(template): template for template in templates}
    translation = by_language.get(language.replace("-", "_"))
    if translation is None:
        return f"template {name} does not exist in {language}, it does in {', '.join(sorted(by_language))}"
    if translation.get("status") != "APPROVED":
        return f"template {name} ({language}) is {translation.get('status')}, not APPROVED"
    takes = parameters(translation)
    elsewhere = {part: count for part, count in takes.items() if part != "body"}
    if elsewhere:
        return f"template {name} ({language}) takes {_words(elsewhere)}; a file gives values to the body only"
    bodies = [
        str(part.get("text", ""))
        for part in _objects(translation.get("components"))
        if str(part.get("type", "")).lower() == "body"
    ]
    named = [word for text in bodies for word in _PLACEHOLDER.findall(text) if not word.isdigit()]
    if named:
        return f"template {name} ({language}) takes values by name ({named[0]}); a file gives them by number"
    if values is not None and takes.get("body", 0) != values:
        return f"template {name} ({language}) takes {_words(takes)}, and each line gives {values}"
    return ""


def _forms(template: MetaTemplate) -> dict[str, str]:
    return {part: takes.form for part, takes in _parts(template).items()}


def _words(counts: Mapping[str, object]) -> str:
    return ", ".join(f"{count} in its {part}" for part, count in sorted(counts.items())) or "no values"


def _language(template: MetaTemplate) -> str:
    return str(template.get("language", "")).replace("-", "_")


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
