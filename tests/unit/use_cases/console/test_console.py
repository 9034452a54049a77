"""The dashboard's console: what it shows, what its buttons do, and what they do not."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from lifeline.contract.actors import unverified
from lifeline.contract.scopes import SCOPES, WHATSAPP
from lifeline.domain.panic.flag import State
from lifeline.wiring import operator, operator_read

from tests.support.operating import World

ENDPOINT = "arn:aws:lambda:eu-west-1:000000000000:function:lifeline-test-operator"


class Dashboard:
    """The console on memory, as CloudWatch calls it."""

    def __init__(self, world: World, reads: bool = False) -> None:
        adapters = world.adapters("operator_read" if reads else "operator")
        carry_out = operator_read.build(adapters) if reads else operator.build(adapters, self.prove)
        self.console = operator.console(adapters, carry_out)

    @staticmethod
    def prove(request: Any) -> str:
        return unverified(request["actor"])

    def event(self, forms: object = None, **params: Any) -> Any:
        context = {"dashboardName": "lifeline", "forms": {"all": forms or {}}, "theme": "light", "width": 400}
        return self.console({**params, "widgetContext": context}, lambda: 60.0)

    def press(
        self, do: object, scope: object = WHATSAPP, name: str = "Ada", reason: str = "Meta is down"
    ) -> str:
        return str(self.event({"name": name, "reason": reason}, do=do, scope=scope))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def dashboard(world: World) -> Dashboard:
    return Dashboard(world)


def buttons(page: str) -> list[tuple[str, dict[str, str]]]:
    """Label and request of each button."""
    found = re.findall(r'<a class="btn[^>]*>([^<]+)</a><cwdb-action[^>]*>([^<]+)</cwdb-action>', page)
    return [(label, json.loads(html.unescape(asked))) for label, asked in found]


def test_in_health_it_shows_each_scope_and_how_to_enter_panic_mode(dashboard: Dashboard) -> None:
    page = dashboard.event()
    assert [asked for _, asked in buttons(page)] == [
        {"do": "panic.enable", "scope": scope} for scope in SCOPES
    ]
    assert page.count(">NORMAL<") == len(SCOPES)
    assert "No backlog." in page
    assert "No incidents in 90 days." in page


def test_in_panic_it_says_why_what_ends_it_and_what_to_do(world: World, dashboard: Dashboard) -> None:
    world.trip()
    page = dashboard.event()
    assert ">PANIC<" in page
    assert "six refused in a row" in page
    assert "Ends after 3 successful probes in a row" in page
    assert "No probe yet." in page
    assert [label for label, asked in buttons(page) if asked["scope"] == WHATSAPP] == [
        "Hold",
        "End panic mode",
    ]
    assert "unreachable" in page.partition("Last incidents")[2]


def test_a_button_enters_holds_and_ends_with_name_and_reason(world: World, dashboard: Dashboard) -> None:
    page = dashboard.press("panic.enable")
    assert "whatsapp is in panic mode" in page
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.reason, flag.actor) == (State.PANIC, "Meta is down", unverified("Ada"))
    assert 'value="Ada"' in page, "the name stays"
    assert 'value="Meta is down"' not in page, "the next change has a reason of its own"
    assert "held" in dashboard.press("panic.hold")
    assert world.control.flag(WHATSAPP).hold
    assert "has left panic mode" in dashboard.press("panic.disable")
    assert world.control.flag(WHATSAPP).state is not State.PANIC


@pytest.mark.parametrize(("name", "reason"), [("", "why"), ("Ada", ""), ("  ", "why")])
def test_without_name_or_reason_nothing_changes_and_what_was_typed_stays(
    world: World, dashboard: Dashboard, name: str, reason: str
) -> None:
    page = dashboard.press("panic.enable", name=name, reason=reason)
    assert "Nothing changed: enter your name and a reason" in page
    assert f'value="{reason}"' in page
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize("do", ["queue.set_rate", "panic.shadow", "person.erase", 3, None, ["panic.enable"]])
def test_what_is_no_button_of_the_page_does_nothing(world: World, dashboard: Dashboard, do: object) -> None:
    page = str(dashboard.event({"name": "Ada", "reason": "why"}, do=do, scope=WHATSAPP))
    assert "is not a button of this page" in page
    assert world.control.events == {}


@pytest.mark.parametrize("scope", ["pigeon", None, 7])
def test_a_scope_that_is_none_is_refused_in_words(dashboard: Dashboard, scope: object) -> None:
    assert "Nothing changed:" in dashboard.press("panic.enable", scope=scope)


def test_the_reading_function_shows_the_page_and_refuses_every_button(world: World) -> None:
    reading = Dashboard(world, reads=True)
    assert len(buttons(reading.event())) == len(SCOPES)
    page = reading.press("panic.enable")
    assert "Nothing changed: this function only reads" in page
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize("forms", [None, [], "x", {"name": 3, "reason": {}}, {"name": ["a"]}])
def test_a_form_that_is_none_counts_as_empty(dashboard: Dashboard, forms: object) -> None:
    assert "enter your name" in str(dashboard.event(forms, do="panic.enable", scope=WHATSAPP))
    bare = dashboard.console({"do": "panic.enable", "scope": WHATSAPP, "widgetContext": {}}, lambda: 60.0)
    assert "enter your name" in str(bare)


def test_what_comes_from_outside_is_escaped(world: World, dashboard: Dashboard) -> None:
    nasty = '<script>alert("x")</script>\x1b[31m"'
    page = dashboard.press("panic.enable", name=nasty, reason=nasty)
    page += dashboard.press("panic.hold", name=nasty, reason="")
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_a_part_that_cannot_be_read_is_said_and_the_rest_is_shown(world: World, dashboard: Dashboard) -> None:
    def broken(*_: object, **__: object) -> None:
        from lifeline.errors import UnavailableError

        raise UnavailableError("SQS", "reading depths", "broken on purpose")

    world.queues.depth = broken  # type: ignore[method-assign, assignment]
    page = str(dashboard.event())
    assert "queue.status could not be read" in page
    assert ">NORMAL<" in page


def test_cloudwatch_is_told_what_the_widget_is(dashboard: Dashboard) -> None:
    assert "Panic mode by scope" in dashboard.console({"describe": True}, lambda: 60.0)["markdown"]  # type: ignore[index]


def test_any_other_request_is_answered_as_ever(dashboard: Dashboard) -> None:
    answer = dashboard.console({"action": "panic.status"}, lambda: 60.0)
    assert isinstance(answer, dict)
    assert answer["ok"]
    others: tuple[object, ...] = (None, [], {}, {"widgetContext": 3})
    for nothing in others:
        answer = dashboard.console(nothing, lambda: 60.0)
        assert isinstance(answer, dict)
        assert answer["error"]["code"] == "unknown_action"
