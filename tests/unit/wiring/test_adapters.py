"""Adapters are made once, and tests may give their own by name."""

from __future__ import annotations

import pytest
from lifeline.settings import Settings
from lifeline.wiring.adapters import Adapters

from tests.support.memory import Clock, MemoryControl, MemoryNotices, MemoryQueues, Recorder


def test_what_is_given_stands_in_everywhere() -> None:
    clock, control, queues = Clock(), MemoryControl(), MemoryQueues()
    adapters = Adapters(
        "alarm",
        {
            "settings": Settings(wake_queue_url="queue/wake"),
            "clock": clock,
            "control": control,
            "queues": queues,
            "notices": MemoryNotices(),
            "telemetry": Recorder(),
            "new_id": lambda: "0123456789abcdef",
        },
    )
    assert adapters.short_id() == "0123456789ab"
    assert adapters.panic is adapters.panic
    assert adapters.panic.new_incident_id().endswith("-012345")
    assert not adapters.voice_in_panic()


def test_a_name_that_the_wiring_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="no leger"):
        Adapters("alarm", {"leger": None})
