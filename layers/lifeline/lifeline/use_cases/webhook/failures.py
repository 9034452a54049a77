"""Failures that Meta reports count like those of its answers: in the window, the counters and the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account import counters
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.records import FailureSample
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.counting import Count
from lifeline.use_cases.shared.detect import Detect, Result
from lifeline.use_cases.webhook.tests_and_probes import ACTOR


class Failures:
    """Counts failures, and enters panic where they say so."""

    def __init__(
        self,
        *,
        control: Control,
        count: Count,
        detect: Detect,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``count``: adds to the counters of a minute."""
        self._add = count
        self._control = control
        self._detect = detect
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, results: Sequence[Result]) -> None:
        """``results``: failures that were not known before."""
        failed = [(result, result.failure) for result in results if result.failure]
        if not failed:
            return
        self._detect.reports([result for result, _ in failed])
        now = self._clock()
        counted = Counter(counters.failed(failure.cause, failure.code) for _, failure in failed)
        for result, failure in failed:
            if result.template:
                counted.update(counters.template_failures(result.template, failure.reach))
        for cause, count in Counter(str(failure.cause) for _, failure in failed).items():
            self._telemetry.count("Failures", count, scope=WHATSAPP, cause=cause)
        self._add(int(now // 60) * 60, counted)
        for failure in {failure.cause: failure for _, failure in failed}.values():
            self._best_effort(
                partial(
                    self._control.keep,
                    FailureSample.of(failure, by="webhook"),
                    failure.cause,
                    actor=ACTOR,
                    reason="latest failure",
                    now=now,
                )
            )

    def errors(self, failures: Sequence[Failure]) -> bool:
        """Errors with no message: nobody's fallback, but they count."""
        self([Result(failure) for failure in failures])
        for failure in failures:
            self._telemetry.warning(
                "Meta reports an error", cause=str(failure.cause), code=failure.code, why=failure.details
            )
        return True

    def _best_effort(self, write: Callable[[], None]) -> None:
        """A sample is not worth a repetition of the whole POST, which would count the rest twice."""
        try:
            write()
        except UnavailableError as error:
            self._telemetry.warning("a sample could not be written", detail=str(error))
