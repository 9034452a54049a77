"""The front door: prove that a POST is Meta's, put it on the queue, answer. What it says is work for
:mod:`lifeline.use_cases.webhook.bodies`.

**Nothing is answered with 200 that is not on the queue.** Meta keeps a webhook that is not answered with 200
and sends it again, at once and then less and less often, for days (Meta, "Webhooks: delivery"). So where SQS
does not take all of a POST, the answer is 503 and Meta brings the whole of it again; what was queued already
is then worked on twice, which changes nothing. The front knows the app's secrets and may write on one queue:
who breaks in here reads no message and sends none.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.secrets import Secrets
from lifeline.domain.inbound.parts import TooLargeError, parts
from lifeline.domain.inbound.webhooks import UnreadableError
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

LARGEST: Final = 3 * 1024 * 1024
"""Bytes of one POST: Meta sends up to 3 MB (Meta, "Webhooks: payload size")."""
_SIGNATURE: Final = re.compile("sha256=[0-9a-f]{64}")
REREAD_EVERY: Final = 30.0
"""Seconds between two reads of the secret because of a wrong signature: strangers drive no calls."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP answer. ``body`` is plain text."""

    status: int
    body: str = ""


class Front:
    """The use case of the webhook's address. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        secrets: Secrets,
        queues: Queues,
        queue_url: str,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``queue_url``: where the bodies of genuine POSTs go."""
        self._secrets = secrets
        self._queues = queues
        self._queue_url = queue_url
        self._clock = clock
        self._telemetry = telemetry
        self._reread_at = float("-inf")

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
        """One POST of updates: 200 once all of it is on the queue. ``raw``: the body's bytes as Meta sent and
        signed them.

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
            bodies = parts(raw)
        except UnreadableError as error:
            # Signed by Meta and unreadable to us: kept by Meta until somebody has looked.
            self._telemetry.error("a correctly signed webhook cannot be parsed", detail=str(error))
            return self._reject("unreadable", 400)
        except TooLargeError as error:
            self._telemetry.error("an update of a webhook fits on no queue", detail=str(error))
            return self._reject("size", 413)
        return Reply(200) if self._queued(bodies) else Reply(503, "try again")

    def _queued(self, bodies: Sequence[str]) -> bool:
        """Whether SQS has taken all of them."""
        queued = self._queues.send(self._queue_url, [Outgoing(body) for body in bodies])
        missing = queued.count(False)
        if missing:
            self._telemetry.error("failed to queue a webhook", parts=len(queued), missing=missing)
        return not missing

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
            self._telemetry.error("the secret has no app_secret; Lifeline rejects every webhook")
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


def _same(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation matches nothing."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
