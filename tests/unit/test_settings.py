"""Settings: each function gets what it needs, and every fault is told at once."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from lifeline.errors import ConfigError
from lifeline.settings import NEEDS, OPTIONAL, Retry, Settings, parse


def env(function: str, **more: str) -> dict[str, str]:
    given = {name: f"value-of-{name.lower()}" for name in NEEDS[function]}
    for name in ("GRAPH_BASE_URL", "OPENAI_BASE_URL"):
        if name in given:
            given[name] = "https://example.org/"
    return given | {"AWS_REGION": "eu-west-1"} | more


@pytest.mark.parametrize("function", sorted(NEEDS))
def test_a_function_works_with_what_it_needs(function: str) -> None:
    settings = parse(env(function), function)
    for name in NEEDS[function]:
        assert getattr(settings, name.lower()), name


@pytest.mark.parametrize("function", sorted(NEEDS))
def test_every_missing_variable_is_named_at_once(function: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({}, function)
    for name in NEEDS[function]:
        assert name in str(caught.value)


@pytest.mark.parametrize("function", ["sender", "drainer", "webhook_events", "voice", "operator", "feedback"])
def test_who_writes_rows_can_wake_for_them(function: str) -> None:
    assert {"MESSAGES_TABLE", "WAKE_QUEUE_URL"} <= set(NEEDS[function])


def test_producers_queues_are_for_those_who_put_bodies_there_or_see_what_waits() -> None:
    def users(name: str) -> set[str]:
        return {function for function, names in NEEDS.items() if name in names}

    assert users("CRITICAL_QUEUE_URL") == {"operator", "operator_read", "prober"}
    assert users("WHATSAPP_QUEUE_URL") == {"operator", "operator_read", "prober", "voice"}
    assert users("BULK_QUEUE_URL") == {"operator", "operator_read", "drainer"}


def test_what_version_1_had_is_gone() -> None:
    names = {item.name for item in fields(Settings)} | {name.lower() for name in OPTIONAL}
    assert not {
        name for name in names if "backlog" in name or "schedule" in name or name.endswith("queue_arn")
    }
    with pytest.raises(ConfigError, match=r"SETTINGS_JSON\.retry\.rounds: unknown"):
        parse(env("alarm", SETTINGS_JSON=json.dumps({"retry": {"rounds": 5}})), "alarm")


def test_tuning_is_laid_over_the_defaults() -> None:
    settings = parse(env("sender", SETTINGS_JSON=json.dumps({"retry": {"attempts": 2}})), "sender")
    assert settings.retry == Retry(attempts=2)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"retries": {}}', "unknown; known are"),
        ('{"retry": 3}', "must be an object"),
        ('{"retry": {"attempts": "3"}}', "must be a int"),
        ('{"retry": {"attempts": 2.5}}', "must be a whole number"),
        ('{"retry": {"attempts": 11}}', "between 1 and 10"),
    ],
)
def test_tuning_that_means_nothing_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parse(env("alarm", SETTINGS_JSON=text), "alarm")


def test_the_token_never_travels_in_plain_text() -> None:
    with pytest.raises(ConfigError, match="must be https"):
        parse(env("sender", GRAPH_BASE_URL="http://graph.example.org"), "sender")
    assert (
        parse(env("sender", GRAPH_BASE_URL="http://127.0.0.1:1/"), "sender").graph_base_url
        == "http://127.0.0.1:1"
    )
