"""Status updates of our messages: what they prove is written on the rows, and counted.

A failure writes its row, with the timer for its retry or fallback, in one write. The wake-up after it is only
for being on time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.messages import parse_message
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.account.counters import REPORTED_LATER, REPORTED_SENT, CounterName
from lifeline.domain.inbound.webhooks import StatusUpdate
from lifeline.domain.message.outcome import Retries
from lifeline.domain.message.proof import named, prove, reported_failure
from lifeline.domain.message.row import Row, Watch
from lifeline.domain.message.status import Status, from_webhook
from lifeline.domain.message.telling import from_this_write, from_webhook_again
from lifeline.domain.panic.notices import PROMOTION
from lifeline.domain.voice.speech import NO_SUCH_RECORDING, Forget
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.counting import Count
from lifeline.use_cases.shared.detect import Result
from lifeline.use_cases.shared.fold_reports import Folded, FoldReports, Moved
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.shared.publish import Publish, ToTell
from lifeline.use_cases.shared.retrying import Retrying
from lifeline.use_cases.webhook.accounts import at_the_latest
from lifeline.use_cases.webhook.failures import Failures

_BEFORE_DELIVERY: Final = frozenset({Status.CLAIMED, Status.IN_DOUBT, Status.HELD, Status.SENT})


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What is left of status updates, by message id."""

    again: Set[str] = frozenset()
    """They must come again."""
    faulty: Set[str] = frozenset()
    """They failed by an error of our own."""
    unknown: int = 0
    """How many are of messages that we do not know."""


class Statuses:
    """Takes the status updates of one batch."""

    def __init__(
        self,
        *,
        fold: FoldReports,
        count: Count,
        panic: PanicMode,
        failures: Failures,
        retrying: Retrying,
        publish: Publish,
        queues: Queues,
        voice_queue_url: str,
        telemetry: Telemetry,
    ) -> None:
        """``count``: adds to the counters of a minute."""
        self._fold = fold
        self._add = count
        self._panic = panic
        self._failures = failures
        self._retrying = retrying
        self._publish = publish
        self._queues = queues
        self._voice_queue_url = voice_queue_url
        self._telemetry = telemetry

    def __call__(self, statuses: Mapping[str, Sequence[StatusUpdate]]) -> Unsettled:
        """Settle rows, by message id: one read and one write of each, whatever number of updates there is.

        Raises :class:`~lifeline.errors.UnavailableError` where no row can be read.
        """
        folded = self._fold(statuses, self._tell, _why, Watch.WEBHOOK)
        noted = self._publish(_tellings(statuses, folded))
        try:
            self._failures(self._results(folded.moved))
            self._count(statuses, folded)
            self._forget_recordings(folded.moved)
        except Exception:  # what only counts must not hide that something has to come again
            self._telemetry.exception("statuses could not be counted")
            self._telemetry.count("WebhookFaults", scope=WHATSAPP)
        return Unsettled(
            again=folded.again | {name for name, row in noted.items() if row is None},
            faulty=folded.faulty,
            unknown=sum(len(updates) for name, updates in statuses.items() if name not in folded.rows),
        )

    def _tell(self, row: Row, update: StatusUpdate) -> Row:
        """The row after one update; the same one where nothing is new."""
        goal = from_webhook(update.state)
        if goal is None:
            return row
        mine, act = named(row, update.act, update.wamid)
        if goal is Status.FAILED:
            after = reported_failure(mine, act, update.failure, self._retries(row))
        else:
            # Meta's id holds the number: a row that has forgotten it does not learn it again.
            after = prove(mine, act, goal, None if row.bare else update.wamid or None)
        return row if after == mine else after

    def _retries(self, row: Row) -> Retries:
        channel = self._blocked(WHATSAPP)
        return self._retrying(
            blocked=channel or (row.template is not None and self._blocked(template_scope(row.template))),
            channel_blocked=channel,
        )

    def _blocked(self, scope: str) -> bool:
        try:
            return self._panic.flag(scope).blocks_sending
        except UnavailableError:
            return False  # it only waits a little longer: the next step reads the flags anew

    def _forget_recordings(self, moved: Sequence[Moved[StatusUpdate]]) -> None:
        """Have recordings that Meta refused used no more. Where that fails, the next send of the same words
        asks."""
        refused = {
            (parse_message(item.before.body).text or "", item.before.recording)
            for item in moved
            for update in item.reports
            if item.before.recording and update.failure and update.failure.code in NO_SUCH_RECORDING
        }
        if not refused:
            return
        queued = self._queues.send(
            self._voice_queue_url,
            [Outgoing(Forget(text.strip(), media_id).write()) for text, media_id in sorted(refused)],
        )
        if not all(queued):
            self._telemetry.warning("a refused recording is still kept", count=queued.count(False))

    def _results(self, moved: Sequence[Moved[StatusUpdate]]) -> list[Result]:
        results = []
        for item in moved:
            for update in item.reports:
                if from_webhook(update.state) is not Status.FAILED:
                    continue
                row, failure = item.row, update.failure
                self._telemetry.info(
                    "Meta reported a failure",
                    message_id=row.id,
                    status=str(row.status),
                    cause=str(failure.cause) if failure else None,
                    code=failure.code if failure else None,
                )
                promotional = row.priority == "bulk" or row.category == PROMOTION
                results.append(Result(failure, row.template, at_the_latest(update.at), promotional))
        return results

    def _count(self, statuses: Mapping[str, Sequence[StatusUpdate]], folded: Folded[StatusUpdate]) -> None:
        """Count statuses at the minute of their send, where :meth:`Probe.minute` compares them."""
        minutes: dict[int, Counter[CounterName]] = defaultdict(Counter)
        for name, row in folded.rows.items():
            if row.attempted_at is not None and any(update.state == "sent" for update in statuses[name]):
                minutes[_minute(row.attempted_at)][REPORTED_SENT] += 1
        for item in folded.moved:
            before = item.before
            heard = any(from_webhook(update.state) is not Status.SENT for update in item.reports)
            if before.attempted_at is not None and before.status in _BEFORE_DELIVERY and heard:
                minutes[_minute(before.attempted_at)][REPORTED_LATER] += 1
        for minute, counted in minutes.items():
            self._add(minute, counted)


def _tellings(statuses: Mapping[str, Sequence[StatusUpdate]], folded: Folded[StatusUpdate]) -> list[ToTell]:
    """What this batch has written, and what it wrote already where it came before and was not answered."""
    revs: dict[str, frozenset[int]] = {}
    rows = dict(folded.rows)
    for item in folded.moved:
        rows[item.row.id] = item.row
        revs[item.row.id] = from_this_write(item.row, item.before)
    for name, row in rows.items():
        goals = frozenset(str(from_webhook(update.state)) for update in statuses[name])
        revs[name] = revs.get(name, frozenset()) | from_webhook_again(row, goals)
    return [ToTell(row, revs[name]) for name, row in rows.items() if revs[name]]


def _why(updates: Sequence[StatusUpdate]) -> str:
    failure = next((update.failure for update in reversed(updates) if update.failure), None)
    states = ", ".join(dict.fromkeys(update.state for update in updates))
    return f"webhook: {states}" + (f" ({failure.details[:200]})" if failure else "")


def _minute(at: float) -> int:
    return int(at // 60) * 60
