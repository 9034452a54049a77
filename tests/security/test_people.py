"""A person's number, name, mail and text are in no table, queue or log of afterwards once they are erased."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.message import content
from lifeline.domain.message.status import Status
from lifeline.telemetry import Telemetry
from lifeline.use_cases.operate import person
from lifeline.use_cases.operate.person_places import PersonPlaces
from lifeline.wiring import operator_read

from tests.support import people
from tests.support.meta import failed, statuses
from tests.support.meta import post as posted
from tests.support.operating import ACTOR
from tests.support.people import NUMBER, OTHER, USER, World, leaks


@pytest.fixture
def world() -> World:
    world = World()
    world.fill()
    world.receive()
    return world


def test_every_place_holds_something_of_her_before(world: World) -> None:
    seeded = {name for name, text in world.everything().items() if leaks(text)}
    assert seeded == {
        *("ledger", "contacts", "inbox", "campaigns", "whatsapp-dlq", "voice-dlq", "events-dlq"),
    }, "or the test below shows nothing"


def test_after_an_erase_nothing_of_her_is_anywhere(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.log = Telemetry("erase")  # type: ignore[assignment]
    digest = world.adapters().people.person(NUMBER)
    answer = world.person("erase", "0049 (0) 151 555-444 33")
    assert answer["removed"] == {
        "rows": 3,
        "cancelled": 2,
        "contacts": 1,
        "marks": 1,
        "memories": 1,
        "voice_notes": 1,
        "campaign_lines": 2,
        "dead_letters": 3,
        "recordings": 1,
    }
    assert answer["busy"] == 0
    assert {name: found for name, text in world.everything().items() if (found := leaks(text))} == {}
    assert digest
    assert digest not in json.dumps(world.everything()), "nor what her number makes"
    assert not leaks(capsys.readouterr().out)
    assert not any(world.person("erase")["removed"].values())


def test_others_keep_what_is_theirs(world: World) -> None:
    world.person("erase")
    his = [name for name in world.ledger.rows if name.startswith("his")]
    assert len(his) == 3
    assert all(world.row(name).body for name in his)
    assert {row.status for row in map(world.row, his)} == {Status.SENT, Status.CLAIMED, Status.PARKED}
    assert "max@example.org" in repr(world.contacts.known)
    assert world.kept == {"another": "media-2"}
    assert [bool(line) for line in world.campaigns.chunks["spring", 0]] == [True, False, True, False]
    everything = world.everything()
    for name in ("whatsapp-dlq", "voice-dlq", "events-dlq"):
        assert len(json.loads(everything[name])) == 1


def test_open_messages_end_cancelled_and_are_counted_once(world: World) -> None:
    world.person("erase")
    world.person("erase")
    assert world.status("hers-sent") is Status.SENT
    assert world.status("hers-later") is world.status("hers-parked") is Status.CANCELLED
    counted = sum(
        count
        for minute in world.control.minutes.values()
        for name, count in minute.items()
        if "CANCELLED" in name
    )
    assert counted == 2
    assert world.campaigns.items["spring"].counts == {"cancelled": 2}, "lines that had not left"


def test_people_are_counted_as_before(world: World) -> None:
    incident = "i-1"
    before = {item.person for item in world.ledger.affected(incident)}
    world.person("erase")
    after = {item.person for item in world.ledger.affected(incident)}
    assert len(before) == len(after) == 2
    assert before != after


def test_the_history_says_who_asked_and_not_about_whom(world: World) -> None:
    world.person("erase", reason=f"asked by mail from jane.doe@example.org, {NUMBER}")
    (event,) = [event for event in world.control.events.values() if "erased" in event.reason]
    assert event.actor
    assert event.evidence["rows"] == 3
    assert not leaks(repr(event))


def test_what_comes_back_afterwards_changes_nothing_and_tells_nothing(world: World) -> None:
    world.person("erase")
    world.invoke(people.to("hers-parked"))  # SQS, or the producer, once more
    assert world.status("hers-parked") is Status.CANCELLED
    world.hook(posted(statuses([failed("hers-sent", 131026)])))
    row = world.row("hers-sent")
    assert row.status is Status.FAILED
    assert not row.open, "no fallback without a content"
    assert {name: found for name, text in world.everything().items() if (found := leaks(text))} == {}


def test_a_user_id_leads_to_the_number_by_reading_the_ledger(world: World) -> None:
    answer = world.person("erase", USER)
    assert answer["removed"]["rows"] == 2, "the third one names her by number alone"
    assert answer["numbers"] == [NUMBER], "the command line asks again with it"
    assert world.person("erase", answer["numbers"][0])["removed"]["rows"] == 1
    assert {name: found for name, text in world.everything().items() if (found := leaks(text))} == {}


def test_without_the_key_rows_are_found_by_reading_the_ledger(world: World) -> None:
    world.person_secret.values = {"person_key": "another one"}
    assert world.person("erase")["removed"].get("rows", 0) == 0
    assert leaks(repr(world.ledger.rows))
    assert world.person("erase", deep=True)["removed"]["rows"] == 3
    assert not leaks(repr(world.ledger.rows))


def test_an_act_in_flight_is_left_and_said(world: World) -> None:
    row = world.row("hers-later")
    world.ledger.put(replace(row, phase="sending", act=1, way="whatsapp", attempted_at=world.clock()))
    answer = world.person("erase")
    assert answer["busy"] == 1
    world.ledger.put(replace(world.row("hers-later"), phase="waiting"))
    assert world.person("erase")["removed"]["rows"] == 1


def test_cut_off_it_goes_on(world: World) -> None:
    left = iter([60.0] * 6 + [1.0] * 3)
    request: dict[str, Any] = {
        "action": "person.erase", "who": NUMBER, "reason": "asked", "actor": ACTOR, "sure": True,
    }  # fmt: skip
    first = world.operate(request, lambda: next(left, 1.0))["result"]
    assert first["next"]
    world.person("erase", **first["next"])
    assert {name: found for name, text in world.everything().items() if (found := leaks(text))} == {}


def test_an_export_shows_her_data_and_nobody_elses(world: World) -> None:
    before = world.everything()
    shown = world.person("export")["found"]
    text = json.dumps(shown)
    assert {item["where"] for item in shown} >= {
        *("message", "contact", "address that failed", "voice note that waits", "voice memory"),
        *("campaign spring", "dead letter on whatsapp-dlq", "dead letter on voice-dlq"),
    }
    assert {"hers-sent", "hers-later", "hers-parked"} <= {item["data"].get("id") for item in shown}
    assert OTHER not in text
    assert "his-" not in text
    after = world.everything()
    assert {name: text for name, text in after.items() if name != "history"} == {
        name: text for name, text in before.items() if name != "history"
    }
    assert not leaks(after["history"])


def test_only_the_full_function_takes_either(world: World) -> None:
    reading = operator_read.build(world.adapters("operator_read"))
    for action in ("person.export", "person.erase"):
        request = {"action": action, "who": NUMBER, "reason": "x", "actor": "a"}
        sure = {"sure": True} if action == "person.erase" else {}
        assert reading({**request, **sure}, lambda: 60.0)["error"]["code"] == "read_only"


# -- the protections ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["contact", "campaigns", "letters", "known"])
def test_without_a_part_something_stays(world: World, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PersonPlaces, part, lambda *_: None)
    world.person("erase")
    assert any(leaks(text) for text in world.everything().values()), part


@pytest.mark.parametrize("field", ["body", "wamid"])
def test_without_a_field_something_stays(world: World, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ledger.put(replace(world.row("hers-sent"), wamid="wamid.NDkxNTE1NTU0NDQzMw=="))

    def spares(row: Any, pseudonym: str) -> Any:
        return replace(content.erased(row, pseudonym), **{field: getattr(row, field)})

    monkeypatch.setattr(person, "erased", spares)
    world.person("erase")
    assert leaks(repr(world.ledger.rows))
