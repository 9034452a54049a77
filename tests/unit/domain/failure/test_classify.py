"""Failures: every code of Meta has a row, odd answers never raise, nothing private leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.failure.causes import Cause, Fault, rule_for
from lifeline.domain.failure.classify import (
    MAX_DETAILS,
    Failure,
    classify_answer,
    classify_fault,
    classify_status_error,
)
from lifeline.domain.failure.rules import Rule
from lifeline.domain.failure.usage import MAX_RETRY_AFTER, usage_headers

ROWS: list[tuple[Cause, Rule]] = [(cause, rule) for cause in Cause for rule in cause.traits.errors]

# Written out here once more, by cause, so that a slip in the table shows up. Meta's error page, its OpenAPI
# file, the Graph API's pages and recordings of clients name these codes.
EXPECTED: dict[Cause, list[int]] = {
    Cause.AUTH: [0, 3, 10, 102, 104, 190, *range(200, 300), 131005],
    Cause.RATE_LIMIT: [4, 17, 32, 341, 613, 80007, 80008, 130429],
    Cause.SPAM_LIMIT: [131048, 131064],
    Cause.PAIR_RATE_LIMIT: [131056],
    Cause.ACCOUNT: [
        *(
            33,
            368,
            803,
            131031,
            131037,
            131042,
            131044,
            131045,
            133000,
            133001,
            133002,
            133003,
            133005,
            133006,
        ),
        *(133007, 133008, 133009, 133010, 133015, 133016, 134011, 136025, 141006, 141010),
        *(2388012, 2388091, 2388093, 2388103),
    ],
    Cause.UNREACHABLE: [1, 2, 131000, 131016, 131057, 133004, 2494100],
    Cause.TEMPLATE_REJECTED: [
        *(131055, 131063, 132001, 132007, 132015, 132016, 132068, 132069, 134100, 134101, 134102),
    ],
    Cause.INVALID_PHONE: [131021],
    Cause.UNDELIVERABLE: [
        *(130403, 130472, 130497, 131026, 131030, 131043, 131047, 131049, 131050, 131062, 137000),
    ],
    Cause.BAD_REQUEST: [
        *(
            100,
            192,
            506,
            131001,
            131002,
            131006,
            131008,
            131009,
            131014,
            131020,
            131041,
            131051,
            131052,
            131053,
        ),
        *(
            131059,
            131201,
            131202,
            131204,
            *range(131207, 131216),
            132000,
            132005,
            132008,
            132012,
            132018,
            135000,
        ),
        *(*range(138000, 138019), 138024, *range(139000, 139005), *range(139100, 139104)),
        *(
            *range(147001, 147006),
            200002,
            200005,
            200006,
            200007,
            1752041,
            2388019,
            2388039,
            2388040,
            2388047,
        ),
        *(2388072, 2388073, 2388293, 2388299, *range(2494164, 2494180), 2593107, 2593108),
        *(400, 402, 408, 410, *range(429, 434), 470, 471, 472, 500, *range(1000, 1027), *range(2000, 2004)),
    ],
}
CODES = [(code, cause) for cause, codes in EXPECTED.items() for code in codes]


def answer(
    code: object, status: int = 400, headers: dict[str, str] | None = None, **fields: object
) -> Failure:
    body = {"error": {"message": f"(#{code}) title", "type": "OAuthException", "code": code, **fields}}
    return classify_answer(status, body, headers or {})


class TestTable:
    @pytest.mark.parametrize(("code", "cause"), CODES)
    def test_each_code_leads_to_the_same_cause_in_answers_and_webhooks(self, code: int, cause: Cause) -> None:
        for failure in (answer(code, status=418), classify_status_error({"code": code, "title": "x"})):
            assert failure.cause is cause
            assert failure.reach is cause.traits.reach
            assert failure.code == code
            assert failure.known
            assert not failure.may_have_left

    def test_the_table_holds_no_other_code(self) -> None:
        table = {
            code
            for _, rule in ROWS
            for entry in rule.codes
            for code in ([entry] if isinstance(entry, int) else entry)
        }
        assert table == {code for code, _ in CODES}

    def test_every_row_can_be_reached(self) -> None:
        for cause, rule in ROWS:
            first = rule.codes[0]
            code = first if isinstance(first, int) else first[0]
            details = {
                None: "",
                r"\bmedia\b": "Media 123 does not exist",
                r"\bmedi(a|um)\b.*\bid\b": "no medium has this id",
            }.get(rule.details, "weblink: recipient is invalid")
            assert rule_for(code, rule.subcode, details) == (cause, rule)

    def test_every_row_tells_its_source_and_remedy(self) -> None:
        for _, rule in ROWS:
            assert rule.source in {"meta", "openapi", "graph", "clients", "class"}
            assert rule.remedy.endswith(".")
            assert rule.name

    def test_the_order_of_causes_decides_nothing(self) -> None:
        """Of two rows for one code, one asks for more: a subcode, or details."""
        claimed = [
            (code, rule.subcode, rule.details)
            for _, rule in ROWS
            for entry in rule.codes
            for code in ([entry] if isinstance(entry, int) else entry)
        ]
        assert len(claimed) == len(set(claimed))


class TestDetailsAndSubcodes:
    def test_subcode_33_means_our_number_is_gone(self) -> None:
        text = "Unsupported post request. Object with ID '106540352242922' does not exist"
        failure = answer(100, error_subcode=33, message=text)
        assert failure.cause is Cause.ACCOUNT
        assert failure.trips_at_once
        assert failure.subcode == 33

    @pytest.mark.parametrize("code", [100, 803])
    def test_a_medium_that_expired_is_one_message_only(self, code: int) -> None:
        failure = answer(code, error_subcode=33, error_data={"details": "Media ID 4490 is not available"})
        assert failure.cause is Cause.BAD_REQUEST
        assert not failure.trips_at_once

    @pytest.mark.parametrize(
        ("code", "subcode", "details"),
        [
            (100, 33, "Media ID 4490 is not available"),
            (803, None, "Media ID 4490 is not available"),
            (131053, None, "no medium has this id"),
        ],
    )
    def test_of_a_medium_that_expired_the_remedy_is_told(
        self, code: int, subcode: int | None, details: str
    ) -> None:
        error = {"code": code, "error_subcode": subcode, "error_data": {"details": details}}
        for failure in (classify_status_error(error), classify_answer(400, {"error": error}, {})):
            assert failure.note == "medium gone"
            assert failure.details.startswith(details)
            assert "30 days" in failure.details
            assert not failure.is_passing

    @pytest.mark.parametrize(
        ("details", "passing"),
        [
            (
                "Downloading media from weblink failed with http code 429, status message Too Many Requests",
                True,
            ),
            ("Downloading media from weblink failed with processing error", True),
            ("Failed to download the media from the given URL", True),
            ("Media upload error", True),
            ("(#131053) Media upload error", True),
            ("Unsupported Image mime type image/tiff", False),
            ("Media upload error: unsupported type image/tiff", False),
            ("no medium has this id", False),
        ],
    )
    def test_a_link_that_meta_could_not_fetch_is_worth_another_try(self, details: str, passing: bool) -> None:
        failure = classify_status_error({"code": 131053, "error_data": {"details": details}})
        assert failure.cause is Cause.BAD_REQUEST
        assert failure.is_passing is passing

    @pytest.mark.parametrize("code", [100, 131009])
    @pytest.mark.parametrize(
        ("details", "cause"),
        [
            ("Recipient phone number is not valid", Cause.INVALID_PHONE),
            ("Invalid recipient", Cause.INVALID_PHONE),
            ("Parameter text.body is not valid", Cause.BAD_REQUEST),
            ("recipient_type is missing", Cause.BAD_REQUEST),
        ],
    )
    def test_a_parameter_error_about_the_recipient(self, code: int, details: str, cause: Cause) -> None:
        assert answer(code, error_data={"details": details}).cause is cause

    @pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492, None, 1])
    def test_token_subcodes(self, subcode: int | None) -> None:
        failure = answer(190, 401, error_subcode=subcode)
        assert failure.cause is Cause.AUTH
        found = rule_for(190, subcode)
        assert found is not None
        assert failure.note == found[1].name

    def test_token_subcodes_have_remedies_of_their_own(self) -> None:
        rules = [rule_for(190, subcode) for subcode in (458, 459, 460, 463, 464, 467, 492, None)]
        assert len({found[1].name for found in rules if found}) == 8

    def test_type_says_nothing(self) -> None:
        assert answer(130429, 429, type="OAuthException").cause is Cause.RATE_LIMIT
        assert answer(2, 500, type="OAuthException").cause is Cause.UNREACHABLE

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
    def test_the_code_wins_over_the_http_status(self, status: int) -> None:
        assert answer(131026, status).cause is Cause.UNDELIVERABLE
        assert answer(131056, status).cause is Cause.PAIR_RATE_LIMIT


class TestOddAnswers:
    @pytest.mark.parametrize(
        ("error", "details"),
        [
            ({"code": 132000, "error_data": "a plain string"}, "a plain string"),
            ({"code": 132000, "error_data": {"details": "d"}, "message": "m"}, "d"),
            ({"code": 132000, "error_data": {"details": 5}, "message": "m"}, "m"),
            ({"code": 132000, "error_data": ["x"], "title": "t"}, "t"),
            ({"code": "132000", "details": "flat"}, "flat"),
            ({"code": 132000.0, "error_user_msg": "u"}, "u"),
            ({"code": " 132000 "}, "parameter count"),
            ({"error_code": 132000, "error_description": "health"}, "health"),
            (
                {"message": "(#132000) Number of parameters does not match"},
                "(#132000) Number of parameters does not match",
            ),
        ],
    )
    def test_lenient_shapes(self, error: dict[str, object], details: str) -> None:
        for failure in (classify_answer(400, {"error": error}, {}), classify_status_error(error)):
            assert failure.code == 132000
            assert failure.cause is Cause.BAD_REQUEST
            assert failure.known
            assert failure.details == details

    @pytest.mark.parametrize("body", [{"errors": [{"code": 4}]}, [{"error": {"code": 4}}], {"code": 4}])
    def test_errors_in_other_places(self, body: object) -> None:
        assert classify_answer(400, body, {}).code == 4

    @pytest.mark.parametrize("error", [{"code": 131014, "title": "Request for url failed"}, {"code": 470}])
    def test_old_webhook_payloads(self, error: dict[str, object]) -> None:
        assert classify_status_error(error).known

    def test_an_unknown_code_stays_with_its_message(self) -> None:
        for failure in (answer(999_999, 500), classify_status_error({"code": 999_999})):
            assert failure.cause is Cause.BAD_REQUEST
            assert not failure.known
            assert not failure.counts_for_window
            assert not failure.is_passing
        assert "999999" in answer(999_999).note

    @pytest.mark.parametrize(
        "code", [True, None, [], {}, "x", "1e9", "9" * 5000, 10**40, float("nan"), float("inf"), 1.5]
    )
    def test_a_code_that_is_none(self, code: object) -> None:
        failure = classify_status_error({"code": code})
        assert failure.code is None
        assert failure.cause is Cause.BAD_REQUEST
        assert not failure.known

    @given(
        status=st.integers(0, 999),
        body=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["error", "errors", "code", "error_data", "details", "message", "error_subcode"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        headers=st.dictionaries(
            st.sampled_from(
                ["Retry-After", "X-App-Usage", "x-business-use-case-usage", "Date", "x-fb-trace-id"]
            ),
            st.text(max_size=30)
            | st.sampled_from(
                ["{}", "[]", '{"a":[1,{"call_count":"x"}]}', "nan", "inf", "-5", "1e400", '{"a":null}']
            ),
        ),
    )
    def test_never_raises(self, status: int, body: Any, headers: dict[str, str]) -> None:
        failure = classify_answer(status, body, headers)
        assert failure.reach is failure.cause.traits.reach
        assert failure.details
        assert len(failure.details) <= MAX_DETAILS
        assert failure.retry_after is None or 0 < failure.retry_after <= MAX_RETRY_AFTER
        assert classify_status_error(body if isinstance(body, dict) else {}).http_status is None


class TestWithoutACode:
    @pytest.mark.parametrize(
        ("status", "body", "cause", "left"),
        [
            (429, None, Cause.RATE_LIMIT, False),
            (401, None, Cause.AUTH, False),
            (403, {"x": 1}, Cause.AUTH, False),
            (400, {"error": {"message": "what?"}}, Cause.BAD_REQUEST, False),
            (404, None, Cause.UNREACHABLE, False),
            (408, {}, Cause.UNREACHABLE, False),
            (413, None, Cause.BAD_REQUEST, False),
            (302, None, Cause.UNREACHABLE, False),
            (500, None, Cause.UNREACHABLE, False),
            (503, None, Cause.UNREACHABLE, False),
            (502, None, Cause.UNREACHABLE, True),
            (504, {"x": 1}, Cause.UNREACHABLE, True),
            (504, {"error": {"message": "Meta's own words"}}, Cause.UNREACHABLE, False),
            (200, None, Cause.UNREACHABLE, True),
        ],
    )
    def test_the_http_status_decides(self, status: int, body: object, cause: Cause, left: bool) -> None:
        failure = classify_answer(status, body, {})
        assert failure.cause is cause
        assert failure.may_have_left is left
        assert failure.code is None
        assert failure.http_status == status

    @pytest.mark.parametrize(("status", "cause"), [(429, Cause.RATE_LIMIT), (500, Cause.UNREACHABLE)])
    def test_a_gateway_that_gives_its_status_as_code(self, status: int, cause: Cause) -> None:
        assert answer(status, status).cause is cause

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_an_error_that_meta_gave_means_not_sent(self, status: int) -> None:
        failure = answer(131000, status)
        assert not failure.may_have_left
        assert failure.is_passing


class TestFaults:
    @pytest.mark.parametrize("fault", list(Fault))
    def test_may_the_request_have_left(self, fault: Fault) -> None:
        failure = classify_fault(fault, "for +49 170 1234567")
        left = fault in (Fault.READ_TIMEOUT, Fault.BROKEN, Fault.NOT_JSON)
        assert failure.cause is Cause.UNREACHABLE
        assert failure.may_have_left is left
        assert failure.is_passing is not left
        assert failure.counts_for_window
        assert not failure.trips_at_once
        assert "1234567" not in failure.details

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ("", "unreachable: connection refused"),
            ("Connection refused", "unreachable: connection refused"),
            ("No route to host", "unreachable: connection refused: No route to host"),
        ],
    )
    def test_it_is_said_once_and_without_a_code(self, said: str, words: str) -> None:
        assert classify_fault(Fault.REFUSED, said).words == words


class TestConsequences:
    @pytest.mark.parametrize(
        ("code", "at_once", "counts", "passing"),
        [
            (190, True, True, False),
            (131042, True, True, False),
            (130429, False, True, True),
            (131048, False, True, False),
            (131056, False, False, True),
            (131016, False, True, True),
            (132015, False, False, False),
            (131026, False, False, False),
            (100, False, False, False),
        ],
    )
    def test_by_cause(self, code: int, at_once: bool, counts: bool, passing: bool) -> None:
        failure = answer(code)
        assert (failure.trips_at_once, failure.counts_for_window, failure.is_passing) == (
            at_once,
            counts,
            passing,
        )


BUSINESS = json.dumps(
    {
        "102290129340398": [
            {"type": "whatsapp_business_management", "call_count": 1, "total_cputime": 2, "total_time": 3},
            {
                "type": "whatsapp",
                "call_count": 101,
                "total_cputime": 1,
                "total_time": 1,
                "estimated_time_to_regain_access": 7,
            },
        ]
    }
)


class TestHeaders:
    def test_usage(self) -> None:
        usage = usage_headers(
            {
                "X-Business-Use-Case-Usage": BUSINESS,
                "x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":26}',
            }
        )
        assert usage is not None
        assert [quota.type for quota in usage.quotas] == ["whatsapp_business_management", "whatsapp", "app"]
        assert [quota.percent for quota in usage.quotas] == [3, 101, 28]
        assert usage.percent == 101
        assert usage.regain_seconds == 420

    @pytest.mark.parametrize("text", ["", "x", "[]", "{}", "null", '{"a":[]}', '{"a":5}', "[" * 100_000])
    def test_unreadable_usage_is_none(self, text: str) -> None:
        assert usage_headers({"X-Business-Use-Case-Usage": text}) is None

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({"RETRY-AFTER": "60"}, 60),
            ({"Retry-After": "60", "X-Business-Use-Case-Usage": BUSINESS}, 60),
            ({"X-Business-Use-Case-Usage": BUSINESS}, 420),
            ({"Retry-After": "soon", "X-Business-Use-Case-Usage": BUSINESS}, 420),
            ({"Retry-After": "0"}, None),
            ({"Retry-After": "-3"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "1e12"}, MAX_RETRY_AFTER),
            ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:58:29 GMT"}, 90),
            ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ],
    )
    def test_retry_after(self, headers: dict[str, str], expected: float | None) -> None:
        assert answer(130429, 429, headers).retry_after == expected

    def test_the_time_to_regain_access_is_about_limits_only(self) -> None:
        headers = {"X-Business-Use-Case-Usage": BUSINESS}
        assert answer(80007, headers=headers).retry_after == 420
        assert answer(131016, headers=headers).retry_after is None
        assert answer(131016, headers={"Retry-After": "5"}).retry_after == 5

    def test_the_trace_id(self) -> None:
        assert answer(4, fbtrace_id="Az8or2yhqkZfEZ-_4Qn_Bam").fbtrace_id == "Az8or2yhqkZfEZ-_4Qn_Bam"
        assert answer(4, headers={"X-FB-Trace-ID": "Abc"}).fbtrace_id == "Abc"
        assert answer(4, fbtrace_id=5).fbtrace_id is None


class TestPrivacy:
    @pytest.mark.parametrize(
        ("text", "secret"),
        [
            ("to 16505551234 failed", "1650555"),
            ("to +1 650 555-1234 failed", "650 555"),
            ("Malformed access token EAAGm0PX4ZCpsBAKZCzxJ9ZBqQ", "EAAG"),
            ("header Bearer abc.def-ghi", "abc.def"),
            ("GET /x?access_token=topsecret&y=1", "topsecret"),
            ('{"client_secret": "topsecret"}', "topsecret"),
            ("app 123456|AbCdEfGhIj", "AbCdEf"),
            ("secret 0123456789abcdef0123456789abcdef", "abcdef"),
            ("key sk-proj-abcdefgh", "abcdefgh"),
            ("token AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "KlMnOp"),
        ],
    )
    def test_is_masked_everywhere(self, text: str, secret: str) -> None:
        failures = [
            answer(100, error_data={"details": text}),
            answer(100, message=text, error_data=None),
            classify_status_error({"code": 131026, "title": text}),
            classify_fault(Fault.BROKEN, text),
            classify_answer(500, {"error": text}, {}),
        ]
        for failure in failures:
            assert secret not in repr(failure)
            assert "***" in failure.details
