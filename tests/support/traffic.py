"""Messages that tests of the deployed system put in."""

from __future__ import annotations

from typing import Any

from tests.support.system import System


def many(system: System, prefix: str, count: int, **more: Any) -> list[str]:
    """Messages to different people with the app; returns their ids."""
    ids = [f"{prefix}-{index}" for index in range(count)]
    endpoint = system.push_endpoint()
    system.produce(
        *(
            system.person(name, to=f"+49151123{45000 + index}", recipient={"push_endpoint": endpoint}, **more)
            for index, name in enumerate(ids)
        )
    )
    return ids


def works_again(system: System, prefix: str) -> None:
    """A message sent now goes out by WhatsApp."""
    name = f"{prefix}-after"
    system.produce(system.person(name, to="+4915112300001"))
    system.wait_for([name], "DELIVERED")
