"""Ways to reach a person when WhatsApp cannot: one row each, and everything that tells one from another.

Whoever asks which ways there are goes through :data:`WAYS`, whoever asks of one takes its row: contract and
contacts for its address, the fallback for what a lost answer means, reports and command line for its words.
A new way is its row here and an adapter in ``wiring/adapters.py`` (see CONTRIBUTING.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.patterns import NOT_IN_LINE, worded

PARK: Final = "park"
"""The fallback's last step, which is no way: hold it for WhatsApp. A row that was parked names it, too."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a person besides WhatsApp."""

    name: str
    """In policies, metrics, answers, a row's ``tried``; an option of ``lifeline drill`` is called so."""
    status: str
    """The status of a message that reached its person this way."""
    label: str
    """For people, after "by" and before "failed"."""

    # Its address.
    field: str
    """Of a message's ``recipient``, of a contact, of files of contacts and campaigns."""
    address: Mapping[str, Any]
    """JSON Schema of the address; with ``maxLength``."""
    owned: str
    """What a person has who can be reached so: "a push device"."""
    any_case: bool
    """Addresses that differ in case are the same."""
    most: int
    """Addresses that one person may have of it. All of them are tried; the way is done when one took it."""

    # The fallback.
    default_for: tuple[str, ...]
    """Priorities whose messages take it unless a deployment's policy says otherwise."""
    repeats: int
    """Acts without an answer or a report after which the next way is taken."""
    again: float | None
    """Seconds, times the acts so far, until an act without an answer is repeated, where repeats share a key
    by which the person is shown one. ``None``: both may be seen, so a report is waited for first.
    """

    # Rehearsals, reports.
    sample: str
    """Where a rehearsal's test message goes that names no address; empty: none is sent."""
    sample_help: str
    metavar: str
    """What the command line calls the address."""
    service: str
    """What takes it."""
    request: str
    """The name of its requests in an incident's cost."""
    request_label: str
    usd_per_million: float
    """List price of its requests in us-east-1, US dollars (AWS price pages, 2025)."""

    @property
    def given(self) -> dict[str, Any]:
        """JSON Schema of what a message says of it: an address, or a list where there may be several."""
        if self.most == 1:
            return dict(self.address)
        return {
            **self.address,
            "type": ["string", "array"],
            "minItems": 1,
            "maxItems": self.most,
            "items": dict(self.address),
            "description": f"One, or a list of up to {self.most}: each is told.",
        }

    def read(self, text: str) -> str | list[str]:
        """What :attr:`given` describes, from a field of a CSV file: blanks stand between several."""
        several = text.split() if self.most > 1 else []
        return several if len(several) > 1 else text

    @property
    def collapses(self) -> bool:
        """Whether of several acts the person is shown one."""
        return self.again is not None


PUSH: Final = Way(
    name="push",
    status="PUSHED",
    label="push",
    field="push_endpoint",
    address={
        "type": "string",
        "maxLength": 512,
        "pattern": worded(
            "^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:(endpoint|app)/[!-.0-~]+/[!-.0-~]+/[!-~]+$",
            "must be the ARN of an SNS endpoint: arn:aws:sns:REGION:ACCOUNT:endpoint/PLATFORM/APP/ID",
        ),
    },
    owned="a push device",
    any_case=False,
    # Phone, tablet, watch, browsers, and those that were replaced and are not dropped yet.
    most=10,
    default_for=("critical", "normal"),
    repeats=3,
    again=5.0,
    sample="",
    sample_help="a device for a test push",
    metavar="ENDPOINT",
    service="the push service",
    request="sns_pushes",
    request_label="SNS pushes",
    usd_per_million=0.50,
)
EMAIL: Final = Way(
    name="email",
    status="EMAILED",
    label="email",
    field="email",
    address={
        "type": "string",
        "maxLength": 320,
        "pattern": worded(
            rf"^[^@\s{NOT_IN_LINE}]+@[^@\s{NOT_IN_LINE}]+$", "must be a mail address, such as ana@example.com"
        ),
    },
    owned="an email",
    # Case does not count in mail domains, and no provider in use tells mailboxes apart by it.
    any_case=True,
    most=1,
    default_for=("critical",),
    repeats=2,
    again=None,
    # SES's own simulator: takes mail in every account and harms no reputation (SES, "mailbox simulator").
    sample="success@simulator.amazonses.com",
    sample_help="for the test mail; default SES's simulator",
    metavar="ADDRESS",
    service="the mail service",
    request="ses_emails",
    request_label="SES emails",
    usd_per_million=100.0,
)

SMS: Final = Way(
    name="sms",
    status="TEXTED",
    label="SMS",
    field="sms_number",
    address={
        "type": "string",
        "maxLength": 16,
        "pattern": worded("^\\+[1-9][0-9]{6,14}$", "must be a number in E.164, such as +4915112345678"),
    },
    owned="a number for SMS",
    any_case=False,
    most=1,
    # It costs: only where a deployment's policy names it.
    default_for=(),
    repeats=2,
    again=None,
    sample="",
    sample_help="a number for a test SMS",
    metavar="NUMBER",
    service="the SMS service",
    request="sms_messages",
    request_label="SMS",
    # One part to the United States; other countries cost up to thirty times that.
    usd_per_million=8_300.0,
)

WAYS: Final = (PUSH, EMAIL, SMS)
"""In the order in which the default policy takes them, and in which people read of them."""
WAYS_BY_NAME: Final[Mapping[str, Way]] = {way.name: way for way in WAYS}
WAYS_BY_STATUS: Final[Mapping[str, Way]] = {way.status: way for way in WAYS}


def several(given: object) -> tuple[str, ...]:
    """The addresses of a field (:attr:`Way.given`), each once; none where it is empty or no such field."""
    values = given if isinstance(given, list) else [given]
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def collapses(way: str | None) -> bool:
    """Whether repeats of an act of this way are shown as one; not those over WhatsApp, or of unknown ways."""
    row = WAYS_BY_NAME.get(way or "")
    return row is not None and row.collapses


def joined(words: Sequence[str], last: str) -> str:
    """``a, b or c``; ``last``: the word before the last one."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
