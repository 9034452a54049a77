"""What a report says of an act: :func:`prove`, :func:`reported_failure`, :func:`way_rejected`. Pure.

Reports come from Meta's status webhooks, from SES's events, and from a worker whose own record came too late.
They come in any order, more than once. Each names its act (a send carries ``ID#ACT``, see :func:`tag`), so a
report of an act that was in doubt is told from one of the act that followed.

The same reports end in the same status, doubts and duplicates, whatever their order and number, but for this:

- Between ways the first proof stands: a row that another way settled stays at that way, and what WhatsApp
  delivers beside it is a duplicate.
- Once a device has the message (or another way was taken), an act that Meta took stays a proven duplicate
  although Meta reports its failure afterwards: the row does not say of each act how far it came, and counting
  one too many is the safe side. Likewise a held message stays ``SENT`` where another act was reported as sent
  before that act failed.
- A parked message stays parked when its doubted send is reported as failed, but is tried anew when that send
  was first reported as sent.
- A mail that SES rejects after it said that it sent it stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lifeline.contract.ways import WAYS_BY_STATUS
from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.outcome import Retries
from lifeline.domain.message.row import (
    WHATSAPP,
    Lane,
    Phase,
    Row,
    at_meta,
    collapsed,
    doubted,
    off_agenda,
    waiting,
)
from lifeline.domain.message.status import RANK, Status, can_move
from lifeline.domain.message.telling import at_home
from lifeline.domain.message.ways import given_up, tried
from lifeline.domain.pace.pace import backoff, pair_wait
from lifeline.domain.voice.speech import NO_SUCH_RECORDING

SEPARATOR: Final = "#"
_SEEN: Final = frozenset({Status.DELIVERED, Status.READ})
"""Reports that prove an act although it had been settled as failed: the device has the message."""
_ACCEPTED: Final = frozenset({Status.HELD, Status.SENT})
"""Meta has the message, no device has it yet: Meta may still report that it failed."""


def tag(message_id: str, act: int) -> str:
    """What a send carries in ``biz_opaque_callback_data``; Meta echoes it in each status of it."""
    return f"{message_id}{SEPARATOR}{act}"


def read_tag(text: str) -> tuple[str, int | None]:
    """Message id and act of a :func:`tag`; the act is ``None`` for a send that carried none."""
    message_id, separator, act = text.rpartition(SEPARATOR)
    if separator and act.isascii() and act.isdigit() and len(act) < 9:
        return message_id, int(act)
    return text, None


def named(row: Row, act: int | None, wamid: str) -> tuple[Row, int]:
    """The send that a status of Meta's speaks of, 0 for none: by its tag, else by ``wamid`` or as the row's
    only act. A push or a mail is none: a status cannot finish what was never sent.
    """
    named_row, named_act = _named(row, act, wamid)
    return named_row, 0 if named_act in row.aside else named_act


def _named(row: Row, act: int | None, wamid: str) -> tuple[Row, int]:
    """As :func:`named`, whatever way the act took.

    A row without acts is one of version 1; its send becomes act 1.
    """
    if act is not None:
        return row, act
    same = bool(wamid) and wamid == row.wamid
    if row.act == 0:
        if not same:
            return row, 0
        return replace(row, act=1, way=WHATSAPP, via=1 if row.reached and row.status in RANK else 0), 1
    if row.act == 1 and (same or row.wamid is None or not wamid):
        return row, 1
    if not same:
        return row, 0
    if row.reached and row.status in RANK:
        return row, row.via
    return row, row.act if row.way == WHATSAPP else 0


def prove(row: Row, act: int, status: Status, wamid: str | None = None) -> Row:
    """The row once it is known that act ``act`` reached its service; ``status`` says how far.

    The same row where nothing is new. An act in flight that is not the proven one becomes a doubt: its worker
    settles it, or a report does.
    """
    if act < 1 or act > row.act:
        return row  # a status cannot finish what was never sent
    if row.escalated:
        return _beside(row, act, status)
    if act == row.via and not row.reached:
        return row  # known already; the policy takes further ways, or WhatsApp as well
    in_doubt = any(doubt.act == act for doubt in row.doubts)
    own = row.in_flight and act == row.act
    known = row.reached and (act == row.via or act in row.duplicates)
    if not (in_doubt or own or known or status in _SEEN):
        return row  # settled as failed before; only the device's own word overrules that
    way = WAYS_BY_STATUS.get(status)
    shown_once = way.name if way is not None and way.collapses else None
    freed = collapsed(disprove(row, act), shown_once)
    if row.reached:
        if known or (shown_once and row.status is status):
            return _raised(freed, act, status, wamid)
        doubled = replace(freed, duplicates=tuple(sorted((*row.duplicates, act))))
        if way is not None:
            return off_agenda(doubled, doubled.status)  # a fallback has told already: no escalation
        return _raised(doubled, act, status, wamid)
    if row.in_flight and not own and not (shown_once and row.way == shown_once):
        freed = doubted(freed)
    if not can_move(row.status, status):
        status = Status.SENT  # what was given up is no longer "held", but Meta has it
    # What was given up stays so: nobody waits for it any more.
    done = at_meta(freed, status) if row.open and status in _ACCEPTED else off_agenda(freed, status)
    return replace(done, via=act, wamid=wamid or row.wamid)


def _beside(row: Row, act: int, status: Status) -> Row:
    """As :func:`prove`, of a row whose escalation has begun: by WhatsApp and by one way is as it is meant."""
    known = act in (row.escalated, row.otherwise, *row.duplicates)
    in_doubt = any(doubt.act == act for doubt in row.doubts)
    own = row.in_flight and act == row.act
    if not (known or in_doubt or own or status in _SEEN):
        return row
    way = WAYS_BY_STATUS.get(status)
    shown_once = way.name if way is not None and way.collapses else None
    freed = collapsed(disprove(row, act), shown_once)
    if row.in_flight and row.status in _ACCEPTED and not own and status not in _ACCEPTED:
        freed = doubted(freed) if not (shown_once and row.way == shown_once) else freed
    if way is None:
        if not known:
            freed = replace(freed, duplicates=tuple(sorted((*row.duplicates, act))))
        return _whatsapp_beside(freed, status)
    if row.otherwise == 0:
        reached = replace(freed, otherwise=act)
        if row.status in _ACCEPTED:
            return replace(off_agenda(reached, status), via=act)
        return replace(reached, beside=str(status))
    if known or (shown_once and str(status) in (row.status, row.beside)):
        return freed
    if row.status in _ACCEPTED:  # a further way of the policy
        return given_up(freed, row.status)
    return replace(freed, duplicates=tuple(sorted((*row.duplicates, act))))


def _whatsapp_beside(row: Row, status: Status) -> Row:
    """Meta's word on the message of a row whose escalation has begun."""
    if row.status in WAYS_BY_STATUS:
        if status not in _SEEN or row.beside == Status.READ:
            return row
        return replace(row, beside=str(status))
    highest = max(status, row.status, key=RANK.__getitem__)
    if row.status not in _ACCEPTED or status in _ACCEPTED:
        return replace(row, status=highest)
    if row.otherwise:
        return replace(given_up(row, row.status), beside=str(status))
    return off_agenda(row, status)


def _raised(row: Row, act: int, status: Status, wamid: str | None) -> Row:
    """A further word on a person who was reached: among Meta's words the highest counts, with its act.

    Of two acts that came equally far, the first is the one that reached the person.
    """
    if status not in RANK or row.status not in RANK:
        return row
    if act == row.via:
        status = max(status, row.status, key=RANK.__getitem__)
        raised = off_agenda(row, status) if status in _SEEN else replace(row, status=status)
        return raised if row.wamid or not wamid else replace(raised, wamid=wamid)
    if (RANK[status], -act) <= (RANK[row.status], -row.via):
        return row
    others = {*row.duplicates, row.via} - {act}
    raised = replace(row, status=status, via=act, duplicates=tuple(sorted(others)), wamid=wamid or row.wamid)
    return off_agenda(raised, status) if status in _SEEN else raised


def disprove(row: Row, act: int) -> Row:
    """The row without the doubt about act ``act``: it is known by now what became of it."""
    if all(doubt.act != act for doubt in row.doubts):
        return row
    return replace(row, doubts=tuple(doubt for doubt in row.doubts if doubt.act != act))


def reported_failure(row: Row, act: int, failure: Failure | None, at: Retries) -> Row:
    """The row once Meta reported that act ``act`` failed: its retry or its fallback is due on the timer lane.

    While another act is in doubt the row waits for that one. The same row where the report changes nothing: a
    person who was reached by another act, a message that is parked, or whose fallback is under way.
    """
    if act < 1 or act > row.act:
        return row
    freed = disprove(row, act)
    # Meta refused the recording, not the person: the same words are spoken anew.
    unheard = row.recording is not None and failure is not None and failure.code in NO_SUCH_RECORDING
    passing = unheard or (failure is not None and failure.is_passing)
    known = row.status in _ACCEPTED and act in (row.via, *row.duplicates)
    if (known or freed is not row) and not passing and row.status is not Status.PARKED:
        freed = replace(freed, later=False)
    if row.reached:
        if not known:
            return freed
        others = tuple(other for other in row.duplicates if other != act)
        if act != row.via:
            return replace(freed, duplicates=others)
        if others:
            escalated = others[0] if row.escalated else 0
            return replace(freed, via=others[0], duplicates=others[1:], wamid=None, escalated=escalated)
        if row.in_flight:
            freed = doubted(freed)  # its escalation goes on as the fallback of what has failed
    elif not (row.phase == Phase.SENDING and act == row.act):
        waits = row.open and row.lane == Lane.TIMER and not row.in_flight
        if freed.doubts == row.doubts or freed.doubts or not waits:
            return freed
    if row.bare:  # nothing is left to say otherwise
        cause, code = (failure.cause, failure.code) if failure else (Cause.BAD_REQUEST, None)
        return replace(off_agenda(freed, Status.FAILED), cause=str(cause), code=code)
    noted = replace(
        freed,
        status=Status.CLAIMED,
        phase=None,
        # Whom another way has reached already stays reached: no second fallback.
        via=row.otherwise,
        escalated=0,
        slot=None,
        rounds=0,
        later=freed.later and passing and not (row.escalated and row.otherwise),
        cause=str(failure.cause if failure else Cause.BAD_REQUEST),
        code=failure.code if failure else None,
        recording=None if unheard else freed.recording,
    )
    if noted.doubts:
        return waiting(noted, at.now)
    due = at.now + _pause(failure, row.attempt, at)
    again = noted.later and row.attempt < at.attempts and (row.expires_at is None or due < row.expires_at)
    return replace(waiting(noted, due if again else at.now), status=Status.FAILED, later=again)


def _pause(failure: Failure | None, attempt: int, at: Retries) -> float:
    """Seconds until a failed send is tried again; in panic none: the next step takes the fallback."""
    if at.blocked:
        return 0.0
    if failure and failure.reach is Reach.RECIPIENT and failure.cause.traits.retried:
        return pair_wait(max(0, attempt - 1))
    return backoff(attempt, at.chance, base=at.base, cap=at.cap)


def way_rejected(row: Row, act: int, way: str, code: str, now: float) -> Row:
    """The row once a way's service said that it did not carry out act ``act``: the next way is due.

    ``code``: why, as the service says it. The same row where that act is not in doubt.
    """
    freed = disprove(row, act)
    if freed is row or not row.open or row.in_flight:
        return freed
    noted = replace(tried(freed, f"{way} {code}"), phase=row.phase)
    return waiting(noted, now) if row.lane == Lane.TIMER and not noted.doubts else noted


def told_twice(before: Row, after: Row) -> tuple[int, int]:
    """How many possible and how many proven duplicates a write brings to light; proven ones are possible too.

    Counted by the write, so that each is counted once, whoever writes, and whichever report comes first.
    """
    return max(0, _extra(after) - _extra(before)), max(0, len(after.duplicates) - len(before.duplicates))


def _extra(row: Row) -> int:
    return row.possible_duplicates if row.reached else 0


def told_beside(before: Row, after: Row) -> tuple[int, int]:
    """How many people a write shows to be told by an escalation's fallback, and how many by both.

    Counted by the write, as :func:`told_twice`.
    """
    escalated = _escalation_told(after) - _escalation_told(before)
    return max(0, escalated), int(after.beside is not None and before.beside is None)


def _escalation_told(row: Row) -> int:
    # A row that is on the agenda for its outcomes alone has nothing else to wait for.
    return int(row.escalated > 0 and row.otherwise > 0 and at_home(row).lane is None)
