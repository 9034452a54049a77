"""Text of others is mended so that anything can carry it, and only where nothing could."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.text import (
    MAX_LEVELS,
    MAX_SUBJECT,
    clean,
    clean_json,
    e164,
    load_json,
    nested_deeper,
    scalar,
    subject,
)

anything = st.text(st.characters(), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=15,
)


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("nasty", ["\ud83d", "\x00", "\x0b", "\x1f", "\ufffe", "\uffff"], ids=ascii)
def test_what_queues_refuse_is_replaced(nasty: str) -> None:
    assert clean(f"a{nasty}b") == "a\ufffdb"


def test_what_they_take_stays() -> None:
    words = "a\t\n\rÄ \u202e\x85 \U0001f600 \ufffd \U0010ffff"
    assert clean(words) == words


@given(anything)
def test_clean_text_is_xml_and_clean_already(words: str) -> None:
    cleaned = clean(words)
    assert len(cleaned) == len(words)
    assert clean(cleaned) == cleaned
    escaped = cleaned.encode().replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    ET.fromstring(b"<a>" + escaped + b"</a>")


@given(values)
def test_a_clean_value_is_json_that_reads_back_the_same(value: Any) -> None:
    cleaned = clean_json(value)
    assert json.loads(json.dumps(cleaned, ensure_ascii=False, allow_nan=False).encode()) == cleaned


def test_numbers_that_nobody_can_write_are_none() -> None:
    found = clean_json({"a": math.inf, "b": -math.inf, "c": math.nan, "d": 10**400, "e": 10**37, "f": True})
    assert found == {"a": None, "b": None, "c": None, "d": None, "e": 10**37, "f": True}


@pytest.mark.parametrize("levels", [MAX_LEVELS + 1, 900, 20_000])
def test_what_is_too_deep_is_cut_and_its_neighbours_stay(levels: int) -> None:
    raw = '{"before": 1, "x": ' + "[" * levels + '"]"' + "]" * levels + ', "after": "[\\"]"}'
    found = load_json(raw)
    assert (found["before"], found["after"]) == (1, '["]')
    assert not nested_deeper(found, MAX_LEVELS)
    assert nested_deeper(found, MAX_LEVELS - 1)


def test_how_deep_is_exact() -> None:
    assert not nested_deeper("x", 0)
    assert not nested_deeper(deep(5), 5)
    assert nested_deeper(deep(5), 4)
    assert nested_deeper(deep(20_000), MAX_LEVELS)
    assert clean_json(deep(MAX_LEVELS)) == deep(MAX_LEVELS)


@pytest.mark.parametrize(
    "raw", ["", "{", '{"a": 1', "[" * 20_000, "]" * 900, "[" * 900 + "{}", "nul", b"\xff"], ids=len
)
def test_what_is_no_json_is_a_value_error(raw: str | bytes) -> None:
    with pytest.raises(ValueError):
        load_json(raw)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"a": "\\ud83d"}', {"a": "\ufffd"}),
        (b'{"\\ud83d": "\\ud83d\\ude00"}', {"\ufffd": "\U0001f600"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        ('{"a": "\ud83d"}'.encode("utf-8", "surrogatepass"), {"a": "\ufffd" * 3}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "\x00\n"}', {"a": "\ufffd\n"}),
        (b'{"a": 1e400, "b": NaN, "c": -Infinity}', {"a": None, "b": None, "c": None}),
        (
            b'{"a": ' + b"9" * 400 + b', "b": ' + b"9" * 5000 + b', "c": -12}',
            {"a": None, "b": None, "c": -12},
        ),
    ],
)
def test_reading_mends(raw: bytes, found: Any) -> None:
    assert load_json(raw) == found


@given(values, st.booleans())
def test_reading_is_cleaning_for_all_json(value: Any, escaped: bool) -> None:
    raw = json.dumps(
        value, ensure_ascii=escaped
    )  # two surrogates beside each other in ``value`` are one character in JSON
    assert load_json(raw) == clean_json(json.loads(raw))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\ud83d", "a\ufffd"), (7, "7"), (1.5, "1.5"), (True, ""), (None, ""), ([], ""), ({}, "")],
)
def test_scalars(value: object, text: str) -> None:
    assert scalar(value) == text
    assert len(scalar("x" * 300_000)) == 512
    assert scalar(10**5000) == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("Lifeline: whatsapp is in panic mode", "Lifeline: whatsapp is in panic mode"),
        ("two\nlines\r\n\tand\x85more", "two lines and more"),
        ("  blank in front", "blank in front"),
        ("Überfällig – été", "Uberfallig ? ete"),
        ("\U0001f600\ud83d", "??"),
        ("", "Lifeline"),
        ("\n", "Lifeline"),
        ("x" * 300, "x" * 100),
    ],
)
def test_subjects(words: str, line: str) -> None:
    assert subject(words) == line


@given(anything)
def test_every_subject_is_one_that_sns_takes(words: str) -> None:
    line = subject(words)
    assert 1 <= len(line) <= MAX_SUBJECT
    assert all(" " <= sign <= "~" for sign in line)
    assert line[0] != " "


@pytest.mark.parametrize("given", ["US.13491208655302741918", "US.1349", "DE.1349", "x1", "+1 650 FLOWERS"])
def test_what_holds_letters_is_no_number(given: str) -> None:
    assert e164(given) == ""
