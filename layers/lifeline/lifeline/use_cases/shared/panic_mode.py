"""Enter, leave and keep panic mode: one write path for worker, alarm, operator, prober and webhook.

Every change is decided in :mod:`lifeline.domain.panic`, written on the flag's version, and told to people.
Who loses the race reads again and decides anew, so that several at once leave one incident.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.notices import Notices
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import scope_of
from lifeline.domain.failure.causes import traits_of
from lifeline.domain.panic.flag import FLAG_CACHE_SECONDS, Event, Flag, PanicChange, State
from lifeline.domain.panic.notices import notices
from lifeline.domain.panic.probing import SLOT_SECONDS, ProbeRequest, slots
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry

RACES: Final = 6


class PanicMode:
    """The panic flags as a worker sees and changes them."""

    def __init__(
        self,
        *,
        control: Control,
        queues: Queues,
        notices: Notices,
        probe_queue_url: str,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        telemetry: Telemetry,
        refresh_token: Callable[[str], None] | None = None,
        waba_id: str = "",
        probe_seconds: int = SLOT_SECONDS,
    ) -> None:
        """``refresh_token``: asks for one refresh of the token, for an incident; may raise
        :class:`UnavailableError`. ``waba_id``: our account, for what Meta Business Support is told.
        ``probe_seconds``: between two probes (``Rules.probe_seconds``).
        """
        self._waba_id = waba_id
        self._refresh_token = refresh_token
        self._probe_seconds = probe_seconds
        self._control = control
        self._queues = queues
        self._notices = notices
        self._probe_queue_url = probe_queue_url
        self._clock = clock
        self._new_id = new_id
        self._telemetry = telemetry
        self._flags: dict[str, Flag] | None = None
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def flags(self) -> dict[str, Flag]:
        """All flags, read once a second at most. If they cannot be read, the last known ones hold.

        Raises :class:`UnavailableError` when none were ever read.
        """
        now = self._clock()
        if self._flags is not None and now - self._read_at < FLAG_CACHE_SECONDS:
            return self._flags
        # One thread reads; the others go on with what is known, or wait where nothing is.
        if not self._reading.acquire(blocking=self._flags is None) and self._flags is not None:
            return self._flags
        try:
            self._flags = self._control.flags()
            self._read_at = now
        except UnavailableError:
            if self._flags is None:
                raise
            self._telemetry.warning("flags cannot be read; the last known ones hold")
        finally:
            self._reading.release()
        return self._flags

    def flag(self, scope: str) -> Flag:
        """One scope's flag from :meth:`flags`."""
        return self.flags().get(scope) or Flag.normal(scope)

    def new_incident_id(self) -> str:
        """An id for an incident that may be about to start; it sorts by time."""
        moment = format_instant(self._clock())
        return f"{moment[:10].replace('-', '')}-{moment[11:19].replace(':', '')}-{self._new_id()[:6]}"

    def change(self, scope: str, decide: Callable[[Flag], PanicChange | None]) -> tuple[Flag, Event | None]:
        """Read the flag, decide, write; again when somebody else was faster.

        Returns the flag as it is now, and the event that this call wrote (``None``: nothing to change).
        Raises :class:`ConflictError` after :data:`RACES` lost races, and what ``decide`` raises.
        """
        for _ in range(RACES):
            flag = self._control.flag(scope)
            change = decide(flag)
            if change is None:
                self._remember(flag)
                return flag, None
            if change.flag == flag:
                self._control.append(change.event)
                self._remember(flag)
                return flag, change.event
            try:
                self._control.write(change, flag.version)
            except ConflictError:
                continue
            self._remember(change.flag)
            self._after(flag, change)
            return change.flag, change.event
        raise ConflictError(f"{scope} keeps changing; try again")

    def queue_probes(self, flag: Flag) -> None:
        """Put the probes of the coming minute on their queue; a slot that is already claimed does nothing."""
        now = self._clock()
        self._queues.send(
            self._probe_queue_url,
            [
                Outgoing(
                    body=json.dumps(ProbeRequest(flag.scope, flag.incident_id, slot).to_dict()), delay=delay
                )
                for slot, delay in slots(now, every=self._probe_seconds)
            ],
        )

    def _remember(self, flag: Flag) -> None:
        if self._flags is not None:
            self._flags = {**self._flags, flag.scope: flag}

    def _after(self, before: Flag, change: PanicChange) -> None:
        flag, event = change.flag, change.event
        entered = flag.state is State.PANIC and before.state is not State.PANIC
        left = before.state is State.PANIC and flag.state is not State.PANIC
        log = self._telemetry.warning if entered else self._telemetry.info
        log(
            f"panic: {event.kind}",
            scope=flag.scope,
            state=str(flag.state),
            incident_id=flag.incident_id,
            cause=str(flag.cause),
            reason=event.reason,
            actor=event.actor,
            source=event.source,
            version=flag.version,
        )
        if entered or left:
            self._telemetry.count("PanicActive", 1 if entered else 0, scope=flag.scope)
        if entered:
            self._telemetry.count("PanicEntered", scope=flag.scope)
            self.queue_probes(flag)
        if (
            flag.state is State.PANIC
            and traits_of(flag.cause).renews_token
            and (entered or before.cause != flag.cause)
        ):
            self._refresh(flag)
        if left:
            try:
                self._control.clear_window(flag.scope)
            except UnavailableError as error:
                self._telemetry.error("failed to clear the outcome window", detail=str(error))
        if entered or left:
            self._tell(flag, event, entered)

    def _refresh(self, flag: Flag) -> None:
        """Ask for a refresh of the token; whoever is asked does it once per incident."""
        if self._refresh_token is None or not scope_of(flag.scope).renews_token:
            return
        try:
            self._refresh_token(flag.incident_id)
        except UnavailableError as error:
            self._telemetry.error("failed to request a token refresh", detail=str(error))

    def _tell(self, flag: Flag, event: Event, entered: bool) -> None:
        data: dict[str, Any] = {
            "incident_id": flag.incident_id,
            "state": str(flag.state),
            "at": format_instant(event.at),
            "reason": event.reason,
            "actor": event.actor,
        }
        for notice in notices(flag, event, entered, self._waba_id):
            try:
                self._notices.tell(
                    audience=notice.audience,
                    subject=notice.subject,
                    text=notice.text,
                    scope=flag.scope,
                    cause=str(flag.cause),
                    severity=notice.severity,
                    data={"event": notice.event, **data},
                    automatic=notice.automatic,
                    run=notice.run,
                    section=notice.section,
                )
            except UnavailableError as error:
                # The flag is what protects people; a notice that fails must not undo it.
                self._telemetry.error(
                    "failed to publish a notification",
                    detail=str(error),
                    incident_id=flag.incident_id,
                    notice=notice.event,
                )
