"""``lifeline limiter``: the rate that all sends share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from lifeline.contract.instants import duration

from lifeline_cli import render
from lifeline_cli.errors import usage
from lifeline_cli.queue import rate
from lifeline_cli.render import Cli
from lifeline_cli.values import seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

DEPLOYED = "default"
"""In the place of a rate: the deployment's."""

app = typer.Typer(no_args_is_help=True, help="The rate that all sends share: live messages and the backlog.")


@app.command()
def show(context: typer.Context) -> None:
    """The rate in effect, whose it is, and how far sends are booked ahead."""
    cli: Cli = context.obj
    cli.show("limiter.show", cli.client.call("limiter.show"), draw)


@app.command("set")
def set_(
    context: typer.Context,
    new_rate: Annotated[
        str, typer.Argument(metavar="RATE", help="30/s, 600/min; default: the deployment's again.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the history.")],
    for_: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="Ends by itself: 90s, 30m, 2h, 1d.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, above the deployment's rate either.")
    ] = False,
) -> None:
    """Set the rate of all sends, at once. Critical messages keep their share of it."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"reason": reason}
    if new_rate != DEPLOYED:
        fields["rate"] = new_rate
    elif for_:
        raise usage("--for goes with a rate")
    if for_:
        fields["for_seconds"] = seconds_of(for_, "--for")
    cli.show("limiter.set", render.change_surely(cli, "limiter.set", yes, **fields), draw_set)


def draw(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """One screen."""
    by = result["set"]
    whose = "the deployment's" if by is None else f"set by an operator, deployed: {rate(result['deployed'])}"
    yield render.text(f"All sends share {rate(result['rate'])} ({whose}).", "bold")
    if by and by["until"]:
        yield render.text(f"Ends by itself at {render.moment(by['until'])}.")
    booked = result["booked_seconds"]
    yield render.text(f"Booked ahead: {duration(booked)}." if booked else "Nothing is booked ahead.")


def draw_set(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was set, and until when."""
    yield render.text(f"All sends share {rate(result['rate'])} now (before: {rate(result['before'])}).")
    if result["until"]:
        yield render.text(f"Ends by itself at {render.moment(result['until'])}.")
    for warning in result["warnings"]:
        yield render.warn(warning)
