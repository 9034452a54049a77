"""Parts of an SMS, as operators of networks count and bill them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.fallback.sms_text import BASIC, CUT, EXTENSION, Measured, fitted, measured


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("ÄÖÜñà§£", "GSM-7", 1),
        # The euro sign takes two septets.
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        # 153 septets: an escape is not parted from its character, so a part holds 76 of them.
        ("€" * 152, "GSM-7", 2),
        ("€" * 153, "GSM-7", 3),
        ("a" + "€" * 152, "GSM-7", 2),
        ("é" * 160, "GSM-7", 1),
        ("ê" * 70, "UCS-2", 1),
        ("ê" * 71, "UCS-2", 2),
        ("ê" * 134, "UCS-2", 2),
        ("ê" * 135, "UCS-2", 3),
        # An emoji is a pair of code units that no part divides: 33 in a part of 67.
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("😀" * 66, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),
        ("…", "UCS-2", 1),
    ],
)
def test_parts_are_counted_as_they_are_billed(text: str, encoding: str, parts: int) -> None:
    found = measured(text)
    assert (found.encoding, found.parts) == (encoding, parts)


def test_the_alphabet_is_the_standards() -> None:
    assert (len(BASIC), len(EXTENSION), BASIC & EXTENSION) == (127, 10, frozenset())
    assert measured("`").encoding == "UCS-2", "a back quote is in neither table"


TEXTS = st.text(st.sampled_from("ab €[ê😀\n…") | st.characters(codec="utf-8"), max_size=500)


@given(TEXTS, st.integers(1, 5))
def test_what_is_cut_fits_and_is_as_long_as_it_can_be(text: str, parts: int) -> None:
    kept = fitted(text, parts)
    assert measured(kept).parts <= parts
    if measured(text).parts <= parts:
        assert kept == text
    else:
        assert kept.endswith(CUT)
        beginning = kept[: -len(CUT)]
        assert text.startswith(beginning)
        left = text[len(beginning) :]
        longer = beginning + left[: len(left) - len(left.lstrip()) + 1]
        assert measured(longer + CUT).parts > parts


@given(TEXTS)
def test_no_part_is_left_out_and_none_is_too_many(text: str) -> None:
    septets = sum(1 + (char in EXTENSION) for char in text)
    units = len(text.encode("utf-16-le")) // 2
    found = measured(text)
    size, room = (septets, 153) if found.encoding == "GSM-7" else (units, 67)
    assert -(-size // 160 if found.encoding == "GSM-7" else -size // 70) <= found.parts
    assert found.parts <= max(1, -(-size // (room - 1)))
    assert isinstance(found, Measured)
