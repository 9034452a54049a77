"""``lifeline person``: one person's data, shown or erased."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.operator_actions import OPERATOR_ACTIONS

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

_KEPT: Final = ("reason", "sure")
"""Of a request, for the numbers that it leads to."""

app = typer.Typer(no_args_is_help=True, help="Show or erase what is kept of one person.")

Who = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER|USER_ID",
        help="Their phone number, or a user id (yours, or Meta's).",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the history, without the number.")]
AsUserId = Annotated[bool, typer.Option("--user-id", help="A user id, although it looks like a number.")]
Deep = Annotated[
    bool, typer.Option("--deep", help="Read the whole ledger too: after a change of the person key.")
]


@app.command()
def export(
    context: typer.Context,
    who: Who,
    reason: Reason,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write JSON there, readable by you alone.")
    ] = None,
    as_user_id: AsUserId = False,
    deep: Deep = False,
) -> None:
    """Show all that is kept of a person, as JSON. Who asked goes into the history."""
    cli: Cli = context.obj
    data: list[Any] = []
    request = _request(who, reason, as_user_id, deep)
    answer = _all(cli, "person.export", request, lambda part: data.extend(part["found"]))
    result = {"found": data, "waiting": answer["waiting"]}
    if file is not None:
        _write(file, json.dumps(result, ensure_ascii=False, indent=2) + "\n")
        result = {"found": [], "waiting": answer["waiting"], "file": str(file), "count": len(data)}
    cli.show("person.export", result, draw_export)


@app.command()
def erase(
    context: typer.Context,
    who: Who,
    reason: Reason,
    as_user_id: AsUserId = False,
    deep: Deep = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase what is kept of a person; open messages are cancelled. Cut off, it goes on when repeated."""
    cli: Cli = context.obj
    render.confirm("Erase all that is kept of this person?", yes, OPERATOR_ACTIONS["person.erase"].danger)
    removed: Counter[str] = Counter()
    busy: list[int] = []

    def add(part: Mapping[str, Any]) -> None:
        removed.update(part["removed"])
        busy.append(part["busy"])

    answer = _all(cli, "person.erase", {**_request(who, reason, as_user_id, deep), "sure": True}, add)
    result = {**answer, "removed": dict(removed), "busy": max(busy)}
    cli.show("person.erase", result, draw_erase)
    if result["busy"]:
        raise CliError(
            "busy",
            f"{result['busy']} of their messages were being sent at this moment and are still there",
            "Repeat the command in two minutes.",
            shown=True,
        )


def _request(who: str, reason: str, as_user_id: bool, deep: bool) -> dict[str, Any]:
    chosen = {"as_user_id": as_user_id, "deep": deep}
    return {"who": who, "reason": reason, **{name: True for name, value in chosen.items() if value}}


def _all(
    cli: Cli, action: str, request: Mapping[str, Any], take: Callable[[Mapping[str, Any]], object]
) -> dict[str, Any]:
    """Ask until there is nothing left to look at, then for each number that a user id was seen with."""
    numbers: dict[str, None] = {}
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("looking", total=None)
        waiting: list[Mapping[str, Any]] = [request]
        while True:
            asked = waiting.pop()
            answer = cli.client.change(action, **asked)
            take(answer)
            bar.update(task, advance=1)
            for number in answer["numbers"]:
                if number not in numbers:
                    numbers[number] = None
                    waiting.insert(0, {"who": number, **{n: v for n, v in request.items() if n in _KEPT}})
            if answer["next"]:
                waiting.append({**asked, **answer["next"]})
            if not waiting:
                return answer


def _write(file: Path, text: str) -> None:
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError("unwritable_file", f"{file} cannot be written: {error}") from error


def draw_export(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Each thing found, as JSON, or where it was written."""
    if "file" in result:
        yield render.text(f"{result['count']} things are in {result['file']}.")
    elif not result["found"]:
        yield render.text("Nothing is kept of this person.", "green")
    for item in result["found"]:
        yield render.text(item["where"], "bold")
        yield render.text(json.dumps(item["data"], ensure_ascii=False, indent=2))
    yield from _waiting(result)


def draw_erase(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was removed, and what stays elsewhere."""
    removed = {name: count for name, count in result["removed"].items() if count}
    if not removed:
        yield render.text("Nothing is kept of this person any more.", "green")
    for name, count in removed.items():
        yield render.text(f"  {name.replace('_', ' '):<15} {count}")
    yield from _waiting(result)
    for words in result["kept"]:
        yield render.text(f"Stays: {words}.")
    for warning in result["warnings"]:
        yield render.warn(warning)


def _waiting(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    if result["waiting"]:
        yield render.warn(
            f"{result['waiting']} messages wait on queues in which nobody can look: repeat once they were "
            "taken (lifeline queue status)"
        )
