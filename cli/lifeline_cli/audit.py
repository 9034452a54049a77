"""``lifeline audit``: is every message accounted for?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.instants import duration

from lifeline_cli import render
from lifeline_cli.errors import CliError, usage
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

ACCOUNTED: Final = "accounted"


def audit(
    context: typer.Context,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Scan the whole ledger for open messages that are not on the agenda."),
    ] = False,
    wake: Annotated[
        bool, typer.Option("--wake", help="With --deep: make a worker process the messages found.")
    ] = False,
) -> None:
    """Check that every message is accounted for; list problems, each with the command to run.

    Exit code 0 if every message is accounted for, 1 if something needs attention.
    """
    cli: Cli = context.obj
    if wake and not deep:
        raise usage("--wake needs --deep")
    result = _ask(cli, deep, wake)
    cli.show("audit.run", result, draw)
    if result["verdict"] != ACCOUNTED:
        raise CliError("look", "something needs attention", f"Run: {result['command']}", shown=True)
    if result["deep"] and result["deep"]["next"] is not None:
        raise CliError("unfinished", "the scan of the ledger did not finish", shown=True)


def _ask(cli: Cli, deep: bool, wake: bool) -> dict[str, Any]:
    """One answer; a large ledger is read part by part, and the parts are added up."""
    fields: dict[str, Any] = {}
    if deep:
        fields["deep"] = True
    if wake:
        fields["wake"] = True
    result = cli.client.call("audit.run", **fields)
    if not deep:
        return result
    parts = [result["deep"]]
    answers = [result]
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("scanning the ledger", total=64)
        while parts[-1]["next"] is not None:
            at = parts[-1]["next"]
            bar.update(task, completed=at)
            answers.append(cli.client.call("audit.run", **fields, segment=at))
            parts.append(answers[-1]["deep"])
            if parts[-1]["next"] == at:
                break  # one part of the ledger takes longer than the function may
    worst = next((answer for answer in answers if answer["verdict"] != ACCOUNTED), result)
    ids = [name for part in parts for name in part["ids"]]
    total = {
        "found": sum(part["found"] for part in parts),
        "woken": sum(part["woken"] for part in parts),
        "ids": ids[:20],
        "next": parts[-1]["next"],
    }
    return {**worst, "deep": total}


def draw(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The verdict first, then what stands where."""
    if result["verdict"] == ACCOUNTED:
        yield render.text(f"Every message is accounted for ({render.moment(result['at'])}).", "green")
    for item in result["findings"]:
        yield render.warn(f"{item['count']} {item['what']}" if item["count"] > 1 else str(item["what"]))
        yield render.text(f"    {item['command']}")
    timers, doubts = result["timers"], result["doubts"]
    yield render.table(
        ("age", "timers overdue", "in doubt"),
        [
            (_age(timer["over_seconds"], following), timer["count"], doubt["count"])
            for timer, doubt, following in zip(
                timers["ages"],
                doubts["ages"],
                [*(item["over_seconds"] for item in timers["ages"][1:]), None],
                strict=True,
            )
        ],
        right=("timers overdue", "in doubt"),
    )
    if not doubts["complete"]:
        yield render.text("In doubt: only the oldest of each lane were read.")
    yield render.table(
        ("lane", "messages", "oldest"),
        [(lane["name"], lane["count"], duration(lane["oldest_age_seconds"])) for lane in result["lanes"]],
        right=("messages", "oldest"),
    )
    dead = ", ".join(f"{name} {count}" for name, count in result["dead_letters"].items())
    yield render.text(f"dead letters  {dead}")
    yield render.text(f"last tick     {duration(result['tick']['age_seconds'])} ago")
    deep = result["deep"]
    if deep is not None:
        yield render.text(f"ledger        {deep['found']} open and off the agenda; {deep['woken']} woken")
        for name in deep["ids"]:
            yield render.text(f"    {name}")
        if deep["next"] is not None:
            yield render.warn("the scan of the ledger did not finish: one part takes too long")


def _age(low: float, high: float | None) -> str:
    if high is None:
        return f"over {duration(low)}"
    return f"under {duration(high)}" if not low else f"{duration(low)} to {duration(high)}"
