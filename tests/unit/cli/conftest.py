"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.support.operator_function import Function, put_in


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    """The operator function that commands ask."""
    return put_in(monkeypatch)
