"""``lifeline status`` and ``lifeline drill``: the whole at a glance, and a rehearsal of an outage.

A stack that is older than the command line may lack a way that came since: it has reached nobody there.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.instants import duration
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import WAYS, WAYS_BY_NAME

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.panic import probes
from lifeline_cli.queue import rate
from lifeline_cli.render import Cli, Count, Watch

if TYPE_CHECKING:
    from rich.console import RenderableType

READY: Final = "ready"
STYLES: Final[Mapping[str, str]] = {"ok": "green", "warn": "yellow", "fail": "bold red", "unknown": "cyan"}
WORDS: Final[Mapping[str, str]] = {
    READY: "Ready for an outage.",
    "not_ready": "Not ready for an outage.",
    "unclear": "Nothing failed, but some steps could not be checked.",
}
LIVE_WITHIN: Final = 120.0
"""Seconds that the test messages of a live rehearsal may take: queue, batch window, a cold start."""
LOOK_EVERY: Final = 1.0
NO_WAIT: Final = 0.05
"""Seconds below which a wait for the limiter shows as none."""


# -- status ------------------------------------------------------------------------------------------------


def status(context: typer.Context, watch: Watch = None, count: Count = None) -> None:
    """Show everything at a glance: panic, queues, drain, the last hour, token, prober."""
    cli: Cli = context.obj
    cli.watch("status.show", lambda: cli.client.call("status.show"), draw_status, watch, count)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A screen of 80 columns."""
    at = result["at"]
    yield render.text(f"Lifeline at {render.moment(at)}", "bold")
    if result["scopes"] is not None:
        yield render.table(
            ("scope", "state", "cause", "since"),
            [
                (
                    flag["scope"],
                    render.state(flag["state"]),
                    flag["cause"] or "-",
                    render.ago(flag["since"], at),
                )
                for flag in result["scopes"]
            ],
            tight=True,
        )
    if result["queues"] is not None:
        yield from _queues(result["queues"])
    yield from _lines(result, at)
    for note in result["notes"]:
        yield render.warn(note)


def _queues(queues: Sequence[Mapping[str, Any]]) -> Iterable[RenderableType]:
    """Those that hold something; lifeline queue status has all."""
    full = [row for row in queues if row["visible"] or row["in_flight"] or row["delayed"]]
    if full:
        yield render.table(
            ("queue", "waiting", "in flight", "later", "oldest"),
            [
                (
                    row["name"],
                    row["visible"],
                    row["in_flight"],
                    row["delayed"],
                    duration(row["oldest_age_seconds"]),
                )
                for row in full
            ],
            right=("waiting", "in flight", "later", "oldest"),
            tight=True,
        )
    if len(full) < len(queues):
        others = f"{len(queues) - len(full)} {'other ' if full else ''}"
        yield render.text(f"{others}queues and lanes are empty", "dim")


def _lines(result: Mapping[str, Any], at: str) -> Iterable[RenderableType]:
    drain, limiter, hour = result["drain"], result["limiter"], result["last_hour"]
    panics = [flag for flag in result["scopes"] or () if flag["state"] == "panic"]
    if panics:
        good = ", ".join(f"{flag['scope']} {probes(flag)}" for flag in panics)
        yield render.text(f"probes OK  {good}")
        for command in dict.fromkeys(flag.get("run") for flag in panics):
            if command:
                yield render.text(f"run        {command}", "bold")
    if drain is not None:
        yield render.text(f"drain      {rate(drain['rate'])} of {rate(drain['ceiling'])}: {drain['state']}")
    if limiter is not None:
        booked = limiter["booked_seconds"]
        wait = f"next message waits {booked:.1f} s" if booked >= NO_WAIT else "no wait"
        yield render.text(f"limiter    {rate(limiter['rate'])}, {wait}")
    if hour is not None:
        others = {n: c for n, c in hour["failures_elsewhere"].items() if n not in WAYS_BY_NAME}
        failures = {**hour["failures"], **others}
        failed = ", ".join(f"{cause} {number}" for cause, number in failures.items()) or "none"
        yield render.text(
            f"last hour  {hour['accepted']} accepted (last {render.ago(hour['last_accepted_at'], at)}); "
            f"failures: {failed}"
        )
        elsewhere = hour["failures_elsewhere"]
        ways = ", ".join(
            f"{hour['fallbacks'].get(way.name, 0)} by {way.label}"
            + (f" ({elsewhere[way.name]} failed)" if way.name in elsewhere else "")
            for way in WAYS
        )
        yield render.text(f"fallbacks  {ways}; {hour['parked']} parked, {hour['expired']} expired")
        if elsewhere:
            channels = ", ".join(f"{name} {number}" for name, number in elsewhere.items())
            yield render.warn(f"failures besides WhatsApp: {channels}; run lifeline errors")
    look, age = result["token"], result["prober"]["age_seconds"]
    token = f"{look.get('outcome')}, checked {render.ago(look.get('at'), at)}" if look else "not checked yet"
    prober = "has not run yet" if age is None else f"ran {duration(age)} ago"
    yield render.text(f"token      {token}; prober {prober}")


# -- drill -------------------------------------------------------------------------------------------------


def _option_per_way(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with an option for each way's address in place of its ``**addresses``."""
    own = inspect.signature(command, eval_str=True)
    options = [
        inspect.Parameter(
            way.name,
            inspect.Parameter.KEYWORD_ONLY,
            default="",
            annotation=Annotated[
                str,
                typer.Option(f"--{way.name}", metavar=way.metavar, help=f"With --live: {way.sample_help}."),
            ],
        )
        for way in WAYS
    ]
    others = [item for item in own.parameters.values() if item.kind is not inspect.Parameter.VAR_KEYWORD]
    vars(command)["__signature__"] = own.replace(parameters=[*others, *options])
    return command


@_option_per_way
def drill(
    context: typer.Context,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="A real panic with test messages, not in prod. All messages use fallbacks."
        ),
    ] = False,
    to: Annotated[
        str, typer.Option("--to", metavar="NUMBER", help="With --live: recipient of the test messages.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --live: do not ask.")] = False,
    **addresses: str,
) -> None:
    """Check that you are ready for an outage: fallbacks, notifications, alarms. Changes nothing.

    Exit code 0 only if every step could be checked and none failed.
    """
    cli: Cli = context.obj
    given = {way.field: addresses[way.name] for way in WAYS} | {"to": to}
    if any(given.values()) and not live:
        raise typer.BadParameter(f"{', '.join(f'--{way.name}' for way in WAYS)} and --to need --live")
    if not live:
        result = cli.client.call("drill.run")
        cli.show("drill.run", result, draw_drill)
        if result["verdict"] != READY:
            raise CliError(
                "not_ready", WORDS[result["verdict"]], "Fix the steps above, then run it again.", shown=True
            )
        return
    render.confirm("Put whatsapp in panic on this stack and send test messages?", yes)
    result = rehearse(cli, {name: value for name, value in given.items() if value})
    cli.show("drill.start", result, draw_live)
    if not result["passed"]:
        raise CliError(
            "not_ready", "the live rehearsal failed", "Fix the steps above, then run it again.", shown=True
        )


def rehearse(cli: Cli, given: Mapping[str, str]) -> dict[str, Any]:
    """Panic, test messages, their outcomes, and the end of the panic, whatever happens between."""
    started = cli.client.change("drill.start", **given)
    began = time.monotonic()
    rows: dict[str, dict[str, Any]] = {}
    try:
        while time.monotonic() - began < LIVE_WITHIN:
            for message in started["messages"]:
                name = message["id"]
                if rows.get(name, {}).get("status") != message["expected"]:
                    rows[name] = cli.client.call("message.show", id=name)
            if all(rows[m["id"]].get("status") == m["expected"] for m in started["messages"]):
                break
            time.sleep(LOOK_EVERY)
    finally:
        ended = cli.client.change("panic.disable", scope=WHATSAPP, reason="live rehearsal over")
    messages = [
        {
            **message,
            "status": rows.get(message["id"], {}).get("status"),
            "ok": rows.get(message["id"], {}).get("status") == message["expected"],
        }
        for message in started["messages"]
    ]
    back = ended["flag"]["state"] != "panic"
    return {
        "incident_id": started["incident_id"],
        "messages": messages,
        "state": ended["flag"]["state"],
        "seconds": round(time.monotonic() - began, 1),
        "passed": back and all(message["ok"] for message in messages),
    }


def draw_drill(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Who would be reached, then a line per step, then the verdict."""
    numbers = ("people", *(way.label for way in WAYS), "only WhatsApp")
    if result["recipients"]:
        yield render.text(f"In an outage of WhatsApp now, of {result['sampled']} of today's recipients:")
        yield render.table(
            ("priority", *numbers),
            [
                (row["priority"], row["people"], *(row.get(way.name, 0) for way in WAYS), row["waits"])
                for row in result["recipients"]
            ],
            right=numbers,
        )
    for step in result["steps"]:
        state = step["state"]
        mark = state if state in ("ok", "warn") else state.upper()
        yield render.text(f"{mark:<8} {step['name']}: {step['found']}", STYLES.get(state, ""))
        if step["fix"]:
            yield render.text(f"         {step['fix']}")
    verdict = result["verdict"]
    yield render.text(WORDS[verdict], "green" if verdict == READY else "bold red")


def draw_live(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row for each test message."""
    yield render.table(
        ("message", "way", "expected", "status"),
        [(m["id"], m["way"], m["expected"], m["status"] or "-") for m in result["messages"]],
    )
    yield render.text(f"Panic lasted {result['seconds']:g} s; whatsapp is {result['state']} again.")
    yield render.text(
        f"Report: lifeline incident report {result['incident_id']}",
    )
    yield render.text(
        "The fallback works." if result["passed"] else "The fallback failed.",
        "green" if result["passed"] else "bold red",
    )
