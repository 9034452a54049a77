"""Count outcomes in the shared window and enter panic where they say so: for the sender and the webhook.

One way in for a failure that came in Meta's answer and for one that came in a webhook, so that both have the
same consequence and a scope panics once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.voice_failures import VoiceFailure
from lifeline.domain.panic.detection import Tally, Window, bucket_start, judge, tally
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.confirm import CannotAsk, Confirm, Confirmed
from lifeline.use_cases.shared.panic_mode import PanicMode


def _cannot_ask() -> Failure | None:
    raise CannotAsk


@dataclass(frozen=True, slots=True)
class Result:
    """How one send ended. ``failure`` is ``None`` where Meta accepted it; ``template`` is the one it used;
    ``at`` is Meta's time of a report (epoch seconds); ``promotional`` concerns marketing.
    """

    failure: Failure | None
    template: str | None = None
    at: float | None = None
    promotional: bool = False


class Detect:
    """Failures become panic here. ``source`` and ``actor`` go into the history."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        clock: Callable[[], float],
        telemetry: Telemetry,
        source: str,
        actor: str,
        confirm: Confirm | None = None,
    ) -> None:
        """``confirm``: asks about a first failure, where there is time for it."""
        self._confirm = confirm
        self._settings = settings
        self._control = control
        self._panic = panic
        self._clock = clock
        self._telemetry = telemetry
        self._source = source
        self._actor = actor
        self._stale_buckets: dict[str, tuple[int, ...]] = {}

    def answers(
        self,
        results: Sequence[Result],
        again: Callable[[], Failure | None] = _cannot_ask,
        remaining: Callable[[], float] = float,
    ) -> None:
        """Outcomes of sends, in the order in which they ended: one write to the window for all.

        ``again`` and ``remaining``: see :class:`Confirm`.
        """
        asked = Confirmed()
        if self._confirm is not None:
            asked = self._confirm([result.failure for result in results], again, remaining)
        results = [*results, *(replace(results[-1], failure=failure) for failure in asked.sends)]
        batch = tally(_cause(result) for result in results)
        unreached = batch.failed.get(Cause.UNREACHABLE, 0)
        self._telemetry.share("Unreached", unreached, len(results) - unreached, scope=WHATSAPP)
        if asked.verdict:
            verdict = asked.verdict
            self.trip(WHATSAPP, verdict.cause, verdict.reason, verdict.evidence, asked.last)
        self._act(results, batch)

    def reports(self, results: Sequence[Result]) -> None:
        """Failures that Meta reported later, by webhook.

        Their sends were counted as successes when Meta accepted them, so only failures of the channel are
        added; they are no connection failures, so they make no streak.
        """
        self._act(results, Tally(failed=Counter(filter(None, map(_cause, results)))))

    def _act(self, results: Sequence[Result], batch: Tally) -> None:
        bad = [(result, result.failure) for result in results if result.failure]
        templates: dict[str, tuple[Result, Failure]] = {}
        for result, failure in bad:
            if failure.reach is Reach.TEMPLATE and result.template:
                templates.setdefault(result.template, (result, failure))
        for name, (result, failure) in templates.items():
            self.trip(
                template_scope(name),
                failure.cause,
                failure.details,
                {"code": failure.code} | ({"promotional": True} if result.promotional else {}),
                failure,
                observed=result.at,
            )
        if not batch.ok and not batch.failed:
            return
        now = self._clock()
        window = None
        try:
            window = self.record(WHATSAPP, batch, now)
        except UnavailableError as error:
            self._telemetry.error("the outcome window cannot be written", detail=str(error))
        at_once = [(result, failure) for result, failure in bad if failure.trips_at_once]
        if at_once:
            # The youngest report: an old one that comes late may be about a panic that is over.
            result, failure = max(at_once, key=lambda item: item[0].at or now)
            evidence = {"code": failure.code, "http_status": failure.http_status}
            self.trip(WHATSAPP, failure.cause, failure.details, evidence, failure, observed=result.at)
        elif batch.failed and window:
            verdict = judge(window, self._settings.detection, now)
            if verdict:
                stated = next((failure for _, failure in bad if failure.retry_after), None)
                self.trip(WHATSAPP, Cause(verdict.cause), verdict.reason, verdict.evidence, stated)

    def record(self, scope: str, batch: Tally, now: float) -> Window:
        """Add a batch to the scope's window, in one write; the window as it is then.

        Parts that are too old go with the next write. Raises :class:`UnavailableError`.
        """
        bucket = bucket_start(now)
        window = self._control.record_outcomes(
            scope,
            bucket,
            batch.ok,
            batch.failed,
            batch.trailing_unreachable,
            self._stale_buckets.get(scope, ()),
        )
        # At least a minute stays, for what operators see as used in the last minute.
        oldest = bucket - 2 * max(30, self._settings.detection.window_seconds)
        self._stale_buckets[scope] = tuple(item.start for item in window.buckets if item.start < oldest)[:20]
        return window

    def trip(
        self,
        scope: str,
        cause: Cause,
        reason: str,
        evidence: Mapping[str, object],
        failure: Failure | VoiceFailure | None = None,
        observed: float | None = None,
    ) -> bool:
        """Enter panic. Never raises: False where the flag could not be written now, so that asking again may
        help; an error of our own is logged.

        ``failure``: whose stated wait to respect. ``observed``: when the evidence was seen (epoch seconds);
        what was seen before the scope last left panic changes nothing.
        """
        now = self._clock()
        earliest = now + failure.retry_after if failure and failure.retry_after else None
        incident_id = self._panic.new_incident_id()
        try:
            self._panic.change(
                scope,
                lambda flag: trip(
                    flag,
                    By(self._actor, self._source, reason, now),
                    cause=cause,
                    evidence=dict(evidence),
                    new_incident_id=incident_id,
                    rules=self._settings.panic,
                    earliest=earliest,
                    observed=observed,
                ),
            )
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("panic could not be entered", scope=scope, detail=str(error))
            return False
        except Exception:  # outcomes must be recorded whatever happens to the flag
            self._telemetry.exception("panic cannot be entered", scope=scope)
        return True


def _cause(result: Result) -> str | None:
    """The cause where the channel failed."""
    failure = result.failure
    return str(failure.cause) if failure and failure.counts_for_window else None
