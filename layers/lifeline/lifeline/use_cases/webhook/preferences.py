"""Who wants no promotional messages: Meta's ``user_preferences``, and words that people write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.opt_outs import OptOuts
from lifeline.contract.instants import parse_instant
from lifeline.domain.inbound.inbound import InboundRules
from lifeline.domain.inbound.opting_out import Statement, keys_of, wish_of
from lifeline.domain.inbound.webhooks import Preference
from lifeline.telemetry import Telemetry

TYPED: Final = frozenset({"text", "button"})
"""Kinds of notification that may hold a stop word: what a person typed, or a button that was titled so."""


class Preferences:
    """Marks people. Raises :class:`~lifeline.errors.UnavailableError`: the body comes again."""

    def __init__(
        self, opt_outs: OptOuts, rules: InboundRules, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._opt_outs = opt_outs
        self._clock = clock
        self._rules = rules
        self._telemetry = telemetry

    def __call__(self, preferences: Sequence[Preference]) -> bool:
        """Keep what Meta says that people wish, once or again."""
        for preference in preferences:
            person = preference.person
            at = self._clock() if preference.at is None else preference.at
            statement = Statement(preference.wish, at)
            self._state(keys_of(person.phone, person.user_id), statement, "user_preferences")
        return True

    def heard(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        """The notification of a message, with the wish that is in it; a wish is kept.

        What is said to a group says nothing about messages to one person.
        """
        if notice["group_id"] is not None or notice["kind"] not in TYPED:
            return dict(notice)
        wish = wish_of(notice["text"], self._rules.stop_words, self._rules.start_words)
        if wish is None:
            return dict(notice)
        at = parse_instant(notice["received_at"])
        self._state(keys_of(notice["from"], notice["bsuid"]), Statement(wish, at), "word")
        return {**notice, "preference": str(wish)}

    def _state(self, keys: Sequence[str], statement: Statement, source: str) -> None:
        self._opt_outs.state(keys, statement, source)
        self._telemetry.info(
            "a person changed their marketing preference", wish=str(statement.wish), source=source
        )
