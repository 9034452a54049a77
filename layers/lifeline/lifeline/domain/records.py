"""What is kept by name in the control table: every name is made here, and nowhere else. Pure.

Each stands for one record with who wrote it and when; times in them are epoch seconds.
"""

from __future__ import annotations

from typing import Final

TEMPLATE_MAP: Final = "template_map"
"""The template that is sent instead of another, by the other's name. Operators write it."""
DRAIN_RATE: Final = "drain_rate"
"""An operator's rate of the drain, messages per second."""
DRAIN_STATE: Final = "drain_state"
"""Where the tick's ramp stands."""
PANIC_PLANS: Final = "panic_plans"
"""The plans still to come, soonest first."""
PROBER_TICK: Final = "prober_tick"
"""Its time is that of the prober's last minute."""
WEBHOOK_SEEN: Final = "webhook_seen"
"""When status webhooks were seen: ``first`` and last (``at``)."""
PROBE_SEEN: Final = "probe_status"
"""When a status of a test send of the prober last came in."""
TEST_STATUS: Final = "test_status"
"""The last statuses of operators' test sends, by id, oldest first."""
PHONE_QUALITY: Final = "phone_quality"
"""Meta's last word on the number's quality or throughput."""
USAGE_SEEN: Final = "usage_seen"
"""The usage headers of a send, and when they came (``at``)."""
KEEPER_RECORD: Final = "token_keeper"
"""What the token keeper's last look found."""
KEEPER_INCIDENT: Final = "token_incident"
"""The last incident for which a refresh was tried."""
SAMPLES: Final = "sample/"
"""The names of samples begin so."""


def sample(cause: str) -> str:
    """The latest failure of a cause."""
    return SAMPLES + cause


def incident_report(incident_id: str) -> str:
    """The report of an incident as it was told."""
    return f"incident/report/{incident_id}"


def incident_told(scope: str) -> str:
    """Which incident of a scope was told last, and at which end of panic."""
    return f"incident/told/{scope}"
