"""What the local system changes in policies: its AWS names actions and principals otherwise than AWS."""

from __future__ import annotations

from pathlib import Path

from local.build import ROOT
from local.stack import LocalStack, guide, with_batch_names, with_sessions


def test_a_batch_has_the_name_of_its_own_call() -> None:
    assert with_batch_names("sqs:SendMessage") == ["sqs:SendMessage", "sqs:SendMessageBatch"]
    assert with_batch_names(["sns:Subscribe"]) == ["sns:Subscribe"]


def test_a_role_stands_for_its_sessions_and_for_no_other_role() -> None:
    role = "arn:aws:iam::000000000000:role/lifeline-SenderRole-1"
    assert with_sessions([role]) == [
        role,
        "arn:aws:sts::000000000000:assumed-role/lifeline-SenderRole-1/*",
    ]


def test_the_guide_tells_operators_and_producers_how() -> None:
    stack = LocalStack(ROOT / ".local", endpoints={"graph_control": "http://127.0.0.1:1"})
    text = guide(stack)
    assert "    source .local/env\n" in text
    assert f"    source {ROOT}/.local/env; pip install {ROOT}/producer\n" in text, "from another folder"
    assert 'Lifeline.of_stack("lifeline-local")' in text
    assert "http://127.0.0.1:1/_control/requests?path=/messages" in text
    example = f'python {ROOT}/examples/appointments/appointments.py "$LIFELINE_STACK" --outage'
    assert example in text
    assert (ROOT / "examples" / "appointments" / "appointments.py").exists()
    document = (ROOT / "docs" / "producers.md").read_text()
    assert 'docs/producers.md, "Test your own project"' in text
    assert "\n## Test your own project\n" in document
    assert Path(ROOT / "producer" / "pyproject.toml").exists()
