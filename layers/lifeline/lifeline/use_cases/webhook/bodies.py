"""Bodies of webhooks from the queue: read, taken together, and each answered for by itself.

SQS repeats and reorders them; what is known already changes nothing (``domain/message/proof.py``). A body
that fails by an error of our own goes to the dead-letter queue with the reason, where a person looks at it
and sends it again once the error is fixed: it holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.inbound.ours import ours
from lifeline.domain.inbound.webhooks import Update, parse
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.counting import Counting
from lifeline.use_cases.webhook.take import Leftover, TakeUpdates

AT_ONCE: Final = 1000
"""Updates that are taken together at most, if there is more than one body: 1,000 inbound messages take five
seconds, 1,000 statuses one."""
MARGIN: Final = 8.0
"""Seconds that must be left to begin with more of them."""


@dataclass(frozen=True, slots=True)
class Body:
    """One SQS message. ``id``: SQS's own; ``text``: a POST of Meta's, or a part of one."""

    id: str
    text: str


class TakeBodies:
    """The queue's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        take: TakeUpdates,
        settings: Settings,
        queues: Queues,
        counting: Counting,
        telemetry: Telemetry,
    ) -> None:
        self._take = take
        self._ours = ours(settings.waba_id, settings.phone_number_id, settings.webhook)
        self._queues = queues
        self._dlq_url = settings.webhook_dlq_url
        self._counting = counting
        self._telemetry = telemetry

    def __call__(self, bodies: Sequence[Body], remaining: Callable[[], float]) -> list[str]:
        """Handle one batch; the ids of the bodies that SQS must bring again. Never raises.

        ``remaining``: seconds until Lambda ends this invocation.
        """
        with self._telemetry.together():
            taken = Leftover()
            posts = self._read(bodies, taken)
            for some in _together(posts):
                if remaining() < MARGIN:
                    taken.again.update(some)
                else:
                    self._add(taken, some)
            self._counting.write()
            self._bury(bodies, taken)
            for state, count in taken.counts.items():
                if count:
                    self._telemetry.count("StatusUpdates", count, status=state)
            self._telemetry.info(
                "webhooks done",
                bodies=len(bodies),
                updates=sum(map(len, posts.values())),
                counts=dict(taken.counts),
                again=len(taken.again),
                faults=len(taken.faults),
            )
            return [body.id for body in bodies if body.id in taken.again]

    def _read(self, bodies: Sequence[Body], taken: Leftover) -> dict[str, Sequence[Update]]:
        posts: dict[str, Sequence[Update]] = {}
        for body in bodies:
            try:
                posts[body.id] = parse(body.text, self._ours)
            except Exception as error:
                self._fault(taken, body.id, error)
        return posts

    def _add(self, taken: Leftover, posts: Mapping[str, Sequence[Update]]) -> None:
        try:
            left = self._take(posts)
        except Exception as error:  # nobody foresaw this: one body's trouble is its own
            if len(posts) > 1:
                for name, updates in posts.items():
                    self._add(taken, {name: updates})
            else:
                self._fault(taken, next(iter(posts)), error)
            return
        taken.again |= left.again
        taken.faults |= left.faults
        taken.counts += left.counts

    def _fault(self, taken: Leftover, name: str, error: Exception) -> None:
        self._telemetry.exception("a webhook cannot be handled", record=name)
        self._telemetry.count("WebhookFaults", scope=WHATSAPP)
        taken.faults[name] = f"{type(error).__name__}"

    def _bury(self, bodies: Sequence[Body], taken: Leftover) -> None:
        """Put what failed by an error of ours where a person looks; what must come again waits for that."""
        dead = [body for body in bodies if body.id in taken.faults and body.id not in taken.again]
        if not dead:
            return
        letters = [
            Outgoing(body.text, reason=f"an error of Lifeline (see the log): {taken.faults[body.id]}")
            for body in dead
        ]
        for body, buried in zip(dead, self._queues.send(self._dlq_url, letters), strict=True):
            if not buried:
                taken.again.add(body.id)


def _together(posts: Mapping[str, Sequence[Update]]) -> Iterator[dict[str, Sequence[Update]]]:
    """Bodies, as many as hold :data:`AT_ONCE` updates; at least one."""
    some: dict[str, Sequence[Update]] = {}
    held = 0
    for name, updates in posts.items():
        if some and held + len(updates) > AT_ONCE:
            yield some
            some, held = {}, 0
        some[name] = updates
        held += len(updates)
    if some:
        yield some
