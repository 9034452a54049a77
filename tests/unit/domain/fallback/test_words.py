"""What a fallback says of a kind's content, where little of it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lifeline.contract.messages import Message, parse_message
from lifeline.domain.fallback import words
from lifeline.domain.fallback.words import FallbackText, clean

from tests.support.kinds import HOST, SAMPLES

Said = Callable[[Message], FallbackText | None]


def message(kind: str, content: Any, **more: Any) -> Message:
    return parse_message(json.dumps({"id": "m", "to": "+49", "type": kind, kind: content, **more}))


@pytest.mark.parametrize(
    ("say", "kind", "content", "said"),
    [
        (words.of_medium, "image", {"id": "1"}, None),
        (words.of_medium, "image", {"id": "1", "caption": " "}, None),
        (words.of_medium, "image", {"id": "1", "caption": "A"}, "A"),
        (words.of_medium, "document", {"id": "1", "filename": "a.pdf"}, "a.pdf"),
        (words.of_medium, "audio", {"link": f"{HOST}/a.mp3"}, f"{HOST}/a.mp3"),
        (words.of_location, "location", {"latitude": 1, "longitude": -0.5}, f"{words.MAP}1%2C-0.5"),
        (words.of_location, "location", {"latitude": 0.0, "longitude": 0}, f"{words.MAP}0%2C0"),
        (
            words.of_interactive,
            "interactive",
            {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}},
            None,
        ),
        (words.of_template, "template", {"name": "a_b", "language": "en", "parameters": [" "]}, "A b"),
        (words.of_template, "template", {"name": "a_b", "language": "en"}, "A b"),
        (words.nothing, "sticker", {"link": f"{HOST}/a.webp"}, None),
    ],
    ids=range(11),
)
def test_what_is_said(say: Said, kind: str, content: Any, said: str | None) -> None:
    found = say(message(kind, content))
    assert (found.body if found else None) == said


@pytest.mark.parametrize(
    "components",
    [
        [{"type": "body", "parameters": "x"}],
        [{"type": "body", "parameters": [1, None, {"type": "text"}, {"type": ["text"]}, {"text": "x"}]}],
        [{"type": "BUTTON", "parameters": [{"type": "text", "text": "x"}]}],
        [{"parameters": [{"type": "text", "text": "x"}]}],
    ],
)
def test_odd_components_say_nothing(components: list[dict[str, Any]]) -> None:
    template = {"name": "a", "language": "en", "components": components}
    assert words.of_template(message("template", template)) == FallbackText(None, "A")


def test_a_text_says_itself() -> None:
    assert words.of_text(SAMPLES["voice"].message()) == FallbackText(None, "A voice message.")
    assert words.of_contacts(SAMPLES["contacts"].message()) == FallbackText(
        None, SAMPLES["contacts"].said or ""
    )
    assert clean(" a ") == "a"
    assert (clean(" "), clean(None)) == (None, None)
