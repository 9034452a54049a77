"""Places that are larger than one invocation are gone through in several."""

from __future__ import annotations

from lifeline.adapters.queues import Outgoing
from lifeline.contract.names import WHATSAPP_DLQ
from lifeline.domain.person import PersonKey, PersonTraces
from lifeline.use_cases.operate.person_places import Search

from tests.support.operating import url
from tests.support.people import NUMBER, OTHER, World, to


def test_dead_letters_of_others_are_hidden_until_all_were_seen() -> None:
    world = World()
    world.queues.send(url(WHATSAPP_DLQ), [Outgoing(to(f"his-{n}", OTHER)) for n in range(25)])
    world.queues.send(url(WHATSAPP_DLQ), [Outgoing(to("hers"))])
    assert world.person("erase")["removed"]["dead_letters"] == 1
    assert len(world.queues.held(url(WHATSAPP_DLQ))) == 25
    assert world.queues.depth(url(WHATSAPP_DLQ)).visible == 25, "others may be looked at again"


def test_an_answer_that_grows_too_large_ends_there() -> None:
    search = Search(PersonTraces({NUMBER}), PersonKey("k"), False, lambda: 60.0)
    assert not search.over
    search.show("message", "x" * 4_000_000)
    assert search.over
