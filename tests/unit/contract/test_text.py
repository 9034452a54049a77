"""Text as a person can read it and anything can encode it; how deep a document is."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.messages import MAX_DEPTH, parse_message
from lifeline.contract.text import depth, escaped

from tests.support.documents import GOOD, documents

HALF = "\ud83d"


def put(path: str, value: object) -> dict[str, Any]:
    """The good message with another value at a place."""
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    place = document
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return document


def test_32_levels_pass_and_brackets_in_texts_do_not_count() -> None:
    inner: Any = {"text": "[" * 100 + '\\"{'}
    for _ in range(MAX_DEPTH - 5):
        inner = [inner]
    document = put("template", {"name": "a", "language": "en", "components": [{"x": inner}]})
    assert depth(json.dumps(document)) == MAX_DEPTH
    parse_message(json.dumps(document))


@pytest.mark.parametrize("body", ['\\"' * 32_000, '"' + "\\" * 60_001, "{" + '"a' * 30_000])
@pytest.mark.timeout(30)  # hours, where a pattern tries every way through the text
def test_no_body_takes_for_ever_to_measure(body: str) -> None:
    assert depth(body) <= 1


@given(documents)
def test_depth_is_what_a_parser_would_find(document: Any) -> None:
    def levels(value: Any) -> int:
        if isinstance(value, dict):
            return 1 + max((levels(item) for item in value.values()), default=0)
        return 1 + max((levels(item) for item in value), default=0) if isinstance(value, list) else 0

    assert depth(json.dumps(document)) == levels(document)


@given(st.text(st.characters(), max_size=50))
def test_what_is_escaped_can_be_written_by_anything(words: str) -> None:
    told = escaped(words + HALF + "\x1b[31m\u202e")
    told.encode()
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in told)
