"""Voice notes that waited go back to ``voice-queue`` with the drainer's minute."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.inbox import Inbox
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.domain.inbound.inbound import InboundRules, VoiceNote
from lifeline.errors import LifelineError
from lifeline.telemetry import Telemetry


class ReleasePending:
    """The drainer's minute: voice notes that waited go back to ``voice-queue``, spread over the minute."""

    def __init__(
        self,
        *,
        rules: InboundRules,
        inbox: Inbox,
        queues: Queues,
        voice_queue_url: str,
        in_panic: Callable[[], bool],
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._rules = rules
        self._inbox = inbox
        self._queues = queues
        self._voice_queue_url = voice_queue_url
        self._in_panic = in_panic
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self) -> int:
        """How many went back. In panic only those go that have become too old: they are reported, not heard.

        First put back, then forgotten: where the second fails, the job comes twice and is done once.
        """
        try:
            return self._release()
        except LifelineError as error:
            self._telemetry.error("pending voice notes stay for the next minute", detail=str(error))
            return 0

    def _release(self) -> int:
        now = self._clock()
        pending = self._inbox.pending(now, self._rules.release_per_minute)
        if pending and self._in_panic():
            oldest = now - self._rules.max_age_hours * 3600
            pending = [item for item in pending if _received(item.body) < oldest]
        pace = 60 / self._rules.release_per_minute
        bodies = [Outgoing(item.body, delay=int(index * pace)) for index, item in enumerate(pending)]
        sent = self._queues.send(self._voice_queue_url, bodies)
        for item, taken in zip(pending, sent, strict=True):
            if taken:
                self._inbox.forget(item.key)
        if pending:
            self._telemetry.info("pending voice notes released", released=sum(sent), of=len(pending))
        return sum(sent)


def _received(body: str) -> float:
    """When a kept voice note came; one that cannot be read goes out, so that a person looks at it."""
    try:
        return VoiceNote.read(body).received_at
    except ValueError:
        return 0.0
