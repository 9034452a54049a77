"""What a person with several devices is owed: each is told, a dead one harms no other, none is told anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifeline.contract.ways import several

from tests.chaos.fuzz.escalation import Violation


@dataclass(slots=True)
class Pushed:
    """One call to the push service. ``answered``: it was taken, and the worker heard so."""

    message: str
    device: str
    act: int
    answered: bool = False


def check_devices(name: str, body: Mapping[str, Any], pushes: Sequence[Pushed], *, all_of_them: bool) -> None:
    """Raises :class:`Violation`. Not for runs in which a worker died or a write was lost: there an act may be
    repeated, as nobody has a record of what it came to.

    ``pushes``: of this message. ``all_of_them``: it was told by push, and there was time for each device.
    """
    devices = several(body["recipient"].get("push_endpoint"))
    left_out = set(devices) - {item.device for item in pushes}
    if all_of_them and left_out:
        raise Violation(f"left out: {name} was told by push, and not on {', '.join(sorted(left_out))}")
    for item in pushes:
        again = [other.act for other in pushes if other.device == item.device and other.act > item.act]
        if item.answered and again:
            raise Violation(f"again: {item.device} took {name} in act {item.act}, and again in {again}")
