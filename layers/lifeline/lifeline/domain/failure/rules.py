"""Meta's errors by cause, one row each.

The key is Meta's ``error.code``, then ``error_subcode`` and ``error_data.details`` where one code stands for
several things: of the rows that fit, the one that asks for most wins.

Sources of the rows:

- ``meta``: Meta's error page for the WhatsApp Business Platform
- ``openapi``: Meta's own OpenAPI file, v23.0
- ``graph``: error handling and rate limit pages of the Graph API
- ``clients``: constants and recordings of open-source clients (pywa, nyaruka/courier, whaloc, older SDKs)
- ``class``: neither Meta nor a client says what to do; taken from the family to which the code belongs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MEDIUM_GONE: Final = "A media id ends 30 days after its upload: upload the file again."
_FINDS_NO_PERSON: Final = (
    r"recipient[^.]*\b(invalid|not (a )?valid|incorrect)|\b(invalid|not (a )?valid)\b[^.]*recipient"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: which errors it covers, and what follows from them."""

    codes: tuple[int | range, ...]
    name: str
    remedy: str
    source: str
    subcode: int | None = None
    """Only errors with this ``error_subcode``."""
    details: str | None = None
    """Only errors whose details (or message) match this pattern, upper and lower case alike."""
    passing: bool = False
    """Worth another try although the cause as a whole is not."""
    explains: bool = False
    """The remedy stands behind Meta's words: who reads them on the message needs it."""


AUTH: Final = (
    Rule((0,), "not authenticated", "Get a new token.", "meta"),
    Rule((3,), "capability missing", "Grant it; check with the token debugger.", "meta"),
    Rule((10,), "permission denied", "Grant it; check with the token debugger.", "meta"),
    Rule((102,), "no API session", "Get a new token.", "graph"),
    Rule((104,), "no token sent", "Supply the token.", "openapi"),
    Rule((190,), "app not authorised", "Install the app for its user again.", "graph", 458),
    Rule((190,), "user checkpointed", "Its user must log in and clear the check.", "graph", 459),
    Rule((190,), "password changed", "Get a new token: the password was changed.", "graph", 460),
    Rule((190,), "token expired", "Get a new token: this one has expired.", "openapi", 463),
    Rule((190,), "user not confirmed", "Its user must confirm the account.", "graph", 464),
    Rule((190,), "token revoked", "Get a new token: this one was revoked.", "graph", 467),
    Rule((190,), "invalid session", "Give its user a role on the business.", "graph", 492),
    Rule((190,), "token invalid", "Get a new token.", "meta"),
    Rule((range(200, 300),), "permission missing", "Grant what details name.", "meta"),
    Rule((131005,), "access denied", "Grant whatsapp_business_messaging to the token.", "meta"),
)
RATE_LIMIT: Final = (
    Rule((4,), "app call limit", "Wait up to an hour; make fewer calls.", "meta"),
    Rule((17, 32, 613), "Graph API limit", "Wait; make fewer calls.", "graph"),
    Rule((341,), "app limit", "Wait: downtime or throttling.", "graph"),
    Rule((80007, 80008), "account rate limit", "Wait as the usage header says.", "meta"),
    Rule((130429,), "throughput reached", "Send slower; retry after seconds.", "meta"),
)
SPAM_LIMIT: Final = (
    Rule((131048,), "spam rate limit", "Check quality; hold promotions.", "meta"),
    Rule((131064,), "misclassified templates", "Recategorise; Meta then lifts it.", "meta"),
)
PAIR_RATE_LIMIT: Final = (Rule((131056,), "too many to one person", "Wait 4^n seconds.", "meta"),)
ACCOUNT: Final = (
    Rule((33,), "number deleted", "Check the business number.", "meta"),
    Rule((368,), "blocked for policy", "Follow Meta's policy process.", "meta"),
    Rule((131031,), "account locked", "Read health status; ask Meta to review.", "meta"),
    Rule((131037,), "display name not approved", "Get the display name approved.", "meta"),
    Rule((131042,), "payment issue", "Fix billing in WhatsApp Manager.", "meta"),
    Rule((131044,), "payment for calls", "Fix billing in WhatsApp Manager.", "clients"),
    Rule((131045,), "incorrect certificate", "Register the number again.", "meta"),
    Rule((133000,), "incomplete deregistration", "Deregister the number again.", "meta"),
    Rule((133001, 133002, 133003, 133007), "recovery failed", "Register again.", "clients"),
    Rule((133005,), "PIN mismatch", "Correct or reset the two-step PIN.", "meta"),
    Rule((133006,), "verification needed", "Verify the number again.", "meta"),
    Rule((133008, 133009), "too many PIN guesses", "Wait as details say.", "meta"),
    Rule((133010,), "number not registered", "Register the number.", "meta"),
    Rule((133015,), "number just deleted", "Wait 5 minutes, then register.", "meta"),
    Rule((133016,), "registered too often", "Wait until Meta unblocks registration.", "meta"),
    Rule((134011,), "payments terms pending", "Accept the terms of service.", "class"),
    Rule((136025,), "verification code wrong", "Ask for a new code.", "clients"),
    Rule((141006,), "payment error (health)", "Fix billing in WhatsApp Manager.", "clients"),
    Rule((141010,), "business not verified (health)", "Complete the verification.", "clients"),
    Rule((2388012, 2388091, 2388093, 2388103), "migration", "Do as details say.", "meta"),
    Rule((100,), "number or account gone", "Check the number's id and rights.", "clients", 33),
    Rule((803,), "number or account gone", "Check the number's id and rights.", "openapi"),
)
BAD_REQUEST: Final = (
    # 100 with subcode 33 and 803 mean: the object in the path does not exist, or we may not use it.
    # A send's path names our number. A medium that the body names expires after 30 days: that is one message.
    Rule((100,), "medium gone", _MEDIUM_GONE, "clients", 33, r"\bmedia\b", explains=True),
    Rule((803,), "medium gone", _MEDIUM_GONE, "class", details=r"\bmedia\b", explains=True),
    Rule((131053,), "medium gone", _MEDIUM_GONE, "class", details=r"\bmedi(a|um)\b.*\bid\b", explains=True),
    Rule((100,), "invalid parameter", "Fix what details name.", "meta"),
    Rule((192, 200002), "template not created", "Fix the request.", "graph"),
    Rule((200005, 200006, 200007), "template insights", "Enable insights first.", "meta"),
    Rule((506,), "duplicate post", "Change the content.", "graph"),
    Rule((131001, 131002, 131006), "too long, wrong or missing", "Fix it.", "clients"),
    Rule((131008,), "required parameter missing", "Add what details name.", "meta"),
    Rule((131009,), "parameter value not valid", "Fix what details name.", "meta"),
    Rule((131014,), "link not readable", "Fix the link.", "clients"),
    Rule((131020, 131041, 131059), "groups", "Groups only.", "clients"),
    Rule(
        (131201, 131202, 131204, range(131207, 131216)),
        "groups",
        "Groups only.",
        "clients",
    ),
    Rule((131051,), "unsupported message type", "Use another type.", "meta"),
    Rule((131052,), "inbound medium not readable", "Ask the person to resend.", "meta"),
    Rule(
        (131053,),
        "link could not be fetched",
        "Check the server that hosts the media; Meta could not fetch it.",
        "clients",
        # Where Meta says no more than the code's name, the same is assumed: a try too many harms nobody.
        details=r"web\s?link|failed with http|\bdownload|^(\(#131053\) *)?media upload error$",
        passing=True,
    ),
    Rule((131053,), "medium not accepted", "Inspect the file.", "meta"),
    Rule((132000,), "parameter count", "Send as many as the template has.", "meta"),
    Rule((132005,), "text too long", "Shorten the parameters.", "meta"),
    Rule((132008,), "parameter value invalid", "Fix the parameter.", "clients"),
    Rule((132012,), "parameter format", "Fix the parameter's format.", "meta"),
    Rule((132018,), "parameter not valid", "Fix the template's parameters.", "meta"),
    Rule((135000,), "generic user error", "Check all parameters.", "meta"),
    # Parts of the platform that no send of ours uses: they say nothing about the channel.
    Rule((range(138000, 138019), 138024), "calls", "Calls only.", "clients"),
    Rule((range(139000, 139005),), "flow management", "Flows only.", "clients"),
    Rule((range(139100, 139104),), "blocking users", "Blocking only.", "clients"),
    Rule((range(147001, 147006),), "usernames", "Usernames only.", "clients"),
    Rule((1752041,), "onboarding asked twice", "Nothing to do.", "meta"),
    # Refused while a template is created: the templates that exist still work.
    Rule((2388019,), "too many templates", "Delete templates that are not used.", "meta"),
    Rule((2388039, 2388040, 2388047, 2388072), "template creation", "Fix it.", "meta"),
    Rule((2388073, 2388293, 2388299), "template creation", "Fix it.", "meta"),
    Rule((2593107, 2593108), "contact sync", "Once only, within a day.", "meta"),
    Rule((range(2494164, 2494180),), "in-app signup", "Signup only.", "clients"),
    # Codes of the On-Premises API, which has ended.
    Rule(
        (400, 402, 408, 410, range(429, 434), range(470, 473), 500, range(1000, 1027), range(2000, 2004)),
        "On-Premises API",
        "Not sent by the Cloud API: find out what answers.",
        "clients",
    ),
)
UNREACHABLE: Final = (
    Rule((1,), "unknown API error", "Try again; then check the request.", "meta"),
    Rule((2,), "API down or overloaded", "Wait 5 min; check Meta's status page.", "meta"),
    Rule((131000,), "something went wrong", "Try again; ticket if it persists.", "meta"),
    Rule((131016,), "service unavailable", "Check Meta's status page.", "meta"),
    Rule((131057, 2494100), "maintenance mode", "Retry in a few minutes.", "meta"),
    Rule((133004,), "server unavailable", "Check Meta's status page.", "meta"),
)
TEMPLATE_REJECTED: Final = (
    Rule((131055, 134100), "not for marketing", "Use another one.", "meta"),
    Rule((131063,), "marketing disabled", "Enable it for the Cloud API.", "meta"),
    Rule((132001,), "template missing", "Check name, language and status.", "meta"),
    Rule((132007,), "template breaks policy", "Change the template.", "meta"),
    Rule((132015,), "template paused", "Improve it or wait for the end.", "meta"),
    Rule((132016,), "template disabled", "Create a new template.", "meta"),
    Rule((132068,), "flow blocked", "Correct the flow.", "meta"),
    Rule((132069,), "flow throttled", "Correct the flow; wait an hour.", "meta"),
    Rule((134101,), "template still syncing", "Wait 10 minutes.", "meta"),
    Rule((134102,), "template unavailable", "Use another template.", "meta"),
)
INVALID_PHONE: Final = (
    Rule((131021,), "recipient is the sender", "Use another number.", "meta"),
    Rule(
        (100, 131009),
        "recipient not valid",
        "Correct the number.",
        "meta",
        details=_FINDS_NO_PERSON,
    ),
)
UNDELIVERABLE: Final = (
    Rule((131026,), "undeliverable", "Ask the person on another channel.", "meta"),
    Rule((131030,), "not an allowed recipient", "Add it to the test list.", "clients"),
    Rule((131043,), "message expired", "No action: it expired at Meta.", "clients"),
    Rule((131047,), "24 hours have passed", "Send a template.", "meta"),
    Rule((131049,), "marketing cap of this person", "Wait at least 24 hours.", "meta"),
    Rule((131050,), "stopped marketing", "Send this person no more marketing.", "meta"),
    Rule((131062,), "user id not supported", "Use the phone number.", "clients"),
    Rule((130403,), "blocked by the business", "Unblock the person.", "meta"),
    Rule((130472,), "part of Meta's experiment", "Use another channel.", "meta"),
    # Meta files 130497 under the account, yet it is about people in one country: the others still get theirs.
    Rule((130497,), "country restricted", "Send no WhatsApp to that country.", "meta"),
    Rule((137000,), "identity key mismatch", "Refresh the key's hash.", "clients"),
)
