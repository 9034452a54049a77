"""Failures told apart by their remedy.

One table, :data:`RULES`, read from top to bottom: the first row that fits wins. The key is Meta's
``error.code``, then ``error_subcode`` and ``error_data.details`` where one code stands for several things.
The HTTP status counts only where no code can be read, and ``type`` says nothing (``OAuthException`` also
comes with rate limits and outages).

Sources of the rows:

- ``meta``: Meta's error page for the WhatsApp Business Platform
- ``openapi``: Meta's own OpenAPI file, v23.0
- ``graph``: error handling and rate limit pages of the Graph API
- ``clients``: constants and recordings of open-source clients (pywa, nyaruka/courier, whaloc, older SDKs)
- ``class``: neither Meta nor a client says what to do; taken from the family to which the code belongs
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a send failed, or why a scope panics: one cause per remedy."""

    RATE_LIMIT = "rate_limit"
    SPAM_LIMIT = "spam_limit"
    PAIR_RATE_LIMIT = "pair_rate_limit"
    AUTH = "auth"
    ACCOUNT = "account"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    TEMPLATE_REJECTED = "template_rejected"
    INVALID_PHONE = "invalid_phone"
    UNDELIVERABLE = "undeliverable"
    BAD_REQUEST = "bad_request"
    OPERATOR = "operator"
    """Only a reason for panic: an operator asked for it."""
    ALARM = "alarm"
    """Only a reason for panic: a CloudWatch alarm asked for it."""


class Reach(StrEnum):
    """What a failure says something about: all sends, one template, one person or one message."""

    CHANNEL = "channel"
    TEMPLATE = "template"
    RECIPIENT = "recipient"
    MESSAGE = "message"


class Fault(StrEnum):
    """Transport faults, to which adapters map their exceptions."""

    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    """This one and those above: the request never left."""
    READ_TIMEOUT = "read_timeout"
    """This one and those below: the request may have left."""
    BROKEN = "broken"
    NOT_JSON = "not_json"
    """An answer of success that cannot be read."""


REACHES: Final[Mapping[Cause, Reach]] = {
    Cause.RATE_LIMIT: Reach.CHANNEL,
    Cause.SPAM_LIMIT: Reach.CHANNEL,
    Cause.PAIR_RATE_LIMIT: Reach.RECIPIENT,
    Cause.AUTH: Reach.CHANNEL,
    Cause.ACCOUNT: Reach.CHANNEL,
    Cause.UNREACHABLE: Reach.CHANNEL,
    Cause.SILENT: Reach.CHANNEL,
    Cause.TEMPLATE_REJECTED: Reach.TEMPLATE,
    Cause.INVALID_PHONE: Reach.RECIPIENT,
    Cause.UNDELIVERABLE: Reach.RECIPIENT,
    Cause.BAD_REQUEST: Reach.MESSAGE,
    Cause.OPERATOR: Reach.CHANNEL,
    Cause.ALARM: Reach.CHANNEL,
}

_REMEDIES: Final[Mapping[Cause, str]] = {
    Cause.RATE_LIMIT: "Lower the sending rate; sending resumes after the wait that Meta states.",
    Cause.SPAM_LIMIT: "Stop promotions and check the number's quality rating; people blocked or reported it.",
    Cause.PAIR_RATE_LIMIT: "Nothing to do: this person waits, others go on; send one person fewer messages.",
    Cause.AUTH: "Check the token and its permissions, then refresh it: lifeline whatsapp refresh-token.",
    Cause.ACCOUNT: "Read the account's health status and contact Meta Business Support; no retry helps.",
    Cause.UNREACHABLE: "Wait for Meta (metastatus.com/whatsapp-business-api); probes end the panic.",
    Cause.SILENT: "Check the webhook's subscription and the account's health: Meta reports nothing.",
    Cause.TEMPLATE_REJECTED: "Fix or replace the template: lifeline whatsapp templates --map OLD=NEW.",
    Cause.INVALID_PHONE: "Correct the number in the contact's record; the fallback was taken.",
    Cause.UNDELIVERABLE: "WhatsApp cannot reach this person now; the fallback was taken.",
    Cause.BAD_REQUEST: "Fix what the producer sends; the message is on the dead-letter queue, with why.",
    Cause.OPERATOR: "Ask the operator named in lifeline panic history; lifeline panic disable ends it.",
    Cause.ALARM: "Look at the alarm named in lifeline panic history; probes end the panic by themselves.",
}

_FINDS_NO_PERSON: Final = (
    r"recipient[^.]*\b(invalid|not (a )?valid|incorrect)|\b(invalid|not (a )?valid)\b[^.]*recipient"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of :data:`RULES`: which errors it covers, and what follows from them."""

    codes: tuple[int | range, ...]
    cause: Cause
    name: str
    remedy: str
    source: str
    subcode: int | None = None
    """Only errors with this ``error_subcode``."""
    details: str | None = None
    """Only errors whose details (or message) match this pattern, upper and lower case alike."""
    passing: bool = False
    """Worth another try although the cause as a whole is not."""


RULES: Final[tuple[Rule, ...]] = (
    # --- Token, app, permissions ------------------------------------------------------------------------
    Rule((0,), Cause.AUTH, "not authenticated", "Get a new token.", "meta"),
    Rule((3,), Cause.AUTH, "capability missing", "Grant it; check with the token debugger.", "meta"),
    Rule((10,), Cause.AUTH, "permission denied", "Grant it; check with the token debugger.", "meta"),
    Rule((102,), Cause.AUTH, "no API session", "Get a new token.", "graph"),
    Rule((104,), Cause.AUTH, "no token sent", "Supply the token.", "openapi"),
    Rule((190,), Cause.AUTH, "app not authorised", "Install the app for its user again.", "graph", 458),
    Rule((190,), Cause.AUTH, "user checkpointed", "Its user must log in and clear the check.", "graph", 459),
    Rule((190,), Cause.AUTH, "password changed", "Get a new token: the password was changed.", "graph", 460),
    Rule((190,), Cause.AUTH, "token expired", "Get a new token: this one has expired.", "openapi", 463),
    Rule((190,), Cause.AUTH, "user not confirmed", "Its user must confirm the account.", "graph", 464),
    Rule((190,), Cause.AUTH, "token revoked", "Get a new token: this one was revoked.", "graph", 467),
    Rule((190,), Cause.AUTH, "invalid session", "Give its user a role on the business.", "graph", 492),
    Rule((190,), Cause.AUTH, "token invalid", "Get a new token.", "meta"),
    Rule((range(200, 300),), Cause.AUTH, "permission missing", "Grant what details name.", "meta"),
    Rule((131005,), Cause.AUTH, "access denied", "Grant whatsapp_business_messaging to the token.", "meta"),
    # --- Rate limits ------------------------------------------------------------------------------------
    Rule((4,), Cause.RATE_LIMIT, "app call limit", "Wait up to an hour; make fewer calls.", "meta"),
    Rule((17, 32, 613), Cause.RATE_LIMIT, "Graph API limit", "Wait; make fewer calls.", "graph"),
    Rule((341,), Cause.RATE_LIMIT, "app limit", "Wait: downtime or throttling.", "graph"),
    Rule((80007, 80008), Cause.RATE_LIMIT, "account rate limit", "Wait as the usage header says.", "meta"),
    Rule((130429,), Cause.RATE_LIMIT, "throughput reached", "Send slower; retry after seconds.", "meta"),
    Rule((131048,), Cause.SPAM_LIMIT, "spam rate limit", "Check quality; hold promotions.", "meta"),
    Rule((131064,), Cause.SPAM_LIMIT, "misclassified templates", "Recategorise; it lifts itself.", "meta"),
    Rule((131056,), Cause.PAIR_RATE_LIMIT, "too many to one person", "Wait 4^n seconds.", "meta"),
    # --- Account and number -----------------------------------------------------------------------------
    Rule((33,), Cause.ACCOUNT, "number deleted", "Check the business number.", "meta"),
    Rule((368,), Cause.ACCOUNT, "blocked for policy", "Follow Meta's policy process.", "meta"),
    Rule((131031,), Cause.ACCOUNT, "account locked", "Read health status; ask Meta to review.", "meta"),
    Rule((131037,), Cause.ACCOUNT, "display name not approved", "Get the display name approved.", "meta"),
    Rule((131042,), Cause.ACCOUNT, "payment issue", "Fix billing in WhatsApp Manager.", "meta"),
    Rule((131044,), Cause.ACCOUNT, "payment for calls", "Fix billing in WhatsApp Manager.", "clients"),
    Rule((131045,), Cause.ACCOUNT, "incorrect certificate", "Register the number again.", "meta"),
    Rule((133000,), Cause.ACCOUNT, "incomplete deregistration", "Deregister the number again.", "meta"),
    Rule((133001, 133002, 133003, 133007), Cause.ACCOUNT, "recovery failed", "Register again.", "clients"),
    Rule((133005,), Cause.ACCOUNT, "PIN mismatch", "Correct or reset the two-step PIN.", "meta"),
    Rule((133006,), Cause.ACCOUNT, "verification needed", "Verify the number again.", "meta"),
    Rule((133008, 133009), Cause.ACCOUNT, "too many PIN guesses", "Wait as details say.", "meta"),
    Rule((133010,), Cause.ACCOUNT, "number not registered", "Register the number.", "meta"),
    Rule((133015,), Cause.ACCOUNT, "number just deleted", "Wait 5 minutes, then register.", "meta"),
    Rule((133016,), Cause.ACCOUNT, "registered too often", "Wait until Meta unblocks registration.", "meta"),
    Rule((134011,), Cause.ACCOUNT, "payments terms pending", "Accept the terms of service.", "class"),
    Rule((136025,), Cause.ACCOUNT, "verification code wrong", "Ask for a new code.", "clients"),
    Rule((141006,), Cause.ACCOUNT, "payment error (health)", "Fix billing in WhatsApp Manager.", "clients"),
    Rule((141010,), Cause.ACCOUNT, "business not verified (health)", "Complete the verification.", "clients"),
    Rule((2388012, 2388091, 2388093, 2388103), Cause.ACCOUNT, "migration", "Do as details say.", "meta"),
    # 100 with subcode 33 and 803 mean: the object in the path does not exist, or we may not use it.
    # A send's path names our number. A medium that the body names expires after 30 days: that is one message.
    Rule((100,), Cause.BAD_REQUEST, "medium gone", "Upload the medium again.", "clients", 33, r"\bmedia\b"),
    Rule((803,), Cause.BAD_REQUEST, "medium gone", "Upload the medium again.", "class", details=r"\bmedia\b"),
    Rule((100,), Cause.ACCOUNT, "number or account gone", "Check the number's id and rights.", "clients", 33),
    Rule((803,), Cause.ACCOUNT, "number or account gone", "Check the number's id and rights.", "openapi"),
    # --- Meta is down, or busy with our number ----------------------------------------------------------
    Rule((1,), Cause.UNREACHABLE, "unknown API error", "Try again; then check the request.", "meta"),
    Rule((2,), Cause.UNREACHABLE, "API down or overloaded", "Wait 5 min; check Meta's status page.", "meta"),
    Rule((131000,), Cause.UNREACHABLE, "something went wrong", "Try again; ticket if it persists.", "meta"),
    Rule((131016,), Cause.UNREACHABLE, "service unavailable", "Check Meta's status page.", "meta"),
    Rule((131057, 2494100), Cause.UNREACHABLE, "maintenance mode", "Retry in a few minutes.", "meta"),
    Rule((133004,), Cause.UNREACHABLE, "server unavailable", "Check Meta's status page.", "meta"),
    # --- Templates --------------------------------------------------------------------------------------
    Rule((131055, 134100), Cause.TEMPLATE_REJECTED, "not for marketing", "Use another one.", "meta"),
    Rule((131063,), Cause.TEMPLATE_REJECTED, "marketing disabled", "Enable it for the Cloud API.", "meta"),
    Rule((132001,), Cause.TEMPLATE_REJECTED, "template missing", "Check name, language and status.", "meta"),
    Rule((132007,), Cause.TEMPLATE_REJECTED, "template breaks policy", "Change the template.", "meta"),
    Rule((132015,), Cause.TEMPLATE_REJECTED, "template paused", "Improve it or wait for the end.", "meta"),
    Rule((132016,), Cause.TEMPLATE_REJECTED, "template disabled", "Create a new template.", "meta"),
    Rule((132068,), Cause.TEMPLATE_REJECTED, "flow blocked", "Correct the flow.", "meta"),
    Rule((132069,), Cause.TEMPLATE_REJECTED, "flow throttled", "Correct the flow; wait an hour.", "meta"),
    Rule((134101,), Cause.TEMPLATE_REJECTED, "template still syncing", "Wait 10 minutes.", "meta"),
    Rule((134102,), Cause.TEMPLATE_REJECTED, "template unavailable", "Use another template.", "meta"),
    # --- People -----------------------------------------------------------------------------------------
    Rule((131021,), Cause.INVALID_PHONE, "recipient is the sender", "Use another number.", "meta"),
    Rule((131026,), Cause.UNDELIVERABLE, "undeliverable", "Ask the person on another channel.", "meta"),
    Rule((131030,), Cause.UNDELIVERABLE, "not an allowed recipient", "Add it to the test list.", "clients"),
    Rule((131043,), Cause.UNDELIVERABLE, "message expired", "None: its time passed at Meta.", "clients"),
    Rule((131047,), Cause.UNDELIVERABLE, "24 hours have passed", "Send a template.", "meta"),
    Rule((131049,), Cause.UNDELIVERABLE, "marketing cap of this person", "Wait at least 24 hours.", "meta"),
    Rule((131050,), Cause.UNDELIVERABLE, "stopped marketing", "Send this person no more marketing.", "meta"),
    Rule((131062,), Cause.UNDELIVERABLE, "user id not supported", "Use the phone number.", "clients"),
    Rule((130403,), Cause.UNDELIVERABLE, "blocked by the business", "Unblock the person.", "meta"),
    Rule((130472,), Cause.UNDELIVERABLE, "part of Meta's experiment", "Use another channel.", "meta"),
    # Meta files 130497 under the account, yet it is about people in one country: the others still get theirs.
    Rule((130497,), Cause.UNDELIVERABLE, "country restricted", "Send no WhatsApp to that country.", "meta"),
    Rule((137000,), Cause.UNDELIVERABLE, "identity key mismatch", "Refresh the key's hash.", "clients"),
    # --- Our requests -----------------------------------------------------------------------------------
    Rule(
        (100, 131009),
        Cause.INVALID_PHONE,
        "recipient not valid",
        "Correct the number.",
        "meta",
        details=_FINDS_NO_PERSON,
    ),
    Rule((100,), Cause.BAD_REQUEST, "invalid parameter", "Fix what details name.", "meta"),
    Rule((192, 200002), Cause.BAD_REQUEST, "template not created", "Fix the request.", "graph"),
    Rule((200005, 200006, 200007), Cause.BAD_REQUEST, "template insights", "Enable insights first.", "meta"),
    Rule((506,), Cause.BAD_REQUEST, "duplicate post", "Change the content.", "graph"),
    Rule((131001, 131002, 131006), Cause.BAD_REQUEST, "too long, wrong or missing", "Fix it.", "clients"),
    Rule((131008,), Cause.BAD_REQUEST, "required parameter missing", "Add what details name.", "meta"),
    Rule((131009,), Cause.BAD_REQUEST, "parameter value not valid", "Fix what details name.", "meta"),
    Rule((131014,), Cause.BAD_REQUEST, "link not readable", "Fix the link.", "clients"),
    Rule((131020, 131041, 131059), Cause.BAD_REQUEST, "groups", "Groups only.", "clients"),
    Rule(
        (131201, 131202, 131204, range(131207, 131216)),
        Cause.BAD_REQUEST,
        "groups",
        "Groups only.",
        "clients",
    ),
    Rule((131051,), Cause.BAD_REQUEST, "unsupported message type", "Use another type.", "meta"),
    Rule((131052,), Cause.BAD_REQUEST, "inbound medium not readable", "Ask the person to resend.", "meta"),
    Rule(
        (131053,),
        Cause.BAD_REQUEST,
        "link could not be fetched",
        "Check the server that holds the medium; Meta could not fetch it.",
        "clients",
        details=r"web\s?link|failed with http",
        passing=True,
    ),
    Rule((131053,), Cause.BAD_REQUEST, "medium not accepted", "Inspect the file.", "meta"),
    Rule((132000,), Cause.BAD_REQUEST, "parameter count", "Send as many as the template has.", "meta"),
    Rule((132005,), Cause.BAD_REQUEST, "text too long", "Shorten the parameters.", "meta"),
    Rule((132008,), Cause.BAD_REQUEST, "parameter value invalid", "Fix the parameter.", "clients"),
    Rule((132012,), Cause.BAD_REQUEST, "parameter format", "Fix the parameter's format.", "meta"),
    Rule((132018,), Cause.BAD_REQUEST, "parameter not valid", "Fix the template's parameters.", "meta"),
    Rule((135000,), Cause.BAD_REQUEST, "generic user error", "Check all parameters.", "meta"),
    # --- Parts of the platform that no send of ours uses: they say nothing about the channel ------------
    Rule((range(138000, 138019), 138024), Cause.BAD_REQUEST, "calls", "Calls only.", "clients"),
    Rule((range(139000, 139005),), Cause.BAD_REQUEST, "flow management", "Flows only.", "clients"),
    Rule((range(139100, 139104),), Cause.BAD_REQUEST, "blocking users", "Blocking only.", "clients"),
    Rule((range(147001, 147006),), Cause.BAD_REQUEST, "usernames", "Usernames only.", "clients"),
    Rule((1752041,), Cause.BAD_REQUEST, "onboarding asked twice", "Nothing to do.", "meta"),
    # Refused while a template is created: the templates that exist still work.
    Rule((2388019,), Cause.BAD_REQUEST, "too many templates", "Delete templates that are not used.", "meta"),
    Rule((2388039, 2388040, 2388047, 2388072), Cause.BAD_REQUEST, "template creation", "Fix it.", "meta"),
    Rule((2388073, 2388293, 2388299), Cause.BAD_REQUEST, "template creation", "Fix it.", "meta"),
    Rule((2593107, 2593108), Cause.BAD_REQUEST, "contact sync", "Once only, within a day.", "meta"),
    Rule((range(2494164, 2494180),), Cause.BAD_REQUEST, "in-app signup", "Signup only.", "clients"),
    # Codes of the On-Premises API, which has ended.
    Rule(
        (400, 402, 408, 410, range(429, 434), range(470, 473), 500, range(1000, 1027), range(2000, 2004)),
        Cause.BAD_REQUEST,
        "On-Premises API",
        "Not sent by the Cloud API: find out what answers.",
        "clients",
    ),
)
"""The failure table."""

_BY_CODE: Final[dict[int, list[Rule]]] = {}
for _rule in RULES:
    for _entry in _rule.codes:
        for _code in (_entry,) if isinstance(_entry, int) else _entry:
            _BY_CODE.setdefault(_code, []).append(_rule)

_COUNTED: Final = frozenset(
    {Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.UNREACHABLE, Cause.AUTH, Cause.ACCOUNT}
)
_NOT_LEFT: Final = frozenset({Fault.REFUSED, Fault.DNS, Fault.TLS, Fault.CONNECT_TIMEOUT})
_FAULT_NOTES: Final[Mapping[Fault, str]] = {
    Fault.REFUSED: "connection refused",
    Fault.DNS: "host name not resolved",
    Fault.TLS: "no TLS connection",
    Fault.CONNECT_TIMEOUT: "no connection in time",
    Fault.READ_TIMEOUT: "no answer in time",
    Fault.BROKEN: "connection broken",
    Fault.NOT_JSON: "answer of success not readable",
}

MAX_RETRY_AFTER: Final = 7 * 86_400.0
"""Seconds. A stated wait is cut to this; the longest throttling on record lasted days."""
MAX_DETAILS: Final = 300
"""Characters kept of Meta's text."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed send (or other call), told apart.

    ``retry_after``: seconds, as Meta states them. ``may_have_left``: the request may have been carried out.
    ``known``: the code stands in :data:`RULES`. ``details`` is safe to log: no token, no whole phone number.
    """

    cause: Cause
    reach: Reach
    code: int | None
    subcode: int | None
    details: str
    http_status: int | None
    may_have_left: bool
    retry_after: float | None
    fbtrace_id: str | None
    known: bool
    note: str
    """Which row, or which fault, in a few words."""
    passing: bool = False
    """The row of the table says that another try is worthwhile."""

    @property
    def words(self) -> str:
        """Cause, code and details in one line."""
        code = f"code {self.code}: " if self.code is not None else ""
        return f"{self.cause}: {code}{self.details}"[:300]

    @property
    def remedy(self) -> str:
        """What an operator does about it: what the table says of the code, then of the cause."""
        rule = rule_for(self.code, self.subcode, self.details)
        whole = remedy(self.cause)
        return f"{rule.remedy} {whole}" if rule and rule.remedy not in whole else whole

    @property
    def trips_at_once(self) -> bool:
        """Whether the first such failure puts the channel into panic."""
        return self.cause in (Cause.AUTH, Cause.ACCOUNT)

    @property
    def counts_for_window(self) -> bool:
        """Whether it counts as a failure of the channel. All others show that Meta answers."""
        return self.cause in _COUNTED

    @property
    def is_passing(self) -> bool:
        """Whether the same message is worth another try outside panic.

        True for outages and limits, and where the table says so; never while the request may have been
        carried out, because Meta has no idempotency key.
        """
        if self.may_have_left:
            return False
        return self.passing or self.cause in (Cause.UNREACHABLE, Cause.RATE_LIMIT, Cause.PAIR_RATE_LIMIT)


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of the usage headers. Shares in percent (0 to 100 and above) of a rolling hour."""

    type: str
    """``app`` for X-App-Usage, else Meta's type, as ``whatsapp`` or ``whatsapp_business_management``."""
    call_count: float
    total_time: float
    total_cputime: float
    regain_seconds: float
    """Seconds until access is regained; 0 while not throttled."""

    @property
    def percent(self) -> float:
        """The fullest of the three shares."""
        return max(self.call_count, self.total_time, self.total_cputime)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the usage headers of one answer say (Meta, "Rate limits", Graph API)."""

    quotas: tuple[Quota, ...]

    @property
    def percent(self) -> float:
        """The fullest share of all quotas; at 100 Meta may begin to throttle."""
        return max((quota.percent for quota in self.quotas), default=0.0)

    @property
    def regain_seconds(self) -> float:
        """The longest stated wait, in seconds; 0 while not throttled."""
        return max((quota.regain_seconds for quota in self.quotas), default=0.0)


def remedy(cause: Cause) -> str:
    """What an operator does about ``cause``, in one sentence."""
    return _REMEDIES[cause]


def rule_for(code: int | None, subcode: int | None = None, details: str = "") -> Rule | None:
    """The row of :data:`RULES` that covers an error, or ``None`` for an unknown code."""
    if code is None:
        return None
    for rule in _BY_CODE.get(code, ()):
        if rule.subcode is not None and rule.subcode != subcode:
            continue
        if rule.details is not None and not re.search(rule.details, details, re.IGNORECASE):
            continue
        return rule
    return None


def classify_answer(http_status: int, body: object, headers: Mapping[str, str]) -> Failure:
    """Tell apart an answer of Meta that is not a success. Never raises, however odd the answer.

    ``body``: the parsed JSON, or ``None`` where the answer is not JSON. ``headers``: any case.
    A readable error means that Meta refused the request, whatever the HTTP status: nothing was sent. Without
    one, 502 and 504 are a gateway that may have lost Meta's answer, and a 2xx is a success that cannot be
    read: both may mean that it is on its way. Any other status comes from what did not pass it on.
    """
    error = _error_of(body)
    code, subcode, details = _read(error)
    if code is not None and code == http_status:
        code = None  # A gateway that repeats its HTTP status as a code; Meta's codes are not HTTP statuses.
    fbtrace = _text(error.get("fbtrace_id")) or _text(_header(headers, "x-fb-trace-id"))
    lost = False
    if code is None:
        cause, note = _by_http_status(http_status, body)
        known = cause is not Cause.BAD_REQUEST
        passing = False
        lost = 200 <= http_status < 300 or (http_status in (502, 504) and not error)
    else:
        cause, note, known, passing = _by_code(code, subcode, details)
    return Failure(
        cause=cause,
        reach=REACHES[cause],
        code=code,
        subcode=subcode,
        details=details or note,
        http_status=http_status,
        may_have_left=lost,
        retry_after=_retry_after(headers, cause),
        fbtrace_id=mask_private(fbtrace)[:64] if fbtrace else None,
        known=known,
        note=note,
        passing=passing,
    )


def classify_status_error(error: Mapping[str, object]) -> Failure:
    """Tell apart one entry of a webhook's ``errors[]``, or of a health status. Never raises.

    Old payloads carry only ``code`` and ``title`` or a flat ``details``; a health status says ``error_code``.
    Meta has reported the message as failed, so nothing is in doubt.
    """
    code, subcode, details = _read(error if isinstance(error, Mapping) else {})
    cause, note, known, passing = _by_code(code, subcode, details)
    return Failure(
        cause=cause,
        reach=REACHES[cause],
        code=code,
        subcode=subcode,
        details=details or note,
        http_status=None,
        may_have_left=False,
        retry_after=None,
        fbtrace_id=None,
        known=known,
        note=note,
        passing=passing,
    )


def classify_fault(fault: Fault, text: str) -> Failure:
    """Tell apart a call without a readable answer. ``text``: what the transport said."""
    note = _FAULT_NOTES[fault]
    return Failure(
        cause=Cause.UNREACHABLE,
        reach=REACHES[Cause.UNREACHABLE],
        code=None,
        subcode=None,
        details=mask_private(f"{note}: {text}" if text else note)[:MAX_DETAILS],
        http_status=None,
        may_have_left=fault not in _NOT_LEFT,
        retry_after=None,
        fbtrace_id=None,
        known=True,
        note=note,
    )


def usage_headers(headers: Mapping[str, str]) -> Usage | None:
    """Read X-Business-Use-Case-Usage and X-App-Usage; ``None`` where neither can be read."""
    quotas: list[Quota] = []
    business = _json(_header(headers, "x-business-use-case-usage"))
    if isinstance(business, Mapping):
        for entries in business.values():
            for entry in entries if isinstance(entries, list) else [entries]:
                if isinstance(entry, Mapping):
                    quotas.append(_quota(_text(entry.get("type")) or "unknown", entry))
    app = _json(_header(headers, "x-app-usage"))
    if isinstance(app, Mapping) and app:
        quotas.append(_quota("app", app))
    return Usage(tuple(quotas)) if quotas else None


_SECRETS: Final = re.compile(
    r"""
    (?i:bearer\s+)[^\s"',;]+
    | (?i:access_token|input_token|exchange_token|revoke_token|verify_token|client_secret|appsecret_proof)
      (?:=|["']?\s*:\s*["']?)[^&\s"']+
    | \bEA[A-Za-z0-9]{16,}
    | \bsk-[\w-]{8,}
    | \b\d{6,}\|[\w-]{8,}
    | \b[0-9a-fA-F]{32,}\b
    | (?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{32,}
    """,
    re.VERBOSE | re.ASCII,
)
_DIGITS: Final = re.compile(r"\+\d(?:[\s().-]{0,2}\d){6,}|\d{7,}")


def mask_private(text: str) -> str:
    """Replace tokens by ``***`` and numbers of seven or more digits by ``***`` and their last four."""
    return _DIGITS.sub(lambda found: "***" + re.sub(r"\D", "", found[0])[-4:], _SECRETS.sub("***", text))


def _by_code(code: int | None, subcode: int | None, details: str) -> tuple[Cause, str, bool, bool]:
    rule = rule_for(code, subcode, details)
    if rule is None:
        note = "no error code" if code is None else f"code {code} is not in the table"
        return Cause.BAD_REQUEST, note, False, False
    return rule.cause, rule.name, True, rule.passing


def _by_http_status(status: int, body: object) -> tuple[Cause, str]:
    if status == 429:
        return Cause.RATE_LIMIT, "HTTP 429 without an error code"
    if status in (401, 403):
        return Cause.AUTH, f"HTTP {status} without an error code"
    if status in (413, 414, 431):
        return Cause.BAD_REQUEST, f"HTTP {status}: the request is too large"
    if 400 <= status < 500 and status != 408 and isinstance(body, Mapping | list):
        return Cause.BAD_REQUEST, f"HTTP {status} without an error code"
    if body is None and status < 500:
        return Cause.UNREACHABLE, f"HTTP {status}, and the answer is not JSON"
    return Cause.UNREACHABLE, f"HTTP {status} without an error code"


def _error_of(body: object) -> Mapping[str, object]:
    """The error object in a body: under ``error``, first of ``errors``, or the body itself."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Mapping):
        return {}
    for candidate in (body.get("error"), body.get("errors")):
        if isinstance(candidate, list):
            candidate = candidate[0] if candidate else None
        if isinstance(candidate, Mapping):
            return candidate
        if isinstance(candidate, str) and candidate:
            return {"message": candidate}
    return body if "code" in body or "error_code" in body else {}


def _read(error: Mapping[str, object]) -> tuple[int | None, int | None, str]:
    """Code, subcode and details of an error object; details without anything private."""
    texts = _details(error)
    code = _whole(error.get("code", error.get("error_code")))
    if code is None:
        # Meta's messages begin with "(#code)".
        stated = re.match(r"\s*\(#(\d{1,9})\)", str(error.get("message") or ""))
        code = int(stated[1]) if stated else None
    subcode = _whole(error.get("error_subcode", error.get("subcode")))
    return code, subcode, mask_private(texts)[:MAX_DETAILS]


def _details(error: Mapping[str, object]) -> str:
    data = error.get("error_data")
    candidates: Iterable[object] = (
        data.get("details") if isinstance(data, Mapping) else data,
        error.get("details"),
        error.get("error_description"),
        error.get("message"),
        error.get("title"),
        error.get("error_user_msg"),
    )
    # Long enough for any text of Meta, short enough that masking it costs nothing.
    return next(
        (" ".join(text[:4000].split()) for text in map(_text, candidates) if text and text.strip()), ""
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    """A whole number, also from a string or a float; anything else is ``None``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e12 else None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*-?[0-9]{1,12}\s*", value) else None
    return value if isinstance(value, int) and abs(value) < 10**12 else None


def _share(value: object) -> float:
    """A number of the usage headers, 0 or more."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return 0.0
    return max(0.0, float(value))


def _quota(kind: str, entry: Mapping[str, object]) -> Quota:
    return Quota(
        type=mask_private(kind)[:64],
        call_count=_share(entry.get("call_count")),
        total_time=_share(entry.get("total_time")),
        total_cputime=_share(entry.get("total_cputime")),
        # Meta states minutes.
        regain_seconds=min(60.0 * _share(entry.get("estimated_time_to_regain_access")), MAX_RETRY_AFTER),
    )


def _header(headers: Mapping[str, str], name: str) -> str | None:
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == name:
            return value if isinstance(value, str) else None
    return None


def _json(text: str | None) -> object:
    if not text:
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _retry_after(headers: Mapping[str, str], cause: Cause) -> float | None:
    """Seconds to wait: Retry-After (RFC 9110: seconds or a date), else Meta's time to regain access.

    The second says when a limit ends, so it counts for limits only.
    """
    raw = _header(headers, "retry-after")
    seconds = _stated_wait(raw, _header(headers, "date")) if raw else None
    if seconds is None and cause in (Cause.RATE_LIMIT, Cause.SPAM_LIMIT):
        usage = usage_headers(headers)
        seconds = usage.regain_seconds if usage else None
    return min(seconds, MAX_RETRY_AFTER) if seconds and seconds > 0 else None


def _stated_wait(raw: str, date: str | None) -> float | None:
    try:
        seconds = float(raw)
        return seconds if math.isfinite(seconds) else None
    except ValueError:
        pass
    until, sent = _moment(raw), _moment(date)
    return (until - sent).total_seconds() if until and sent else None


def _moment(text: str | None) -> datetime | None:
    """An HTTP date. The answer's own Date header stands for now, so that no clock is needed."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None
