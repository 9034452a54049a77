"""``lifeline whatsapp rate-status``, ``volume`` and ``test``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.instants import duration

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli, Count, Watch

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH: Final = 40
"""Columns of the longest bar."""


# --- rate-status -----------------------------------------------------------------------------------------


def rate_status(context: typer.Context, watch: Watch = None, count: Count = None) -> None:
    """Show the use of Lifeline's rate limiter and of Meta's limits, and when throttling ends."""
    cli: Cli = context.obj
    cli.watch(
        "whatsapp.rate_status", lambda: cli.client.call("whatsapp.rate_status"), draw_rate, watch, count
    )


def draw_rate(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Our limiter, then Meta's limits, then the usage headers."""
    ours = result["limiter"]
    yield render.text("Lifeline's rate limiter", "bold")
    yield render.text(
        f"  {ours['rate']:g}/s, burst {ours['burst']}; {ours['used_last_minute']} used in the last minute "
        f"({_percent(ours['share'])})"
    )
    yield render.text(f"  {_tokens(ours)}; bulk at most {ours['bulk']['rate']:g}/s: {_tokens(ours['bulk'])}")
    yield render.text("Meta's limits", "bold")
    yield from _meta(result)
    yield render.text("Meta's latest usage headers", "bold")
    if not result["usage"]:
        yield render.text("  none yet")
    for usage in result["usage"]:
        yield render.text(f"  by {usage['by']}, {duration(usage['age_seconds'])} ago:")
        for quota in usage["quotas"]:
            yield render.text(
                f"    {quota['type']}: calls {quota['call_count']:g} %, time {quota['total_time']:g} %, "
                f"processor {quota['total_cputime']:g} %"
            )
        if usage["regain_at"]:
            yield render.warn(
                f"throttled: Meta restores access in {duration(usage['regain_in_seconds'])}, at "
                f"{render.clock_time(usage['regain_at'])} UTC"
            )
        else:
            yield render.text("    not throttled")
    if result["earliest_recovery"]:
        yield render.warn(
            f"whatsapp is in panic; no recovery before {render.clock_time(result['earliest_recovery'])} UTC"
        )
    for words in result["notes"]:
        yield render.warn(words)


def _meta(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    number, error = result["meta"], result["error"]
    if error:
        yield render.warn(f"Lifeline cannot read them: {error['message']}")
        yield render.text(f"  {error['remedy']}")
        return
    rate = f" ({number['throughput_per_second']} messages/s)" if number["throughput_per_second"] else ""
    people = number["tier_people_per_day"]
    tier = f" ({people:,} people in 24 h)" if people else ""
    level, name = number["throughput_level"] or "unknown", number["tier"] or "unknown"
    yield render.text(f"  throughput {level}{rate}, tier {name}{tier}")
    yield render.text(f"  quality {number['quality'] or 'unknown'}, number {number['status'] or 'unknown'}")


def _tokens(lane: Mapping[str, Any]) -> str:
    if lane["tokens"]:
        return f"{lane['tokens']} tokens free"
    return f"no token free, {lane['booked_ahead']} messages wait"


# --- volume ----------------------------------------------------------------------------------------------


def volume(
    context: typer.Context,
    hours: Annotated[
        float, typer.Option("--hours", min=0.05, max=720, metavar="N", help="How far back.")
    ] = 1.0,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """Show messages by outcome, priority, category and template, and the busiest minute."""
    cli: Cli = context.obj
    cli.watch(
        "whatsapp.volume",
        lambda: cli.client.call("whatsapp.volume", hours=hours),
        draw_volume,
        watch,
        count,
    )


def draw_volume(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Totals, the chart, and the busiest minute."""
    span = f"since {render.moment(result['since'])}"
    limited = any(bar["limited"] for bar in result["bars"])
    if not result["total"] and not limited:
        yield render.text(f"No messages {span}.", "yellow")
        return
    yield render.text(f"{result['total']} messages {span}, {result['accepted']} accepted by Meta", "bold")
    for name, title in (
        ("outcomes", "outcome"),
        ("priorities", "priority"),
        ("categories", "category"),
        ("templates", "template"),
    ):
        for row, item in enumerate(result[name]):
            label = "(none)" if item["name"] == "-" else item["name"]
            share = _percent(item["count"] / result["total"]) if result["total"] else "-"
            yield render.text(
                f"  {title if row == 0 else '':<9} {label[:48]:<48} {item['count']:>9} {share:>5}"
            )
    yield from _chart(result)
    yield from _peak(result["peak"])


def _chart(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    step = result["step_seconds"]
    bars = result["bars"]
    yield render.text(f"Messages per {duration(step)} (UTC)", "bold")
    most = max((bar["count"] for bar in bars), default=0)
    brick = _brick()
    for bar in bars:
        label = bar["at"][11:16] if result["hours"] <= 24 else bar["at"][5:16].replace("T", " ")
        length = round(WIDTH * bar["count"] / most) if most else 0
        line = brick * max(length, 1 if bar["count"] else 0)
        note = f"  {bar['limited']} rate-limit errors" if bar["limited"] else ""
        yield render.text(f"  {label} {bar['count']:>8} {line}{note}".rstrip(), "red" if note else "")


def _peak(peak: Mapping[str, Any] | None) -> Iterable[RenderableType]:
    if not peak:
        return
    what = "A spike" if peak["spike"] else "Busiest minute"
    yield render.text(
        f"{what}: {peak['count']} messages ({peak['per_second']:g}/s) at {peak['at'][11:16]} UTC; "
        f"a usual minute has {peak['usual']:g}. It consists of:",
        "bold yellow" if peak["spike"] else "bold",
    )
    for part in peak["made_of"]:
        kind = f"{part['priority']}, {_none(part['category'], 'category')}, " + _none(
            part["template"], "template"
        )
        yield render.text(
            f"  {_percent(part['share']):>5}  {part['count']} ({part['usual']:g} usually)  {kind[:60]}"
        )


def _none(value: str, what: str) -> str:
    return f"no {what}" if value == "-" else f"{what} {value}"


def _brick() -> str:
    """A full block where the terminal can show it."""
    try:
        "\u2588".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "\u2588"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or not share else "<1 %"


# --- test ------------------------------------------------------------------------------------------------


def probe(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NUMBER", help="Send to this number of yours, and wait for its status."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help="The approved template to send; without values."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="CODE", help="The template's language.")
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=1, max=45, metavar="SECONDS", help="How long to wait for the status."),
    ] = None,
) -> None:
    """Test the path to WhatsApp step by step, in panic too. Exit code 1 if a step fails."""
    cli: Cli = context.obj
    if to is None and (template or language or wait):
        raise typer.BadParameter("--template, --language and --wait need --to")
    given = {"to": to, "template": template, "language": language, "wait_seconds": wait}
    fields = {name: value for name, value in given.items() if value is not None}
    result = cli.client.change("whatsapp.test", **fields)
    cli.show("whatsapp.test", result, draw_test)
    if not result["ok"]:
        failed = [step["name"] for step in result["steps"] if step["ok"] is False]
        raise CliError(
            "test_failed", f"WhatsApp does not work: {', '.join(failed)}", action="whatsapp.test", shown=True
        )


def draw_test(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per step; under it what to do."""
    words = {True: ("ok", "green"), False: ("FAILED", "bold white on red"), None: ("-", "dim")}
    for step in result["steps"]:
        word, style = words[step["ok"]]
        yield render.text(f"{word:<7} {step['name']:<16} {step['seconds']:>7.2f} s  {step['detail']}", style)
        if step["remedy"]:
            yield render.text(f"        {step['remedy']}")
        for warning in step["warnings"]:
            yield render.warn(warning)
    if result["ok"]:
        yield render.text(f"WhatsApp works ({result['seconds']:.1f} s).", "green")
        if result["panic"]:
            yield render.text('whatsapp is in panic. To end it: lifeline panic disable whatsapp "why"')
