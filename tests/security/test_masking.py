"""A person's number and mail address, in ten notations, seeded wherever strangers can put text: no log,
metric, reason of a dead letter or notification holds them. Real wiring, real logger, services in memory."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
from lifeline.telemetry import Telemetry

from tests.support.hostile import World, good
from tests.support.meta import change, failed, inbound, post, status, statuses, template_update

NOTATIONS: Final = (
    "4915155544433",
    "+4915155544433",
    "+49 151-555-44433",
    "+49 (151) 555-44 433",
    "+49 (0) 151 / 55544433",
    "004915155544433",
    "00 49 151 555 44 433",
    "0151 555 44 433",
    "jane.doe@example.org",
    "jane.doe%40example.org",
)


def leaks(text: str) -> bool:
    """Whether the number, however written, or the mail address stands in ``text``."""
    return "jane.doe" in text or bool(re.search(r"1\D{0,3}5\D{0,3}1\D{0,3}5\D{0,3}5\D{0,3}5\D{0,3}4", text))


@pytest.fixture
def world() -> World:
    world = World()
    world.log = Telemetry("masking")  # type: ignore[assignment]
    world.panic = world.adapters("webhook").panic
    world.deliver = world.worker()
    return world


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_seed_is_a_leak_until_masked(notation: str) -> None:
    assert leaks(f"to {notation} failed")


@pytest.mark.parametrize("notation", NOTATIONS)
def test_what_strangers_write_is_masked_everywhere(
    world: World, notation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = f"to {notation} failed"
    world.invoke(
        good(id="number", to=notation),
        good(id="kind", type=seed),
        good(id="field", **{seed: 1}),
        good(id="endpoint", recipient={"push_endpoint": seed}),
        good(id=seed, to=None),
        json.dumps(seed),
        seed,
        good(id="sent"),
    )
    error: dict[str, Any] = {"code": 131026, "title": seed, "message": seed, "error_data": {"details": seed}}
    entries = [
        status("sent", "failed", errors=[error]),
        status("sent", seed),
        failed("sent", 131048),
    ]
    for part in (
        statuses(entries),
        inbound(
            {"from": notation, "id": "wamid.x", "type": "text", "text": {"body": seed}, "timestamp": seed}
        ),
        template_update("greeting", "REJECTED", reason=seed),
        change(seed, {"a": seed}),
        change("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": seed}}),
    ):
        world.hook(post(part))
    world.listen(seed)
    assert world.dead
    for reason in world.dead:
        assert not leaks(reason), reason
    for line in capsys.readouterr().out.splitlines():
        assert not leaks(line), line
    assert world.ops.sent
    for notice in world.ops.sent:
        assert not leaks(json.dumps(notice, ensure_ascii=False)), notice
