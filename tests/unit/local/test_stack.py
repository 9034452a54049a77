"""What the local system changes in policies: its AWS names actions and principals otherwise than AWS."""

from __future__ import annotations

from local.stack import with_batch_names, with_sessions


def test_a_batch_has_the_name_of_its_own_call() -> None:
    assert with_batch_names("sqs:SendMessage") == ["sqs:SendMessage", "sqs:SendMessageBatch"]
    assert with_batch_names(["sns:Publish"]) == ["sns:Publish"]


def test_a_role_stands_for_its_sessions_and_for_no_other_role() -> None:
    role = "arn:aws:iam::000000000000:role/lifeline-SenderRole-1"
    assert with_sessions([role]) == [
        role,
        "arn:aws:sts::000000000000:assumed-role/lifeline-SenderRole-1/*",
    ]
