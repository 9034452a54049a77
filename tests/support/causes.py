"""One running system for the tests of causes: real template, real cadence, short waits."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.build import SAM
from local.stack import LocalStack
from tests.support.openapi import OPENAPI
from tests.support.system import System

SETTINGS: dict[str, Any] = {
    "panic": {
        "successes_to_end": 2,
        "probe_seconds": 5,
        "rate_limit_seconds": 8,
        "spam_limit_seconds": 8,
        "settle_seconds": 20,
        "flap_base_seconds": 5,
        "manual_seconds": 0,
    },
    "detection": {"silent_after_seconds": 30, "silent_minimum": 5},
    "retry": {"base": 0.5, "cap": 5},
    "sending": {"grace": 15},
    "fallback": {"steps": {"critical": ["push", "sms", "email", "park"]}},
    "sms": {"price": 0.1, "ceiling": 0.3},
}
"""Two successes, five seconds apart, end panic here; three in a row, 15 seconds apart, are the default: the
domain's tests show them, and the demo runs with them.
"""


@functools.cache
def _running(add_cleanup: Callable[[Callable[[], None]], None]) -> System:
    # One name per worker of the test run: a test that kills processes finds its own by the name.
    name = f"lifeline-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}"
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    openapi = OPENAPI if OPENAPI.exists() else None
    stack = LocalStack(folder, name=name, settings=SETTINGS, quiet=True, openapi=openapi)
    add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    add_cleanup(stack.stop)
    system = System(stack.start())
    # The first messages wait for workers to start: not part of any test.
    prefix = system.fresh()
    system.produce(system.person(f"{prefix}-first"))
    system.wait_for([f"{prefix}-first"], "DELIVERED", within=60)
    return system


def running(config: pytest.Config) -> System:
    """The system; started by the first test that asks, ended with the test run."""
    if not SAM.exists():
        pytest.skip(f"{SAM} is missing; make setup installs it")
    return _running(config.add_cleanup)
