"""The templates in docs/notifications make of each notification what the tool behind them takes."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
import yaml
from lifeline.adapters.notices import Notices
from lifeline.contract.scopes import SCOPES, template_scope
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag
from lifeline.domain.panic.notices import notices

from tests.support.aws import stand_in
from tests.support.strict import StrictSns
from tests.support.template import ROOT

FOLDER: Final = ROOT / "docs/notifications"
SCOPE_NAMES: Final = (*SCOPES, template_scope("promo"))


class Loader(yaml.SafeLoader):
    """Takes CloudFormation's short forms as their values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: getattr(node, "value", None))


def template(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((FOLDER / file).read_text(), Loader)  # a SafeLoader
    resources: dict[str, Any] = found["Resources"]
    return resources


def told(scope: str, entered: bool) -> dict[str, Any]:
    """A notification to engineering, as a queue gets it."""
    change = trip(
        Flag.normal(scope),
        By("SenderFunction", "sender", 'Meta says "no"\nand again', 1_790_000_000.0),
        cause="account",
        evidence={},
        new_incident_id="20260301-090000-abcdef",
    )
    assert change is not None
    notice = notices(change.flag, change.event, entered)[0]
    sns = StrictSns()
    Notices(stand_in("sns", sns), "arn", "https://wiki.example.org/runbook").tell(
        audience=notice.audience,
        subject=notice.subject,
        text=notice.text,
        scope=scope,
        cause="account",
        severity=notice.severity,
        data={"event": notice.event, "incident_id": change.flag.incident_id},
        automatic=notice.automatic,
        run=notice.run,
        section=notice.section,
    )
    return dict(sns.sent[0])


def filled(input_template: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the pipe makes of it: each variable becomes its value as JSON."""
    made = re.sub(r"<\$\.body\.(\w+)>", lambda match: json.dumps(body[match[1]]), input_template)
    found: dict[str, Any] = json.loads(made)
    return found


@pytest.mark.parametrize("scope", SCOPE_NAMES)
@pytest.mark.parametrize("entered", [True, False])
def test_a_chat_gets_a_custom_notification_of_version_1(scope: str, entered: bool) -> None:
    pipe = template("chat.yaml")["Pipe"]["Properties"]["TargetParameters"]
    made = filled(pipe["InputTemplate"], told(scope, entered))
    assert (made["version"], made["source"]) == ("1.0", "custom")
    assert set(made) == {"version", "source", "content", "metadata"}
    content = made["content"]
    assert set(content) == {"textType", "title", "description", "nextSteps", "keywords"}
    assert content["textType"] == "client-markdown"
    assert scope in content["title"]
    assert content["description"]
    assert content["nextSteps"][0].startswith("lifeline ")
    assert content["nextSteps"][1].startswith("https://wiki.example.org/runbook#")
    assert all(isinstance(word, str) and word for word in (*content["nextSteps"], *content["keywords"]))
    assert made["metadata"]["threadId"] == scope


@pytest.mark.parametrize("scope", SCOPE_NAMES)
def test_an_incident_tool_gets_one_incident_that_the_end_resolves(scope: str) -> None:
    resources = template("incident.yaml")
    begun, ended = (
        filled(resources[name]["Properties"]["TargetParameters"]["InputTemplate"], told(scope, entered))
        for name, entered in (("Pipe", True), ("EndPipe", False))
    )
    assert begun["event_action"] == "trigger"
    assert begun["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert len(begun["payload"]["summary"]) <= 1024
    assert begun["payload"]["source"] == scope
    assert all(begun["payload"]["custom_details"].values())
    assert ended == {"event_action": "resolve", "dedup_key": begun["dedup_key"]}
    body = resources["Connection"]["Properties"]["AuthParameters"]["InvocationHttpParameters"]
    assert body["BodyParameters"][0]["Key"] == "routing_key"


@pytest.mark.parametrize("file", ["chat.yaml", "incident.yaml"])
def test_a_template_takes_the_message_itself_and_only_what_it_shows(file: str) -> None:
    for resource in template(file).values():
        if resource["Type"] == "AWS::SNS::Subscription":
            assert resource["Properties"]["RawMessageDelivery"] is True
            assert resource["Properties"]["FilterPolicy"]
