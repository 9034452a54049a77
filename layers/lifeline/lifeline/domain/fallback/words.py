"""What a fallback says of each kind of message, where the producer says nothing for it. Pure.

A person who gets a push or a mail has no chat to look at: the words give what can be used without one. What
makes sense in a chat only says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.messages import Message

MAP: Final = "https://www.google.com/maps/search/?api=1&query="
"""Opens a place on any phone and computer (Google, "Maps URLs")."""


@dataclass(frozen=True, slots=True)
class FallbackText:
    """What the ways say. ``title`` is ``None`` where the sender's default title is to be used.

    The text is whole: how much of a push is shown is the phone's affair.
    """

    title: str | None
    body: str


def of_text(message: Message) -> FallbackText | None:
    """The text itself."""
    return _lines([message.text])


def of_template(message: Message) -> FallbackText | None:
    """Its name in words, its values and codes: ``appointment_reminder`` with ``Ana`` and ``10:30`` becomes
    the title "Appointment reminder" and the body "Ana, 10:30". Without values its name is the body.
    """
    template = message.template
    if template is None:
        return None
    title = " ".join(template.name.replace("_", " ").split()).capitalize()
    header = (template.header or {}).get("text")
    codes = [button.get("coupon_code") for button in template.buttons]
    values = [header, *template.parameters, *_native(template.components), *codes]
    body = ", ".join(value for value in map(clean, values) if value)
    return FallbackText(title, body) if body else _lines([title])


def _native(components: Iterable[Mapping[str, Any]]) -> Iterable[object]:
    """Texts of header and body in Graph-native components, which nobody has checked."""
    for component in components:
        given = component.get("parameters")
        if str(component.get("type")).lower() not in ("header", "body") or not isinstance(given, list):
            continue
        for value in given:
            inner = value.get(str(value.get("type"))) if isinstance(value, Mapping) else None
            if isinstance(inner, Mapping):
                inner = inner.get("fallback_value")  # of a currency, of a date
            if isinstance(inner, str):
                yield inner


def of_medium(message: Message) -> FallbackText | None:
    """Caption, file name, and the address if it has one; nothing for an uploaded medium without words."""
    medium = message.content
    return _lines([medium.get("caption"), medium.get("filename"), medium.get("link")])


def of_location(message: Message) -> FallbackText | None:
    """Name, address, and a link to a map."""
    place = message.content
    at = f"{MAP}{_degrees(place['latitude'])}%2C{_degrees(place['longitude'])}"
    return _lines([place.get("name"), place.get("address"), at])


def _degrees(value: float) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".")  # seven places are a centimetre


def of_contacts(message: Message) -> FallbackText | None:
    """A line for each: name, phones, emails."""
    lines = []
    for contact in message.content:
        phones = [entry["phone"] for entry in contact.get("phones", ())]
        emails = [entry["email"] for entry in contact.get("emails", ())]
        lines.append(", ".join([contact["name"]["formatted_name"], *phones, *emails]))
    return _lines(lines)


def of_interactive(message: Message) -> FallbackText | None:
    """Header, body, footer, and what there is to choose: titles of buttons and rows, a link."""
    part = message.content
    action = part["action"]
    header = part.get("header") or {}
    chosen: list[object] = [button["reply"]["title"] for button in action.get("buttons", ())]
    for section in action.get("sections", ()):
        for row in section.get("rows", ()):
            chosen.append(": ".join(filter(None, (row["title"], row.get("description")))))
    choices = [f"- {choice}" for choice in chosen]
    if part["type"] == "cta_url":
        choices = ["{display_text}: {url}".format_map(action["parameters"])]
    texts = [header.get("text"), (part.get("body") or {}).get("text"), (part.get("footer") or {}).get("text")]
    return _lines([*texts, *choices]) if any(texts) else None


def nothing(message: Message) -> FallbackText | None:
    """A reaction belongs to a message in a chat, a sticker shows and does not say: they wait for WhatsApp."""
    return None


def in_language(
    translations: Mapping[str, Mapping[str, str]], language: str | None
) -> Mapping[str, str] | None:
    """The words for a person of this language: ``pt_BR`` takes its own, else those of ``pt``; ``None``: none.

    Case, and ``-`` for ``_``, make no difference.
    """
    known = {name.replace("-", "_").lower(): words for name, words in translations.items()}
    wanted = (language or "").replace("-", "_").lower()
    return known.get(wanted) or known.get(wanted.partition("_")[0])


def clean(text: object) -> str | None:
    """Without blanks around it; ``None`` where nothing is left."""
    return (str(text).strip() or None) if text is not None else None


def _lines(parts: Iterable[object]) -> FallbackText | None:
    body = "\n".join(line for line in map(clean, parts) if line)
    return FallbackText(None, body) if body else None
