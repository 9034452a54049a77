"""``lifeline queue ...``: what waits, how fast it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from lifeline.contract import QUEUES

from lifeline_cli import render
from lifeline_cli.panic import Count, Watch
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="See what waits, and set how fast it leaves.")


def queues(incomplete: str) -> list[str]:
    """Completion of a queue's bare name."""
    return [name for name in QUEUES if name.startswith(incomplete)]


@app.command()
def status(
    context: typer.Context,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            metavar="NAME",
            help="Only this queue; whatsapp-queue shows its lanes too.",
            autocompletion=queues,
        ),
    ] = None,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """How much waits, how old it is, how fast it leaves, and when it will be gone."""
    cli: Cli = context.obj
    fields = {"queue": queue} if queue else {}
    cli.watch("queue.status", lambda: cli.client.call("queue.status", **fields), draw_status, watch, count)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per queue, then the drain in one sentence."""
    yield render.table(
        ("queue", "waiting", "in flight", "delayed", "oldest", "rate", "gone in"),
        [
            (
                queue["name"],
                queue["visible"],
                queue["in_flight"],
                queue["delayed"],
                render.duration(queue["oldest_age_seconds"]),
                rate(queue["rate"]),
                _gone(queue),
            )
            for queue in result["queues"]
        ],
        right=("waiting", "in flight", "delayed", "oldest", "rate", "gone in"),
    )
    drain = result["drain"]
    if not result["waiting"]:
        yield render.text(f"No backlog. The drain would go up to {rate(drain['ceiling'])}.")
    elif result["eta_seconds"] is None:
        yield render.text(f"Backlog: {result['waiting']} messages, held.", "yellow")
    else:
        yield render.text(
            f"Backlog: {result['waiting']} messages, leaving at {rate(drain['rate'])} (up to {rate(drain['ceiling'])}), "
            f"gone in about {render.duration(result['eta_seconds'])}, at {render.moment(result['eta'])}."
        )
    for note in result["notes"]:
        yield render.warn(note)


def _gone(queue: Mapping[str, Any]) -> str:
    if queue["rate"] is None:
        return "-"
    if queue["eta_seconds"] is None:
        return "held"
    return render.duration(queue["eta_seconds"]) if queue["eta_seconds"] else "-"


def rate(value: float | None) -> str:
    """Messages per second; ``-`` where a queue has no rate of its own."""
    return "-" if value is None else f"{value:g}/s"


@app.command("set-rate")
def set_rate(
    context: typer.Context,
    queue: Annotated[
        str, typer.Option("--queue", metavar="NAME", help="whatsapp-queue.", autocompletion=queues)
    ],
    new_rate: Annotated[
        str, typer.Option("--rate", metavar="RATE", help="10/s, 600/min, 0.5/s, or 0 to hold the backlog.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the history.")
    ] = "set by an operator",
) -> None:
    """Set how fast the backlog leaves. Takes effect within about a minute; live messages are not slowed."""
    cli: Cli = context.obj
    cli.show(
        "queue.set_rate",
        cli.client.change("queue.set_rate", queue=queue, rate=new_rate, reason=reason),
        draw_rate,
    )


def draw_rate(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was set, and from when it counts."""
    yield render.text(
        f"The backlog of {result['queue']} leaves at up to {rate(result['rate'])} (before: {rate(result['before'])})."
    )
    yield render.text(
        f"In effect by {render.moment(result['effective_by'])}, within {render.duration(result['effective_within_seconds'])}. "
        "The drain doubles its rate each minute until it is there."
    )
