"""Each way is whole wherever its row is read, and none is taken for another."""

from __future__ import annotations

import pytest
from lifeline.contract.messages import MESSAGE_SCHEMA
from lifeline.contract.ways import PARK, PUSH, WAYS, Way, collapses, joined, several
from lifeline.domain.fallback.policy import DEFAULT_POLICY, STEPS
from lifeline.domain.message.row import WHATSAPP
from lifeline.domain.message.status import OPEN, REACHED, TRANSITIONS, Status


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_is_whole(way: Way) -> None:
    status = Status(way.status)
    assert status in REACHED
    assert TRANSITIONS[status] == frozenset()
    assert all(status in TRANSITIONS[open_] for open_ in OPEN)
    assert way.name in STEPS
    assert MESSAGE_SCHEMA["properties"]["recipient"]["properties"][way.field] == way.given
    assert way.repeats >= 1
    assert collapses(way.name) == (way.again is not None)
    assert set(way.default_for) == {name for name, steps in DEFAULT_POLICY.steps.items() if way.name in steps}


def test_ways_differ_from_one_another_and_from_whatsapp() -> None:
    for part in ("name", "status", "label", "field", "request"):
        assert len({getattr(way, part) for way in WAYS}) == len(WAYS)
    assert not {WHATSAPP, PARK} & {way.name for way in WAYS}


def test_what_is_no_way_of_the_fallback_collapses_nothing() -> None:
    assert not any(map(collapses, (WHATSAPP, PARK, "pigeon", None)))


def test_a_file_gives_several_addresses_with_blanks_between_them() -> None:
    for way in WAYS:
        assert way.read("one") == "one"
        assert way.read("one  two") == (["one", "two"] if way.most > 1 else "one  two")
    assert [way for way in WAYS if way.most > 1] == [PUSH]


def test_several_are_each_once() -> None:
    assert several("a") == several(["a", "a"]) == ("a",)
    assert several(["b", "a", "b", "", 1]) == ("b", "a")
    assert several(None) == several("") == several({}) == ()


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_words_are_joined_as_people_do(words: list[str], text: str) -> None:
    assert joined(words, "or") == text
