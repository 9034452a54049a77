"""The operator's two actions on a person; ``tests/security/test_people.py`` looks into every place."""

from __future__ import annotations

import json

from tests.support.operating import ACTOR
from tests.support.people import NUMBER, World


def test_it_is_dangerous_and_needs_a_step_that_there_is() -> None:
    world = World()
    request = {"action": "person.erase", "who": NUMBER, "reason": "asked", "actor": ACTOR}
    assert world.ask(request)["error"]["code"] == "unsure"
    assert world.ask({**request, "sure": True, "step": "attic"})["error"]["code"] == "invalid_request"


def test_the_answer_and_the_log_name_nobody() -> None:
    world = World()
    world.fill()
    answer = world.person("erase")
    assert NUMBER not in json.dumps(answer)
    assert answer["kept"]
    assert NUMBER not in repr(world.log.lines)


def test_without_the_key_nothing_is_promised() -> None:
    world = World()
    world.person_secret.broken = True
    request = {"action": "person.erase", "who": NUMBER, "reason": "asked", "actor": ACTOR, "sure": True}
    assert world.ask(request)["error"]["code"] == "unavailable"
