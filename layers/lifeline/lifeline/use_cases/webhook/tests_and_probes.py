"""Statuses of the prober's and operators' test sends, and the fact that statuses come in at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.domain.inbound.webhooks import StatusUpdate
from lifeline.domain.records import PROBE_SEEN, TEST_STATUS, WEBHOOK_SEEN

ACTOR: Final = "WebhookFunction"
TESTS_KEPT: Final = 10
SEEN_EVERY: Final = 300.0
"""Seconds between two writes of :data:`WEBHOOK_SEEN` by one worker."""


class TestsAndProbes:
    """Keeps what others wait for. Raises what :class:`Control` raises: Meta is asked to come again."""

    def __init__(self, *, control: Control, clock: Callable[[], float]) -> None:
        self._control = control
        self._clock = clock
        self._seen_at = float("-inf")

    def probe(self) -> bool:
        """A status of the prober's test send came in."""
        now = self._clock()
        self._control.put_setting(
            PROBE_SEEN, {"at": now}, actor=ACTOR, reason="status of a test send", now=now
        )
        return True

    def seen(self) -> bool:
        """Note that status webhooks reach us: only then does their absence mean something."""
        now = self._clock()
        if now - self._seen_at >= SEEN_EVERY:
            before = self._control.setting(WEBHOOK_SEEN).value or {}
            seen = {"first": before.get("first", now), "at": now}
            self._control.put_setting(
                WEBHOOK_SEEN, seen, actor=ACTOR, reason="a status webhook came in", now=now
            )
            self._seen_at = now
        return True

    def tests(self, updates: Sequence[StatusUpdate]) -> bool:
        """Keep the statuses of an operator's test sends, for the operator who waits for them."""
        now = self._clock()
        stored = self._control.setting(TEST_STATUS)
        known: dict[str, Any] = dict(stored.value or {})
        for update in updates:
            before = known.pop(update.message_id, {})
            # "delivered" may overtake "sent"; what was learnt stays.
            states = list(dict.fromkeys([*before.get("states", []), update.state]))
            failure = update.failure
            why = {"code": failure.code, "details": failure.details[:200]} if failure else {}
            known[update.message_id] = {**before, "states": states, "at": now, **why}
        self._control.put_setting(
            TEST_STATUS,
            dict(list(known.items())[-TESTS_KEPT:]),
            actor=ACTOR,
            reason="status of an operator's test send",
            now=now,
            read_version=stored.version,
        )
        return True
