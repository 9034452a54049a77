"""What hostile producers send, each with where it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.message.status import Status

from tests.support.hostile import good
from tests.support.statuses import PUSHED


@dataclass(frozen=True, slots=True)
class Case:
    """``dead``: what the reason of the dead letter holds. Else ``ends``: its status in health, in panic."""

    name: str
    body: str
    dead: str = ""
    ends: tuple[Status, Status] = (Status.SENT, Status.PARKED)
    id: str = "h"


TEMPLATE: Final[dict[str, Any]] = {"name": "reminder", "language": "en_US", "parameters": ["Ana"]}


def templated(**more: Any) -> str:
    return good(type="template", template={**TEMPLATE, **more})


def in_body(text: str) -> str:
    part = {"type": "body", "parameters": [{"type": "text", "text": text}]}
    return good(type="template", template={"name": "a", "language": "en", "components": [part]})


# Text that breaks encoders and terminals, in every text of a message.
NASTY: Final = {
    "half a character": "\ud83d",
    "NUL": "\x00",
    "escape": "\x1b[2J",
    "C1": "\x9b2J",
    "no character": "\uffff",
}


PLACES: Final[dict[str, Callable[[str], str]]] = {
    "id": lambda nasty: good(id=f"h{nasty}"),
    "to": lambda nasty: good(to=f"+4915112345678{nasty}"),
    "text": lambda nasty: good(text=f"cut {nasty}"),
    "category": lambda nasty: good(category=f"a{nasty}"),
    "campaign": lambda nasty: good(campaign=f"a{nasty}"),
    "user_id": lambda nasty: good(recipient={"user_id": f"u{nasty}"}),
    "push_endpoint": lambda nasty: good(
        recipient={"push_endpoint": f"arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/a/{nasty}"}
    ),
    "email": lambda nasty: good(recipient={"email": f"a{nasty}@example.org"}),
    "time_zone": lambda nasty: good(recipient={"time_zone": f"Europe/Berlin{nasty}"}),
    "fallback title": lambda nasty: good(fallback={"title": f"t{nasty}", "body": "b"}),
    "fallback body": lambda nasty: good(fallback={"body": f"b{nasty}"}),
    "template name": lambda nasty: templated(name=f"a{nasty}"),
    "language": lambda nasty: templated(language=f"en{nasty}"),
    "parameter": lambda nasty: templated(parameters=[f"Ana{nasty}"]),
    "component": lambda nasty: in_body(f"Ana{nasty}"),
    "component's key": lambda nasty: good(
        type="template", template={"name": "a", "language": "en", "components": [{f"k{nasty}": 1}]}
    ),
    "unknown field": lambda nasty: good(**{f"x{nasty}": 1}),
    "expires_at": lambda nasty: good(expires_at=f"2030-01-01T00:00:00Z{nasty}"),
}


def encoders() -> Iterator[Case]:
    for place, made in PLACES.items():
        for what, nasty in NASTY.items():
            yield Case(f"{what} in {place}", made(nasty), dead="message")


# What is no message at all.
NOT_MESSAGES: Final = [
    Case("nothing but a blank", " ", dead="not valid JSON"),
    Case("null", "null", dead="must be of type object"),
    Case("true", "true", dead="must be of type object"),
    Case("a number", "7", dead="must be of type object"),
    Case("a text", '"hello"', dead="must be of type object"),
    Case("a list of messages", f"[{good()}]", dead="must be of type object"),
    Case("an empty object", "{}", dead="message.id: is required"),
    Case("cut off", good()[:-4], dead="not valid JSON"),
    Case("XML", "<message/>", dead="not valid JSON"),
    Case("a form", "id=h&to=%2B49", dead="not valid JSON"),
    Case("two messages", good() + good(), dead="not valid JSON"),
    Case("a byte order mark", "\ufeff" + good(), dead="not valid JSON"),
    Case("20,000 open brackets", "[" * 20_000, dead="nested deeper"),
    Case(
        "900 levels in a field", good(text=None)[:-1] + ', "x": ' + "[" * 900 + "]" * 900 + "}", dead="nested"
    ),
    Case("900 objects", '{"a":' * 900 + "1" + "}" * 900, dead="nested deeper"),
    Case(
        "40 levels of components",
        good(template={"components": json.loads("[" * 40 + "]" * 40)}),
        dead="nested",
    ),
    Case("5,000 digits", '{"id": ' + "9" * 5000 + "}", dead="message"),
    Case("NaN", '{"id": NaN}', dead="NaN is not JSON"),
    Case("Infinity", '{"id": -Infinity}', dead="is not JSON"),
    Case("a raw control character", good().replace("ten", "t\x01n"), dead="not valid JSON"),
    Case("70 KB", good(text="x" * 70_000), dead="at most 65536"),
    Case("300 KB of unknown field", good(x="x" * 300_000), dead="at most 65536"),
    Case(
        "5,000 unknown fields",
        good(**{f"x{n}": 1 for n in range(5000)}),
        dead="message.x0: is not a known field",
    ),
    Case("an event of Lambda", json.dumps({"Records": [{"body": good()}]}), dead="is not a known field"),
    Case("a wake-up", "some-id", dead="not valid JSON"),
    Case("a job of voice-queue", json.dumps({"kind": "speech", "id": "h"}), dead="is not a known field"),
    Case("a request of an operator", json.dumps({"action": "panic.enable"}), dead="is not a known field"),
]


# Speaking for Lifeline.
RESERVED: Final = [
    Case(f"id {name}", good(id=name), dead="reserved")
    for name in ("lifeline:probe", "lifeline:test:1", "lifeline:", "lifeline:" + "x" * 100)
] + [
    Case(f"field {name}", good(**{name: value}), dead="is not a known field")
    for name, value in {
        "lifeline": {"turn": "abc"},
        "turn": "abc",
        "rounds": 3,
        "slot": "now",
        "status": "DELIVERED",
        "phase": "sending",
        "lane": "critical",
        "attempt": 0,
        "incident_id": "i",
        "wamid": "wamid.x",
        "biz_opaque_callback_data": "other#1",
        "__proto__": {},
    }.items()
]


# What Meta or AWS would refuse.
META: Final = [
    Case("a line break in a value", templated(parameters=["Ana\nEve"]), dead="line break, a tab"),
    Case("a carriage return in a value", templated(parameters=["Ana\rEve"]), dead="line break, a tab"),
    Case("a tab in a value", templated(parameters=["Ana\tEve"]), dead="line break, a tab"),
    Case("five spaces in a value", templated(parameters=["Ana     Eve"]), dead="four spaces"),
    Case("an empty value", templated(parameters=[""]), dead="must not be empty"),
    Case("a value that is null", templated(parameters=[None]), dead="must be of type"),
    Case("a value that is a list", templated(parameters=[["x"]]), dead="must be of type"),
    Case(
        "a value without end", templated(parameters=[1e400]).replace("Infinity", "1e400"), dead="not a number"
    ),
    Case("65 values", templated(parameters=["x"] * 65), dead="at most 64"),
    Case("a value of 2,000 characters", templated(parameters=["x" * 2000]), dead="at most 1024"),
    Case("a line break in a component", in_body("Ana\nEve"), dead="line break, a tab"),
    Case("five spaces in a component", in_body("a     b"), dead="four spaces"),
    Case("an empty component", in_body(""), dead="must not be empty"),
    Case("values and components", templated(components=[{}]), dead="together"),
    Case("a template with no name", good(type="template", template={"language": "en"}), dead="is required"),
    Case("a template in capitals", templated(name="Reminder"), dead="must hold only small letters"),
    Case("a path as a template", templated(name="../../messages"), dead="must hold only small letters"),
    Case(
        "a template that is a text", good(type="template", template="reminder"), dead="must be of type object"
    ),
    Case("Arabic digits", good(to="+٤٩١٥١١٢٣٤٥٦٧٨"), dead="digits other than 0 to 9"),
    Case("full-width digits", good(to="+４９１５１１２３４５６７８"), dead="digits other than 0 to 9"),
    Case("mathematical digits", good(to="+\U0001d7d2\U0001d7d79151"), dead="digits other than 0 to 9"),
    Case("a number that is a number", good(to=4915112345678), dead="must be of type string"),
    Case("numbers", good(to=["+4915112345678"]), dead="must be of type string"),
    Case("an empty number", good(to=""), dead="must not be empty"),
    Case("400 digits", good(to="+" + "4" * 400), dead="at most 64"),
    Case("an empty text", good(text=""), dead="must not be empty"),
    Case("no text", good(text=None), dead="is required"),
    Case("5,000 characters", good(text="x" * 5000), dead="at most 4096"),
    Case("a kind that there is not", good(type="fax"), dead="must be one of"),
    Case("a priority that there is not", good(priority="CRITICAL"), dead="must be one of"),
    Case("an empty id", good(id=""), dead="must not be empty"),
    Case("a long id", good(id="x" * 129), dead="at most 128"),
    Case("an id with a tag's sign", good(id="other#1"), dead="must hold only letters"),
    Case("an id that ends in a line feed", good(id="h\n"), dead="message.id"),
    Case(
        "a web address as endpoint",
        good(recipient={"push_endpoint": "http://169.254.169.254/"}),
        dead="push_endpoint",
    ),
    Case(
        "a topic as endpoint",
        good(recipient={"push_endpoint": "arn:aws:sns:eu-west-1:000000000000:ops"}),
        dead="push_endpoint",
    ),
    Case("headers in an address", good(recipient={"email": "a@b.org\r\nBcc: all@b.org"}), dead="email"),
    Case("two addresses", good(recipient={"email": "a@b.org, c@d.org"}), dead="email"),
    Case("a title of two lines", good(fallback={"title": "a\nBcc: x", "body": "b"}), dead="title"),
    Case("a path as a zone", good(recipient={"time_zone": "../../etc/passwd"}), dead="time_zone"),
    Case("an instant with no zone", good(expires_at="2030-01-01T00:00:00"), dead="expires_at"),
    Case("an instant that is none", good(expires_at="2030-02-30T00:00:00Z"), dead="not a real instant"),
    Case("an instant as a number", good(send_after=1e300), dead="must be of type string"),
    Case("year 99999", good(expires_at="99999-01-01T00:00:00Z"), dead="expires_at"),
    Case(
        "later than it ends",
        good(send_after="2031-01-01T00:00:00Z", expires_at="2030-01-01T00:00:00Z"),
        dead="never be delivered",
    ),
]


# What is unusual and all right: it is delivered, or ends by a rule.
TAKEN: Final = [
    Case("no phone number", good(to="nobody"), ends=(Status.FAILED, Status.FAILED)),
    Case("a number that is too short", good(to="+491"), ends=(Status.FAILED, Status.FAILED)),
    Case("SQL in a text", good(text="'; DROP TABLE messages; --")),
    Case("markup in a text", good(text="<script>alert(1)</script>{{7*7}}${jndi:ldap://x}")),
    Case("a right-to-left override in a text", good(text="\u202egpj.exe")),
    Case("combining characters", good(text="Z" + "\u0300" * 4000)),
    Case("emojis", good(text="\U0001f600" * 2000)),
    Case("tabs and line ends in a text", good(text="a\tb\r\nc")),
    Case("an id in capitals like a reserved one", good(id="LIFELINE:probe"), id="LIFELINE:probe"),
    Case("an id of dots", good(id=".."), id=".."),
    Case("a doubled key: the last counts", good()[:-1] + ', "text": "Last."}'),
    Case("an unknown zone", good(recipient={"time_zone": "Mars/Olympus"})),
    Case("an unknown person", good(recipient={"user_id": "'; --"})),
    Case(
        "an endpoint of another account",
        good(
            priority="normal",
            recipient={"push_endpoint": "arn:aws:sns:eu-west-1:999999999999:endpoint/GCM/app/1"},
        ),
        ends=(Status.SENT, PUSHED),
    ),
    Case("expired long ago", good(expires_at="1970-01-01T00:00:00Z"), ends=(Status.EXPIRED, Status.EXPIRED)),
    Case("for the year 9999", good(send_after="9999-12-31T23:59:59Z"), ends=(Status.CLAIMED, Status.CLAIMED)),
]


CASES: Final = [*encoders(), *NOT_MESSAGES, *RESERVED, *META, *TAKEN]


ATTRIBUTES: Final = {
    "turn": {"lifeline": json.dumps({"turn": "abc"})},
    "rounds": {"lifeline": '{"rounds": 1e400}'},
    "20,000 brackets": {"lifeline": "[" * 20_000},
    "slot now": {"lifeline": json.dumps({"slot": "now"})},
    "a wake-up": {"lifeline": json.dumps({"wake": "h"}), "wake_up": "true"},
    "a status": {"lifeline": json.dumps({"status": "DELIVERED", "id": "h"})},
    "a reason": {"lifeline_reason": "contract: moved by hand"},
    "C1": {"lifeline": "\x9b2J"},
}
