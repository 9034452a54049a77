"""Meta's errors, one row each, read from top to bottom: the first row that fits wins.

The key is Meta's ``error.code``, then ``error_subcode`` and ``error_data.details`` where one code stands for
several things.

Sources of the rows:

- ``meta``: Meta's error page for the WhatsApp Business Platform
- ``openapi``: Meta's own OpenAPI file, v23.0
- ``graph``: error handling and rate limit pages of the Graph API
- ``clients``: constants and recordings of open-source clients (pywa, nyaruka/courier, whaloc, older SDKs)
- ``class``: neither Meta nor a client says what to do; taken from the family to which the code belongs
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lifeline.domain.failure.causes import Cause

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
