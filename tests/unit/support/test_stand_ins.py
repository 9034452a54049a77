"""What stands in for an adapter takes the calls that the adapter takes: no more, no fewer, no others."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from lifeline.adapters.agenda import Agenda
from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.contacts import Contacts
from lifeline.adapters.control import Control
from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Inbox
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.notices import Notices
from lifeline.adapters.queues import Queues
from lifeline.adapters.secrets import Secrets
from lifeline.adapters.token_store import TokenStore
from lifeline.telemetry import Telemetry

from tests.support.aws import stand_in
from tests.support.campaigns import MemoryCampaigns
from tests.support.contacts import MemoryContacts
from tests.support.inbound import MemoryInbox, MemoryTopic
from tests.support.memory import (
    MemoryAgenda,
    MemoryControl,
    MemoryLedger,
    MemoryNotices,
    MemoryQueues,
    Recorder,
    StubSecrets,
)
from tests.support.services import Absent, instead
from tests.support.tokens import MemoryStore

PAIRS: list[tuple[type, type]] = [
    (MemoryAgenda, Agenda),
    (MemoryCampaigns, Campaigns),
    (MemoryContacts, Contacts),
    (MemoryControl, Control),
    (MemoryInbox, Inbox),
    (MemoryLedger, Ledger),
    (MemoryNotices, Notices),
    (MemoryQueues, Queues),
    (MemoryStore, TokenStore),
    (MemoryTopic, InboundTopic),
    (Recorder, Telemetry),
    (StubSecrets, Secrets),
]


def calls(pairs: list[tuple[type, type]]) -> Iterator[tuple[type, type, str]]:
    for memory, real in pairs:
        for name, _ in inspect.getmembers(real, inspect.isfunction):
            if not name.startswith("_"):
                yield memory, real, name


def shape(function: object) -> list[tuple[str, str, bool]]:
    """Name, kind, and whether it may be left out, of each parameter."""
    assert callable(function)
    found = inspect.signature(function).parameters.values()
    return [(item.name, item.kind.name, item.default is not item.empty) for item in found]


@pytest.mark.parametrize(("memory", "real", "name"), [*calls(PAIRS)])
def test_each_call_of_an_adapter_is_taken_alike(memory: type, real: type, name: str) -> None:
    assert shape(getattr(memory, name)) == shape(getattr(real, name))


def test_a_service_that_a_world_lacks_says_so_when_it_is_used() -> None:
    with pytest.raises(AssertionError, match="no push, and send was called"):
        Absent("push").send("x")


def test_only_a_method_that_there_is_can_be_put_instead() -> None:
    memory = MemoryControl()
    with pytest.raises(AttributeError):
        instead(memory, flagg=lambda: None)


def test_a_stand_in_for_a_client_has_the_methods_of_boto3() -> None:
    class Sns:
        def publish(self) -> None: ...

        def shout(self) -> None: ...

    with pytest.raises(TypeError, match="sns has no shout"):
        stand_in("sns", Sns())
