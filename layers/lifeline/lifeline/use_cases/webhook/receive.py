"""Take Meta's webhooks: prove that they are Meta's, and hand each kind of update to whoever knows about it.

**Nothing is lost without a store of our own.** Meta keeps a webhook that is not answered with 200 and sends
it again, at once and then less and less often, for days (Meta, "Webhooks: delivery"). So what cannot be
handled now (DynamoDB or SQS does not answer, a row keeps changing) makes the whole POST answer 503, after
everything else in it was handled. The repetition is harmless: what is known already changes nothing. An error
of our own is not asked for again, because it would come again: it is logged and counted.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from lifeline.adapters.control import Control
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.notices import Notices
from lifeline.adapters.secrets import Secrets
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound import webhooks
from lifeline.domain.inbound.webhooks import (
    AccountError,
    AccountUpdate,
    Ignored,
    InboundMessage,
    StatusUpdate,
    TemplateUpdate,
    UnreadableError,
)
from lifeline.domain.panic.probing import PROBE_ID, TEST_PREFIX
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.fold_reports import FoldReports
from lifeline.use_cases.panic.detect import Detect
from lifeline.use_cases.panic.panic_mode import PanicMode
from lifeline.use_cases.wake import Wake
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.tests_and_probes import TestsAndProbes

REREAD_EVERY: Final = 30.0
"""Seconds between two reads of the secret because of a wrong signature: strangers drive no calls."""

_STATES: Final = frozenset({"sent", "delivered", "read", "played", "failed"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP answer. ``body`` is plain text."""

    status: int
    body: str = ""


@dataclass(slots=True)
class _Sorted:
    """The updates of one POST, by who takes them."""

    counts: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, list[StatusUpdate]] = field(default_factory=lambda: defaultdict(list))
    tests: list[StatusUpdate] = field(default_factory=list)
    probes: bool = False
    inbound: list[InboundMessage] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)
    others: list[TemplateUpdate | AccountUpdate] = field(default_factory=list)


class Webhook:
    """The webhook's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        settings: Settings,
        secrets: Secrets,
        ledger: Ledger,
        control: Control,
        wake: Wake,
        panic: PanicMode,
        detect: Detect,
        notices: Notices,
        clock: Callable[[], float],
        chance: Callable[[], float],
        telemetry: Telemetry,
        inbound: Callable[[Sequence[InboundMessage]], bool] | None = None,
    ) -> None:
        """``chance``: draws from [0, 1), for full jitter. ``inbound``: takes what people wrote to us; False
        where that must be tried again.
        """
        self._secrets = secrets
        self._clock = clock
        self._telemetry = telemetry
        self._inbound = inbound
        self._failures = Failures(control=control, detect=detect, clock=clock, telemetry=telemetry)
        self._statuses = Statuses(
            settings=settings,
            fold=FoldReports(
                ledger=ledger, wake=wake, control=control, clock=clock, telemetry=telemetry, part="status"
            ),
            control=control,
            panic=panic,
            failures=self._failures,
            clock=clock,
            chance=chance,
            telemetry=telemetry,
        )
        self._accounts = Accounts(
            settings=settings,
            control=control,
            panic=panic,
            notices=notices,
            detect=detect,
            clock=clock,
            telemetry=telemetry,
        )
        self._tests = TestsAndProbes(control=control, clock=clock)
        self._reread_at = float("-inf")

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
        found = _sort(updates)
        steps: list[tuple[str, Callable[[], bool]]] = []
        if found.probes:
            steps.append(("probe", self._tests.probe))
        if found.statuses:
            steps.append(("seen", self._tests.seen))
            steps.append(("status", partial(self._statuses, found.statuses, found.counts)))
        if found.tests:
            steps.append(("test", partial(self._tests.tests, found.tests)))
        if found.errors:
            steps.append(("error", partial(self._failures.errors, found.errors)))
        for update in found.others:
            part = "template" if isinstance(update, TemplateUpdate) else "account"
            steps.append((part, partial(self._accounts, update)))
        if found.inbound and self._inbound:
            steps.append(("inbound", partial(self._inbound, found.inbound)))
        # Each on its own: one that fails must not take the others along.
        handled = [self._step(part, step) for part, step in steps]
        done = all(handled)
        for state, count in found.counts.items():
            self._telemetry.count("StatusUpdates", count, status=state)
        self._telemetry.info("webhook done", updates=len(updates), counts=dict(found.counts), complete=done)
        return done

    def _step(self, part: str, step: Callable[[], bool]) -> bool:
        try:
            return step()
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("part of a webhook must come again", part=part, detail=str(error))
            return False
        except Exception:  # it would fail the next time as well
            self._telemetry.exception("part of a webhook cannot be handled", part=part)
            self._telemetry.count("WebhookFaults", part=part)
            return True


def _sort(updates: Sequence[webhooks.Update]) -> _Sorted:
    found = _Sorted()
    for update in updates:
        match update:
            case StatusUpdate():
                found.counts[update.state if update.state in _STATES else "other"] += 1
                if update.message_id == PROBE_ID:
                    found.probes = found.probes or update.state != "failed"
                elif update.message_id:
                    if update.message_id.startswith(TEST_PREFIX):
                        # It has no row; a producer's message that is called like this has one.
                        found.tests.append(update)
                    found.statuses[update.message_id].append(update)
                else:
                    found.counts["unknown_message"] += 1
            case InboundMessage():
                found.counts["inbound"] += 1
                found.inbound.append(update)
            case AccountError():
                found.counts["error"] += 1
                found.errors.append(update.failure)
            case Ignored():
                found.counts[f"ignored_{update.why}"] += 1
            case _:
                found.counts["account"] += 1
                found.others.append(update)
    return found


def _same(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
