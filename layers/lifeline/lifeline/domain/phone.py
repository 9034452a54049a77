"""Phone numbers, or the user ids in their place: E.164, masked. Numbering plans are libphonenumber's."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

from lifeline.contract.patterns import is_bsuid

_REASONS: Final = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "has no country code, and no default region",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "holds no phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "ends after the international prefix",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "is too short",
    phonenumbers.NumberParseException.TOO_LONG: "is too long",
}
_LENGTHS: Final = {
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "its country code does not exist",
    phonenumbers.ValidationResult.TOO_SHORT: "is too short for its country",
    phonenumbers.ValidationResult.TOO_LONG: "is too long for its country",
    phonenumbers.ValidationResult.INVALID_LENGTH: "has a length that its country does not use",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}
MAX_LENGTH: Final = 64
"""Characters. E.164 has 15 digits; the rest leaves room for spaces and brackets."""


class NotAPhoneNumber(ValueError):  # noqa: N818 (reads as what it says)
    """The text is no phone number that can be dialled. ``reason`` says why; the number shows only masked."""

    def __init__(self, raw: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{mask(raw) or 'an empty text'} is not a phone number: {reason}")


def normalise(raw: str, default_region: str | None) -> str:
    """``raw`` as E.164 (``+491701234567``).

    ``default_region``: ISO 3166-1 code of two letters in which a national number is read; ``None`` demands a
    country code. ``00`` in front counts as ``+``. Raises :class:`NotAPhoneNumber` for what cannot be dialled:
    of the right length for its country is enough, since new ranges open before libphonenumber knows them, and
    WhatsApp answers for itself whether a person is there. Letters (vanity numbers, extensions) are refused.
    """
    text = raw.strip() if isinstance(raw, str) else ""
    if not text:
        raise NotAPhoneNumber("", "it is empty")
    if len(text) > MAX_LENGTH:
        raise NotAPhoneNumber(text[:MAX_LENGTH], f"is longer than {MAX_LENGTH} characters")
    if any(character.isalpha() for character in text):
        raise NotAPhoneNumber(text, "holds letters")
    if "+" not in text and text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, default_region.upper() if default_region else None)
    except phonenumbers.NumberParseException as error:
        raise NotAPhoneNumber(text, _REASONS.get(error.error_type, "cannot be read")) from None
    national = str(number.national_number)
    if number.country_code == 52 and re.fullmatch(r"1\d{10}", national):
        # Mexico dropped the 1 of its mobiles in 2019; contact lists and WhatsApp ids still carry it.
        number.national_number = int(national[1:])
    reason = _LENGTHS.get(phonenumbers.is_possible_number_with_reason(number))
    if reason:
        raise NotAPhoneNumber(text, reason)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def address(to: str | None, bsuid: str | None, default_region: str | None) -> str | None:
    """Where WhatsApp reaches a person: ``to`` in E.164, else their business-scoped user id, else nowhere."""
    try:
        return normalise(to or "", default_region)
    except NotAPhoneNumber:
        return bsuid


def mask(who: str) -> str:
    """A number or business-scoped user id that is safe to log: ``+491701234567`` gives ``+49*******567``.

    The first two digits and the last three stay; of fewer than eight digits, only the last two. An id keeps
    what stands before its last full stop, and is masked behind it. Of any other text, only the digits count.
    """
    if is_bsuid(who):
        before, _, behind = who.rpartition(".")
        return f"{before}.{_masked(behind)}"
    plus = "+" if who.lstrip().startswith("+") else ""
    return plus + _masked(re.sub(r"\D", "", who))


def _masked(signs: str) -> str:
    if len(signs) < 8:
        return "*" * max(0, len(signs) - 2) + signs[-2:] if len(signs) > 2 else "*" * len(signs)
    return f"{signs[:2]}{'*' * (len(signs) - 5)}{signs[-3:]}"
