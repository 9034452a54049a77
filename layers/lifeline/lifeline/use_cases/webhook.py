"""Take Meta's webhooks: prove that they are Meta's, settle messages, learn of failures, templates, account.

**Nothing is lost without a store of our own.** Meta keeps a webhook that is not answered with 200 and sends
it again, at once and then less and less often, for days (Meta, "Webhooks: delivery"). So whatever cannot be
handled now (DynamoDB or SQS does not answer, a row keeps changing, a fallback is under way this moment) makes
the whole POST answer 503, after everything else in it was handled. The repetition is harmless: every write is
conditional on the row's revision, and what is known already changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Change, Ledger, Row
from lifeline.adapters.notices import Notices
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.secrets import Secrets
from lifeline.contract import WHATSAPP, is_scope, template_scope
from lifeline.domain import webhooks
from lifeline.domain.delivery import Phase
from lifeline.domain.failures import Cause, Failure, Reach
from lifeline.domain.panic import note, resolve
from lifeline.domain.status import Status
from lifeline.domain.volume import TEMPLATE_FAILED
from lifeline.domain.webhooks import (
    AccountError,
    AccountUpdate,
    Effect,
    Ignored,
    InboundMessage,
    Outcome,
    Standing,
    StatusUpdate,
    TemplateUpdate,
    UnreadableError,
    Weight,
)
from lifeline.errors import ConflictError, LifelineError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.detect import PROMOTION, Detect, Result
from lifeline.use_cases.panic_mode import PanicMode

SEEN: Final = "webhook_seen"
"""Setting: when status webhooks were seen, ``first`` and last (``at``), within :data:`SEEN_EVERY`."""
PROBE_ID: Final = "lifeline:probe"
"""``biz_opaque_callback_data`` of the prober's test sends."""
PROBE_SEEN: Final = "probe_status"
"""Setting: when a status of a test send last came in."""
TEST_PREFIX: Final = "lifeline:test:"
"""``biz_opaque_callback_data`` of an operator's test sends begins so; they have no row in the ledger."""
TEST_STATUS: Final = "test_status"
"""Setting: the last statuses of operators' test sends, by id, oldest first."""
TESTS_KEPT: Final = 10
PHONE_QUALITY: Final = "phone_quality"
"""Setting: Meta's last word on the number's quality or throughput."""
SEEN_EVERY: Final = 300.0
"""Seconds between two writes of :data:`SEEN` by one worker."""
REREAD_EVERY: Final = 30.0
"""Seconds between two reads of the secret because of a wrong signature: strangers drive no calls."""
ROUNDS: Final = 5
"""How often a row is decided anew after another writer moved it meanwhile."""
ACTOR: Final = "WebhookFunction"

_STATES: Final = frozenset({"sent", "delivered", "read", "played", "failed"})
_BEFORE_DELIVERY: Final = frozenset({Status.CLAIMED, Status.IN_DOUBT, Status.HELD, Status.SENT})


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP answer. ``body`` is plain text."""

    status: int
    body: str = ""


@dataclass(slots=True)
class _Work:
    """One message of a POST and what it leads to."""

    row: Row
    updates: Sequence[StatusUpdate]
    was: Status
    outcome: Outcome | None = None


class Webhook:
    """The webhook's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        settings: Settings,
        secrets: Secrets,
        ledger: Ledger,
        control: Control,
        queues: Queues,
        panic: PanicMode,
        notices: Notices,
        clock: Callable[[], float],
        telemetry: Telemetry,
        inbound: Callable[[Sequence[InboundMessage]], bool] | None = None,
    ) -> None:
        """``inbound``: takes what people wrote to us; False where that must be tried again."""
        self._settings = settings
        self._secrets = secrets
        self._ledger = ledger
        self._control = control
        self._queues = queues
        self._panic = panic
        self._notices = notices
        self._clock = clock
        self._telemetry = telemetry
        self._inbound = inbound
        self._detect = Detect(
            settings=settings,
            control=control,
            panic=panic,
            clock=clock,
            telemetry=telemetry,
            source="webhook",
            actor=ACTOR,
        )
        self._reread_at = float("-inf")
        self._seen_at = float("-inf")

    # -- who is there ------------------------------------------------------------------------------

    def handshake(self, query: Mapping[str, str]) -> Reply:
        """Meta's check of our address: the challenge comes back for the right verify token only."""
        try:
            expected = self._secrets.get("verify_token")
            given = query.get("hub.verify_token", "")
            if not _same(given, expected) and self._may_reread():
                self._secrets.drop()
                expected = self._secrets.get("verify_token")
        except UnavailableError as error:
            self._telemetry.error("the verify token cannot be read", detail=str(error))
            return Reply(503, "try again")
        if query.get("hub.mode") != "subscribe" or not _same(given, expected):
            return self._reject("handshake", 403)
        self._telemetry.info("webhook address verified")
        return Reply(200, query.get("hub.challenge", "")[:1024])

    def receive(self, raw: bytes, signature: str) -> Reply:
        """One POST of updates. ``raw``: the body's bytes as Meta sent and signed them."""
        try:
            genuine = self._is_genuine(raw, signature)
        except UnavailableError as error:
            self._telemetry.error("the app secret cannot be read", detail=str(error))
            return Reply(503, "try again")
        if not genuine:
            return self._reject("signature", 401)
        try:
            updates = webhooks.parse(raw)
        except UnreadableError as error:
            # Signed by Meta and unreadable to us: kept by Meta until somebody has looked.
            self._telemetry.error("a webhook with a right signature cannot be read", detail=str(error))
            return self._reject("unreadable", 400)
        done = self._handle(updates)
        return Reply(200) if done else Reply(503, "try again")

    def _is_genuine(self, raw: bytes, signature: str) -> bool:
        """Whether the signature is right by the app secret or, during a rotation, by the one before."""
        if self._matches(raw, signature):
            return True
        if not signature or not self._may_reread():
            return False
        self._secrets.drop()  # the app secret may have been changed since it was read
        return self._matches(raw, signature)

    def _matches(self, raw: bytes, signature: str) -> bool:
        secrets = [self._secrets.get(name) for name in ("app_secret", "app_secret_previous")]
        if not secrets[0]:
            self._telemetry.error("the secret has no app_secret; every webhook is refused")
        right = False
        for secret in secrets:
            # An empty secret would make a signature that anybody can make.
            if secret:
                digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
                right |= _same(signature, f"sha256={digest}")
        return right

    def _may_reread(self) -> bool:
        now = self._clock()
        if now - self._reread_at < REREAD_EVERY:
            return False
        self._reread_at = now
        return True

    def _reject(self, reason: str, status: int) -> Reply:
        self._telemetry.count("WebhookRejected", reason=reason)
        self._telemetry.warning("webhook refused", reason=reason, status=status)
        return Reply(status, "refused")

    # -- what it says ------------------------------------------------------------------------------

    def _handle(self, updates: Sequence[webhooks.Update]) -> bool:
        """Handle every update; False where some have to come again."""
        counts: Counter[str] = Counter()
        statuses: dict[str, list[StatusUpdate]] = defaultdict(list)
        inbound: list[InboundMessage] = []
        probes = False
        tests: list[StatusUpdate] = []
        errors: list[Failure] = []
        others: list[TemplateUpdate | AccountUpdate] = []
        for update in updates:
            match update:
                case StatusUpdate():
                    counts[update.state if update.state in _STATES else "other"] += 1
                    if update.message_id == PROBE_ID:
                        probes = probes or update.state != "failed"
                    elif update.message_id:
                        if update.message_id.startswith(TEST_PREFIX):
                            # It has no row; a producer's message that is called like this has one.
                            tests.append(update)
                        statuses[update.message_id].append(update)
                    else:
                        counts["unknown_message"] += 1
                case InboundMessage():
                    counts["inbound"] += 1
                    inbound.append(update)
                case AccountError():
                    counts["error"] += 1
                    errors.append(update.failure)
                case Ignored():
                    counts[f"ignored_{update.why}"] += 1
                case _:
                    counts["account"] += 1
                    others.append(update)
        steps: list[Callable[[], bool]] = [
            partial(self._mark_seen, bool(statuses), probes),
            partial(self._settle, statuses, counts),
            partial(self._tests, tests),
            partial(self._errors, errors),
            *(partial(self._other, update) for update in others),
        ]
        if inbound and self._inbound:
            steps.append(partial(self._inbound, inbound))
        done = True
        for step in steps:
            # A step that fails must not take the others along; all of them may be repeated.
            try:
                done = step() and done
            except (UnavailableError, ConflictError) as error:
                self._telemetry.error("part of a webhook must come again", detail=str(error))
                done = False
        for state, count in counts.items():
            self._telemetry.count("StatusUpdates", count, status=state)
        self._telemetry.info("webhook done", updates=len(updates), counts=dict(counts), complete=done)
        return done

    def _mark_seen(self, statuses: bool, probes: bool) -> bool:
        """Note that status webhooks reach us: only then does their absence mean something."""
        now = self._clock()
        if probes:
            self._control.put_setting(
                PROBE_SEEN, {"at": now}, actor=ACTOR, reason="status of a test send", now=now
            )
        if statuses and now - self._seen_at >= SEEN_EVERY:
            before = self._control.setting(SEEN).value or {}
            seen = {"first": before.get("first", now), "at": now}
            self._control.put_setting(SEEN, seen, actor=ACTOR, reason="a status webhook came in", now=now)
            self._seen_at = now
        return True

    def _tests(self, updates: Sequence[StatusUpdate]) -> bool:
        """Keep the statuses of an operator's test sends, for the operator who waits for them."""
        if not updates:
            return True
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

    # -- statuses ------------------------------------------------------------------------------------

    def _settle(self, statuses: Mapping[str, Sequence[StatusUpdate]], counts: Counter[str]) -> bool:
        if not statuses:
            return True
        rows = self._ledger.read(statuses)
        counts["unknown_message"] += sum(
            len(updates) for name, updates in statuses.items() if name not in rows
        )
        waiting = [_Work(row, statuses[name], row.status) for name, row in rows.items()]
        settled: list[_Work] = []
        done = True
        for _ in range(ROUNDS):
            changes: list[tuple[_Work, Change]] = []
            for work in waiting:
                row = work.row
                work.was = row.status
                work.outcome = webhooks.settle(Standing(row.status, row.phase, row.wamid), work.updates)
                if work.outcome.effect in (Effect.MOVE, Effect.FAIL):
                    changes.append((work, _change(row, work.outcome)))
                else:
                    settled.append(work)
            waiting = []
            if not changes:
                break
            results = self._ledger.apply([change for _, change in changes], self._clock())
            for (work, change), current in zip(changes, results, strict=True):
                if current is None:
                    work.row = _moved(change)
                    settled.append(work)
                elif current.rev >= 0:
                    work.row = current
                    waiting.append(work)
        if waiting:
            self._telemetry.warning("rows kept changing; Meta sends their updates again", rows=len(waiting))
            done = False
        if any(work.outcome and work.outcome.effect is Effect.LATER for work in settled):
            done = False
        # Carriers first: they are what a person waits for. The rest only counts.
        done = self._carry(settled) and done
        self._report(settled)
        self._count(settled)
        return done

    def _carry(self, settled: Iterable[_Work]) -> bool:
        """Put a carrier on the live queue for each message whose fallback is due."""
        due = [
            work for work in settled if work.outcome and work.outcome.effect in (Effect.FAIL, Effect.CARRY)
        ]
        if not due:
            return True
        carriers = [
            Outgoing(
                work.row.body,
                {
                    "claim": work.row.claim,
                    "turn": work.row.turn,
                    "rounds": 0,
                    "job": "fallback",
                    "cause": work.row.cause,
                },
            )
            for work in due
        ]
        sent = self._queues.send(self._settings.whatsapp_queue_url, carriers)
        for work, ok in zip(due, sent, strict=True):
            self._telemetry.info(
                "Meta reported a failure",
                message_id=work.row.id,
                cause=work.row.cause,
                code=work.row.code,
                carrier=ok,
            )
        return all(sent)

    def _report(self, settled: Iterable[_Work]) -> None:
        """New failures count like those of an answer, in the same window."""
        results = [
            Result(
                work.outcome.failure,
                work.row.template,
                _reported_at(work.updates),
                promotional=work.row.priority == "bulk" or work.row.category == PROMOTION,
            )
            for work in settled
            if work.outcome and work.outcome.effect is Effect.FAIL
        ]
        if results:
            self._detect.reports(results)
            self._count_failures(
                [result.failure for result in results if result.failure],
                [
                    result.template
                    for result in results
                    if result.template and result.failure and result.failure.reach is not Reach.CHANNEL
                ],
            )

    def _count(self, settled: Iterable[_Work]) -> None:
        """Count statuses at the minute of their send, where :meth:`Probe.minute` compares them."""
        minutes: dict[int, Counter[str]] = defaultdict(Counter)
        for work in settled:
            if work.row.attempted_at is None:
                continue
            minute = int(work.row.attempted_at // 60) * 60
            moved = work.outcome is not None and work.outcome.effect in (Effect.MOVE, Effect.FAIL)
            if any(update.state == "sent" for update in work.updates):
                minutes[minute]["sts"] += 1
            if moved and work.was in _BEFORE_DELIVERY and work.row.status is not Status.SENT:
                minutes[minute]["std"] += 1
        for minute, counted in minutes.items():
            self._best_effort(partial(self._control.count, minute, counted))

    def _count_failures(self, failures: Sequence[Failure], templates: Sequence[str] = ()) -> None:
        now = self._clock()
        counted = Counter(f"e|{failure.cause}|{failure.code or '-'}" for failure in failures)
        counted.update(TEMPLATE_FAILED + name for name in templates)
        for cause, count in Counter(str(failure.cause) for failure in failures).items():
            self._telemetry.count("Failures", count, scope=WHATSAPP, cause=cause)
        self._best_effort(partial(self._control.count, int(now // 60) * 60, counted))
        for failure in {failure.cause: failure for failure in failures}.values():
            sample = {"code": failure.code, "details": failure.details[:200], "by": "webhook"}
            self._best_effort(
                partial(
                    self._control.put_setting,
                    f"sample/{failure.cause}",
                    sample,
                    actor=ACTOR,
                    reason="latest failure",
                    now=now,
                )
            )

    def _best_effort(self, write: Callable[[], None]) -> None:
        """Counters are not worth a repetition of the whole POST, which would count the rest twice."""
        try:
            write()
        except UnavailableError as error:
            self._telemetry.warning("counters could not be written", detail=str(error))

    # -- errors, templates, account --------------------------------------------------------------------

    def _errors(self, failures: Sequence[Failure]) -> bool:
        """Errors with no message: nobody's fallback, but they count."""
        if failures:
            self._detect.reports([Result(failure) for failure in failures])
            self._count_failures(failures)
            for failure in failures:
                self._telemetry.warning(
                    "Meta reports an error", cause=str(failure.cause), code=failure.code, why=failure.details
                )
        return True

    def _other(self, update: TemplateUpdate | AccountUpdate) -> bool:
        return self._template(update) if isinstance(update, TemplateUpdate) else self._account(update)

    def _template(self, update: TemplateUpdate) -> bool:
        scope = template_scope(update.name)
        if not is_scope(scope):
            self._telemetry.warning("a template with an unusual name", template=update.name[:64])
            return True
        why = f": {update.reason}" if update.reason else ""
        reason = f"Meta says {update.event} for template {update.name} ({update.language}){why}"
        evidence: dict[str, object] = {
            "event": update.event,
            "language": update.language,
            "reason": update.reason,
            "observed": update.at,
            **({"promotional": True} if update.category == "MARKETING" else {}),
        }
        if update.event in webhooks.BLOCKS:
            return self._detect.trip(
                scope, Cause.TEMPLATE_REJECTED, reason, evidence, observed=_at_the_latest(update.at)
            )
        if update.event in webhooks.ENDS:
            self._panic.change(
                scope,
                lambda flag: resolve(
                    flag,
                    reason=reason,
                    actor=ACTOR,
                    now=self._clock(),
                    observed=update.at,
                    language=update.language,
                    rules=self._settings.panic,
                    evidence=evidence,
                ),
            )
            return True
        self._note(scope, reason, evidence, update.at)
        return True

    def _account(self, update: AccountUpdate) -> bool:
        weight = webhooks.weigh(update)
        evidence = {"field": update.kind, "event": update.event, **update.detail, "observed": update.at}
        reason = f"Meta says {update.event or update.kind} ({_words(update)})"
        if weight is Weight.PANIC:
            return self._detect.trip(
                WHATSAPP, Cause.ACCOUNT, reason, evidence, observed=_at_the_latest(update.at)
            )
        self._note(WHATSAPP, reason, evidence, update.at)
        if update.kind == "phone_number_quality_update":
            now = self._clock()
            self._control.put_setting(
                PHONE_QUALITY, {**evidence, "at": update.at or now}, actor=ACTOR, reason=reason[:200], now=now
            )
        if weight is Weight.WARN:
            try:
                self._notices.tell(
                    audience=("engineering", "meta-support"),
                    subject=f"Lifeline: Meta warns about the WhatsApp account ({update.event})",
                    text=f"{reason}. Messages still go out. Open Meta Business Support before that changes.",
                    scope=WHATSAPP,
                    cause=str(Cause.ACCOUNT),
                    severity="warning",
                    data=evidence,
                )
            except LifelineError as error:
                self._telemetry.error("people were not told", detail=str(error))
                return False
        return True

    def _note(self, scope: str, reason: str, evidence: Mapping[str, object], at: float | None) -> None:
        """Into the history, under a time that a repetition of the same webhook gives again."""
        spread = zlib.crc32(reason.encode()) % 1000 / 1000
        moment = (at if at is not None else self._clock()) + spread
        self._panic.change(
            scope,
            lambda flag: note(
                flag, reason=reason, actor=ACTOR, source="webhook", at=moment, evidence=evidence
            ),
        )


def _same(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )


def _change(row: Row, outcome: Outcome) -> Change:
    values: dict[str, Any] = {"phase": None}
    if outcome.wamid and outcome.wamid != row.wamid:
        values["wamid"] = outcome.wamid
    if outcome.effect is Effect.MOVE:
        return Change(row, outcome.status, values, f"webhook: {outcome.status.lower()}")
    failure = outcome.failure
    values |= {
        "phase": str(Phase.WAITING),
        "turn": row.turn + 1,
        "cause": str(webhooks.cause_of(failure)),
        "code": failure.code if failure else None,
        "due_at": None,
    }
    return Change(row, Status.FAILED, values, f"webhook: {failure.details[:200] if failure else 'failed'}")


def _moved(change: Change) -> Row:
    return replace(change.row, status=change.status, rev=change.row.rev + 1, **dict(change.values))


def _reported_at(updates: Iterable[StatusUpdate]) -> float | None:
    times = [update.at for update in updates if update.failure and update.at is not None]
    return _at_the_latest(max(times)) if times else None


def _at_the_latest(at: float | None) -> float | None:
    """Meta's times are cut to whole seconds: what came in the second in which panic ended may be news."""
    return None if at is None else at + 1


def _words(update: AccountUpdate) -> str:
    return ", ".join(f"{name} {value}" for name, value in update.detail.items())[:300] or update.kind
