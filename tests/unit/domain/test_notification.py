"""A notification in plain text, and its link to the runbook."""

from __future__ import annotations

from lifeline.domain.notification import plain, runbook


def test_parts_that_are_missing_leave_no_gap() -> None:
    assert (
        plain("What happened.", run="lifeline panic status")
        == "What happened.\n\nRun:\n    lifeline panic status"
    )
    assert plain("What happened.") == "What happened."


def test_the_link_is_to_the_section_and_without_a_link_it_is_named() -> None:
    assert (
        runbook("https://x.example/r", "Meta API Unreachable") == "https://x.example/r#meta-api-unreachable"
    )
    assert runbook("", "Meta API Unreachable") == 'docs/runbook.md, section "Meta API Unreachable"'
    assert runbook("https://x.example/r", "") == ""
