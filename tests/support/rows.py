"""Rows and situations for tests of the domain: what is not named is ordinary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.outcome import Retries
from lifeline.domain.message.row import WHATSAPP, Doubt, Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import Situation

NOW = 1_790_000_000.0


def row(**values: Any) -> Row:
    """A row that waits on the timer lane and is due now."""
    ordinary = Row(
        id="m-1",
        status=Status.CLAIMED,
        rev=1,
        phase=Phase.WAITING,
        lane=Lane.TIMER,
        due=NOW,
        template="reminder",
        type="template",
    )
    return replace(ordinary, **values)


def fresh(**values: Any) -> Row:
    """A message that nobody has claimed yet."""
    return replace(Row(id="m-1", type="text"), **values)


def sending(act: int = 1, at: float = NOW, **values: Any) -> Row:
    """A row whose send is claimed."""
    claimed = row(phase=Phase.SENDING, act=act, way=WHATSAPP, attempt=1, attempted_at=at, due=at + 60.0)
    return replace(claimed, **values)


def falling(way: str, act: int = 2, at: float = NOW, **values: Any) -> Row:
    """A row of which one way of the fallback is claimed."""
    claimed = row(phase=Phase.FALLING_BACK, act=act, way=way, attempted_at=at, due=at + 60.0)
    return replace(claimed, **values)


def doubt(act: int = 1, way: str = WHATSAPP, at: float = NOW) -> Doubt:
    """An open doubt."""
    return Doubt(act, way, at)


def situation(**values: Any) -> Situation:
    """Nothing stands against a send."""
    ordinary = Situation(
        now=NOW, channel_blocked=False, template_blocked=False, valid_phone=True, grace=60.0, lease=60.0
    )
    return replace(ordinary, **values)


def retries(**values: Any) -> Retries:
    """Four attempts, outside panic."""
    ordinary = Retries(
        now=NOW,
        attempts=4,
        base=2.0,
        cap=60.0,
        grace=60.0,
        chance=0.5,
        blocked=False,
        channel_blocked=False,
    )
    return replace(ordinary, **values)


def failure(cause: Cause, reach: Reach, **values: Any) -> Failure:
    """A failed send."""
    ordinary = Failure(
        cause=cause,
        reach=reach,
        code=1,
        subcode=None,
        details="told by the test",
        http_status=500,
        may_have_left=False,
        retry_after=None,
        fbtrace_id=None,
        known=True,
        note="",
    )
    return replace(ordinary, **values)
