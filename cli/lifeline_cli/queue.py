"""``lifeline queue ...``: what waits, how fast it leaves, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.instants import duration
from lifeline.contract.names import DEAD_LETTER_QUEUES, LANES, QUEUES, REFUSED, WHATSAPP_QUEUE
from lifeline.contract.operator_actions import OPERATOR_ACTIONS

from lifeline_cli import render
from lifeline_cli.errors import usage
from lifeline_cli.render import Cli, Count, Watch
from lifeline_cli.values import rate_of

if TYPE_CHECKING:
    from rich.console import RenderableType

AT_MOST: Final = 100_000
"""Messages that one request may name as its limit."""

app = typer.Typer(
    no_args_is_help=True, help="Show queues and backlog, set the drain rate, redrive or discard messages."
)


def queues(incomplete: str) -> list[str]:
    """Completion of a queue's bare name, or a lane's."""
    return [name for name in (*QUEUES, *LANES) if name.startswith(incomplete)]


@app.command()
def status(
    context: typer.Context,
    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            metavar="NAME",
            help="Only this queue or lane; whatsapp-queue means the entry queues and all lanes.",
            autocompletion=queues,
        ),
    ] = None,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """Show how much waits, its age, its rate, and its ETA."""
    cli: Cli = context.obj
    fields = {"queue": queue} if queue else {}
    cli.watch("queue.status", lambda: cli.client.call("queue.status", **fields), draw_status, watch, count)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per queue and lane, then the drain in one sentence."""
    yield table(result["queues"])
    drain = result["drain"]
    if not result["waiting"] and result["released"]:
        yield render.text(
            f"The last {result['released']} messages of the backlog leave now, "
            f"ETA in about {duration(result['eta_seconds'])}.",
            "green",
        )
    elif not result["waiting"]:
        yield render.text(f"No backlog. The drain rate goes up to {rate(drain['ceiling'])}.", "green")
    elif result["eta_seconds"] is None:
        yield render.text(f"Backlog: {result['waiting']} messages, held.", "yellow")
    else:
        yield render.text(
            f"Backlog: {result['waiting']} messages, draining at {rate(drain['rate'])} "
            f"(up to {rate(drain['ceiling'])}), "
            f"ETA in about {duration(result['eta_seconds'])}, at {render.moment(result['eta'])}."
        )
    for note in result["notes"]:
        yield render.warn(note)


def table(queues: Iterable[Mapping[str, Any]]) -> RenderableType:
    """A row per queue and lane. ``later``: delayed on a queue, or due later on a lane."""
    columns = ("queue", "kind", "waiting", "in flight", "later", "oldest", "rate", "ETA")
    return render.table(
        columns,
        [
            (
                queue["name"],
                queue["kind"],
                queue["visible"],
                queue["in_flight"],
                queue["delayed"],
                duration(queue["oldest_age_seconds"]),
                rate(queue["rate"] or None),
                _gone(queue),
            )
            for queue in queues
        ],
        right=columns[2:],
    )


def _gone(queue: Mapping[str, Any]) -> str:
    if queue["rate"] is None:
        return "-"
    if queue["eta_seconds"] is None:
        return "held"
    return duration(queue["eta_seconds"]) if queue["eta_seconds"] else "-"


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
        str, typer.Option("--reason", help="The reason, for the history.")
    ] = "set by an operator",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, even above the account's throughput.")
    ] = False,
) -> None:
    """Set the drain rate of the backlog, within about a minute. Live messages keep their rate."""
    cli: Cli = context.obj
    if queue != WHATSAPP_QUEUE and not queue.endswith(f"-{WHATSAPP_QUEUE}"):
        raise usage(f"{queue[:80]!r} has no rate of its own", valid=(WHATSAPP_QUEUE,))
    fields = {"queue": queue, "rate": rate_of(new_rate, "--rate"), "reason": reason}
    cli.show("queue.set_rate", render.change_surely(cli, "queue.set_rate", yes, **fields), draw_rate)


def draw_rate(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was set, and from when it counts."""
    yield render.text(
        f"The backlog of {result['queue']} drains at up to {rate(result['rate'])} "
        f"(before: {rate(result['before'])})."
    )
    yield render.text(
        f"In effect by {render.moment(result['effective_by'])}, "
        f"within {duration(result['effective_within_seconds'])}. "
        "The drain doubles its rate each minute until then."
    )
    for warning in result["warnings"]:
        yield render.warn(warning)


# --- what needs a person -----------------------------------------------------------------------------------


def held(incomplete: str) -> list[str]:
    """Completion of what needs a person."""
    return [name for name in (REFUSED, *DEAD_LETTER_QUEUES) if name.startswith(incomplete)]


Held = Annotated[
    str,
    typer.Option(
        "--queue",
        metavar="NAME",
        help=f"{REFUSED} (rejected messages), or {', '.join(DEAD_LETTER_QUEUES)} (bodies).",
        autocompletion=held,
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Maximum number of messages.")]
OneId = Annotated[str, typer.Option("--id", metavar="ID", help="Only the message with this ID.")]
OfTemplate = Annotated[
    str, typer.Option("--template", metavar="NAME", help="Of refused: only messages of this template.")
]
OfCause = Annotated[
    str, typer.Option("--cause", metavar="CAUSE", help="Of refused: only messages with this cause.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show a sample and the reasons; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def redrive(
    context: typer.Context,
    queue: Held,
    identity: OneId = "",
    template: OfTemplate = "",
    cause: OfCause = "",
    limit: Limit = None,
    reason: Annotated[
        str, typer.Option("--reason", help="The reason, for the history.")
    ] = "the fault is fixed",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Show why messages were rejected or dead-lettered, then send them again."""
    cli: Cli = context.obj
    only = _only(queue, identity, template, cause)
    seen = _look(cli, queue, only, dry_run)
    if seen is None:
        return
    wanted = _wanted(seen, only, limit)
    _confirm("queue.redrive", f"Send {wanted} of {queue} again, to {seen['to']}?", yes)
    answer = _repeat(cli, "queue.redrive", {"queue": queue, "reason": reason, **only}, wanted)
    cli.show("queue.redrive", answer, draw_redrive)


@app.command()
def discard(
    context: typer.Context,
    queue: Held,
    reason: Annotated[str, typer.Option("--reason", help="Why they cannot be fixed, for the history.")],
    identity: OneId = "",
    template: OfTemplate = "",
    cause: OfCause = "",
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Discard messages that cannot be fixed. The history records who, why and which."""
    cli: Cli = context.obj
    only = _only(queue, identity, template, cause)
    seen = _look(cli, queue, only, dry_run)
    if seen is None:
        return
    wanted = _wanted(seen, only, limit)
    _confirm("queue.discard", f"Discard {wanted} of {queue} for good?", yes)
    answer = _repeat(cli, "queue.discard", {"queue": queue, "reason": reason, **only}, wanted)
    cli.show("queue.discard", answer, draw_discard)


def _confirm(action: str, question: str, yes: bool) -> None:
    """Ask, with what cannot be taken back."""
    render.confirm(question, yes, OPERATOR_ACTIONS[action].danger)


def _only(queue: str, identity: str, template: str, cause: str) -> dict[str, str]:
    if (template or cause) and queue != REFUSED:
        raise usage("--template and --cause need --queue refused", valid=(REFUSED,))
    given = {"id": identity, "template": template, "cause": cause}
    return {name: value for name, value in given.items() if value}


def _look(cli: Cli, queue: str, only: Mapping[str, str], dry_run: bool) -> dict[str, Any] | None:
    """Show what there is; ``None`` where that was all."""
    seen = cli.client.call("queue.peek", queue=queue, **only)
    if dry_run or not seen["seen"]:
        cli.show("queue.peek", seen, draw_peek)
        return None
    if not cli.as_json:
        for part in draw_peek(seen):
            render.out().print(part)
    return seen


def _wanted(seen: Mapping[str, Any], only: Mapping[str, str], limit: int | None) -> int:
    """How many it is about: what was seen, where some were chosen."""
    there = int(seen["seen"] if only else seen["waiting"])
    return min(limit or there, there)


def _repeat(cli: Cli, action: str, request: Mapping[str, Any], wanted: int) -> dict[str, Any]:
    """Ask until ``wanted`` are done: one request does what fits into the function's time.

    What is broken comes back meanwhile, so no more are done than were seen at first.
    """
    counts = {"moved": 0, "accounted": 0, "discarded": 0}
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("working", total=wanted)
        while True:
            before = sum(counts.values())
            answer = cli.client.change(action, **request, limit=min(wanted - before, AT_MOST), sure=True)
            for name in counts:
                counts[name] += answer.get(name, 0)
            done = sum(counts.values())
            bar.update(task, completed=done)
            if answer["complete"] or answer["failed"] or done == before or done >= wanted:
                return {**answer, **{name: counts[name] for name in counts if name in answer}}


def draw_peek(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """How many, why, and a few of them."""
    if not result["waiting"]:
        yield render.text(f"{result['queue']} is empty.", "green")
        return
    if not result["seen"]:
        yield render.text(f"None of the {result['waiting']} messages of {result['queue']} matches.")
        return
    yield render.text(f"{result['waiting']} messages of {result['queue']}; {result['seen']} of them read:")
    yield render.table(
        ("count", "reason"), [(item["count"], item["reason"]) for item in result["reasons"]], right=("count",)
    )
    yield render.table(
        ("message", "kind", "template", "status", "age", "reason"),
        [
            (
                item["id"] or f"not a message: {item['body']}",
                f"{item['type']}, {item['priority']}" if item["type"] else "-",
                item["template"] or "-",
                item["status"] or "-",
                duration(item["age_seconds"]),
                item["reason"],
            )
            for item in result["sample"]
        ],
    )
    if any(item["reason"].startswith("contract:") for item in result["reasons"]):
        yield render.warn(
            "messages that break the contract fail again: fix the producer, let it send them again with the "
            f"same IDs, then: lifeline queue discard --queue {result['queue']} --reason WHY"
        )


def draw_redrive(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was sent again, and what is left."""
    yield render.text(f"Sent {result['moved']} of {result['queue']} again, to {result['to']}.")
    if result["accounted"]:
        yield render.text(f"Deleted {result['accounted']} that were settled meanwhile.")
    yield from _rest(result)


def draw_discard(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was given up, and what is left."""
    yield render.text(f"Discarded {result['discarded']} of {result['queue']}.")
    yield from _rest(result)


def _rest(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    if result["failed"]:
        yield render.warn(f"{result['failed']} could not be changed; try again")
    if result["waiting"]:
        yield render.text(f"About {result['waiting']} are left in {result['queue']}.")
    for warning in result["warnings"]:
        yield render.warn(warning)
