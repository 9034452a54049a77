"""Operator actions on templates: listed over all pages, mapped only where it fits, undone."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.whatsapp import Answer
from lifeline.contract.scopes import template_scope
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.failure.classify import Failure, classify_answer
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.whatsapp_templates import OperateTemplates

from tests.support.services import Services

ACTOR = "arn:aws:iam::000000000000:user/ada"


def template(name: str, parameters: int = 2, **more: Any) -> dict[str, Any]:
    text = " ".join(f"{{{{{n}}}}}" for n in range(1, parameters + 1))
    return {
        "name": name,
        "language": "en_US",
        "status": "APPROVED",
        "category": "UTILITY",
        "rejected_reason": "NONE",
        "components": [{"type": "BODY", "text": text}],
        **more,
    }


class Meta:
    """Lists templates, two a page; its filter finds longer names too, as Meta's does."""

    def __init__(self, *templates: dict[str, Any]) -> None:
        self.all = list(templates)
        self.broken: Failure | None = None
        self.refuses: Failure | None = None
        self.unpaused: list[str] = []

    def unpause(self, template_id: str) -> Answer | Failure:
        if self.refuses:
            return self.refuses
        self.unpaused.append(template_id)
        return Answer({"success": True}, None)

    def templates(self, name: str | None = None, after: str | None = None) -> Answer | Failure:
        if self.broken:
            return self.broken
        found = [item for item in self.all if not name or name in item["name"]]
        start = int(after or 0)
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + 2)}}
        if start + 2 < len(found):
            paging["next"] = "https://graph.example.org/next"
        return Answer({"data": found[start : start + 2], "paging": paging}, None)


class World(Services):
    def __init__(self) -> None:
        super().__init__()
        self.meta = Meta(
            template("old"),
            template("old_and_longer", 5),
            template("new"),
            template("small", 1),
            template("bad", status="REJECTED", rejected_reason="PROMOTIONAL"),
        )
        self.also(whatsapp=self.meta)
        adapters = self.adapters("operator")
        self.panic = adapters.panic
        group = OperateTemplates(
            control=adapters.control, panic=self.panic, whatsapp=adapters.whatsapp, clock=self.clock
        )
        self.handlers = group.handlers()

    def map(self, old: str, new: str) -> dict[str, Any]:
        request = {"template": old, "replacement": new, "reason": "paused", "actor": ACTOR}
        return self.handlers["whatsapp.map_template"](request)

    def enable(self, name: str) -> None:
        self.panic.change(
            template_scope(name),
            lambda flag: enable(flag, By(ACTOR, "operator", "r", self.clock.now), new_incident_id="i"),
        )


@pytest.fixture
def world() -> World:
    return World()


def test_all_pages_are_listed_with_what_matters_here(world: World) -> None:
    world.enable("old")
    world.map("old", "new")
    result = world.handlers["whatsapp.templates"]({})
    rows = {row["name"]: row for row in result["templates"]}
    assert sorted(rows) == ["bad", "new", "old", "old_and_longer", "small"]
    assert (rows["old"]["panic"], rows["old"]["replacement"]) == (True, "new")
    assert rows["old"]["parameters"] == {"body": 2}
    assert (rows["bad"]["status"], rows["bad"]["reason"]) == ("REJECTED", "PROMOTIONAL")
    assert rows["new"]["reason"] is None
    only = world.handlers["whatsapp.templates"]({"status": "rejected"})["templates"]
    assert [row["name"] for row in only] == ["bad"]
    only = world.handlers["whatsapp.templates"]({"name": "old"})["templates"]
    assert [row["name"] for row in only] == ["old"]


def test_a_mapping_is_stored_with_who_and_why(world: World) -> None:
    world.enable("old")
    result = world.map("old", "new")
    assert result == {"template": "old", "replacement": "new", "before": None, "warnings": []}
    stored = world.control.kept(TemplateMap)
    assert (stored.value.of, stored.actor, stored.reason) == ({"old": "new"}, ACTOR, "paused")
    assert world.control.kinds(template_scope("old"))[-1] == "noted"
    again = world.map("old", "new")
    assert again["before"] == "new"
    assert world.control.kept(TemplateMap).version == stored.version


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("old", "small", "takes 1 in its body"),
        ("old", "bad", "REJECTED"),
        ("old", "nothing", "does not exist"),
        ("old", "old", "itself"),
        ("old", "No Name", "not a template name"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(world: World, old: str, new: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        world.map(old, new)
    assert world.control.kept(TemplateMap).value.of == {}


def test_what_an_operator_should_know_is_said(world: World) -> None:
    assert "only while it is" in world.map("old", "new")["warnings"][0]
    world.enable("new")
    world.enable("gone")
    assert "in panic itself" in " ".join(world.map("old", "new")["warnings"])
    assert "could not be compared" in " ".join(world.map("gone", "new")["warnings"])


def test_a_mapping_is_undone(world: World) -> None:
    world.map("old", "new")
    result = world.handlers["whatsapp.unmap_template"]({"template": "old", "reason": "r", "actor": ACTOR})
    assert (result["before"], result["replacement"]) == ("new", None)
    assert world.control.kept(TemplateMap).value.of == {}
    with pytest.raises(RefusedError, match="no replacement"):
        world.handlers["whatsapp.unmap_template"]({"template": "old", "reason": "r", "actor": ACTOR})


def test_a_meta_that_does_not_answer_is_named(world: World) -> None:
    world.meta.broken = classify_answer(401, {"error": {"code": 190, "message": "expired"}}, {})
    with pytest.raises(UnavailableError, match="code 190"):
        world.map("old", "new")


def test_failures_here_stand_beside_what_meta_says(world: World) -> None:
    minute = int(world.clock() // 60) * 60
    world.control.count(minute, {"ta|old": 8, "tf|old": 2})
    world.control.count(minute - 3600, {"tf|old": 2})
    world.control.count(minute - 2 * 86_400, {"ta|old": 100})
    rows = {row["name"]: row for row in world.handlers["whatsapp.templates"]({})["templates"]}
    assert (rows["old"]["sends"], rows["old"]["failures"], rows["old"]["failure_share"]) == (8, 4, 0.5)
    assert rows["new"]["failure_share"] is None
    assert "promotes" in rows["bad"]["meaning"]


def test_templates_of_one_category(world: World) -> None:
    world.meta.all.append(template("offer", category="MARKETING"))
    found = world.handlers["whatsapp.templates"]({"category": "marketing"})["templates"]
    assert [row["name"] for row in found] == ["offer"]


def unpause(world: World, name: str) -> dict[str, Any]:
    request = {"template": name, "reason": "gentler now", "actor": ACTOR}
    return world.handlers["whatsapp.unpause_template"](request)


def test_a_paused_template_is_unpaused_in_each_language(world: World) -> None:
    world.meta.all += [
        template("gentle", status="PAUSED", id="1"),
        template("gentle", status="PAUSED", id="2", language="de"),
        template("gentle", id="3", language="fr"),
    ]
    world.enable("gentle")
    world.clock.advance(1)
    result = unpause(world, "gentle")
    assert (result["unpaused"], world.meta.unpaused) == (["en_US", "de"], ["1", "2"])
    assert "in panic until" in result["warnings"][0]
    assert world.control.kinds(template_scope("gentle"))[-1] == "noted"


def test_what_is_not_paused_is_not_unpaused(world: World) -> None:
    with pytest.raises(RefusedError, match="en_US is APPROVED"):
        unpause(world, "old")
    with pytest.raises(RefusedError, match="does not exist"):
        unpause(world, "nothing")
    world.meta.all.append(template("gentle", status="PAUSED", id="1"))
    world.meta.refuses = classify_answer(400, {"error": {"code": 100, "message": "too early"}}, {})
    with pytest.raises(RefusedError, match="too early"):
        unpause(world, "gentle")
    assert world.control.kinds(template_scope("gentle")) == []
