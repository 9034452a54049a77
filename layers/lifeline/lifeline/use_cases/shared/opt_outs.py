"""Whom promotional messages may not reach: asked by the sender, stated by the webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from lifeline.adapters.control import Control
from lifeline.adapters.opt_outs import OptOuts
from lifeline.domain.account.records import MarketingTemplates
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound.opting_out import STOPPED, Statement, Wish, keys_of, opted_out
from lifeline.domain.message.outcome import NotDone
from lifeline.domain.message.promotion import is_promotional
from lifeline.domain.message.row import Row
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

CACHED: Final = 60.0
"""Seconds for which the names of marketing templates are taken from memory."""

Asked = tuple[Row, Sequence[str | None]]
"""A message, and the names by which its recipient is known: number in E.164, business-scoped user id."""


class OptedOut:
    """One instance per worker. Where nothing is promotional, nothing is read but the templates' names."""

    def __init__(
        self, *, opt_outs: OptOuts, control: Control, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._opt_outs = opt_outs
        self._control = control
        self._clock = clock
        self._telemetry = telemetry
        self._marketing: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def among(self, asked: Iterable[Asked]) -> frozenset[str]:
        """The ids of the promotional messages whose recipient opted out.

        Raises :class:`UnavailableError` where that cannot be known.
        """
        keys = {row.id: keys_of(*names) for row, names in asked if self.concerns(row)}
        wanted = [key for of_one in keys.values() for key in of_one]
        if not wanted:
            return frozenset()
        known = self._opt_outs.of(wanted)
        return frozenset(name for name, of_one in keys.items() if opted_out(_held(known, of_one)))

    def concerns(self, row: Row) -> bool:
        """Whether the message is promotional."""
        return is_promotional(row, self._marketing_templates(row))

    def meanwhile(self, row: Row, names: Sequence[str | None]) -> NotDone | None:
        """Why the effect must not happen: the recipient has opted out since the message was decided on, or
        nobody knows whether. Asked right before it."""
        try:
            return NotDone.OPTED_OUT if self.among([(row, names)]) else None
        except UnavailableError as error:
            self._telemetry.warning("opt-outs cannot be read again", message_id=row.id, detail=str(error))
            return NotDone.UNSURE

    def heard(self, names: Sequence[str | None], failure: Failure) -> None:
        """Meta refused a send because the person has stopped marketing messages: that is a wish as well."""
        if failure.code != STOPPED:
            return
        try:
            statement = Statement(Wish.STOP, self._clock())
            self._opt_outs.state(keys_of(*names), statement, str(STOPPED))
        except UnavailableError as error:
            self._telemetry.warning("an opt-out was not kept; Meta refuses the next", detail=str(error))

    def _marketing_templates(self, row: Row) -> frozenset[str]:
        if row.template is None:
            return frozenset()
        now = self._clock()
        if now - self._read_at >= CACHED:
            try:
                self._marketing = frozenset(self._control.kept(MarketingTemplates).value.names)
                self._read_at = now
            except UnavailableError as error:
                # The last known ones: service messages must not wait for a list that seldom changes.
                self._telemetry.warning("marketing templates cannot be read", detail=str(error))
        return self._marketing


def _held(known: Mapping[str, Statement], keys: Sequence[str]) -> list[Statement]:
    return [known[key] for key in keys if key in known]
