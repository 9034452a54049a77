"""Count outcomes in the shared window and enter panic where they say so: for the sender and the webhook.

One way in for a failure that came in Meta's answer and for one that came in a webhook, so that both have the
same consequence and a scope panics once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.control import Control
from lifeline.contract import WHATSAPP, template_scope
from lifeline.domain.detection import bucket_start, judge
from lifeline.domain.failures import Cause, Failure, Reach
from lifeline.domain.panic import trip
from lifeline.domain.voice_failures import VoiceFailure
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.panic_mode import PanicMode

PROMOTION: Final = "promotion"
"""The category label of promotional messages; bulk counts as promotional as well."""
WINDOW_CAUSES: Final = frozenset(
    {Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.UNREACHABLE, Cause.AUTH, Cause.ACCOUNT}
)


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
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._clock = clock
        self._telemetry = telemetry
        self._source = source
        self._actor = actor
        self._stale_buckets: tuple[int, ...] = ()

    def answers(self, results: Sequence[Result]) -> None:
        """Outcomes of sends, in the order in which they ended: one write to the window for all."""
        ok = 0
        consecutive = 0
        failed: Counter[str] = Counter()
        for result in results:
            if result.failure is None or result.failure.cause not in WINDOW_CAUSES:
                # Meta answered: whatever it says of one message, the channel works.
                ok += 1
                consecutive = 0
            else:
                failed[str(result.failure.cause)] += 1
                consecutive = consecutive + 1 if result.failure.cause is Cause.UNREACHABLE else 0
        unreached = failed[Cause.UNREACHABLE]
        self._telemetry.share("Unreached", unreached, len(results) - unreached, scope=WHATSAPP)
        self._act(results, ok, failed, consecutive)

    def reports(self, results: Sequence[Result]) -> None:
        """Failures that Meta reported later, by webhook.

        Their sends were counted as successes when Meta accepted them, so only failures of the channel are
        added; they are no connection failures, so they make no streak.
        """
        failed = Counter(
            str(result.failure.cause)
            for result in results
            if result.failure and result.failure.cause in WINDOW_CAUSES
        )
        self._act(results, 0, failed, 0)

    def _act(self, results: Sequence[Result], ok: int, failed: Mapping[str, int], consecutive: int) -> None:
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
        if not ok and not failed:
            return
        now = self._clock()
        bucket = bucket_start(now)
        window = None
        try:
            window = self._control.record_outcomes(
                WHATSAPP, bucket, ok, failed, consecutive, self._stale_buckets
            )
            # At least a minute stays, for what operators see as used in the last minute.
            oldest = bucket - 2 * max(30, self._settings.detection.window_seconds)
            self._stale_buckets = tuple(item.start for item in window.buckets if item.start < oldest)[:20]
        except UnavailableError as error:
            self._telemetry.error("the outcome window cannot be written", detail=str(error))
        at_once = [(result, failure) for result, failure in bad if failure.trips_at_once]
        if at_once:
            # The youngest report: an old one that comes late may be about a panic that is over.
            result, failure = max(at_once, key=lambda item: item[0].at or now)
            evidence = {"code": failure.code, "http_status": failure.http_status}
            self.trip(WHATSAPP, failure.cause, failure.details, evidence, failure, observed=result.at)
        elif failed and window:
            verdict = judge(window, self._settings.detection, now)
            if verdict:
                stated = next((failure for _, failure in bad if failure.retry_after), None)
                self.trip(WHATSAPP, Cause(verdict.cause), verdict.reason, verdict.evidence, stated)

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
                    cause=cause,
                    reason=reason,
                    source=self._source,
                    actor=self._actor,
                    evidence=dict(evidence),
                    now=now,
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
