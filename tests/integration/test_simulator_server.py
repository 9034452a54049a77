"""What both simulators share: the API port closes and opens as fast as it is asked to."""

from __future__ import annotations

import requests

from local.simulators.server import Simulator


def test_the_port_that_has_closed_opens_again_at_once() -> None:
    simulator = Simulator().start()
    try:
        faults = f"{simulator.control_url}/_control/faults"
        for _ in range(20):
            requests.post(faults, json={"kind": "unreachable"}, timeout=5).raise_for_status()
            requests.delete(faults, timeout=5).raise_for_status()
    finally:
        simulator.stop()
