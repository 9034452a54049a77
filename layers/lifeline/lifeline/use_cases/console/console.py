"""The console: a custom widget on the CloudWatch dashboard that shows and steers panic mode.

CloudWatch invokes the function with the viewer's own permissions, so IAM decides as it does for the command
line: who may only read sees the page, and a button of theirs is refused by Lambda. The event says nothing of
who the viewer is, and a browser cannot sign a proof: the name that is typed is kept as unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from lifeline.contract.operator_actions import Refusal, parse_answer
from lifeline.domain.text import one_line
from lifeline.use_cases.console import page
from lifeline.use_cases.console.page import Said

INCIDENTS: Final = 3
"""Incidents that the page shows."""
HELP: Final = (
    "### Lifeline's console\nPanic mode by scope, the backlog with its ETA, the last incidents. Buttons "
    "enter, hold and end panic mode; they need a name and a reason. No parameters."
)
"""What CloudWatch shows when a dashboard's author asks what the widget does."""

_PAST: Final[Mapping[str, str]] = {
    page.ENABLE: "is in panic mode",
    page.HOLD: "is held in panic mode",
    page.DISABLE: "has left panic mode",
}
_FORM: Final = {"name": 128, "reason": 500}
"""Fields of the form, with the most characters that are taken."""


class Carrier(Protocol):
    """Carries out operator actions."""

    def __call__(self, request: object, remaining: Callable[[], float]) -> dict[str, Any]:
        """The answer to one request."""


class Console:
    """Answers the widget with a page; every other request goes to the operator's actions as it is."""

    def __init__(self, operate: Carrier, endpoint: str) -> None:
        """``endpoint``: ARN of the function that carries out what buttons ask."""
        self._operate = operate
        self._endpoint = endpoint

    def __call__(self, event: object, remaining: Callable[[], float]) -> dict[str, Any] | str:
        """HTML for the widget, Markdown for its description, an operator's answer for a request."""
        if not isinstance(event, Mapping) or "action" in event:
            return self._operate(event, remaining)
        if event.get("describe") is True:
            return {"markdown": HELP}
        context = event.get("widgetContext")
        if not isinstance(context, Mapping):
            return self._operate(event, remaining)
        typed = _typed(context)
        said = self._carry_out(event, typed, remaining) if "do" in event else None
        return self._page(said, typed if said and not said.done else {"name": typed["name"]}, remaining)

    def _carry_out(
        self, event: Mapping[str, Any], typed: Mapping[str, str], remaining: Callable[[], float]
    ) -> Said:
        do, scope = event["do"], event.get("scope")
        if not isinstance(do, str) or do not in _PAST:
            return Said(False, f"{str(do)[:64]!r} is not a button of this page.")
        if not typed["name"] or not typed["reason"]:
            return Said(False, "Nothing changed: enter your name and a reason, then choose again.")
        request: dict[str, Any] = {
            "action": page.ENABLE if do == page.HOLD else do,
            "scope": scope,
            "reason": typed["reason"],
            "actor": typed["name"],
        }
        if do == page.HOLD:
            request["hold"] = True
        answer = parse_answer(self._operate(request, remaining))
        if isinstance(answer, Refusal):
            return Said(False, f"Nothing changed: {answer.message}")
        ends = answer["flag"]["ends"]
        text = f"{scope} {_PAST[do]}" + (f": {ends}." if ends else ".")
        return Said(True, " ".join([text, *(f"Note: {warning}." for warning in answer["warnings"])]))

    def _page(self, said: Said | None, typed: Mapping[str, str], remaining: Callable[[], float]) -> str:
        unknown: list[str] = []

        def look(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
            answer = parse_answer(self._operate(request, remaining))
            if isinstance(answer, Refusal):
                unknown.append(f"{request['action']} could not be read: {answer.message}")
                return None
            return answer

        return page.page(
            panic=look({"action": "panic.status"}),
            queues=look({"action": "queue.status"}),
            incidents=look({"action": "incident.list", "limit": INCIDENTS}),
            unknown=unknown,
            endpoint=self._endpoint,
            said=said,
            typed=typed,
        )


def _typed(context: Mapping[str, Any]) -> dict[str, str]:
    """The form's fields: whatever is no text counts as empty."""
    forms = context.get("forms")
    fields = forms.get("all") if isinstance(forms, Mapping) else None
    given = fields if isinstance(fields, Mapping) else {}
    values = {name: given.get(name) for name in _FORM}
    return {
        name: one_line(value)[: _FORM[name]] if isinstance(value, str) else ""
        for name, value in values.items()
    }
