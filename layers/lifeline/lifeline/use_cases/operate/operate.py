"""Operator actions: check the request, find who carries it out, answer in one shape.

Each group of actions is a class in a module of its own, named as the command line's (``panic``, ``queue``),
with a method ``handlers`` that maps action names to callables. To add an action, describe it in
``contract/actions/`` and hand out its handler from a group; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from lifeline.contract.operator_actions import OPERATOR_ACTIONS, ok, only_reads, refused, request_faults
from lifeline.contract.scopes import SCOPE_FORMS, is_scope
from lifeline.domain.panic.flag import PanicRefused
from lifeline.domain.redact import redact
from lifeline.domain.text import MAX_LEVELS, clean, clean_json, nested_deeper
from lifeline.errors import ConflictError, RefusedError, UnavailableError
from lifeline.telemetry import Telemetry

Request = Mapping[str, Any]
Handler = Callable[[Request], dict[str, Any]]

_PRIVATE: Final = frozenset({"message", "messages", "contacts", "data", "who", "token"})
"""Fields that hold personal data, whole files or a secret: they stay out of the log."""
UNSURE: Final = "unsure"
"""The code of a refusal that is lifted by ``sure``."""


class Group(Protocol):
    """A few actions that belong together."""

    def handlers(self) -> Mapping[str, Handler]:
        """Action name to the callable that carries it out."""


class Operate:
    """The operator functions' use case. ``remaining`` is set per request for long actions to read."""

    def __init__(
        self,
        groups: Sequence[Group],
        telemetry: Telemetry,
        prove: Callable[[Request], str] | None,
    ) -> None:
        """``prove`` finds the actor of a request that changes something; ``None``: this one only reads."""
        self._handlers: dict[str, Handler] = {}
        for group in groups:
            self._handlers.update(group.handlers())
        self._telemetry = telemetry
        self._prove = prove

    @property
    def actions(self) -> frozenset[str]:
        """The names of all actions that can be carried out."""
        return frozenset(self._handlers)

    def __call__(self, request: object, remaining: Callable[[], float]) -> dict[str, Any]:
        """Carry out one request. A refusal is an answer; only what nobody foresaw is raised."""
        named = request.get("action") if isinstance(request, Mapping) else None
        action = clean(named) if isinstance(named, str) else ""
        try:
            return ok(action, self._carry_out(action, request, remaining))
        except RefusedError as error:
            return self._refuse(action, error.code, str(error), error.valid)
        except PanicRefused as error:
            return self._refuse(action, "refused", str(error))
        except ConflictError as error:
            return self._refuse(action, "conflict", str(error))
        except UnavailableError as error:
            return self._refuse(
                action, "unavailable", f"{error}; the change may have taken effect: check, then try again"
            )

    def _carry_out(self, action: str, request: object, remaining: Callable[[], float]) -> Any:
        handler = self._handler(action, request)
        checked = _within(request, remaining)
        spec = OPERATOR_ACTIONS[action]
        if spec.danger and not checked.get("sure"):
            raise RefusedError(UNSURE, f"{action}: {spec.danger}", ("sure",))
        if self._prove is None and not only_reads(checked):
            raise RefusedError(
                "read_only",
                f"this function only reads, but {action} makes a change: it needs "
                "OperatorFunction, and the policy of the stack's output OperatorPolicyArn",
            )
        if spec.changes and self._prove is not None:
            checked["actor"] = self._prove(checked)
            checked.pop("proof", None)
        if "reason" in checked:
            # After the proof, which covers what was signed: from here on it goes into histories and rows.
            checked["reason"] = redact(checked["reason"])
        result = handler(checked)
        if spec.changes:
            known = {name: value for name, value in checked.items() if name not in _PRIVATE}
            self._telemetry.info("operator action", **known)
        if spec.danger:
            result = {**result, "warnings": [*result.get("warnings", ()), spec.danger]}
        return clean_json(result)

    def _handler(self, action: str, request: object) -> Handler:
        handler = self._handlers.get(action)
        if handler is None or not isinstance(request, Mapping):
            raise RefusedError(
                "unknown_action",
                f"{action[:64]!r} is not an action"
                if action
                else 'the request must be {"action": NAME, ...}',
                sorted(self._handlers),
            )
        spec = OPERATOR_ACTIONS[action]
        if nested_deeper(request, MAX_LEVELS):
            raise RefusedError("invalid_request", f"request: is nested deeper than {MAX_LEVELS} levels")
        faults = request_faults(request)
        if faults:
            raise RefusedError("invalid_request", "; ".join(faults), tuple(spec.fields))
        if "scope" in request and not is_scope(request["scope"]):
            raise RefusedError("unknown_scope", f"{request['scope'][:64]!r} is not a scope", SCOPE_FORMS)
        return handler

    def _refuse(self, action: str, code: str, message: str, valid: Sequence[str] = ()) -> dict[str, Any]:
        self._telemetry.warning("operator action refused", action=action[:64], code=code, detail=message)
        return refused(action, code, clean(message), valid)


class _Request(dict[str, Any]):
    """A checked request that also knows how much time is left."""

    remaining: Callable[[], float]


def _within(request: object, remaining: Callable[[], float]) -> _Request:
    assert isinstance(request, Mapping), "checked before"
    checked = _Request(request)
    checked.remaining = remaining
    return checked


def time_left(request: Request) -> float:
    """Seconds until the function's time-out; an action that moves many things stops before."""
    return request.remaining() if isinstance(request, _Request) else 60.0
