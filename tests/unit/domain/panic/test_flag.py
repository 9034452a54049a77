"""Panic mode by example: each way in, each way out, and what must not happen."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.flag import By, Flag, Kind, Rules, State, note

from tests.support.flags import SCOPE, T0, tripped


def test_a_normal_scope_has_nothing_stored() -> None:
    flag = Flag.normal(SCOPE)
    assert (flag.state, flag.version, flag.incident_id, flag.blocks_sending) == (State.NORMAL, 0, "", False)


def test_every_channel_cause_has_a_strength() -> None:
    channel = {Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.AUTH, Cause.ACCOUNT, Cause.UNREACHABLE, Cause.SILENT}
    assert all(cause.traits.strength for cause in channel)
    assert Cause.ACCOUNT.traits.strength > Cause.AUTH.traits.strength > Cause.UNREACHABLE.traits.strength


def test_a_note_changes_no_flag() -> None:
    flag = tripped().flag
    change = note(flag, By("w", "webhook", "quality fell", T0 + 1), evidence={})
    assert change.flag == flag
    assert (change.event.kind, change.event.incident_id) == (Kind.NOTED, "inc-1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"successes_to_end": 0},
        {"settle_seconds": -1},
        {"flap_base_seconds": 1000.0},
        {"flap_max_seconds": 1e9},
        {"rearm_seconds": -1},
        {"max_regain_seconds": float("nan")},
    ],
)
def test_rules_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)
