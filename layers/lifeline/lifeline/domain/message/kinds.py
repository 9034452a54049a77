"""Kinds of message: one row each, with its schema, its request to Meta, and what its fallback says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract import kinds as contract
from lifeline.contract.messages import Message, Template
from lifeline.contract.parts import MEDIA
from lifeline.contract.patterns import is_bsuid
from lifeline.domain.fallback import words
from lifeline.domain.fallback.words import FallbackText, clean, in_language
from lifeline.domain.message import graph


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind."""

    shape: contract.MessageKind
    """Its name, the field that holds its content, that field's schema."""
    request: Callable[[Message, Template | None, str | None], Mapping[str, Any]]
    """``type`` and content of its request to Meta, given the template in use and a recording's media id."""
    words: Callable[[Message], FallbackText | None]
    """What its fallback says; ``None`` where it has nothing to say."""


def _template(message: Message, template: Template | None, recording: str | None) -> Mapping[str, Any]:
    assert template is not None, "the contract demands one"
    return graph.template(template)


def _text(message: Message, template: Template | None, recording: str | None) -> Mapping[str, Any]:
    return graph.text(message)


def _voice(message: Message, template: Template | None, recording: str | None) -> Mapping[str, Any]:
    return graph.recording(recording) if recording else graph.text(message)


def _content(message: Message, template: Template | None, recording: str | None) -> Mapping[str, Any]:
    return graph.content(message)


_ROWS: Final = (
    ("template", _template, words.of_template),
    ("text", _text, words.of_text),
    ("voice", _voice, words.of_text),
    *((name, _content, words.nothing if name == "sticker" else words.of_medium) for name in MEDIA),
    ("location", _content, words.of_location),
    ("contacts", _content, words.of_contacts),
    ("interactive", _content, words.of_interactive),
    ("reaction", _content, words.nothing),
)
KINDS: Final[Mapping[str, KindRow]] = {
    name: KindRow(contract.BY_NAME[name], request, said) for name, request, said in _ROWS
}
"""By name; :data:`lifeline.contract.kinds.TYPES` has the same names."""


def request(
    message: Message, to: str, tag: str, template: Template | None = None, recording: str | None = None
) -> dict[str, Any]:
    """The Graph body of a message (Meta, "POST /{phone-number-id}/messages") to ``to``: a number in E.164, or
    a business-scoped user id.

    ``template`` replaces the message's own; ``recording`` is the media id of what a voice message says.
    ``biz_opaque_callback_data`` carries ``tag``, our id and the number of the act: Meta echoes it in every
    status webhook, which settles sends whose answer was lost.
    """
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **({"recipient": to} if is_bsuid(to) else {"to": to.lstrip("+")}),
        "biz_opaque_callback_data": tag,
    }
    if message.reply_to:
        body["context"] = {"message_id": message.reply_to}
    return {**body, **KINDS[message.type].request(message, template or message.template, recording)}


def notice(message: Message, language: str | None = None) -> FallbackText | None:
    """The text of a fallback, or ``None`` where there is nothing to say.

    The producer's ``fallback`` comes first, in the person's ``language`` where it has that, then ``text``,
    then what the kind's content says.
    """
    translated = in_language(message.translations, language)
    if translated and clean(translated["body"]):
        title = clean(translated.get("title")) or clean(message.fallback_title)
        return FallbackText(title, translated["body"].strip())
    title = clean(message.fallback_title)
    body = clean(message.fallback_body) or clean(message.text)
    if body:
        return FallbackText(title, body)
    said = KINDS[message.type].words(message)
    if said is None:
        return FallbackText(None, title) if title else None
    if title and said.title:
        return FallbackText(title, f"{said.title}: {said.body}")
    return FallbackText(title or said.title, said.body)
