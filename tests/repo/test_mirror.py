"""Tests stand where the layer's files stand, and the operator's three sides are named alike.

The test of ``domain/panic/flag.py`` is ``tests/unit/domain/panic/test_flag.py``; a subject of its own may be
beside it, ``test_flag_machine.py``.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.template import ROOT

LAYER = ROOT / "layers" / "lifeline" / "lifeline"
UNIT = ROOT / "tests" / "unit"
CLI = ROOT / "cli" / "lifeline_cli"

WIRED = "joins adapters and use cases, no logic; every test that runs a worker goes through it"
ELSEWHERE: dict[str, tuple[str, str]] = {
    **{
        f"adapters/control/{name}.py": (
            "tests/integration/test_control.py",
            "one suite with the one in memory",
        )
        for name in ("flags", "marks", "named", "table", "windows")
    },
    "adapters/http.py": ("tests/integration/test_http.py", "with real sockets"),
    "adapters/inbox.py": ("tests/e2e/test_inbound.py", "on the local DynamoDB"),
    "adapters/openai.py": ("tests/integration/test_openai.py", "over HTTP, against the simulator"),
    "adapters/reach.py": ("tests/integration/test_reach.py", "with real sockets"),
    "adapters/row_items.py": ("tests/unit/adapters/test_ledger.py", "the ledger's own items"),
    "contract/names.py": (
        "tests/repo/test_subscriptions.py",
        "names; audiences are held against the template",
    ),
    "domain/failure/reading.py": ("tests/unit/domain/failure/test_classify.py", "how answers are read"),
    "domain/failure/rules.py": ("tests/unit/domain/failure/test_classify.py", "a table"),
    "domain/failure/usage.py": ("tests/unit/domain/failure/test_classify.py", "headers of answers"),
    "domain/incident/facts.py": ("tests/unit/domain/incident/test_report.py", "values without logic"),
    "domain/incident/outcomes.py": (
        "tests/unit/domain/incident/test_people.py",
        "what people's rows come to",
    ),
    "domain/message/ways.py": ("tests/unit/domain/message/test_outcome.py", "part of what an outcome leaves"),
    "domain/panic/planned.py": ("tests/unit/use_cases/panic/test_enter_planned.py", "with the stored plans"),
    "domain/records.py": ("tests/repo/test_records.py", "with all kinds of records"),
    "domain/voice/speech.py": ("tests/unit/domain/inbound/test_inbound.py", "read beside the inbound jobs"),
    "errors.py": ("tests/unit/adapters/test_aws.py", "values without logic"),
    "use_cases/deliver/fallbacks.py": (
        "tests/unit/use_cases/deliver/test_fall_back.py",
        "with the ways it takes",
    ),
    "use_cases/deliver/job.py": ("tests/unit/use_cases/deliver/test_intake.py", "values without logic"),
    "use_cases/deliver/merge.py": (
        "tests/unit/use_cases/deliver/test_record.py",
        "what a lost write becomes",
    ),
    "use_cases/shared/incidents.py": (
        "tests/unit/use_cases/incident/test_summarise.py",
        "with the summaries that people get",
    ),
    "use_cases/shared/panic_plans.py": (
        "tests/unit/use_cases/panic/test_enter_planned.py",
        "with what enters them",
    ),
    "use_cases/shared/fold_reports.py": (
        "tests/unit/use_cases/webhook/test_statuses.py",
        "with the reports it folds",
    ),
    "use_cases/operate/incident.py": (
        "tests/unit/use_cases/incident/test_summarise.py",
        "passes requests on",
    ),
    "use_cases/operate/queue_lanes.py": (
        "tests/unit/use_cases/operate/test_queue.py",
        "what queue.status shows",
    ),
    "use_cases/shared/detect.py": (
        "tests/unit/use_cases/webhook/test_failures.py",
        "with failures it counts",
    ),
    "use_cases/shared/panic_mode.py": (
        "tests/unit/use_cases/operate/test_panic.py",
        "with who changes a flag",
    ),
    "use_cases/tick/campaigns.py": (
        "tests/unit/use_cases/operate/test_campaign.py",
        "with campaigns started",
    ),
    "use_cases/tick/endings.py": ("tests/unit/use_cases/tick/test_timers.py", "with the timers that end"),
    "use_cases/tick/gauges.py": ("tests/repo/test_dashboard.py", "a table"),
    "use_cases/tick/ramp.py": ("tests/unit/use_cases/tick/test_lanes.py", "with the lanes that it slows"),
    "use_cases/voice/voice_jobs.py": ("tests/unit/use_cases/voice/test_speak.py", "picks the job's reader"),
    **{
        f"contract/actions/{name}.py": ("tests/unit/contract/test_operator_actions.py", "a table")
        for name in (
            "action",
            "audit",
            "campaign",
            "incident",
            "limiter",
            "media",
            "messages",
            "panic",
            "person",
            "queue",
            "ready",
            "whatsapp",
        )
    },
    **{
        f"wiring/{name}.py": ("tests/unit/wiring/test_adapters.py", WIRED)
        for name in (
            "alarm",
            "drainer",
            "feedback",
            "messages",
            "operator",
            "operator_read",
            "token_keeper",
            "voice",
            "webhook",
            "webhook_events",
        )
    },
}
"""Files of the layer without a test of their own: where they are tested, and why there."""

SEVERAL = {
    "use_cases/test_failure_twice.py": "sender and webhook on one failure",
}
"""Tests of the layer's places that belong to no single file."""
OF_ALL = {"operate", "prove"}
"""Files of the operator's use case that serve every group of actions."""
SHARED = {"main", "render"}
"""Files of the command line with options that all commands have."""
THROUGH_ALL = {"test_checked_here.py", "test_commands.py", "test_hostile.py"}
"""Tests of the command line that go through all commands."""


def layer_files() -> set[str]:
    paths = (path.relative_to(LAYER) for path in LAYER.rglob("*.py") if path.name != "__init__.py")
    return {path.as_posix() for path in paths}


def unit_tests() -> set[str]:
    """Tests under the names of the layer's folders, and of its files at the top."""
    places = {path.name for path in LAYER.iterdir() if path.is_dir()}
    paths = [path.relative_to(UNIT) for path in UNIT.rglob("test_*.py")]
    return {path.as_posix() for path in paths if len(path.parts) == 1 or path.parts[0] in places}


def own_tests(file: str, tests: set[str]) -> set[str]:
    """``test_flag.py`` and ``test_flag_machine.py`` for ``flag.py``."""
    path = Path(file)
    own = f"{path.parent.as_posix()}/test_{path.stem}".removeprefix("./")
    return {test for test in tests if test == f"{own}.py" or test.startswith(f"{own}_")}


def test_every_file_has_its_test() -> None:
    tests = unit_tests()
    without = {file for file in layer_files() if not own_tests(file, tests)}
    assert without == set(ELSEWHERE), "a new file brings its test; who has one leaves the list"


def test_every_test_has_its_file() -> None:
    tests = unit_tests()
    known = {test for file in layer_files() for test in own_tests(file, tests)}
    assert tests - known == set(SEVERAL)


def test_what_is_tested_elsewhere_is_there() -> None:
    missing = {file: where for file, (where, _) in ELSEWHERE.items() if not (ROOT / where).is_file()}
    assert not missing


def subjects() -> set[str]:
    """The groups of actions."""
    return {path.stem for path in (LAYER / "contract" / "actions").glob("*.py")} - {"__init__", "action"}


def first(name: str) -> str:
    return name.partition("_")[0]


def test_command_files_and_operators_use_cases_are_named_alike() -> None:
    operate = {path.stem for path in (LAYER / "use_cases" / "operate").glob("*.py")} - {"__init__", *OF_ALL}
    commands = {path.stem for path in CLI.glob("*.py") if "typer.Option(" in path.read_text()}
    commands -= SHARED
    groups = subjects()
    assert {first(name) for name in operate} == groups
    assert {first(name) for name in commands} <= groups
    assert groups <= {path.stem for path in CLI.glob("*.py")}


def test_own_tests_the_command_line_are_named_as_its_files() -> None:
    files = {path.stem for path in CLI.glob("*.py")}
    for test in (UNIT / "cli").glob("test_*.py"):
        name = test.stem.removeprefix("test_")
        assert test.name in THROUGH_ALL or any(
            name == file or name.startswith(f"{file}_") for file in files
        ), test


def test_the_check_can_fail() -> None:
    tests = {"domain/panic/test_flag.py", "domain/panic/test_flag_machine.py", "domain/test_flag.py"}
    assert own_tests("domain/panic/flag.py", tests) == tests - {"domain/test_flag.py"}
    assert not own_tests("domain/panic/flags.py", tests)
    assert own_tests("errors.py", {"test_errors.py"}) == {"test_errors.py"}
