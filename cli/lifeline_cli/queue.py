"""``lifeline queue ...``: what waits, how fast it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from lifeline.contract import DEAD_LETTER_QUEUES, QUEUES

from lifeline_cli import render
from lifeline_cli.render import Cli, Count, Watch

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
                rate(queue["rate"] or None),
                _gone(queue),
            )
            for queue in result["queues"]
        ],
        right=("waiting", "in flight", "delayed", "oldest", "rate", "gone in"),
    )
    drain = result["drain"]
    if not result["waiting"] and result["released"]:
        yield render.text(
            f"The last {result['released']} messages of the backlog are on their way, "
            f"gone in about {render.duration(result['eta_seconds'])}.",
            "green",
        )
    elif not result["waiting"]:
        yield render.text(f"No backlog. The drain would go up to {rate(drain['ceiling'])}.", "green")
    elif result["eta_seconds"] is None:
        yield render.text(f"Backlog: {result['waiting']} messages, held.", "yellow")
    else:
        yield render.text(
            f"Backlog: {result['waiting']} messages, leaving at {rate(drain['rate'])} "
            f"(up to {rate(drain['ceiling'])}), "
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
        f"The backlog of {result['queue']} leaves at up to {rate(result['rate'])} "
        f"(before: {rate(result['before'])})."
    )
    yield render.text(
        f"In effect by {render.moment(result['effective_by'])}, "
        f"within {render.duration(result['effective_within_seconds'])}. "
        "The drain doubles its rate each minute until it is there."
    )


def dead_letter_queues(incomplete: str) -> list[str]:
    """Completion of a dead-letter queue."""
    return [name for name in DEAD_LETTER_QUEUES if name.startswith(incomplete)]


@app.command()
def redrive(
    context: typer.Context,
    queue: Annotated[
        str,
        typer.Option(
            "--queue",
            metavar="NAME",
            help=", ".join(DEAD_LETTER_QUEUES) + ".",
            autocompletion=dead_letter_queues,
        ),
    ],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Move at most so many.")] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the history.")
    ] = "the fault is mended",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show a sample and the reasons; move nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show why messages are on a dead-letter queue, then move them back to where they came from."""
    cli: Cli = context.obj
    seen = cli.client.call("queue.peek", queue=queue)
    if dry_run or not seen["waiting"]:
        cli.show("queue.peek", seen, draw_peek)
        return
    if not cli.as_json:
        for part in draw_peek(seen):
            render.out().print(part)
    wanted = min(limit or seen["waiting"], seen["waiting"])
    render.confirm(f"Move {wanted} of {seen['waiting']} messages from {queue} to {seen['to']}?", yes)
    cli.show("queue.redrive", _move(cli, queue, reason, limit, wanted), draw_redrive)


def _move(cli: Cli, queue: str, reason: str, limit: int | None, wanted: int) -> dict[str, Any]:
    """Ask until all is moved: one request moves what fits into the function's time."""
    moved = 0
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("moving", total=wanted)
        while True:
            rest = {} if limit is None else {"limit": limit - moved}
            answer = cli.client.change("queue.redrive", queue=queue, reason=reason, **rest)
            moved += answer["moved"]
            bar.update(task, completed=min(moved, wanted))
            # What is broken comes back while we move: what was seen at first is what is moved.
            if answer["complete"] or not answer["moved"] or answer["failed"] or moved >= wanted:
                return {**answer, "moved": moved}


def draw_peek(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """How many, why, and a few of them."""
    if not result["waiting"]:
        yield render.text(f"{result['queue']} is empty.", "green")
        return
    yield render.text(f"{result['waiting']} on {result['queue']}; of {result['seen']} looked at:")
    yield render.table(
        ("count", "reason"), [(item["count"], item["reason"]) for item in result["reasons"]], right=("count",)
    )
    yield render.table(
        ("message", "kind", "ledger", "here for", "reason"),
        [
            (
                item["id"] or f"not a message: {item['body']}",
                f"{item['type']}, {item['priority']}" if item["type"] else "-",
                item["status"] or "-",
                render.duration(item["age_seconds"]),
                item["reason"],
            )
            for item in result["sample"]
        ],
    )
    if any(item["reason"].startswith("contract:") for item in result["reasons"]):
        yield render.warn(
            "what breaks the contract comes straight back: mend the producer and let it send those anew, "
            "with the same ids"
        )


def draw_redrive(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was moved, and what is left."""
    yield render.text(f"{result['moved']} messages moved from {result['queue']} to {result['to']}.")
    if result["failed"]:
        yield render.warn(f"{result['failed']} could not be moved and are still there; try again")
    if result["waiting"]:
        yield render.text(f"About {result['waiting']} are on {result['queue']} now.")
