"""Digests of people and contents, and what tells one person's data."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from lifeline.domain.person import PersonKey, PersonTraces

KEY, OTHER = PersonKey("one"), PersonKey("two")
NUMBER = "+4915155544433"


def body(**more: object) -> str:
    return json.dumps({"id": "m", "to": NUMBER, "type": "text", "text": "hello", **more})


def test_a_digest_needs_the_key_and_tells_people_apart() -> None:
    digests = [KEY.person(NUMBER), KEY.person("US.5"), OTHER.person(NUMBER), KEY.erased(KEY.person(NUMBER))]
    assert all(a != b for a, b in combinations(digests, 2))
    assert KEY.person(NUMBER) == PersonKey("one").person(NUMBER)
    assert "one" not in repr(KEY)


def test_a_content_is_known_again_wherever_its_time_was_moved() -> None:
    kept = KEY.content(body(send_after="2026-03-01T09:00:00Z"))
    assert not KEY.other_content(kept, body())
    assert not KEY.other_content(kept, json.dumps(json.loads(body()), indent=2))
    assert KEY.other_content(kept, body(text="other"))
    assert not OTHER.other_content(kept, body(text="other")), "of another key nobody can say"


@pytest.mark.parametrize(
    "text",
    [
        "4915155544433",
        "+49 (0) 151 / 555 444-33",
        "0049 151 55544433",
        "0151 555 44 433",
        json.dumps({"a": [{"b": "+49\u00a0151 55544433"}]}),
        '{"a": "\\u002b4915155\\u0035 44433"}',
        "for PATIENT-7 (patient-7)",
        "Jane.Doe@Example.org",
    ],
)
def test_a_text_that_holds_them(text: str) -> None:
    person = PersonTraces({NUMBER}, {"patient-7"}, {("email", "jane.doe@example.org")})
    assert person.stands_in(text)


@pytest.mark.parametrize(
    "text", ["49151555444331", "14915155544433", "patient-77", "doe@example.org", "{", ""]
)
def test_a_text_of_somebody_else(text: str) -> None:
    person = PersonTraces({NUMBER}, {"patient-7"}, {("email", "jane.doe@example.org")})
    assert not person.stands_in(text)


def test_whose_a_message_is_and_what_it_says_of_them() -> None:
    person = PersonTraces({NUMBER})
    mine = body(recipient={"user_id": "u-1", "email": "a@b.cc", "time_zone": "Europe/Berlin"})
    assert person.gets(mine, lambda raw: raw)
    assert not person.gets(body(to="+4917012345678"), lambda raw: raw)
    person.learn(mine)
    assert (person.user_ids, person.addresses, person.texts) == ({"u-1"}, {("email", "a@b.cc")}, {"hello"})
    assert person.gets(body(to="+4917012345678", recipient={"user_id": "u-1"}), lambda raw: raw)
    assert person.owns(json.dumps({"kind": "forget", "text": "hello"}))
    assert not person.owns("{}")
    assert not person.gets("[", lambda raw: raw)
