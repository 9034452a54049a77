"""An update in place, with messages under way: none is lost, none told twice without a count."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.build import SAM, build
from local.stack import LocalStack
from tests.support.causes import SETTINGS
from tests.support.openapi import OPENAPI
from tests.support.system import PATIENCE, System, eventually

MESSAGES = 1_000
PER_SECOND = 50
AFTERWARDS = 100
"""Messages that are put after the update has ended."""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system of its own: others go on with the build that they know."""
    if not SAM.exists():
        pytest.skip(f"{SAM} is missing; make setup installs it")
    name = f"upgrade-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}"
    openapi = OPENAPI if OPENAPI.exists() else None
    stack = LocalStack(tmp_path / "stack", name=name, settings=SETTINGS, quiet=True, openapi=openapi)
    try:
        yield System(stack.start())
    finally:
        stack.stop()


def next_build(folder: Path) -> Path:
    """The present build with another byte in every function and another file in the layer."""
    shutil.copytree(build(say=False), folder)
    for handler in folder.glob("*Function/app.py"):
        handler.write_text(handler.read_text() + "\n# The next version.\n")
    (layer,) = folder.glob("*/python/lifeline")
    (layer / "next_version.py").write_text('"""The next version."""\n')
    return folder


def codes(system: System) -> dict[str, str]:
    """The digest of each function's code."""
    pages = system.functions.get_paginator("list_functions").paginate()
    return {found["FunctionName"]: found["CodeSha256"] for page in pages for found in page["Functions"]}


@pytest.mark.timeout(480)
def test_a_thousand_messages_under_way_survive_an_update(system: System, tmp_path: Path) -> None:
    prefix = system.fresh()
    system.produce(system.person(f"{prefix}-first"))
    system.wait_for([f"{prefix}-first"], "DELIVERED", within=60)
    ids: list[str] = []
    device = system.push_endpoint()
    updated = threading.Event()

    def flow() -> None:
        """At least :data:`MESSAGES`, and some more after the update has ended, however long it takes."""
        began, last = time.monotonic(), MESSAGES
        while len(ids) < last:
            start = len(ids)
            time.sleep(max(0.0, began + start / PER_SECOND - time.monotonic()))
            names = [f"{prefix}-{number:04d}" for number in range(start, start + 10)]
            people = [
                system.person(name, to=f"+49151126{start + n:05d}", recipient={"push_endpoint": device})
                for n, name in enumerate(names)
            ]
            system.produce(*people)
            ids.extend(names)
            if not updated.is_set():
                last = max(last, len(ids) + AFTERWARDS)

    newer = next_build(tmp_path / "next")
    before = codes(system)
    producer = threading.Thread(target=flow, daemon=True)
    producer.start()
    eventually(lambda: len(ids) >= 50, 30, "the flow has begun")
    system.wait_for(ids[:50], "DELIVERED", within=30)
    system.stack.update(newer)
    during = len(system.accepted(prefix))
    updated.set()
    after = codes(system)
    producer.join(60)
    assert not producer.is_alive()
    assert before.keys() == after.keys()
    assert not [name for name in before if before[name] == after[name]], "every function has the next version"
    assert len(ids) >= MESSAGES
    assert during < len(ids), "messages were under way when the update had ended"
    system.wait_for(ids, "DELIVERED", within=240 / PATIENCE)
    taken = Counter(system.accepted(prefix))
    assert set(taken) == {*ids, f"{prefix}-first"}
    for name in (name for name, count in taken.items() if count > 1):
        row = system.row(name)
        counted = len(row.get("doubts", "").split()) + len(row.get("duplicates", "").split())
        assert taken[name] <= 1 + counted, f"{name} was taken {taken[name]} times; {row}"
    left = system.sqs.get_queue_attributes(QueueUrl=system.out["WhatsappDlqUrl"], AttributeNames=["All"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
