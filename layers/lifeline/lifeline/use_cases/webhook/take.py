"""Take the updates of a batch of POSTs: each kind goes to whoever knows about it, those of all POSTs
together.

What cannot be handled now (DynamoDB or SQS does not answer, a row keeps changing) makes its POST come again,
after everything else was handled; the repetition is harmless, because what is known already changes nothing.
An error of our own would fail again: it is logged and counted, and its POST named, so that a person gets to
see it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound.webhooks import (
    AccountError,
    AccountUpdate,
    Foreign,
    Ignored,
    InboundMessage,
    Preference,
    StatusUpdate,
    TemplateUpdate,
    Update,
)
from lifeline.domain.panic.probing import PROBE_ID, TEST_PREFIX
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.foreign import ForeignSeen
from lifeline.use_cases.webhook.inbound import Passed
from lifeline.use_cases.webhook.preferences import Preferences
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.tests_and_probes import TestsAndProbes

T = TypeVar("T")
Shares = Mapping[str, Sequence[T]]
"""Updates of one kind, by the POST that brought them."""

_STATES: Final = frozenset({"sent", "delivered", "read", "played", "failed"})


@dataclass(slots=True)
class Leftover:
    """What is left of the POSTs."""

    again: set[str] = field(default_factory=set)
    """Those that must come again."""
    faults: dict[str, str] = field(default_factory=dict)
    """Those of which a part failed by an error of our own: which part."""
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Sorted:
    """The updates of all POSTs, by who takes them and by the POST, in the order in which they came."""

    statuses: dict[str, list[StatusUpdate]] = field(default_factory=lambda: defaultdict(list))
    tests: dict[str, list[StatusUpdate]] = field(default_factory=lambda: defaultdict(list))
    probes: dict[str, list[StatusUpdate]] = field(default_factory=lambda: defaultdict(list))
    inbound: dict[str, list[InboundMessage]] = field(default_factory=lambda: defaultdict(list))
    preferences: dict[str, list[Preference]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[Failure]] = field(default_factory=lambda: defaultdict(list))
    others: list[tuple[str, TemplateUpdate | AccountUpdate]] = field(default_factory=list)
    foreign: dict[str, list[Foreign]] = field(default_factory=lambda: defaultdict(list))


class TakeUpdates:
    """One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        telemetry: Telemetry,
        failures: Failures,
        statuses: Statuses,
        accounts: Accounts,
        tests: TestsAndProbes,
        foreign: ForeignSeen,
        preferences: Preferences,
        inbound: Callable[[Sequence[InboundMessage]], Sequence[Passed]],
    ) -> None:
        """``inbound``: takes what people wrote to us, and says of each message what became of it."""
        self._telemetry = telemetry
        self._inbound = inbound
        self._failures = failures
        self._statuses = statuses
        self._accounts = accounts
        self._tests = tests
        self._foreign = foreign
        self._preferences = preferences

    def __call__(self, posts: Shares[Update]) -> Leftover:
        """Handle every update of every POST. Never raises."""
        taken = Leftover()
        kinds = _sort(posts, taken.counts)
        # Each kind on its own: one that fails must not take the others along.
        self._step(taken, "probe", kinds.probes, lambda _: self._tests.probe())
        # Before statuses: what is sent instead of a refused send asks for them.
        self._step(taken, "preference", kinds.preferences, lambda shares: self._preferences(_all(shares)))
        self._step(taken, "seen", kinds.statuses, lambda _: self._tests.seen())
        self._step(taken, "status", kinds.statuses, lambda shares: self._settle(taken, shares))
        self._step(taken, "test", kinds.tests, lambda shares: self._tests.tests(_all(shares)))
        self._step(taken, "error", kinds.errors, lambda shares: self._failures.errors(_all(shares)))
        for name, update in kinds.others:
            part = "template" if isinstance(update, TemplateUpdate) else "account"
            self._step(taken, part, {name: [update]}, lambda shares: self._accounts(_all(shares)[0]))
        self._step(taken, "inbound", kinds.inbound, lambda shares: self._hand_on(taken, shares))
        self._step(taken, "foreign", kinds.foreign, lambda shares: self._foreign(_all(shares)))
        return taken

    def _step(self, taken: Leftover, part: str, shares: Shares[T], work: Callable[[Shares[T]], bool]) -> None:
        """Do ``work`` for all POSTs together, and for each by itself where that fails by an error of ours.

        ``work`` says False where all of ``shares`` must come again.
        """
        if not shares:
            return
        try:
            if not work(shares):
                taken.again.update(shares)
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("part of a webhook must come again", part=part, detail=str(error))
            taken.again.update(shares)
        except Exception as error:  # it would fail the next time as well
            if len(shares) > 1:
                for name, share in shares.items():
                    self._step(taken, part, {name: share}, work)
                return
            self._telemetry.exception("part of a webhook cannot be handled", part=part)
            self._telemetry.count("WebhookFaults", scope=WHATSAPP)
            taken.faults |= dict.fromkeys(shares, f"{part}: {type(error).__name__}")

    def _settle(self, taken: Leftover, shares: Shares[StatusUpdate]) -> bool:
        statuses: dict[str, list[StatusUpdate]] = defaultdict(list)
        posts: dict[str, set[str]] = defaultdict(set)
        for name, updates in shares.items():
            for update in updates:
                statuses[update.message_id].append(update)
                posts[update.message_id].add(name)
        unsettled = self._statuses(statuses)
        taken.counts["unknown_message"] += unsettled.unknown
        for message_id in unsettled.again:
            taken.again |= posts[message_id]
        for message_id in unsettled.faulty:
            taken.faults |= dict.fromkeys(posts[message_id], f"status: message {message_id}")
        return True

    def _hand_on(self, taken: Leftover, shares: Shares[InboundMessage]) -> bool:
        posts = [name for name, messages in shares.items() for _ in messages]
        for name, passed in zip(posts, self._inbound(_all(shares)), strict=True):
            if passed is Passed.AGAIN:
                taken.again.add(name)
            elif passed is Passed.FAULTY:
                taken.faults[name] = "inbound"
        return True


def _all(shares: Shares[T]) -> list[T]:
    return [update for updates in shares.values() for update in updates]


def _sort(posts: Shares[Update], counts: Counter[str]) -> _Sorted:
    kinds = _Sorted()
    for name, update in _each(posts):
        match update:
            case StatusUpdate():
                counts[update.state if update.state in _STATES else "other"] += 1
                if update.message_id == PROBE_ID:
                    if update.state != "failed":
                        kinds.probes[name].append(update)
                elif update.message_id:
                    if update.message_id.startswith(TEST_PREFIX):
                        # It has no row; a producer's message that is called like this has one.
                        kinds.tests[name].append(update)
                    kinds.statuses[name].append(update)
                else:
                    counts["unknown_message"] += 1
            case InboundMessage():
                counts["inbound"] += 1
                kinds.inbound[name].append(update)
            case Preference():
                counts["preference"] += 1
                kinds.preferences[name].append(update)
            case AccountError():
                counts["error"] += 1
                kinds.errors[name].append(update.failure)
            case Foreign():
                counts["foreign"] += 1
                kinds.foreign[name].append(update)
            case Ignored():
                counts[f"ignored_{update.why}"] += 1
            case _:
                counts["account"] += 1
                kinds.others.append((name, update))
    return kinds


def _each(posts: Shares[Update]) -> Iterable[tuple[str, Update]]:
    return ((name, update) for name, updates in posts.items() for update in updates)
