"""Statuses of the prober's and operators' test sends, and the fact that statuses come in at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lifeline.adapters.control import Control
from lifeline.domain.inbound.records import ProbeReported, ReportsOfTests, WebhookSeen
from lifeline.domain.inbound.webhooks import StatusUpdate

ACTOR: Final = "WebhookEventsFunction"
SEEN_EVERY: Final = 60.0
"""Seconds between two writes of :class:`WebhookSeen` by one worker."""


class TestsAndProbes:
    """Keeps what others wait for. Raises what :class:`Control` raises: the body comes again."""

    def __init__(self, *, control: Control, clock: Callable[[], float]) -> None:
        self._control = control
        self._clock = clock
        self._seen_at = float("-inf")

    def probe(self) -> bool:
        """A status of the prober's test send came in."""
        now = self._clock()
        self._control.keep(ProbeReported(now), actor=ACTOR, reason="status of a test send", now=now)
        return True

    def seen(self) -> bool:
        """Note that status webhooks reach us: only then does their absence mean something."""
        now = self._clock()
        if now - self._seen_at >= SEEN_EVERY:
            seen = self._control.kept(WebhookSeen).value.again(now)
            self._control.keep(seen, actor=ACTOR, reason="a status webhook came in", now=now)
            self._seen_at = now
        return True

    def tests(self, updates: Sequence[StatusUpdate]) -> bool:
        """Keep the statuses of an operator's test sends, for the operator who waits for them."""
        now = self._clock()
        stored = self._control.kept(ReportsOfTests)
        known = stored.value
        for update in updates:
            known = known.after(update, now)
        self._control.keep(
            known,
            actor=ACTOR,
            reason="status of an operator's test send",
            now=now,
            read_version=stored.version,
        )
        return True
