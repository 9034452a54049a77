"""What is kept of incidents that are over."""

from __future__ import annotations

import json

from lifeline.domain.incident.records import IncidentTold, KeptReport


def test_all_of_it_comes_back() -> None:
    for record in (KeptReport({"messages": {"waiting": 3}}), KeptReport(), IncidentTold("i", 5.25)):
        assert type(record).from_item(json.loads(json.dumps(record.to_item()))) == record


def test_each_has_a_key_of_its_own() -> None:
    assert KeptReport.key("i") != KeptReport.key("j")
    assert IncidentTold.key("whatsapp") != KeptReport.key("whatsapp")
