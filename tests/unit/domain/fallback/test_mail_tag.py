"""An id as SES's tag and back."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.fallback.mail_tag import decode, decode_act, encode

IDS = st.text(string.ascii_letters + string.digits + "._:-", min_size=1, max_size=128)


@given(IDS)
def test_an_id_comes_back_and_ses_takes_its_tag(name: str) -> None:
    tag = encode(name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag)
    assert decode(tag) == name


@given(IDS, IDS)
def test_no_two_ids_share_a_tag(one: str, other: str) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@given(st.text(string.ascii_letters + string.digits + "_-:.\n", max_size=300))
def test_what_is_no_tag_is_no_id(value: str) -> None:
    found = decode(value)
    assert found is None or encode(found) == value


@pytest.mark.parametrize(
    "value", ["", "_", "a_", "_x", "a.b", "a:b", "a" * 129, "a\n", "\ud800", None, 7, ["a"]]
)
def test_a_foreign_value_is_refused(value: object) -> None:
    assert decode(value) is None


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 129, "a\n", "\ud800"])
def test_what_is_no_id_makes_no_tag(name: str) -> None:
    with pytest.raises(ValueError, match="not a message id"):
        encode(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("12", 12), ("-1", None), ("1.5", None), ("٣", None), ("", None), ("9" * 10, None), (3, None)],
)
def test_an_act_is_a_whole_number(value: object, expected: int | None) -> None:
    assert decode_act(value) == expected
