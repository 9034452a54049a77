"""The key of people, and what goes on without one."""

from __future__ import annotations

import pytest
from lifeline.domain.person import PersonKey
from lifeline.errors import UnavailableError
from lifeline.use_cases.shared.people import PAUSE

from tests.support.memory import Clock, Recorder, StubSecrets
from tests.support.services import keyed


def test_a_message_goes_on_without_a_key_which_is_asked_for_again_later() -> None:
    secret, clock, log = StubSecrets({"person_key": "k"}), Clock(), Recorder()
    people = keyed(secret, clock, log)
    secret.broken = True
    assert (people.person("+49"), people.content("{}"), people.other_content("k:c", "{}")) == (
        None,
        None,
        False,
    )
    assert len(log.lines) == 1, "it is said once"
    secret.broken = False
    clock.advance(PAUSE)
    assert people.person("+49") == PersonKey("k").person("+49")
    assert people.other_content(people.content("{}"), '{"a": 1}')
    assert not people.other_content(None, "{}")


def test_an_empty_secret_is_no_key() -> None:
    people = keyed(StubSecrets({}), Clock(), Recorder())
    with pytest.raises(UnavailableError, match="person_key"):
        people.key()
