"""Fixtures of the tests on the deployed system."""

from __future__ import annotations

import pytest

from tests.support import causes
from tests.support.system import System


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> System:
    """A system with short waits, for the tests of causes, webhooks and alarms."""
    return causes.running(request.config)
