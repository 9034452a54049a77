"""Signed webhooks: in batches, late, repeated, dropped or out of order as a test asks, and tried again."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import requests

TIMEOUT: Final = 20.0
"""Seconds that a receiver of webhooks has for its answer."""
MOST_TRIES: Final = 12
Told = Callable[[str, dict[str, Any]], None]


class Webhooks:
    """Delivers what is told. ``told``: called with each field and value that is put under way."""

    settings = (
        *("webhook_url", "webhook_host", "webhook_delay", "webhook_duplicates", "webhook_shuffle"),
        *("webhook_read", "webhook_jitter", "webhook_drop", "webhook_at_once"),
    )

    def __init__(self, waba_id: str, app_secret: str, clock: Callable[[], float], told: Told) -> None:
        self._waba_id, self._app_secret, self._clock, self._told = waba_id, app_secret, clock, told
        self.webhook_url = ""
        self.webhook_host = ""
        self.webhook_delay = 0.05
        self.webhook_duplicates = 0.0
        self.webhook_shuffle = False
        self.webhook_read = False
        self.webhook_jitter = 0.0
        self.webhook_drop = 0.0
        self.webhook_at_once = 100
        self.log: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._due: queue.PriorityQueue[tuple[float, int, str, bytes, dict[str, Any]]] = queue.PriorityQueue()
        self._dropped: list[tuple[int, str, bytes]] = []
        self._under_way = 0
        self._chance = random.Random(7)
        self._ended = threading.Event()
        self._courier = threading.Thread(target=self._deliver, name="webhooks", daemon=True)

    def start(self) -> None:
        self._courier.start()

    def stop(self) -> None:
        """When this returns, no webhook is under way any more."""
        self._ended.set()
        if self._courier.is_alive():
            self._courier.join(TIMEOUT + 1)

    def set(self, name: str, value: Any) -> None:
        """One of :attr:`settings`."""
        setattr(self, name, value)

    def state(self) -> dict[str, Any]:
        return {
            "webhook_url": self.webhook_url,
            "webhooks_waiting": self._due.qsize() + self._under_way,
            "webhooks_dropped": len(self._dropped),
        }

    def statuses(
        self,
        recipient: Mapping[str, str],
        wamid: str,
        metadata: Mapping[str, str],
        callback: str | None,
        failed: tuple[int, str, str] | None,
        off: Mapping[str, Any] | None = None,
    ) -> None:
        """Sent, delivered and perhaps read; or failed, with a code, its title and details.

        ``off``: the phone is; what it has comes ``delivered_after`` seconds later, or not at all.
        """
        steps = ["failed"] if failed else ["sent", "delivered", *(["read"] if self.webhook_read else [])]
        late = float(off.get("delivered_after", 0.0)) if off else 0.0
        if off is not None and not late:
            steps = steps[:1]
        if self.webhook_shuffle:
            self._chance.shuffle(steps)
        for index, step in enumerate(steps):
            status: dict[str, Any] = {
                "id": wamid,
                "status": step,
                "timestamp": str(int(self._clock())),
                **recipient,
            }
            if callback:
                status["biz_opaque_callback_data"] = callback
            if failed:
                code, title, details = failed
                data = {"details": details}
                status["errors"] = [{"code": code, "title": title, "message": title, "error_data": data}]
            value = {"messaging_product": "whatsapp", "metadata": dict(metadata), "statuses": [status]}
            copies = 2 if self._chance.random() < self.webhook_duplicates else 1
            for _ in range(copies):
                wait = 0.0 if step in ("sent", "failed") else late
                self.tell("messages", value, delay=wait + self.webhook_delay * (index + 1))

    def tell(self, name: str, value: dict[str, Any], delay: float = 0.0) -> None:
        """Put a change of the field ``name`` under way, due in ``delay`` seconds and some jitter."""
        if not self.webhook_url:
            return
        changes = [{"field": name, "value": value}]
        payload = {
            "object": "whatsapp_business_account",
            "entry": [{"id": self._waba_id, "time": int(self._clock()), "changes": changes}],
        }
        self._told(name, value)
        # ensure_ascii: Meta signs the body with non-ASCII escaped.
        raw = json.dumps(payload).encode()
        with self._lock:
            if self._chance.random() < self.webhook_drop:
                self._dropped.append((next(self._serial), name, raw))
                return
        delay += self._chance.uniform(0.0, self.webhook_jitter)
        self._due.put((time.monotonic() + delay, next(self._serial), name, raw, {"tries": 0}))

    def deliver_dropped(self) -> None:
        """Meta repeats for days what was not taken: once none is dropped any more, those that were come late
        and in another order.
        """
        if self.webhook_drop:
            return
        with self._lock:
            dropped, self._dropped = self._dropped, []
        self._chance.shuffle(dropped)
        for serial, name, raw in dropped:
            self._due.put((time.monotonic(), serial, name, raw, {"tries": 0}))

    def sign(self, raw: bytes) -> str:
        return "sha256=" + hmac.new(self._app_secret.encode(), raw, hashlib.sha256).hexdigest()

    def post(self, raw: bytes, signature: str) -> int:
        """Post a body as it is; the status of the answer, 0 for none."""
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        if self.webhook_host:
            headers["Host"] = self.webhook_host
        try:
            return requests.post(self.webhook_url, data=raw, headers=headers, timeout=TIMEOUT).status_code
        except requests.RequestException:
            return 0

    def _deliver(self) -> None:
        """Deliver what is due in batches; anything but 200 is tried again, more and more rarely."""
        while not self._ended.is_set():
            try:
                due, serial, name, raw, facts = self._due.get(timeout=0.1)
            except queue.Empty:
                continue
            wait = due - time.monotonic()
            if wait > 0:
                # Something earlier may come in meanwhile.
                self._due.put((due, serial, name, raw, facts))
                time.sleep(min(wait, 0.02))
                continue
            self._deliver_batch([(serial, name, raw, facts), *self._others_due()])

    def _others_due(self) -> list[tuple[int, str, bytes, dict[str, Any]]]:
        found: list[tuple[int, str, bytes, dict[str, Any]]] = []
        while len(found) < self.webhook_at_once - 1:
            with contextlib.suppress(queue.Empty):
                item = self._due.get_nowait()
                if item[0] <= time.monotonic():
                    found.append(item[1:])
                    continue
                self._due.put(item)
            break
        return found

    def _deliver_batch(self, batch: list[tuple[int, str, bytes, dict[str, Any]]]) -> None:
        entries = [entry for _, _, raw, _ in batch for entry in json.loads(raw)["entry"]]
        joined = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
        self._under_way = len(batch)
        status = self.post(joined, self.sign(joined))
        self.log.append({"time": time.time(), "updates": len(batch), "status": status})
        if status != 200:
            for serial, name, raw, facts in batch:
                tries = facts["tries"] + 1
                if tries < MOST_TRIES:
                    later = time.monotonic() + min(30.0, 0.2 * 2**tries)
                    self._due.put((later, serial, name, raw, {"tries": tries}))
        self._under_way = 0
