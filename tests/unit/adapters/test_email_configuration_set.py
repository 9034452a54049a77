"""A mail names its configuration set."""

from __future__ import annotations

from typing import Any

from lifeline.adapters.email import Email

from tests.support.aws import stubbed


def test_a_mail_names_its_configuration_set_where_there_is_one() -> None:
    for given, expected in (("lifeline-fallback", "lifeline-fallback"), ("", None)):
        ses, stub = stubbed("sesv2")
        asked: list[dict[str, Any]] = []
        ses.meta.events.register(
            "provide-client-params.sesv2.SendEmail", lambda params, seen=asked, **_: seen.append(params)
        )
        stub.add_response("send_email", {"MessageId": "1"})
        Email(ses, "us@example.org", given).send("ana@example.org", "Title", "Text", "m:1", 0, None)
        assert asked[0].get("ConfigurationSetName") == expected
