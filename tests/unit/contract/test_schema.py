"""The validator: keywords, and what it says of a value that fits no branch, or more than one."""

from __future__ import annotations

import pytest
from lifeline.contract.schema import repeated, violations


def test_an_unknown_keyword_cannot_pass_unseen() -> None:
    with pytest.raises(NotImplementedError):
        list(violations("x", {"multipleOf": 3}, "message"))


def test_every_fault_is_told_with_its_place_whatever_is_tried_on_the_way() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"maxLength": 1, "pattern": "^x"}}},
        "required": ["b"],
        "allOf": [
            {"if": {"required": ["a"]}, "then": {"required": ["c"]}},
            {"if": {"required": ["z"]}, "then": {"required": ["d"]}},
            {"not": {"required": ["a", "e"]}},
        ],
        "additionalProperties": {"$ref": "#/$defs/clean"},
    }
    said = violations({"a": ["x", "xy"], "e": [{"k": "\x00"}]}, schema, "m")
    assert [fault.partition(":")[0] for fault in said] == ["m.a[1]", "m.b", "m.c", "m", "m.e[0].k"]
    assert violations({"a": ["x"], "b": 1, "c": 2}, schema, "m") == []


BRANCHES = {
    "oneOf": [
        {"type": "object", "properties": {"type": {"const": "a"}, "size": {"type": "integer"}}},
        {"type": "object", "properties": {"type": {"const": "b"}}, "required": ["name"]},
    ]
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"type": "a", "size": 2.0}, []),
        ({"type": "a", "size": 2.5}, ["m.size: must be of type integer"]),
        ({"type": "a", "size": True}, ["m.size: must be of type integer"]),
        ({"type": "b"}, ["m.name: is required"]),
        ({"type": "c"}, ["m.type: must be one of a, b"]),
        ({"name": "x"}, ["m.type: is required"]),
        ("a", ["m: must be an object"]),
    ],
)
def test_the_branch_that_is_meant_says_what_is_wrong(value: object, said: list[str]) -> None:
    assert [*violations(value, BRANCHES, "m")] == said


def test_a_choice_of_required_fields() -> None:
    choice = {"oneOf": [{"required": ["id"]}, {"required": ["link"]}]}
    assert [*violations({"id": 1}, choice, "m")] == []
    assert [*violations({}, choice, "m")] == ["m: must have one of id, link"]
    assert [*violations({"id": 1, "link": 2}, choice, "m")] == ["m: must have only one of id, link"]


def test_counts_of_fields_and_a_schema_that_refuses_everything() -> None:
    assert [*violations({"a": 1}, {"minProperties": 2}, "m")] == ["m: must have at least 2 fields"]
    assert [*violations({"a": 1}, {"maxProperties": 0}, "m")] == ["m: has 1 fields, at most 0 are allowed"]
    assert [*violations(1, True, "m")] == []
    assert [*violations(1, False, "m")] == ["m: does not belong to a message of this type"]


def test_what_is_there_more_than_once_is_named_once() -> None:
    assert [*repeated(["a", "b", "a", "a"], "m: id")] == ["m: id a is there more than once"]
