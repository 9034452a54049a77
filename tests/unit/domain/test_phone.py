"""Phone numbers: E.164, masks, and the forms in which WhatsApp keeps a number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.phone import NotAPhoneNumber, address, mask, normalise


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("+491701234567", None, "+491701234567"),
        (" +49 (170) 123-4567 ", None, "+491701234567"),
        ("00491701234567", None, "+491701234567"),
        ("0170 1234567", "DE", "+491701234567"),
        ("0170 1234567", "de", "+491701234567"),
        ("(650) 555-1234", "US", "+16505551234"),
        ("+16505551234", "DE", "+16505551234"),
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("+5491112345678", None, "+5491112345678"),
        ("+5511912345678", None, "+5511912345678"),
        ("\uff0b\uff14\uff19 1701234567", None, "+491701234567"),
    ],
)
def test_normalise(raw: str, region: str | None, expected: str) -> None:
    assert normalise(raw, region) == expected


@pytest.mark.parametrize(
    ("raw", "region", "reason"),
    [
        ("", None, "empty"),
        ("   ", "DE", "empty"),
        ("01701234567", None, "no country code"),
        ("01701234567", "XX", "no country code"),
        ("+9991234567890", None, "country code"),
        ("+491", None, "too short"),
        ("+49170123456789012345", None, "too long"),
        ("+1555123", None, "short"),
        ("5551234", "US", "area code"),
        ("1-800-FLOWERS", "US", "letters"),
        ("+491701234567 ext 5", None, "letters"),
        ("+++", None, "no phone number"),
        ("+49170" + " " * 100 + "1234567", None, "longer than"),
    ],
)
def test_what_cannot_be_dialled_is_refused_with_a_reason(raw: str, region: str | None, reason: str) -> None:
    with pytest.raises(NotAPhoneNumber, match=reason) as caught:
        normalise(raw, region)
    assert isinstance(caught.value, ValueError)
    assert caught.value.reason in str(caught.value)
    assert not re.search(r"\d{5,}", str(caught.value))


@given(st.text(max_size=80), st.sampled_from([None, "DE", "US", "", "zz"]))
def test_any_text_gives_e164_or_a_clear_refusal(raw: str, region: str | None) -> None:
    try:
        number = normalise(raw, region)
    except NotAPhoneNumber:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,16}", number)
    assert normalise(number, None) == number


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+491701234567", "+49*******567"),
        ("16505551234", "16******234"),
        ("+49 170", "+***70"),
        ("12", "**"),
        ("", ""),
        ("nobody", ""),
    ],
)
def test_mask(number: str, masked: str) -> None:
    assert mask(number) == masked


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_a_mask_keeps_five_digits_and_the_length(number: str) -> None:
    masked = mask(number)
    assert len(masked) == len(number)
    assert sum(character.isdigit() for character in masked) == 5


BSUID = "US.13491208655302741918"


@pytest.mark.parametrize("raw", [BSUID, "US.1349120865530", "DE.1349", "US.ENT.11815799212886844830"])
def test_a_business_scoped_user_id_is_no_number(raw: str) -> None:
    with pytest.raises(NotAPhoneNumber):
        normalise(raw, "US")


@pytest.mark.parametrize(
    ("to", "bsuid", "expected"),
    [
        ("+49 170 1234567", None, "+491701234567"),
        ("+49 170 1234567", BSUID, "+491701234567"),
        (None, BSUID, BSUID),
        ("not a number", BSUID, BSUID),
        ("not a number", None, None),
    ],
)
def test_a_person_is_addressed_by_number_else_by_user_id(
    to: str | None, bsuid: str | None, expected: str | None
) -> None:
    assert address(to, bsuid, None) == expected


@pytest.mark.parametrize(
    ("bsuid", "masked"),
    [
        (BSUID, "US.13***************918"),
        ("US.ENT.11815799212886844830", "US.ENT.11***************830"),
        ("DE.abcdefgh", "DE.ab***fgh"),
        ("DE.1349", "DE.**49"),
        ("DE.1", "DE.*"),
    ],
)
def test_a_user_id_is_masked_like_a_number(bsuid: str, masked: str) -> None:
    assert mask(bsuid) == masked
