"""``lifeline panic ...``: see and steer panic mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from lifeline.contract import OPENAI_VOICE, WHATSAPP

from lifeline_cli import render
from lifeline_cli.render import Cli
from lifeline_cli.values import instant_of, seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="See and steer panic mode.")


def scopes(incomplete: str) -> list[str]:
    """Completion of a scope."""
    return [name for name in (WHATSAPP, OPENAI_VOICE, "whatsapp/template/") if name.startswith(incomplete)]


Scope = Annotated[
    str,
    typer.Argument(
        help="What it is about: whatsapp, openai_voice or whatsapp/template/NAME.",
        autocompletion=scopes,
        show_default=False,
    ),
]
Reason = Annotated[
    str, typer.Argument(help="Why, in one sentence; it goes into the history.", show_default=False)
]
Watch = Annotated[
    float | None,
    typer.Option("--watch", metavar="SECONDS", help="Look again every so many seconds, until Ctrl-C."),
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, metavar="TIMES", help="With --watch: stop after so many looks."),
]


@app.command()
def status(
    context: typer.Context,
    scope: Annotated[str | None, typer.Argument(help="Only this scope.", autocompletion=scopes)] = None,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """Is anything in panic, since when, why, and what ends it?"""
    cli: Cli = context.obj
    fields = {"scope": scope} if scope else {}
    cli.watch("panic.status", lambda: cli.client.call("panic.status", **fields), draw_status, watch, count)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The flags as a table, and a paragraph for each scope in panic."""
    at = result["at"]
    yield render.table(
        ("scope", "state", "cause", "since", "reason", "by", "probes"),
        [
            (
                flag["scope"],
                render.state(flag["state"]),
                flag["cause"] or "-",
                render.ago(flag["since"], at),
                flag["reason"] or "-",
                short(flag["actor"]) or "-",
                f"{flag['probe_successes']} of {flag['probes_needed']}" if flag["state"] == "panic" else "-",
            )
            for flag in result["scopes"]
        ],
    )
    for flag in result["scopes"]:
        yield from _details(flag)


def _details(flag: Mapping[str, Any]) -> Iterable[RenderableType]:
    scope = flag["scope"]
    if flag["shadow"]:
        yield render.warn(f"{scope} is in shadow: it reports when it would panic, and does not")
    if flag["ends"]:
        yield render.text(f"{scope}: {flag['ends']} (incident {flag['incident_id']})")
    if flag.get("remedy"):
        yield render.text(f"  what to do: {flag['remedy']}")
    for probe in flag.get("probes", []):
        found = "answered well" if probe["ok"] else f"failed: {probe['found']}"
        yield render.text(
            f"  probe {render.clock_time(probe['at'])} {found}", "green" if probe["ok"] else "red"
        )


def short(actor: str) -> str:
    """The name at the end of an ARN; other actors as they are."""
    return actor.rpartition("/")[2] or actor if actor.startswith("arn:") else actor


@app.command()
def enable(
    context: typer.Context,
    scope: Scope,
    reason: Reason,
    hold: Annotated[
        bool, typer.Option("--hold", help="Probes do not end it; only you or --until/--for do.")
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="End at this time: 2026-03-01T09:00:00Z, or 18:30 (UTC)."
        ),
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="End after this span: 90s, 30m, 2h, 1d.")
    ] = None,
) -> None:
    """Put a scope in panic: nothing is sent on it, people are reached by push and email."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"scope": scope, "reason": reason}
    if hold:
        fields["hold"] = True
    if until:
        fields["until"] = instant_of(until)
    if for_:
        fields["for_seconds"] = seconds_of(for_, "--for")
    cli.show("panic.enable", cli.client.change("panic.enable", **fields), draw_change)


@app.command()
def disable(
    context: typer.Context,
    scope: Scope,
    reason: Reason,
    no_ramp: Annotated[
        bool,
        typer.Option(
            "--no-ramp", help="Straight to normal: the backlog leaves at the full set rate at once."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a panic: live traffic flows again, what waits leaves slowly."""
    cli: Cli = context.obj
    if no_ramp:
        render.confirm(
            f"Without ramp the whole backlog of {scope} leaves at the set rate at once. Go on?", yes
        )
    fields = {"scope": scope, "reason": reason, **({"ramp": False} if no_ramp else {})}
    cli.show("panic.disable", cli.client.change("panic.disable", **fields), draw_change)


def draw_change(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What a change left behind."""
    from rich.text import Text

    flag = result["flag"]
    words = "is now" if result["changed"] else "is already"
    yield Text.assemble(f"{flag['scope']} {words} ", render.state(flag["state"]), f": {flag['reason']}")
    if flag["ends"]:
        yield render.text(f"It {flag['ends']}.")
    if flag["incident_id"]:
        yield render.text(f"Incident {flag['incident_id']}", "dim")
    for warning in result["warnings"]:
        yield render.warn(warning)
