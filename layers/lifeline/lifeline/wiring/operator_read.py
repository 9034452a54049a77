"""The operator's reading actions alone, for those who may change nothing."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.console.console import Console
from lifeline.use_cases.operate.operate import Operate
from lifeline.wiring import operator
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Operate:
    """The operator's groups, with nobody to prove who asks: what changes something is refused."""
    return operator.build(adapters, None)


@cache
def use_case() -> Console:
    """The worker's."""
    adapters = Adapters("operator_read")
    return operator.console(adapters, build(adapters))
