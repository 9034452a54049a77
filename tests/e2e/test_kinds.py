"""Every kind of message on the deployed system: at Meta, in the ledger, and in panic by mail."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import requests
from lifeline.contract.kinds import TYPES

from local.stack import SECRETS
from tests.support.kinds import SAMPLES, Sample, sent_with, uploaded
from tests.support.meta import PHONE_NUMBER_ID
from tests.support.shell import Shell
from tests.support.system import System, eventually


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def messages(system: System, prefix: str, samples: dict[str, Sample], **more: Any) -> list[dict[str, Any]]:
    """One message per sample, each to somebody else, whose templates and media are at Meta."""
    for sample in samples.values():
        if sample.template:
            system.template(webhook=False, **sample.template)
    media_id = uploaded(
        f"{system.stack.endpoints['graph']}/v23.0/{PHONE_NUMBER_ID}",
        SECRETS["TokenSecretArn"]["access_token"],
    )
    return [
        {
            "id": f"{prefix}-{name}",
            "to": f"+491511{number:07}",
            "recipient": {"email": f"{prefix}-{name}@example.org"},
            **sent_with(sample, media_id).fields,
            **more,
        }
        for number, (name, sample) in enumerate(samples.items())
    ]


def mails(system: System) -> str:
    """All mails that SES took, as one text of JSON."""
    answer = requests.get(f"{system.stack.aws_url}/_ministack/ses/messages", timeout=10).json()
    return json.dumps(answer["messages"])


def test_each_kind_is_sent_once_and_delivered(system: System) -> None:
    prefix = system.fresh()
    made = messages(system, prefix, SAMPLES)
    system.produce(*made)
    ids = [message["id"] for message in made]
    system.wait_for(ids, "DELIVERED", within=45)
    assert Counter(system.accepted(prefix)) == Counter(ids), "each was taken once"
    types = {entry["message_id"]: entry["body"]["type"] for entry in system.sends(prefix)}
    expected = {f"{prefix}-{name}": sample.type for name, sample in SAMPLES.items()}
    assert types == {**expected, f"{prefix}-voice": "audio"}
    assert set(expected.values()) == set(TYPES)


def test_in_panic_each_kind_says_its_words_by_mail_and_what_says_nothing_waits(lifeline: Shell) -> None:
    system = lifeline.system
    prefix = system.fresh()
    lifeline("panic", "enable", "whatsapp", "words of each kind", "--hold")
    system.flags_are_read()
    made = messages(system, prefix, SAMPLES, priority="critical")
    own = {**made[0], "id": f"{prefix}-own", "type": "sticker", "sticker": {"id": "1"}}
    own |= {"fallback": {"body": f"Own words of {prefix}."}, "recipient": {"email": f"{prefix}@example.org"}}
    del own["text"]
    system.produce(*made, own, queue="Critical")
    silent = [f"{prefix}-{name}" for name, sample in SAMPLES.items() if sample.said is None]
    speaking = [message["id"] for message in (*made, own) if message["id"] not in silent]
    system.wait_for(speaking, "EMAILED", within=45)
    system.wait_for(silent, "PARKED")
    assert system.sends(prefix) == []

    def untold() -> dict[str, str]:
        sent = mails(system)
        return {
            name: sample.said
            for name, sample in SAMPLES.items()
            if sample.said and json.dumps(sample.said)[1:-1] not in sent
        }

    eventually(lambda: not untold(), 10, f"the words of each kind in a mail, not {untold()}")
    assert f"Own words of {prefix}." in mails(system)
    assert len(silent) == 2

    lifeline("panic", "disable", "whatsapp", "words were seen", "--no-ramp", "--yes")
    system.flags_are_read()
    eventually(
        lambda: system.invoke("Drainer", {"source": "lifeline.minute"}) and _delivered(system, silent),
        60,
        "what waited, sent after recovery",
    )
    assert sorted(system.accepted(prefix)) == sorted(silent)


def _delivered(system: System, ids: list[str]) -> bool:
    return set(system.statuses(ids).values()) == {"DELIVERED"}
