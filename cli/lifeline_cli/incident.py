"""``lifeline incident ...``: what happened, did the fallbacks work, what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from lifeline.contract.actors import short
from lifeline.contract.instants import exact_duration

from lifeline_cli import incident_parts as read
from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli
from lifeline_cli.values import seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="List incidents and report on them; each panic is one incident.")


@app.command("list")
def list_incidents(
    context: typer.Context,
    scope: Annotated[str | None, typer.Option("--scope", metavar="SCOPE", help="Only this scope.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: 24h, 30d.")] = "90d",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Maximum number of incidents.")] = 50,
) -> None:
    """List incidents, newest first: start, duration, cause, who ended them."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"since_seconds": seconds_of(since, "--since"), "limit": limit}
    fields |= {"scope": scope} if scope else {}
    cli.show("incident.list", cli.client.call("incident.list", **fields), draw_list)


def draw_list(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per incident."""
    if not result["incidents"]:
        yield render.text("No incidents in this period.", "green")
        return
    for row in result["incidents"]:
        ended = f", left by {short(row['closed_by'])}" if row["closed_by"] else ""
        flaps = f", flaps: {row['flaps']}" if row["flaps"] else ""
        yield render.line(
            render.text(row["incident_id"], "bold"),
            f"  {render.moment(row['opened_at'])}  ",
            render.state(row["state"]),
        )
        lasted = exact_duration(row["duration_seconds"])
        yield render.text(f"  {row['scope']}: {row['cause'].replace('_', ' ')} for {lasted}{flaps}")
        yield render.text(f"  opened by {short(row['opened_by'])}{ended}: {row['reason']}", "dim")
    yield render.text("Details: lifeline incident report ID")


@app.command()
def report(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(metavar="ID", help="The incident's ID; last for the newest.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report as Markdown.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as one HTML page."),
    ] = None,
) -> None:
    """Report on an incident, with the runbook's post-incident checklist filled in."""
    cli: Cli = context.obj
    document = cli.client.call("incident.report", incident_id=incident)
    if html is not None:
        _write(html, document)
    if cli.as_json:
        cli.show("incident.report", document, draw_report)
    elif markdown:
        from lifeline_cli.incident_markdown import markdown as as_markdown

        render.write(as_markdown(document).rstrip("\n"))
    elif html is not None:
        render.write(f"Report of incident {document['incident_id']} written to {html}")
    else:
        cli.show("incident.report", document, draw_report)


def _write(path: Path, document: Mapping[str, Any]) -> None:
    from lifeline_cli.incident_html import page

    try:
        path.write_text(render.writable(page(document)), encoding="utf-8")
    except OSError as error:
        raise CliError(
            "not_written",
            f"the report could not be written to {path}: {error.strerror or error}",
            "Give --html a file in a folder that exists and may be written to.",
        ) from error


def draw_report(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The report, in the order of the runbook's questions."""
    yield render.text(f"Incident {result['incident_id']}: {read.headline(result)}", "bold")
    needed = result["post_mortem"]["needed"]
    yield render.text(read.verdict(result), "bold red" if needed else "green")
    for words in read.warnings(result):
        yield render.warn(words)
    for part in read.parts(result):
        yield render.text("")
        yield render.text(part.title, "bold")
        yield render.table(part.columns, part.rows, part.right)
        if part.note:
            yield render.text(part.note, "dim")
    yield render.text("")
    yield render.text("Checklist of the runbook", "bold")
    for done, question, known in read.checklist(result):
        yield render.text(f"{'[x]' if done else '[ ]'} {question}", "green" if done else "yellow")
        yield render.text(f"    {known}")
