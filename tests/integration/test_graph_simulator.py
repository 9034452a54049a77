"""The simulator of Meta's Graph API as a process sees it: over real HTTP, and gone when it is stopped."""

from __future__ import annotations

import socket
import threading
import time

import requests

from local.simulators.graph import GraphSimulator

SEND = {"messaging_product": "whatsapp", "to": "4915112345678", "type": "text", "text": {"body": "Ten."}}


def test_a_stopped_simulator_leaves_no_webhook_under_way() -> None:
    before = set(threading.enumerate())
    simulator = GraphSimulator()
    simulator.start()
    with socket.socket() as nobody:
        # Bound but not listening: whatever is sent there is refused, and tried again for long.
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        simulator.apply_settings({"webhook_url": f"http://127.0.0.1:{port}/webhook"})
        answer = requests.post(
            f"{simulator.url}/v23.0/{simulator.phone_number_id}/messages",
            json=SEND,
            headers={"Authorization": "Bearer EAAlocaltoken0000000000000001"},
            timeout=5,
        )
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + 10
        while not simulator.webhooks.log:
            assert time.monotonic() < deadline, "a webhook is tried"
            time.sleep(0.01)
        assert simulator.webhooks.log[0]["status"] == 0
        simulator.stop()
    couriers = [thread for thread in threading.enumerate() if thread not in before]
    assert [thread.name for thread in couriers if thread.name == "webhooks"] == []


def test_a_dropped_webhook_comes_when_webhooks_are_dropped_no_more() -> None:
    simulator = GraphSimulator()
    simulator.start()
    try:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{nobody.getsockname()[1]}/webhook"
            simulator.apply_settings({"webhook_url": address, "webhook_drop": 1.0})
            answer = requests.post(
                f"{simulator.url}/v23.0/{simulator.phone_number_id}/messages",
                json=SEND,
                headers={"Authorization": "Bearer EAAlocaltoken0000000000000001"},
                timeout=5,
            )
            assert answer.status_code == 200, answer.text
            state = simulator.state()
            assert (state["webhooks_dropped"], state["webhooks_waiting"]) == (2, 0)
            assert simulator.webhooks.log == []
            simulator.apply_settings({"webhook_drop": 0.0})
            assert simulator.state()["webhooks_dropped"] == 0
            deadline = time.monotonic() + 10
            while not simulator.webhooks.log:
                assert time.monotonic() < deadline, "it is tried now"
                time.sleep(0.01)
            assert simulator.webhooks.log[0]["updates"] == 2
    finally:
        simulator.stop()
