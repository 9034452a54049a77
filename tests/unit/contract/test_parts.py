"""Media and what else several kinds share: what an address may end in."""

from __future__ import annotations

import json

import jsonschema
import pytest
from lifeline.contract.parts import MEDIA, medium
from lifeline.contract.schema import violations


@pytest.mark.parametrize("kind", MEDIA)
@pytest.mark.parametrize(
    "ending", ["jpg", "JPEG", "png", "gif", "webp", "mp4", "mov", "mp3", "ogg", "wav", "pdf", ""]
)
def test_what_an_address_may_end_in(kind: str, ending: str) -> None:
    allowed = MEDIA[kind].endings
    for after in ("", "?a=1", "#a.png", "?b=.gif"):
        link = f"https://example.org/a.b/file{'.' if ending else ''}{ending}{after}"
        good = not allowed or not ending or ending.lower() in allowed
        schema = medium(kind, "X")
        assert ([*violations({"link": link}, schema, "m")] == []) == good, link
        assert (
            jsonschema.Draft202012Validator(json.loads(json.dumps(schema))).is_valid({"link": link}) == good
        )


@pytest.mark.parametrize(
    "link",
    [
        "https://",
        "https:///a",
        "https://user@example.org/a",
        "https://exa mple.org",
        "https://example.org/\u00fc",
        "https://example.org:123456/",
        "HTTPS://example.org",
        "https://-a.org",
        "https://example.org\n",
    ],
)
def test_what_is_no_address(link: str) -> None:
    assert [*violations({"link": link}, medium("document", "X"), "m")]
