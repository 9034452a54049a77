"""``lifeline whatsapp ...``: our account at Meta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifeline_cli import render
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(
    no_args_is_help=True, help="Check the WhatsApp account, its templates and its access token, and fix them."
)


@app.command()
def templates(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only this template.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="Only these: APPROVED, PAUSED, REJECTED.")
    ] = None,
    category: Annotated[
        str | None,
        typer.Option("--category", metavar="CATEGORY", help="Only these: UTILITY, MARKETING, ..."),
    ] = None,
    stand_in: Annotated[
        str | None,
        typer.Option("--map", metavar="OLD=NEW", help="While OLD is in panic, send NEW with its values."),
    ] = None,
    unmap: Annotated[
        str | None, typer.Option("--unmap", metavar="OLD", help="Remove the replacement of OLD.")
    ] = None,
    unpause: Annotated[
        str | None,
        typer.Option(
            "--unpause", metavar="NAME", help="Ask Meta to unpause NAME, which template pacing paused."
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="The reason, for the history.")
    ] = "set by an operator",
) -> None:
    """List message templates with Meta's status and quality; map a replacement, or unpause one."""
    cli: Cli = context.obj
    if sum(option is not None for option in (stand_in, unmap, unpause)) > 1:
        raise typer.BadParameter("use only one of --map, --unmap and --unpause")
    if stand_in:
        old, equals, new = stand_in.partition("=")
        if not (old and equals and new):
            raise typer.BadParameter(f"--map takes OLD=NEW, not {stand_in!r}")
        fields = {"template": old.strip(), "replacement": new.strip(), "reason": reason}
        cli.show("whatsapp.map_template", cli.client.change("whatsapp.map_template", **fields), draw_map)
    elif unmap:
        fields = {"template": unmap.strip(), "reason": reason}
        cli.show("whatsapp.unmap_template", cli.client.change("whatsapp.unmap_template", **fields), draw_map)
    elif unpause:
        fields = {"template": unpause.strip(), "reason": reason}
        done = cli.client.change("whatsapp.unpause_template", **fields)
        cli.show("whatsapp.unpause_template", done, draw_unpause)
    else:
        given = {"name": name, "status": status, "category": category}
        wanted = {key: value for key, value in given.items() if value}
        cli.show("whatsapp.templates", cli.client.call("whatsapp.templates", **wanted), draw_templates)


def draw_templates(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per template and language."""
    rows = result["templates"]
    if not rows:
        yield render.text("No template matches.", "yellow")
        return
    yield render.table(
        ("template", "language", "category", "status", "quality", "sends", "failed", "values", "here"),
        [
            (
                row["name"],
                row["language"],
                row["category"],
                row["status"],
                row["quality"] or "-",
                row["sends"],
                "-" if row["failure_share"] is None else f"{100 * row['failure_share']:.0f} %",
                sum(row["parameters"].values()),
                _here(row),
            )
            for row in rows
        ],
        right=("sends", "failed", "values"),
    )
    for row in rows:
        if row["reason"]:
            meaning = f": {row['meaning']}" if row["meaning"] else ""
            yield render.warn(f"{row['name']} ({row['language']}) {row['status']}: {row['reason']}{meaning}")
    yield render.text(f"Sends and failures of this stack: last {result['hours']:g} hours.", "dim")


def draw_unpause(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What Meta sends again."""
    yield render.text(f"Meta sends {result['template']} again ({', '.join(result['unpaused'])}).", "green")
    for warning in result["warnings"]:
        yield render.warn(warning)


def _here(row: Mapping[str, Any]) -> str:
    parts = ["in panic"] if row["panic"] else []
    if row["replacement"]:
        parts.append(f"{'replaced by' if row['panic'] else 'replacement'} {row['replacement']}")
    return ", ".join(parts) or "-"


def draw_map(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What stands in for what now."""
    if result["replacement"]:
        yield render.text(
            f"While {result['template']} is in panic, Lifeline sends {result['replacement']}.", "green"
        )
    else:
        yield render.text(f"{result['template']} has no replacement any more (before: {result['before']}).")
    for warning in result["warnings"]:
        yield render.warn(warning)
