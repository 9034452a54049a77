"""Templates: what values they take, and which may stand in for which."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.account.templates import parameters, unfit, why_not

from tests.support.kinds import CARD, OFFER, QUICK, URL, buttons, header

CAROUSEL = {"type": "CAROUSEL", "cards": [CARD, CARD]}


def template(
    name: str = "old",
    *,
    language: str = "en_US",
    status: str = "APPROVED",
    body: str = "{{1}} {{2}}",
    **more: Any,
) -> dict[str, Any]:
    components = [{"type": "BODY", "text": body}, *more.pop("components", [])]
    return {"name": name, "language": language, "status": status, "components": components, **more}


@pytest.mark.parametrize(
    ("components", "found"),
    [
        ([], {}),
        (None, {}),
        ([{"type": "BODY", "text": "hello"}], {}),
        ([{"type": "BODY", "text": "{{1}} and {{2}} and {{1}}"}], {"body": 2}),
        ([{"type": "BODY", "text": "{{first_name}} at {{ time }}"}], {"body": 2}),
        ([{"type": "HEADER", "format": "TEXT", "text": "{{1}}"}], {"header": 1}),
        ([{"type": "HEADER", "format": "IMAGE"}], {"header": 1}),
        (
            [
                {
                    "type": "BUTTONS",
                    "buttons": [
                        {"type": "QUICK_REPLY", "text": "ok"},
                        {"type": "URL", "url": "https://example.org/{{1}}"},
                    ],
                }
            ],
            {"button 1": 1},
        ),
        (
            [buttons({"type": "COPY_CODE"}, QUICK, {"type": "FLOW"}, {"type": "PHONE_NUMBER"})],
            {"button 0": 1},
        ),
        ([OFFER], {"limited-time offer": 1}),
        (
            [CAROUSEL],
            {f"card {n} {part}": 1 for n in (0, 1) for part in ("header", "body", "button 1")},
        ),
    ],
)
def test_values_are_counted_by_part(components: Any, found: dict[str, int]) -> None:
    assert parameters({"components": components}) == found


@pytest.mark.parametrize(
    ("olds", "news", "why"),
    [
        ([template()], [template("new")], ""),
        ([template()], [], "does not exist"),
        ([template()], [template("new", status="PAUSED")], "is PAUSED"),
        ([template()], [template("new", body="{{1}}")], "takes 1 in its body, and old gives 2"),
        ([template()], [template("new", language="de")], "does not exist in en_US"),
        ([template(), template(language="de")], [template("new"), template("new", language="de")], ""),
        ([template(language="en-US")], [template("new")], ""),
        ([template(status="REJECTED")], [template("new")], ""),
        ([], [template("new")], ""),
        ([], [template("new", status="REJECTED")], "is REJECTED"),
        (
            [template()],
            [template("new", components=[{"type": "HEADER", "format": "IMAGE"}])],
            "image in its header",
        ),
        (
            [template(body="{{day}} {{time}}")],
            [template("new", body="{{day}} {{hour}}")],
            "takes 2 by name (day, hour) in its body, and old gives 2 by name (day, time) in its body",
        ),
        ([template(body="{{day}} {{time}}")], [template("new", body="{{time}}: {{day}}")], ""),
        (
            [template(components=[header("IMAGE")])],
            [template("new", components=[header("VIDEO")])],
            "takes 2 in its body, video in its header, and old gives 2 in its body, image in its header",
        ),
        (
            [template(components=[buttons(QUICK, URL)])],
            [template("new", components=[buttons(URL, QUICK)])],
            "takes 2 in its body, 1 in its button 0, quick_reply in its button 1",
        ),
        (
            [template(components=[buttons({"type": "COPY_CODE"})])],
            [template("new", components=[buttons({"type": "PHONE_NUMBER"})])],
            "copy_code in its button 0",
        ),
        ([template(components=[CAROUSEL])], [template("new", components=[CAROUSEL])], ""),
        (
            [template(components=[CAROUSEL])],
            [template("new", components=[{**CAROUSEL, "cards": [CARD]}])],
            "card 1 body",
        ),
        (
            [template(components=[OFFER])],
            [template("new")],
            "an end in its limited-time offer",
        ),
    ],
)
def test_which_may_stand_in(olds: list[Any], news: list[Any], why: str) -> None:
    found = why_not("old", "new", olds, news)
    assert why in found
    assert bool(found) == bool(why)


def test_a_template_does_not_stand_in_for_itself() -> None:
    assert why_not("old", "old", [template()], [template()])


@pytest.mark.parametrize(
    ("language", "values", "listed", "words"),
    [
        ("en_US", 2, [template()], ""),
        ("en-US", 2, [template()], ""),
        ("en_US", None, [template()], ""),
        ("en_US", 0, [template(body="Hello.")], ""),
        ("en_US", 2, [], "does not exist"),
        ("de", 2, [template(), template(language="fr")], "it does in en_US, fr"),
        ("en_US", 2, [template(status="PAUSED")], "is PAUSED, not APPROVED"),
        ("en_US", 1, [template()], "takes 2 in its body, and each line gives 1"),
        ("en_US", 1, [template(body="Hello.")], "takes no values, and each line gives 1"),
        ("en_US", 1, [template(body="Hello {{name}}")], "by name (name)"),
        ("en_US", 2, [template(components=[{"type": "HEADER", "format": "IMAGE"}])], "1 in its header"),
    ],
)  # fmt: skip
def test_what_a_campaign_cannot_use_is_said(
    language: str, values: int | None, listed: list[dict[str, Any]], words: str
) -> None:
    found = unfit("old", language, values, listed)
    assert words in found
    assert bool(found) == bool(words)
