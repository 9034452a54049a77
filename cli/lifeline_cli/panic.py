"""``lifeline panic ...``: see and steer panic mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.actors import short
from lifeline.contract.scopes import SCOPE_WORDS, SCOPES, TEMPLATE_PREFIX

from lifeline_cli import render
from lifeline_cli.errors import usage
from lifeline_cli.render import Cli, Count, Watch
from lifeline_cli.values import instant_of, seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

WITH_CAUSE: Final = ("entered", "reentered", "cause_changed", "would_enter")
"""Events that say what failed."""
WITHIN: Final = ("held", "changed")
"""Events that change a panic under way and do not begin one."""

app = typer.Typer(no_args_is_help=True, help="Show and control panic mode.")


def scopes(incomplete: str) -> list[str]:
    """Completion of a scope."""
    return [name for name in (*SCOPES, TEMPLATE_PREFIX) if name.startswith(incomplete)]


Scope = Annotated[
    str,
    typer.Argument(
        help=f"The scope: {SCOPE_WORDS}.",
        autocompletion=scopes,
        show_default=False,
    ),
]
Reason = Annotated[
    str, typer.Argument(help="The reason, in one sentence, for the history.", show_default=False)
]


@app.command()
def status(
    context: typer.Context,
    scope: Annotated[str | None, typer.Argument(help="Only this scope.", autocompletion=scopes)] = None,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """Show which scopes are in panic, since when, why, and what ends it."""
    cli: Cli = context.obj
    fields = {"scope": scope} if scope else {}
    cli.watch("panic.status", lambda: cli.client.call("panic.status", **fields), draw_status, watch, count)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The flags as a table, and a paragraph for each scope in panic: two fit on 80 columns and 24 rows."""
    at = result["at"]
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
    for flag in result["scopes"]:
        yield from _details(flag)
    for plan in result.get("planned", []):
        yield draw_plan(plan)


def probes(flag: Mapping[str, Any]) -> str:
    """How many of the successes in a row that end panic there are; under a hold there may be more."""
    needed = flag["probes_needed"]
    return f"{min(flag['probe_successes'], needed)} of {needed}" if flag["state"] == "panic" else "-"


def _details(flag: Mapping[str, Any]) -> Iterable[RenderableType]:
    scope = flag["scope"]
    if flag["shadow"]:
        yield render.warn(f"{scope} is in shadow: it only reports when it would enter panic")
    if flag["state"] != "normal" and flag["reason"]:
        yield render.text(f"{scope}: {flag['reason']} (by {short(flag['actor']) or flag['source'] or '-'})")
    if flag["ends"]:
        so_far = f"; {probes(flag)} so far" if flag["state"] == "panic" else ""
        yield render.text(f"  {flag['ends']}{so_far} (incident {flag['incident_id']})")
    if flag.get("remedy"):
        yield render.text(f"  what to do: {flag['remedy']}")
    if flag.get("run"):
        yield render.text(f"  run: {flag['run']}")
    if flag.get("probes"):
        yield _last_probes(flag["probes"])


def _last_probes(last: Sequence[Mapping[str, Any]]) -> RenderableType:
    """How the last probes went, and what the newest one found; the history has each."""
    failed = sum(not probe["ok"] for probe in last)
    newest = last[0]
    finding = "OK" if newest["ok"] else newest["found"] or "failed"
    counted = f"last {len(last)} probes: {failed} failed" if len(last) > 1 else "last probe"
    words = f"  {counted}, latest ({render.clock_time(newest['at'])} UTC): {finding}"
    return render.text(words, "green" if newest["ok"] else "red")


def draw_plan(plan: Mapping[str, Any]) -> RenderableType:
    """One planned panic and how it is taken back."""
    return render.text(
        f"planned: {plan['scope']} from {render.moment(plan['at'])} until {render.moment(plan['until'])}: "
        f"{plan['reason']} (cancel it: lifeline panic cancel {plan['id']})"
    )


@app.command()
def cancel(
    context: typer.Context,
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="Its ID, from panic status.", show_default=False)
    ],
    reason: Annotated[str, typer.Argument(help="The reason, for the history.")] = "cancelled by an operator",
) -> None:
    """Cancel a planned panic before it begins."""
    cli: Cli = context.obj
    cli.show(
        "panic.cancel_plan",
        cli.client.change("panic.cancel_plan", plan=plan, reason=reason),
        lambda result: [render.text(f"Plan {result['plan']['id']} is cancelled.")],
    )


@app.command()
def enable(
    context: typer.Context,
    scope: Scope,
    reason: Reason,
    hold: Annotated[
        bool, typer.Option("--hold", help="Only you or --until/--for end it, not probes.")
    ] = False,
    auto: Annotated[
        bool,
        typer.Option(
            "--auto", help="Probes may end it at once; default: not in the first 15 minutes (a setting)."
        ),
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
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Begin at this time; needs --until or --for."),
    ] = None,
) -> None:
    """Put a scope in panic, now or at a planned time: no sends on it, fallbacks instead."""
    cli: Cli = context.obj
    if at and not (until or for_):
        raise usage("a planned panic needs an end", "Add --until TIME or --for SPAN.")
    fields: dict[str, Any] = {"scope": scope, "reason": reason}
    if hold:
        fields["hold"] = True
    if auto:
        fields["auto"] = True
    if until:
        fields["until"] = instant_of(until)
    if for_:
        fields["for_seconds"] = seconds_of(for_, "--for")
    if at:
        fields["at"] = instant_of(at)
    cli.show("panic.enable", cli.client.change("panic.enable", **fields), draw_change)


@app.command()
def disable(
    context: typer.Context,
    scope: Scope,
    reason: Reason,
    no_ramp: Annotated[
        bool,
        typer.Option("--no-ramp", help="Straight to normal: the backlog drains at the full rate at once."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a panic: live traffic resumes, the backlog drains slowly."""
    cli: Cli = context.obj
    if no_ramp:
        render.confirm(
            f"Without a ramp the backlog of {scope} drains at the full rate at once. Continue?", yes
        )
    fields = {"scope": scope, "reason": reason, **({"ramp": False} if no_ramp else {})}
    cli.show("panic.disable", cli.client.change("panic.disable", **fields), draw_change)


def draw_change(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What a change left behind."""
    if "plan" in result:
        yield draw_plan(result["plan"])
        return
    flag = result["flag"]
    words = "stays" if result["event"] in WITHIN else "is now" if result["changed"] else "is already"
    yield render.line(f"{flag['scope']} {words} ", render.state(flag["state"]), f": {flag['reason']}")
    if flag["ends"]:
        yield render.text(f"{flag['ends'][0].upper()}{flag['ends'][1:]}.")
    if flag["incident_id"]:
        yield render.text(f"Incident {flag['incident_id']}", "dim")
    for warning in result["warnings"]:
        yield render.warn(warning)


@app.command()
def history(
    context: typer.Context,
    scope: Annotated[str | None, typer.Argument(help="Only this scope.", autocompletion=scopes)] = None,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: 2h, 7d.")] = "30d",
    incident: Annotated[
        str | None, typer.Option("--incident", metavar="ID", help="Only this incident.")
    ] = None,
    probes: Annotated[bool, typer.Option("--probes", help="Include each probe.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Maximum number of events.")] = 50,
) -> None:
    """Show who changed what, when and why, newest first."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"since_seconds": seconds_of(since, "--since"), "limit": limit}
    fields |= {"scope": scope} if scope else {}
    fields |= {"incident_id": incident} if incident else {}
    fields |= {"probes": True} if probes else {}
    cli.show("panic.history", cli.client.call("panic.history", **fields), draw_history)


def draw_history(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A table per incident, newest first; what belongs to none stands between them."""
    if not result["events"]:
        yield render.text("No events in this period.")
        return
    for incident, events in groupby(result["events"], key=lambda event: event["incident_id"]):
        yield render.text(f"Incident {incident}" if incident else "Outside an incident", "bold")
        yield render.table(
            ("when (UTC)", "scope", "what", "by", "why"),
            [
                (
                    render.brief(event["at"], result["at"]),
                    event["scope"],
                    _what(event),
                    short(event["actor"]) or event["source"],
                    _why(event),
                )
                for event in events
            ],
        )


def _what(event: Mapping[str, Any]) -> str:
    kind = event["kind"].replace("_", " ")
    return f"{kind} ({event['cause']})" if event["kind"] in WITH_CAUSE and event["cause"] else kind


def _why(event: Mapping[str, Any]) -> str:
    findings = event["evidence"].get("findings")
    if not event["reason"] and isinstance(findings, Mapping):
        return "; ".join(f"{ask}: {finding}" for ask, finding in findings.items()) or "OK"
    return event["reason"] or "-"


@app.command()
def shadow(
    context: typer.Context,
    scope: Scope,
    switch: Annotated[str, typer.Argument(metavar="on|off", help="on or off.", show_default=False)],
    reason: Annotated[str, typer.Argument(help="The reason, for the history.")] = "set by an operator",
) -> None:
    """With on, a scope only reports when it would enter panic; with off, it enters panic again."""
    cli: Cli = context.obj
    if switch not in ("on", "off"):
        raise usage(
            f"{switch!r} is neither on nor off", "Use: lifeline panic shadow SCOPE on, or off.", ("on", "off")
        )
    result = cli.client.change("panic.shadow", scope=scope, on=switch == "on", reason=reason)
    cli.show("panic.shadow", result, draw_shadow)


def draw_shadow(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Whether the scope is in shadow now."""
    flag = result["flag"]
    words = "in shadow" if flag["shadow"] else "not in shadow"
    yield render.text(f"{flag['scope']} is {'now' if result['changed'] else 'already'} {words}.")
    for warning in result["warnings"]:
        yield render.warn(warning)
