"""Who sends an SMS: the service that the deployment chose, within what an hour may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifeline.adapters.outcomes import IN_FLIGHT
from lifeline.adapters.sms import EndUserMessaging, Sms, SnsText, TextCarrier
from lifeline.contract.ways import SMS
from lifeline.use_cases.deliver.may_spend import MaySpend

if TYPE_CHECKING:
    from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters, client: Callable[[str, int, int], Any]) -> Sms:
    """``client``: makes one of AWS by service, connections and attempts: one, as for pushes and mails."""
    settings = adapters.settings
    carrier: TextCarrier | None = None
    if settings.sms_service == "sns":
        carrier = SnsText(client("sns", IN_FLIGHT, 1))
    elif settings.sms_service:
        messaging = client("pinpoint-sms-voice-v2", IN_FLIGHT, 1)
        carrier = EndUserMessaging(messaging, settings.sms_origination, settings.sms_configuration_set)
    may_spend = MaySpend(
        way=SMS,
        prices=settings.sms,
        control=adapters.control,
        notices=adapters.notices,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
    return Sms(carrier, may_spend, settings.sms.most_parts)
