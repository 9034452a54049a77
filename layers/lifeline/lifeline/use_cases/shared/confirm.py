"""Ask Meta at once about a failure that looks like the channel's.

What is asked, and what the answers mean, says :mod:`lifeline.domain.panic.confirm`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.classify import Failure
from lifeline.domain.panic import confirm
from lifeline.domain.panic.confirm import Question
from lifeline.domain.panic.detection import Verdict
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.panic_mode import PanicMode

SLOT: Final = f"{WHATSAPP}/confirmation"
"""The mark that lets one worker ask in each second."""
KEPT: Final = 4.0
"""Seconds of an invocation that stay for recording outcomes."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """``sends``: outcomes of what was sent again, in their order. ``verdict``: a reason to panic; ``last``:
    the failure that was met last, whose stated wait to respect.
    """

    sends: tuple[Failure | None, ...] = ()
    verdict: Verdict | None = None
    last: Failure | None = None


class CannotAsk(Exception):  # noqa: N818 - not an error: there is no time, or the message may not be sent now
    """The message cannot be sent again now."""


class Confirm:
    """One worker at a time, at most once a second."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        reaches: Callable[[float], Failure | None],
        clock: Callable[[], float],
        pause: Callable[[float], None],
        pool: Executor,
        telemetry: Telemetry,
    ) -> None:
        """``reaches``: asks for the phone number within so many seconds; ``None`` where Meta answers."""
        self._thresholds = settings.detection
        self._rules = settings.panic
        self._control = control
        self._panic = panic
        self._reaches = reaches
        self._clock = clock
        self._pause = pause
        self._pool = pool
        self._telemetry = telemetry

    def __call__(
        self,
        outcomes: Sequence[Failure | None],
        again: Callable[[], Failure | None],
        remaining: Callable[[], float],
    ) -> Confirmed:
        """``outcomes``: of sends in the order in which they ended. ``again`` sends the last one's message
        again, and raises :class:`CannotAsk`. ``remaining``: seconds this invocation has left.
        """
        question = confirm.question_for(outcomes)
        left = confirm.left_to_ask(outcomes, self._thresholds)
        if question is None or not left or remaining() < confirm.SECONDS + KEPT or not self._may_ask():
            return Confirmed()
        answers = self._send(left, again) if question is Question.SAME_SEND else self._ask(left, outcomes)
        verdict = confirm.confirmed(question, [*outcomes, *answers], self._thresholds)
        self._telemetry.info(
            "asked about a failure",
            question=str(question),
            answers=[answer.words if answer else "ok" for answer in answers],
            confirmed=verdict is not None,
        )
        last = next((answer for answer in reversed(answers) if answer), outcomes[-1])
        return Confirmed(tuple(answers) if question is Question.SAME_SEND else (), verdict, last)

    def _may_ask(self) -> bool:
        now = self._clock()
        flag = self._panic.flag(WHATSAPP)
        if flag.blocks_sending:
            return False
        reported = flag.would_enter_at
        if flag.shadow and reported is not None and now < reported + self._rules.would_enter_seconds:
            return False  # in shadow nothing would come of it
        try:
            return self._control.claim_slot(SLOT, int(now))
        except UnavailableError as error:
            self._telemetry.warning("nobody could be asked about a failure", detail=str(error))
            return False

    def _send(self, left: int, again: Callable[[], Failure | None]) -> list[Failure | None]:
        """One after the other: of two at once both could be taken."""
        began = self._clock()
        answers: list[Failure | None] = []
        for number in range(left):
            self._wait(began, number)
            if self._clock() - began > confirm.SECONDS:
                break
            try:
                answers.append(again())
            except CannotAsk:
                break
            answer = answers[-1]
            if answer is None or not answer.counts_for_window or answer.may_have_left:
                break
        return answers

    def _ask(self, left: int, outcomes: Sequence[Failure | None]) -> list[Failure | None]:
        """Once, and if that fails the rest side by side, so that time-outs end in time as well."""
        began = self._clock()
        first = outcomes[-1]
        assert first is not None, "there is a failure to ask about"
        works = threading.Event()

        def one(within: float) -> Failure | None:
            answer = self._reaches(within)
            if confirm.says_so(answer, first):
                return answer
            works.set()
            return None

        def later(number: int) -> Failure | None:
            self._wait(began, number)
            if works.is_set():
                return None
            return one(max(confirm.EVERY, began + confirm.SECONDS - self._clock()))

        answers = [one(confirm.FIRST)]
        if not works.is_set():
            answers += self._pool.map(later, range(1, left))
        return answers

    def _wait(self, began: float, number: int) -> None:
        wait = began + number * confirm.EVERY - self._clock()
        if wait > 0:
            self._pause(wait)
