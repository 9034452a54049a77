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
from lifeline_cli.values import rate_of, seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

DEPLOYED = "default"
"""In the place of a rate: the deployment's."""

app = typer.Typer(no_args_is_help=True, help="Show or set the rate limit that all sends share.")


@app.command()
def show(context: typer.Context) -> None:
    """Show the rate in effect, who set it, and how long the next message waits for it."""
    cli: Cli = context.obj
    cli.show("limiter.show", cli.client.call("limiter.show"), draw)


@app.command("set")
def set_(
    context: typer.Context,
    new_rate: Annotated[
        str, typer.Argument(metavar="RATE", help="30/s, 600/min, or default for the deployed rate.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="The reason, for the history.")],
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="SPAN", help="Return to the deployed rate after: 90s, 30m, 2h, 1d."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, even above the deployed rate.")
    ] = False,
) -> None:
    """Set the rate limit of all sends, at once. Critical messages keep their share."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"reason": reason}
    if new_rate != DEPLOYED:
        fields["rate"] = rate_of(new_rate, "RATE")
    elif for_:
        raise usage("--for needs a rate")
    if for_:
        fields["for_seconds"] = seconds_of(for_, "--for")
    cli.show("limiter.set", render.change_surely(cli, "limiter.set", yes, **fields), draw_set)


def draw(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """One screen."""
    by = result["set"]
    whose = "the deployed rate" if by is None else f"set by an operator, deployed: {rate(result['deployed'])}"
    yield render.text(f"All sends share {rate(result['rate'])} ({whose}).", "bold")
    if by and by["until"]:
        yield render.text(f"It ends at {render.moment(by['until'])}.")
    wait = result["booked_seconds"]
    yield render.text(
        f"The next message waits {duration(wait)}." if wait else "The next message does not wait."
    )


def draw_set(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was set, and until when."""
    yield render.text(f"All sends share {rate(result['rate'])} now (before: {rate(result['before'])}).")
    if result["until"]:
        yield render.text(f"It ends at {render.moment(result['until'])}.")
    for warning in result["warnings"]:
        yield render.warn(warning)
