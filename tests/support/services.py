"""Everything around a function, in memory, behind the wiring that production uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from lifeline.adapters.secrets import Secrets
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.people import People
from lifeline.wiring.adapters import Adapters

from tests.support.campaigns import MemoryCampaigns
from tests.support.contacts import MemoryContacts
from tests.support.executor import Inline
from tests.support.memory import (
    Clock,
    Faults,
    MemoryAgenda,
    MemoryControl,
    MemoryLedger,
    MemoryNotices,
    MemoryQueues,
    Recorder,
    StubSecrets,
)
from tests.support.opt_outs import MemoryOptOuts
from tests.support.outcome_topic import SeenTopic

OUTSIDE = (
    *("alarms", "app_secret", "couriers", "email", "functions", "inbound_topic", "inbox"),
    *("mail_accounts", "metrics", "openai_secret", "parcels", "push", "reach", "recordings", "sts"),
    *("subscriptions", "token_secret", "token_store", "uploads", "used_proofs", "whatsapp"),
)
"""Services that a world has only if it says so; by the names of the wiring."""


def keyed(secret: StubSecrets, clock: Callable[[], float], log: Recorder) -> People:
    """People by the key of a secret in memory."""
    return People(cast(Secrets, secret), clock, cast(Telemetry, log))


class Absent:
    """A service that a world does not have: whoever uses it is told so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        def ask(*_: Any, **__: Any) -> Any:
            raise AssertionError(f"this world has no {self._name}, and {attribute} was called")

        return ask


class Services:
    """Tables, queues and people told, in memory; a subclass adds what is outside with :meth:`also`.

    Waiting moves the clock, chance is always a half, and threads are none.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        faults: Faults | None = None,
        page: int = 2,
    ) -> None:
        """``page``: entries per call of the agenda, small so that paging is met."""
        self.settings = settings or Settings(probe_queue_url="queue/probe")
        self.clock, self.log = clock or Clock(), Recorder()
        self.ledger = MemoryLedger(faults, outcomes=bool(self.settings.outcomes_topic_arn))
        self.agenda = MemoryAgenda(self.ledger, page)
        self.queues = MemoryQueues(self.clock, faults)
        self.control = MemoryControl()
        self.campaigns = MemoryCampaigns()
        self.contacts = MemoryContacts()
        self.opt_outs = MemoryOptOuts()
        self.notices = MemoryNotices()
        self.person_secret = StubSecrets({"person_key": "a key of tests"})
        self.outcome_topic = SeenTopic()
        self._also: dict[str, Any] = {}

    def also(self, **more: Any) -> None:
        """Further stand-ins, by the names of the wiring; each replaces one of the same name."""
        self._also |= more

    def adapters(self, function: str = "test", **more: Any) -> Adapters:
        """The wiring of one function, on these services. ``more``: for this one only."""
        return Adapters(
            function,
            {
                **{name: Absent(name) for name in OUTSIDE},
                "settings": self.settings,
                "ledger": self.ledger,
                "agenda": self.agenda,
                "control": self.control,
                "queues": self.queues,
                "campaigns": self.campaigns,
                "contacts": self.contacts,
                "opt_outs": self.opt_outs,
                "notices": self.notices,
                "people": keyed(self.person_secret, self.clock, self.log),
                "outcome_topic": self.outcome_topic,
                "telemetry": self.log,
                "clock": self.clock,
                "pause": self.clock.advance,
                "chance": lambda: 0.5,
                "new_id": lambda: "abcdef0123",
                "pool": lambda *_: Inline(),
                **self._also,
                **more,
            },
        )


def instead(owner: object, **methods: Callable[..., Any]) -> None:
    """Put functions in the place of methods of one object. Raises ``AttributeError`` where it has none."""
    for name, function in methods.items():
        getattr(owner, name)
        setattr(owner, name, function)
