"""Quiet hours and language: the message's own, else the contact's, else the setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.contacts import Contact
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.domain.pace.quiet import QuietHours
from lifeline.settings import Settings

from tests.support.sending import DEVICE, World

ALWAYS, NEVER = (0.0, 23.99), (0.0, 0.0)
OWN_ALWAYS = {"start": 0, "end": 23.99}
OWN_NEVER = {"start": 0, "end": 0}


def world(setting: tuple[float, float], hours: tuple[float, float] | None = None) -> World:
    found = World(Settings(quiet=QuietHours(*setting)))
    found.contacts.known["ana"] = Contact(
        "ana", {"push": (DEVICE,)}, time_zone="UTC", quiet_hours=hours, language="pt-br"
    )
    return found


@pytest.mark.parametrize(
    ("setting", "contact", "own", "quiet"),
    [
        (NEVER, None, None, False),
        (ALWAYS, None, None, True),
        (NEVER, ALWAYS, None, True),
        (ALWAYS, NEVER, None, False),
        (NEVER, NEVER, OWN_ALWAYS, True),
        (ALWAYS, ALWAYS, OWN_NEVER, False),
    ],
)
def test_a_bulk_message_keeps_the_nearest_quiet_hours(
    setting: tuple[float, float],
    contact: tuple[float, float] | None,
    own: dict[str, float] | None,
    quiet: bool,
) -> None:
    it = world(setting, contact)
    recipient: dict[str, Any] = {"user_id": "ana", **({"quiet_hours": own} if own else {})}
    it.put("ad", priority="bulk", recipient=recipient)
    it.put("answer", recipient=recipient)
    row = it.row("ad")
    assert row.status is (Status.PARKED if quiet else Status.SENT)
    assert it.meta.asked == (["answer"] if quiet else ["ad", "answer"])
    if quiet:
        assert (row.zones or "").split()[0] == "UTC"
        assert (row.due or 0.0) > it.clock()


def test_the_zone_of_a_contact_goes_before_that_of_the_number() -> None:
    it = world(ALWAYS)
    it.put("ad", priority="bulk", recipient={"user_id": "ana"})
    it.put("own", priority="bulk", recipient={"user_id": "ana", "time_zone": "America/Denver"})
    assert (it.row("ad").zones, it.row("own").zones) == ("UTC", "America/Denver")


def test_without_the_table_a_bulk_message_waits_and_others_go() -> None:
    it = world(NEVER, ALWAYS)
    it.contacts.broken = True
    it.put("ad", priority="bulk", recipient={"user_id": "ana"})
    it.put("stranger", priority="bulk")
    it.put("answer", recipient={"user_id": "ana"})
    assert (it.meta.asked, it.row("ad").lane) == (["stranger", "answer"], Lane.TIMER)
    it.contacts.broken = False
    it.clock.advance(10)
    it.wake("ad")
    assert it.status("ad") is Status.PARKED


def test_what_is_parked_in_panic_keeps_the_hours_of_its_contact() -> None:
    it = world(NEVER, ALWAYS)
    it.contacts.known["ana"] = replace(it.contacts.known["ana"], addresses={})
    it.trip()
    it.put("m", recipient={"user_id": "ana"})
    it.put("ad", priority="bulk", recipient={"user_id": "ana"})
    it.put("urgent", priority="critical", recipient={"user_id": "ana"})
    it.put("stranger")
    found = {name: it.row(name).zones for name in ("m", "ad", "urgent", "stranger")}
    # Bulk is parked without a look at contacts; before it is sent, it is looked at once more.
    assert found == {"m": "UTC 0-23.99", "ad": None, "urgent": None, "stranger": None}


WORDS = {"de": {"body": "Hallo"}, "pt": {"title": "Aviso", "body": "Ola"}}


@pytest.mark.parametrize(
    ("own", "words"),
    [(None, "Aviso: Ola"), ("de_AT", "Note: Hallo"), ("DE", "Note: Hallo"), ("fr", "Note: Hello")],
)
def test_a_fallback_speaks_the_language_of_the_person(own: str | None, words: str) -> None:
    it = world(NEVER)
    it.trip()
    recipient = {"user_id": "ana", **({"language": own} if own else {})}
    fallback = {"title": "Note", "body": "Hello", "translations": WORDS}
    it.put("m", priority="critical", recipient=recipient, fallback=fallback)
    assert [item.words for item in it.push.sent] == [words]
