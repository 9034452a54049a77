"""Rules for all tests: what is pure stays off the network, and sees nothing of the caller's AWS settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

# A loaded machine stops a process for longer than any deadline of a single example.
settings.register_profile("lifeline", deadline=None)
settings.load_profile("lifeline")

TESTS = Path(__file__).parent
PURE = TESTS / "unit"
FIRST = (
    "e2e/test_chaos.py",
    "e2e/test_never_lost.py",
    "e2e/test_causes.py",
    # A worker with few tests left is given a second file at once: this one keeps no other worker waiting.
    "repo/test_tree.py",
    "e2e/test_incident.py",
    "e2e/test_token.py",
    "e2e/test_runbook.py",
    "e2e/test_schedule.py",
    "e2e/test_upgrade.py",
    "e2e/test_silence.py",
    "e2e/test_detect.py",
    "e2e/test_pace.py",
    "e2e",
    "integration",
    "chaos",
    "unit/use_cases/tick/test_lanes.py",
)
"""Files and folders whose tests begin first, the longest before the others: what begins last sets the end of
a run by several workers, and most of what takes long is waiting."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of :data:`FIRST`; all else stays as it was found."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS)
        found = (n for n, name in enumerate(FIRST) if Path(name) in (path, *path.parents))
        return next(found, len(FIRST))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _off_the_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests in ``tests/unit`` may open no socket; only those of the operating system's own pairs are left."""
    if not request.path.is_relative_to(PURE):
        yield
        return
    for name in list(os.environ):
        if name.startswith(("AWS_", "LIFELINE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")  # of the terminal that the command line prints for
    disable_socket(allow_unix_socket=True)
    try:
        yield
    finally:
        enable_socket()
