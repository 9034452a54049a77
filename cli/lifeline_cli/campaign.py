"""``lifeline campaign ...``: send a file to many, slowly; look, pause, resume, cancel."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.actions.messages import OF_CONTACT
from lifeline.contract.messages import ContractError, parse_message
from lifeline.contract.ways import WAYS, joined

from lifeline_cli import render
from lifeline_cli.client import checked
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli, Count, Watch
from lifeline_cli.values import instant_of, person_of, seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

PERSON: Final = ("user_id", *(way.field for way in WAYS), *OF_CONTACT)
_ANY_WAY: Final = joined([way.owned for way in WAYS], "or")
PARAMETER: Final = re.compile(r"parameter_([1-9][0-9]?)")
LINES_PER_CALL: Final = 100
NAMED: Final = 50
"""So many bad lines are named; the rest is counted."""

SHOWN: Final = 10
"""So many of the lines that repeat a number or user id are named."""


@dataclass(slots=True)
class Checked:
    """What is known of a file before it is sent."""

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

    def add(self, faults: Sequence[dict[str, Any]]) -> None:
        """Bad lines, in the order of the file."""
        self.bad += len(faults)
        self.named += sorted(faults, key=lambda item: item["line"])[: NAMED - len(self.named)]

    def warnings(self) -> list[str]:
        """What is no fault, and still worth a look."""
        if not self.repeats:
            return []
        lines = ", ".join(map(str, self.repeating)) + (", ..." if self.repeats > len(self.repeating) else "")
        return [f"lines that repeat an earlier recipient: {self.repeats} ({lines}); Lifeline sends each"]


app = typer.Typer(
    no_args_is_help=True, help="Send a template to many people at a set pace; follow, pause or cancel it."
)
Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's name.", show_default=False)]
Reason = Annotated[str, typer.Argument(help="The reason, for the history.")]


@app.command()
def send(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=f"CSV with a header: to or bsuid; optional: {', '.join(PERSON)}, text, "
            "parameter_1, parameter_2, ...",
        ),
    ],
    template: Annotated[str, typer.Option("--template", metavar="NAME", help="An approved template.")],
    over: Annotated[str, typer.Option("--over", metavar="SPAN", help="Spread the sends over: 30m, 2h, 1d.")],
    start: Annotated[
        str, typer.Option("--start", metavar="TIME", help="Start at: 2026-03-01T09:00:00Z, or 18:30 (UTC).")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="The template's language.")] = "en_US",
    category: Annotated[str, typer.Option("--category", help="A label for reports.")] = "promotion",
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="Deliver nothing after this time.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="The campaign's name; default: from the file's name and content.")
    ] = "",
) -> None:
    """Check every line, then send. One invalid line stops it; the same file is sent only once."""
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

    known = _check_here(lines())
    if known.bad:
        raise _bad_lines(known)
    if not known.total:
        raise CliError("empty_file", f"{file} has a header but no lines")
    fields: dict[str, Any] = {
        "campaign": campaign,
        "template": template,
        "language": language,
        "parameters": known.values,
        "total": known.total,
        "over_seconds": span,
        **({"start": start_at} if start_at else {}),
    }
    checked("campaign.create", **fields)
    _check(cli, lines(), known)
    if known.bad:
        raise _bad_lines(known)
    created = cli.client.change("campaign.create", **fields)
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("storing", total=known.total)
        for index, batch in enumerate(lines()):
            messages = [item["message"] for item in batch]
            cli.client.change("campaign.add", campaign=campaign, chunk=index, messages=messages)
            bar.update(task, advance=len(batch))
    begun = cli.client.change("campaign.start", campaign=campaign)
    warnings = [*known.warnings(), *created["warnings"], *begun["warnings"]]
    result = {**begun, "reachable": known.reachable, "warnings": warnings}
    cli.show("campaign.send", result, draw_sent)


def _bad_lines(checked: Checked) -> CliError:
    shown = [f"line {item['line']:g}: {item['fault']}" for item in checked.named]
    more = f" and {checked.bad - len(shown)} more" if checked.bad > len(shown) else ""
    return CliError(
        "bad_lines",
        f"{checked.bad} invalid lines, nothing was sent: " + "; ".join(shown) + more,
        "Correct them and run the command again.",
        action="campaign.check",
    )


def _check_here(chunks: Iterable[list[dict[str, Any]]]) -> Checked:
    """The first pass, without AWS. Of each line it keeps a number's hash, some 100 bytes."""
    known = Checked()
    seen: set[int] = set()
    for batch in chunks:
        for item in batch:
            message = item["message"]
            fault = item.get("fault") or _broken(message)
            if fault:
                known.add([{"line": item["line"], "fault": fault}])
            whom = message.get("to") or message.get("recipient", {}).get("bsuid", "")
            number = hash("".join(sign for sign in whom if sign.isalnum()))
            known.values = len(message["template"].get("parameters", ()))
            if number in seen:
                known.repeats += 1
                known.repeating += [item["line"]][: SHOWN - len(known.repeating)]
            seen.add(number)
        known.total += len(batch)
    return known


def _broken(message: Mapping[str, Any]) -> str:
    """How a line's message breaks the contract; empty where it does not."""
    try:
        parse_message(json.dumps(message, ensure_ascii=False))
    except ContractError as error:
        return "; ".join(error.reasons)
    return ""


def _check(cli: Cli, chunks: Iterable[list[dict[str, Any]]], known: Checked) -> None:
    """The second pass: numbering plan, time zones, and who has a fallback."""
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("checking", total=known.total)
        for batch in chunks:
            answer = cli.client.call("campaign.check", lines=batch)
            known.reachable += answer["reachable"]
            known.add(answer["faults"])
            bar.update(task, advance=len(batch))


def _name(file: Path, template: str) -> str:
    digest = hashlib.sha256(template.encode())
    try:
        with file.open("rb") as source:
            while part := source.read(1 << 20):
                digest.update(part)
    except (OSError, ValueError) as error:
        raise CliError("unreadable_file", f"cannot read {file}: {error}") from error
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
                    f"It needs to or bsuid; optional: text, {', '.join(PERSON)}, parameter_1, ...",
                )
            reader.fieldnames = header
            for row in reader:
                values = {key: (row.get(key) or "").strip() for key in header}
                person: dict[str, Any] = {key: values[key] for key in PERSON if values.get(key)}
                person = person_of(person)
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
            "unreadable_file", f"cannot read {file}: {error}", "It must be a CSV file in UTF-8."
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
    """Show the progress of campaigns and the outcomes of their messages."""
    cli: Cli = context.obj
    fields = {"campaign": campaign} if campaign else {}
    cli.watch(
        "campaign.status", lambda: cli.client.call("campaign.status", **fields), draw_status, watch, count
    )


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per campaign with a bar."""
    if not result["campaigns"]:
        yield render.text("No campaigns.")
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
    """Stop releasing messages until you resume the campaign."""
    _steer(context, "campaign.pause", campaign, reason)


@app.command()
def resume(context: typer.Context, campaign: Name, reason: Reason = "resumed by an operator") -> None:
    """Continue a paused campaign; its end moves by the length of the pause."""
    _steer(context, "campaign.resume", campaign, reason)


@app.command()
def cancel(
    context: typer.Context,
    campaign: Name,
    reason: Reason = "cancelled by an operator",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop a campaign for good, within a minute."""
    render.confirm(f"You cannot resume campaign {campaign} after this. Cancel it?", yes)
    _steer(context, "campaign.cancel", campaign, reason)
