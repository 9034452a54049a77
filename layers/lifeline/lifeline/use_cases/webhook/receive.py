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
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from lifeline.adapters.secrets import Secrets
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound import webhooks
from lifeline.domain.inbound.ours import ours
from lifeline.domain.inbound.webhooks import (
    AccountError,
    AccountUpdate,
    Foreign,
    Ignored,
    InboundMessage,
    Preference,
    StatusUpdate,
    TemplateUpdate,
    UnreadableError,
)
from lifeline.domain.panic.probing import PROBE_ID, TEST_PREFIX
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.foreign import ForeignSeen
from lifeline.use_cases.webhook.preferences import Preferences
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.tests_and_probes import TestsAndProbes

LARGEST: Final = 3 * 1024 * 1024
"""Bytes of one POST: Meta sends up to 3 MB (Meta, "Webhooks: payload size")."""
_SIGNATURE: Final = re.compile("sha256=[0-9a-f]{64}")
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
    preferences: list[Preference] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)
    others: list[TemplateUpdate | AccountUpdate] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)


class Webhook:
    """The webhook's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        settings: Settings,
        secrets: Secrets,
        clock: Callable[[], float],
        telemetry: Telemetry,
        failures: Failures,
        statuses: Statuses,
        accounts: Accounts,
        tests: TestsAndProbes,
        foreign: ForeignSeen,
        preferences: Preferences,
        inbound: Callable[[Sequence[InboundMessage]], bool],
    ) -> None:
        """``inbound``: takes what people wrote to us; False where that must be tried again."""
        self._secrets = secrets
        self._ours = ours(settings.waba_id, settings.phone_number_id, settings.webhook)
        self._clock = clock
        self._telemetry = telemetry
        self._inbound = inbound
        self._failures = failures
        self._statuses = statuses
        self._accounts = accounts
        self._tests = tests
        self._foreign = foreign
        self._preferences = preferences
        self._reread_at = float("-inf")

    # -- who is there ------------------------------------------------------------------------------

    def handshake(self, query: Mapping[str, str]) -> Reply:
        """Meta's check of our address: the challenge comes back for the right verify token only."""
        given = query.get("hub.verify_token", "")
        if query.get("hub.mode") != "subscribe" or not given:
            return self._reject("handshake", 403)
        try:
            expected = self._secrets.get("verify_token")
            if not _same(given, expected) and self._may_reread():
                self._secrets.drop()
                expected = self._secrets.get("verify_token")
        except UnavailableError as error:
            self._telemetry.error("the verify token cannot be read", detail=str(error))
            return Reply(503, "try again")
        if not _same(given, expected):
            return self._reject("handshake", 403)
        self._telemetry.info("webhook address verified")
        return Reply(200, query.get("hub.challenge", "")[:1024])

    def receive(self, raw: bytes, signature: str) -> Reply:
        """One POST of updates. ``raw``: the body's bytes as Meta sent and signed them.

        What cannot be Meta's ends before anything is read or computed: no secret, no digest.
        """
        if len(raw) > LARGEST:
            return self._reject("size", 413)
        if not _SIGNATURE.fullmatch(signature):
            return self._reject("unsigned", 401)
        try:
            genuine = self._is_genuine(raw, signature)
        except UnavailableError as error:
            self._telemetry.error("the app secret cannot be read", detail=str(error))
            return Reply(503, "try again")
        if not genuine:
            return self._reject("signature", 401)
        try:
            updates = webhooks.parse(raw, self._ours)
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
        if not self._may_reread():
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
        sorted_updates = _sort(updates)
        steps: list[tuple[str, Callable[[], bool]]] = []
        if sorted_updates.probes:
            steps.append(("probe", self._tests.probe))
        if (
            sorted_updates.preferences
        ):  # before statuses: what is sent instead of a refused send asks for them
            steps.append(("preference", partial(self._preferences, sorted_updates.preferences)))
        if sorted_updates.statuses:
            steps.append(("seen", self._tests.seen))
            steps.append(("status", partial(self._statuses, sorted_updates.statuses, sorted_updates.counts)))
        if sorted_updates.tests:
            steps.append(("test", partial(self._tests.tests, sorted_updates.tests)))
        if sorted_updates.errors:
            steps.append(("error", partial(self._failures.errors, sorted_updates.errors)))
        for update in sorted_updates.others:
            part = "template" if isinstance(update, TemplateUpdate) else "account"
            steps.append((part, partial(self._accounts, update)))
        if sorted_updates.inbound:
            steps.append(("inbound", partial(self._inbound, sorted_updates.inbound)))
        if sorted_updates.foreign:
            steps.append(("foreign", partial(self._foreign, sorted_updates.foreign)))
        # Each on its own: one that fails must not take the others along.
        handled = [self._step(part, step) for part, step in steps]
        done = all(handled)
        for state, count in sorted_updates.counts.items():
            self._telemetry.count("StatusUpdates", count, status=state)
        self._telemetry.info(
            "webhook done", updates=len(updates), counts=dict(sorted_updates.counts), complete=done
        )
        return done

    def _step(self, part: str, step: Callable[[], bool]) -> bool:
        try:
            return step()
        except (UnavailableError, ConflictError) as error:
            self._telemetry.error("part of a webhook must come again", part=part, detail=str(error))
            return False
        except Exception:  # it would fail the next time as well
            self._telemetry.exception("part of a webhook cannot be handled", part=part)
            self._telemetry.count("WebhookFaults", scope=WHATSAPP)
            return True


def _sort(updates: Sequence[webhooks.Update]) -> _Sorted:
    sorted_updates = _Sorted()
    for update in updates:
        match update:
            case StatusUpdate():
                sorted_updates.counts[update.state if update.state in _STATES else "other"] += 1
                if update.message_id == PROBE_ID:
                    sorted_updates.probes = sorted_updates.probes or update.state != "failed"
                elif update.message_id:
                    if update.message_id.startswith(TEST_PREFIX):
                        # It has no row; a producer's message that is called like this has one.
                        sorted_updates.tests.append(update)
                    sorted_updates.statuses[update.message_id].append(update)
                else:
                    sorted_updates.counts["unknown_message"] += 1
            case InboundMessage():
                sorted_updates.counts["inbound"] += 1
                sorted_updates.inbound.append(update)
            case Preference():
                sorted_updates.counts["preference"] += 1
                sorted_updates.preferences.append(update)
            case AccountError():
                sorted_updates.counts["error"] += 1
                sorted_updates.errors.append(update.failure)
            case Foreign():
                sorted_updates.counts["foreign"] += 1
                sorted_updates.foreign.append(update)
            case Ignored():
                sorted_updates.counts[f"ignored_{update.why}"] += 1
            case _:
                sorted_updates.counts["account"] += 1
                sorted_updates.others.append(update)
    return sorted_updates


def _same(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
