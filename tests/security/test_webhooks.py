"""Hostile webhooks: each with where it ends, in health and in panic; good ones beside it go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.message.row import WHATSAPP as OVER_WHATSAPP
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State

from tests.support.hostile import World, good
from tests.support.hostile_webhooks import DOOR, OTHER_NUMBER, OTHER_WABA, RESTRICTED
from tests.support.meta import (
    PHONE_NUMBER_ID,
    WABA_ID,
    change,
    failed,
    inbound,
    status,
    statuses,
    template_update,
)

HOLE: Final = "%HOLE%"

# -- refused at the door ------------------------------------------------------------------------------------


# -- text and numbers that break things, where Meta says them ------------------------------------------------

NASTY: Final = {
    "half a character": '"cut \\ud83d"',
    "NUL and escape": '"a\\u0000\\u001b[2J"',
    "a raw control character": '"a\x1bb"',
    "C1": '"a\\u009b2J"',
    "300 KB": json.dumps("x" * 300_000),
    "900 levels": "[" * 900 + "]" * 900,
    "400 digits": "9" * 400,
    "400 digits in a text": '"' + "9" * 400 + '"',
    "1e400": "1e400",
    "an object": '{"a": {"b": 1}}',
}
TEXT: Final = {"from": "491700000009", "id": "wamid.hostile", "type": "text", "text": {"body": "x"}}
PLACES: Final[dict[str, dict[str, Any]]] = {
    "text": inbound({**TEXT, "text": {"body": HOLE}}),
    "wamid": inbound({**TEXT, "id": HOLE}),
    "sender": inbound({**TEXT, "from": HOLE}),
    "timestamp": inbound({**TEXT, "timestamp": HOLE}),
    "caption": inbound({**TEXT, "type": "image", "image": {"id": "5", "caption": HOLE}}),
    "profile name": change(
        "messages",
        {
            "metadata": {"phone_number_id": PHONE_NUMBER_ID},
            "contacts": [{"wa_id": "491700000009", "profile": {"name": HOLE}}],
            "messages": [TEXT],
        },
    ),
    "voice note": inbound(
        {**TEXT, "type": "audio", "audio": {"voice": True, "id": HOLE, "mime_type": "audio/ogg"}}
    ),
    "voice note's wamid": inbound(
        {**TEXT, "id": HOLE, "type": "audio", "audio": {"voice": True, "id": "5", "mime_type": "audio/ogg"}}
    ),
    "status": statuses([status("sent", HOLE, act=1)]),
    "status's id": statuses([{"id": "w", "status": "read", "biz_opaque_callback_data": HOLE}]),
    "status's wamid": statuses([{**status("sent", "delivered", act=1), "id": HOLE}]),
    "error's code": statuses([{"id": "w", "status": "failed", "errors": [{"code": HOLE}]}]),
    "error's details": statuses(
        [{**failed("parked", 131026), "errors": [{"error_data": {"details": HOLE}}]}]
    ),
    "template's reason": template_update("promo", "FLAGGED", reason=HOLE),
    "template's name": template_update(HOLE, "PAUSED"),
    "account's event": change("account_update", {"event": HOLE}),
    "quality": change(
        "phone_number_quality_update", {"event": "ONBOARDING", "current_limit": HOLE, HOLE: "x"}
    ),
    "display number": change(
        "messages",
        {"metadata": {"phone_number_id": PHONE_NUMBER_ID, "display_phone_number": HOLE}, "messages": [TEXT]},
    ),
}


def raw_of(*changes: dict[str, Any], waba: str = WABA_ID, value: str | None = None) -> bytes:
    """A POST with a hostile change, then a good status and a good text."""
    canary = {"from": "491700000001", "id": "wamid.canary", "type": "text", "text": {"body": "sing"}}
    entries = [
        {"id": waba, "time": 1_790_000_000, "changes": list(changes)},
        {"id": WABA_ID, "changes": [statuses([status("canary", "read", act=1)]), inbound(canary)]},
    ]
    text = json.dumps({"object": "whatsapp_business_account", "entry": entries})
    if value is not None:
        key = value if value.startswith('"') else json.dumps(value)
        text = text.replace(f'"{HOLE}": "x"', f'{key}: "x"').replace(f'"{HOLE}"', value)
    return text.encode("utf-8", "surrogatepass")


@pytest.fixture(params=[False, True], ids=["health", "panic"])
def world(request: pytest.FixtureRequest) -> World:
    made = World()
    if request.param:
        made.trip()
    for name in ("sent", "canary"):
        made.ledger.put(
            Row(
                name,
                Status.SENT,
                rev=2,
                act=1,
                via=1,
                way=OVER_WHATSAPP,
                attempt=1,
                attempted_at=made.clock() - 1,
                body=good(id=name),
                wamid=f"wamid.{name}",
            )
        )
    # Pushed first, which failed, and parked: Meta never had it.
    made.ledger.put(
        Row(
            "parked",
            Status.PARKED,
            rev=2,
            act=1,
            aside=(1,),
            lane="normal",
            due=made.clock(),
            body=good(id="parked"),
        )
    )
    return made


def canaries(world: World) -> None:
    """The good status was taken, and the good text handed on once, whatever stood beside them."""
    assert world.row("canary").status is Status.READ
    assert [notice["text"] for notice in world.topic.sent if notice["wamid"] == "wamid.canary"] == ["sing"]
    exceptions = [line for line in world.log.lines if line[0] == "exception"]
    assert exceptions == []


@pytest.mark.parametrize("name", DOOR)
def test_what_is_refused_at_the_door_or_means_nothing(world: World, name: str) -> None:
    raw, signature, answer = DOOR[name]
    before = dict(world.ledger.rows)
    assert world.hook(raw, signature) == answer
    assert world.ledger.rows == before
    assert world.topic.sent == []
    assert world.hook(raw_of()) == 200
    canaries(world)


@pytest.mark.parametrize("what", NASTY)
@pytest.mark.parametrize("place", PLACES)
def test_whatever_meta_says_is_taken_once_and_the_canaries_sing(world: World, place: str, what: str) -> None:
    raw = raw_of(PLACES[place], value=NASTY[what])
    flags = {scope: flag.state for scope, flag in world.control.stored.items()}
    for _ in range(2):
        assert world.hook(raw) == 200
    assert world.listen() == []
    canaries(world)
    assert world.row("parked").status is Status.PARKED
    assert {scope: flag.state for scope, flag in world.control.stored.items() if scope == WHATSAPP} == {
        scope: state for scope, state in flags.items() if scope == WHATSAPP
    }
    wamids = [notice["wamid"] for notice in world.topic.sent]
    assert len(wamids) == len(set(wamids)), "a repetition is published once"


# -- where each of these ends -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """``ends``: what must be so afterwards, besides the canaries."""

    name: str
    changes: tuple[dict[str, Any], ...]
    ends: Callable[[World], object]
    waba: str = WABA_ID


def unmoved(world: World) -> bool:
    return (world.row("sent").status, world.row("parked").status) == (Status.SENT, Status.PARKED)


def foreign(world: World) -> bool:
    """Counted, told once, and nothing else."""
    told = [notice for notice in world.ops.sent if notice.get("event") == "foreign_webhook"]
    scopes = [scope for scope, flag in world.control.stored.items() if flag.incident_id != "i-1"]
    strangers = [notice for notice in world.topic.sent if notice["wamid"] != "wamid.canary"]
    counted = world.log.metrics[("StatusUpdates", "foreign")]
    return bool(unmoved(world) and counted and len(told) == 1 and not scopes and not strangers)


def handed_on(**expected: Any) -> Callable[[World], bool]:
    def ends(world: World) -> bool:
        (found,) = [notice for notice in world.topic.sent if notice["wamid"] != "wamid.canary"]
        return unmoved(world) and all(found[name] == value for name, value in expected.items())

    return ends


def at_once(world: World) -> bool:
    """Received when it came: Meta's own time is none."""
    (found,) = [notice for notice in world.topic.sent if notice["wamid"] != "wamid.canary"]
    return unmoved(world) and found["received_at"] == format_instant(world.clock())


def unusable(world: World) -> bool:
    unheard = [item["voice"]["reason"] for item in world.topic.sent if item["kind"] == "voice_unusable"]
    return unheard == ["media_gone"]


def template_panics(world: World) -> bool:
    return unmoved(world) and world.control.flag(template_scope("promo")).state is State.PANIC


def no_template_panics(world: World) -> bool:
    return unmoved(world) and not [scope for scope in world.control.stored if scope != WHATSAPP]


CASES: Final = [
    Case("a read of another number", (statuses([status("sent", "read", act=1)], OTHER_NUMBER),), foreign),
    Case(
        "a read of another number, for a parked one",
        (statuses([status("parked", "read", act=1)], OTHER_NUMBER),),
        foreign,
    ),
    Case("a read of another account", (statuses([status("sent", "read", act=1)]),), foreign, OTHER_WABA),
    Case("a failure of another number", (statuses([failed("sent", 131031, act=1)], OTHER_NUMBER),), foreign),
    Case("an inbound message of another number", (inbound(TEXT, number=OTHER_NUMBER),), foreign),
    Case("an inbound message of another account", (inbound(TEXT),), foreign, OTHER_WABA),
    Case("a restriction of another account", (change("account_update", RESTRICTED),), foreign, OTHER_WABA),
    Case(
        "a ban of no account",
        (change("account_update", {"ban_info": {"waba_ban_state": "DISABLE"}}),),
        foreign,
        "",
    ),
    Case(
        "a deletion of another account",
        (change("account_update", {"event": "ACCOUNT_DELETED"}),),
        foreign,
        OTHER_WABA,
    ),
    Case("a template of another account", (template_update("promo", "PAUSED"),), foreign, OTHER_WABA),
    Case("a template's end of another account", (template_update("promo", "APPROVED"),), foreign, OTHER_WABA),
    Case(
        "a quality of another account",
        (change("phone_number_quality_update", {"event": "FLAGGED"}),),
        foreign,
        OTHER_WABA,
    ),
    Case(
        "a token error of another account",
        (change("messages", {"errors": [{"code": 190}]}),),
        foreign,
        OTHER_WABA,
    ),
    Case("our account with a blank", (change("account_update", RESTRICTED),), foreign, f"{WABA_ID} "),
    Case("our account in other digits", (change("account_update", RESTRICTED),), foreign, "٢٠٠٠٠٠٠٠٠٠٠٠٠٠٢"),
    Case(
        "a probe's status of another number",
        (statuses([status("lifeline:probe", "delivered")], OTHER_NUMBER),),
        foreign,
    ),
    Case("read, for what was never sent", (statuses([status("parked", "read", act=1)]),), unmoved),
    Case("read without an act, for what was never sent", (statuses([status("parked", "read")]),), unmoved),
    Case("sent, for what was never sent", (statuses([status("parked", "sent", act=1)]),), unmoved),
    Case("failed, for what was never sent", (statuses([failed("parked", 131026, act=1)]),), unmoved),
    Case("read of an act to come", (statuses([status("sent", "read", act=2)]),), unmoved),
    Case("read of act 0", (statuses([status("sent", "read", act=0)]),), unmoved),
    Case("read of a huge act", (statuses([status("sent", "read", act=10**30)]),), unmoved),
    Case("read of another wamid", (statuses([status("sent", "read", wamid="wamid.other")]),), unmoved),
    Case("a word that there is not", (statuses([status("sent", "eaten", act=1)]),), unmoved),
    Case("a status of nobody", (statuses([status("nobody", "read", act=1)]),), unmoved),
    Case("a status without an id", (statuses([status(None, "read")]),), unmoved),
    Case("a field that there is not", (change("flows", {"event": "X"}),), unmoved),
    Case(
        "a thousand statuses of nobody",
        (statuses([status(f"n{n}", "read", act=1) for n in range(1000)]),),
        unmoved,
    ),
    Case("the same status a hundred times", (statuses([status("sent", "sent", act=1)] * 100),), unmoved),
    Case(
        "half a character in a text",
        (inbound({**TEXT, "text": {"body": "cut \ud83d"}}),),
        handed_on(kind="text", text="cut \ufffd"),
    ),
    Case(
        "NUL in a text",
        (inbound({**TEXT, "text": {"body": "a\x00b"}}),),
        handed_on(kind="text", text="a\ufffdb"),
    ),
    Case(
        "C1 in a text",
        (inbound({**TEXT, "text": {"body": "a\x9b2J"}}),),
        handed_on(kind="text", text="a\x9b2J"),
    ),
    Case(
        "300 KB of text",
        (inbound({**TEXT, "text": {"body": "x" * 300_000}}),),
        handed_on(kind="text", text="x" * 32_768),
    ),
    Case(
        "300 KB of caption",
        (inbound({**TEXT, "type": "image", "image": {"caption": "x" * 300_000}}),),
        handed_on(kind="image", text="x" * 32_768, message=None),
    ),
    Case(
        "900 levels of message",
        (inbound({**TEXT, "type": "x", "x": json.loads("[" * 900 + "]" * 900)}),),
        handed_on(kind="other", text=None),
    ),
    Case(
        "a timestamp of 400 digits",
        (inbound({**TEXT, "timestamp": "9" * 400}),),
        at_once,
    ),
    Case("a sender in Arabic digits", (inbound({**TEXT, "from": "٤٩١٧٠"}),), handed_on(**{"from": None})),
    Case("a sender of 400 digits", (inbound({**TEXT, "from": "4" * 400}),), handed_on(**{"from": None})),
    Case("a text that is none", (inbound({**TEXT, "text": ["x"]}),), handed_on(kind="text", text=None)),
    Case("no type", (inbound({"id": "wamid.hostile"}),), handed_on(kind="other", text=None)),
    Case(
        "a voice note whose media id is a path",
        (
            inbound(
                {
                    **TEXT,
                    "type": "audio",
                    "audio": {"voice": True, "id": "../../me", "mime_type": "audio/ogg"},
                }
            ),
        ),
        unusable,
    ),
    Case(
        "a template's reason with half a character",
        (template_update("promo", "PAUSED", reason="cut \ud83d"),),
        template_panics,
    ),
    Case(
        "a template's reason of 300 KB",
        (template_update("promo", "PAUSED", reason="x" * 300_000),),
        template_panics,
    ),
    Case(
        "a template's reason with line ends and C1",
        (template_update("promo", "PAUSED", reason="a\r\nBcc: x\x9b"),),
        template_panics,
    ),
    Case("a template that is a path", (template_update("../whatsapp", "PAUSED"),), no_template_panics),
    Case(
        "a template that is a scope",
        (template_update("whatsapp/template/promo", "PAUSED"),),
        no_template_panics,
    ),
    Case("a template of 1,000 characters", (template_update("a" * 1000, "PAUSED"),), no_template_panics),
    Case("a template with half a character", (template_update("promo\ud83d", "PAUSED"),), no_template_panics),
    Case("a template without a name", (template_update("", "PAUSED"),), no_template_panics),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_ends_where_it_should_and_the_canaries_sing(world: World, case: Case) -> None:
    for _ in range(2):
        assert world.hook(raw_of(*case.changes, waba=case.waba)) == 200
    assert world.listen() == []
    assert case.ends(world)
    canaries(world)


def test_there_are_many() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(CASES) + len(DOOR) + len(NASTY) * len(PLACES) >= 200


@pytest.mark.parametrize("name", ["account_update", "message_template_status_update"])
def test_the_same_of_ours_would_panic(name: str) -> None:
    """The cases above are not idle: said of our account, they end in panic."""
    world = World()
    hostile = change(name, RESTRICTED) if name == "account_update" else template_update("promo", "PAUSED")
    world.ledger.put(
        Row("canary", Status.SENT, rev=2, act=1, via=1, way=OVER_WHATSAPP, attempt=1, attempted_at=1.0)
    )
    assert world.hook(raw_of(hostile)) == 200
    scope = WHATSAPP if name == "account_update" else template_scope("promo")
    assert world.control.flag(scope).state is State.PANIC
