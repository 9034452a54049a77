"""Webhooks of other accounts and numbers: they change nothing; once a day somebody is told that they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lifeline.adapters.control import Control
from lifeline.adapters.notices import Notices
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.inbound.records import ForeignTold
from lifeline.domain.inbound.webhooks import Foreign
from lifeline.errors import ConflictError, LifelineError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.webhook.tests_and_probes import ACTOR

DAY: Final = 86_400


class ForeignSeen:
    """One instance per worker. Nothing here makes a body come again: it concerns us no further."""

    def __init__(
        self, *, control: Control, notices: Notices, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._control = control
        self._notices = notices
        self._clock = clock
        self._telemetry = telemetry
        self._day = -1

    def __call__(self, changes: Sequence[Foreign]) -> bool:
        """Tell of the first change of the day (UTC) of all workers. Always True: see above."""
        now = self._clock()
        if int(now // DAY) != self._day:
            self._tell_once(changes[0], now)
        return True

    def _tell_once(self, change: Foreign, now: float) -> None:
        day = int(now // DAY)
        try:
            stored = self._control.kept(ForeignTold)
            self._day = day
            if stored.value.at is not None and int(stored.value.at // DAY) >= day:
                return
            self._tell(change, now, stored.version)
        except ConflictError:
            return  # another worker was faster, and tells
        except LifelineError as error:
            self._telemetry.warning(
                "failed to publish the notification of foreign webhooks", detail=str(error)
            )

    def _tell(self, change: Foreign, now: float, read_version: int) -> None:
        seen = {
            "field": change.field[:64],
            "waba_id": change.waba_id[:64],
            "phone_number_id": change.phone_number_id[:64],
        }
        self._control.keep(
            ForeignTold(now, **seen),
            actor=ACTOR,
            reason="received a webhook of another account or number",
            now=now,
            read_version=read_version,
        )
        self._telemetry.warning("received webhooks of another account or number; they change nothing", **seen)
        named = f"account {seen['waba_id'] or 'without an id'}"
        if seen["phone_number_id"]:
            named += f", number {seen['phone_number_id']}"
        self._notices.tell(
            audience=("engineering",),
            subject="Lifeline receives webhooks of another WhatsApp account or number",
            text=f"Meta posts webhooks ({seen['field']}) of {named} to this system. They are counted "
            "(metric StatusUpdates, status foreign) and change nothing. If the number is yours, list it in "
            "the setting webhook.numbers; if it is not, remove this app's subscription from that account. "
            "This notification comes once a day.",
            scope=WHATSAPP,
            cause="foreign_webhook",
            severity="info",
            data={"event": "foreign_webhook", **seen},
            run="lifeline whatsapp test",
            section="Webhooks",
        )
