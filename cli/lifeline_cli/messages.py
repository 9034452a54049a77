"""``lifeline errors``, ``send``, ``message`` and ``contacts import``."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.actions.messages import OF_CONTACT
from lifeline.contract.instants import duration
from lifeline.contract.names import PRIORITIES, WHATSAPP_DLQ
from lifeline.contract.statuses import REACHED_OTHERWISE
from lifeline.contract.ways import WAYS, joined

from lifeline_cli import render
from lifeline_cli.errors import CliError, usage
from lifeline_cli.messages_content import (
    Caption,
    File,
    Filename,
    Kind,
    Link,
    MediumId,
    ReplyTo,
    content_of,
    filled,
    message_of,
)
from lifeline_cli.render import Cli, Count, Watch
from lifeline_cli.values import instant_of, person_of, seconds_of, sound

if TYPE_CHECKING:
    from rich.console import RenderableType

contacts = typer.Typer(no_args_is_help=True, help="Register addresses for fallbacks.")

ROWS_PER_CALL: Final = 100
GIVEN: Final = (*(way.field for way in WAYS), *OF_CONTACT)
COLUMNS: Final = ("user_id", *GIVEN)
POLL_SECONDS: Final = 0.5


# --- errors ----------------------------------------------------------------------------------------------


def errors(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: 15m, 2h, 1d.")] = "15m",
    watch: Watch = None,
    count: Count = None,
) -> None:
    """List failures by cause: how many, why, and what to do."""
    cli: Cli = context.obj
    seconds = max(60.0, seconds_of(since, "--since"))
    cli.watch(
        "errors.list",
        lambda: cli.client.call("errors.list", since_seconds=seconds),
        draw_errors,
        watch,
        count,
    )


def draw_errors(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per cause, then what to do about each."""
    span = f"since {render.moment(result['since'])}"
    elsewhere = result["elsewhere"]
    if not result["causes"] and not elsewhere:
        yield render.text(f"No failures {span}; {result['accepted']} messages accepted by Meta.", "green")
        return
    yield render.text(f"{result['failures']} failures and {result['accepted']} accepted messages {span}")
    if result["causes"]:
        yield _causes(result)
    for item in result["causes"]:
        yield render.text(f"{item['cause']}: {item['remedy']}")
    if elsewhere:
        yield render.text("Failures of other channels")
        yield render.table(
            ("channel", "cause", "code", "count", "last"),
            [
                (
                    item["channel"],
                    item["cause"] or "-",
                    item["code"] or "-",
                    item["count"],
                    render.clock_time(item["last_at"])[:5],
                )
                for item in elsewhere
            ],
            right=("count",),
        )
    for channel, remedy in dict.fromkeys((item["channel"], item["remedy"]) for item in elsewhere):
        yield render.text(f"{channel}: {remedy}")


def _causes(result: Mapping[str, Any]) -> RenderableType:
    return render.table(
        ("cause", "count", "codes", "last", "sample"),
        [
            (
                item["cause"],
                item["count"],
                ", ".join(_code(code) for code in item["codes"]),
                render.clock_time(item["last_at"])[:5],
                (item["sample"] or {}).get("details", "-"),
            )
            for item in result["causes"]
        ],
        right=("count",),
    )


def _code(code: Mapping[str, Any]) -> str:
    name = "no code" if code["code"] is None else str(code["code"])
    return f"{name} x{code['count']}" + ("" if code["known"] else " (unknown)")


# --- one message -----------------------------------------------------------------------------------------


def message(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="The message's id.", show_default=False)],
    cancel: Annotated[
        str, typer.Option("--cancel", metavar="WHY", help="Cancel it, if it is not sent yet.")
    ] = "",
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", help="Move it to this time, if it is not sent yet."),
    ] = "",
) -> None:
    """Show the status and history of one message; cancel it, or move it to another time."""
    cli: Cli = context.obj
    if cancel and at:
        raise usage("use --cancel or --at, not both")
    if cancel:
        done = cli.client.change("message.cancel", id=identity, reason=cancel)
        cli.show("message.cancel", done, draw_cancelled)
        return
    if at:
        done = cli.client.change("message.reschedule", id=identity, at=instant_of(at))
        cli.show(
            "message.reschedule",
            done,
            lambda result: [render.text(f"Message {identity} is sent at {render.moment(result['at'])}.")],
        )
        return
    shown = cli.client.call("message.show", id=identity)
    if not shown["found"]:
        raise _not_in_the_ledger(cli, identity)
    if not shown["final"] and shown["due_at"] is None and (letter := _dead_letter(cli, identity)):
        shown["waits_for"] = f"an operator: it is a dead letter ({letter['reason']}): {_redrive(identity)}"
    cli.show("message.show", shown, draw_message)


def _not_in_the_ledger(cli: Cli, identity: str) -> CliError:
    """Why a message is not in the ledger, as far as can be told."""
    letter = _dead_letter(cli, identity)
    if letter:
        return CliError(
            "dead_letter",
            f"message {identity!r} is in the dead-letter queue {WHATSAPP_DLQ} since "
            f"{render.moment(letter['since'])}, after {letter['receive_count']} attempts: {letter['reason']}",
            f"See the reason, fix it, then redrive or discard it: {_redrive(identity)}",
            action="message.show",
        )
    unsure = "" if letter is not None else f" Lifeline could not search {WHATSAPP_DLQ}."
    return CliError(
        "unknown_message",
        f"message {identity!r} is not in the ledger",
        "It is still in its queue (lifeline queue status), or its retention time is over." + unsure,
        action="message.show",
    )


def _dead_letter(cli: Cli, identity: str) -> Mapping[str, Any] | None:
    """The dead letter of a message; empty where there is none, ``None`` where that cannot be looked up."""
    try:
        letters = cli.client.call("queue.peek", queue=WHATSAPP_DLQ, id=identity)["sample"]
    except CliError:
        return None
    return letters[0] if letters else {}


def _redrive(identity: str) -> str:
    return f"lifeline queue redrive --queue {WHATSAPP_DLQ} --id {identity} --dry-run"


def draw_cancelled(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """That it is taken back, and what that cannot undo."""
    done = "is cancelled" if result["changed"] else "was already cancelled"
    yield render.text(f"Message {result['id']} {done}.")
    if result["in_doubt"]:
        yield render.warn("an earlier send is in doubt: it may have arrived anyway")


def draw_message(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The facts in one line each, then the trail."""
    if not result["found"]:
        yield render.text(f"{result['id']}: not in the ledger yet")
        return
    yield render.text(f"{result['id']}: {result['status']}", "bold")
    facts = {
        "to": result["to"],
        "kind": f"{result['type']}, {result['priority']}",
        "template": result["template"],
        "campaign": result["campaign"],
        "waits for": result["waits_for"],
        "reached": f"yes, {result['way']}" if result["reached"] else "",
        "failure": " ".join(str(part) for part in (result["cause"], result["code"]) if part is not None),
        "acts": f"{result['acts']} (sends since it last waited: {result['attempts']})"
        if result["acts"]
        else "",
        "in doubt": ", ".join(
            f"act {doubt['act']} ({doubt['way']}) since {render.moment(doubt['at'])}"
            for doubt in result["doubts"]
        ),
        "duplicates": duplicates(result["possible_duplicates"], len(result["duplicates"])),
        "fallback": result["tried"],
        "escalated": escalation(result),
        "recording": result["recording"] or (result["unspoken"] and f"none: {result['unspoken']}"),
        "incident": result["incident_id"],
        "wamid": result["wamid"],
    }
    for name, value in facts.items():
        if value:
            yield render.text(f"  {name:<11} {value}")
    if result["conflicts"]:
        yield render.warn(
            f"the same ID came with other content, times: {result['conflicts']}. The first content counts; "
            "the producer must use a new ID for each message"
        )
    if result["trail"]:
        yield render.table(
            ("when", "status", "note"),
            [(render.moment(step["at"]), step["status"], step["note"] or "-") for step in result["trail"]],
        )


def duplicates(possible: int, proven: int) -> str:
    """How often somebody may have been told once more than intended; empty where never."""
    return f"possible duplicates: {possible} (proven {proven})" if possible else ""


def escalation(result: Mapping[str, Any]) -> str:
    """That the fallback was taken since no device had the message in time; empty where it was not."""
    if not result["escalated"]:
        return ""
    both = f"; told as well: {result['also']}" if result["told_by_both"] else ""
    return f"no device had it in time{both}"


def send(
    context: typer.Context,
    to: Annotated[
        str, typer.Option("--to", metavar="NUMBER", help="Phone number, with its country code.")
    ] = "",
    bsuid: Annotated[
        str, typer.Option("--bsuid", metavar="ID", help="Meta's business-scoped user id, without a number.")
    ] = "",
    text: Annotated[
        str, typer.Option("--text", help="The text; with a template, the text of a fallback.")
    ] = "",
    template: Annotated[str, typer.Option("--template", metavar="NAME", help="An approved template.")] = "",
    language: Annotated[str, typer.Option("--language", help="The template's language.")] = "en_US",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", help="A value of the template; repeat it, in order."),
    ] = None,
    kind: Kind = "",
    link: Link = "",
    media_id: MediumId = "",
    caption: Caption = "",
    filename: Filename = "",
    reply_to: ReplyTo = "",
    file: File = "",
    priority: Annotated[str, typer.Option("--priority", help=", ".join(PRIORITIES) + ".")] = "",
    identity: Annotated[
        str, typer.Option("--id", help="Message ID; default: a new one. Each ID is delivered once.")
    ] = "",
    user: Annotated[
        str, typer.Option("--user", metavar="ID", help="User ID whose fallback addresses are looked up.")
    ] = "",
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="TIME", help="Expire at: 2026-03-01T09:00:00Z, or 18:30 (UTC)."),
    ] = "",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Send at this time, within a year.")] = "",
    wait: Annotated[
        str, typer.Option("--wait", metavar="SPAN", help="Follow it for at most this long.")
    ] = "60s",
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Follow it until it is settled.")
    ] = True,
) -> None:
    """Send one message and follow it until it is settled."""
    cli: Cli = context.obj
    if priority and priority not in PRIORITIES:
        raise usage(f"{priority!r} is not a priority", valid=PRIORITIES)
    medium = filled(id=media_id, link=link, caption=caption, filename=filename)
    if file and (kind or text or template or parameter or medium):
        raise usage("--message has the content; leave out --type, --text, --template and media options")
    body = message_of(file) or content_of(kind, text, template, language, parameter or [], medium)
    recipient = {**(body.get("recipient") or {}), **filled(user_id=user, bsuid=bsuid)}
    body |= filled(to=to, reply_to=reply_to, id=identity, recipient=recipient)
    if not (body.get("to") or recipient.get("bsuid")):
        raise usage("the message has no recipient", "Use --to NUMBER or --bsuid ID.")
    body["priority"] = priority or body.get("priority") or "normal"
    if expires:
        body["expires_at"] = instant_of(expires)
    if at:
        body["send_after"] = instant_of(at)
    limit = seconds_of(wait, "--wait")
    sent = cli.client.change("message.send", message=sound(body))
    if not follow:
        cli.show("message.send", sent, draw_sent)
        return
    _to_its_end(cli, sent, limit)


def _to_its_end(cli: Cli, sent: Mapping[str, Any], limit: float) -> None:
    """Follow a message that was sent. Raises :class:`CliError` where it was not taken or not delivered."""
    if not cli.as_json:
        for part in draw_sent(sent):
            render.out().print(part)
    shown = _follow(cli, sent["id"], limit)
    cli.show("message.show", shown, draw_message)
    if not shown["found"]:
        raise CliError(
            "not_taken",
            f"no worker took message {sent['id']} from its queue within {duration(limit)}",
            f"Check lifeline queue status, then lifeline message {sent['id']}.",
            shown=True,
        )
    if shown["status"] in ("FAILED", "REJECTED", "EXPIRED", "CANCELLED", "SUPPRESSED"):
        raise CliError("not_delivered", f"message {sent['id']} ended as {shown['status']}", shown=True)


def draw_sent(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Whether it was sent, and to which queue."""
    if result["known"]:
        yield render.warn(
            f"message {result['id']} was accepted before; each ID is delivered once, so nothing was sent"
        )
    else:
        yield render.text(f"Message {result['id']} to {result['to']} is on {result['queue']}.")


SETTLED: Final = (
    "DELIVERED",
    "READ",
    "FAILED",
    *REACHED_OTHERWISE,
    "PARKED",
    "EXPIRED",
    "REJECTED",
    "CANCELLED",
    "SUPPRESSED",
)


def _follow(cli: Cli, identity: str, limit: float) -> dict[str, Any]:
    """Ask until the message is settled or ``limit`` seconds have passed; each new status is told once."""
    until = time.monotonic() + limit
    seen = None
    while True:
        shown = cli.client.call("message.show", id=identity)
        if shown["status"] != seen and not cli.as_json:
            render.err().print(render.text(f"  {shown['status'] or 'waiting'}", "dim"))
        seen = shown["status"]
        if seen in SETTLED or time.monotonic() >= until:
            return shown
        time.sleep(POLL_SECONDS)


# --- contacts --------------------------------------------------------------------------------------------


@contacts.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=f"CSV with a header: {','.join(COLUMNS)}.")],
) -> None:
    """Register addresses for fallbacks: save the valid lines, list the invalid ones. Safe to repeat."""
    cli: Cli = context.obj
    rows = list(read_contacts(file))
    if not rows:
        raise CliError("empty_file", f"{file} has a header but no lines")
    saved, rejected = 0, [row for row in rows if "fault" in row]
    whole = [row for row in rows if "fault" not in row]
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("registering", total=len(whole))
        for start in range(0, len(whole), ROWS_PER_CALL):
            chunk = whole[start : start + ROWS_PER_CALL]
            answer = cli.client.change("contacts.import", contacts=chunk)
            saved += answer["saved"]
            rejected += answer["rejected"]
            bar.update(task, advance=len(chunk))
    result = {"saved": saved, "rejected": rejected}
    cli.show("contacts.import", result, draw_import)
    if rejected:
        raise CliError(
            "bad_lines",
            f"{len(rejected)} of {len(rows)} lines were not registered",
            "Correct them and import the file again.",
            shown=True,
        )


def read_contacts(file: Path) -> Iterator[dict[str, Any]]:
    """Rows with their line in the file; ``fault`` where the line itself is wrong. Other columns than ours
    are left out. Raises :class:`CliError` where the file is no such CSV."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            reader = csv.DictReader(source, skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or []]
            twice = any(header.count(name) > 1 for name in COLUMNS)
            if twice or "user_id" not in header or not set(GIVEN) & set(header):
                raise CliError(
                    "bad_header",
                    f"{file}, line 1: the header is {','.join(header)[:120]!r}",
                    f"It needs user_id and at least one of {joined(GIVEN, 'and')}, each once: "
                    + ",".join(COLUMNS),
                )
            reader.fieldnames = header
            for row in reader:
                if None in row:
                    # A comma too many shifts what follows it into another column.
                    yield {"line": reader.line_num, "fault": "has more fields than the header"}
                    continue
                values = {name: (row.get(name) or "").strip() for name in COLUMNS}
                given: dict[str, Any] = {name: value for name, value in values.items() if value}
                yield {"line": reader.line_num, **person_of(given)}
    except (OSError, ValueError, csv.Error) as error:
        raise CliError(
            "unreadable_file", f"cannot read {file}: {error}", "It must be a CSV file in UTF-8."
        ) from error


def draw_import(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """How many, and each bad line."""
    yield render.text(f"{result['saved']} contacts registered.")
    for item in result["rejected"]:
        yield render.warn(f"line {item['line']:g}: {item['fault']}")
