"""``lifeline campaign ...``: send a file to many, slowly; look, pause, resume, cancel."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.ways import WAYS, joined

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli, Count, Watch
from lifeline_cli.values import instant_of, seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

PERSON: Final = ("user_id", *(way.field for way in WAYS), "time_zone", "bsuid")
_ANY_WAY: Final = joined([way.owned for way in WAYS], "or")
PARAMETER: Final = re.compile(r"parameter_([1-9][0-9]?)")
LINES_PER_CALL: Final = 100
NAMED: Final = 50
"""So many bad lines are named; the rest is counted."""

SHOWN: Final = 10
"""So many of the lines that repeat a number or user id are named."""


@dataclass(slots=True)
class Checked:
    """What the first pass over a file found."""

    total: int = 0
    """Lines."""
    reachable: int = 0
    """People with another way than WhatsApp."""
    values: int = 0
    """Values that each line gives the template's body."""
    bad: int = 0
    named: list[dict[str, Any]] = field(default_factory=list)
    """The first :data:`NAMED` bad lines, each with its fault."""
    repeats: int = 0
    """Lines whose number or user id an earlier line has, in the same spelling but for blanks and signs."""
    repeating: list[int] = field(default_factory=list)
    """The first :data:`SHOWN` of them."""

    def warnings(self) -> list[str]:
        """What is no fault, and still worth a look."""
        if not self.repeats:
            return []
        lines = ", ".join(map(str, self.repeating)) + (", ..." if self.repeats > len(self.repeating) else "")
        return [f"lines to whom an earlier line goes: {self.repeats} ({lines}); each is sent"]


app = typer.Typer(no_args_is_help=True, help="Send to many, slowly; look, pause, resume, cancel.")
Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its name.", show_default=False)]
Reason = Annotated[str, typer.Argument(help="Why; it goes into the history.")]


@app.command()
def send(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=f"CSV with a header: to or bsuid, and where wanted {', '.join(PERSON)}, text, "
            "parameter_1, parameter_2, ...",
        ),
    ],
    template: Annotated[str, typer.Option("--template", metavar="NAME", help="An approved template.")],
    over: Annotated[str, typer.Option("--over", metavar="SPAN", help="Spread over this: 30m, 2h, 1d.")],
    start: Annotated[
        str, typer.Option("--start", metavar="TIME", help="Not before: 2026-03-01T09:00:00Z, or 18:30 (UTC).")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="The template's language.")] = "en_US",
    category: Annotated[str, typer.Option("--category", help="A label for reports.")] = "promotion",
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="Nobody gets it later than this.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="The campaign's name; else made of the file's name and content.")
    ] = "",
) -> None:
    """Check every line first; with one bad line nothing is sent. The same file again is sent once."""
    cli: Cli = context.obj
    span = seconds_of(over, "--over")
    start_at, expires_at = instant_of(start) if start else "", instant_of(expires) if expires else ""
    campaign = name or _name(file, template)
    common: dict[str, Any] = {
        "type": "template",
        "priority": "bulk",
        "category": category,
        "campaign": campaign,
        **({"expires_at": expires_at} if expires_at else {}),
    }

    def lines() -> Iterator[list[dict[str, Any]]]:
        return batches(read_lines(file, template, language, common))

    checked = _check(cli, lines())
    if checked.bad:
        raise _bad_lines(checked)
    if not checked.total:
        raise CliError("empty_file", f"{file} has a header and no line below it")
    fields: dict[str, Any] = {
        "campaign": campaign,
        "template": template,
        "language": language,
        "parameters": checked.values,
        "total": checked.total,
        "over_seconds": span,
        **({"start": start_at} if start_at else {}),
    }
    created = cli.client.change("campaign.create", **fields)
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("storing", total=checked.total)
        for index, batch in enumerate(lines()):
            messages = [item["message"] for item in batch]
            cli.client.change("campaign.add", campaign=campaign, chunk=index, messages=messages)
            bar.update(task, advance=len(batch))
    begun = cli.client.change("campaign.start", campaign=campaign)
    warnings = [*checked.warnings(), *created["warnings"], *begun["warnings"]]
    result = {**begun, "reachable": checked.reachable, "warnings": warnings}
    cli.show("campaign.send", result, draw_sent)


def _bad_lines(checked: Checked) -> CliError:
    shown = [f"line {item['line']:g}: {item['fault']}" for item in checked.named]
    more = f" and {checked.bad - len(shown)} more" if checked.bad > len(shown) else ""
    return CliError(
        "bad_lines",
        f"{checked.bad} bad lines, nothing was sent: " + "; ".join(shown) + more,
        "Correct them and send the file again.",
        action="campaign.check",
    )


def _check(cli: Cli, chunks: Iterable[list[dict[str, Any]]]) -> Checked:
    """The first pass. Of each line it keeps a number's hash, some 100 bytes."""
    checked = Checked()
    seen: set[int] = set()
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("checking", total=None)
        for batch in chunks:
            faults = [item for item in batch if "fault" in item]
            whole = [item for item in batch if "fault" not in item]
            if whole:
                answer = cli.client.call("campaign.check", lines=whole)
                checked.reachable += answer["reachable"]
                faults += answer["faults"]
            for item in batch:
                message = item["message"]
                whom = message.get("to") or message.get("recipient", {}).get("bsuid", "")
                number = hash("".join(sign for sign in whom if sign.isalnum()))
                checked.values = len(message["template"].get("parameters", ()))
                if number in seen:
                    checked.repeats += 1
                    checked.repeating += [item["line"]][: SHOWN - len(checked.repeating)]
                seen.add(number)
            checked.total += len(batch)
            checked.bad += len(faults)
            checked.named += sorted(faults, key=lambda item: item["line"])[: NAMED - len(checked.named)]
            bar.update(task, advance=len(batch))
    return checked


def _name(file: Path, template: str) -> str:
    digest = hashlib.sha256(template.encode())
    try:
        with file.open("rb") as source:
            while part := source.read(1 << 20):
                digest.update(part)
    except (OSError, ValueError) as error:
        raise CliError("unreadable_file", f"{file} cannot be read: {error}") from error
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem)[:64].strip("-") or "campaign"
    return f"{stem}-{digest.hexdigest()[:8]}"


def read_lines(
    file: Path, template: str, language: str, common: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One ``{"line", "message"}`` per line of the file, without keeping it; ``fault`` where the line itself
    is wrong. Raises :class:`CliError` where the file is."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            reader = csv.DictReader(source, skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or []]
            parameters = sorted(
                (int(match[1]), name) for name in header if (match := PARAMETER.fullmatch(name))
            )
            unknown = {*header} - {"to", "text", *PERSON, *(name for _, name in parameters)}
            gaps = [number for number, _ in parameters] != [*range(1, len(parameters) + 1)]
            if not {"to", "bsuid"} & {*header} or unknown or gaps or len(header) != len({*header}):
                raise CliError(
                    "bad_header",
                    f"{file}, line 1: the header is {','.join(header)[:120]!r}",
                    f"Wanted is to or bsuid; known are text, {', '.join(PERSON)}, parameter_1, ...",
                )
            reader.fieldnames = header
            for row in reader:
                values = {key: (row.get(key) or "").strip() for key in header}
                person = {key: values[key] for key in PERSON if values.get(key)}
                message: dict[str, Any] = {
                    "id": f"{common['campaign']}:{reader.line_num}",
                    "template": {"name": template, "language": language},
                    **common,
                }
                if values.get("to") or not person.get("bsuid"):
                    message["to"] = values.get("to", "")
                if parameters:
                    message["template"]["parameters"] = [values[key] for _, key in parameters]
                if values.get("text"):
                    message["text"] = values["text"]
                if person:
                    message["recipient"] = person
                fault = _fault(row)
                yield {"line": reader.line_num, "message": message, **({"fault": fault} if fault else {})}
    except (OSError, ValueError, csv.Error) as error:
        raise CliError(
            "unreadable_file", f"{file} cannot be read: {error}", "It must be a CSV file in UTF-8."
        ) from error


def _fault(row: Mapping[Any, Any]) -> str:
    """What is wrong with the line as such; empty if nothing is."""
    if None in row:
        return "has more fields than the header"
    if any(value is None for value in row.values()):
        return "has fewer fields than the header"
    return ""


def batches(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Lists of a hundred, so that a file of any length takes the same memory."""
    batch: list[dict[str, Any]] = []
    for item in items:
        batch.append(item)
        if len(batch) == LINES_PER_CALL:
            yield batch
            batch = []
    if batch:
        yield batch


def draw_sent(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What will happen, and how to follow it."""
    campaign = result["campaign"]
    yield render.text(
        f"Campaign {campaign['campaign']}: {campaign['total']} messages from "
        f"{render.moment(campaign['start'])} until {render.moment(campaign['ends'])}, {campaign['pace']:g}/s."
    )
    yield render.text(f"{result['reachable']} of {campaign['total']} people have {_ANY_WAY}.")
    for warning in result["warnings"]:
        yield render.warn(warning)
    yield render.text(f"Follow it: lifeline campaign status {campaign['campaign']} --watch 5", "dim")


@app.command()
def status(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Argument(metavar="CAMPAIGN", help="Only this one.")] = None,
    watch: Watch = None,
    count: Count = None,
) -> None:
    """How far each campaign is, and what became of its messages."""
    cli: Cli = context.obj
    fields = {"campaign": campaign} if campaign else {}
    cli.watch(
        "campaign.status", lambda: cli.client.call("campaign.status", **fields), draw_status, watch, count
    )


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per campaign with a bar."""
    if not result["campaigns"]:
        yield render.text("No campaign is known.")
        return
    counters = ("sent", "fallback", "failed", "expired", "cancelled", "suppressed")
    yield render.table(
        ("campaign", "state", "progress", "lines", "on the way", *counters, "ends"),
        [
            (
                item["campaign"],
                "done" if item["done"] and item["state"] != "cancelled" else item["state"],
                _bar(sum(item[name] for name in counters), item["total"]),
                item["total"],
                item["on_the_way"],
                *(item[name] for name in counters),
                render.moment(item["ends"]),
            )
            for item in result["campaigns"]
        ],
    )


def _bar(done: int, total: int) -> str:
    share = min(1.0, done / max(total, 1))
    full = int(share * 10)
    return f"{'#' * full}{'.' * (10 - full)} {share:4.0%}"


def _steer(context: typer.Context, action: str, campaign: str, reason: str) -> None:
    cli: Cli = context.obj
    result = cli.client.change(action, campaign=campaign, reason=reason)
    cli.show(action, result, draw_change)


def draw_change(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The state after the change."""
    campaign = result["campaign"]
    words = "is now" if result["changed"] else "is already"
    yield render.text(f"Campaign {campaign['campaign']} {words} {campaign['state']}.")


@app.command()
def pause(context: typer.Context, campaign: Name, reason: Reason = "paused by an operator") -> None:
    """Let nothing more leave, until it is resumed."""
    _steer(context, "campaign.pause", campaign, reason)


@app.command()
def resume(context: typer.Context, campaign: Name, reason: Reason = "resumed by an operator") -> None:
    """Go on; its end moves by the length of the pause."""
    _steer(context, "campaign.resume", campaign, reason)


@app.command()
def cancel(
    context: typer.Context,
    campaign: Name,
    reason: Reason = "cancelled by an operator",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop it for good, within a minute."""
    render.confirm(f"Campaign {campaign} cannot be taken up again. Go on?", yes)
    _steer(context, "campaign.cancel", campaign, reason)
