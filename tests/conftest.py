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

PURE = Path(__file__).parent / "unit"


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
